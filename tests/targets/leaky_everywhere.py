"""Leaks on one line for each kind of code, among busy ones that make and drop the same types.

argv: PAGE EXPECTED FOLDER fast|slow TURNS [KIND...]. A turn makes and drops each type on twenty lines; after so many
turns each leak happens once, and slow programs compute for a while. KINDs: only these leaks. EXPECTED says which line
leaks which type: {"leaks": {type: {"kind": ..., "frames": [[file, line, function]], innermost first}}}. Lines are found by
their mark in the source, and those that make classes of this file are compared with what a traceback says.
"""
import asyncio
import concurrent.futures
import functools
import json
import os
import sys
import time
import zipfile

import oracle

page = oracle.heartbeat(sys.argv[1])
here, seen = __file__, {}


def recorded(self):
    frame = sys._getframe(1)
    code = frame.f_code
    seen[type(self).__name__] = [code.co_filename, frame.f_lineno, getattr(code, "co_qualname", code.co_name)]


NAMES = ("Function Method Comprehension Decorated Generated Pooled Task Finalizer Callback Executed Zipped Lambda MultiLine "
         "Nested Loop")
KINDS = {name: type(name, (), {"__module__": "__main__", "__init__": recorded}) for name in NAMES.split()}
Slots = type("Slots", (), {"__module__": "__main__", "__slots__": ("x",)})
globals().update(KINDS)
kept = []
keep = kept.append


# --- twenty busy lines for a class, and for each builtin ---


def churn(make):
    make()
    make()
    make()
    make()
    make()
    x = make()
    x = make()
    x = make()
    x = make()
    x = make()
    y = [make(), 0]
    y = [make(), 1]
    y = [make(), 2]
    y = make(), 3
    y = make(), 4
    for _ in (1, 2):
        make()
    if x:
        make()
    while True:
        make()
        break
    try:
        make()
    finally:
        make()


def churn_builtins(i):
    x = [i]
    x = {"a": x}
    x = [i, i]
    x = {"a": [i]}
    x = lambda: 0
    x = generate(0)
    x = [[i], [i]]
    x = {"a": i, "b": [i]}
    x = [x]
    x = Slots()
    x = [Slots()]
    x = Slots()
    x = lambda: 1
    x = lambda: 2
    x = {i: {i: [i]}}
    x = generate(1)
    x = generate(2)
    x = generate(3)
    for y in generate(4):
        x = [y]
    x = {"a": lambda: 4}


# --- the leaks ---


def leak_in_function():
    keep(Function())  # LEAK Function


class Holder(object):
    def leak(self):
        x = 1
        keep(Method())  # LEAK Method


def leak_in_comprehension():
    kept.extend([
        Comprehension()  # LEAK Comprehension
        for _ in (1,)
    ])


