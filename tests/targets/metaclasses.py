"""Metaclasses whose properties would lie, raise or leave a trace if anybody asked them."""
import abc
import enum
import sys

import oracle


class Liar(type):
    __name__ = property(lambda kind: "Lie")
    __module__ = property(lambda kind: 1 / 0)
    __hash__ = None

    def __eq__(kind, other):
        raise ValueError

    def __getattribute__(kind, name):
        raise ValueError


Honest = Liar("Honest", (), {"__module__": "truth"})
Sub = Liar("Sub", (Honest,), {})
Colour = enum.Enum("Colour", "RED GREEN")
Abstract = abc.ABCMeta("Abstract", (), {"__class__": property(lambda self: int)})
Deep = type("MetaMeta", (type,), {})("Meta", (type,), {})("Deep", (), {})
keep = [make() for make in (Honest, Sub, Abstract, Deep) for i in range(9)]
oracle.barrier(sys.argv[1])
