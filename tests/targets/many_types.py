"""Between barriers: makes and drops an object of each of argv[2] classes; drops these classes and makes 100 others; makes
and drops ten objects of each of those. Writes argv[1].0 to argv[1].3, each followed by a wait for SIGUSR1."""
import gc
import sys

import oracle


def barrier(step):
    oracle.write("%s.%d" % (sys.argv[1], step), "here")
    oracle.FOR_SIGNAL[0](oracle.FOR_SIGNAL[1])


def make(name, n):
    return [type(name, (), {"__slots__": ("x",)}) for _ in range(n)]


kinds = make("Made", int(sys.argv[2]))
barrier(0)
for kind in kinds:
    kind()
barrier(1)
del kinds, kind
gc.collect()
kinds = make("Fresh", 100)
barrier(2)
for kind in kinds:
    for _ in range(10):
        kind()
barrier(3)
