/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What finds an entry of a growing array by its key: a hash table of the entries' numbers. The array stays its
 * owner's, who compares the keys; an entry is there before it is entered here.
 */
#ifndef OGT_INDEX_H
#define OGT_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

/* Zero-initialised is empty. */
struct index {
	uint32_t *slot; /* open addressing, at most half of them used: number + 1; 0 empty */
	size_t slots; /* a power of two */
	size_t used; /* entries 0 to used - 1 are in it */
};

/* The hash of an entry's key. */
typedef uint64_t index_hash(const void *context, size_t entry);

/* A hash of more than there was in hash, of which all bits can be used. */
static inline uint64_t index_mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

/* Steps through the entries whose hash may be this one: -1 after the last. *at begins as the hash. */
static inline ssize_t index_next(const struct index *index, uint64_t *at)
{
	if (!index->slots)
		return -1;
	return (ssize_t)index->slot[(*at)++ & (index->slots - 1)] - 1;
}

/*
 * Enters those of the entries 0 to count - 1 that are not in it yet. False when out of memory: those that found no room
 * are entered next time.
 */
bool index_add(struct index *index, size_t count, index_hash *hash, const void *context);

/* Takes all entries out, and keeps the room that they had: before index_add where their numbers have changed. */
void index_clear(struct index *index);
void index_free(struct index *index);

/* The number of the entry whose first member is this address, a uint64_t; -1: none. size: of an entry, bytes. */
static inline ssize_t index_find_address(const struct index *index, const void *entries, size_t size, uint64_t address)
{
	uint64_t at = index_mix(0, address), key;
	ssize_t i;

	while ((i = index_next(index, &at)) >= 0) {
		memcpy(&key, (const char *)entries + (size_t)i * size, sizeof(key));
		if (key == address)
			break;
	}
	return i;
}

/* index_add for such entries. */
bool index_add_address(struct index *index, size_t count, const void *entries, size_t size);

#endif
