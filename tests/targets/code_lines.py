"""Blocks below many kinds of frames, after writing what traceback says of them: one line a frame, "file:line function",
the innermost first. All have run before (100 times, or as the second argument says), so that they are specialized."""
import functools
import os
import sys
import traceback

import oracle


def stack(frame):
    lines = []
    for number, (one, line) in enumerate(traceback.walk_stack(frame)):
        code = one.f_code
        name = getattr(code, "co_qualname", code.co_name)
        lines.append(oracle.text("%s:%d %s\n" % (code.co_filename, line or 0, name)))
    said = traceback.extract_stack(frame)[::-1]
    if [one.lineno for one in said] != [int(line.split(":")[1].split()[0]) for line in lines]:
        sys.exit("code_lines: traceback contradicts itself")
    return "".join(lines)


def write(path, text):
    with open(path + ".new", "wb") as file:
        file.write(text.encode("utf-8"))
    os.rename(path + ".new", path)


def stop():
    write(sys.argv[1], stack(sys._getframe())); oracle.FOR_SIGNAL[0](oracle.FOR_SIGNAL[1])


def link(function):
    LINKS.append(function)
    return function


LINKS = []


@link
def nested(then):
    here = 1

    def inner():

        def innermost():
            return then(), here
        return innermost()

    return inner()


class Things:
    attribute = 1

    def __init__(self, then=None):
        if then:
            then()
        self.then = then

    def method(self, *args):
        return self.prop

    @property
    def prop(self):
        return self.then() if self.then else None

    @classmethod
    def of_class(cls, then):
        return then()

    @staticmethod
    def of_none(then):

        return then()

    def __getattr__(self, name):
        return self.then()

    def __lt__(self, other):
        return self.then() or True

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.then()

    def __len__(self):
        return self.then() or 0


@link
def method(then):
    thing = Things()
    thing.then = then
    thing.method(1,
                 2)


@link
def init(then):
    return Things(then)


@link
def init_on_many_lines(then):
    return Things(
        then=

        then
    )


@link
def class_method(then): return Things.of_class(then)


@link
def static_method(then):
    return [
        0,
        Things.of_none(
            then,
        ),
        1,
    ]


@link
def attribute(then):
    thing = Things()
    thing.then = then
    return thing.no_such_attribute


@link
def comparison(then):
    thing = Things()
    thing.then = then
    return (thing
            <
            thing)


@link
def with_statement(then):
    thing = Things()
    thing.then = then
    with thing:
        pass
    return 1


@link
def length(then):
    thing = Things()
    thing.then = then
    return len(thing)


@link
def comprehensions(then):
    return [
        x
        for x in [1]
        if [then() for y in
            (2,)]
    ]


@link
def other_comprehensions(then):
    return {k: {then()
                for v in [1]} for k in [1]}


@link
def generator_expression(then):
    return any(then()
               for x in [1])


def numbers(then):
    yield 1
    yield (
        then())
    yield 2


def delegates(then):
    yield 0
    yield from numbers(then)


@link
def generators(then):
    for number in numbers(then):
        pass


@link
def generator_of_generator(then):
    return sum(1 for x in
               delegates(then))


async def awaited(then):
    return then()


async def awaits(then):
    await awaited(then)


@link
def coroutine(then):
    try:
        awaits(then).send(
            None)
    except StopIteration:
        pass


def decorator(function):
    @functools.wraps(function)
    def decorated(
            *args,
            **keywords):
        return function(
            *args,
            **keywords)
    return decorated


@link
@decorator
@decorator
def is_decorated(then):
    return then()


@link
def decorates(then):
    def other(function):
        then()
        return function

    @other
    @functools.wraps(
        then)
    def function():

        pass


link(lambda then: then())
link(lambda then:

     [then() for x in [1]])


@link
def many_lines(then):
    return dict(
        first=1,
        second=len("2"), third=then(

        ),
        fourth=(
            4
        ))


@link
def arguments_after(then):
    both = lambda *args: then()
    return both(
        1 +
        2,
        [3,
         4]
    )


@link
def backwards(then):
    for i in [1]:
        x = (lambda: then(
        ))()
        while x:
            pass
    return 1


@link
def key(then):
    return sorted(
        [1],
        key=lambda x:
        then() or 0
    )


@link
def partial(then):
    return list(map(functools.partial(lambda x, y: then(), 1),
                    [2]))


@link
def handler(then):
    try:
        try:
            raise ValueError
        except KeyError:
            pass
        finally:
            1
    except (
            ValueError):
        then()
    finally:
        2


@link
def in_finally(then):
    try:
        pass
    finally:
        for x in 1,:
            then()


class Dies:
    def __init__(self, then):
        self.then = then

    def __del__(self):
        self.then()


@link
def deleted(then):
    one = Dies(then)
    two = one
    del one

    del two


@link
def left(then):
    one = [Dies(then)]
    one = None
    return one


@link
def class_body(then):
    class Body:
        a = 1

        class Inside:

            b = then()


@link
def conditional(then): return then() if not then else [
    None, then(), None]


def run(name, text, entry=None):
    """A link from a source text of this file name."""
    space = {}
    exec(compile(text, name, "exec"), space)
    link(space[entry or "f"])


run("<generated>", "def f(then):\n\n  return then()")
run("/no/such/file.py", "\n" * 70000 + "def f(then):\n  then()\n")
run("ord\xe9al \u4e2d\u6587/\U0001f40d.py", "class \xdcber:\n def gr\xf6\xdfe(self, then):\n  then()\n"
    "\n\ndef \u0444(then):\n  return \xdcber().gr\xf6\xdfe(then)", "\u0444")
run("half\udc80.py", "def f(then): then()")
run("blank at the end .py ", "def f(then):\n return (lambda: (\n\n then()))()")

# Long, with jumps of more than a byte holds, on and back, and more code between than a byte holds.
LONG = "def f(then):\n x = 0\n" + " x += 1\n" * 400
run("long.py", LONG + " return then()")
run("on.py", LONG + " return (x" + "\n" * 3000 + " + (then() or 0))\n")
run("back.py", LONG + " return then(*(x" + "\n" * 3000 + " for x in [" + "\n" * 300 + "]))\n")
run("far_back.py", "def f(then):\n return then(*[" + "\n" * 140 + "1][1:], *" + "\n" * 140 + "[], **dict("
    + "\n" * 100000 + "))\n")
CALLS = ", ".join(["len('')"] * 1000)
run("wide.py", "def f(then):\n x = [" + CALLS + "]; y = then()\n return y\n")
run("wide_back.py", "def f(then):\n return then(*[\n\n" + CALLS + ",\n" + CALLS + "\n][:0])\n")
run("loop.py", "def f(then):\n for i in range(2):\n  if i:\n" + "   i += 1\n" * 500 + "   then()\n  else: i = 0\n")

@link
def module(then):
    exec(compile("\n\nthen()", "a module", "exec"), {"then": then})


@link
def evaluated(then):
    return eval("(\n then())", {"then": then})


def descend(links, last):
    if not links:
        return last()
    links[0](lambda: descend(links[1:], last))


for i in range(int((sys.argv + ["100"])[2])):
    descend(LINKS, lambda: None)
sys.setrecursionlimit(5000)
descend(LINKS, stop)
