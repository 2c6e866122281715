// SPDX-License-Identifier: BSD-2-Clause
#include "census.h"

#include <stdlib.h>
#include <string.h>

#include "interrupt.h"
#include "list.h"

/* How many objects in a row must lie on known pages before the rest of a list is taken as known. */
#define TAIL_KNOWN 1024
/* A walk through a running process ends here whatever it finds. */
#define REHEARSAL_MOST (UINT64_C(1) << 31)
#define STOP_CHECK 4096 /* objects between two looks at *stop */

void type_table_free(struct type_table *types)
{
	free(types->type);
	index_free(&types->index);
	*types = (struct type_table){0};
}

/* Index of a type, added when new (*added); -1 when out of memory. */
static int64_t type_index(struct type_table *types, uint64_t address, bool *added)
{
	ssize_t index;

	if (types->last < types->count && types->type[types->last].address == address)
		return types->last;
	index = index_find_address(&types->index, types->type, sizeof(*types->type), address);
	if (index < 0) {
		if (!list_make_room((void **)&types->type, types->count, sizeof(*types->type)))
			return -1;
		types->type[types->count] = (struct census_type){.address = address};
		if (!index_add_address(&types->index, types->count + 1, types->type, sizeof(*types->type)))
			return -1;
		index = (ssize_t)types->count++;
		if (added)
			*added = true;
	}
	types->last = (uint32_t)index;
	return index;
}

void census_free(struct census *census)
{
	free(census->address);
	free(census->type);
	free(census->segments);
	type_table_free(&census->types);
	*census = (struct census){0};
}

static bool objects_grow(struct census *census)
{
	size_t capacity = census->capacity ? census->capacity + census->capacity / 2 : 16384;
	uint64_t *address = realloc(census->address, capacity * sizeof(*address));
	uint32_t *type;

	if (!address)
		return false;
	census->address = address;
	type = realloc(census->type, capacity * sizeof(*type));
	if (!type)
		return false;
	census->type = type;
	census->capacity = capacity;
	return true;
}

/* Offsets and masks that the inner loops use, picked once. */
struct links {
	uint64_t next, prev; /* offsets in PyGC_Head */
	uint64_t next_mask, prev_mask;
	uint64_t object; /* from PyGC_Head to the object */
	uint64_t type; /* from PyGC_Head to ob_type */
	uint64_t refcnt; /* from PyGC_Head to ob_refcnt */
	uint64_t finalize; /* from a type to tp_finalize */
};

static struct links links_of(const struct layout *layout)
{
	return (struct links){
		.next = (uint64_t)layout->gc_head.next,
		.prev = (uint64_t)layout->gc_head.prev,
		.next_mask = ~layout->gc_head.next_flags,
		.prev_mask = ~layout->gc_head.prev_flags,
		.object = (uint64_t)layout->gc_head.size,
		.type = (uint64_t)(layout->gc_head.size + layout->object.type),
		.finalize = (uint64_t)layout->type.finalize,
		.refcnt = (uint64_t)(layout->gc_head.size + layout->object.refcnt),
	};
}

static int unreadable(struct error *error, uint64_t node)
{
	return error_set(error, ERROR_AGAIN, "a collector's list leads to %#llx, which cannot be read",
		(unsigned long long)node);
}

/*
 * An object without references (the lower half of the word in all versions) has just entered tp_dealloc and is about to
 * leave the list: nobody can get hold of it any more, unless its finalizer does.
 */
static bool may_come_back(const struct links *links, struct memory *memory, uint64_t type)
{
	uint64_t finalize;

	return memory_u64(memory, type + links->finalize, &finalize) && finalize;
}

