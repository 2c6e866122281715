/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that nobody has, in which words stay that were written when somebody had it: what allocators hold free. */
#ifndef OGT_DEAD_MEMORY_H
#define OGT_DEAD_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"
#include "malloc_chunks.h"
#include "memory.h"
#include "pools.h"

struct dead_memory {
	const struct layout *layout; /* borrowed, as is memory */
	struct memory *memory;
	struct pool pool; /* that the last address would lie in */
	struct malloc_chunks chunks;
	size_t next; /* the first of chunks.dead that does not end before it */
};

/* Of a closed picture. -1 when out of memory. Freed with dead_memory_free, also then. */
int dead_memory_find(struct dead_memory *dead, const struct layout *layout, struct memory *memory);

/* And what free lists of an interpreter (PyInterpreterState) keep; before dead_memory_has. -1 when out of memory. */
int dead_memory_add(struct dead_memory *dead, uint64_t interpreter);
void dead_memory_free(struct dead_memory *dead);

/* Whether the word at this address is certainly dead. Asked in ascending order. */
bool dead_memory_has(struct dead_memory *dead, uint64_t address);

#endif
