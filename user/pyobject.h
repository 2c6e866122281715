/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads single Python objects out of a picture of memory. Every function may fail: the bytes are a target's. */
#ifndef OGT_PYOBJECT_H
#define OGT_PYOBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"
#include "memory.h"

/* Strings longer than this many characters are not read. */
#define PYOBJECT_STRING_MOST (1u << 18)

/*
 * The text of a str as UTF-8, malloc'ed, NUL-terminated; lone surrogates as \udc80 (backslashreplace) and U+0000 as
 * \x00. NULL when it is no str or cannot be read.
 */
char *pyobject_text(const struct layout *layout, struct memory *memory, uint64_t object);

/* True when the object is a compact ASCII str equal to text. */
bool pyobject_text_is(const struct layout *layout, struct memory *memory, uint64_t object, const char *text);

/*
 * The first `most` code points of a str; *count of them, of *length in all. Unlike pyobject_text it takes a str of any
 * length. False when it is no str or cannot be read.
 */
bool pyobject_characters(const struct layout *layout, struct memory *memory, uint64_t object, uint32_t *characters,
	size_t most, size_t *count, uint64_t *length);

/* ob_type; 0 when it cannot be read. */
uint64_t pyobject_type(const struct layout *layout, struct memory *memory, uint64_t object);

/*
 * How many references to it are counted; *immortal: they are not (Include/object.h, _Py_IsImmortal), and the number
 * says nothing. False when it cannot be read.
 */
bool pyobject_refcount(
	const struct layout *layout, struct memory *memory, uint64_t object, uint32_t *count, bool *immortal);

/*
 * The value that a dict with str keys has for an ASCII key: 1 and *value when there, 0 when not, -1 when it could not
 * be read.
 */
int pyobject_dict_get(
	const struct layout *layout, struct memory *memory, uint64_t dict, const char *key, uint64_t *value);

/*
 * Visits the items of a dict in their order, until visit says false or 2**17 entries, removed ones included, were
 * looked at. Combined and split tables, keys of any type. False when something could not be read.
 */
typedef bool pyobject_visit_item(void *context, uint64_t key, uint64_t value);
bool pyobject_dict_items(
	const struct layout *layout, struct memory *memory, uint64_t dict, pyobject_visit_item *visit, void *context);

/* The same for a keys object and the array of values that belongs to it, of an instance without a dict. */
bool pyobject_values_items(const struct layout *layout, struct memory *memory, uint64_t keys, uint64_t values,
	pyobject_visit_item *visit, void *context);

/* Where the entries of a keys object are. */
struct pyobject_entries {
	uint64_t first; /* address */
	uint64_t count; /* with those that were removed: NULL */
	uint32_t size; /* bytes each */
	uint32_t key; /* offset of the key in an entry; the value follows it */
	bool general; /* keys may be of any type; to 3.10 not known: false */
};
/* False when it is no keys object, or cannot be read. */
bool pyobject_entries(
	const struct layout *layout, struct memory *memory, uint64_t keys, struct pyobject_entries *entries);

/* The value that a dict, whose table is its own, has for this very object, which has this hash; false without. */
bool pyobject_dict_find(const struct layout *layout, struct memory *memory, uint64_t dict, uint64_t key, uint64_t hash,
	uint64_t *value);

/* What dict.__sizeof__ says of one whose type has this basicsize. */
uint64_t pyobject_dict_size(const struct layout *layout, struct memory *memory, uint64_t dict, uint64_t basicsize);

/* How many bytes a keys object takes; 0 when it cannot be read. */
uint64_t pyobject_keys_size(const struct layout *layout, struct memory *memory, uint64_t keys);

/* A non-negative int of one digit (below 2**30). */
bool pyobject_small_int(const struct layout *layout, struct memory *memory, uint64_t object, uint32_t *value);

#endif
