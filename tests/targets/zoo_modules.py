"""Objects of the standard library's C modules, for references.py: ctypes, sqlite3, ssl, xml, decimal, sockets, compression."""
import atexit
import bz2
import ctypes
import decimal
import io
import lzma
import mmap
import pyexpat
import select
import selectors
import signal
import socket
import sqlite3
import ssl
import sys
import tempfile
import xml.dom.minidom
import xml.dom.pulldom
import xml.etree.ElementTree as ElementTree
import xml.sax
import zlib

from zoo_builtin import Plain, Text, closure
from zoo_kept import kept, since


# --- ctypes ---

class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_int), ("text", ctypes.c_char_p), ("object", ctypes.py_object)]


class Node(ctypes.Structure):
    pass


Node._fields_ = [("next", ctypes.POINTER(Node)), ("value", ctypes.c_long), ("points", Point * 3), ("bits", ctypes.c_int, 3)]


class Either(ctypes.Union):
    _fields_ = [("a", ctypes.c_long), ("b", Point)]


@kept
def ctypes_data():
    point, node, either = Point(1, b"text", [1]), Node(), Either()
    node.next = ctypes.pointer(Node(value=5))
    node.points[1] = point
    node.points[2].text = b"other"
    node.attribute = [node]
    yield point, node, either, node.next, node.next.contents, node.points, node.points[1], either.b
    yield Point, Node, Either, ctypes.POINTER(Node), Point * 3, (Point * 3)(point), (ctypes.c_char_p * 2)(b"a", b"b"), Node.next, Node.bits
    yield ctypes.c_int(5), ctypes.c_double(1), ctypes.c_char_p(b"raw"), ctypes.c_wchar_p("wide"), ctypes.py_object([2])
    yield ctypes.c_void_p(5), ctypes.create_string_buffer(b"x", 10), ctypes.create_unicode_buffer("y")
    pointers = (ctypes.POINTER(ctypes.c_int) * 2)(ctypes.pointer(ctypes.c_int(1)), ctypes.pointer(ctypes.c_int(2)))
    yield pointers, ctypes.pointer(point), ctypes.pointer(ctypes.pointer(point)), ctypes.cast(pointers, ctypes.c_void_p)
    yield ctypes.cast(ctypes.create_string_buffer(10), ctypes.POINTER(ctypes.c_int)), ctypes.byref(point), ctypes.byref(point, 4)
    yield Point.from_buffer(bytearray(100)), Point.from_buffer_copy(bytes(100)), Point.from_address(ctypes.addressof(point))
    objects = (ctypes.py_object * 3)([1], {2: []}, Plain())
    yield objects, ctypes.c_char_p.from_param(b"parameter"), ctypes.c_int.from_param(3), ctypes.c_void_p.from_param("text")
    class Sub(ctypes.c_int):
        pass
    sub = Sub(5)
    sub.attribute = [sub]
    resized = ctypes.create_string_buffer(4)
    ctypes.resize(resized, 100)
    class Big(ctypes.BigEndianStructure):
        _fields_ = [("x", ctypes.c_uint32)]
        _pack_ = 1
        _layout_ = "ms"
        _anonymous_ = ()
    yield sub, resized, Big(1), memoryview(Point()), memoryview(pointers)


@kept
def ctypes_functions():
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.POINTER(Point))
    callback = kind(closure)
    callback.attribute = [callback]
    library = ctypes.CDLL(None)
    function = library["strlen"]
    function.argtypes, function.restype = [ctypes.c_char_p, ctypes.POINTER(Point)], ctypes.c_long
    function.errcheck = closure
    library.getpid.restype = lambda x: [x]
    yield kind, callback, library, function, ctypes.pythonapi, ctypes.PyDLL(None).Py_IncRef, library.getpid
    class Holder(ctypes.Structure):
        _fields_ = [("callback", kind), ("p", ctypes.c_void_p)]
    holder = Holder(callback)
    yield holder, holder.callback, kind(("strlen", library), ((1, "x", 5), (1, "y")))
    cast = ctypes.cast(callback, ctypes.c_void_p)
    yield cast, ctypes.cast(cast, kind), ctypes.LibraryLoader(ctypes.CDLL)


