"""Objects of all kinds, and what the tool should say of each.

argv[1]: the file for a list of {"address", "type", "size", "refcount", "repr"}; a size of null: only its type's code could tell,
a refcount of null: immortal. It blocks then until SIGUSR1. The texts are made by `text` below, from what Python itself
says of the objects; the rules are those of user/describe.h. Python 3.6 to 3.15.
"""
import array
import collections
import functools
import gc
import io
import itertools
import math
import sys
import types
import weakref

import oracle

ELEMENTS, TEXT, DEPTH, NAME = 5, 60, 2, 256
HIDDEN = ((0x7f, 0xa0), (0xad, 0xad), (0x200b, 0x200f), (0x2028, 0x202e), (0x2060, 0x206f), (0xd800, 0xf8ff),
          (0xfeff, 0xfeff), (0xfff0, 0xffff), (0xe0000, 0x10ffff))
PLAIN = (type(None), type(NotImplemented), type(...), bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set,
         frozenset, types.FunctionType, types.MethodType, types.BuiltinFunctionType, types.ModuleType, types.CodeType,
         type((lambda x: lambda: x)(1).__closure__[0]), weakref.ref, types.GeneratorType, types.CoroutineType,
         types.AsyncGeneratorType, types.FrameType)
# Of the standard library's C modules.
LIBRARY = (collections.deque, collections.defaultdict, collections.OrderedDict, array.array, functools.partial)
WRAPPERS = (range, slice, property, types.MappingProxyType, types.SimpleNamespace, weakref.ProxyType,
            weakref.CallableProxyType, enumerate, zip, map)
PLAIN += LIBRARY + WRAPPERS
made_of = {}  # by id: what Python does not tell of these
WAITING = {types.GeneratorType: "gi", types.CoroutineType: "cr", types.AsyncGeneratorType: "ag"}
member_descriptor, base_exception = type(types.FunctionType.__closure__), BaseException


def type_name(kind):
    full = oracle.names(kind)[1]
    if len(full.encode()) > NAME + 3:
        full = full.encode()[:NAME].decode("utf-8", "ignore") + "..."
    return full[9:] if full.startswith("builtins.") else full


def quoted(string, prefix=""):
    quote = '"' if "'" in string and '"' not in string else "'"
    out = []
    for one in string:
        number = ord(one)
        if one in (quote, "\\"):
            out.append("\\" + one)
        elif one in "\n\r\t":
            out.append({"\n": "\\n", "\r": "\\r", "\t": "\\t"}[one])
        elif number < 32 or any(first <= number <= last for first, last in HIDDEN) or prefix and number > 126:
            out.append("\\x%02x" % number if number < 256 else "\\u%04x" % number if number < 65536 else "\\U%08x" % number)
        else:
            out.append(one)
    return prefix + quote + "".join(out) + quote


def string(one):
    return quoted(one[:TEXT]) + ("... (%d characters)" % len(one) if len(one) > TEXT else "")


def byte_string(one):
    return quoted(bytes(one[:TEXT]).decode("latin-1"), "b") + ("... (%d bytes)" % len(one) if len(one) > TEXT else "")


def decimal(one):
    if abs(one) >> 30 * 512:
        return "%s(an int of %d bits)" % ("-" if one < 0 else "", one.bit_length())
    digits = []
    rest = abs(one)
    while rest >= 10**1000:  # str() refuses long ones
        rest, last = divmod(rest, 10**1000)
        digits.append("%01000d" % last)
    digits = "".join([str(rest)] + digits[::-1])
    sign = "-" if one < 0 else ""
    if len(digits) > TEXT:
        return "%s%s...%s (%d digits)" % (sign, digits[:TEXT - 10], digits[-10:], len(digits))
    return sign + digits


def rest(shown, count):
    return "%s... of %d" % (", " if shown else "", count) if count > shown else ""


def elements(parts, count, path, one):
    """The first parts of a container, as text."""
    shown = min(count, ELEMENTS) if len(path) < DEPTH else 0
    texts = [": ".join(text(x, path + (one,)) for x in part) for part in itertools.islice(parts, shown)]
    return ", ".join(texts) + ("," if isinstance(one, tuple) and count == shown == 1 else "") + rest(shown, count)


