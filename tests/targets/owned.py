"""Objects that are held from memory of C code alone: argv[1] gets them; argv[2]: "numpy", "greenlet" or "gevent"; argv[3]:
MB of other memory, if any. JSON: [{"what", "address", "holder": the
address of the object that holds it in such a way, "chain": what --chain says, a regular expression}]. Blocks until
SIGUSR1. Exit code 77 where the module is not there.
"""
import gc
import json
import sys

import oracle


class Held(object):
    pass


class NotInArrays(object):
    pass


class Owner(object):
    def __init__(self, owned):
        self.owned = owned


known, kept = [], []


def note(what, held, holder, chain):
    known.append({"what": what, "address": hex(id(held)), "holder": hex(id(holder)), "chain": chain})


def numpy():
    import numpy
    for size in 20, 3000, 300000:  # malloc's caches, its heap, a mapping of its own
        array = numpy.zeros(size, dtype=object)
        for number in range(0, size, 7):
            array[number] = Held()
        kept.append(array)
        last = (size - 1) // 7 * 7
        note("the last of %d" % size, array[last], array, r"__main__\.kept\[%d\]\.flat\[%d\]$" % (len(kept) - 1, last))
    # Ways that the collector does not see: it lets go of what holds nothing else.
    array = numpy.array([Held(), None], dtype=object)
    kept.append((1, array))
    note("an array in a tuple", array[0], array, r"__main__\.kept\[3\]\[1\]\.flat\[0\]$")
    array = numpy.array([Held(), None], dtype=object)
    kept.append(Owner({"array": array}))
    note("an array in a dict", array[0], array, r"__main__\.kept\[4\]\.owned\['array'\]\.flat\[0\]$")
    array = numpy.array([Held(), None], dtype=object)
    kept.append(Owner(array[:1]))
    note("an array that only a part of it holds", array[0], array, r"__main__\.kept\[5\]\.owned\.base\.flat\[0\]$")
    array = numpy.zeros((30, 40), dtype=object)
    array[29, 39] = Held()
    kept.append(array)
    note("the last of a table", array[29, 39], array, r"__main__\.kept\[6\]\.flat\[1199\]$")
    array = numpy.zeros(100000)
    array[7:] = numpy.arange(99993)
    kept.append([array, numpy.arange(0, 8 * 10**6, 8)])
    # Numbers that are the addresses of objects, and what is left in memory behind arrays of numbers.
    kept.append([NotInArrays() for _ in range(3)])
    kept.append([numpy.array([id(one) for one in kept[-1]] * 5)[:n].copy() for n in range(1, 16) for _ in range(100)])


def suspended(switch, here):
    in_caller = Held()
    note("a variable of a caller", in_caller, here, None)

    def generate():
        in_generator = Held()
        note("a variable of a generator under way", in_generator, here, None)
        in_function(switch, here)
        yield in_generator

    for _ in generate():
        pass
    return in_caller


def in_function(switch, here):
    in_innermost = Held()
    note("a variable of the innermost", in_innermost, here, None)
    switch()
    return in_innermost


NAMES = {"a variable of a caller": ("in_caller", "suspended"), "a variable of the innermost": ("in_innermost", "in_function"),
         "a variable of a generator under way": ("in_generator", "generate")}


def greenlet():
    from greenlet import getcurrent, greenlet as stack
    main = getcurrent()
    for number in range(300):
        del known[:]
        kept.append(stack(lambda: suspended(main.switch, getcurrent())))
        kept[-1].switch()
    for one in known:
        local, function = NAMES[one["what"]]
        one["chain"] = r"__main__\.kept\[299\]\.gr_frame(\.f_back)*\.f_locals\['%s'\]    waiting in (suspended\.<locals>\.)?%s\(\)" \
            r" at .*owned\.py:[0-9]+$" % (local, function)


def by_gevent():
    import gevent
    for number in range(100):
        del known[:]
        gevent.spawn(lambda: suspended(lambda: gevent.sleep(10**6), gevent.getcurrent()))
        gevent.sleep(0)
    for one in known:
        local, function = NAMES[one["what"]]
        one["chain"] = r"%s    waiting in (suspended\.<locals>\.)?%s\(\) at .*owned\.py:[0-9]+$" % (local, function)


try:
    {"numpy": numpy, "greenlet": greenlet, "gevent": by_gevent}[sys.argv[2]]()
except ImportError as error:
    print(error)
    sys.exit(77)
text, known = json.dumps(known), None
# What is written, but nothing of Python's: so that not all of the process is copied.
other = bytearray(b"x" * (int(sys.argv[3]) << 20)) if len(sys.argv) > 3 else None
gc.collect()
oracle.write(sys.argv[1], text)
oracle.FOR_SIGNAL[0](oracle.FOR_SIGNAL[1])
