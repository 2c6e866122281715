/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Of all that a process has written, the part that its Python objects lie on and lead to: a process may have gigabytes
 * of arrays, models or another language's heap, which no question is about.
 *
 * Found without knowing what the objects are made of. Every word of a page that belongs to it is taken for an address:
 * what it leads to belongs to it, too, if an object is there (its type is a type), or else (a buffer, a struct of C
 * code) for a few steps from an object on, 64 KiB each. Of lists, tuples, dicts and sets the whole is taken. So it is
 * more than is needed, by what lies near it.
 */
#ifndef OGT_REACH_H
#define OGT_REACH_H

#include <stdbool.h>
#include <stddef.h>

#include "census.h"
#include "memory.h"
#include "process.h"
#include "python.h"

struct reached {
	struct page_set pages; /* the caller frees pages.page */
	size_t missing; /* pages of it that the picture does not have */
};

/*
 * Which of these pages (ascending, of these mappings) are reached from those that `memory` was read from so far and
 * from all data segments of files. types: those met in a census. -1 when out of memory or interrupted.
 */
int reach(const struct python *python, struct memory *memory, const struct mappings *mappings,
	const struct type_table *types, const struct page_set *pages, struct reached *reached);

#endif
