// SPDX-License-Identifier: BSD-2-Clause
#include "members.h"

#include <stddef.h>
#include <string.h>

/* Releases from ... to ..., as MEMBER_VERSION has them. */
#define ALWAYS 0, UINT16_MAX
#define SINCE(minor) MEMBER_VERSION(minor, 0), UINT16_MAX
#define UNTIL(minor) 0, MEMBER_VERSION(minor, UINT8_MAX)
#define BETWEEN(first, last) MEMBER_VERSION(first, 0), MEMBER_VERSION(last, UINT8_MAX)
#define RELEASES(minor, first, last) MEMBER_VERSION(minor, first), MEMBER_VERSION(minor, last)
#define ANY_MICRO UINT8_MAX
/* Words at ..., from ... on. */
#define AT(offset) offset, (offset) + 1
#define RANGE(first, end) first, end
#define REST(offset) offset, UINT16_MAX
#define ALL REST(16)
/* Wherever tp_members says that this name is. */
#define NAMED UINT16_MAX, UINT16_MAX

/*
 * The first row that fits counts. What has none is visited, if there is a tp_traverse, and else held.
 */
/* clang-format off */
static const struct member members[] = {
	/* Objects/cellobject.c */
	{"cell", ALWAYS, AT(16), MEMBER_VISITED, "cell_contents"},
	/* Objects/funcobject.c: what is no tp_members but computed. */
	{"function", UNTIL(9), AT(16), MEMBER_VISITED, "__code__"},
	{"function", UNTIL(9), AT(32), MEMBER_VISITED, "__defaults__"},
	{"function", UNTIL(9), AT(40), MEMBER_VISITED, "__kwdefaults__"},
	{"function", UNTIL(9), AT(64), MEMBER_VISITED, "__name__"},
	{"function", UNTIL(9), AT(96), MEMBER_VISITED, "__annotations__"},
	{"function", UNTIL(9), AT(104), MEMBER_VISITED, "__qualname__"},
	{"function", SINCE(10), AT(32), MEMBER_VISITED, "__name__"},
	{"function", SINCE(10), AT(40), MEMBER_VISITED, "__qualname__"},
	{"function", SINCE(10), AT(48), MEMBER_VISITED, "__code__"},
	{"function", SINCE(10), AT(56), MEMBER_VISITED, "__defaults__"},
	{"function", SINCE(10), AT(64), MEMBER_VISITED, "__kwdefaults__"},
	{"function", SINCE(10), AT(112), MEMBER_VISITED, "__annotations__"},
	{"function", BETWEEN(12, 13), AT(120), MEMBER_VISITED, "__type_params__"},
	{"function", SINCE(14), AT(120), MEMBER_VISITED, "__annotate__"},
	{"function", SINCE(14), AT(128), MEMBER_VISITED, "__type_params__"},
	{"function", SINCE(14), AT(104), MEMBER_VISITED, "__module__"},
	/* Objects/methodobject.c */
	{"builtin_function_or_method", ALWAYS, AT(24), MEMBER_VISITED, "__self__"},
	{"builtin_method", ALWAYS, AT(24), MEMBER_VISITED, "__self__"},
	/* Objects/strobject.c and others: bytes, digits, and pointers to memory that is no object. */
	{"str", ALWAYS, ALL, MEMBER_BORROWED, NULL},
	{"bytes", ALWAYS, ALL, MEMBER_BORROWED, NULL},
	{"int", ALWAYS, ALL, MEMBER_BORROWED, NULL},
	{"float", ALWAYS, ALL, MEMBER_BORROWED, NULL},
	{"complex", ALWAYS, ALL, MEMBER_BORROWED, NULL},
	{"bytearray", SINCE(15), AT(56), MEMBER_HELD, NULL},
	{"bytearray", ALWAYS, ALL, MEMBER_BORROWED, NULL},
	{"array.array", ALWAYS, ALL, MEMBER_BORROWED, NULL},
	{"mmap.mmap", ALWAYS, AT(16), MEMBER_BORROWED, NULL},
	/*
	 * Modules/blake2module.c, md5module.c, sha1module.c, sha2module.c, sha3module.c, _hashopenssl.c, hmacmodule.c: states of C
	 * code; the rest of the word of a mutex of one byte is what lay there before.
	 */
	{"_blake2.blake2b", ALWAYS, ALL, MEMBER_BORROWED, NULL},
	{"_blake2.blake2s", ALWAYS, ALL, MEMBER_BORROWED, NULL},
	{"_md5.md5", ALWAYS, ALL, MEMBER_BORROWED, NULL},
	{"_sha1.sha1", ALWAYS, ALL, MEMBER_BORROWED, NULL},
	{"_sha2.SHA224Type", ALWAYS, ALL, MEMBER_BORROWED, NULL},
	{"_sha2.SHA256Type", ALWAYS, ALL, MEMBER_BORROWED, NULL},
	{"_sha2.SHA384Type", ALWAYS, ALL, MEMBER_BORROWED, NULL},
	{"_sha2.SHA512Type", ALWAYS, ALL, MEMBER_BORROWED, NULL},
	{"_sha3.sha3_224", ALWAYS, ALL, MEMBER_BORROWED, NULL},
	{"_sha3.sha3_256", ALWAYS, ALL, MEMBER_BORROWED, NULL},
	{"_sha3.sha3_384", ALWAYS, ALL, MEMBER_BORROWED, NULL},
	{"_sha3.sha3_512", ALWAYS, ALL, MEMBER_BORROWED, NULL},
	{"_sha3.shake_128", ALWAYS, ALL, MEMBER_BORROWED, NULL},
	{"_sha3.shake_256", ALWAYS, ALL, MEMBER_BORROWED, NULL},
	{"_hashlib.HASH", SINCE(13), REST(24), MEMBER_BORROWED, NULL},
	{"_hashlib.HASHXOF", SINCE(13), REST(24), MEMBER_BORROWED, NULL},
	{"_hashlib.HMAC", SINCE(13), REST(24), MEMBER_BORROWED, NULL},
	{"_hmac.HMAC", SINCE(14), AT(16), MEMBER_BORROWED, NULL},
	/* Objects/memoryobject.c: only the managed buffer is the view's own, and of that only the exporter. */
	{"memoryview", ALWAYS, REST(32), MEMBER_BORROWED, NULL},
	{"managedbuffer", ALWAYS, AT(40), MEMBER_VISITED, "obj"},
	{"managedbuffer", ALWAYS, ALL, MEMBER_BORROWED, NULL},
	/* Objects/enumobject.c: one, a number that is always there. */
	{"enumerate", SINCE(10), AT(48), MEMBER_BORROWED, NULL},
	/* Objects/descrobject.c: descr_traverse visits d_type alone. */
	{"method_descriptor", ALWAYS, AT(24), MEMBER_HELD, "__name__"},
	{"method_descriptor", ALWAYS, AT(32), MEMBER_HELD, "__qualname__"},
	{"classmethod_descriptor", ALWAYS, AT(24), MEMBER_HELD, "__name__"},
	{"classmethod_descriptor", ALWAYS, AT(32), MEMBER_HELD, "__qualname__"},
	{"member_descriptor", ALWAYS, AT(24), MEMBER_HELD, "__name__"},
	{"member_descriptor", ALWAYS, AT(32), MEMBER_HELD, "__qualname__"},
	{"getset_descriptor", ALWAYS, AT(24), MEMBER_HELD, "__name__"},
	{"getset_descriptor", ALWAYS, AT(32), MEMBER_HELD, "__qualname__"},
	{"wrapper_descriptor", ALWAYS, AT(24), MEMBER_HELD, "__name__"},
	{"wrapper_descriptor", ALWAYS, AT(32), MEMBER_HELD, "__qualname__"},
	{"method-wrapper", ALWAYS, AT(24), MEMBER_VISITED, "__self__"},
	/*
	 * Objects/genobject.c: the exception that a generator handles, the stack of these, what a coroutine tells of
	 * its origin and an asynchronous generator's finalizer, which nobody else sets; then numbers of one byte.
	 */
	{"generator", UNTIL(9), AT(48), MEMBER_VISITED, "__name__"},
	{"generator", UNTIL(9), AT(56), MEMBER_VISITED, "__qualname__"},
	{"generator", BETWEEN(10, 10), AT(40), MEMBER_VISITED, "__name__"},
	{"generator", BETWEEN(10, 10), AT(48), MEMBER_VISITED, "__qualname__"},
	{"generator", BETWEEN(11, 11), AT(32), MEMBER_VISITED, "__name__"},
	{"generator", BETWEEN(11, 11), AT(40), MEMBER_VISITED, "__qualname__"},
	{"generator", SINCE(12), AT(24), MEMBER_VISITED, "__name__"},
	{"generator", SINCE(12), AT(32), MEMBER_VISITED, "__qualname__"},
	{"coroutine", UNTIL(9), AT(48), MEMBER_VISITED, "__name__"},
	{"coroutine", UNTIL(9), AT(56), MEMBER_VISITED, "__qualname__"},
	{"coroutine", BETWEEN(10, 10), AT(40), MEMBER_VISITED, "__name__"},
	{"coroutine", BETWEEN(10, 10), AT(48), MEMBER_VISITED, "__qualname__"},
	{"coroutine", BETWEEN(11, 11), AT(32), MEMBER_VISITED, "__name__"},
	{"coroutine", BETWEEN(11, 11), AT(40), MEMBER_VISITED, "__qualname__"},
	{"coroutine", SINCE(12), AT(24), MEMBER_VISITED, "__name__"},
	{"coroutine", SINCE(12), AT(32), MEMBER_VISITED, "__qualname__"},
	{"async_generator", UNTIL(9), AT(48), MEMBER_VISITED, "__name__"},
	{"async_generator", UNTIL(9), AT(56), MEMBER_VISITED, "__qualname__"},
	{"async_generator", BETWEEN(10, 10), AT(40), MEMBER_VISITED, "__name__"},
	{"async_generator", BETWEEN(10, 10), AT(48), MEMBER_VISITED, "__qualname__"},
	{"async_generator", BETWEEN(11, 11), AT(32), MEMBER_VISITED, "__name__"},
	{"async_generator", BETWEEN(11, 11), AT(40), MEMBER_VISITED, "__qualname__"},
	{"async_generator", SINCE(12), AT(24), MEMBER_VISITED, "__name__"},
	{"async_generator", SINCE(12), AT(32), MEMBER_VISITED, "__qualname__"},
	{"generator", UNTIL(9), AT(24), MEMBER_BORROWED, NULL},
	{"generator", BETWEEN(7, 9), AT(88), MEMBER_BORROWED, NULL},
	{"generator", BETWEEN(10, 10), AT(80), MEMBER_BORROWED, NULL},
	{"generator", BETWEEN(11, 11), AT(16), MEMBER_VISITED, "gi_code"},
	{"generator", BETWEEN(11, 11), REST(56), MEMBER_BORROWED, NULL},
	{"generator", SINCE(12), REST(48), MEMBER_BORROWED, NULL},
	{"coroutine", UNTIL(9), AT(24), MEMBER_BORROWED, NULL},
	{"coroutine", BETWEEN(7, 9), AT(88), MEMBER_BORROWED, NULL},
	{"coroutine", BETWEEN(7, 9), AT(96), MEMBER_HELD, "cr_origin"},
	{"coroutine", BETWEEN(10, 10), AT(80), MEMBER_BORROWED, NULL},
	{"coroutine", BETWEEN(10, 10), AT(88), MEMBER_HELD, "cr_origin"},
	{"coroutine", BETWEEN(11, 11), AT(16), MEMBER_VISITED, "cr_code"},
	{"coroutine", BETWEEN(11, 11), AT(56), MEMBER_BORROWED, NULL},
	{"coroutine", BETWEEN(11, 11), AT(64), MEMBER_HELD, "cr_origin"},
	{"coroutine", BETWEEN(11, 11), REST(72), MEMBER_BORROWED, NULL},
	{"coroutine", SINCE(12), AT(48), MEMBER_BORROWED, NULL},
	{"coroutine", SINCE(12), AT(56), MEMBER_HELD, "cr_origin"},
	{"coroutine", SINCE(12), REST(64), MEMBER_BORROWED, NULL},
	{"async_generator", UNTIL(9), AT(24), MEMBER_BORROWED, NULL},
	{"async_generator", BETWEEN(7, 9), AT(88), MEMBER_BORROWED, NULL},
	{"async_generator", BETWEEN(10, 10), AT(80), MEMBER_BORROWED, NULL},
	{"async_generator", BETWEEN(11, 11), AT(16), MEMBER_VISITED, "ag_code"},
	{"async_generator", BETWEEN(11, 11), AT(56), MEMBER_BORROWED, NULL},
	{"async_generator", BETWEEN(11, 11), REST(72), MEMBER_BORROWED, NULL},
	{"async_generator", SINCE(12), AT(48), MEMBER_BORROWED, NULL},
	{"async_generator", SINCE(12), REST(64), MEMBER_BORROWED, NULL},
	/* Objects/frameobject.c */
	{"frame", UNTIL(10), AT(56), MEMBER_VISITED, "f_locals"},
	{"frame", UNTIL(9), AT(80), MEMBER_VISITED, "f_trace"},
	{"frame", BETWEEN(10, 10), AT(72), MEMBER_VISITED, "f_trace"},
	{"frame", SINCE(11), AT(16), MEMBER_VISITED, "f_back"},
	{"frame", SINCE(11), AT(32), MEMBER_VISITED, "f_trace"},
	/* Python/traceback.c: tb_next is computed from 3.7 on. */
	{"traceback", SINCE(7), AT(16), MEMBER_VISITED, "tb_next"},
	/* Objects/classobject.c */
	{"instancemethod", ALWAYS, AT(16), MEMBER_VISITED, "__func__"},
	/* Objects/codeobject.c: frames and caches that are no objects. */
	{"code", UNTIL(7), RANGE(120, 129), MEMBER_BORROWED, NULL},
	{"code", UNTIL(7), AT(88), MEMBER_BORROWED, NULL},
	{"code", UNTIL(7), AT(136), MEMBER_BORROWED, NULL},
	{"code", BETWEEN(8, 10), AT(96), MEMBER_BORROWED, NULL},
	{"code", BETWEEN(8, 10), REST(128), MEMBER_BORROWED, NULL},
	{"code", BETWEEN(11, 11), REST(160), MEMBER_BORROWED, NULL},
	{"code", SINCE(12), REST(144), MEMBER_BORROWED, NULL},
	/* Python/hamt.c: a bitmap or a hash; what an iterator has come to belongs to the tree. */
	{"hamt_bitmap_node", ALWAYS, AT(24), MEMBER_BORROWED, NULL},
	{"hamt_collision_node", ALWAYS, AT(24), MEMBER_BORROWED, NULL},
	{"items", ALWAYS, REST(24), MEMBER_BORROWED, NULL},
	{"keys", ALWAYS, REST(24), MEMBER_BORROWED, NULL},
	{"values", ALWAYS, REST(24), MEMBER_BORROWED, NULL},
	/* Python/context.c: var_cached. */
	{"ContextVar", ALWAYS, AT(32), MEMBER_BORROWED, NULL},
	{"_contextvars.ContextVar", ALWAYS, AT(32), MEMBER_BORROWED, NULL},
	/* Objects/genericaliasobject.c, unionobject.c, descrobject.c */
	{"types.GenericAlias", ALWAYS, AT(32), MEMBER_VISITED, "__parameters__"},
	{"types.UnionType", ALWAYS, AT(24), MEMBER_VISITED, "__parameters__"},
	{"typing.Union", ALWAYS, AT(40), MEMBER_VISITED, "__parameters__"},
	{"property", SINCE(13), AT(48), MEMBER_VISITED, "__name__"},
	/* Objects/typevarobject.c: names are visited from 3.13.10 and 3.14.1 on (gh-140000), types of some never. */
	{"typing.TypeVar", UNTIL(12), AT(16), MEMBER_HELD, "__name__"},
	{"typing.TypeVar", RELEASES(13, 0, 9), AT(16), MEMBER_HELD, "__name__"},
	{"typing.TypeVar", RELEASES(14, 0, 0), AT(16), MEMBER_HELD, "__name__"},
	{"typing.TypeVarTuple", UNTIL(12), AT(16), MEMBER_HELD, "__name__"},
	{"typing.TypeVarTuple", RELEASES(13, 0, 9), AT(16), MEMBER_HELD, "__name__"},
	{"typing.TypeVarTuple", RELEASES(14, 0, 0), AT(16), MEMBER_HELD, "__name__"},
	{"typing.ParamSpec", UNTIL(12), AT(16), MEMBER_HELD, "__name__"},
	{"typing.ParamSpec", RELEASES(13, 0, 9), AT(16), MEMBER_HELD, "__name__"},
	{"typing.ParamSpec", RELEASES(14, 0, 0), AT(16), MEMBER_HELD, "__name__"},
	{"typing.TypeAliasType", UNTIL(12), AT(16), MEMBER_HELD, "__name__"},
	{"typing.TypeAliasType", RELEASES(13, 0, 9), AT(16), MEMBER_HELD, "__name__"},
	{"typing.TypeAliasType", RELEASES(14, 0, 0), AT(16), MEMBER_HELD, "__name__"},
	{"typing.TypeAliasType", BETWEEN(12, 14), AT(24), MEMBER_VISITED, "__type_params__"},
	{"typing.TypeAliasType", BETWEEN(12, 14), AT(32), MEMBER_VISITED, "evaluate_value"},
	{"typing.TypeAliasType", BETWEEN(12, 14), AT(40), MEMBER_VISITED, "__value__"},
	{"typing.TypeAliasType", SINCE(15), AT(24), MEMBER_VISITED, "__qualname__"},
	{"typing.TypeAliasType", SINCE(15), AT(32), MEMBER_VISITED, "__type_params__"},
	{"typing.TypeAliasType", SINCE(15), AT(40), MEMBER_VISITED, "evaluate_value"},
	{"typing.TypeAliasType", SINCE(15), AT(48), MEMBER_VISITED, "__value__"},
	{"typing.ParamSpecArgs", ALWAYS, AT(8), MEMBER_HELD, NULL},
	{"typing.ParamSpecKwargs", ALWAYS, AT(8), MEMBER_HELD, NULL},
	/* Objects/exceptions.c */
	{"BaseException", UNTIL(10), AT(24), MEMBER_VISITED, "args"},
	{"BaseException", UNTIL(10), AT(32), MEMBER_VISITED, "__traceback__"},
	{"BaseException", UNTIL(10), AT(40), MEMBER_VISITED, "__context__"},
	{"BaseException", UNTIL(10), AT(48), MEMBER_VISITED, "__cause__"},
	{"BaseException", SINCE(11), AT(24), MEMBER_VISITED, "args"},
	{"BaseException", SINCE(11), AT(32), MEMBER_VISITED, "__notes__"},
	{"BaseException", SINCE(11), AT(40), MEMBER_VISITED, "__traceback__"},
	{"BaseException", SINCE(11), AT(48), MEMBER_VISITED, "__context__"},
	{"BaseException", SINCE(11), AT(56), MEMBER_VISITED, "__cause__"},
	/* Objects/capsule.c: pointer and context are its maker's. */
	{"PyCapsule", ALWAYS, ALL, MEMBER_BORROWED, NULL},
	/* Modules/_ctypes/stgdict.c: it has no tp_traverse but that of dict. */
	{"StgDict", UNTIL(12), AT(96), MEMBER_BORROWED, NULL}, /* proto: its type has it, below */
	{"StgDict", UNTIL(12), REST(48), MEMBER_HELD, NULL},
	/* Modules/_ctypes/_ctypes.c: memory, which may have addresses of objects in it; what it needs is in _objects.
	 */
	{"_ctypes._SimpleCData", ALWAYS, RANGE(16, 32), MEMBER_BORROWED, NULL},
	{"_ctypes._SimpleCData", ALWAYS, REST(72), MEMBER_BORROWED, NULL},
	{"_ctypes._Pointer", ALWAYS, RANGE(16, 32), MEMBER_BORROWED, NULL},
	{"_ctypes._Pointer", ALWAYS, REST(72), MEMBER_BORROWED, NULL},
	{"_ctypes.Structure", ALWAYS, RANGE(16, 32), MEMBER_BORROWED, NULL},
	{"_ctypes.Structure", ALWAYS, REST(72), MEMBER_BORROWED, NULL},
	{"_ctypes.Union", ALWAYS, RANGE(16, 32), MEMBER_BORROWED, NULL},
	{"_ctypes.Union", ALWAYS, REST(72), MEMBER_BORROWED, NULL},
	{"_ctypes.Array", ALWAYS, RANGE(16, 32), MEMBER_BORROWED, NULL},
	{"_ctypes.Array", ALWAYS, REST(72), MEMBER_BORROWED, NULL},
	{"_ctypes.CFuncPtr", ALWAYS, RANGE(16, 32), MEMBER_BORROWED, NULL},
	{"_ctypes.CFuncPtr", ALWAYS, RANGE(72, 96), MEMBER_BORROWED, NULL},
	/* Modules/_ctypes/callproc.c: a value, and its size. */
	{"_ctypes.CArgObject", UNTIL(13), AT(48), MEMBER_VISITED, "_obj"},
	{"_ctypes.CArgObject", SINCE(14), AT(64), MEMBER_VISITED, "_obj"},
	{"_ctypes.CArgObject", ALWAYS, REST(16), MEMBER_BORROWED, NULL},
	{"CArgObject", UNTIL(13), AT(48), MEMBER_VISITED, "_obj"},
	{"CArgObject", ALWAYS, REST(16), MEMBER_BORROWED, NULL},
	/* Modules/_ctypes/cfield.c */
	{"ctypes.CField", SINCE(14), AT(72), MEMBER_HELD, "name"},
	/* Modules/_decimal/_decimal.c: modstate, whose second word is a type. */
	{"decimal.Context", SINCE(13), AT(96), MEMBER_BORROWED, NULL},
	/* Modules/_functoolsmodule.c: links of the ring, which no Python code sees; placeholder. */
	{"functools._lru_cache_wrapper", ALWAYS, RANGE(16, 32), MEMBER_BORROWED, NULL},
	{"functools._lru_list_elem", ALWAYS, RANGE(16, 32), MEMBER_BORROWED, NULL},
	{"functools.partial", SINCE(14), AT(56), MEMBER_BORROWED, NULL},
	/* Modules/_operator.c */
	{"operator.methodcaller", UNTIL(9), AT(16), MEMBER_HELD, NULL},
	/* Modules/itertoolsmodule.c: the module's state; the group that is under way. */
	{"itertools._tee", SINCE(12), AT(40), MEMBER_BORROWED, NULL},
	{"itertools.accumulate", SINCE(12), AT(48), MEMBER_BORROWED, NULL},
	{"itertools.groupby", SINCE(7), REST(56), MEMBER_BORROWED, NULL},
	{"itertools._tee_dataobject", ALWAYS, REST(40), MEMBER_BORROWED, NULL},
	/* Modules/_json.c: memo */
	{"_json.Scanner", UNTIL(8), AT(64), MEMBER_HELD, NULL},
	/* Modules/_io */
	{"_io.BytesIO", UNTIL(11), AT(16), MEMBER_HELD, NULL},
	{"_io.BufferedRWPair", UNTIL(11), RANGE(16, 32), MEMBER_HELD, NULL},
	{"_io.StringIO", ALWAYS, RANGE(16, 48), MEMBER_BORROWED, NULL},
	{"_io.StringIO", UNTIL(11), RANGE(48, 104), MEMBER_HELD, NULL},
	{"_io.StringIO", BETWEEN(12, 13), AT(56), MEMBER_HELD, NULL},
	{"_io.StringIO", BETWEEN(12, 13), AT(64), MEMBER_BORROWED, NULL},
	{"_io.StringIO", SINCE(14), AT(56), MEMBER_BORROWED, NULL},
	/* Modules/_lsprof.c: externalTimer; sys.monitoring.MISSING */
	{"_lsprof.Profiler", UNTIL(12), AT(48), MEMBER_HELD, NULL},
	{"_lsprof.Profiler", BETWEEN(12, 14), AT(72), MEMBER_HELD, NULL},
	/* Modules/cjkcodecs/multibytecodec.c */
	{"_multibytecodec.MultibyteIncrementalEncoder", ALWAYS, AT(8), MEMBER_HELD, NULL},
	{"_multibytecodec.MultibyteIncrementalDecoder", ALWAYS, AT(8), MEMBER_HELD, NULL},
	{"_multibytecodec.MultibyteStreamReader", ALWAYS, AT(8), MEMBER_HELD, NULL},
	{"_multibytecodec.MultibyteStreamWriter", ALWAYS, AT(8), MEMBER_HELD, NULL},
	/* Modules/_pickle.c: pers_func_self, which is the object itself; buffers */
	{"_pickle.Pickler", UNTIL(12), AT(32), MEMBER_BORROWED, NULL},
	{"_pickle.Pickler", UNTIL(7), AT(56), MEMBER_HELD, NULL},
	{"_pickle.Pickler", BETWEEN(8, 12), AT(64), MEMBER_HELD, NULL},
	{"_pickle.Pickler", RELEASES(13, 0, 0), AT(56), MEMBER_HELD, NULL},
	{"_pickle.Pickler", RELEASES(13, 1, ANY_MICRO), AT(64), MEMBER_HELD, NULL},
	{"_pickle.Pickler", SINCE(14), AT(64), MEMBER_HELD, NULL},
	{"_pickle.Unpickler", UNTIL(12), AT(72), MEMBER_HELD, NULL},
	{"_pickle.Unpickler", UNTIL(12), RANGE(56, 184), MEMBER_BORROWED, NULL},
	{"_pickle.Unpickler", UNTIL(7), REST(208), MEMBER_BORROWED, NULL},
	{"_pickle.Unpickler", BETWEEN(8, 12), REST(224), MEMBER_BORROWED, NULL},
	{"_pickle.Unpickler", RELEASES(13, 0, 0), AT(64), MEMBER_HELD, NULL},
	{"_pickle.Unpickler", RELEASES(13, 0, 0), RANGE(56, 176), MEMBER_BORROWED, NULL},
	{"_pickle.Unpickler", RELEASES(13, 0, 0), REST(216), MEMBER_BORROWED, NULL},
	{"_pickle.Unpickler", RELEASES(13, 1, ANY_MICRO), AT(64), MEMBER_BORROWED, NULL},
	{"_pickle.Unpickler", BETWEEN(14, 14), AT(64), MEMBER_BORROWED, NULL},
	{"_pickle.Unpickler", RELEASES(13, 1, ANY_MICRO), AT(72), MEMBER_HELD, NULL},
	{"_pickle.Unpickler", BETWEEN(14, 14), AT(72), MEMBER_HELD, NULL},
	{"_pickle.Unpickler", RELEASES(13, 1, ANY_MICRO), RANGE(80, 184), MEMBER_BORROWED, NULL},
	{"_pickle.Unpickler", BETWEEN(14, 14), RANGE(80, 184), MEMBER_BORROWED, NULL},
	{"_pickle.Unpickler", RELEASES(13, 1, ANY_MICRO), REST(240), MEMBER_BORROWED, NULL},
	{"_pickle.Unpickler", BETWEEN(14, 14), REST(240), MEMBER_BORROWED, NULL},
	{"_pickle.Unpickler", SINCE(15), AT(72), MEMBER_BORROWED, NULL},
	{"_pickle.Unpickler", SINCE(15), AT(80), MEMBER_HELD, NULL},
	{"_pickle.Unpickler", SINCE(15), RANGE(88, 192), MEMBER_BORROWED, NULL},
	{"_pickle.Unpickler", SINCE(15), REST(248), MEMBER_BORROWED, NULL},
	{"_pickle.Pdata", ALWAYS, ALL, MEMBER_BORROWED, NULL},
	/* Modules/socketmodule.c: the module's state, whose second word is a type. */
	{"_socket.socket", SINCE(12), REST(40), MEMBER_BORROWED, NULL},
	/* Modules/_sre.c: positions, and the string that a scanner is in, with its buffer. */
	{"_sre.SRE_Match", ALWAYS, REST(48), MEMBER_BORROWED, NULL},
	{"re.Match", ALWAYS, REST(48), MEMBER_BORROWED, NULL},
	{"_sre.SRE_Scanner", ALWAYS, AT(56), MEMBER_HELD, NULL},
	{"_sre.SRE_Scanner", ALWAYS, AT(72), MEMBER_HELD, NULL},
	{"_sre.SRE_Scanner", ALWAYS, REST(24), MEMBER_BORROWED, NULL},
	/* Modules/_sqlite: exceptions and state are the module's. A cache is its connection's; nodes are in a chain. */
	{"sqlite3.Connection", ALWAYS, NAMED, MEMBER_BORROWED, "Warning"},
	{"sqlite3.Connection", ALWAYS, NAMED, MEMBER_BORROWED, "Error"},
	{"sqlite3.Connection", ALWAYS, NAMED, MEMBER_BORROWED, "InterfaceError"},
	{"sqlite3.Connection", ALWAYS, NAMED, MEMBER_BORROWED, "DatabaseError"},
	{"sqlite3.Connection", ALWAYS, NAMED, MEMBER_BORROWED, "DataError"},
	{"sqlite3.Connection", ALWAYS, NAMED, MEMBER_BORROWED, "OperationalError"},
	{"sqlite3.Connection", ALWAYS, NAMED, MEMBER_BORROWED, "IntegrityError"},
	{"sqlite3.Connection", ALWAYS, NAMED, MEMBER_BORROWED, "InternalError"},
	{"sqlite3.Connection", ALWAYS, NAMED, MEMBER_BORROWED, "ProgrammingError"},
	{"sqlite3.Connection", ALWAYS, NAMED, MEMBER_BORROWED, "NotSupportedError"},
	{"sqlite3.Connection", SINCE(11), RANGE(16, 32), MEMBER_BORROWED, NULL},
	{"sqlite3.Cache", UNTIL(10), RANGE(32, 56), MEMBER_BORROWED, NULL},
	{"sqlite3.Node", UNTIL(10), RANGE(40, 56), MEMBER_BORROWED, NULL},
	/* Modules/_ssl.c: weak references, context and name are not visited. */
	{"_ssl._SSLSocket", ALWAYS, RANGE(16, 72), MEMBER_HELD, NULL},
	{"_ssl._SSLContext", ALWAYS, AT(72), MEMBER_HELD, NULL},
	{"_ssl._SSLContext", SINCE(10), AT(88), MEMBER_BORROWED, NULL},
	/* psk callbacks: visited from 3.13.13 and 3.14.4 on (gh-142516), and in Debian's 3.13.5. */
	{"_ssl._SSLContext", RELEASES(13, 0, 4), RANGE(96, 112), MEMBER_HELD, NULL},
	{"_ssl._SSLContext", RELEASES(13, 6, 12), RANGE(96, 112), MEMBER_HELD, NULL},
	{"_ssl._SSLContext", RELEASES(14, 0, 3), RANGE(96, 112), MEMBER_HELD, NULL},
	/* Modules/_threadmodule.c: key, callback of a weak reference */
	{"_thread._local", UNTIL(12), AT(16), MEMBER_HELD, NULL},
	{"_thread._local", UNTIL(12), AT(56), MEMBER_HELD, NULL},
	/* Modules/_zoneinfo.c: names and differences, in the struct and before it pointers to tables. */
	{"zoneinfo.ZoneInfo", ALWAYS, AT(24), MEMBER_HELD, NULL},
	{"zoneinfo.ZoneInfo", ALWAYS, RANGE(40, 96), MEMBER_BORROWED, NULL},
	{"zoneinfo.ZoneInfo", ALWAYS, RANGE(96, 152), MEMBER_HELD, NULL},
	{"zoneinfo.ZoneInfo", ALWAYS, REST(152), MEMBER_BORROWED, NULL},
	/* Modules/pyexpat.c */
	{"pyexpat.xmlparser", UNTIL(7), AT(56), MEMBER_HELD, "intern"},
	{"pyexpat.xmlparser", SINCE(8), NAMED, MEMBER_HELD, "intern"},
	/* Modules/_elementtree.c: events of 3.6; the module's state */
	{"xml.etree.ElementTree.TreeBuilder", UNTIL(6), REST(72), MEMBER_HELD, NULL},
	{"xml.etree.ElementTree.XMLParser", SINCE(13), AT(128), MEMBER_BORROWED, NULL},
	/* Modules/zlibmodule.c: with a tp_traverse from 3.13.10 and 3.14.1 on, for the type and zdict. */
	{"zlib.Compress", ALWAYS, RANGE(128, 144), MEMBER_HELD, NULL},
	{"zlib.Decompress", ALWAYS, RANGE(128, 144), MEMBER_HELD, NULL},
	/*
	 * States of modules. Of what lies there str and int are not visited without a row: they are names, and
	 * numbers that happen to be addresses.
	 */
	{"module _curses_panel", ALWAYS, AT(8), MEMBER_VISITED, NULL}, /* its own type, as of _hmac */
	{"module _hmac", ALWAYS, AT(8), MEMBER_VISITED, NULL},
	/* Modules/_asynciomodule.c: as Python names what futures and tasks hold. */
	{"_asyncio.Future", UNTIL(15), AT(16), MEMBER_VISITED, "_loop"},
	{"_asyncio.Future", UNTIL(6), AT(24), MEMBER_VISITED, "_callbacks"},
	{"_asyncio.Future", UNTIL(6), AT(32), MEMBER_VISITED, "_exception"},
	{"_asyncio.Future", UNTIL(6), AT(40), MEMBER_VISITED, "_result"},
	{"_asyncio.Future", BETWEEN(7, 15), AT(24), MEMBER_VISITED, "_callbacks[0][0]"},
	{"_asyncio.Future", BETWEEN(7, 15), AT(40), MEMBER_VISITED, "_callbacks"},
	{"_asyncio.Future", BETWEEN(7, 15), AT(48), MEMBER_VISITED, "_exception"},
	{"_asyncio.Future", BETWEEN(7, 9), AT(56), MEMBER_VISITED, "_result"},
	{"_asyncio.Future", BETWEEN(10, 15), AT(64), MEMBER_VISITED, "_result"},
	{"_asyncio.Task", UNTIL(15), AT(16), MEMBER_VISITED, "_loop"},
	{"_asyncio.Task", UNTIL(6), AT(24), MEMBER_VISITED, "_callbacks"},
	{"_asyncio.Task", UNTIL(6), AT(32), MEMBER_VISITED, "_exception"},
	{"_asyncio.Task", UNTIL(6), AT(40), MEMBER_VISITED, "_result"},
	{"_asyncio.Task", BETWEEN(7, 15), AT(24), MEMBER_VISITED, "_callbacks[0][0]"},
	{"_asyncio.Task", BETWEEN(7, 15), AT(40), MEMBER_VISITED, "_callbacks"},
	{"_asyncio.Task", BETWEEN(7, 15), AT(48), MEMBER_VISITED, "_exception"},
	{"_asyncio.Task", BETWEEN(7, 9), AT(56), MEMBER_VISITED, "_result"},
	{"_asyncio.Task", BETWEEN(10, 15), AT(64), MEMBER_VISITED, "_result"},
	{"_asyncio.Task", UNTIL(6), AT(88), MEMBER_VISITED, "_fut_waiter"},
	{"_asyncio.Task", UNTIL(6), AT(96), MEMBER_VISITED, "_coro"},
	{"_asyncio.Task", BETWEEN(7, 8), AT(104), MEMBER_VISITED, "_fut_waiter"},
	{"_asyncio.Task", BETWEEN(7, 8), AT(112), MEMBER_VISITED, "_coro"},
	{"_asyncio.Task", BETWEEN(9, 9), AT(144), MEMBER_VISITED, "_fut_waiter"},
	{"_asyncio.Task", BETWEEN(9, 9), AT(152), MEMBER_VISITED, "_coro"},
	{"_asyncio.Task", BETWEEN(10, 10), AT(152), MEMBER_VISITED, "_fut_waiter"},
	{"_asyncio.Task", BETWEEN(10, 10), AT(160), MEMBER_VISITED, "_coro"},
	{"_asyncio.Task", BETWEEN(11, 12), AT(128), MEMBER_VISITED, "_fut_waiter"},
	{"_asyncio.Task", BETWEEN(11, 12), AT(136), MEMBER_VISITED, "_coro"},
	{"_asyncio.Task", BETWEEN(13, 13), AT(112), MEMBER_VISITED, "_fut_waiter"},
	{"_asyncio.Task", BETWEEN(13, 13), AT(120), MEMBER_VISITED, "_coro"},
	{"_asyncio.Task", BETWEEN(14, 15), AT(120), MEMBER_VISITED, "_fut_waiter"},
	{"_asyncio.Task", BETWEEN(14, 15), AT(128), MEMBER_VISITED, "_coro"},
	/*
	 * numpy's structs, see members.h. What all arrays share is left out, descr and mem_handler (88, 1.22+): arrays of
	 * numbers, and they are many, need not be copied for it.
	 */
	{"numpy.ndarray", ALWAYS, RANGE(16, 48), MEMBER_BORROWED, NULL},
	{"numpy.ndarray", ALWAYS, AT(48), MEMBER_VISITED, "base"},
	{"numpy.ndarray", ALWAYS, RANGE(56, 96), MEMBER_BORROWED, NULL},
	{"module:_asyncio", BETWEEN(12, 12), AT(152), MEMBER_HELD, NULL}, /* cached_running_loop */
	{"module:_ctypes", BETWEEN(13, 13), AT(192), MEMBER_VISITED, NULL},
	{"module:_ctypes", SINCE(14), AT(168), MEMBER_VISITED, NULL},
	{"module:_ctypes", SINCE(14), AT(184), MEMBER_VISITED, NULL},
	{"module:_hmac", ALWAYS, AT(24), MEMBER_VISITED, NULL}, /* str_lower */
	{"module:_posixsubprocess", BETWEEN(9, 9), RANGE(0, 24), MEMBER_VISITED, NULL}, /* disable, enable, isenabled */
	{"module:posix", BETWEEN(9, 11), RANGE(80, 96), MEMBER_VISITED, NULL}, /* st_mode and the like */
	{"module:posix", BETWEEN(12, 14), RANGE(88, 104), MEMBER_VISITED, NULL},
	{"module:posix", SINCE(15), RANGE(96, 112), MEMBER_VISITED, NULL},
	{"module:pyexpat", ALWAYS, AT(16), MEMBER_VISITED, NULL}, /* str_read */
	{"module:select", ALWAYS, AT(0), MEMBER_VISITED, NULL}, /* close */
	{"module:_datetime", SINCE(13), AT(64), MEMBER_HELD, NULL}, /* epoch */
	{"module:_pickle", UNTIL(6), AT(104), MEMBER_HELD, NULL}, /* partial */
	{"module:_random", ALWAYS, AT(8), MEMBER_HELD, NULL}, /* Long___abs__ */
	{"module:posix", ALWAYS, AT(0), MEMBER_VISITED, NULL}, /* billion */
};

