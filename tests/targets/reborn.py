"""Replaces each of argv[2] objects by another at the same address, as far as the allocator gives it out again.

At argv[1].0 and argv[1].1 are their addresses before and after, one a line; it blocks until SIGUSR1.
"""
import sys

import oracle


class Slot(object):
    __slots__ = ("a",)


def told(step):
    oracle.write("%s.%d" % (sys.argv[1], step), "".join("0x%x\n" % id(one) for one in slots))
    oracle.FOR_SIGNAL[0](oracle.FOR_SIGNAL[1])


slots = [Slot() for _ in range(int(sys.argv[2]))]
told(0)
for i in range(len(slots)):
    slots[i] = None
    slots[i] = Slot()
told(1)
