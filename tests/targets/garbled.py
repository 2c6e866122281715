"""Objects whose memory says what no Python writes there: words of theirs, and of what they point at, are others.

argv[1]: the file for their addresses, one a line. Blocks then, and never touches one of them again; what it ends by is SIGKILL.
"""
import array
import collections
import ctypes
import functools
import gc
import random
import struct
import sys
import types
import weakref

import oracle

ROUNDS, HEADER = 40, 16
gc.disable()
random.seed(1)
kept = []


def generate():
    yield 1


def started():
    one = generate()
    next(one)
    return one


def function():
    pass


def proxy():
    kept.append(lambda: 0)
    return weakref.proxy(kept[-1])


MAKE = (
    lambda: collections.deque(range(200), 300), lambda: collections.defaultdict(list, {i: [i] for i in range(9)}),
    lambda: collections.OrderedDict((i, [i]) for i in range(9)), lambda: array.array("d", range(9)),
    lambda: array.array("u" if sys.version_info < (3, 13) else "w", "text"), lambda: functools.partial(print, 1, 2, end=3),
    lambda: compile("def f(): pass", "file", "exec"), started, lambda: range(10**20, 10**21, 7), lambda: slice([1], [2], [3]),
    lambda: property(function), lambda: types.MappingProxyType({1: 2}), lambda: types.SimpleNamespace(a=1, b=2),
    proxy, lambda: enumerate([1]), lambda: zip([1], [2]), lambda: map(len, [[1]]),
)


def garbage(address):
    return random.choice((0, 1, 8, 2**64 - 1, 2**63, 2**63 - 1, 2**46, 63, 64, 65, address, address + 8, address + 3, id(kept), id(len),
                          id(print), id("a"), 2**64 - 8, 4096, random.getrandbits(64), random.getrandbits(16)))


def write(address, value):
    ctypes.memmove(address, struct.pack("<Q", value & (2**64 - 1)), 8)


addresses = []
for make in MAKE:
    for number in range(ROUNDS):
        one = make()
        kept.append(one)
        size = type(one).__basicsize__ // 8 * 8
        inside = struct.unpack("<%dQ" % (size // 8), ctypes.string_at(id(one), size))
        addresses.append(id(one))
        if isinstance(one, collections.OrderedDict) and number % 2:  # a node
            node = inside[6]
            write(node + random.choice((0, 16)), random.choice((node, 0, id(one), id(len), 2**46)))
        elif isinstance(one, collections.deque) and number % 2:  # a block
            block = inside[3]
            write(block + 8 * random.randrange(66), garbage(block))
        for _ in range(random.randrange(1, 4)):
            at = HEADER + 8 * random.randrange(max(size // 8 - 2, 1))
            write(id(one) + at, garbage(id(one)))
        one = None
oracle.write(sys.argv[1], "".join("%#x\n" % address for address in addresses))
oracle.FOR_SIGNAL[0](oracle.FOR_SIGNAL[1])
