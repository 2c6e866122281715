"""C functions of the interpreter, called with the GIL kept, as of ctypes.PyDLL(None); without ctypes itself, which is a large part of
a snapshot of a small process. call(name, restype, argtypes)."""
import _ctypes


class c_int(_ctypes._SimpleCData):
    _type_ = "i"


class py_object(_ctypes._SimpleCData):
    _type_ = "O"


class Function(_ctypes.CFuncPtr):
    _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_PYTHONAPI
    _restype_ = c_int


class Library(object):
    _handle = _ctypes.dlopen(None, 0)


def call(name, restype=c_int, argtypes=None):
    function = Function((name, Library))
    function.restype = restype
    if argtypes:
        function.argtypes = argtypes
    return function


byref = _ctypes.byref
