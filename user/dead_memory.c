// SPDX-License-Identifier: BSD-2-Clause
#include "dead_memory.h"

#include <stdlib.h>
#include <string.h>

#include "free_lists.h"

int dead_memory_find(struct dead_memory *dead, const struct layout *layout, struct memory *memory)
{
	*dead = (struct dead_memory){.layout = layout, .memory = memory, .pool = {.address = UINT64_MAX}};
	return malloc_chunks_find(&dead->chunks, memory);
}

static int by_start(const void *a, const void *b)
{
	uint64_t x = ((const struct dead_range *)a)->start, y = ((const struct dead_range *)b)->start;

	return (x > y) - (x < y);
}

int dead_memory_add(struct dead_memory *dead, uint64_t interpreter)
{
	struct malloc_chunks *chunks = &dead->chunks;
	struct dead_range rest[FREE_LISTS_MOST], *grown;
	int count = free_lists_rest(dead->layout, dead->memory, interpreter, rest);

	if (!count)
		return 0;
	grown = reallocarray(chunks->dead, chunks->count + (size_t)count, sizeof(*grown));
	if (!grown)
		return -1;
	memcpy(grown + chunks->count, rest, (size_t)count * sizeof(*grown));
	chunks->dead = grown;
	chunks->count += (size_t)count;
	qsort(grown, chunks->count, sizeof(*grown), by_start);
	return 0;
}

void dead_memory_free(struct dead_memory *dead)
{
	malloc_chunks_free(&dead->chunks);
}

bool dead_memory_has(struct dead_memory *dead, uint64_t address)
{
	const struct dead_range *range = dead->chunks.dead;

	while (dead->next < dead->chunks.count && range[dead->next].end <= address)
		dead->next++;
	if (dead->next < dead->chunks.count && range[dead->next].start <= address)
		return true;
	if ((address & ~(uint64_t)(dead->layout->habits.pool_size - 1)) != dead->pool.address)
		pool_read(dead->layout, dead->memory, address, &dead->pool);
	return pool_is_free(&dead->pool, address);
}
