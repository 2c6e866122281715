"""Objects of the interpreter itself, for references.py: containers, instances, functions, descriptors, iterators, weak references."""
import abc
import collections
import os
import sys
import time
import types
import weakref

from zoo_kept import KEPT, kept, run, since


class Plain(object):
    def method(self):
        pass


class Text(str):
    pass


class Slots(object):
    __slots__ = "a", "b"


class SlotsAndDict(object):
    __slots__ = "a", "__dict__"


class SlotsAndAll(Slots):
    __slots__ = "c", "__dict__", "__weakref__"


class Bare(object):
    __slots__ = ()


class Meta(type):
    def __call__(cls, *arguments):
        return super().__call__(*arguments)


class OfMeta(Plain, metaclass=Meta):
    inside = ["class attribute"]


class Sequence(object):
    def __getitem__(self, i):
        return [i]

    def __len__(self):
        return 3


# --- containers ---

@kept
def dicts():
    yield {}
    yield {"a": [1], "b": {2}}
    yield {Text("x"): [1], (1, 2): [2], 3.5: {}}
    yield {"mostly": [], "strings": [], 1: []}
    yield dict.fromkeys("abc", KEPT)
    for count in (1, 5, 6, 40, 170, 180):
        yield {"key%d" % i: [i] for i in range(count)}
    for key in (str, int):
        deleted = {key(i): [i] for i in range(40)}
        for i in range(0, 40, 3):
            del deleted[key(i)]
        yield deleted
        emptied = {key(i): [i] for i in range(9)}
        for i in range(9):
            del emptied[key(i)]
        yield emptied
        popped = {key(i): [i] for i in range(9)}
        popped.popitem()
        popped.clear()
        popped[key(1)] = popped
        yield popped
    yield {}.copy(), {"a": []}.copy()
    yield {"x": {"y": {"z": KEPT}}}


@kept
def huge_dict():
    huge = {i: i for i in range(70000)}  # indices of four bytes
    huge["list"] = huge
    return huge


@kept
def shared_dicts():
    for count in (1, 2, 5, 6, 29, 30, 31, 60):
        sharing = type("Sharing", (), {})
        several = [sharing() for _ in range(3)]
        for i in range(count):
            for one in several:
                setattr(one, "attribute%d" % i, [i])
        yield several[0]           # untouched
        yield several[1].__dict__  # the dict alone
        yield several[2], several[2].__dict__
        yield several[2].__dict__.copy()


@kept
def sequences():
    yield []
    yield [[]] * 3
    loop = []
    loop.append(loop)
    yield loop
    grown = [[i] for i in range(1000)]
    del grown[10:]
    yield grown
    yield (), ([],), (1, [2], "three"), tuple([i] for i in range(100))
    yield collections.namedtuple("Point", "x y")([1], {2: []})
    yield os.stat("/"), time.localtime(), sys.flags, sys.version_info, os.terminal_size(([1], {}))
    yield time.struct_time(([1], [2], [3], [4], [5], [6], [7], [8], [9], [10], [11]))
    yield os.stat_result([[i] for i in range(14)])


@kept
def sets():
    yield set(), {1, "two", (3,)}, {Plain(), Plain()}
    yield frozenset(), frozenset([Plain(), ("a", Plain())])
    emptied = {Plain() for _ in range(20)}
    emptied.clear()
    yield emptied
    for _ in range(6):
        emptied.add(Plain())
        emptied.pop()


@kept
def huge_set():
    huge = set(map(Text, range(3000)))
    for i in range(0, 3000, 7):
        huge.discard(Text(i))
    huge.add(Plain())
    return huge


@kept
def slices_and_views():
    yield slice([1], {2: 3}, (4, [5])), slice(None)
    base = bytearray(100)
    view = memoryview(base)
    yield view, view[1:50], view[::2], view.cast("B", [10, 10]), memoryview(b"abc").cast("c"), view[1:50][2:3]
    released = memoryview(bytearray(3))
    released.release()
    yield released
    yield types.MappingProxyType({"a": []}), Plain.__dict__, types.MappingProxyType(collections.ChainMap({1: []}))
    space = types.SimpleNamespace(a=[1], b={})
    space.self = space
    yield space, types.SimpleNamespace()
    yield range(10**30), range(3), 1j, 2.5, 10**100, bytearray(b"x"), b"y", "z"


# --- classes and instances ---

