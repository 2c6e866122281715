"""Generators not yet started, suspended and finished; coroutines and asynchronous generators; iterators of builtins."""
import sys

import oracle


def numbers():
    local = {}
    yield local
    yield [local]


async def coroutine():
    pass


async def produce():
    yield []


fresh = [numbers() for i in range(40)]
suspended = [numbers() for i in range(50)]
finished = [numbers() for i in range(60)]
held = [next(one) for one in suspended] + [list(one) for one in finished]
others = [make() for make in (coroutine, produce) for i in range(30)]
iterators = [iter(kind) for kind in ([1], {1: 2}, {1}, (1,), map(str, [1]), zip([1]), enumerate([1]))]
oracle.barrier(sys.argv[1])
