"""Grows and shrinks between barriers: argv[1].0, argv[1].1, ... SIGUSR1 starts the next phase; after the last it exits."""
import sys

import oracle


class Leak(object):
    pass


class Cache(object):
    pass


leaks, caches, others = [], [], []
for phase, (leak, cache) in enumerate([(0, 40), (30, 10), (5, 45), (0, 45), (100, 0), (7, 46)]):
    leaks += [Leak() for i in range(leak)]
    caches = [Cache() for i in range(cache)]
    others.append([{phase: [[others]]}, type("Phase%d" % phase, (), {})()])
    oracle.barrier("%s.%d" % (sys.argv[1], phase))