@kept
def classes():
    yield Plain, OfMeta, Meta, Slots, SlotsAndDict, SlotsAndAll, Bare
    body = {"__doc__": "text", "data": [1], "__slots__": ("s", "__weakref__")}
    yield type("Made", (Plain, collections.UserDict), {}), type("Body", (object,), body)
    yield type("Children", (OfMeta,), {"__init_subclass__": classmethod(lambda cls: None)})
    class Local(Plain):
        __qualname__ = Text("Local.text")
        def uses_class(self):
            return __class__
        @property
        def p(self):
            return KEPT
        @staticmethod
        def s():
            return Local
        @classmethod
        def c(cls):
            return Local
    yield Local
    broken = type("Broken", (), {})
    broken.itself, broken.name = broken, broken()
    yield broken
    base = type("Base", (), {})
    subclasses = [type("Sub%d" % i, (base,), {}) for i in range(5)]
    del subclasses[1:3]
    yield base, subclasses
    yield abc.ABCMeta("Abstract", (), {"m": abc.abstractmethod(lambda self: None)})
    Registered = abc.ABCMeta("Registered", (), {})
    Registered.register(Plain), Registered.register(int)
    yield Registered, issubclass(Plain, Registered), issubclass(list, Registered), issubclass(Slots, Registered)


@kept
def instances():
    yield Plain(), Bare(), object(), Slots(), SlotsAndDict(), SlotsAndAll(), OfMeta(), Sequence()
    one = Plain()
    one.a, one.b = [1], [2]
    yield one
    seen = Plain()
    seen.a = [1]
    seen.__dict__
    yield seen
    holds = Plain()
    holds.a = holds.__dict__
    yield holds
    replaced = Plain()
    replaced.a = []
    replaced.__dict__ = {"whole": [], Text("dict"): [2], 3: []}
    yield replaced
    swapped = Plain()
    swapped.__dict__ = Plain.__dict__.copy()
    yield swapped
    two = Plain(), Plain()
    two[0].__dict__ = two[1].__dict__
    two[1].of_both = []
    yield two
    many = Plain()
    for i in range(60):
        setattr(many, "attribute%d" % i, [i])
    yield many
    late = type("Late", (), {})()
    late.a, late.b, late.c = [1], [2], [3]
    del late.b
    yield late
    late = type("Late", (), {})()
    late.a = [1]
    del late.a
    yield late
    odd = Plain()
    odd.__dict__[5] = [5]
    odd.text = [6]
    yield odd
    gone = Plain()
    gone.a = [1]
    del gone.__dict__
    yield gone
    slots, some, both = Slots(), Slots(), SlotsAndAll()
    slots.a, slots.b, some.b = [1], {}, [2]
    both.a, both.c, both.d = [3], both, [4]
    yield slots, some, both
    mixed = SlotsAndDict()
    mixed.a, mixed.other = [1], [2]
    yield mixed
    other = Plain()
    other.a = [1]
    other.__class__ = OfMeta
    yield other
    yield weakref.ref(other), weakref.ref(both)


BASES = (
    (int, (5,)), (int, (2**90,)), (float, (2.5,)), (complex, (1j,)), (str, ("text",)), (bytes, (b"raw",)), (bytearray, (b"array",)),
    (tuple, (([1], [2]),)), (list, ([[3], [4]],)), (dict, ({5: [6], "seven": []},)), (set, ([7, "eight"],)),
    (frozenset, ([9],)), (Exception, ([10],)), (OSError, (2, ["no"], "file")), (type, ("Made", (), {})),
    (types.ModuleType, ("module",)), (property, (len, None, None, "doc")), (collections.deque, ([[1], [2]],)),
    (collections.OrderedDict, ([(1, [2])],)), (collections.defaultdict, (list, {1: [2]})), (staticmethod, (len,)),
    (classmethod, (len,)), (enumerate, ([[1]],)), (zip, ([[1]], [[2]])), (map, (len, [[1]])), (filter, (None, [[1]])),
    (reversed, ([[1]],)), (super, (Plain,)), (types.SimpleNamespace, ()), (object, ()), (weakref.ref, (Plain,)),
)


@kept
def subclasses():
    for base, arguments in BASES:
        for body in ({}, {"__slots__": ()}, {"__slots__": ("s", "t")}, {"__slots__": ("s", "__dict__")}):
            try:
                kind = type("Sub" + base.__name__, (base,), dict(body))
            except TypeError:  # slots of what has a variable size
                continue
            one = kind(*arguments)
            for name in ("s", "attribute", "more"):
                try:
                    setattr(one, name, [name, one])
                except AttributeError:
                    pass
            yield one
            yield type("SubSub", (kind,), {})(*arguments)