def library(one, kind, path):
    inside = path + (one,)
    if kind is collections.deque:
        out = "deque([%s]" % elements(zip(kind.__iter__(one)), kind.__len__(one), path, one)
        most = kind.maxlen.__get__(one)
        return out + (")" if most is None else ", maxlen=%d)" % most)
    if kind is collections.defaultdict:
        factory = kind.default_factory.__get__(one)
        factory = "None" if factory is None else text(factory, inside) if len(path) <= DEPTH else "..."
        return "defaultdict(%s, %s)" % (factory, content(one, dict, path))
    if kind is collections.OrderedDict:
        count = dict.__len__(one)
        if not count:
            return "OrderedDict()"
        keys = list(itertools.islice(kind.__iter__(one), min(count, ELEMENTS) if len(path) < DEPTH else 0))
        form, pair = ("OrderedDict({%s%s})", "%s: %s") if sys.version_info >= (3, 12) else ("OrderedDict([%s%s])", "(%s, %s)")
        texts = [pair % (text(key, inside), text(dict.__getitem__(one, key), inside)) for key in keys]
        return form % (", ".join(texts), rest(len(keys), count))
    if kind is array.array:
        code = kind.typecode.__get__(one)
        if not kind.__len__(one):
            return "array('%s')" % code
        if code in ("u", "w"):
            return "array('%s', %s)" % (code, string(kind.tounicode(one)))
        return "array('%s', [%s])" % (code, elements(zip(kind.__iter__(one)), kind.__len__(one), path, one))
    function, arguments, keywords = (getattr(kind, name).__get__(one) for name in ("func", "args", "keywords"))
    count = len(arguments) + len(keywords)
    parts = ["%s" % text(x, inside) for x in arguments[:ELEMENTS]] if len(path) < DEPTH else []
    if len(path) < DEPTH:
        parts += ["%s=%s" % (name(key), text(x, inside)) for key, x in keywords.items()][:ELEMENTS - len(parts)]
    if count > len(parts):
        parts.append("... of %d" % count)
    return "functools.partial(%s)" % ", ".join([text(function, inside) if len(path) <= DEPTH else "..."] + parts)


def wrapper(one, kind, path):
    inside = path + (one,)
    held = lambda x: text(x, inside) if len(path) <= DEPTH else "..."
    if kind is range:
        return "range(%s, %s%s)" % (held(one.start), held(one.stop), ", " + held(one.step) if one.step != 1 else "")
    if kind is slice:
        return "slice(%s, %s, %s)" % (held(one.start), held(one.stop), held(one.step))
    if kind is property:
        getter = property.fget.__get__(one)
        if type(getter) is types.FunctionType:
            return "<property %s>" % ("%s %s" % (getter.__qualname__, place(getter.__code__)) if len(path) <= DEPTH else "...")
        return "<property %s>" % ("None" if getter is None else held(getter))
    if kind is types.MappingProxyType:
        return "mappingproxy(%s)" % held(made_of[id(one)])
    if kind is types.SimpleNamespace:
        items = list(one.__dict__.items())
        shown = items[:ELEMENTS] if len(path) < DEPTH else []
        texts = ["%s=%s" % (name(key), text(value, inside)) for key, value in shown]
        return "namespace(%s%s)" % (", ".join(texts), rest(len(shown), len(items)))
    if kind in (weakref.ProxyType, weakref.CallableProxyType):
        referent = made_of[id(one)]()
        return "<weakproxy to %s>" % ("what is gone" if referent is None else held(referent))
    if kind is enumerate:
        return "<enumerate from %s of %s>" % (made_of[id(one)][0], held(made_of[id(one)][1]))
    function, iterators = made_of[id(one)]
    iterators = content(iterators, tuple, inside) if len(path) <= DEPTH else "..."
    return "<zip of %s>" % iterators if kind is zip else "<map %s of %s>" % (held(function), iterators)


def place(code):
    return "%s:%d" % (name(code.co_filename), code.co_firstlineno)


def name(string):
    return quoted(string.replace("'", "\0")).replace("\\x00", "'")[1:-1] if "\\" not in string else None


