/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every object that CPython's collector tracks: address, type, generation. It is read off the collector's own lists
 * (Modules/gcmodule.c, Python/gc.c) in a picture of memory; gc.get_objects() walks the same lists.
 */
#ifndef OGT_CENSUS_H
#define OGT_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "index.h"
#include "memory.h"
#include "python.h"

struct census_type {
	uint64_t address; /* of the type object */
	uint64_t count; /* objects of exactly this type in generations 0-2 */
	uint64_t frozen; /* and in the permanent generation */
};

/* Objects of one list lie together: [first, first + count) of the census's arrays, oldest first. */
struct census_segment {
	uint32_t interpreter; /* index */
	int generation; /* 0-2, or GENERATION_PERMANENT */
	size_t first, count;
};

/* Types found so far, by address; in the order in which they were first met. */
struct type_table {
	struct census_type *type;
	size_t count;
	struct index index; /* by address */
	uint32_t last; /* index of the type looked up last */
};

struct census {
	uint64_t *address; /* of each object */
	uint32_t *type; /* of each object: index into types */
	size_t count, capacity;
	size_t objects; /* in generations 0-2: what gc.get_objects() returns */
	size_t frozen; /* parked by gc.freeze() */
	size_t interpreters;
	struct type_table types;
	struct census_segment *segments;
	size_t segment_count;
};

/*
 * Walks all lists. Every link is checked in both directions, so what comes back closed without a gap; -1 with
 * ERROR_AGAIN when a link is half-made, a page is missing (memory_misses tells) or *stop became true. On success the
 * caller frees it with census_free.
 */
int census_walk(struct python *python, struct memory *memory, const volatile bool *stop, struct census *census,
	struct error *error);
void census_free(struct census *census);

/* An object that was met, and the index of its type. False: no further one is looked at. */
typedef bool census_visit(void *context, uint64_t object, uint32_t type);

/*
 * The same walk through a process that runs: finds the pages that a census will need, and the types, without any
 * claim to be complete; until the monotonic time deadline, seconds, at most. types may hold what an earlier rehearsal
 * found, and new ones are added. visit (may be NULL) is called for each object, for some of them twice. True when the
 * lists of the oldest objects were seen from end to end: nobody was at them meanwhile.
 */
bool census_rehearse(struct python *python, struct memory *memory, double deadline, struct type_table *types,
	census_visit *visit, void *context);

/*
 * What came into being since the rehearsal sits at the ends of the lists: walks back from there, fetching pages,
 * until nothing new turned up for a while. visit_type is called for each type that types does not hold (which is
 * added), visit (may be NULL) for each object; pages that it fetches are new, too.
 */
void census_tails(struct python *python, struct memory *memory, const volatile bool *stop, struct type_table *types,
	void (*visit_type)(void *context, uint64_t type), census_visit *visit, void *context);

/* Drops the objects for which keep, one for each in the order of census->address, is false. */
void census_keep(struct census *census, const bool *keep);

void type_table_free(struct type_table *types);

#endif
