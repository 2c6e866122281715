"""Three barriers: before, with what will stay and what will go, and with others where that was. At barrier k argv[1].k has
{type: {id: number}} of the objects that are there, each of which knows its number; it blocks until SIGUSR1.
"""
import json
import random
import sys

import oracle

N = 500


class Request(object):
    def __init__(self, number):
        self.number = number
        self.answer = None


class Slotted(object):
    __slots__ = "number", "next"

    def __init__(self, number):
        self.number = number


class Named(object):
    def __init__(self, number):
        self.name = "request %d" % number
        self.number = number
        self.seen = 0


KINDS = (Request, Slotted, Named)
there = []


def tell(objects):
    ids = {kind.__name__: {} for kind in KINDS}
    for one in there:
        ids[type(one).__name__][hex(id(one))] = one.number
    return json.dumps(ids, sort_keys=True)


def make(first):
    """In no order: that one lies where another of its kind was is a matter of chance."""
    wanted = [(kind, first + number) for number in range(N) for kind in KINDS]
    random.Random(first).shuffle(wanted)
    there.extend(kind(number) for kind, number in wanted)


make(0)
oracle.barrier(sys.argv[1] + ".0", tell=tell)
make(10000)
oracle.barrier(sys.argv[1] + ".1", tell=tell)
there[:] = [one for one in there if one.number < 10000 or one.number % 2]  # no block of memory becomes free as a whole
make(20000)
for stayed in there:
    if isinstance(stayed, Named):
        stayed.seen = 1  # changed, and itself all the same
oracle.barrier(sys.argv[1] + ".2", tell=tell)
