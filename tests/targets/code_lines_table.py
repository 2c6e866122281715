"""Blocks after writing, for several hundred code objects of the standard library, which line each instruction is of, as
dis and co_lines() have it: "code ADDRESS FUNCTION", "file FILE", then "OFFSET LINE" lines."""
import dis
import importlib
import sys
import types

import oracle

MODULES = ["argparse", "ast", "codecs", "collections", "configparser", "contextlib", "copy", "csv", "datetime",
           "difflib", "email.message", "enum", "functools", "heapq", "html.parser", "http.client", "inspect", "json",
           "logging", "optparse", "os", "pickle", "pprint", "random", "shutil", "statistics", "string", "subprocess",
           "tarfile", "tempfile", "textwrap", "threading", "tokenize", "traceback", "typing", "unittest.case",
           "urllib.parse", "weakref", "xml.dom.minidom", "zipfile"]
MOST = 1500


def inside(code, found):
    found.append(code)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            inside(constant, found)


def codes():
    found = []
    for name in MODULES:
        try:
            module = importlib.import_module(name)
            with open(module.__file__, "rb") as file:
                inside(compile(file.read(), module.__file__, "exec"), found)
        except (ImportError, OSError):
            pass  # a small Debian leaves modules out
    # Lines that no program has: without a line, before the file, far apart.
    far = "def f(x):\n return x(*[%s1][1:], *%s[])\n" % ("\n" * 140, "\n" * 100000)
    for text in far, far + "f = lambda: [i\n for i in f]\n", "class A: pass\nasync def f():\n async with f: await f\n":
        inside(compile(text, "made", "exec"), found)
    return found[:: len(found) // MOST + 1] + found[-8:]


def lines(code):
    """(offset, line) of each instruction; a caller's frame may also stand in an inline cache."""
    size = len(code.co_code)
    if hasattr(code, "co_lines"):
        ranges = code.co_lines()
        return [(offset, line or 0) for start, end, line in ranges for offset in range(start, min(end, size), 2)]
    starts, line, table = dict(dis.findlinestarts(code)), code.co_firstlineno, []
    for offset in range(0, size, 2):
        line = starts.get(offset, line)
        table.append((offset, line))
    return table


try:
    import ctypes
    addr2line = ctypes.pythonapi.PyCode_Addr2Line
    addr2line.argtypes, addr2line.restype = [ctypes.py_object, ctypes.c_int], ctypes.c_int
except ImportError:
    addr2line = None

text, keep = [], codes()
for code in keep:
    text.append("code %d %s\nfile %s\n" % (id(code), getattr(code, "co_qualname", code.co_name), code.co_filename))
    for offset, line in lines(code):
        if addr2line and max(addr2line(code, offset), 0) != line:
            sys.exit("%s: PyCode_Addr2Line contradicts %d for %d" % (code, line, offset))
        text.append("%d %d\n" % (offset, line))
    if addr2line and not hasattr(sys, "gettotalrefcount"):  # a debug build asserts that there is such an instruction
        for offset in -2, len(code.co_code) + 1000:
            text.append("%d %d\n" % (offset, max(addr2line(code, offset), 0)))
oracle.write(sys.argv[1], "".join(text))
oracle.FOR_SIGNAL[0](oracle.FOR_SIGNAL[1])
