/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * objgraph's second question: which objects are new. An id is an object's address, as id() says inside; what a capture
 * holds is kept as sorted ids by type, two of these are compared name by name.
 */
#ifndef OGT_NEWIDS_H
#define OGT_NEWIDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "capture.h"
#include "growth.h"

struct ids_of_type {
	struct type_name name;
	uint64_t *id; /* ascending */
	size_t count;
};

/* The ids of one look: what gc.get_objects() would have returned. Zero-initialised is empty. */
struct ids {
	struct ids_of_type *type; /* each module and name once */
	size_t count;
};

/* Frees nothing of the capture. -1 when out of memory. Freed with ids_free. */
int ids_of_capture(const struct capture *capture, struct ids *ids);
void ids_free(struct ids *ids);

enum newids_column { NEWIDS_OLD, NEWIDS_CURRENT, NEWIDS_NEW, NEWIDS_DELTAS };

struct newids_row {
	char *name; /* owned */
	uint64_t old, current; /* ids of this name then and now */
	uint64_t *id; /* the new ones: now and not then, under this name, or born in between; ascending, owned */
	size_t count;
};

/* Addresses at which an object was seen to be born between the two looks, ascending: another one than was there. */
struct born_between {
	const uint64_t *address;
	size_t count;
};

/*
 * All names that had or have ids and pass the filter, as objgraph.get_new_ids() has them: ordered by this column, then
 * by name, both descending. Number of rows, -1 when out of memory. Freed with newids_free.
 */
ssize_t newids(const struct ids *old, const struct ids *current, const struct born_between *born,
	const struct name_filter *filter, enum newids_column column, struct newids_row **rows);
/*
 * Leaves of the new ids those that another look, taken in between, has under the same name: of what came in since the
 * first look, what stayed. Puts the rows in order again. -1 when out of memory.
 */
int newids_stayed(struct newids_row *rows, size_t count, const struct ids *between, const struct name_filter *filter,
	enum newids_column column);
/* Leaves of the new ids those that pass, and puts the rows in order again. Returns how many did not. */
size_t newids_filter(struct newids_row *rows, size_t count, bool (*passes)(void *context, uint64_t id), void *context,
	enum newids_column column);
void newids_free(struct newids_row *rows, size_t count);

#endif