def content(one, kind, path):
    if kind is bool:
        return "True" if one else "False"
    if kind in (type(None), type(NotImplemented), type(...)):
        return repr(one)
    if kind is int:
        return decimal(int.__add__(one, 0))
    if kind is float:
        return float.__repr__(one)
    if kind is complex:
        return complex.__repr__(one)
    if kind is str:
        return string(str.__str__(one))
    if kind is bytes:
        return byte_string(one)
    if kind is bytearray:
        return "bytearray(%s)" % byte_string(one)
    if kind is list:
        return "[%s]" % elements(zip(list.__iter__(one)), list.__len__(one), path, one)
    if kind is tuple:
        return "(%s)" % elements(zip(tuple.__iter__(one)), tuple.__len__(one), path, one)
    if kind is dict:
        return "{%s}" % elements(dict.items(one), dict.__len__(one), path, one)
    if kind is set:
        return "{%s}" % elements(zip(set.__iter__(one)), len(one), path, one) if set.__len__(one) else "set()"
    if kind is frozenset:
        inside = "{%s}" % elements(zip(frozenset.__iter__(one)), len(one), path, one) if frozenset.__len__(one) else ""
        return "frozenset(%s)" % inside
    if kind in WRAPPERS:
        return wrapper(one, kind, path)
    if kind in LIBRARY:
        return library(one, kind, path)
    if kind is types.FunctionType:
        return "<function %s %s>" % (one.__qualname__, place(one.__code__))
    if kind is types.MethodType:
        function = one.__func__
        what = ("%s %s" % (function.__qualname__, place(function.__code__))
                if type(function) is types.FunctionType else text(function, path + (one,)))
        return "<method %s of %s>" % (what, text(one.__self__, path + (one,)))
    if kind is types.BuiltinFunctionType:
        of = one.__self__
        return "<built-in %s%s>" % (
            one.__name__, "" if of is None or type(of) is types.ModuleType else " of " + text(of, path + (one,)))
    if kind is types.ModuleType:
        return "<module %s>" % (text(one.__dict__["__name__"], path + (one,)) if len(path) <= DEPTH else "...")
    if kind is types.CodeType:
        return '<code object %s at %#x, file "%s", line %d>' % (
            name(one.co_name), id(one), name(one.co_filename), one.co_firstlineno or -1)
    if kind in WAITING:
        frame = getattr(one, WAITING[kind] + "_frame")
        state = ("finished" if frame is None else "running" if one in running else
                 "not started" if frame.f_lasti < 0 or one in fresh else "suspended")
        where = "" if frame is None else " at %s:%d" % (frame.f_code.co_filename, frame.f_lineno)
        return "<%s %s %s%s>" % (kind.__name__, one.__qualname__, state, where)
    if kind is types.FrameType:
        return "<frame %s at %s:%d>" % (one.f_code.co_name, one.f_code.co_filename, one.f_lineno)
    if kind is weakref.ref:
        return "<weakref to %s>" % (text(one(), path + (one,)) if one() is not None else "what is gone")
    try:
        return "<cell %s>" % text(one.cell_contents, path + (one,))
    except ValueError:
        return "<cell empty>"


def attributes(one):
    kind = type(one)
    while kind.__flags__ & 1 << 9 and kind not in PLAIN:
        for key, value in kind.__dict__.items():
            if type(value) is member_descriptor and value.__objclass__ is kind:
                try:
                    yield key, value.__get__(one)
                except AttributeError:
                    pass
        kind = kind.__base__
    for key, value in getattr(one, "__dict__", {}).items():
        yield key, value


def text(one, path=()):
    for outer in path:
        if outer is one:
            return "<cycle to %#x>" % id(one)
    kind = type(one)
    if issubclass(kind, BaseException):
        arguments = base_exception.args.__get__(one)
        return "%s(%s)" % (type_name(kind), elements(zip(arguments), len(arguments), path, one))
    if issubclass(kind, type):
        return "<class %s>" % type_name(one)
    if kind in PLAIN:
        return content(one, kind, path)
    base = next((base for base in kind.__mro__ if base in PLAIN), None)
    out = "<%s at %#x" % (type_name(kind), id(one))
    if base and base is not types.SimpleNamespace:
        out += " " + content(one, base, path)
    if len(path) < DEPTH and kind.__flags__ & 1 << 9:
        found = list(attributes(one))
        for key, value in found[:ELEMENTS]:
            out += " %s=%s" % (key, text(value, path + (one,)))
        if len(found) > ELEMENTS:
            out += " ... of %d" % len(found)
    return out + ">"


# --- the animals ---


class Node(object):
    def __init__(self, number):
        self.name, self.next, self.items = "n%d" % number, None, [number] * number

    def method(self):
        pass

    @classmethod
    def of_class(cls):
        pass


class Wide(object):
    def __init__(self):
        for i in range(9):
            setattr(self, "a%d" % i, i)


class Slots(object):
    __slots__ = ("a", "b")


class MoreSlots(Slots):
    __slots__ = ("c", "__weakref__")


class Both(Slots):
    pass


class Bare(object):
    pass


class OwnSize(object):
    def __sizeof__(self):
        return 1000


class Later(object):
    pass


class Sizes(object):
    __sizeof__ = lambda self: 5


class DictOfSizes(Sizes, dict):  # its __base__ is dict
    pass


class Derived(Bare, Sizes):
    pass


class Foreign(object):
    descriptor = Slots.a  # of no use to it


class Redefined(Slots):
    __slots__ = ("a",)


def subclasses(name):
    for base in (int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, Exception):
        yield type(name, (base,), {"__module__": "zoo.animals"})


def function(x, y=[]):
    return lambda: x


def generate():
    yield 1


