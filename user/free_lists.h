/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Free lists of an interpreter: arrays of objects that were freed and can be had again (3.10-3.13). What was taken out
 * of one is not cleared: beyond its length are pointers that mean nothing, to objects that live or to nothing.
 */
#ifndef OGT_FREE_LISTS_H
#define OGT_FREE_LISTS_H

#include <stdint.h>

#include "layout.h"
#include "malloc_chunks.h"
#include "memory.h"

#define FREE_LISTS_MOST 4

/* Those parts of an interpreter's (PyInterpreterState) free lists, ascending; how many. What makes no sense is left
 * out. */
int free_lists_rest(const struct layout *layout, struct memory *memory, uint64_t interpreter,
	struct dead_range rest[FREE_LISTS_MOST]);

#endif
