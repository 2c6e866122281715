// SPDX-License-Identifier: BSD-2-Clause
#include "contents.h"

#include <stddef.h>

#include "attributes.h"
#include "index.h"
#include "layout.h"
#include "pyobject.h"

/* Bounds of the walk: values that are hashed, objects that are looked at, items of each, levels. */
#define VALUES_MOST 6
#define OBJECTS_MOST 24
#define ITEMS_MOST 3
#define LEVELS_MOST 3
/* Words of a value: of an int its size and digits, of a str its length, hash and first characters, of a float itself.
 */
#define WORDS_MOST 5

#define SEED 6

struct contents {
	const struct python *python;
	struct memory *memory;
	uint64_t hash;
	uint32_t values, objects, level;
};

static void look_at(struct contents *contents, uint64_t object);

static bool is_full(const struct contents *contents)
{
	return contents->values >= VALUES_MOST || contents->objects >= OBJECTS_MOST;
}

static bool visit_value(void *context, uint64_t key, uint64_t value)
{
	struct contents *contents = context;

	(void)key;
	look_at(contents, value);
	return !is_full(contents);
}

static void add_value(struct contents *contents, uint64_t object, uint64_t basicsize, uint64_t itemsize)
{
	uint64_t offset = (uint64_t)contents->python->layout.object.size, words = 0, word;
	/* Allocators give whole words. */
	uint64_t end = basicsize + (itemsize ? sizeof(word) : 0);

	for (; words < WORDS_MOST && offset + sizeof(word) <= end; offset += sizeof(word)) {
		if (!memory_u64(contents->memory, object + offset, &word))
			return;
		contents->hash = index_mix(contents->hash, word);
		words++;
	}
	contents->values += words != 0;
}

static void look_at_items(struct contents *contents, uint64_t first, uint64_t count)
{
	uint64_t item;

	for (uint64_t i = 0; i < count && i < ITEMS_MOST && !is_full(contents); i++) {
		if (memory_u64(contents->memory, first + i * sizeof(item), &item))
			look_at(contents, item);
	}
}

/* Of a list, tuple or dict its items; the attributes of the first object alone: what those of others hold is theirs. */
static void look_inside(struct contents *contents, uint64_t object, uint64_t type, uint64_t flags)
{
	const struct layout *layout = &contents->python->layout;
	uint64_t count, items;

	if (flags & (TPFLAGS_LIST_SUBCLASS | TPFLAGS_TUPLE_SUBCLASS) &&
		memory_u64(contents->memory, object + (uint64_t)layout->member.size, &count)) {
		if (flags & TPFLAGS_TUPLE_SUBCLASS)
			look_at_items(contents, object + (uint64_t)layout->member.tuple_items, count);
		else if (memory_u64(contents->memory, object + (uint64_t)layout->member.list_items, &items))
			look_at_items(contents, items, count);
	} else if (flags & TPFLAGS_DICT_SUBCLASS) {
		pyobject_dict_items(layout, contents->memory, object, visit_value, contents);
	}
	if (flags & TPFLAGS_HEAPTYPE && contents->level == 1)
		attributes_visit(contents->python, contents->memory, object, type, visit_value, contents);
}

static void look_at(struct contents *contents, uint64_t object)
{
	const struct layout *layout = &contents->python->layout;
	uint64_t type, flags, basicsize, itemsize;

	if (!object || is_full(contents))
		return;
	contents->objects++;
	type = pyobject_type(layout, contents->memory, object);
	if (!type || !memory_u64(contents->memory, type + (uint64_t)layout->type.flags, &flags) ||
		!(flags & TPFLAGS_READY) ||
		!memory_u64(contents->memory, type + (uint64_t)layout->type.basicsize, &basicsize) ||
		!memory_u64(contents->memory, type + (uint64_t)layout->type.itemsize, &itemsize))
		return;
	if (!(flags & (TPFLAGS_HAVE_GC | TPFLAGS_HEAPTYPE))) {
		add_value(contents, object, basicsize, itemsize);
	} else if (contents->level < LEVELS_MOST && !(flags & TPFLAGS_TYPE_SUBCLASS)) {
		contents->level++;
		look_inside(contents, object, type, flags);
		contents->level--;
	}
}

uint64_t contents_of(const struct python *python, struct memory *memory, uint64_t object, uint64_t type)
{
	struct contents contents = {.python = python, .memory = memory, .hash = SEED};

	if (pyobject_type(&python->layout, memory, object) != type)
		return 0;
	look_at(&contents, object);
	return contents.values ? contents.hash | 1 : 0;
}
