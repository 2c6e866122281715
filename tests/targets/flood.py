"""Makes and drops objects as fast as one core can, in loops of C code; beats. argv[1]: the page of the heartbeat."""
import collections
import itertools
import sys

import oracle


class Slotted(object):
    __slots__ = ("x",)


page = oracle.heartbeat(sys.argv[1])
while True:
    oracle.beat(page)
    collections.deque(map(list, itertools.repeat((), 500)), 0)
    collections.deque(map(Slotted.__new__, itertools.repeat(Slotted, 500)), 0)
    collections.deque(zip(itertools.repeat([], 500)), 0)
    list(map(list, itertools.repeat((), 500)))
