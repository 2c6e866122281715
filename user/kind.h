/* SPDX-License-Identifier: BSD-2-Clause */
/* What kind of objects a type makes, as far as their insides are known here: told by the types of C code. */
#ifndef OGT_KIND_H
#define OGT_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory.h"
#include "python.h"

/* The kinds of objects whose insides are known; a subclass is of its base's kind. */
enum object_kind {
	OBJECT_OTHER, /* nothing is known of it */
	OBJECT_PLAIN, /* object and what derives from it alone: nothing but attributes; builtin ones that are not shown
		       */
	OBJECT_NONE,
	OBJECT_NOT_IMPLEMENTED,
	OBJECT_ELLIPSIS,
	OBJECT_BOOL,
	OBJECT_INT,
	OBJECT_FLOAT,
	OBJECT_COMPLEX,
	OBJECT_STR,
	OBJECT_BYTES,
	OBJECT_BYTEARRAY,
	OBJECT_LIST,
	OBJECT_TUPLE,
	OBJECT_DICT,
	OBJECT_SET,
	OBJECT_FROZENSET,
	OBJECT_FUNCTION,
	OBJECT_METHOD,
	OBJECT_BUILTIN,
	OBJECT_MODULE,
	OBJECT_TYPE,
	OBJECT_CODE,
	OBJECT_CELL,
	OBJECT_WEAKREF,
	OBJECT_EXCEPTION,
	OBJECT_GENERATOR,
	OBJECT_COROUTINE,
	OBJECT_ASYNC_GENERATOR,
	OBJECT_FRAME,
	OBJECT_RANGE,
	OBJECT_SLICE,
	OBJECT_PROPERTY,
	OBJECT_MAPPING_PROXY,
	OBJECT_NAMESPACE,
	OBJECT_WEAKPROXY,
	OBJECT_ENUMERATE,
	OBJECT_ZIP,
	OBJECT_MAP,
	OBJECT_DEQUE, /* from here on of the standard library's C modules */
	OBJECT_DEFAULTDICT,
	OBJECT_ORDERED_DICT,
	OBJECT_ARRAY,
	OBJECT_PARTIAL,
};

/* Of a type of C code itself; OBJECT_OTHER for all else. */
enum object_kind kind_of_type_itself(const struct python *python, struct memory *memory, uint64_t type);

/* Of objects of this type; *exact: it is no subclass of the builtin type. */
enum object_kind kind_of_type(const struct python *python, struct memory *memory, uint64_t type, bool *exact);

/* Whether objects of this kind run a code object that they refer to. */
static inline bool kind_has_code(enum object_kind kind)
{
	return kind == OBJECT_FUNCTION || kind == OBJECT_GENERATOR || kind == OBJECT_COROUTINE ||
	       kind == OBJECT_ASYNC_GENERATOR || kind == OBJECT_FRAME;
}

/* A NUL-terminated literal of C code; false when it is longer than there is room. */
bool read_literal(struct memory *memory, uint64_t address, char *text, size_t size);

#endif