/* What lies in memory of its own, or in entries at the end of the struct. */
static const struct member_array arrays[] = {
	/* Objects/capsule.c, Modules/socketmodule.c, sock_capi_traverse: the first of three is visited. */
	{"PyCapsule", SINCE(13), .use = MEMBER_VISITED, .array = 16, .fixed = 1, .only_if = 48},
	/* Objects/codeobject.c, _PyCoCached */
	{"code", BETWEEN(12, 12), .use = MEMBER_HELD, .array = 152, .fixed = 4},
	{"code", SINCE(13), .use = MEMBER_HELD, .array = 160, .fixed = 4},
	/* Modules/_ctypes/stgdict.c, CDataType_traverse: proto of what stands in for tp_dict. */
	{"_ctypes.PyCPointerType", UNTIL(12), .use = MEMBER_VISITED, .through = 264, .inside = true, .array = 96,
		.fixed = 1},
	{"_ctypes.PyCStructType", UNTIL(12), .use = MEMBER_VISITED, .through = 264, .inside = true, .array = 96,
		.fixed = 1},
	{"_ctypes.UnionType", UNTIL(12), .use = MEMBER_VISITED, .through = 264, .inside = true, .array = 96,
		.fixed = 1},
	{"_ctypes.PyCFuncPtrType", UNTIL(12), .use = MEMBER_VISITED, .through = 264, .inside = true, .array = 96,
		.fixed = 1},
	{"_ctypes.PyCArrayType", UNTIL(12), .use = MEMBER_HELD, .through = 264, .inside = true, .array = 96, .fixed = 1},
	{"_ctypes.PyCSimpleType", UNTIL(12), .use = MEMBER_HELD, .through = 264, .inside = true, .array = 96,
		.fixed = 1},
	/* Modules/_elementtree.c: children; elements on the way to where an iterator is. */
	{"xml.etree.ElementTree.Element", ALWAYS, .use = MEMBER_VISITED, .through = 40, .inside = true, .array = 0,
		.fixed = 1, .name = "attrib"},
	{"xml.etree.ElementTree.Element", ALWAYS, .use = MEMBER_VISITED, .through = 40, .array = 24, .count = 8},
	{"_elementtree._element_iterator", ALWAYS, .use = MEMBER_VISITED, .array = 16, .count = 24, .stride = 16},
	/* Modules/itertoolsmodule.c, teedataobject: int numread */
	{"itertools._tee_dataobject", ALWAYS, .use = MEMBER_VISITED, .inside = true, .array = 40, .count = 24,
		.count_is_int = true},
	/* Modules/_io/stringio.c: the writer's buffer */
	{"_io.StringIO", SINCE(14), .use = MEMBER_HELD, .through = 56, .inside = true, .array = 0, .fixed = 1},
	/* Modules/_pickle.c: memos are visited from 3.11.7 and 3.12.1 on (gh-85594); a stack never. */
	{"_pickle.Pickler", RELEASES(11, 7, ANY_MICRO), .use = MEMBER_VISITED, .through = 16, .array = 24, .count = 16,
		.stride = 16},
	{"_pickle.Pickler", RELEASES(12, 1, ANY_MICRO), .use = MEMBER_VISITED, .through = 16, .array = 24, .count = 16,
		.stride = 16},
	{"_pickle.Pickler", SINCE(13), .use = MEMBER_VISITED, .through = 16, .array = 24, .count = 16, .stride = 16},
	{"_pickle.Pickler", UNTIL(10), .use = MEMBER_HELD, .through = 16, .array = 24, .count = 16, .stride = 16},
	{"_pickle.Pickler", RELEASES(11, 0, 6), .use = MEMBER_HELD, .through = 16, .array = 24, .count = 16,
		.stride = 16},
	{"_pickle.Pickler", RELEASES(12, 0, 0), .use = MEMBER_HELD, .through = 16, .array = 24, .count = 16,
		.stride = 16},
	{"_pickle.Unpickler", RELEASES(11, 7, ANY_MICRO), .use = MEMBER_VISITED, .array = 24, .count = 32},
	{"_pickle.Unpickler", RELEASES(12, 1, ANY_MICRO), .use = MEMBER_VISITED, .array = 24, .count = 32},
	{"_pickle.Unpickler", SINCE(13), .use = MEMBER_VISITED, .array = 24, .count = 32},
	{"_pickle.Unpickler", UNTIL(10), .use = MEMBER_HELD, .array = 24, .count = 32},
	{"_pickle.Unpickler", RELEASES(11, 0, 6), .use = MEMBER_HELD, .array = 24, .count = 32},
	{"_pickle.Unpickler", RELEASES(12, 0, 0), .use = MEMBER_HELD, .array = 24, .count = 32},
	{"_pickle.Pdata", ALWAYS, .use = MEMBER_HELD, .array = 24, .count = 16},
	/* Modules/_queuemodule.c, RingBuf: what is not filled is NULL. */
	{"_queue.SimpleQueue", SINCE(13), .use = MEMBER_VISITED, .array = 40, .count = 48},
	/* Modules/_sre, TemplateObject: entries of an index and a literal */
	{"_sre.SRE_Template", SINCE(12), .use = MEMBER_VISITED, .inside = true, .array = 48, .count = 16, .stride = 16},
	/* Modules/_sqlite/connection.c, callback_context of trace, progress and authorizer */
	{"sqlite3.Connection", BETWEEN(11, 11), .use = MEMBER_VISITED, .array = 112, .fixed = 2},
	{"sqlite3.Connection", BETWEEN(11, 11), .use = MEMBER_VISITED, .array = 120, .fixed = 2},
	{"sqlite3.Connection", BETWEEN(11, 11), .use = MEMBER_VISITED, .array = 128, .fixed = 2},
	{"sqlite3.Connection", BETWEEN(12, 14), .use = MEMBER_VISITED, .array = 120, .fixed = 2},
	{"sqlite3.Connection", BETWEEN(12, 14), .use = MEMBER_VISITED, .array = 128, .fixed = 2},
	{"sqlite3.Connection", BETWEEN(12, 14), .use = MEMBER_VISITED, .array = 136, .fixed = 2},
	{"sqlite3.Connection", SINCE(15), .use = MEMBER_VISITED, .array = 104, .fixed = 2},
	{"sqlite3.Connection", SINCE(15), .use = MEMBER_VISITED, .array = 112, .fixed = 2},
	{"sqlite3.Connection", SINCE(15), .use = MEMBER_VISITED, .array = 120, .fixed = 2},
	/* Modules/pyexpat.c: as many as there are in handler_info, behind intern. */
	{"pyexpat.xmlparser", UNTIL(7), .use = MEMBER_VISITED, .array = 64, .fixed = 22},
	{"pyexpat.xmlparser", SINCE(8), .use = MEMBER_VISITED, .after = "intern", .array = 8, .fixed = 22},
	/* Modules/_zoneinfo.c, _ttinfo */
	{"zoneinfo.ZoneInfo", ALWAYS, .use = MEMBER_HELD, .array = 192, .count = 48, .stride = 32},
	{"zoneinfo.ZoneInfo", ALWAYS, .use = MEMBER_HELD, .array = 192, .count = 48, .stride = 32, .within = 8},
	{"zoneinfo.ZoneInfo", ALWAYS, .use = MEMBER_HELD, .array = 192, .count = 48, .stride = 32, .within = 16},
	/* States of modules: Modules/atexitmodule.c, atexit_callback; Modules/_decimal/_decimal.c, DecCondMap */
	{"module:atexit", UNTIL(9), .use = MEMBER_VISITED, .array = 0, .count = 8, .count_is_int = true,
		.to_struct = true},
	{"module:atexit", UNTIL(9), .use = MEMBER_VISITED, .array = 0, .count = 8, .count_is_int = true,
		.to_struct = true, .within = 8},
	{"module:atexit", UNTIL(9), .use = MEMBER_VISITED, .array = 0, .count = 8, .count_is_int = true,
		.to_struct = true, .within = 16},
	{"module:_decimal", SINCE(13), .use = MEMBER_VISITED, .array = 176, .fixed = 9, .stride = 32, .within = 24},
	{"module:_decimal", SINCE(13), .use = MEMBER_VISITED, .array = 184, .fixed = 4, .stride = 32, .within = 56},
};
/* clang-format on */

