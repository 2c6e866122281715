"""Garbage of the interpreter's own kinds, for garbage.py: cycles, finalizers, weak references, what is brought back. Every maker makes
what nothing refers to when it returns, TIMES of it; LIVE is what stays. Needs few modules."""
import types
import weakref

LIVE, RESURRECTED = [], []
TIMES = 20


class Node(object):
    def __init__(self, other=None):
        self.other = other if other is not None else self

    def method(self):
        return self


class Slots(object):
    __slots__ = "a", "b", "__weakref__"


# --- cycles ---

def plain_cycles():
    for _ in range(TIMES):
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
    for _ in range(TIMES):
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
    for _ in range(TIMES):
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
    for i in range(TIMES):
        kind = type("Dropped%d" % i, (Node,), {"one": [1], "method": lambda self: 1})
        kind.instance = kind()
        type("Sub%d" % i, (kind,), {"__slots__": ("a",)})
        meta = type("Meta%d" % i, (type,), {})
        made = meta("Made%d" % i, (), {})
        made.meta = meta


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
    for _ in range(TIMES):
        Finalized()
        loop = Finalized(Finalized())
        loop.other.other = loop
        slots = FinalizedSlots()
        slots.a = slots
        holder = []
        one = cleaned(holder)
        next(one)
        holder.append(one)
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
    for i in range(TIMES):
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
        resurrecting.append((id(self), "garbage_basic.Resurrects"))

    def __del__(self):
        RESURRECTED.append(self)


def resurrect(resurrecting):
    for _ in range(TIMES):
        one = Resurrects(resurrecting)
        one.leads[0].other = one
        points = Node()
        points.to = one          # points at what is resurrected: goes
        finalized = Finalized()
        one.finalized = finalized  # finalized, and stays
