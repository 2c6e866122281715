/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which objects the next full garbage collection would find unreachable, told without one: the collector's own
 * algorithm (Python/gc.c, deduce_unreachable; to 3.12 Modules/gcmodule.c) on the copy. A collection in the process
 * would change it: it calls finalizers and weak references' callbacks.
 */
#ifndef OGT_GARBAGE_H
#define OGT_GARBAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "backrefs.h"
#include "capture.h"
#include "error.h"

struct garbage {
	bool *found; /* by object of the index */
	size_t count;
	size_t finalizers; /* of them, those that have a finalizer to come, which may bring back what they lead to */
	size_t uncollectable; /* what is unreachable and stays, by tp_del of C code; not among found */
	size_t doubtful; /* objects with fewer references than were found: they count as reachable, with all they lead
			    to */
};

/* 0, or -1 with ERROR_FAILED (out of memory) or ERROR_INTERRUPTED. The nodes suffice. Freed with garbage_free. */
int garbage_find(struct garbage *garbage, struct backrefs *backrefs, struct error *error);
void garbage_free(struct garbage *garbage);

/* Leaves in the census of a look, or of a file, garbage alone or everything else; what it found is in *garbage, freed.
 */
int garbage_filter(struct garbage *garbage, const struct python *python, struct memory *memory, struct census *census,
	bool only, struct error *error);

#endif
