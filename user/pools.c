// SPDX-License-Identifier: BSD-2-Clause
#include "pools.h"

#include <string.h>

/* struct pool_header, the same in every version. */
struct header {
	uint32_t count; /* blocks that are in use */
	uint32_t unused;
	uint64_t freeblock; /* the first that is free; each leads to the next; NULL ends it */
	uint64_t next, prev; /* pools of this size */
	uint32_t arena, szidx;
	uint32_t nextoffset, maxnextoffset; /* where the next block is carved, and the last that can be */
};

/* szidx counts in units of the alignment: 8 bytes to 3.7, then 16. */
static bool is_header(const struct header *header, uint32_t pool_size)
{
	uint32_t size = pool_size - header->maxnextoffset, carved;

	if (header->maxnextoffset >= pool_size || size < 8 || size > 1024 || size % 8 ||
		(size != (header->szidx + 1) * 8 && size != (header->szidx + 1) * 16) ||
		header->nextoffset < sizeof(*header) + size || header->nextoffset > pool_size + size ||
		(header->nextoffset - sizeof(*header)) % size)
		return false;
	carved = (uint32_t)(header->nextoffset - sizeof(*header)) / size;
	return header->count <= carved && carved <= POOL_BLOCKS_MOST;
}

void pool_read(const struct layout *layout, struct memory *memory, uint64_t address, struct pool *pool)
{
	uint32_t pool_size = (uint32_t)layout->habits.pool_size, carved, found = 0;
	struct header header;

	pool->address = address & ~(uint64_t)(pool_size - 1);
	pool->size = 0;
	if (!memory_read(memory, pool->address, &header, sizeof(header)) || !is_header(&header, pool_size))
		return;
	pool->size = pool_size - header.maxnextoffset;
	pool->first = sizeof(header);
	pool->carved = header.nextoffset;
	carved = (pool->carved - pool->first) / pool->size;
	memset(pool->free, 0, carved);
	for (uint64_t block = header.freeblock; block; found++) {
		uint64_t offset = block - pool->address - pool->first;

		if (block < pool->address + pool->first || offset % pool->size || offset / pool->size >= carved ||
			pool->free[offset / pool->size] || !memory_u64(memory, block, &block)) {
			pool->size = 0;
			return;
		}
		pool->free[offset / pool->size] = 1;
	}
	if (found + header.count != carved)
		pool->size = 0;
}

uint32_t pool_block_size(const struct layout *layout, struct memory *memory, uint64_t address)
{
	uint32_t pool_size = (uint32_t)layout->habits.pool_size, size, within;
	uint64_t pool = address & ~(uint64_t)(pool_size - 1);
	struct header header;

	if (!memory_glance_at(memory, pool, &header, sizeof(header)) || !is_header(&header, pool_size))
		return 0;
	size = pool_size - header.maxnextoffset;
	within = (uint32_t)(address - pool);
	if (within < sizeof(header) || (within - sizeof(header)) % size || within >= header.nextoffset ||
		address == header.freeblock)
		return 0;
	return size;
}

void pool_touch(const struct layout *layout, struct memory *memory, uint64_t address)
{
	struct header header;

	memory_read(memory, address & ~(uint64_t)(layout->habits.pool_size - 1), &header, sizeof(header));
}
