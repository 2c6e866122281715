"""Objects of collections, itertools, functools, io, re, pickle, typing and others of the standard library, for references.py."""
import argparse
import array
import ast
import cProfile
import codecs
import collections
import configparser
import contextlib
import copyreg
import csv
import datetime
import email
import email.message
import email.mime.multipart
import email.policy
import fractions
import functools
import hashlib
import heapq
import hmac
import http.client
import http.cookies
import http.server
import inspect
import io
import itertools
import json
import logging
import logging.handlers
import operator
import pathlib
import pickle
import queue
import random
import re
import string
import struct
import subprocess
import symtable
import sys
import tempfile
import tokenize
import traceback
import types
import typing
import unittest
import unittest.mock
import urllib.parse
import urllib.request
import uuid

from zoo_builtin import Plain, Text, closure
from zoo_kept import KEPT, kept, run, since
from zoo_running import counts


def lists(n=5, start=0):
    return [[i] for i in range(start, start + n)]


def advance(one, steps):
    for _ in range(steps):
        next(one, None)
    return one


# --- collections ---

@kept
def deques():
    for count in (0, 1, 63, 64, 65, 200):
        one = collections.deque(lists(count))
        yield one
        for turn in (1, -70):
            turned = collections.deque(lists(count))
            turned.rotate(turn)
            yield turned
        left = collections.deque(maxlen=70)
        for i in range(count):
            left.appendleft([i])
        yield left
        popped = collections.deque(lists(count))
        for _ in range(count // 2):
            popped.popleft()
        yield popped, advance(iter(one), 40), advance(reversed(one), 40)
    itself = collections.deque()
    itself.append(itself)
    yield itself


@kept
def mappings():
    ordered = collections.OrderedDict((Text(i), [i]) for i in range(30))
    for i in range(0, 30, 4):
        del ordered[Text(i)]
    ordered.move_to_end("1")
    ordered.attribute = [ordered]
    yield ordered, collections.OrderedDict(), ordered.copy(), ordered.keys(), ordered.items()
    for source in (iter(ordered), iter(ordered.items()), reversed(ordered.items()), iter(ordered.values())):
        yield advance(source, 2)
    emptied = collections.OrderedDict(a=[1])
    emptied.popitem()
    yield emptied
    default = collections.defaultdict(closure, a=[1])
    default["b"], collections.defaultdict(None)["c"] = [2], 3
    yield default, collections.defaultdict()
    yield collections.Counter("abracadabra"), collections.ChainMap({1: [2]}, {3: [4]}), collections.UserDict(a=[1])
    yield collections.UserList([[1]]), collections.UserString(Text("x"))
    pair = collections.namedtuple("Pair", "a b", defaults=([1],)) if sys.version_info >= (3, 7) else collections.namedtuple("Pair", "a b")
    yield pair, pair([1], [2]), pair._fields, pair.a


# --- itertools, functools, operator ---

@kept
def itertools_of_all_kinds():
    i = itertools
    makers = [
        lambda: i.chain([[1]], lists()), lambda: i.chain.from_iterable(iter([lists(), lists()])), lambda: i.count([1].__len__()),
        lambda: i.count(2.5, 10**30), lambda: i.count(2**70), lambda: i.count(fractions.Fraction(1)), lambda: i.cycle(iter(lists(3))),
        lambda: i.product(lists(3), lists(2), repeat=2), lambda: i.permutations(lists(4), 2), lambda: i.combinations(lists(4), 2),
        lambda: i.combinations_with_replacement(lists(4), 2), lambda: i.islice(iter(lists(9)), 1, 7, 2),
        lambda: i.starmap(closure, iter([([1],), ([2],)])), lambda: i.zip_longest(lists(2), lists(3), fillvalue=[0]),
        lambda: i.accumulate(iter(lists())), lambda: i.accumulate(lists(), operator.add), lambda: i.takewhile(bool, lists()),
        lambda: i.dropwhile(operator.not_, lists()), lambda: i.compress(lists(), [1, 0, 1]), lambda: i.filterfalse(operator.not_, lists()),
        lambda: i.repeat([1]), lambda: i.repeat([1], 5), lambda: i.groupby(iter(lists(9)), closure), lambda: i.groupby(lists()),
    ]
    if sys.version_info >= (3, 8):
        makers.append(lambda: i.accumulate(lists(), operator.add, initial=[9]))
    if sys.version_info >= (3, 10):
        makers.append(lambda: i.pairwise(lists()))
    if sys.version_info >= (3, 12):
        makers.append(lambda: i.batched(lists(), 2))
    for make in makers:
        for steps in (0, 1, 2, 4):
            yield advance(make(), steps)
        if sys.version_info >= (3, 12) or make() is not None:
            one = make()
            if not isinstance(one, (i.count, i.repeat, i.cycle)):
                yield advance(one, 40)
    for count in (1, 3):
        group = i.groupby(lists(4), lambda x: x[0] // 2)
        for _ in range(count):
            key, grouper = next(group, (None, None))
            next(grouper, None) if grouper else None
            yield key, grouper
        yield group
    for steps in (0, 1, 60, 150):
        first, second = i.tee(lists(200))
        advance(first, steps)
        yield first, second, second.__copy__()
    one, other = i.tee(iter(lists()))
    advance(one, 9), advance(other, 2)
    yield one, other, advance(i.cycle(lists(3)), 5), advance(i.cycle(lists(3)), 2)


class Cached(object):
    @functools.lru_cache(maxsize=None)
    def unbounded(self, x):
        return [x]

    @functools.lru_cache(maxsize=4)
    def bounded(self, *x, **y):
        return [x, y]

    if sys.version_info >= (3, 8):
        @functools.cached_property
        def cached(self):
            return [self]


@kept
def functools_of_all_kinds():
    f = functools
    one = f.partial(closure, [1], 2, c=[3])
    one.attribute = [one]
    yield one, f.partial(one, [4]), f.partial(len), f.partial(f.partial(closure, [1]), [2], kwargs=[5])
    yield f.partialmethod(closure, [1], c=[2])
    class Sub(f.partial):
        pass
    yield Sub(closure, [1])
    cached = Cached()
    for i in range(9):
        cached.unbounded(i), cached.bounded(Text(i), "".__len__, key=(i, "x"))
    cached.bounded(1), cached.bounded(2.5), cached.unbounded(Text("t"))
    if sys.version_info >= (3, 8):
        cached.cached
    yield cached, Cached.unbounded, Cached.bounded, cached.bounded
    for size in (None, 3, 0):
        simple = f.lru_cache(size, typed=size == 3)(lambda x: [x])
        simple.attribute = [simple]
        for i in list("abcdefg") + [(1, 2), 5, frozenset([6])] + [5, "a"]:
            simple(i)
        yield simple
    emptied = f.lru_cache(5)(lambda x: [x])
    emptied(1)
    emptied.cache_clear()
    yield emptied, f.lru_cache(5)(len)
    key = f.cmp_to_key(lambda a, b: 0)
    yield key, key([1]), heapq.merge(lists(), lists(), key=key)
    merging = heapq.merge(iter(lists()), iter(lists()))
    next(merging)
    yield merging
    dispatch = f.singledispatch(closure)
    dispatch.register(int, lambda x: [x])
    dispatch.register(Plain, lambda x: [x])
    dispatch(1), dispatch(Plain())
    yield dispatch, f.wraps(closure)(lambda: [1]), f.reduce, f.total_ordering(type("T", (), {"__lt__": closure}))
    if sys.version_info >= (3, 14):
        yield f.partial(closure, f.Placeholder, [1])
    o = operator
    yield o.itemgetter("a"), o.itemgetter([1], ("b", [2])), o.attrgetter("a.b", "c"), o.attrgetter("d"), o.methodcaller("m", [1], x=[2])
    yield o.itemgetter(1), o.itemgetter(slice(None, None, [2])), o.methodcaller("n")


# --- text and data ---

@kept
def regular_expressions():
    pattern = re.compile(r"(?P<name>a+)(b)?|c{3}", re.I)
    subject = Text("xaab ccc")
    yield pattern, pattern.search(subject), pattern.finditer(subject), pattern.scanner(subject), pattern.search(subject).span(1)
    midway = pattern.finditer(subject)
    found = next(midway)
    found.groups(), found.lastgroup, found.regs
    yield midway, found, re.compile(b"raw").match(bytearray(b"raw")), re.compile("(.)(.)").fullmatch("ab")
    yield re.Scanner([("a", closure), ("b", None)]), re.template if hasattr(re, "template") else None
    re.sub(r"(x)\1?", r"\1<\g<1>>", "axx")  # leaves a parsed template in a cache


@kept
def structs_and_arrays():
    one = struct.Struct("<iQ3s")
    yield one, one.iter_unpack(bytes(45)), advance(one.iter_unpack(bytes(45)), 1)
    array_ = array.array("d", range(9))
    yield array_, iter(array_), advance(iter(array_), 3), memoryview(array_)
    class Sub(array.array):
        pass
    sub = Sub("i", [1])
    sub.attribute = [sub]
    yield sub


@kept
def text_files():
    class Dialect(csv.excel):
        delimiter = ";"
    target = io.StringIO()
    reader = csv.reader(iter(["a;b", "c;'d"]), Dialect)
    next(reader)
    yield reader, reader.dialect, csv.writer(target, "excel-tab"), csv.DictReader(iter(["a,b"])), csv.DictWriter(target, ["a", [1]])
    csv.register_dialect("ours", Dialect, lineterminator=Text("x"))
    yield json.JSONDecoder(object_hook=closure, parse_float=closure), json.JSONEncoder(default=closure, indent=2)
    yield json.JSONDecoder().scan_once, json.JSONDecoder(object_pairs_hook=closure, parse_constant=closure).scan_once
    yield json.encoder.c_make_encoder({}, closure, json.encoder.encode_basestring_ascii, "  ", ": ", ", ", True, False, True)
    yield json.JSONEncoder().iterencode([[1], {"a": 2}]), advance(json.JSONEncoder(indent=1).iterencode({"a": [1]}), 2)
    yield json.loads('{"a": [1, {"b": null}], "c": {"a": []}}')
    parser = configparser.ConfigParser(interpolation=configparser.ExtendedInterpolation())
    parser.read_string("[a]\nx = 1\ny = ${x}\n[b]\nz = 3\n")
    yield parser, parser["a"]
    arguments = argparse.ArgumentParser("p")
    arguments.add_argument("--x", action="append", type=int, default=[[1]])
    arguments.add_subparsers().add_parser("sub").set_defaults(function=closure)
    yield arguments, arguments.parse_args(["--x", "1"])
    yield string.Template("$a"), string.Formatter(), "a{b.c[d]}"._formatter_parser() if hasattr("", "_formatter_parser") else None
    import _string
    yield _string.formatter_parser("a{b!r:c}d"), _string.formatter_field_name_split("b.c[d]")
    cookies = http.cookies.SimpleCookie("a=b; c=d")
    yield cookies, urllib.parse.urlsplit("http://a/b"), urllib.request.build_opener(), urllib.request.Request("http://a", b"x", {"a": "b"})
    yield list(tokenize.tokenize(io.BytesIO(b"a = [1]\n").readline)), advance(tokenize.tokenize(io.BytesIO(b"a\n").readline), 1)


@kept
def io_objects():
    path = tempfile.mkstemp()[1]
    for mode in ("rb", "wb", "r+b", "w", "r", "ab"):
        opened = open(path, mode)
        opened.attribute = [mode]
        yield opened
    raw = io.FileIO(path, "r+")
    raw.attribute = [raw]
    yield raw, io.BufferedReader(raw), io.BufferedRandom(io.FileIO(path, "r+")), open(path, "rb", 0)
    yield io.BufferedRWPair(io.FileIO(path), io.FileIO(path, "w")), io.TextIOWrapper(io.BytesIO(b"a\nb"), "utf-16")
    text = open(path, "w+", encoding="latin-1", newline="\n")
    text.write("several\nlines\n" * 100)
    text.seek(0)
    text.readline(), text.tell()
    text.write("pending")
    yield text, text.buffer
    reading = io.TextIOWrapper(io.BytesIO("\u20aca\r\nb\n".encode() * 1000), "utf-8")
    reading.readline()
    yield reading
    several = io.TextIOWrapper(io.BytesIO(), "gb2312", errors="ignore")
    several.write("a")
    yield several
    binary = io.BytesIO(b"content")
    view = binary.getbuffer()
    binary.attribute = [view]
    yield binary, view, io.BytesIO(bytes(5)), io.StringIO("text", newline=None), io.StringIO()
    filled = io.StringIO()
    filled.attribute = [filled]
    filled.write("a"), filled.write("b")
    yield filled
    yield io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8")(), True), io.IncrementalNewlineDecoder(None, False)
    class Raw(io.RawIOBase):
        def readable(self):
            return True
        def readinto(self, into):
            self.last = len(into)
            return 0
    raw = Raw()
    yield raw, io.BufferedReader(raw), io.TextIOWrapper(io.BufferedReader(Raw()))
    class Sub(io.BytesIO):
        pass
    sub = Sub(b"x")
    sub.more = [sub]
    yield sub
    closed = open(path)
    closed.close()
    yield closed, tempfile.TemporaryFile(), tempfile.NamedTemporaryFile(), tempfile.SpooledTemporaryFile(), tempfile.TemporaryDirectory()
    yield codecs.getincrementaldecoder("gb2312")(), codecs.getincrementalencoder("shift_jis")(), codecs.getreader("big5")(io.BytesIO())
    yield codecs.getwriter("euc_jp")(io.BytesIO()), codecs.charmap_build("abc" * 80), codecs.lookup("utf-8"), codecs.open(path)


class Reduces(object):
    def __reduce__(self):
        return Reduces, (), {"state": [1]}


@kept
def pickles():
    target = io.BytesIO()
    one = pickle.Pickler(target, 2)
    kept_in_memo = [[1], {"a": Text("b")}, Plain(), Reduces()]
    one.dump(kept_in_memo)
    if sys.version_info[:3] != (3, 13, 0):  # read-only there, by mistake
        one.persistent_id = lambda x: None
    one.dispatch_table = copyreg.dispatch_table.copy()
    one.memo
    yield one, one.memo, kept_in_memo
    class Sub(pickle.Pickler):
        def persistent_id(self, one):
            return None
    sub = Sub(io.BytesIO())
    sub.attribute = [1]
    sub.dump([sub.attribute])
    yield sub
    reader = pickle.Unpickler(io.BytesIO(target.getvalue()))
    if sys.version_info[:3] != (3, 13, 0):
        reader.persistent_load = closure
    loaded = reader.load()
    yield reader, loaded, reader.memo
    class Failing(pickle.Unpickler):
        def persistent_load(self, one):
            raise ValueError([one])
    source = io.BytesIO()
    class Persistent(pickle.Pickler):
        def persistent_id(self, one):
            return "id" if one is KEPT else None
    Persistent(source, 2).dump([[1], [2], ("x", [3]), KEPT])
    source.seek(0)
    midway = Failing(source)
    try:
        midway.load()
    except ValueError as error:
        yield midway, error
    yield pickle._Pickler(io.BytesIO()), pickle._Unpickler(io.BytesIO())
    if sys.version_info >= (3, 8):
        yield pickle.PickleBuffer(bytearray(b"x")), pickle.Pickler(io.BytesIO(), 5, buffer_callback=closure)
        yield pickle.Unpickler(io.BytesIO(), buffers=iter([[1]]))


# --- the interpreter's own tools ---

@kept
def source_tools():
    source = "import os as o\nclass A(B):\n  def f(self, x: [1]=2) -> 3:\n    return [y for y in x if (lambda: y)]\n"
    yield ast.parse(source), symtable.symtable(source, "f", "exec"), symtable.symtable(source, "f", "exec").get_children()
    node = ast.Name("x", ast.Load())
    node.attribute = [node]
    yield node, ast.Constant([1]) if hasattr(ast, "Constant") else None
    yield inspect.signature(closure), inspect.getfullargspec(closure), inspect.signature(Plain.method).bind([1])
    try:
        raise ValueError([1])
    except ValueError as error:
        yield traceback.TracebackException.from_exception(error, capture_locals=True), traceback.extract_tb(error.__traceback__)
    profile = cProfile.Profile(lambda: 1)
    profile.enable()
    lists()
    profile.disable()
    yield profile
    yield types.SimpleNamespace, types.DynamicClassAttribute(len), types.new_class("New"), copyreg.dispatch_table


@kept
def dates_and_numbers():
    class Zone(datetime.tzinfo):
        def utcoffset(self, when):
            return datetime.timedelta(0)
    zone = Zone()
    zone.attribute = [zone]
    yield zone, datetime.datetime(2020, 1, 1, tzinfo=zone), datetime.time(1, tzinfo=zone), datetime.timezone(
        datetime.timedelta(hours=1), Text("name"))
    class Date(datetime.datetime):
        pass
    date = Date(2020, 1, 1, tzinfo=zone)
    date.attribute = [date]
    yield date, datetime.date.today(), fractions.Fraction(1, 3), random.Random(1), random.SystemRandom(), uuid.uuid4()
    generator = random.Random(2)
    generator.attribute = [generator]
    yield generator, generator.getstate(), hashlib.sha256(b"x"), hashlib.blake2b(b"x"), hashlib.md5(), hmac.new(b"k", b"m", "sha1")
    yield pathlib.Path("/a") / "b", pathlib.PurePosixPath("c").parts, pathlib.Path("/a").parents


@kept
def program_tools():
    logger = logging.getLogger("zoo.sub")
    logger.setLevel(5)
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.addFilter(logging.Filter("x"))
    memory = logging.handlers.MemoryHandler(100, target=handler)
    logger.addHandler(memory)
    logger.propagate = False
    logger.info("with %s", [1])
    yield logger, handler, logging.LoggerAdapter(logger, {"a": [1]}), logging.getLogger("zoo")
    class Case(unittest.TestCase):
        def setUp(self):
            self.addCleanup(closure, [1])
        def test_a(self):
            with self.subTest(i=[1]):
                self.assertEqual(1, 2)
        def test_b(self):
            raise ValueError([2])
    suite = unittest.TestLoader().loadTestsFromTestCase(Case)
    result = unittest.TestResult()
    suite.run(result)
    yield suite, result, Case("test_a"), unittest.mock.MagicMock(a=[1]), unittest.mock.patch("os.path")
    message = email.message_from_string("From: a\nTo: b\n c\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nbody\n--x--\n")
    modern = email.message_from_string("Subject: =?utf-8?q?x?=\nTo: A <a@b>\n\nbody", policy=email.policy.default)
    yield message, modern, modern["to"], modern["subject"], email.mime.multipart.MIMEMultipart("alternative")
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    yield server, http.client.HTTPConnection("127.0.0.1", server.server_address[1]), http.client.HTTPSConnection("127.0.0.1")
    yield subprocess.Popen(["true"]).wait(), subprocess.run(["true"], stdout=subprocess.PIPE), subprocess.Popen(["true"], stdout=-1)
    stack = contextlib.ExitStack()
    stack.callback(closure, [1])
    stack.enter_context(contextlib.suppress(ValueError))
    manager = contextlib.contextmanager(counts)([1])
    manager.__enter__()
    yield stack, manager, contextlib.closing(io.BytesIO()), contextlib.redirect_stdout(io.StringIO())
    for kind in (queue.Queue, queue.LifoQueue, queue.PriorityQueue):
        one = kind()
        one.put([1])
        yield one
    yield queue.Queue(3)
    if sys.version_info >= (3, 7):
        for count in (0, 1, 20):
            simple = queue.SimpleQueue()
            for i in range(count):
                simple.put([i])
            if count:
                simple.get()
            yield simple


@since(3, 7)
def data_classes():
    import dataclasses
    @dataclasses.dataclass
    class Data(object):
        a: list
        b: dict = dataclasses.field(default_factory=dict)
    @dataclasses.dataclass(frozen=True, order=True)
    class Frozen(object):
        c: tuple = ()
    yield Data, Data([1]), Frozen(([1],)), dataclasses.fields(Data)
    if sys.version_info >= (3, 10):
        slotted = dataclasses.make_dataclass("Slotted", ["a", ("b", list, dataclasses.field(default_factory=list))], slots=True)
        yield slotted, slotted([1])


@kept
def typing_things():
    variable = typing.TypeVar("T", bound=list)
    class Generic(typing.Generic[variable]):
        field: typing.List[variable] = [1]
    class Named(typing.NamedTuple):
        a: int
        b: list = [1]
    yield variable, Generic, Generic[list](), Named, Named(1), typing.Dict[str, typing.Optional[variable]], typing.Union[int, list]
    yield typing.Callable[[int], str], typing.Tuple[int, ...], typing.NewType("New", int), typing.TypeVar("U", int, str)
    yield typing.get_type_hints(Generic), typing.Type[Plain], typing.ClassVar[int], typing.Any
    if sys.version_info >= (3, 8):
        yield run("""
import typing
class P(typing.Protocol):
    def m(self): ...
@typing.runtime_checkable
class R(typing.Protocol):
    a: list
class D(typing.TypedDict, total=False):
    x: 'list'
literal, final, checked = typing.Literal['a', 1], typing.Final[int], isinstance([], R)
""")
    if sys.version_info >= (3, 9):
        yield typing.Annotated[int, [1]], typing.ForwardRef("x")
    if sys.version_info >= (3, 10):
        spec = typing.ParamSpec("P")
        yield spec, spec.args, spec.kwargs, typing.Callable[spec, int], typing.Concatenate[int, spec]
    if sys.version_info >= (3, 11):
        yield typing.TypeVarTuple("Ts"), typing.Unpack[typing.TypeVarTuple("Us")], run("import typing\nTs = typing.TypeVarTuple('Ts')\n"
                                                          "class G(typing.Generic[typing.Unpack[Ts]]): pass\nx = G[int, str]")
    if sys.version_info >= (3, 12):
        yield typing.TypeAliasType("A", list[int]), typing.TypeAliasType("B", list, type_params=(variable,))
    if sys.version_info >= (3, 13):
        yield typing.TypeVar("D", default=list), typing.ParamSpec("E", default=[int]), typing.NoDefault
