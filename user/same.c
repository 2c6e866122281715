// SPDX-License-Identifier: BSD-2-Clause
#include "same.h"

#include <stdlib.h>
#include <string.h>

#include "attributes.h"
#include "describe.h"
#include "kind.h"
#include "pyobject.h"

#define HELD_MOST 8

/* What an object holds, as far as it is compared. */
struct held {
	const struct heap *heap;
	uint64_t object[HELD_MOST];
	size_t count;
};

/* None, True and the like are everywhere: that both have one tells nothing. */
static bool tells(const struct heap *heap, uint64_t object)
{
	bool exact;

	switch (kind_of_type(
		&heap->python, heap->memory, pyobject_type(&heap->python.layout, heap->memory, object), &exact)) {
	case OBJECT_NONE:
	case OBJECT_BOOL:
	case OBJECT_ELLIPSIS:
	case OBJECT_NOT_IMPLEMENTED:
		return false;
	default:
		return true;
	}
}

static bool hold(struct held *held, uint64_t object)
{
	if (held->count < HELD_MOST)
		held->object[held->count++] = object;
	return held->count < HELD_MOST;
}

static bool hold_value(void *context, uint64_t name, uint64_t value)
{
	(void)name;
	return hold(context, value);
}

static bool word(const struct heap *heap, uint64_t address, int32_t offset, uint64_t *value)
{
	return memory_u64(heap->memory, address + (uint64_t)offset, value);
}

static void hold_words(struct held *held, uint64_t first, uint64_t count)
{
	uint64_t value;

	for (uint64_t i = 0; i < count && word(held->heap, first + i * sizeof(value), 0, &value); i++) {
		if (!hold(held, value))
			break;
	}
}

static void hold_content(struct held *held, uint64_t object, uint64_t type)
{
	const struct heap *heap = held->heap;
	const struct layout *layout = &heap->python.layout;
	uint64_t first, count, size;
	bool exact;

	attributes_visit(&heap->python, heap->memory, object, type, hold_value, held);
	if (held->count)
		return;
	switch (kind_of_type(&heap->python, heap->memory, type, &exact)) {
	case OBJECT_LIST:
		if (word(heap, object, layout->member.list_items, &first) &&
			word(heap, object, layout->member.size, &count))
			hold_words(held, first, count);
		break;
	case OBJECT_TUPLE:
		if (word(heap, object, layout->member.size, &count))
			hold_words(held, object + (uint64_t)layout->member.tuple_items, count);
		break;
	case OBJECT_DICT:
	case OBJECT_DEFAULTDICT:
	case OBJECT_ORDERED_DICT:
		pyobject_dict_items(layout, heap->memory, object, hold_value, held);
		break;
	default:
		if (word(heap, type, layout->type.basicsize, &size) && size > (uint64_t)layout->object.size)
			hold_words(held, object + (uint64_t)layout->object.size,
				(size - (uint64_t)layout->object.size) / sizeof(size));
		break;
	}
}

/* One address in both: a container is itself, of what holds nothing the value counts. */
static bool same_value(const struct heap *then, const struct heap *now, uint64_t address)
{
	uint64_t type = pyobject_type(&then->python.layout, then->memory, address), flags;
	char *old, *current;
	bool same;

	if (!type || !word(then, type, then->python.layout.type.flags, &flags) || flags & TPFLAGS_HAVE_GC ||
		!python_is_type(&then->python, then->memory, type))
		return true;
	old = describe(&then->python, then->memory, address);
	current = describe(&now->python, now->memory, address);
	same = old && current && strcmp(old, current) == 0;
	free(old);
	free(current);
	return same;
}

bool same_object(const struct heap *then, const struct heap *now, uint64_t address)
{
	struct held old = {.heap = then}, current = {.heap = now};
	uint64_t type = pyobject_type(&now->python.layout, now->memory, address);
	size_t same = 0, told = 0;

	if (!type || pyobject_type(&then->python.layout, then->memory, address) != type)
		return false;
	hold_content(&old, address, type);
	hold_content(&current, address, type);
	for (size_t i = 0; i < old.count || i < current.count; i++) {
		bool both = i < old.count && i < current.count && old.object[i] == current.object[i];

		if (both && !tells(now, current.object[i]))
			continue;
		told++;
		same += both && same_value(then, now, current.object[i]);
	}
	return 2 * same >= told;
}
