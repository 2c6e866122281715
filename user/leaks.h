/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reference count audit: objects with more references than there are places, in the whole memory and in registers,
 * that lead to them. Somebody took a reference and lost it: C code that forgot Py_DECREF. The other way is no proof: a
 * place that leads to an object need not hold a reference, so a leak may hide behind it.
 */
#ifndef OGT_LEAKS_H
#define OGT_LEAKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backrefs.h"
#include "error.h"
#include "registers.h"

struct leak {
	uint64_t address;
	uint32_t type; /* index of its type in the census */
	uint32_t refcount;
	uint32_t accounted; /* places that were found: references of objects and roots, and other words that lead to it
			     */
};

struct leaks {
	struct leak *leak; /* by type, in the order of addresses */
	size_t count;
};

/* Of a picture of all that the process has written, and what is known of its threads' registers. 0, or -1 and the
 * error. Freed with leaks_free, also then. */
int leaks_find(struct leaks *leaks, struct backrefs *backrefs, const struct registers *registers, struct error *error);
void leaks_free(struct leaks *leaks);

#endif
