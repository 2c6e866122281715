// SPDX-License-Identifier: BSD-2-Clause
#include "free_lists.h"

#include <stdbool.h>

#define WORD 8

/* Whether what is in use of an array are freed objects: their counts are 0. */
static bool are_free(const struct layout *layout, struct memory *memory, uint64_t items, uint32_t count)
{
	uint64_t object;
	uint32_t references;

	for (uint32_t i = 0; i < count; i++) {
		if (!memory_u64(memory, items + i * WORD, &object) || !object || object % WORD)
			return false;
		/* It may lie on a page that nobody needed. */
		if (memory_u32(memory, object + (uint64_t)layout->object.refcnt, &references) && references)
			return false;
	}
	return true;
}

int free_lists_rest(const struct layout *layout, struct memory *memory, uint64_t interpreter,
	struct dead_range rest[FREE_LISTS_MOST])
{
	const int32_t *place = layout->interp.free_lists;
	int found = 0;

	for (; *place && found < FREE_LISTS_MOST; place += 2) {
		uint64_t items = interpreter + (uint64_t)place[0];
		uint32_t count;

		if (memory_u32(memory, interpreter + (uint64_t)place[1], &count) && count <= FREE_LIST_LENGTH &&
			are_free(layout, memory, items, count))
			rest[found++] = (struct dead_range){items + count * WORD, items + FREE_LIST_LENGTH * WORD};
	}
	return found;
}
