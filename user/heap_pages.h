/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which pages of a process a snapshot takes: all that the process itself has written (heap, stacks, data segments), and
 * of what it only reads the constants that its data points to. What nobody ever touched is not read.
 */
#ifndef OGT_HEAP_PAGES_H
#define OGT_HEAP_PAGES_H

#include <stdbool.h>

#include "error.h"
#include "memory.h"
#include "process.h"

/*
 * The pages that the process has by now, besides those that `memory` was read from (memory_touched), ascending. Reads
 * constants' whereabouts through memory. The caller frees pages->page. ERROR_AGAIN when the kernel does not tell.
 */
int heap_pages(const struct process *process, const struct mappings *mappings, struct memory *memory,
	struct page_set *pages, struct error *error);

/*
 * Fetches to an open picture what the process has written since those pages were found; while it is held. Its mappings,
 * which the picture borrows, are read anew. Ends early when *stop becomes true, or after more than anybody writes in a
 * moment.
 */
void heap_pages_since(const struct process *process, struct mappings *mappings, const struct page_set *before,
	struct memory *memory, const volatile bool *stop);

#endif
