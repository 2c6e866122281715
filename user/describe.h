/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an object is, in a line, from its memory alone: nothing of it is called. Objects of builtin types look as repr()
 * shows them, what is long or deep is cut and says how much there is; instances show their attributes:
 *
 *   [1, 2, 3, 4, 5, ... of 100]    'text of which only the b'... (900 characters)    <app.Node at 0x7f... name='x'
 * next=None>
 */
#ifndef OGT_DESCRIBE_H
#define OGT_DESCRIBE_H

#include <stdbool.h>
#include <stdint.h>

#include "memory.h"
#include "python.h"

/* Elements of a container that are shown, and attributes of an instance. */
#define DESCRIBE_ELEMENTS 5
/* Characters of a str, bytes of a bytes, digits of an int that are shown. */
#define DESCRIBE_TEXT 60
/* Objects within objects. */
#define DESCRIBE_DEPTH 2
/* After so many bytes no further object is begun. */
#define DESCRIBE_BYTES 65536

/*
 * malloc'ed UTF-8, which may hold anything that a name or text of the target does; NULL when out of memory. What cannot
 * be read is "?".
 */
char *describe(const struct python *python, struct memory *memory, uint64_t object);

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
enum object_kind describe_own_kind(const struct python *python, struct memory *memory, uint64_t type);

/* Of objects of this type; *exact: it is no subclass of the builtin type. */
enum object_kind describe_kind(const struct python *python, struct memory *memory, uint64_t type, bool *exact);

#endif
