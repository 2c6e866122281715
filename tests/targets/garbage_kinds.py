"""The garbage of garbage.py, kind by kind. Every maker makes what nothing refers to when it returns; LIVE is what stays."""
import asyncio
import collections
import ctypes
import functools
import io
import itertools
import operator
import pickle
import re
import sqlite3
import sys
import tempfile
import threading
import types
import weakref
import xml.etree.ElementTree as ElementTree

from garbage_basic import (LIVE, Finalized, Node, classes, endless, finalizers, frame_cycles, function_cycles, plain_cycles,
                           resurrect, waiting, weak_references)


def chain():
    """100,000 in a row: marking them must not recurse."""
    first = last = Node()
    for _ in range(50000):
        last = Node(last)
    first.other = last
    head = tail = []
    for _ in range(50000):
        head = [head]
    tail.append(head)
    # A tail that a cycle leads to, and a live object in the middle of garbage.
    loop = Node()
    loop.leads = [[i, Node(LIVE)] for i in range(1000)]
    alive = [1]
    LIVE.append(alive)
    loop.alive = alive


# --- what C code makes ---

def files():
    for _ in range(20):
        file = tempfile.TemporaryFile()
        file.itself = file
        text = io.TextIOWrapper(io.BytesIO())
        text.itself = text


def event_loop():
    loop = asyncio.new_event_loop()

    async def both():
        for _ in range(10):
            one, other = loop.create_future(), loop.create_future()
            one.add_done_callback(functools.partial(len, other))
            other.add_done_callback(functools.partial(len, one))
            pure = asyncio.futures._PyFuture(loop=loop)
            pure.itself = pure
            holder = Node()
            holder.coroutine = waiting(holder)
            holder.handle = loop.call_later(10**6, holder.method)
            holder.handle.cancel()

    async def dropped(future):
        await future

    async def tasks():
        for _ in range(10):
            future = loop.create_future()
            task = asyncio.ensure_future(dropped(future))  # waits for a future that only it holds
            pure = asyncio.tasks._PyTask(dropped(loop.create_future()), loop=loop)
            task = pure = future = None
            await asyncio.sleep(0)
    loop.set_exception_handler(lambda *a: None)
    loop.run_until_complete(both())
    loop.run_until_complete(tasks())
    LIVE.append(loop)


def extensions():
    for _ in range(10):
        queue = collections.deque(range(100))
        queue.append(queue)
        ordered = collections.OrderedDict(a=1)
        ordered["itself"] = ordered
        default = collections.defaultdict(list)
        default.default_factory = default.get
        part = functools.partial(len, [])
        part.itself = part
        for size in (4, None):
            cached = functools.lru_cache(size)(lambda x: [x])
            cached.itself = cached
            cached(cached), cached(1)
        for make in (itertools.cycle, itertools.chain, lambda x: itertools.tee(x)[0], lambda x: itertools.islice(x, 5), enumerate, zip,
                     lambda x: map(len, x), lambda x: filter(None, x), lambda x: itertools.groupby(x), lambda x: itertools.repeat(x),
                     lambda x: itertools.accumulate(x), lambda x: itertools.zip_longest(x, x), lambda x: itertools.compress(x, x),
                     iter, reversed, operator.itemgetter, lambda x: operator.methodcaller("x", x), lambda x: slice(x),
                     lambda x: types.MappingProxyType({1: x}), lambda x: itertools.product([x], [x]), lambda x: super(Node, Node(x)),
                     lambda x: itertools.permutations([x, 1]), functools.cmp_to_key, lambda x: weakref.ref(Node, x.append)):
            holder = [Node]
            holder.append(make(holder))
        element, child = ElementTree.Element("a"), ElementTree.Element("b")
        element.append(child)
        child.append(element)
        builder = ElementTree.TreeBuilder(lambda *a: builder)
        parser = ElementTree.XMLParser(target=Node())
        parser.target.other = parser
        database = sqlite3.connect(":memory:")
        database.create_function("f", 1, lambda x: database)
        database.row_factory = lambda *a: database
        callback = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: callback)

        class Structure(ctypes.Structure):
            _fields_ = [("object", ctypes.py_object)]
        structure = Structure()
        structure.object = ctypes.py_object(structure)  # in its dict of objects, too
        class Bytes(bytearray):
            pass
        buffered = Bytes(5)
        buffered.view = memoryview(buffered)
        space = types.SimpleNamespace()
        space.itself = space
        class Pickler(pickle.Pickler):
            pass
        pickler = Pickler(io.BytesIO())
        pickler.itself = pickler
        local = threading.local()
        local.itself = local
        error = OSError(1, "x")
        error.itself = error
        scanner = re.Scanner([("a", lambda *a: scanner)])
        if sys.version_info >= (3, 7):
            import contextvars
            context = contextvars.Context()
            variable = contextvars.ContextVar("v")
            context.run(variable.set, context)
            import queue as queues
            simple = queues.SimpleQueue()
            simple.put(simple)
        if sys.version_info >= (3, 9):
            alias = types.GenericAlias(list, ([],))
            alias.__args__[0].append(alias)


def heavy():
    """Nothing here is garbage."""
    nodes = [Node(i) for i in range(20000)]
    for i in range(1, len(nodes)):
        nodes[i].previous = nodes[i - 1]
    LIVE.extend((nodes, {i: {i: [i]} for i in range(5000)}, [endless(i) for i in range(100)], collections.deque([[i] for i in range(500)])))
    if sys.version_info[:3] != (3, 13, 0):  # does not track such a dict, and finalizes what only it leads to
        loop = Finalized()
        LIVE.append(loop.__dict__)
        LIVE.append(weakref.ref(loop))
    loop = Finalized()
    LIVE.append(loop.method)
    generator = endless(LIVE)
    next(generator)
    LIVE.append(generator.gi_frame)  # holds the generator's frame, and from 3.11 on the frame the generator's state
    LIVE.append(generator)
    started = threading.Event()
    gate = threading.Lock()
    gate.acquire()
    threading.Thread(target=blocked, args=(started, gate), daemon=True).start()
    started.wait()
    cell = Node()
    LIVE.append(lambda: cell)
    LIVE.append(type("Kept", (Node,), {})())


def blocked(started, gate):
    only_here = Node()
    loop = [only_here]
    loop.append(loop)
    started.set()
    gate.acquire()
    return loop


def make(kind, resurrecting):
    if kind in ("cycles", "mixed"):
        plain_cycles(), function_cycles(), frame_cycles(), classes(), chain()
    if kind in ("finalizers", "mixed"):
        finalizers(), files()
    if kind in ("weakrefs", "mixed"):
        weak_references()
    if kind in ("resurrecting", "mixed"):
        resurrect(resurrecting)
    if kind in ("asyncio", "mixed"):
        event_loop()
    if kind in ("extensions", "mixed"):
        extensions()
    if kind in ("clean", "mixed"):
        heavy()