def make_ints():
    for bits in (0, 1, 7, 29, 30, 31, 59, 60, 61, 63, 64, 89, 90, 119, 120, 150, 199, 200, 201, 1000, 3333, 10000, 100000):
        for number in (2**bits, 2**bits - 1, -2**bits, 2**bits + 12345):
            yield number
    for number in (-5, -6, 255, 256, 257, 10**6, -10**6, 123456789, 999999999, 1000000000):
        yield number
    for power in (9, 18, 27, 49, 59, 60, 61, 100, 999, 1000):
        yield 10**power
        yield 10**power - 1
        yield -10**power


def make_floats():
    for number in (0.0, -0.0, 1.0, -1.5, 0.1, 1 / 3, 1e15, 1e16, 1e17, 123456789.125, 1e-4, 1e-5, 0.00012345, 1e22, 1e23,
                   1.7976931348623157e308, 5e-324, 2.2250738585072014e-308, math.pi, float("nan"), float("inf"),
                   -float("inf"), 12345678901234567.0, 1e100, 123e-7, 9007199254740993.0, 100.0, 1e5, 299792458.0):
        yield number
    # Their shortest text is not the nearest of so many digits.
    for power in (-1017, -366, -140, -97, -44, -24, 89, 122, 305, 976):
        yield 2.0**power
        yield -2.0**power
    for one in (0j, -0j, 1j, 1 + 2j, -1.5 - 2.5j, complex(0, -1), complex(-0.0, 2), complex("nan"), complex(1e300, 1e-300),
                complex(float("inf"), float("nan"))):
        yield one


def make_strings():
    for n in (58, 62, 63, 119, 120, 121):
        yield "'" * n
        yield "\u0416" * n
        yield "\\" * n
    for one in ("", "a", "it's", 'say "hi"', "both ' and \"", "back\\slash", "tab\tnew\nline\r", "\0nul", "\x1b[31mred", "\x7f",
                "ü", "\xa0\xad", "€uro", "\u1234", "\u200b\u202e", "\ud800", "a\udfffb", "\U0001f600", "\U0001f600" * 70,
                "ü" * 59, "ü" * 60, "ü" * 61, "x" * 60, "x" * 61, "x" * 100000, "€" * 1000, "\uffff", "\U0010ffff", "\ue000",
                "mixed ü € \U0001f600 '", "\n" * 61):
        yield one
    for one in (b"", b"a", b"it's", b"\0\x01\x7e\x7f\x80\xff", b"'\"", b"tab\t\n\r\\", b"y" * 60, b"y" * 61, b"z" * 5000):
        yield one
        yield bytearray(one)


def make_containers():
    for n in (0, 1, 2, 4, 5, 6, 7, 100, 1000):
        yield list(range(n))
        yield tuple(range(n))
        yield {i: str(i) for i in range(n)}
        yield set(range(n))
        yield frozenset(range(n))
        yield ["%d" % i for i in range(n)]
        yield {"k%d" % i: [i] for i in range(n)}
    shrunk, gone = set(range(1000)), dict.fromkeys(range(50))
    for i in range(990):
        shrunk.discard(i)
    for i in range(45):
        del gone[i]
    yield shrunk
    yield gone
    appended = []
    for i in range(100):
        appended.append(i)
        if i % 9 == 0:
            yield list(appended)
    yield appended
    yield [[[[[1]]]]]
    yield ([({1: [2]},)],)
    yield {"a": {"b": {"c": {"d": 1}}}}
    yield {(1, (2, (3, (4,)))): frozenset([frozenset([1])])}
    yield {None: True, 1.5: b"x", "s": ..., int: Node}
    cycle = [1]
    cycle.append(cycle)
    yield cycle
    loop = {}
    loop["self"] = [loop]
    yield loop


class deque(collections.deque):
    """What it derives from, in nothing but the name."""
deque.__module__ = "collections"


class partial(object):
    __slots__ = ("func", "args", "keywords", "d1", "d2", "d3")
partial.__module__ = "functools"