# --- sqlite3 ---

@kept
def databases():
    class Connection(sqlite3.Connection):
        pass
    class Sum(object):
        def step(self, x):
            pass
        def finalize(self):
            return 1
    path = tempfile.mkstemp()[1]
    connection = sqlite3.connect(path, factory=Connection, detect_types=3)
    connection.attribute = [connection]
    connection.row_factory, connection.text_factory = sqlite3.Row, lambda raw: raw
    connection.create_function("f", 1, lambda x: None)
    connection.create_aggregate("g", 1, Sum)
    connection.create_collation("c", lambda a, b: 0)
    connection.set_authorizer(lambda *a: 0)
    connection.set_progress_handler(lambda: 0, 1000000)
    connection.set_trace_callback(lambda text: None)
    connection.execute("create table t (a, b)")
    connection.executemany("insert into t values (?, ?)", [(i, b"x" * 5) for i in range(20)])
    midway = connection.execute("select * from t")
    row = next(midway)
    yield connection, midway, row, midway.description, connection.cursor()
    cursor = connection.cursor()
    cursor.row_factory = closure
    yield cursor, sqlite3.connect(":memory:"), connection.execute("select f(1) is null")
    sqlite3.register_adapter(Plain, lambda one: 5)
    sqlite3.register_converter("made", closure)
    yield iter(row), connection.iterdump()
    class Cursor(sqlite3.Cursor):
        pass
    sub = connection.cursor(Cursor)
    sub.attribute = [sub]
    yield sub
    for i in range(5):
        connection.execute("select %d from t" % i).fetchone()
    closed = sqlite3.connect(":memory:")
    finished = closed.execute("select 1")
    finished.fetchall()
    closed.close()
    yield closed, finished
    if sys.version_info >= (3, 11):
        connection.create_window_function("w", 1, Sum)
        yield connection.blobopen("t", "b", 1)


# --- ssl and sockets ---

@kept
def encrypted():
    class Context(ssl.SSLContext):
        pass
    server = Context(ssl.PROTOCOL_TLS_SERVER)
    server.set_servername_callback(lambda *a: None)
    context = Context(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if sys.version_info >= (3, 8):
        context._msg_callback = lambda *a: None
    context.attribute = [context]
    yield server, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = context.wrap_bio(incoming, outgoing, server_hostname="name")
    try:
        one.do_handshake()
    except ssl.SSLWantReadError as error:
        yield error
    yield context, one, incoming, outgoing, one._sslobj
    left, right = socket.socketpair()
    yield context.wrap_socket(left, do_handshake_on_connect=False, server_hostname="x"), right
    if sys.version_info >= (3, 13):
        context.set_psk_client_callback(lambda hint: ("x", b"y"))


@kept
def encrypted_with_session():
    """Both ends of a connection that needs no certificate."""
    if sys.version_info < (3, 7):
        return
    ends = []
    for side in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT):
        context = ssl.SSLContext(side)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("aNULL:@SECLEVEL=0")
        ends.append(context)
    first, second = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = ends[0].wrap_bio(first, second, server_side=True)
    client = ends[1].wrap_bio(second, first)
    for one in (client, server, client, server, client):
        try:
            one.do_handshake()
        except ssl.SSLWantReadError:
            pass
    yield server, client, client.session, server.session, client.session_reused
    again = ends[1].wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), session=client.session)
    yield again, again.context


@kept
def sockets():
    one, other = socket.socketpair()
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(1)
    stream = one.makefile("rwb")
    yield one, other, server, server.getsockname(), stream, other.makefile("r")
    poll, epoll = select.poll(), select.epoll()
    poll.register(one)
    epoll.register(one)
    yield poll, epoll
    for kind in (selectors.SelectSelector, selectors.PollSelector, selectors.EpollSelector):
        selector = kind()
        selector.register(one, selectors.EVENT_READ, [1])
        yield selector, selector.get_map()
    yield selectors.DefaultSelector(), socket.SocketIO(other, "r"), socket.has_ipv6


