"""Grows and shrinks between barriers: argv[1].0, argv[1].1, ... SIGUSR1 starts the next phase; then it exits."""
import sys

import oracle


class Leak(object):
    pass


class Cache(object):
    pass


class Steady(object):
    pass


leaks, caches = [], [Cache() for i in range(40)]
steady = [Steady() for i in range(25)]
for phase, (leak, cache) in enumerate([(0, 40), (30, 10), (5, 45), (0, 45), (100, 0), (7, 46)]):
    leaks += [Leak() for i in range(leak)]
    caches = [Cache() for i in range(cache)]
    steady.append({phase: [[phase, steady]]})
    oracle.barrier("%s.%d" % (sys.argv[1], phase))