/* C modules of the standard library, as tp_names begin; those without a dot are builtin. */
static const char *const modules[] = {
	"_abc",
	"_ast",
	"_asyncio",
	"_blake2",
	"_bz2",
	"_codecs",
	"_collections",
	"_collections_abc",
	"_contextvars",
	"_csv",
	"_ctypes",
	"_curses",
	"_curses_panel",
	"_datetime",
	"_dbm",
	"_decimal",
	"_elementtree",
	"_functools",
	"_gdbm",
	"_hashlib",
	"_hmac",
	"_imp",
	"_interpchannels",
	"_interpqueues",
	"_interpreters",
	"_io",
	"_json",
	"_lsprof",
	"_lzma",
	"_md5",
	"_multibytecodec",
	"_multiprocessing",
	"_operator",
	"_overlapped",
	"_pickle",
	"_queue",
	"_random",
	"_remote_debugging",
	"_sha1",
	"_sha2",
	"_sha256",
	"_sha3",
	"_sha512",
	"_socket",
	"_sqlite3",
	"_sre",
	"_ssl",
	"_struct",
	"_symtable",
	"_testcapi",
	"_testinternalcapi",
	"_thread",
	"_tkinter",
	"_tokenize",
	"_typing",
	"_uuid",
	"_weakref",
	"_winapi",
	"_xxsubinterpreters",
	"_zoneinfo",
	"_zstd",
	"array",
	"ast",
	"asyncio",
	"builtins",
	"collections",
	"compression",
	"contextvars",
	"ctypes",
	"datetime",
	"decimal",
	"functools",
	"hashlib",
	"io",
	"itertools",
	"mmap",
	"multiprocessing",
	"operator",
	"ossaudiodev",
	"parser",
	"pickle",
	"posix",
	"os",
	"pyexpat",
	"queue",
	"random",
	"re",
	"resource",
	"select",
	"signal",
	"socket",
	"spwd",
	"pwd",
	"grp",
	"sqlite3",
	"ssl",
	"string",
	"struct",
	"symtable",
	"sys",
	"termios",
	"threading",
	"time",
	"types",
	"typing",
	"unicodedata",
	"weakref",
	"xml",
	"xxlimited",
	"zipimport",
	"zlib",
	"zoneinfo",
};