@kept
def memory_and_compression():
    memory = mmap.mmap(-1, 4096)
    yield memory, memoryview(memory)
    class Sub(mmap.mmap):
        pass
    sub = Sub(-1, 4096)
    sub.attribute = [sub]
    yield sub
    path = tempfile.mkstemp()[1]
    for opened in (bz2.BZ2File(path, "w"), lzma.LZMAFile(path, "w")):
        opened.write(b"x")
        yield opened
    data = zlib.compress(b"abc" * 100) + b"unused"
    inflater = zlib.decompressobj()
    inflater.decompress(data[:20], 5)
    finished = zlib.decompressobj(zdict=b"dictionary")
    ended = zlib.decompressobj()
    ended.decompress(data)
    yield inflater, finished, ended, zlib.compressobj()
    for module, compress in ((bz2, bz2.BZ2Compressor), (lzma, lzma.LZMACompressor)):
        packed = getattr(module, "compress")(b"abc")
        unpacker = getattr(module, "BZ2Decompressor" if module is bz2 else "LZMADecompressor")()
        unpacker.decompress(packed + b"unused")
        yield compress(), unpacker
    import gzip
    import tarfile
    import zipfile
    archive = zipfile.ZipFile(io.BytesIO(), "w")
    archive.writestr("a", b"b")
    yield gzip.GzipFile(fileobj=io.BytesIO(), mode="w"), archive, tarfile.open(fileobj=io.BytesIO(), mode="w")


# --- XML ---

XML = b"<?xml version='1.0'?><a x='1'>te&amp;xt<b>1</b>tail &lt;&amp; more<c/><c/><c/><c/><c/></a>"


@kept
def element_trees():
    tree = ElementTree.fromstring(XML)
    fewer = ElementTree.Element("tag", {"a": Text("b")}, more="x")
    fewer.text, fewer.tail = Text("text"), [1]
    for i in range(3):
        ElementTree.SubElement(fewer, "child%d" % i).text = "t"
    yield tree, fewer, list(tree), tree[0], ElementTree.ElementTree(tree), ElementTree.Element("bare")
    yield tree.iter(), tree.iter("c"), tree.itertext(), tree.iterfind("c"), fewer.attrib
    midway = tree.iter()
    next(midway), next(midway), next(midway)
    texts = tree.itertext()
    next(texts), next(texts)
    yield midway, texts
    builder = ElementTree.TreeBuilder(element_factory=ElementTree.Element)
    builder.start("a", {"x": Text("y")}), builder.data("1"), builder.start("b", {}), builder.data("2"), builder.data("3")
    yield builder, ElementTree.TreeBuilder()
    if sys.version_info >= (3, 8):
        yield ElementTree.TreeBuilder(comment_factory=closure, pi_factory=closure, insert_comments=True)
    parser = ElementTree.XMLParser()
    parser.feed(XML[:60])
    yield parser, parser.entity, parser.target
    class Target(object):
        def start(self, tag, attributes):
            self.seen = [tag, attributes]
        def data(self, data):
            pass
        def end(self, tag):
            pass
        def close(self):
            return self
    own = ElementTree.XMLParser(target=Target())
    own.feed(XML[:60])
    yield own
    pulling = ElementTree.XMLPullParser(["start", "end", "start-ns"])
    pulling.feed(XML[:60])
    yield pulling, ElementTree.iterparse(io.BytesIO(XML)), next(ElementTree.iterparse(io.BytesIO(XML), ["start"]))
    class Sub(ElementTree.Element):
        pass
    sub = Sub("t")
    sub.attribute = [sub]
    sub.append(sub)
    emptied = ElementTree.fromstring(XML)
    emptied.clear()
    removed = ElementTree.fromstring(XML)
    removed.remove(removed[0])
    yield sub, emptied, removed, removed.__copy__()


