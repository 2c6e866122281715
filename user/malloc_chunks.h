/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * glibc's malloc (malloc/malloc.c, 2.36 to 2.43): which memory of the main arena is free. A list that grew leaves its
 * old array of pointers in a chunk that was freed.
 *
 * The arena is found by what it looks like, and nothing is believed unless everything agrees: the ring of each bin,
 * each chunk from the heap's begin to the arena's top, and the size that the arena says it has.
 */
#ifndef OGT_MALLOC_CHUNKS_H
#define OGT_MALLOC_CHUNKS_H

#include <stddef.h>
#include <stdint.h>

#include "memory.h"

/* Bytes [start, end) that nobody has. */
struct dead_range {
	uint64_t start, end;
};

struct malloc_chunks {
	struct dead_range *dead; /* ascending */
	size_t count;
};

/*
 * Finds what is free in a closed picture; nothing where another allocator serves, or the arena was being changed. -1
 * when out of memory. Freed with malloc_chunks_free, also then.
 */
int malloc_chunks_find(struct malloc_chunks *chunks, struct memory *memory);
void malloc_chunks_free(struct malloc_chunks *chunks);

/*
 * How many bytes malloc() gave at this address, of any arena, told from what lies around them; 0: no chunk in use
 * begins there. The heap need not be at rest: who allocates meanwhile changes other chunks. No page is touched
 * (memory_glance); malloc_chunk_touch touches what it was told by.
 */
uint64_t malloc_chunk_size(struct memory *memory, uint64_t address);
void malloc_chunk_touch(struct memory *memory, uint64_t address, uint64_t size);

#endif
