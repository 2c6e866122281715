/* SPDX-License-Identifier: BSD-2-Clause */
/* A map from names to numbers that remembers the order in which names came. */
#ifndef OGT_COUNTS_H
#define OGT_COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index.h"

struct count {
	char *name; /* UTF-8, owned */
	uint64_t value;
};

/* Zero-initialised is empty. Iterate over entry[0..size). */
struct counts {
	struct count *entry;
	size_t size;
	struct index index; /* by name */
};

void counts_free(struct counts *counts);

/* The entry of a name, or NULL. */
struct count *counts_find(const struct counts *counts, const char *name);

/* The entry of a name, made with value 0 when new. NULL when out of memory. Valid until the next counts_get. */
struct count *counts_get(struct counts *counts, const char *name);

#endif
