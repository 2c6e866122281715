// SPDX-License-Identifier: BSD-2-Clause
#include "members.h"

#include <stddef.h>
#include <string.h>

#define ANY 99
/* Whatever words a struct has. */
#define ALL UINT16_MAX

static const struct member {
	const char *type; /* tp_name */
	uint8_t first, last; /* minor versions */
	uint16_t offset;
	enum member_use use;
	const char *name;
} members[] = {
	/* Objects/cellobject.c */
	{"cell", 6, ANY, 16, MEMBER_VISITED, "cell_contents"},
	/* Objects/memoryobject.c: view.obj; what is visited is the managed buffer. */
	{"memoryview", 6, ANY, 56, MEMBER_BORROWED, NULL},
	/* Objects/descrobject.c: descr_traverse visits d_type alone. */
	{"method_descriptor", 6, ANY, 24, MEMBER_HELD, "__name__"},
	{"method_descriptor", 6, ANY, 32, MEMBER_HELD, "__qualname__"},
	{"classmethod_descriptor", 6, ANY, 24, MEMBER_HELD, "__name__"},
	{"classmethod_descriptor", 6, ANY, 32, MEMBER_HELD, "__qualname__"},
	{"member_descriptor", 6, ANY, 24, MEMBER_HELD, "__name__"},
	{"member_descriptor", 6, ANY, 32, MEMBER_HELD, "__qualname__"},
	{"getset_descriptor", 6, ANY, 24, MEMBER_HELD, "__name__"},
	{"getset_descriptor", 6, ANY, 32, MEMBER_HELD, "__qualname__"},
	{"wrapper_descriptor", 6, ANY, 24, MEMBER_HELD, "__name__"},
	{"wrapper_descriptor", 6, ANY, 32, MEMBER_HELD, "__qualname__"},
	/* Modules/_ctypes/stgdict.c: it has no tp_traverse but that of dict. */
	{"StgDict", 6, 12, ALL, MEMBER_HELD, NULL},
	/* Modules/_functoolsmodule.c: the links of the ring are not objects of Python code. */
	{"functools._lru_cache_wrapper", 6, ANY, 16, MEMBER_BORROWED, NULL},
	{"functools._lru_cache_wrapper", 6, ANY, 24, MEMBER_BORROWED, NULL},
	/* Objects/typevarobject.c: name */
	{"typing.TypeVar", 12, ANY, 16, MEMBER_HELD, "__name__"},
	{"typing.TypeAliasType", 12, ANY, 16, MEMBER_HELD, "__name__"},
	/* Objects/capsule.c: pointer and context are its maker's. */
	{"PyCapsule", 6, ANY, ALL, MEMBER_BORROWED, NULL},
	/* Modules/_decimal/_decimal.c: modstate, whose second word is a type. */
	{"decimal.Context", 13, ANY, 96, MEMBER_BORROWED, NULL},
	/* Modules/_functoolsmodule.c: placeholder */
	{"functools.partial", 14, ANY, 56, MEMBER_BORROWED, NULL},
	/* Modules/_json.c: memo */
	{"_json.Scanner", 6, 8, 64, MEMBER_HELD, NULL},
	/* Python/context.c: var_cached. */
	{"ContextVar", 7, ANY, 32, MEMBER_BORROWED, NULL},
	{"_contextvars.ContextVar", 7, ANY, 32, MEMBER_BORROWED, NULL},
};

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

enum member_use member_use(const char *type, int minor, uint32_t offset, const char **name)
{
	if (name)
		*name = NULL;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		const struct member *member = &members[i];

		if ((member->offset != offset && member->offset != ALL) || minor < member->first ||
			minor > member->last || strcmp(member->type, type) != 0)
			continue;
		if (name)
			*name = member->name;
		return member->use;
	}
	return MEMBER_VISITED;
}

static const struct {
	const char *type; /* tp_name */
	uint8_t first; /* minor version */
	enum member_special special;
} specials[] = {
	{"functools._lru_cache_wrapper", 6, SPECIAL_LRU_CACHE},
	{"xml.etree.ElementTree.Element", 6, SPECIAL_ELEMENT},
	{"itertools._tee_dataobject", 6, SPECIAL_TEE},
	{"frozendict", 15, SPECIAL_FROZENDICT},
};

enum member_special member_special(const char *type, int minor)
{
	for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++) {
		if (minor >= specials[i].first && strcmp(specials[i].type, type) == 0)
			return specials[i].special;
	}
	return SPECIAL_NONE;
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
