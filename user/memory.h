/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A read-only picture of a process's memory: the pages that were looked at, each copied once. Nothing is ever written
 * to the process, and no mapping is read that nobody asked an address of.
 *
 * An open picture fetches a missing page from the process (with a few neighbours inside the same mapping, more when
 * the reader goes straight on). A closed one answers from its copies alone and counts the pages it did not have.
 */
#ifndef OGT_MEMORY_H
#define OGT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "error.h"
#include "process.h"

#define MEMORY_PAGE_SHIFT 12
#define MEMORY_PAGE_SIZE (1u << MEMORY_PAGE_SHIFT)

struct memory;

/* Where pages come from that are no process's: a snapshot, a core file. */
struct memory_source {
	/* Copies up to count pages to bytes; returns how many before the first that is not there. */
	size_t (*read)(void *context, uint64_t page, size_t count, unsigned char *bytes);
	void (*free)(void *context);
	/* Run number i of consecutive pages that it has, ascending; false after the last. */
	bool (*run)(void *context, size_t i, uint64_t *page, uint64_t *count);
	void *context;
};

/* Pages by number (address >> MEMORY_PAGE_SHIFT), ascending. */
struct page_set {
	uint64_t *page;
	size_t count;
};

/*
 * An open, empty picture of process pid. The mappings tell how far a fetch may reach beyond the page asked for; they
 * are borrowed, and NULL means that pages are fetched one by one. NULL when out of memory.
 */
struct memory *memory_new(pid_t pid, const struct mappings *mappings);
/* The same of a source, which the picture takes over; when out of memory, too, it is freed. */
struct memory *memory_new_from(const struct memory_source *source);
void memory_free(struct memory *memory);

void memory_open(struct memory *memory);
void memory_close(struct memory *memory);

/* Closes it for good: the process and its mappings may go. */
void memory_seal(struct memory *memory);

/* An open picture fetches up to so many pages, and then none; whether it came to that. */
void memory_limit(struct memory *memory, size_t pages);
bool memory_is_full(const struct memory *memory);

/* Drops all copies, so that an open picture reads afresh. */
void memory_forget(struct memory *memory);

/* The pages that reads have touched so far. The caller frees set->page. -1 when out of memory. */
int memory_touched(const struct memory *memory, struct page_set *set);

/* How many they are. */
size_t memory_touched_count(const struct memory *memory);

/* The share of them that are not any more as they were read; of some of them, evenly spaced. */
double memory_changed(const struct memory *memory);

/* All pages that the picture has, or its source, likewise. */
int memory_held(const struct memory *memory, struct page_set *set);

/* Number of pages copied, and of reads that a closed picture could not answer. */
size_t memory_pages(const struct memory *memory);
size_t memory_misses(const struct memory *memory);

/*
 * Prepares room for the pages of set, touched in advance so that memory_copy does nothing but copy. What the picture
 * held before is gone. -1 when out of memory.
 */
int memory_reserve(struct memory *memory, const struct page_set *set);

/*
 * Copies every reserved page from the process with several threads. Pages that cannot be read any more are left out.
 * Stops early, with -1, once *stop is true (which another thread may set).
 */
int memory_copy(struct memory *memory, const volatile bool *stop);

/* Copies size bytes at address to buffer; false when any of them cannot be read. */
bool memory_read(struct memory *memory, uint64_t address, void *buffer, size_t size);

/*
 * The word at a multiple of 8, without the page counting as touched: what the answer can do without need not be copied.
 * Nothing is asked for where the mappings, or what was read before, tell that nothing lies.
 */
bool memory_glance(struct memory *memory, uint64_t address, uint64_t *value);

/* From now on a glance finds what was read before and nothing else: a process that is held does not wait for more. */
void memory_glance_no_farther(struct memory *memory);

/* The same of so many bytes, a few pages at most. */
bool memory_glance_at(struct memory *memory, uint64_t address, void *buffer, size_t size);

/* True when the page of this address is in the picture. */
bool memory_has(const struct memory *memory, uint64_t address);

/* The copy of a page that the picture has, or NULL. Several threads may ask at once while nobody fetches. */
const unsigned char *memory_peek(const struct memory *memory, uint64_t page);

/* The copy of a page, fetched when the picture is open; NULL when it cannot be had. Valid until the next fetch. */
const unsigned char *memory_page(struct memory *memory, uint64_t page);

/* The last page looked at, so that neighbours cost a compare. First member of struct memory. */
struct memory_last {
	uint64_t page;
	const unsigned char *bytes;
};

static inline bool memory_u64(struct memory *memory, uint64_t address, uint64_t *value)
{
	const struct memory_last *last = (const struct memory_last *)memory;
	uint64_t page = address >> MEMORY_PAGE_SHIFT;
	unsigned int within = address & (MEMORY_PAGE_SIZE - 1);
	const unsigned char *bytes;

	if (within > MEMORY_PAGE_SIZE - sizeof(*value))
		return memory_read(memory, address, value, sizeof(*value));
	bytes = last->page == page ? last->bytes : memory_page(memory, page);
	if (!bytes)
		return false;
	memcpy(value, bytes + within, sizeof(*value));
	return true;
}

static inline bool memory_u32(struct memory *memory, uint64_t address, uint32_t *value)
{
	return memory_read(memory, address, value, sizeof(*value));
}

#endif
