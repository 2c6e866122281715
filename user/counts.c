// SPDX-License-Identifier: BSD-2-Clause
#include "counts.h"

#include <stdlib.h>
#include <string.h>

static size_t hash(const char *name)
{
	uint64_t value = 0xcbf29ce484222325ull; /* FNV-1a */

	for (; *name; name++)
		value = (value ^ (unsigned char)*name) * 0x100000001b3ull;
	return (size_t)(value ^ value >> 29);
}

void counts_free(struct counts *counts)
{
	for (size_t i = 0; i < counts->size; i++)
		free(counts->entry[i].name);
	free(counts->entry);
	free(counts->slot);
	*counts = (struct counts){0};
}

/* The slot of a name: where it is, or where it would go. */
static uint32_t *find_slot(const struct counts *counts, const char *name)
{
	for (size_t i = hash(name);; i++) {
		uint32_t *slot = &counts->slot[i & (counts->slots - 1)];

		if (!*slot || strcmp(counts->entry[*slot - 1].name, name) == 0)
			return slot;
	}
}

static bool grow(struct counts *counts)
{
	size_t slots = counts->slots ? counts->slots * 2 : 256;
	uint32_t *slot = calloc(slots, sizeof(*slot));
	struct count *entry = realloc(counts->entry, slots / 2 * sizeof(*entry));

	if (entry) {
		counts->entry = entry;
		counts->capacity = slots / 2;
	}
	if (!slot || !entry) {
		free(slot);
		return false;
	}
	free(counts->slot);
	counts->slot = slot;
	counts->slots = slots;
	for (size_t i = 0; i < counts->size; i++)
		*find_slot(counts, counts->entry[i].name) = (uint32_t)i + 1;
	return true;
}

struct count *counts_find(const struct counts *counts, const char *name)
{
	uint32_t *slot = counts->slots ? find_slot(counts, name) : NULL;

	return slot && *slot ? &counts->entry[*slot - 1] : NULL;
}

struct count *counts_get(struct counts *counts, const char *name)
{
	struct count *found = counts_find(counts, name);
	struct count *entry;

	if (found)
		return found;
	if (counts->size == counts->slots / 2 && !grow(counts))
		return NULL;
	entry = &counts->entry[counts->size];
	*entry = (struct count){.name = strdup(name)};
	if (!entry->name)
		return NULL;
	*find_slot(counts, name) = (uint32_t)++counts->size;
	return entry;
}
