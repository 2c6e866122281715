// SPDX-License-Identifier: BSD-2-Clause
#include "index.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_LEAST 256

static void enter(struct index *index, uint64_t hash)
{
	while (index->slot[hash & (index->slots - 1)])
		hash++;
	index->slot[hash & (index->slots - 1)] = (uint32_t)++index->used;
}

/* Makes it a table of so many slots with the same entries. */
static bool resize(struct index *index, size_t slots, index_hash *hash, const void *context)
{
	struct index resized = {.slot = calloc(slots, sizeof(*resized.slot)), .slots = slots};

	if (!resized.slot)
		return false;
	while (resized.used < index->used)
		enter(&resized, hash(context, resized.used));
	free(index->slot);
	*index = resized;
	return true;
}

bool index_add(struct index *index, size_t count, index_hash *hash, const void *context)
{
	while (index->used < count) {
		if (index->used * 2 >= index->slots &&
			!resize(index, index->slots ? index->slots * 2 : SLOTS_LEAST, hash, context))
			return false;
		enter(index, hash(context, index->used));
	}
	return true;
}

void index_clear(struct index *index)
{
	if (index->slots)
		memset(index->slot, 0, index->slots * sizeof(*index->slot));
	index->used = 0;
}

void index_free(struct index *index)
{
	free(index->slot);
	*index = (struct index){0};
}

struct entries {
	const char *first;
	size_t size;
};

static uint64_t hash_address(const void *context, size_t entry)
{
	const struct entries *entries = context;
	uint64_t address;

	memcpy(&address, entries->first + entry * entries->size, sizeof(address));
	return index_mix(0, address);
}

bool index_add_address(struct index *index, size_t count, const void *entries, size_t size)
{
	return index_add(index, count, hash_address, &(struct entries){entries, size});
}
