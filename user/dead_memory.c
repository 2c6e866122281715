// SPDX-License-Identifier: BSD-2-Clause
#include "dead_memory.h"

int dead_memory_find(struct dead_memory *dead, const struct layout *layout, struct memory *memory)
{
	*dead = (struct dead_memory){.layout = layout, .memory = memory, .pool = {.address = UINT64_MAX}};
	return malloc_chunks_find(&dead->chunks, memory);
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
