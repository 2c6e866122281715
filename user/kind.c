// SPDX-License-Identifier: BSD-2-Clause
#include "kind.h"

#include <stddef.h>
#include <string.h>

#include "layout.h"

#define BASES_MOST 100
/* Longer than any name of the kinds. */
#define LITERAL_MOST 64

static const struct {
	const char *name; /* tp_name of a static type */
	enum object_kind kind;
} kinds[] = {
	{"object", OBJECT_PLAIN},
	{"NoneType", OBJECT_NONE},
	{"NotImplementedType", OBJECT_NOT_IMPLEMENTED},
	{"ellipsis", OBJECT_ELLIPSIS},
	{"bool", OBJECT_BOOL},
	{"int", OBJECT_INT},
	{"float", OBJECT_FLOAT},
	{"complex", OBJECT_COMPLEX},
	{"str", OBJECT_STR},
	{"bytes", OBJECT_BYTES},
	{"bytearray", OBJECT_BYTEARRAY},
	{"list", OBJECT_LIST},
	{"tuple", OBJECT_TUPLE},
	{"dict", OBJECT_DICT},
	{"set", OBJECT_SET},
	{"frozenset", OBJECT_FROZENSET},
	{"function", OBJECT_FUNCTION},
	{"method", OBJECT_METHOD},
	{"builtin_function_or_method", OBJECT_BUILTIN},
	{"module", OBJECT_MODULE},
	{"type", OBJECT_TYPE},
	{"code", OBJECT_CODE},
	{"cell", OBJECT_CELL},
	{"weakref", OBJECT_WEAKREF},
	{"weakref.ReferenceType", OBJECT_WEAKREF}, /* 3.13+ */
	{"BaseException", OBJECT_EXCEPTION},
	{"generator", OBJECT_GENERATOR},
	{"coroutine", OBJECT_COROUTINE},
	{"async_generator", OBJECT_ASYNC_GENERATOR},
	{"frame", OBJECT_FRAME},
	{"range", OBJECT_RANGE},
	{"slice", OBJECT_SLICE},
	{"property", OBJECT_PROPERTY},
	{"mappingproxy", OBJECT_MAPPING_PROXY},
	{"types.SimpleNamespace", OBJECT_NAMESPACE},
	{"weakproxy", OBJECT_WEAKPROXY},
	{"weakcallableproxy", OBJECT_WEAKPROXY},
	{"weakref.ProxyType", OBJECT_WEAKPROXY}, /* 3.10+ */
	{"weakref.CallableProxyType", OBJECT_WEAKPROXY},
	{"enumerate", OBJECT_ENUMERATE},
	{"zip", OBJECT_ZIP},
	{"map", OBJECT_MAP},
};

/* Builtin types without a __sizeof__, of whose objects nothing is shown but where they are. */
static const char *const plain[] = {
	"filter",
	"reversed",
	"iterator",
	"callable_iterator",
	"list_iterator",
	"list_reverseiterator",
	"tuple_iterator",
	"str_iterator",
	"str_ascii_iterator",
	"bytes_iterator",
	"bytearray_iterator",
	"range_iterator",
	"longrange_iterator",
	"set_iterator",
	"dict_keys",
	"dict_values",
	"dict_items",
	"dict_keyiterator",
	"dict_valueiterator",
	"dict_itemiterator",
	"method-wrapper",
	"method_descriptor",
	"wrapper_descriptor",
	"classmethod_descriptor",
	"getset_descriptor",
	"member_descriptor",
	"staticmethod",
	"classmethod",
	"super",
	"traceback",
};

/*
 * Types of the library's C modules became heap types, one module after another (3.9+). A heap type that is immutable is
 * of C code all the same: no class statement makes one (Objects/typeobject.c, type_new_alloc).
 */
static const struct {
	const char *name; /* tp_name */
	enum object_kind kind;
	size_t size; /* the field of struct layout with its tp_basicsize */
} library_kinds[] = {
	{"collections.deque", OBJECT_DEQUE, offsetof(struct layout, library.deque_size)},
	{"collections.defaultdict", OBJECT_DEFAULTDICT, offsetof(struct layout, library.defaultdict_size)},
	{"collections.OrderedDict", OBJECT_ORDERED_DICT, offsetof(struct layout, library.ordered_size)},
	{"array.array", OBJECT_ARRAY, offsetof(struct layout, library.array_size)},
	{"functools.partial", OBJECT_PARTIAL, offsetof(struct layout, library.partial_size)},
};

bool read_literal(struct memory *memory, uint64_t address, char *text, size_t size)
{
	for (size_t length = 0; length < size;) {
		size_t piece = MEMORY_PAGE_SIZE - ((address + length) & (MEMORY_PAGE_SIZE - 1));

		if (piece > size - length)
			piece = size - length;
		if (!memory_read(memory, address + length, text + length, piece))
			return false;
		if (memchr(text + length, 0, piece))
			return true;
		length += piece;
	}
	return false;
}

static enum object_kind builtin_kind(const char *name)
{
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		if (strcmp(kinds[k].name, name) == 0)
			return kinds[k].kind;
	}
	for (size_t k = 0; k < sizeof(plain) / sizeof(plain[0]); k++) {
		if (strcmp(plain[k], name) == 0)
			return OBJECT_PLAIN;
	}
	return OBJECT_OTHER;
}

static enum object_kind library_kind(
	const struct layout *layout, struct memory *memory, uint64_t type, const char *name)
{
	uint64_t basicsize;
	int32_t size;

	for (size_t k = 0; k < sizeof(library_kinds) / sizeof(library_kinds[0]); k++) {
		if (strcmp(library_kinds[k].name, name) != 0)
			continue;
		memcpy(&size, (const char *)layout + library_kinds[k].size, sizeof(size));
		if (memory_u64(memory, type + (uint64_t)layout->type.basicsize, &basicsize) &&
			basicsize == (uint64_t)size)
			return library_kinds[k].kind;
	}
	return OBJECT_OTHER;
}

enum object_kind kind_of_type_itself(const struct python *python, struct memory *memory, uint64_t type)
{
	const struct layout *layout = &python->layout;
	uint64_t flags, name;
	enum object_kind kind;
	char text[LITERAL_MOST];

	if (!memory_u64(memory, type + (uint64_t)layout->type.flags, &flags) ||
		(flags & TPFLAGS_HEAPTYPE && !(flags & TPFLAGS_IMMUTABLE)) ||
		!memory_u64(memory, type + (uint64_t)layout->type.name, &name) ||
		!read_literal(memory, name, text, sizeof(text)))
		return OBJECT_OTHER;
	kind = flags & TPFLAGS_HEAPTYPE ? OBJECT_OTHER : builtin_kind(text);
	return kind != OBJECT_OTHER ? kind : library_kind(layout, memory, type, text);
}

enum object_kind kind_of_type(const struct python *python, struct memory *memory, uint64_t type, bool *exact)
{
	for (int i = 0; type && i < BASES_MOST; i++) {
		enum object_kind kind = kind_of_type_itself(python, memory, type);

		*exact = i == 0;
		if (kind != OBJECT_OTHER)
			return kind;
		if (!memory_u64(memory, type + (uint64_t)python->layout.type.base, &type))
			break;
	}
	*exact = false;
	return OBJECT_OTHER;
}
