"""__slots__, with and without __dict__ and __weakref__, and subclasses of builtins with fields."""
import sys

import oracle


class Slots(object):
    __slots__ = ("a", "b")


class SlotsAndDict(Slots):
    pass


class WeakSlots(object):
    __slots__ = ("a", "__weakref__", "__dict__")


class TupleFields(tuple):
    __slots__ = ()


keep = [make() for make in (Slots, SlotsAndDict, WeakSlots, TupleFields) for i in range(321)]
for one in keep[:900]:
    one.a = keep
oracle.barrier(sys.argv[1])