@kept
def other_xml():
    parser = pyexpat.ParserCreate(None, " ")
    for name in ("StartElementHandler", "EndElementHandler", "CharacterDataHandler", "CommentHandler", "DefaultHandler",
                 "ExternalEntityRefHandler", "XmlDeclHandler", "StartNamespaceDeclHandler"):
        setattr(parser, name, closure if name == "XmlDeclHandler" else lambda *a: None)
    parser.XmlDeclHandler = None
    parser.buffer_text = True
    parser.Parse(XML[:50], False)
    parser.intern
    yield parser, pyexpat.ParserCreate(intern={"a": "b"})
    events = xml.dom.pulldom.parseString(XML.decode())
    next(events)
    yield xml.dom.minidom.parseString(XML), events
    handler = xml.sax.ContentHandler()
    reader = xml.sax.make_parser()
    reader.setContentHandler(handler)
    reader.feed(XML[:50])
    yield reader, handler


# --- numbers, hooks ---

@kept
def decimals():
    context = decimal.Context(prec=5, traps=[decimal.Inexact])
    context.clear_flags()
    local = decimal.localcontext(context)
    yield context, context.flags, context.traps, local, decimal.getcontext(), decimal.Decimal("1.5"), local.__enter__()
    local.__exit__(None, None, None)
    class Sub(decimal.Decimal):
        pass
    sub = Sub(1)
    sub.attribute = [sub]
    class SubContext(decimal.Context):
        pass
    made = SubContext()
    made.attribute = [made]
    yield sub, made


@kept
def hooks():
    atexit.register(closure, [1], c=[2])
    signal.signal(signal.SIGUSR2, lambda *a: [1])
    sys.excepthook = lambda *a: None
    sys.displayhook = lambda *a: None
    if sys.version_info >= (3, 8):
        import threading
        threading.excepthook = lambda *a: None
        sys.unraisablehook = lambda *a: None
    if sys.version_info >= (3, 12):
        tool = sys.monitoring.PROFILER_ID
        sys.monitoring.use_tool_id(tool, "zoo")
        sys.monitoring.register_callback(tool, sys.monitoring.events.LINE, lambda *a: None)
        sys.monitoring.register_callback(tool, sys.monitoring.events.PY_START, [].append)
    sys.path_hooks.append(lambda path: closure(path) and (_ for _ in ()).throw(ImportError))
    sys.path_importer_cache.clear()
    yield sys.meta_path, sys.path_hooks, sys.implementation, sys.flags


@since(3, 9)
def zones_and_graphs():
    import graphlib
    import zoneinfo
    yield graphlib.TopologicalSorter({1: [2], 3: (4,)})
    head = b"TZif2" + bytes(15)
    counts = b"".join(n.to_bytes(4, "big") for n in (0, 0, 0, 0, 1, 4))
    moments = b"".join(n.to_bytes(4, "big") for n in (0, 0, 0, 2, 2, 8))
    kinds = (0).to_bytes(4, "big") + b"\0\0" + (3600).to_bytes(4, "big") + b"\1\4"
    data = (head + counts + bytes(6) + b"UTC\0" + head + moments + (0).to_bytes(8, "big") + (10**9).to_bytes(8, "big")
            + b"\0\1" + kinds + b"UTC\0XYZ\0" + b"\nUTC0XYZ,M3.2.0,M11.1.0\n")
    zone = zoneinfo.ZoneInfo.from_file(io.BytesIO(data), Text("made"))
    import datetime
    when = datetime.datetime(2020, 6, 1, tzinfo=zone)
    when.utcoffset()
    yield zone, when
    class Sub(zoneinfo.ZoneInfo):
        pass
    sub = Sub.from_file(io.BytesIO(data), "sub")
    sub.attribute = [sub]
    yield sub


@kept
def others():
    import unicodedata
    import xxlimited
    import termios
    one = xxlimited.Xxo() if hasattr(xxlimited, "Xxo") else xxlimited.new()
    one.attribute = [1]
    yield one, unicodedata.ucd_3_2_0, termios.error
    for name in ("xxlimited_35", "_interpqueues", "_interpchannels", "_statistics", "_suggestions", "_opcode", "_lsprof", "_uuid"):
        try:
            yield __import__(name)
        except ImportError:
            pass


@since(3, 14)
def other_interpreters():
    """No other is made: what their module has for this one."""
    from concurrent import interpreters
    yield interpreters.get_main(), interpreters.create_queue()
    one = interpreters.create_queue()
    one.put("text")
    yield one