@since(3, 12)
def generic_class():
    yield run("""
class Generic[T, *Ts, **P]:
    def method[U: (int, str)](self, one: U) -> T: return one
made = Generic[int, str, [int]]
""")


@since(3, 12)
def type_parameters():
    yield run("""
def function[T: list](x: T) -> T: return x
type Alias[T] = dict[str, T]
type Lazy = list[Lazy]
filled, lazy = Alias.__value__, Alias[int]
""")


@kept
def enums_and_abstract():
    import enum
    colour = enum.Enum("Colour", "RED GREEN")
    class Bits(enum.IntFlag):
        A = 1
        B = 2
    class Texts(str, enum.Enum):
        X = "x"
    yield colour, colour.RED, Bits, Bits.A | Bits.B, Texts.X


# --- functions, code, descriptors ---

def closure(a, b=[1], *args, c={2: 3}, **kwargs) -> [4]:
    def inner(x: "x" = [5]) -> a:
        nonlocal b
        b = x
        return a, b, kwargs
    return inner


def unset():
    if False:
        later = 1
    return lambda: later


@kept
def functions():
    yield closure, closure([1]), closure([1], [2], [3], c=[4], d=[5]), lambda x=[6]: x, unset()
    described = closure(KEPT)
    described.attribute, described.__doc__ = [described], Text("doc")
    yield described
    changed = closure(1)
    changed.__defaults__, changed.__kwdefaults__ = ([1], [2]), {"x": [3]}
    changed.__annotations__ = {"x": [4]}
    changed.__name__, changed.__qualname__ = Text("name"), Text("qualname")
    changed.__module__ = [5]
    yield changed
    yield types.FunctionType(closure.__code__, {"own": "globals"}, "made", (1, [2]))
    yield types.FunctionType((lambda: 0).__code__, {"__builtins__": {"own": []}})
    yield closure.__code__, compile("x in {1, (2, frozenset((3, 4)))}; y = (1, (2, 'x'), b'z')\ndef f(): pass", "file", "exec")
    yield closure([1]).__closure__, unset().__closure__[0]
    if sys.version_info >= (3, 8):
        yield types.CellType(), types.CellType([1])
    def itself():
        return itself
    yield itself


@kept
def methods():
    one = Plain()
    yield one.method, types.MethodType(len, []), types.MethodType(one.method, one), OfMeta.mro
    yield [].append, {1: []}.get, len, dict.fromkeys, "".join, collections.deque([1]).append, sys.getrefcount, (1).__add__
    yield one.__init__, [].__len__, one.__eq__, object.__new__, Plain.__subclasshook__
    yield str.join, int.__add__, dict.__dict__["fromkeys"], types.FunctionType.__dict__["__code__"], Slots.a
    yield types.FunctionType.__dict__["__closure__"], Plain.__dict__["__dict__"], Plain.__dict__["__weakref__"]
    yield staticmethod(len), classmethod(one.method), property(one.method, len, [], "doc"), property()
    wrapped = staticmethod(closure)
    if sys.version_info >= (3, 10):
        wrapped.attribute = [1]
        wrapped_class = classmethod(closure)
        wrapped_class.attribute = [wrapped_class]
        yield wrapped_class
    yield wrapped
    yield super(OfMeta, OfMeta()), super(Plain, Plain), super(Plain)
    class Described(object):
        named = property(lambda self: self)
        other = named.setter(lambda self, value: None)
    yield Described
    module = types.ModuleType("made", "doc")
    module.attribute, module.itself = [1], module
    module.__getattr__ = lambda name: module
    yield module, types.ModuleType("empty"), sys, os, abc, sys.__dict__ and os.path


# --- iterators ---

