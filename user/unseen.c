// SPDX-License-Identifier: BSD-2-Clause
#include "unseen.h"

#include <stdlib.h>

#include "layout.h"
#include "pyobject.h"

#define WORD 8
/* Items of tuples and dicts that are looked at for one object, and such within such. */
#define ITEMS_MOST 1000
#define DEPTH_MOST 3
/* Answers that are remembered. */
#define ASKED 4096

/* Of an extension's type that derives from nothing whose insides are known. */
static bool is_foreign(const struct shape *shape)
{
	return !shape->certain && !shape->has_gc && (shape->kind == OBJECT_OTHER || shape->kind == OBJECT_PLAIN);
}

/* --- types --- */

struct types {
	struct referents *referents;
	bool found;
};

static bool visit_value(void *context, uint64_t key, uint64_t value)
{
	struct types *types = context;
	struct shapes *shapes = types->referents->shapes;
	const struct shape *shape = shapes_glance(shapes, value), *made;

	(void)key;
	made = shape && shape->kind == OBJECT_TYPE ? shapes_of(shapes, value) : NULL;
	types->found = made && is_foreign(made);
	return !types->found;
}

bool unseen_types(struct referents *referents, const struct roots *roots, const struct census *census)
{
	struct types types = {referents, false};
	const struct shape **shapes = shapes_of_types(referents->shapes, &census->types);

	for (size_t i = 0; shapes && i < census->count && !types.found; i++) {
		const struct shape *shape = shapes[census->type[i]];

		if (shape && shape->kind == OBJECT_TYPE)
			visit_value(&types, 0, census->address[i]);
	}
	for (size_t i = 0; i < roots->module_count && !types.found; i++) {
		if (roots->modules[i].dict)
			pyobject_dict_items(&referents->python->layout, referents->memory, roots->modules[i].dict,
				visit_value, &types);
	}
	free((void *)shapes);
	return types.found;
}

/* --- objects --- */

/* Of an array of numpy whether it owns one of objects: most are of numbers. */
static bool ndarray_holds(struct memory *memory, uint64_t object)
{
	uint64_t base, descr, kind;

	return memory_glance(memory, object + NDARRAY_BASE, &base) && !base &&
	       memory_glance(memory, object + NDARRAY_DESCR, &descr) &&
	       memory_glance(memory, descr + DESCR_KIND, &kind) && (unsigned char)kind == DESCR_OF_OBJECTS;
}

/* Whether a word of its struct leads to an object. */
static bool struct_holds(struct referents *referents, uint64_t object, const struct shape *shape)
{
	uint64_t word;

	if (shape->special == SPECIAL_NDARRAY && ndarray_holds(referents->memory, object))
		return true;
	for (size_t i = 0; i < shape->word_count; i++) {
		if (memory_glance(referents->memory, object + shape->words[i].offset, &word) && word &&
			shapes_glance(referents->shapes, word))
			return true;
	}
	return false;
}

/* How far it is looked into tuples and dicts of one object. */
struct inquiry {
	struct referents *referents;
	uint32_t items, depth;
};

static bool holds(struct inquiry *inquiry, uint64_t object);

/* Words that lead to objects, `stride` bytes apart. */
static bool any_holds(struct inquiry *inquiry, uint64_t first, uint64_t count, uint64_t stride)
{
	bool found = false;
	uint64_t object;

	inquiry->depth++;
	for (uint64_t i = 0; i < count && inquiry->items && !found; i++) {
		inquiry->items--;
		if (!memory_glance(inquiry->referents->memory, first + i * stride, &object))
			break;
		found = object && holds(inquiry, object);
	}
	inquiry->depth--;
	return found;
}

static bool dict_holds(struct inquiry *inquiry, uint64_t object)
{
	const struct layout *layout = &inquiry->referents->python->layout;
	struct memory *memory = inquiry->referents->memory;
	struct pyobject_entries entries;
	uint64_t keys, values;

	if (!memory_glance(memory, object + (uint64_t)layout->dict.keys, &keys) ||
		!memory_glance(memory, object + (uint64_t)layout->dict.values, &values) ||
		!pyobject_entries(layout, memory, keys, &entries))
		return false;
	if (values)
		return any_holds(inquiry, values + (uint64_t)layout->attribute.values_first, entries.count, WORD);
	return any_holds(inquiry, entries.first + entries.key + WORD, entries.count, entries.size);
}

static bool is_untracked(const struct inquiry *inquiry, uint64_t object)
{
	const struct layout *layout = &inquiry->referents->python->layout;
	uint64_t next;

	return memory_glance(inquiry->referents->memory,
		       object - (uint64_t)layout->gc_head.size + (uint64_t)layout->gc_head.next, &next) &&
	       !next;
}

static bool holds(struct inquiry *inquiry, uint64_t object)
{
	struct referents *referents = inquiry->referents;
	const struct layout *layout = &referents->python->layout;
	const struct shape *shape = shapes_glance(referents->shapes, object);
	uint64_t count;

	if (!shape || is_foreign(shape))
		return shape && struct_holds(referents, object, shape);
	if ((shape->kind != OBJECT_TUPLE && shape->kind != OBJECT_DICT) || inquiry->depth == DEPTH_MOST ||
		!is_untracked(inquiry, object))
		return false;
	if (shape->kind == OBJECT_DICT)
		return dict_holds(inquiry, object);
	return memory_glance(referents->memory, object + (uint64_t)layout->member.size, &count) &&
	       any_holds(inquiry, object + (uint64_t)layout->member.tuple_items, count, WORD);
}

/* Many references lead to the same few: one place for each of so many, with the answer in the lowest bit. */
static uint64_t *asked_place(struct referents *referents, uint64_t object)
{
	if (!referents->asked)
		referents->asked = calloc(ASKED, sizeof(*referents->asked));
	return referents->asked ? &referents->asked[(object * UINT64_C(0x9e3779b97f4a7c15) >> 32) % ASKED] : NULL;
}

bool unseen_holds(struct referents *referents, uint64_t object)
{
	const struct shape *shape = shapes_glance(referents->shapes, object);
	uint64_t *place, answer;

	if (!shape || (!is_foreign(shape) && shape->kind != OBJECT_TUPLE && shape->kind != OBJECT_DICT))
		return false;
	place = asked_place(referents, object);
	if (place && *place >> 1 == object >> 1)
		return *place & 1;
	answer = holds(&(struct inquiry){.referents = referents, .items = ITEMS_MOST}, object);
	if (place)
		*place = object | answer;
	return answer;
}