const struct member *member_find(const char *type, uint16_t version, uint32_t offset, const char *published)
{
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		const struct member *member = &members[i];
		bool named = member->first == UINT16_MAX;

		if (version < member->from || version > member->to || strcmp(member->type, type) != 0)
			continue;
		if (named ? published && strcmp(published, member->name) == 0
			  : member->first <= offset && offset < member->end)
			return member;
	}
	return NULL;
}

const struct member_array *member_array_next(const char *type, uint16_t version, const struct member_array *last)
{
	const struct member_array *array = last ? last + 1 : arrays;

	for (; array < arrays + sizeof(arrays) / sizeof(arrays[0]); array++) {
		if (version >= array->from && version <= array->to && strcmp(array->type, type) == 0)
			return array;
	}
	return NULL;
}

static const struct {
	const char *type; /* tp_name */
	uint16_t from, to;
	enum member_special special;
} specials[] = {
	{"functools._lru_cache_wrapper", UNTIL(6), SPECIAL_LRU_LINKS},
	{"functools._lru_cache_wrapper", SINCE(7), SPECIAL_LRU_CACHE},
	{"xml.etree.ElementTree.Element", ALWAYS, SPECIAL_ELEMENT},
	{"sqlite3.Cache", UNTIL(10), SPECIAL_SQLITE_CACHE},
	{"frozendict", SINCE(15), SPECIAL_FROZENDICT},
	{"numpy.ndarray", ALWAYS, SPECIAL_NDARRAY},
};

enum member_special member_special(const char *type, uint16_t version)
{
	for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++) {
		if (version >= specials[i].from && version <= specials[i].to && strcmp(specials[i].type, type) == 0)
			return specials[i].special;
	}
	return SPECIAL_NONE;
}

static const struct {
	const char *type; /* tp_name */
	const char *name;
} frame_names[] = {
	/* greenlet's src/greenlet/greenlet.cpp: to 1.1 in the struct itself, then behind its pimpl, where differs. */
	{"greenlet.greenlet", "gr_frame"},
};

const char *member_frame(const char *type)
{
	for (size_t i = 0; i < sizeof(frame_names) / sizeof(frame_names[0]); i++) {
		if (strcmp(frame_names[i].type, type) == 0)
			return frame_names[i].name;
	}
	return NULL;
}

bool member_is_cpython(const char *type)
{
	size_t module = strcspn(type, ".");

	if (!type[module])
		return true;
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		if (strlen(modules[i]) == module && strncmp(modules[i], type, module) == 0)
			return true;
	}
	return false;
}