@kept
def iterators():
    holders = ([[1], [2]], ([1], [2]), {"a": [1], "b": [2]}, {Plain(), Plain()}, frozenset([Plain(), 2]), "text", "\u20ac\u20ac", b"bytes",
               bytearray(b"array"), range(5), range(10**30), Sequence(), collections.deque([[1], [2]]), {"k": []}.keys(),
               {"k": []}.values(), {"k": []}.items(), collections.OrderedDict(a=[1], b=[2]), memoryview(b"view"))
    for holder in holders:
        for steps in (0, 1, 7):
            try:
                one = iter(holder)
            except TypeError:
                continue
            for _ in range(min(steps, 4) if holder.__class__ is Sequence else steps):
                next(one, None)
            yield one
        try:
            yield reversed(holder)
            one = reversed(holder)
            next(one)
            yield one
        except TypeError:
            pass
    mapping = {"k": [1], "l": [2]}
    views = mapping.keys(), mapping.values(), mapping.items()
    yield views, [iter(view) for view in views]
    if sys.version_info >= (3, 8):
        yield [reversed(view) for view in views]
    changed = {i: [i] for i in range(9)}
    view = iter(changed.items())
    next(view)
    changed[100] = [view]
    yield view
    ordered = collections.OrderedDict((i, [i]) for i in range(9))
    yield ordered.keys(), ordered.values(), ordered.items(), [iter(ordered.items()), iter(ordered.values()), reversed(ordered)]
    midway = iter(ordered.items())
    next(midway)
    yield midway
    yield enumerate([[1]]), enumerate([[1]], 2**70), zip([[1]], [[2]]), map(len, [[1]], [[2]]), filter(len, [[1]]), zip()
    yield iter(Plain, None), iter([].pop, [1]), iter(lambda: [1], [2])
    for one in (enumerate([[1], [2]]), zip([[1]], [[2]]), map(Plain.method, [[1]])):
        next(one)
        yield one
    yield iter(types.MappingProxyType({"a": []})), iter(os.scandir("/usr")), os.scandir("/usr"), list(os.scandir("/usr"))[:2]
    used = iter(Plain, 1)
    next(used)
    yield used


@kept
def weak_references():
    one, other, third = Plain(), Plain(), Plain()
    yield one, other
    yield weakref.ref(one), weakref.ref(one), weakref.ref(one, closure([1])), weakref.proxy(one), weakref.proxy(one, len)
    yield weakref.proxy(closure), weakref.ref(third, [].append)  # dies
    yield weakref.WeakMethod(one.method), weakref.finalize(other, closure, [1], key=[2])
    values, keys, members = weakref.WeakValueDictionary(a=one, b=other), weakref.WeakKeyDictionary(), weakref.WeakSet([one, other])
    keys[one], keys[other], keys[third] = [1], [2], [3]
    yield values, keys, members
    yield weakref.ref(set([1])), weakref.ref(closure), weakref.ref(Plain), weakref.ref(os)
    class Reference(weakref.ref):
        __slots__ = "key", "more"
    slotted = Reference(one, closure)
    slotted.key = [1]
    yield slotted


# --- versions ---

@since(3, 9)
def generic_aliases():
    alias = list[int]
    yield alias, dict[str, list[alias]], tuple[int, ...], type[Plain], list[[1]], alias.__parameters__, alias.__getitem__
    class Sub(types.GenericAlias):
        pass
    sub = Sub(list, (int,))
    yield sub, types.new_class("Of", (list[int],))
    if sys.version_info >= (3, 11):
        yield iter(alias), run("x = [*tuple[int, str]]"), list[int].__class__
    if sys.version_info >= (3, 10):
        yield int | None, list[int] | Plain, int | list[Plain] | str


@since(3, 10)
def lines_and_positions():
    yield closure.__code__.co_lines()
    if sys.version_info >= (3, 11):
        one = closure.__code__.co_positions()
        next(one)
        yield one
    if sys.version_info >= (3, 12):
        yield closure.__code__._varname_from_oparg


@since(3, 14)
def template_strings():
    yield run("""
x = [1]
one = t"a{x!r:>{x}}b{[2]}"
Interpolation = type(one.interpolations[0])
many, each, direct = one + t"{x}", iter(one), Interpolation([3], "e", None, "s")
next(each); parts = one.interpolations
""")


@since(3, 14)
def annotations():
    yield run("""
def annotated(a: undefined, *, b: list[undefined] = [1]) -> missing: pass
class Annotated:
    a: undefined
    b: int = 3
import annotationlib
refs = annotationlib.get_annotations(annotated, format=annotationlib.Format.FORWARDREF)
strings = annotationlib.get_annotations(Annotated, format=annotationlib.Format.STRING)
""")


@since(3, 15)
def things_of_315():
    import builtins
    if hasattr(builtins, "frozendict"):
        yield run("a = frozendict(x=[1], y=2); b = frozendict(); c = iter(a); d = a.items()\n"
                  "class Sub(frozendict): pass\ne = Sub(z=[3]); e.attribute = [4]")
    if hasattr(builtins, "sentinel"):
        yield run("a = sentinel('MISSING')")


@since(3, 15)
def lazy_imports():
    if hasattr(types, "LazyImportType"):
        yield run("lazy import this_is_not_imported\nlazy from colorsys import rgb_to_hls as later\nkeep = [1]")
