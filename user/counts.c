// SPDX-License-Identifier: BSD-2-Clause
#include "counts.h"

#include <stdlib.h>
#include <string.h>

#include "list.h"

static uint64_t hash_name(const char *name)
{
	uint64_t value = 0xcbf29ce484222325ull; /* FNV-1a */

	for (; *name; name++)
		value = (value ^ (unsigned char)*name) * 0x100000001b3ull;
	return value ^ value >> 29;
}

static uint64_t hash_entry(const void *context, size_t entry)
{
	const struct counts *counts = context;

	return hash_name(counts->entry[entry].name);
}

void counts_free(struct counts *counts)
{
	for (size_t i = 0; i < counts->size; i++)
		free(counts->entry[i].name);
	free(counts->entry);
	index_free(&counts->index);
	*counts = (struct counts){0};
}

struct count *counts_find(const struct counts *counts, const char *name)
{
	uint64_t at = hash_name(name);
	ssize_t i;

	while ((i = index_next(&counts->index, &at)) >= 0) {
		if (strcmp(counts->entry[i].name, name) == 0)
			return &counts->entry[i];
	}
	return NULL;
}

struct count *counts_get(struct counts *counts, const char *name)
{
	struct count *found = counts_find(counts, name), *entry;

	if (found)
		return found;
	if (!list_make_room((void **)&counts->entry, counts->size, sizeof(*counts->entry)))
		return NULL;
	entry = &counts->entry[counts->size];
	*entry = (struct count){.name = strdup(name)};
	if (!entry->name || !index_add(&counts->index, counts->size + 1, hash_entry, counts)) {
		free(entry->name);
		return NULL;
	}
	counts->size++;
	return entry;
}