static int walk_list(const struct links *links, struct memory *memory, uint64_t head, int generation,
	const volatile bool *stop, struct census *census, struct error *error)
{
	/* No list can be longer than its pages can hold list heads. */
	uint64_t node, before = head, prev;
	uint64_t *count = generation == GENERATION_PERMANENT ? &census->frozen : &census->objects;

	if (!memory_u64(memory, head + links->next, &node))
		return unreadable(error, head);
	node &= links->next_mask;
	while (node != head) {
		uint64_t next, type, refcnt;
		int64_t index;

		if (node & 7 || !memory_u64(memory, node + links->next, &next) ||
			!memory_u64(memory, node + links->prev, &prev) ||
			!memory_u64(memory, node + links->type, &type) ||
			!memory_u64(memory, node + links->refcnt, &refcnt))
			return unreadable(error, node);
		if ((prev & links->prev_mask) != before)
			return error_set(error, ERROR_AGAIN, "a collector's list is half-linked at %#llx",
				(unsigned long long)node);
		before = node;
		node = next & links->next_mask;
		if (!(uint32_t)refcnt && !may_come_back(links, memory, type))
			continue;
		if (census->count == census->capacity && !objects_grow(census))
			return error_set(error, ERROR_FAILED, "out of memory");
		index = type_index(&census->types, type, NULL);
		if (index < 0)
			return error_set(error, ERROR_FAILED, "out of memory");
		census->address[census->count] = before + links->object;
		census->type[census->count++] = (uint32_t)index;
		if (generation == GENERATION_PERMANENT)
			census->types.type[index].frozen++;
		else
			census->types.type[index].count++;
		if (++*count % STOP_CHECK == 0) {
			if (interrupt_signal)
				return error_set(error, ERROR_INTERRUPTED, "interrupted");
			if (*stop)
				return error_set(error, ERROR_AGAIN, "the walk was cut short");
			if (census->count > memory_pages(memory) * (MEMORY_PAGE_SIZE / links->object))
				return error_set(error, ERROR_FAILED, "a collector's list does not end");
		}
	}
	if (!memory_u64(memory, head + links->prev, &prev) || (prev & links->prev_mask) != before)
		return error_set(error, ERROR_AGAIN, "a collector's list is half-linked at its end");
	return 0;
}

int census_walk(struct python *python, struct memory *memory, const volatile bool *stop, struct census *census,
	struct error *error)
{
	const struct links links = links_of(&python->layout);
	struct runtime runtime;
	int result = 0;

	*census = (struct census){0};
	if (python_runtime(python, memory, &runtime, error) < 0)
		return -1;
	if (python_collecting(python, memory, &runtime))
		result = error_set(error, ERROR_COLLECTING, "a garbage collection is running");
	census->interpreters = runtime.interpreter_count;
	census->segments =
		calloc(runtime.interpreter_count * (GENERATION_PERMANENT + 1) + 1, sizeof(*census->segments));
	if (!census->segments)
		result = error_set(error, ERROR_FAILED, "out of memory");
	/* gc.get_objects() goes through the generations of one interpreter from the youngest to the oldest. */
	for (size_t i = 0; i < runtime.interpreter_count; i++) {
		for (int generation = 0; generation <= GENERATION_PERMANENT && result == 0; generation++) {
			uint64_t head = python_generation(python, &runtime.interpreters[i], generation);
			struct census_segment *segment = &census->segments[census->segment_count];

			if (!head)
				continue;
			*segment = (struct census_segment){(uint32_t)i, generation, census->count, 0};
			result = walk_list(&links, memory, head, generation, stop, census, error);
			segment->count = census->count - segment->first;
			census->segment_count++;
		}
	}
	runtime_free(&runtime);
	if (result < 0)
		census_free(census);
	return result;
}

/* Follows one direction of a list for as long as it hangs together. True when it came round to the head. */
static bool rehearse_list(const struct links *links, struct memory *memory, uint64_t head, bool backwards,
	double deadline, struct type_table *types, census_visit *visit, void *context)
{
	uint64_t onward = backwards ? links->prev : links->next, back = backwards ? links->next : links->prev;
	uint64_t onward_mask = backwards ? links->prev_mask : links->next_mask;
	uint64_t back_mask = backwards ? links->next_mask : links->prev_mask;
	uint64_t before = head, node;

	if (!memory_u64(memory, head + onward, &node))
		return false;
	node &= onward_mask;
	for (uint64_t steps = 0; node != head; steps++) {
		uint64_t following, returning, type;
		int64_t index;

		if (node & 7 || steps == REHEARSAL_MOST || !memory_u64(memory, node + onward, &following) ||
			!memory_u64(memory, node + back, &returning) || (returning & back_mask) != before ||
			!memory_u64(memory, node + links->type, &type) || (index = type_index(types, type, NULL)) < 0 ||
			(visit && !visit(context, node + links->object, (uint32_t)index)))
			return false;
		if (steps % STOP_CHECK == 0 && (interrupt_signal || interrupt_now() > deadline))
			return false;
		before = node;
		node = following & onward_mask;
	}
	return true;
}

