/* SPDX-License-Identifier: BSD-2-Clause */
/* One description while it is written: what user/describe*.c share. */
#ifndef OGT_DESCRIBE_WRITER_H
#define OGT_DESCRIBE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "describe.h"
#include "kind.h"
#include "layout.h"
#include "memory.h"
#include "python.h"

struct writer {
	const struct python *python;
	const struct layout *layout;
	struct memory *memory;
	FILE *out;
	uint64_t path[DESCRIBE_DEPTH + 1]; /* the objects that this one is within */
	int depth;
};

static inline bool at(const struct writer *writer, uint64_t object, int32_t offset, uint64_t *value)
{
	return memory_u64(writer->memory, object + (uint64_t)offset, value);
}

static inline void unreadable(struct writer *writer)
{
	fputc('?', writer->out);
}

/* What is written next is within this object, until depth is counted down again; false: that is too deep. */
static inline bool enter(struct writer *writer, uint64_t object)
{
	if (writer->depth > DESCRIBE_DEPTH)
		return false;
	writer->path[writer->depth++] = object;
	return true;
}

/* How many of so many elements are shown here. */
static inline uint64_t elements_shown(const struct writer *writer, uint64_t count)
{
	return writer->depth >= DESCRIBE_DEPTH ? 0 : count < DESCRIBE_ELEMENTS ? count : DESCRIBE_ELEMENTS;
}

void write_object(struct writer *writer, uint64_t object);
/* An object that another one refers to; "..." where that is too deep. */
void write_referred(struct writer *writer, uint64_t object, uint64_t referred);
/* After `shown` elements of `all`. */
void write_rest(struct writer *writer, uint64_t shown, uint64_t all);
void write_dict(struct writer *writer, uint64_t object);
void write_tuple(struct writer *writer, uint64_t object);
/* "qualname file:line" of a function; what is none, as any object. */
void write_callable(struct writer *writer, uint64_t function);
/* A str without quotes, as a name; "?" when it is none. */
void write_name(struct writer *writer, uint64_t str);
/* The first `count` of `length` code points, as the repr of a str; count is at most DESCRIBE_TEXT. */
void write_text(struct writer *writer, const uint32_t *characters, size_t count, uint64_t length);
/* As repr() of a float has it, or with no point where a complex needs none. */
void write_double(struct writer *writer, double value, bool point);
void write_complex_value(struct writer *writer, const double value[2]);

/* --- user/describe_numbers.c --- */

void write_bool(struct writer *writer, uint64_t object);
void write_int(struct writer *writer, uint64_t object);
void write_float(struct writer *writer, uint64_t object);
void write_complex(struct writer *writer, uint64_t object);

/* --- user/describe_library.c: kinds of the standard library's C modules, and builtin ones that wrap others --- */

void write_range(struct writer *writer, uint64_t object);
void write_slice(struct writer *writer, uint64_t object);
void write_property(struct writer *writer, uint64_t object);
void write_mapping_proxy(struct writer *writer, uint64_t object);
void write_namespace(struct writer *writer, uint64_t object);
void write_enumerate(struct writer *writer, uint64_t object);
void write_zip(struct writer *writer, uint64_t object);
void write_map(struct writer *writer, uint64_t object);
void write_deque(struct writer *writer, uint64_t object);
void write_defaultdict(struct writer *writer, uint64_t object);
void write_ordered_dict(struct writer *writer, uint64_t object);
void write_library_array(struct writer *writer, uint64_t object);
void write_partial(struct writer *writer, uint64_t object);

#endif
