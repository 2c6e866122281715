"""Makes and drops objects of all kinds in threads that come and go, while the collector runs often, and beats.

argv[1]: the page of the heartbeat. What lives rises and falls; nothing is random.
"""
import asyncio
import collections
import functools
import gc
import json
import os
import sys
import threading
import weakref

import oracle


class Plain(object):
    pass


class Full(object):
    def __init__(self, x):
        self.x, self.me, self.list = x, self, [x]


class Slotted(object):
    __slots__ = ("a", "__weakref__")


class List(list):
    pass


class Dict(dict):
    pass


class Tuple(tuple):
    pass


class Int(int):
    pass


class Error(Exception):
    pass


class Finalized(Full):
    def __del__(self):
        self.x = None


class Phoenix(object):
    def __del__(self):
        nest.append(self)


class CyclicPhoenix(Full):
    def __del__(self):
        nest.append(self)


class Meta(type):
    pass


Point = collections.namedtuple("Point", "x y")
nest = collections.deque(maxlen=50)  # what is resurrected dies when it is pushed out


def generate(n):
    try:
        for i in range(n):
            yield [i]
    finally:
        Plain()


async def agenerate():
    yield Plain()
    yield Plain()


async def nap(n):
    mine = [Plain(), Slotted()]
    async for one in agenerate():
        await asyncio.sleep(0)
    return mine


async def naps():
    await asyncio.gather(*[nap(i) for i in range(5)])


def fail(depth, keep):
    if depth:
        return fail(depth - 1, keep)
    raise Error(keep)


@functools.lru_cache(maxsize=20)
def cached(i):
    return Full([i])


def chain(n):
    x = None
    for i in range(n):
        node = Plain()
        node.next = x
        x = node
    y = z = None
    for i in range(n):
        y, z = [y], (z, [])


def turn(i, pool):
    """One of each; the pool keeps the last so many."""
    half = generate(3)
    next(half)
    try:
        fail(i % 5, Plain())
    except Error as error:
        caught = error
    kept = weakref.ref(Full(i), lambda ref: Slotted())
    pool.append([
        Plain(), Full(i), Slotted(), List([Plain()]), Dict(a=Plain()), Tuple([i]), Int(i), Finalized(i), half, caught, kept,
        {i: [i]}, {i: i}, (i, [i]), (i,), {Plain()}, frozenset([Slotted()]), collections.deque([Plain()]),
        collections.OrderedDict(a=Plain()), collections.Counter("abc"), Point(i, [i]), lambda: i, lambda x=[i]: x, pool.append,
        functools.partial(turn, pool), type("Made", (Plain,), {})(), Meta("MadeToo", (), {"x": i}), sys._getframe(),
        os.stat("/"), json.loads('{"a": [1, {"b": []}], "c": {"d": null}}'), [x for x in ([i], [i])],
        sorted([[3], [1], [2]], key=lambda x: x[0]), dict(zip("ab", [Plain(), Plain()])), iter([i]), map(Plain, ()), cached(i % 30)])
    list(generate(2))
    Phoenix()
    CyclicPhoenix(i)
    if i % 25 == 0:
        chain(300)
    if i % 10 == 0:
        del pool[:100 if i % 100 == 0 else 8]


def work(number):
    pool = []
    for i in range(40):
        turn(i * (number + 1), pool)


def main():
    page = oracle.heartbeat(sys.argv[1])
    gc.set_threshold(70, 3, 3)
    loop = asyncio.new_event_loop()
    pool, i = [], 0
    while True:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(40):
            turn(i, pool)
            i += 1
        loop.run_until_complete(naps())
        for thread in threads:
            thread.join()
        if i % 400 == 0:
            gc.collect()
        oracle.beat(page)


main()