def make_deques():
    for most in (None, 3, 5, 64, 200):
        for n in (0, 1, 4, 5, 6, 31, 32, 33, 63, 64, 65, 1000):
            yield collections.deque(range(n), most)
    for steps in (1, 30, 32, 61, 62, 63, 64, 65, 130):
        one = collections.deque(range(100))
        for _ in range(steps):
            one.append(one.popleft())
        yield one
        for left in (True, False):
            one = collections.deque()
            for i in range(steps):
                (one.appendleft if left else one.append)(i)
            yield one
            for i in range(steps // 2):
                (one.pop if left else one.popleft)()
            yield one
    turned = collections.deque("abcdefghij" * 20)
    turned.rotate(77)
    yield turned
    loop = collections.deque([1], maxlen=7)
    loop.append(loop)
    yield loop
    yield collections.deque([collections.deque([collections.deque([1])])])
    yield [[[collections.deque([1, 2], 9)]]]
    cleared = collections.deque(range(500))
    cleared.clear()
    yield cleared


def make_default_dicts():
    for factory in (None, int, list, len, function, lambda: 0, functools.partial(int, 1), Node(1).method, [].append):
        for n in (0, 1, 5, 6, 50):
            yield collections.defaultdict(factory, {i: "v%d" % i for i in range(n)})
    loop = collections.defaultdict(list)
    loop["x"].append(loop)
    yield loop
    bound = collections.defaultdict()
    bound.default_factory = bound.copy
    yield bound
    yield [[collections.defaultdict(int, a=1)]]
    yield [[[collections.defaultdict(int, a=1)]]]


def make_ordered_dicts():
    for n in (0, 1, 2, 4, 5, 6, 7, 100, 1000):
        one = collections.OrderedDict((i, [i]) for i in range(n))
        yield one
        moved = collections.OrderedDict(("k%d" % i, i) for i in range(n))
        for i in range(0, n, 2):
            moved.move_to_end("k%d" % i, last=bool(i % 3))
        yield moved
        for i in range(0, n, 3):
            del moved["k%d" % i]
            moved["k%d" % i] = -i
        yield moved.copy()
        yield moved
    loop = collections.OrderedDict()
    loop["self"] = loop
    loop[None] = [loop]
    loop.move_to_end("self")
    yield loop
    emptied = collections.OrderedDict.fromkeys(range(60))
    while emptied:
        emptied.popitem(last=False)
    yield emptied
    attributed = collections.OrderedDict(a={"b": collections.OrderedDict(c=[collections.OrderedDict(d=1)])})
    attributed.attribute = 1  # repr() does not show it
    yield attributed
    behind = collections.OrderedDict(x=1)
    dict.__setitem__(behind, "y", 2)
    yield behind
    for far in (2**20, 2**33, 2**60, 7**20):  # whose slots are taken by others
        one = collections.OrderedDict((i * far, -i) for i in range(300))
        for i in range(290):
            one.move_to_end(i * far)
            yield from ([one.copy()] if i % 29 == 0 else ())
        yield one
    unlinked = collections.OrderedDict()
    dict.__setitem__(unlinked, "y", 2)
    yield unlinked
    yield collections.Counter("abracadabra")


def make_large_ordered_dict():
    large = collections.OrderedDict((str(i), i) for i in range(50000))  # more than two bytes of an index tell
    for i in range(37500):
        large.move_to_end(str(i))
    yield large


def make_arrays():
    bounds = {"b": 7, "B": 8, "h": 15, "H": 16, "i": 31, "I": 32, "l": 63, "L": 64, "q": 63, "Q": 64}
    for code, bits in bounds.items():
        low = 0 if code.isupper() else -2**bits
        yield array.array(code)
        yield array.array(code, [low, 2**bits - 1, 0, 1, low + 1])
        yield array.array(code, [low // 2, 2**bits - 2, 5, 6, 7, 8] * 20)
    for code in ("f", "d"):
        yield array.array(code)
        yield array.array(code, [0.0, -0.0, 1.5, float("inf"), -float("inf")])
        yield array.array(code, [float("nan"), 0.1, 1e-38, -3e38, 16777217.0, 5.0])
    if "e" in array.typecodes:  # 3.15
        yield array.array("e", [0.1, -65504.0, 5.960464477539063e-08, float("nan"), -0.0])
        yield array.array("e", [float("inf"), 6.103515625e-05, 1 / 3])
        yield array.array("Zf", [1 + 2j, -0.0, complex("nan"), 0.1j])
        yield array.array("Zd", [1 + 2j, -1e300j, complex(float("inf"), 0.1)])
    for code in ("u", "w") if "w" in array.typecodes else ("u",):
        for string in ("", "it's", "\u20acuro \U0001f600", "x" * 60, "\x00\x1b" * 31, "y" * 1000):
            yield array.array(code, string)
    grown = array.array("h")
    for i in range(77):
        grown.append(i)
    yield grown
    yield [grown]
    yield [[grown]]


def make_partials():
    yield functools.partial(int)
    yield functools.partial(function, 1)
    yield functools.partial(function, [1, [2, [3]]], x=1)
    yield functools.partial(functools.partial(print, 1), 2, sep="")
    for n in range(8):
        yield functools.partial(print, *range(n), **{"k%d" % i: i for i in range(n // 2)})
        yield functools.partial(print, **{"k%d" % i: i for i in range(n)})
    attributed = functools.partial(len)
    attributed.attribute = 1
    yield attributed
    listed = []
    loop = functools.partial(listed.append, listed)
    listed.append(loop)
    yield loop
    own = functools.partial(print)
    own.__setstate__((print, (own,), {"own": own}, {}))
    yield own
    yield [[functools.partial(int, 1)]]
    yield [[[functools.partial(int, 1)]]]
    if hasattr(functools, "Placeholder"):
        yield functools.partial(print, functools.Placeholder, 2)


def make_wrappers():
    yield from (range(0), range(5), range(2, 5), range(0, 10, 3), range(10, 0, -1), range(10**30), range(-5, 5, 10**20), range(0, 2, 1))
    itself = [1]
    around = slice(itself, None, {1: itself})
    itself.append(around)
    yield from (slice(5), slice(1, 2), slice(1, 2, 3), slice("a", [1, [2, [3]]]), around, itself)
    getter = functools.partial(len, [])
    yield from (Described.__dict__["with_getter"], Described.__dict__["with_setter"], property(), property(len), property(getter),
                property(None, print), [[[property(function)]]], [[property(function)]], property([1, [2, [3]]]))
    for mapping in ({}, {"a": 1}, {i: i for i in range(9)}, collections.OrderedDict(a=1), {"x": {"y": {}}}):
        proxy = types.MappingProxyType(mapping)
        made_of[id(proxy)] = mapping
        yield proxy
        yield [proxy]
    for n in (0, 1, 5, 6, 20):
        yield types.SimpleNamespace(**{"a%d" % i: [i] for i in range(n)})
    loop = types.SimpleNamespace(x=1)
    loop.self = loop
    yield from (loop, [[loop]], [types.SimpleNamespace(**{"\u0416": types.SimpleNamespace(a=types.SimpleNamespace())})])
    for name in ("Sub", "types.SimpleNamespace"):
        yield type(name, (types.SimpleNamespace,), {"__module__": "types"})(a=1, b=[2])
        yield type(name, (types.SimpleNamespace,), {"__slots__": ("s",)})(c=3)
    yield type("Sub", (property,), {})(function)
    for referent in (Node(1), function, Later, Bare()):
        proxy = weakref.proxy(referent)
        made_of[id(proxy)] = weakref.ref(referent)
        keep_alive.append(referent)
        yield from (proxy, [[proxy]])
    gone = weakref.proxy(Later())
    made_of[id(gone)] = lambda: None
    yield gone
    yield from make_iterators()


def make_iterators():
    for steps in (0, 1, 7):
        for start in (0, -3, 2**40, sys.maxsize):
            iterator = iter([1] * 9)
            one = enumerate(iterator, start)
            for _ in range(steps):
                next(one)
            made_of[id(one)] = "?" if start + steps >= sys.maxsize else str(start + steps), iterator
            yield one
    for n in range(8):
        iterators = tuple(map(iter, ([1, 2],) * n))
        zipped = zip(*iterators)
        made_of[id(zipped)] = None, iterators
        yield from (zipped, [zipped], [[zipped]])
        if n:
            for what in (function, len, [].append, int):
                mapped = map(what, *iterators)
                made_of[id(mapped)] = what, iterators
                yield mapped
    cycle = [1]
    iterators = iter(cycle), iter(cycle)
    zipped = zip(*iterators)
    made_of[id(zipped)] = None, iterators
    cycle.append(zipped)
    yield from (zipped, cycle)
    some = {1: 2}
    yield from (filter(None, [1]), reversed([1]), reversed((1, 2)), iter(callable_once, None), iter([1]), iter((1,)), iter("a"),
                iter("\u20ac"), iter(b"a"), iter(bytearray(b"a")), iter(range(5)), iter(range(10**30)), iter({1}), some.keys(),
                some.values(), some.items(), iter(some), iter(some.values()), iter(some.items()), [].__len__, str.join,
                int.__add__, dict.__dict__["fromkeys"], types.FunctionType.__dict__["__code__"], Slots.a,
                Described.__dict__["static"], Described.__dict__["of_class"], super(Both, Both()), iter(Sequence()))
    try:
        raise KeyError
    except KeyError as error:
        yield error.__traceback__


def callable_once():
    pass


class Sequence(object):
    def __getitem__(self, i):
        raise IndexError


class Described(object):
    @property
    def with_getter(self):
        pass

    with_setter = property(lambda self: 1, lambda self, value: 1, None, "text")

    @staticmethod
    def static():
        pass

    @classmethod
    def of_class(cls):
        pass


def make_library_subclasses():
    for name in ("Sub", "deque", "\x1b[2J", "collections.deque", "u\u0308"):
        for base, arguments in ((collections.deque, ([1, 2], 5)), (collections.defaultdict, (int, {1: 2})),
                                (collections.OrderedDict, ([(1, 2)],)), (array.array, ("i", [1, 2])),
                                (functools.partial, (print, 1))):
            for module in ("zoo", base.__module__):
                one = type(name, (base,), {"__module__": module})(*arguments)
                one.attribute = [one]
                yield one
                yield type(name, (base,), {"__module__": module, "__slots__": ("s",)})(*arguments)
                yield type(name, (base,), {"__module__": module, "__slots__": ()})(*arguments)  # as large as its base
            yield type(name, (Sizes, base), {})(*arguments)
    yield deque([1], 2)
    lie = partial()
    lie.func, lie.args, lie.keywords = print, 5, 6
    yield lie


def make_instances():
    node = Node(7)
    node.next = Node(1)
    node.next.next = node
    slots, some, more, both = Slots(), Slots(), MoreSlots(), Both()
    slots.a, slots.b, some.b, more.a, more.c, both.a, both.other = 1, "two", [3], (), {}, None, both
    yield from (node, node.next, Wide(), slots, some, Slots(), more, MoreSlots(), both, Both(), Bare(), object(), OwnSize(), Later())
    again = Redefined()
    again.a, again.b = 1, 2
    yield from (DictOfSizes(), Derived(), Foreign(), again, type("x" * 70000, (), {})(), type("ü" * 200, (), {})(),
                [type("y" * 100000, (list,), {})([1])])
    own, other, deep = (types.ModuleType("m") for _ in range(3))
    own.__name__, other.__name__, deep.__name__ = own, deep, other
    yield from (own, other, deep, [[[own]]], types.ModuleType("plain"))
    for kind in (tuple,) if sys.version_info >= (3, 15) else ():  # slots behind items
        for items in (), (1,), "abc":
            behind = type("Behind", (kind,), {"__slots__": ("first", "second")})(items)
            behind.second = len(items)
            yield behind
    late = Bare()
    late.x = 1
    del late.x
    yield late
    replaced = Bare()
    replaced.__dict__ = {"whole": "dict", 1: 2} if False else {"whole": "dict"}
    yield replaced
    seen = Bare()
    seen.a, seen.b = 1, 2
    seen.__dict__
    yield seen
    many = Bare()
    for i in range(60):
        setattr(many, "attribute%d" % i, i)
    yield many
    for count in (1, 2, 5, 6, 12, 29, 30, 31):  # dicts that share their keys, as long as these have room
        sharing = type("Sharing", (), {})()
        for i in range(count):
            setattr(sharing, "attribute%d" % i, i)
        yield sharing.__dict__
    for base in (list, dict, int, tuple):
        derived = type("Derived", (base,), {})()
        derived.a = 1
        yield derived.__dict__
    yield collections.namedtuple("Point", "x y")(1, [2])
    for hostile in ("Plain", "na me", "\x1b[2J", "\n", "ü€\U0001f600", "x" * 300, "'quote\"", "%s%n"):
        for kind in subclasses(hostile):
            try:
                yield kind()
            except TypeError:
                continue
        kind = type(hostile, (object,), {"__slots__": ()})
        yield kind()
        yield kind
    for kind, value in zip(subclasses("Filled"), (5, 2.5, 1j, "text", b"raw", b"array", [1, 2], (3, 4), {5: 6}, {7}, [8], "wrong")):
        one = kind(value)
        one.attribute = "own"
        yield one


def make_functions():
    node = Node(2)
    closure = function(node)
    empty = (lambda: [lambda: late, None])()[0].__closure__ if False else None
    yield from (function, closure, closure.__closure__[0], node.method, Node.of_class, len, [].append, {1: 2}.get, print, sys,
                types, oracle, Node, int, type, object, dict, Slots, Exception, function.__code__, Node.method.__code__,
                weakref.ref(node), math.sin, "x".join, weakref.ref(Node), io.StringIO, str.upper.__class__)
    dead = weakref.ref(Bare())
    yield dead

    def unset():
        if False:
            later = 1
        return lambda: later
    yield unset().__closure__[0]
    yield keep_alive.append(node) or node


def make_of_library():
    import json
    import random
    import re
    yield from (re, json, functools.wraps, random.Random(1).__dict__)


def make_exceptions():
    yield from (Exception(), ValueError("x"), KeyError("k", 1), OSError(2, "no such"), StopIteration(5), RuntimeError([1, [2, [3]]]),
                UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"), SystemExit(3), Exception(*range(9)))


keep_alive, fresh, running = [], set(), []


def counts(n):
    for i in range(n):
        x = [i]
        yield x

        yield (
            i)


async def acounts():
    yield 1
    await nothing()
    yield 2


@types.coroutine
def nothing():
    yield


async def waits():
    await nothing()


def make_waiting():
    for steps in range(4):
        one = counts(2)
        for _ in range(steps):
            next(one)
        if not steps:
            fresh.add(one)
        yield one
    over = counts(0)
    list(over)
    yield over
    started, fresh_one, ended = waits(), waits(), waits()
    started.send(None)
    fresh.add(fresh_one)
    yield started
    yield fresh_one
    ended.send(None)
    try:
        ended.send(None)
    except StopIteration:
        pass
    yield ended
    agen, new = acounts(), acounts()
    try:
        agen.asend(None).send(None)
    except StopIteration:
        pass
    yield agen
    fresh.add(new)
    yield new
    yield counts(3).gi_frame
    wide = wide_counts(1, 2, 3)
    next(wide)
    yield wide
    yield wide.gi_frame
    yield sys._getframe()
    yield wide_counts(*range(9)).gi_frame
    yield from running
    try:
        raise KeyError
    except KeyError as error:
        yield error.__traceback__.tb_frame if sys.version_info < (3,) else inner_frame()


def wide_counts(a, *b, **c):
    """Has variables of its own, of a function within, and a stack."""
    d, e, f = 1, 2, 3
    yield lambda: (a, d, c)
    g = [a, b, c, d, e, f, (a, b, [c, d, (e, f)])]
    return g


def closures(a, b):
    def inner():
        def innermost():
            return a, b
        return innermost
    return inner


def hot(n):
    return [abs, len, sys, n, types][n % 5]


def make_codes():
    for code in (wide_counts.__code__, closures.__code__, closures(1, 2).__code__, closures(1, 2)().__code__, counts.__code__,
                 main.__code__, content.__code__, (lambda: 0).__code__, waits.__code__, acounts.__code__):
        yield code
    for i in range(5000):  # 3.8-3.10 keep what they found out about it
        hot(i)
    yield hot.__code__
    for source, file in (("1", "it's"), ("\n\n\nx = [y for y in z]", "\x1b[2J\u20ac"), ("pass", "x" * 60), ("class C: pass", "")):
        yield compile(source, file, "exec")
    yield compile("def hostile(): pass", "f", "exec").co_consts[0]


def make_attached():
    attached = compile("2", "attached", "exec")
    attach(attached)
    yield attached


def attach(code):
    """Gives it what debuggers and profilers of C code may."""
    import ctypes
    here = ctypes.pythonapi
    request, store = ((here.PyUnstable_Eval_RequestCodeExtraIndex, here.PyUnstable_Code_SetExtra)
                      if sys.version_info >= (3, 12) else (here._PyEval_RequestCodeExtraIndex, here._PyCode_SetExtra))
    request.argtypes, request.restype = [ctypes.c_void_p], ctypes.c_ssize_t
    store.argtypes = [ctypes.py_object, ctypes.c_ssize_t, ctypes.c_void_p]
    for i in range(3):
        index = request(None)
    store(code, index, None)


# While main() runs, a generator runs that called it, a coroutine that called this, an asynchronous generator that awaits that.
def running_generator():
    yield main()


async def running_coroutine(generator):
    next(generator)


async def running_awaits(coroutine):
    await coroutine
    yield


def run():
    generator = running_generator()
    coroutine = running_coroutine(generator)
    outer = running_awaits(coroutine)
    running.extend((generator, coroutine, outer))
    outer.asend(None).send(None)


def inner_frame():
    try:
        raise KeyError
    except KeyError as error:
        return error.__traceback__.tb_frame


def known_size(one):
    """sys.getsizeof(), where the tool claims to know it: not where code of the type says what it is."""
    kind = type(one)
    for base in kind.__mro__:
        if base in PLAIN or base is object or base in (type, BaseException):
            return sys.getsizeof(one)
        if "__sizeof__" in base.__dict__:
            return None
    return None


# What needs no module of the library but those above, and all.
SMALL = (make_ints, make_floats, make_strings, make_containers, make_instances, make_functions, make_exceptions, make_waiting,
         make_deques, make_default_dicts, make_ordered_dicts, make_arrays, make_partials, make_codes, make_wrappers)
ALL = SMALL + (make_library_subclasses, make_large_ordered_dict, make_of_library, make_attached)


def made(makers):
    zoo = [None, NotImplemented, ..., True, False]
    for make in makers:
        zoo.extend(make())
    return zoo


def told(zoo):
    """What the tool should say of each, as JSON."""
    rows = []
    for i in range(len(zoo)):
        one = zoo[i]
        rows.append({"address": hex(id(one)), "type": oracle.names(type(one))[1], "size": known_size(one), "repr": text(one)})
        one = None
    # Texts and sizes have been made: nothing refers to an animal any more but what did before.
    for i in range(len(zoo)):
        rows[i]["refcount"] = sys.getrefcount(zoo[i]) - 1
    import json
    return json.dumps(rows)


def main():
    import warnings
    warnings.simplefilter("ignore")  # of what is deprecated
    zoo = made(ALL)
    gc.collect()
    gc.disable()
    oracle.write(sys.argv[1], told(zoo))
    oracle.FOR_SIGNAL[0](oracle.FOR_SIGNAL[1])


if __name__ == "__main__":
    run()
