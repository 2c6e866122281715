/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPython's own allocator of small blocks, pymalloc (Objects/obmalloc.c): which blocks of a pool are free. What was
 * freed keeps its words, that lead to objects as if something still held them.
 */
#ifndef OGT_POOLS_H
#define OGT_POOLS_H

#include <stdbool.h>
#include <stdint.h>

#include "layout.h"
#include "memory.h"

#define POOL_BLOCKS_MOST 2048

struct pool {
	uint64_t address; /* of the pool */
	uint32_t size; /* bytes a block; 0: there is no pool here */
	uint32_t first; /* offset of the first block */
	uint32_t carved; /* offset of what was never handed out */
	uint8_t free[POOL_BLOCKS_MOST]; /* by number of the block */
};

/* Reads the pool that an address would lie in. pool->size is 0 when its header or its list of free blocks contradict
 * themselves. */
void pool_read(const struct layout *layout, struct memory *memory, uint64_t address, struct pool *pool);

/*
 * How long the block is that begins at this address, bytes; 0: none that was handed out begins there. A block that is
 * free again is not told from one in use. No page is touched (memory_glance); pool_touch touches what it was told by.
 */
uint32_t pool_block_size(const struct layout *layout, struct memory *memory, uint64_t address);
void pool_touch(const struct layout *layout, struct memory *memory, uint64_t address);

/* Whether this address, of that pool, is in a block that is free; false also where there is no pool. */
static inline bool pool_is_free(const struct pool *pool, uint64_t address)
{
	uint64_t offset = address - pool->address;

	if (!pool->size || offset < pool->first)
		return false;
	return offset >= pool->carved || pool->free[(offset - pool->first) / pool->size];
}

#endif
