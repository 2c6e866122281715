"""Damages its own object graph in the way that argv[2] names, as a hostile process may, and beats on."""
import ctypes
import gc
import mmap
import sys
import time

import oracle

gc.disable()
word, HEAD = ctypes.c_uint64, 16  # PyGC_Head of 3.8+


class Victim(object):
    pass


class Other(object):
    pass


def poke(address, value):
    word.from_address(address).value = value


def where(kind, wanted, size=1100):
    """The address of the field of a type object that holds this pointer."""
    for offset in range(16, size, 8):
        if word.from_address(id(kind) + offset).value == id(wanted):
            return id(kind) + offset
    sys.exit("no such field")


one, two = Victim(), Victim()
names = {"name": Victim.__name__, "module": Victim.__module__}
head = id(one) - HEAD
how = {
    "next is null": lambda: poke(head, 0),
    "next is unmapped": lambda: poke(head, 0x10000),
    "next is misaligned": lambda: poke(head, id(two) - HEAD + 5),
    "next is in the kernel": lambda: poke(head, 0xffffffff81000000),
    "next is itself": lambda: poke(head, head),
    "next skips back": lambda: poke(head, word.from_address(head + 8).value & ~3),
    "prev is wrong": lambda: poke(head + 8, 0x7f0000001000 | word.from_address(head + 8).value & 3),
    "a closed ring beside the list": lambda: (poke(head, id(two) - HEAD), poke(id(two) - HEAD, head),
                                              poke(head + 8, id(two) - HEAD), poke(id(two) - HEAD + 8, head)),
    "type is null": lambda: poke(id(one) + 8, 0),
    "type is unmapped": lambda: poke(id(one) + 8, 0x10000),
    "type is no type": lambda: poke(id(one) + 8, id(oracle)),
    "type is in the kernel": lambda: poke(id(one) + 8, 0xffffffff81000000),
    "tp_name is unmapped": lambda: [poke(id(kind) + 24, 0x10000) for kind in (Victim, type(oracle))],
    "name is unmapped": lambda: poke(where(Victim, Victim.__name__), 0x10000),
    "name is endless": lambda: poke(id(Victim.__name__) + 16, 2**62),
    "name is negative": lambda: poke(id(Victim.__name__) + 16, 2**64 - 1),
    "name is no string": lambda: poke(where(Victim, Victim.__name__), id(oracle)),
    "dict is unmapped": lambda: poke(where(Victim, dict_of(Victim)), 0x10000),
    "dict is no dict": lambda: poke(where(Victim, dict_of(Victim)), id(names["name"])),
    "keys are unmapped": lambda: poke(id(dict_of(Victim)) + 32, 0x10000),
    "keys are huge": lambda: ctypes.memset(word.from_address(id(dict_of(Victim)) + 32).value + 8, 63, 2),
    "keys say many entries": lambda: poke(word.from_address(id(dict_of(Victim)) + 32).value + 24, 2**40),
}


def dict_of(kind):
    return gc.get_referents(kind.__dict__)[0]


if sys.argv[2] == "list":
    print("\n".join(how))
    sys.exit()
page = oracle.heartbeat(sys.argv[1])
oracle.beat(page)
keep = [one, two, Other(), names, dict_of(Victim)]
how[sys.argv[2]]()
while True:
    oracle.beat(page)
    time.sleep(0.001)
