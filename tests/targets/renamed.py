"""Classes whose __name__, __qualname__ or __module__ is not what the class statement said."""
import sys

import oracle


class Text(str):
    pass


def make(name, **changes):
    kind = type(name, (), {})
    for key, value in changes.items():
        setattr(kind, key, value)
    return kind


scope = {}  # has no __name__, so that the class gets no __module__
exec("kind = type('NoModule', (), {})", scope)
kinds = [
    scope["kind"], make("Before", __name__="After"), make("Qualified", __qualname__="Outer.Inner.Qualified"),
    make("Same", __module__="one"), make("Same", __module__="two"),
    make("Moved", __module__="a.b.c"), make("Empty", __module__=""), make("NoneModule", __module__=None),
    make("Number", __module__=42), make("List", __module__=[]), make("Object", __module__=object()),
    make("WithDots", __name__="with.dots"), make("NoName", __name__=""), make("NulModule", __module__="a\0b"),
    make("TextName", __name__=Text("TextName")), make("TextModule", __module__=Text("text.module")),
]
keep = [kind() for kind in kinds for i in range(5)]
oracle.barrier(sys.argv[1])
