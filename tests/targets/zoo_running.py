"""Generators, coroutines, frames, tracebacks and exceptions in every state, for references.py."""
import sys
import types

from zoo_builtin import Text, closure
from zoo_kept import kept, run, since


class Later(object):
    """An awaitable that is not a coroutine."""

    def __await__(self):
        yield self


def counts(argument, *more):
    local = [argument]
    for i in [[1], [2], [3]]:
        got = yield i, local
    return got


def on_stack():
    return [[1], {2: [3]}, (yield [4]), [5]]


def within():
    try:
        for x in counts([0]):
            for y in ([6], [7]):
                with Manager() as managed:
                    yield x, y, managed
    finally:
        y = None


class Manager(object):
    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False


def catches():
    try:
        raise KeyError([1])
    except KeyError as error:
        yield error
        yield [2]


def yields_from():
    yield from counts([8])
    yield from [[9]]


def closing():
    local = [1]
    inner = lambda: local
    yield inner
    del local
    yield inner


async def acounts():
    local = [1]
    try:
        for i in range(3):
            yield [i, local]
            await Later()
    finally:
        local.append(2)


async def waits(what):
    local = [what]
    async with AManager() as managed:
        return [await what, managed, local]


async def iterates():
    async for x in acounts():
        await Later()
    return [[y] async for y in acounts()]


class AManager(Manager):
    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        return False


@types.coroutine
def old_coroutine():
    yield [1]


def advanced(one, steps):
    for _ in range(steps):
        next(one, None) if hasattr(one, "gi_frame") else one.send(None)
    return one


@kept
def generators():
    for make in (lambda: counts([1], 2, [3]), on_stack, within, yields_from, catches, closing):
        for steps in range(5):
            yield advanced(make(), steps)
        one = advanced(make(), 1)
        yield one, one.gi_frame, one.gi_code
        yield advanced(make(), 2).gi_frame if make is not on_stack else None
        thrown = advanced(make(), 1)
        try:
            thrown.throw(ValueError([1]))
        except ValueError as error:
            yield error, thrown
    yield (x for x in [[1], [2]]), advanced((x for x in [[1], [2]] if x), 1)
    named = counts(1)
    named.__name__, named.__qualname__ = Text("n"), Text("q")
    yield named
    outer = [counts(1)]
    own = (x for x in outer)
    outer.append(own)
    yield own


@kept
def coroutines():
    for make in (lambda: waits(Later()), lambda: waits(old_coroutine()), lambda: waits(waits(Later())), iterates):
        for steps in (0, 1):
            one = advanced(make(), steps)
            yield one, make is not iterates and one.cr_await, one.cr_frame
        one = advanced(make(), 1)
        yield one.__await__()
        one = make().__await__()
        one.send(None)
        yield one
    finished = waits(old_coroutine())
    finished.send(None)
    try:
        finished.send(None)
    except StopIteration as stop:
        yield stop, finished
    yield old_coroutine(), advanced(old_coroutine(), 1)


@kept
def async_generators():
    fresh, started, waiting = acounts(), acounts(), acounts()
    yield fresh, fresh.ag_frame
    try:
        started.asend(None).send(None)
    except StopIteration as stop:
        yield stop
    yield started, started.ag_frame
    yield started.asend([1]), started.athrow(ValueError), started.aclose(), started.__anext__()
    try:
        waiting.asend(None).send(None)
    except StopIteration:
        pass
    pending = waiting.asend(None)
    yield pending.send(None), pending, waiting
    closing = acounts()
    try:
        closing.asend(None).send(None)
    except StopIteration:
        pass
    try:
        closing.asend(None).send(None)
        closer = closing.athrow(ValueError([1]))
        closer.send(None)
    except (StopIteration, ValueError, RuntimeError) as error:
        yield error, closing
    if sys.version_info >= (3, 10):
        yield anext(acounts(), [1]), anext(acounts(), [1]).__await__(), anext(acounts())


@kept
def running_things():
    def recurse(n):
        local = [n]
        cell = {}
        yield_frame = sys._getframe()
        if n:
            return recurse(n - 1)
        return yield_frame, lambda: cell
    yield recurse(3)
    def fails(n):
        local = {n: []}
        if n:
            return fails(n - 1)
        raise ValueError(local)
    try:
        fails(3)
    except ValueError as error:
        yield error, error.__traceback__, error.__traceback__.tb_next.tb_frame
    cleared = recurse(1)[0]
    cleared.clear()
    yield cleared
    traced = recurse(0)[0]
    traced.f_trace = lambda *a: [1]
    yield traced
    seen = recurse(0)[0]
    yield seen, seen.f_locals
    class Body(object):
        frame = sys._getframe()
        inside = [1]
    yield Body, Body.frame
    yield run("import sys\nframe = sys._getframe()\nlocal = [1]")
    if sys.version_info >= (3, 13):
        changed = recurse(0)[0]
        changed.f_locals["invented"] = [1]
        yield changed, iter(changed.f_locals)


@kept
def frames_of_suspended_code():
    one = advanced(within(), 1)
    frame = one.gi_frame
    frame.f_trace = closure
    frame.f_locals
    yield one, frame
    alone = advanced(within(), 1).gi_frame  # its generator is gone
    yield alone
    yield frame.f_back


@kept
def exceptions():
    yield Exception(), ValueError([1], "x"), KeyError([2]), StopIteration([3]), StopAsyncIteration([4]), SystemExit([5])
    yield OSError(2, "no such", "file", None, "file2"), OSError([1]), OSError(2, [3], [4]), BlockingIOError(11, "x", 5)
    yield SyntaxError("m", ("file", 1, 2, ["text"])), SyntaxError("m"), SyntaxError([1])
    yield ImportError([1], name=["n"], path={"p": 1}), ModuleNotFoundError("x")
    yield UnicodeDecodeError("utf-8", b"xyz", 0, 1, "bad"), UnicodeEncodeError("a", "b", 0, 1, "c"), UnicodeTranslateError("b", 0, 1, "c")
    with_attributes = ValueError([1])
    with_attributes.attribute, with_attributes.other = [2], with_attributes
    yield with_attributes
    if sys.version_info >= (3, 11):
        with_attributes.add_note("note")
    try:
        try:
            try:
                1 // 0
            except ZeroDivisionError:
                raise KeyError([1])
        except KeyError as error:
            raise ValueError([2]) from error
    except ValueError as error:
        yield error
    try:
        object.missing
    except AttributeError as error:
        yield error
    try:
        missing_name
    except NameError as error:
        yield error
    try:
        compile("x = (", "file", "exec")
    except SyntaxError as error:
        yield error
    try:
        b"\xff".decode()
    except UnicodeDecodeError as error:
        yield error
    yield Warning([1]), MemoryError([2]), RecursionError([3])


@since(3, 11)
def exception_groups():
    yield run("""
def f():
    try:
        try:
            raise ExceptionGroup("group", [ValueError([1]), KeyError([2]), ExceptionGroup("inner", [OSError(3, [4])])])
        except* ValueError as e:
            raise
        except* KeyError as e:
            raise TypeError([5])
    except BaseException as e:
        return e
e = f()
split = e.split(KeyError)
""")


@since(3, 13)
def frame_proxies():
    one = advanced(within(), 1)
    proxy = one.gi_frame.f_locals
    proxy["extra"] = [1]
    yield one, proxy, proxy.items(), iter(proxy)
