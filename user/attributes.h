/* SPDX-License-Identifier: BSD-2-Clause */
/* The attributes that an instance of a class of Python code has, and where its version of CPython keeps them. */
#ifndef OGT_ATTRIBUTES_H
#define OGT_ATTRIBUTES_H

#include <stdbool.h>
#include <stdint.h>

#include "memory.h"
#include "pyobject.h"
#include "python.h"

/* What a type says of where its instances have them. */
struct attributes_type {
	uint64_t flags; /* tp_flags */
	uint64_t basicsize, itemsize; /* bytes */
	int64_t dictoffset; /* tp_dictoffset, bytes; negative: from the end of a var-sized object; 0: nowhere */
};

/* Addresses; 0 where there is none. */
struct attributes_place {
	uint64_t dict; /* the instance's __dict__ */
	uint64_t values; /* the array (PyDictValues) that stands in for one, or that the dict has its values in */
};

/* False when it cannot be read. */
bool attributes_find(const struct layout *layout, struct memory *memory, uint64_t object,
	const struct attributes_type *type, struct attributes_place *place);

/* How long the items of a var-sized object are, bytes; 0 when that cannot be read, or cannot be. */
uint64_t attributes_items_size(const struct layout *layout, struct memory *memory, uint64_t object, uint64_t itemsize);

/*
 * Visits name (a str) and value of each attribute that is set, until visit says false: those of __slots__, of the class
 * and of its bases, then those of its dict or of the values that stand in for one. What cannot be read is left out.
 */
void attributes_visit(const struct python *python, struct memory *memory, uint64_t object, uint64_t type,
	pyobject_visit_item *visit, void *context);

#endif
