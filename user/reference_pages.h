/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which pages of a process references lie on: objects, what they hold their references in (tables, arrays, blocks,
 * frames), and the texts that references are told by. Found by going the way that an index of all references will go
 * (backrefs.h), through a picture of the running process: so it is what is needed, without any claim to be complete.
 */
#ifndef OGT_REFERENCE_PAGES_H
#define OGT_REFERENCE_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "census.h"
#include "error.h"
#include "memory.h"
#include "python.h"

struct reference_pages;

/*
 * Walks all objects in an open picture, afresh, which knows afterwards what was touched (memory_touched), until the
 * monotonic time deadline, seconds, at most. types: as census_rehearse has it. Borrows all three. NULL with
 * ERROR_INTERRUPTED, or with ERROR_FAILED when out of memory. Freed with reference_pages_free. *closed: as
 * census_rehearse has it. If not, objects come and go, and their tables with them: what is found would not do a moment
 * later, and is not looked for.
 */
struct reference_pages *reference_pages_find(struct python *python, struct memory *memory, struct type_table *types,
	double deadline, bool *closed, struct error *error);
void reference_pages_free(struct reference_pages *pages);

/*
 * From now on the process is held: fetches what is missing of the frames that its threads are in, and then of single
 * objects; until *stop becomes true.
 */
void reference_pages_hold(struct reference_pages *pages, const volatile bool *stop);
void reference_pages_of(struct reference_pages *pages, uint64_t object);

/*
 * Walks all objects of a census in the closed picture that it was taken of. How many pieces of them it does not have;
 * -1 with ERROR_INTERRUPTED, or ERROR_FAILED when out of memory.
 */
int64_t reference_pages_missing(
	const struct python *python, struct memory *memory, const struct census *census, struct error *error);

#endif