def decorate(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        return function(*arguments)
    return wrapper


@decorate
@decorate
def leak_decorated(
    x=1,
):
    keep(Decorated())  # LEAK Decorated


def generate(n):
    yield n


def leak_generated():
    for i in (1, 2):
        if i == 2:
            one = Generated()  # LEAK Generated
            yield one


def leak_in_pool():
    keep(Pooled())  # LEAK Pooled


async def leak_in_task():
    await asyncio.sleep(0)
    keep(Task())  # LEAK Task


class Finalizing(object):
    def __del__(self):
        keep(Finalizer())  # LEAK Finalizer


def leak_in_key(x):
    keep(Callback())  # LEAK Callback
    return x


leak_in_lambda = lambda: keep(Lambda())  # LEAK Lambda


def leak_in_many_lines():
    keep(
        dict(
            a=1,
            b=(
                MultiLine(  # LEAK MultiLine
                )
            ),
            c=2,
        )["b"]
    )


def leak_nested():
    def inner():
        def innermost():
            if kept:

                keep(Nested())  # LEAK Nested
        innermost()
    inner()


def leak_in_loop():
    i = 0
    while i < 1:
        i += 1
        try:
            raise KeyError
        except KeyError:
            keep(Loop())  # LEAK Loop
        finally:
            i += 1


EXECUTED = """

def leak_executed():
    x = "made up"
    keep(Executed())  # LEAK Executed
"""
ZIPPED = """'''A module in a zip.'''


def leak(keep, make):
    if make:
        keep(make())  # LEAK Zipped
"""


def leak_list(i):
    keep([i])  # LEAK builtins.list


def leak_dict(i, something=[]):
    keep({"leaked": something})  # LEAK builtins.dict


def leak_slots():
    keep(Slots())  # LEAK Slots


def leak_function(i):
    keep(lambda: i)  # LEAK builtins.function


def generator_that_leaks(
    something,
):
    yield something


def leak_generator():
    keep(generator_that_leaks(1))  # LEAK builtins.generator


# --- the run ---


def load_zip(folder):
    path = os.path.join(folder, "leaks.zip")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("leak_in_zip.py", ZIPPED)
    sys.path.insert(0, path)
    import leak_in_zip
    return leak_in_zip.leak, leak_in_zip.__file__


def lines_of(text):
    for number, line in enumerate(text.splitlines(), 1):
        if "# LEAK " in line:
            yield line.split("# LEAK ")[1], number


def main():
    leak_executed_at = {}
    exec(compile(EXECUTED, "made up, not a file.py", "exec"), globals(), leak_executed_at)
    leak_executed = leak_executed_at["leak_executed"]
    leak_in_zip, zip_file = load_zip(sys.argv[3])
    leak_functions = {
        "builtins.list": "leak_list", "builtins.dict": "leak_dict", "Slots": "leak_slots",
        "builtins.function": "leak_function", "builtins.generator": "leak_generator"}
    holder, pool = Holder(), concurrent.futures.ThreadPoolExecutor(2)
    loop = asyncio.new_event_loop()

    leaks = {
        "Function": leak_in_function,
        "Method": holder.leak,
        "Comprehension": leak_in_comprehension,
        "Decorated": leak_decorated,
        "Generated": lambda: kept.extend(leak_generated()),
        "Pooled": lambda: pool.submit(leak_in_pool).result(),
        "Task": lambda: loop.run_until_complete(leak_in_task()),
        "Finalizer": Finalizing,
        "Callback": lambda: sorted((2, 1), key=lambda x: leak_in_key(x) if x == 1 else x),
        "Executed": leak_executed,
        "Zipped": lambda: leak_in_zip(keep, Zipped),
        "Lambda": leak_in_lambda,
        "MultiLine": leak_in_many_lines,
        "Nested": leak_nested,
        "Loop": leak_in_loop,
        "builtins.list": lambda: leak_list(1),
        "builtins.dict": lambda: leak_dict(1),
        "Slots": leak_slots,
        "builtins.function": lambda: leak_function(1),
        "builtins.generator": leak_generator,
    }
    for leak in leaks.values():
        leak()
    for make in KINDS.values():
        del make.__init__
    with open(here) as file:
        marks = {name: (here, number) for name, number in lines_of(file.read())}
    marks["Executed"] = ("made up, not a file.py", dict(lines_of(EXECUTED))["Executed"])
    marks["Zipped"] = (zip_file, dict(lines_of(ZIPPED))["Zipped"])
    expected = {}
    for name, leak in leaks.items():
        file, line = marks[name]
        if name in seen and seen[name][:2] != [file, line]:
            sys.exit("a traceback says %s for %s, the mark %s:%d" % (seen[name], name, file, line))
        if (name in seen) != (name in KINDS):
            sys.exit("%s does not leak" % name)
        function = seen[name][2] if name in seen else leak_functions[name]
        expected[name if "." in name else "__main__." + name] = {"kind": name, "frames": [[file, line, function]]}
    chosen = sys.argv[6:] or list(leaks)
    oracle.write(sys.argv[2], json.dumps({"leaks": {
        name: leak for name, leak in expected.items() if leak["kind"] in chosen}}, indent=1))

    makes = [KINDS[name] for name in chosen if name in KINDS]
    runs = [leaks[name] for name in chosen]
    slow, turns, numbers = sys.argv[4] == "slow", range(int(sys.argv[5])), range(10**4)
    while True:
        oracle.beat(page)
        for _ in turns:
            for make in makes:
                churn(make)
            if len(makes) < len(runs):
                churn_builtins(1)
        for leak in runs:
            leak()
        until = time.monotonic() + (0.4 if slow else 0)
        while time.monotonic() < until:
            sum(numbers)


main()
