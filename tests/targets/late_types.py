"""Loads an extension module and makes classes while it is watched.

argv: PREFIX. At PREFIX.1 one Element and one Late live; each of the next two SIGUSR1s makes and drops 1000 of both.
"""
import sys

import oracle


def wait(step):
    oracle.write("%s.%d" % (sys.argv[1], step), "here")
    oracle.FOR_SIGNAL[0](oracle.FOR_SIGNAL[1])


def drop(make, n):
    for _ in range(n):
        make()


wait(0)
try:
    from _elementtree import TreeBuilder
except ImportError:
    sys.exit(77)
Late = type("Late", (list,), {})
kept = [TreeBuilder(), Late()]
wait(1)
for step in 2, 3:
    drop(TreeBuilder, 1000)
    drop(Late, 1000)
    wait(step)