bool census_rehearse(struct python *python, struct memory *memory, double deadline, struct type_table *types,
	census_visit *visit, void *context)
{
	const struct links links = links_of(&python->layout);
	struct runtime runtime;
	bool closed = true;

	if (python_runtime(python, memory, &runtime, NULL) < 0)
		return false;
	python_collecting(python, memory, &runtime);
	for (size_t i = 0; i < runtime.interpreter_count; i++) {
		for (int generation = 0; generation <= GENERATION_PERMANENT; generation++) {
			uint64_t head = python_generation(python, &runtime.interpreters[i], generation);

			if (!head || rehearse_list(&links, memory, head, false, deadline, types, visit, context))
				continue;
			closed = closed && generation < LAYOUT_GENERATIONS - 1;
			rehearse_list(&links, memory, head, true, deadline, types, visit, context);
		}
	}
	runtime_free(&runtime);
	return closed;
}

static void tail_of_list(const struct links *links, struct memory *memory, uint64_t head, const volatile bool *stop,
	struct type_table *types, void (*visit_type)(void *, uint64_t), census_visit *visit, void *context)
{
	uint64_t node, after = head;
	unsigned int known = 0;

	if (!memory_u64(memory, head + links->prev, &node))
		return;
	node &= links->prev_mask;
	for (uint64_t steps = 1; node != head && known < TAIL_KNOWN && steps < REHEARSAL_MOST; steps++) {
		bool have = memory_has(memory, node) && memory_has(memory, node + links->type);
		size_t pages = memory_pages(memory);
		uint64_t next, prev, type;
		bool added = false;
		int64_t index;

		if (node & 7 || !memory_u64(memory, node + links->next, &next) ||
			!memory_u64(memory, node + links->prev, &prev) || (next & links->next_mask) != after ||
			!memory_u64(memory, node + links->type, &type) || (index = type_index(types, type, &added)) < 0)
			return;
		if (added)
			visit_type(context, type);
		if (visit && !visit(context, node + links->object, (uint32_t)index))
			return;
		known = have && !added && (!visit || memory_pages(memory) == pages) ? known + 1 : 0;
		if (steps % STOP_CHECK == 0 && *stop)
			return;
		after = node;
		node = prev & links->prev_mask;
	}
}

void census_tails(struct python *python, struct memory *memory, const volatile bool *stop, struct type_table *types,
	void (*visit_type)(void *, uint64_t), census_visit *visit, void *context)
{
	const struct links links = links_of(&python->layout);
	struct runtime runtime;

	if (python_runtime(python, memory, &runtime, NULL) < 0)
		return;
	for (size_t i = 0; i < runtime.interpreter_count; i++) {
		for (int generation = 0; generation < LAYOUT_GENERATIONS; generation++) {
			uint64_t head = python_generation(python, &runtime.interpreters[i], generation);

			if (head)
				tail_of_list(&links, memory, head, stop, types, visit_type, visit, context);
		}
	}
	runtime_free(&runtime);
}

void census_keep(struct census *census, const bool *keep)
{
	size_t to = 0;

	for (size_t i = 0; i < census->segment_count; i++) {
		struct census_segment *segment = &census->segments[i];
		size_t first = to, end = segment->first + segment->count;

		for (size_t k = segment->first; k < end; k++) {
			struct census_type *type = &census->types.type[census->type[k]];

			if (keep[k]) {
				census->address[to] = census->address[k];
				census->type[to++] = census->type[k];
			} else if (segment->generation == GENERATION_PERMANENT) {
				type->frozen--;
				census->frozen--;
			} else {
				type->count--;
				census->objects--;
			}
		}
		segment->first = first;
		segment->count = to - first;
	}
	census->count = to;
}
