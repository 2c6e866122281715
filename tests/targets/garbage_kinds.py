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

LIVE, RESURRECTED = [], []


class Node(object):
    def __init__(self, other=None):
        self.other = other if other is not None else self

    def method(self):
        return self


class Slots(object):
    __slots__ = "a", "b", "__weakref__"


# --- cycles ---

def plain_cycles():
    for _ in range(20):
        loop = []
        loop.append(loop)
        mapping = {}
        mapping["itself"] = mapping
        Node()
        pair = Node(Node())
        pair.other.other = pair
        slots = Slots()
        slots.a, slots.b = slots, [slots, {1: slots}]
        inside = ([],)
        inside[0].append((1, inside))
        members = Node()
        members.other = {members}, frozenset([members]), (members,)
        seen = Node()
        seen.other = seen.__dict__
        bound = Node()
        bound.other = bound.method
        many = Node()
        for i in range(50):
            setattr(many, "a%d" % i, many)


def function_cycles():
    for _ in range(20):
        def closure(n=[1]):
            return closure, n

        def attributed():
            pass
        attributed.itself = attributed
        default = lambda x=[]: x
        default.__defaults__[0].append(default)
        own = types.FunctionType((lambda: 0).__code__, {})
        own.__globals__["own"] = own
        module = types.ModuleType("made")
        module.itself = module
        part = property(lambda self: part)
        part.fget.part = part
        static = staticmethod(closure)
        closure.static = static


def endless(*held):
    local = [held]
    while True:
        yield local


async def waiting(*held):
    local = [held]
    await Forever()
    return local


async def agen(*held):
    yield held
    await Forever()


class Forever(object):
    def __await__(self):
        yield self


def frame_cycles():
    for _ in range(20):
        holder = []
        one = endless(holder)
        next(one)
        holder.append(one)
        fresh = []
        fresh.append(endless(fresh))
        over = (x for x in holder)
        fresh.append(over)
        holder.append(over)
        node = Node()
        coroutine = waiting(node)
        coroutine.send(None)
        node.other = coroutine
        asynchronous = agen(node)
        node.agen = asynchronous
        inner = endless(node)
        next(inner)
        node.inner_frame = inner.gi_frame
        try:
            raise ValueError(node)
        except ValueError as error:
            node.error = error
        error_with_frame()


def error_with_frame():
    """The usual one: the frame holds the error that holds the frame."""
    try:
        deeper(3)
    except KeyError as caught:
        kept = caught
        context = ValueError(kept)
        context.__cause__, context.itself = kept, context


def deeper(n):
    local = Node()
    if n:
        deeper(n - 1)
    raise KeyError(local)


def classes():
    for i in range(20):
        kind = type("Dropped%d" % i, (Node,), {"one": [1], "method": lambda self: 1})
        kind.instance = kind()
        type("Sub%d" % i, (kind,), {"__slots__": ("a",)})
        meta = type("Meta%d" % i, (type,), {})
        made = meta("Made%d" % i, (), {})
        made.meta = meta


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


# --- finalizers, weak references ---

class Finalized(Node):
    def __del__(self):
        pass


class FinalizedSlots(Slots):
    __slots__ = ()

    def __del__(self):
        self.a = None


def cleaned(*held):
    try:
        yield held
    finally:
        held = None


def finalizers():
    for _ in range(20):
        Finalized()
        loop = Finalized(Finalized())
        loop.other.other = loop
        slots = FinalizedSlots()
        slots.a = slots
        holder = []
        one = cleaned(holder)
        next(one)
        holder.append(one)
        file = tempfile.TemporaryFile()
        file.itself = file
        text = io.TextIOWrapper(io.BytesIO())
        text.itself = text
        node = Node()
        weakref.finalize(node, len, [])
        node.part = weakref.finalize(node, len, ())
        class Local(object):
            def __del__(self):
                self.kind = Local
        Local().itself = Local


class Callback(object):
    """Alive, and called."""
    def __init__(self):
        self.calls = 0

    def __call__(self, reference):
        self.calls += 1


def weak_references():
    callback = Callback()
    LIVE.append(callback)
    values, keys, members = weakref.WeakValueDictionary(), weakref.WeakKeyDictionary(), weakref.WeakSet()
    LIVE.extend((values, keys, members))
    for i in range(20):
        node = Node()
        LIVE.append(weakref.ref(node, callback))     # alive, to garbage
        LIVE.append(weakref.ref(node))
        node.reference = weakref.ref(node, Callback())  # garbage, to garbage
        node.live = weakref.ref(callback, node.method)  # garbage, to what lives, with a callback that is garbage
        LIVE.append(weakref.proxy(node))
        values[i] = node
        keys[node] = [i]
        members.add(node)
        keyed = Node()
        own = weakref.WeakValueDictionary(a=keyed)
        keyed.own = own
        by_key = weakref.WeakKeyDictionary()
        by_key[keyed] = [keyed]  # its value holds its key: garbage only when the dictionary is
        keyed.by_key = by_key


class Resurrects(Node):
    def __init__(self, resurrecting):
        Node.__init__(self)
        self.leads = [Node(), {"to": [self]}]
        resurrecting.append((id(self), "garbage_kinds.Resurrects"))

    def __del__(self):
        RESURRECTED.append(self)


def resurrect(resurrecting):
    for _ in range(20):
        one = Resurrects(resurrecting)
        one.leads[0].other = one
        points = Node()
        points.to = one          # points at what is resurrected: goes
        finalized = Finalized()
        one.finalized = finalized  # finalized, and stays


# --- what C code makes ---

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
        finalizers()
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
