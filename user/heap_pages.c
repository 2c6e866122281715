// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "heap_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "order.h"

/* Bits of a pagemap entry, Documentation/admin-guide/mm/pagemap.rst. */
#define PAGEMAP_PRESENT (UINT64_C(1) << 63)
#define PAGEMAP_SWAPPED (UINT64_C(1) << 62)
#define PAGEMAP_FILE (UINT64_C(1) << 61) /* of a file, or shared: not written by this process alone */
#define PAGEMAP_ENTRIES 512u /* asked for at a time: of one table of the kernel's */

/* Data segments of files up to this size are taken whole: what nobody touched yet is as good as what somebody did. */
#define SEGMENT_WHOLE (UINT64_C(16) << 20)
/* Of a mapping larger than this only the surroundings of pages already known are looked at: nobody fills it. */
#define MAPPING_MOST (UINT64_C(1) << 40)
/* Pages that came into being since the others were counted, at most. */
#define NEW_MOST (1u << 16)

typedef bool visit_page(void *context, uint64_t page);

/* --- what there is --- */

/* Whether the process may have written to it, now or before it was made read-only (relocations). */
static bool is_data(const struct mapping *mapping)
{
	return mapping->readable && !mapping->shared && (mapping->writable || (mapping->inode && !mapping->executable));
}

/* Constants: a file's read-only data. An old linker puts it beside the code, behind the file's header. */
static bool is_constants(const struct mapping *mapping)
{
	return mapping->readable && !mapping->shared && !mapping->writable && mapping->inode &&
	       (!mapping->executable || !mapping->offset);
}

static bool is_wanted(const struct mapping *mapping, uint64_t entry)
{
	if (!mapping->writable)
		return entry & PAGEMAP_PRESENT && !(entry & PAGEMAP_FILE);
	return entry & (PAGEMAP_PRESENT | PAGEMAP_SWAPPED) ||
	       (mapping->inode && mapping->end - mapping->start <= SEGMENT_WHOLE);
}

/* How many pages of a sorted set lie before `end`, from *next on, which moves there. */
static size_t pages_until(const struct page_set *set, size_t *next, uint64_t end)
{
	size_t first = *next;

	while (*next < set->count && set->page[*next] < end)
		(*next)++;
	return *next - first;
}

/*
 * Visits what the process has of its own; known: pages, ascending, of which it is known, so that nobody asks where all
 * are. False when the kernel does not tell, or visit said so.
 */
static bool visit_data(int pagemap, const struct mappings *mappings, const struct page_set *known, visit_page *visit,
	void *context, const volatile bool *stop)
{
	uint64_t *entry = malloc(PAGEMAP_ENTRIES * sizeof(*entry));
	bool told = entry != NULL;
	size_t next = 0;

	for (size_t i = 0; i < mappings->count && told; i++) {
		const struct mapping *mapping = &mappings->mapping[i];
		uint64_t page = mapping->start >> MEMORY_PAGE_SHIFT, end = mapping->end >> MEMORY_PAGE_SHIFT;

		if (!is_data(mapping) || mapping->end - mapping->start > MAPPING_MOST)
			continue;
		pages_until(known, &next, page);
		while (page < end && told && !*stop) {
			size_t want = end - page < PAGEMAP_ENTRIES ? end - page : PAGEMAP_ENTRIES;
			ssize_t n;

			if (pages_until(known, &next, page + want) == want) {
				page += want;
				continue;
			}
			n = pread(pagemap, entry, want * sizeof(*entry), (off_t)(page * sizeof(*entry)));
			told = n > 0;
			for (size_t k = 0; told && k < (size_t)n / sizeof(*entry); k++) {
				if (is_wanted(mapping, entry[k]))
					told = visit(context, page + k);
			}
			page += told ? (size_t)n / sizeof(*entry) : 0;
		}
	}
	free(entry);
	return told;
}

/* --- sets of pages --- */

struct gathered {
	struct page_set set;
	size_t room;
};

static bool gather(void *context, uint64_t page)
{
	struct gathered *gathered = context;

	if (gathered->set.count == gathered->room) {
		size_t room = gathered->room ? gathered->room * 2 : 4096;
		uint64_t *grown = realloc(gathered->set.page, room * sizeof(*grown));

		if (!grown)
			return false;
		gathered->set.page = grown;
		gathered->room = room;
	}
	gathered->set.page[gathered->set.count++] = page;
	return true;
}

static void sort_once(struct page_set *set)
{
	size_t kept = 0;

	qsort(set->page, set->count, sizeof(*set->page), order_u64);
	for (size_t i = 0; i < set->count; i++) {
		if (!kept || set->page[i] != set->page[kept - 1])
			set->page[kept++] = set->page[i];
	}
	set->count = kept;
}

/* --- constants --- */

/* The words of a data segment that lead to constants: names and tables of C code. A text may go on on the next page. */
static bool gather_constants(
	const struct mappings *mappings, const unsigned char *bytes, struct gathered *gathered, uint64_t *last)
{
	for (size_t at = 0; at < MEMORY_PAGE_SIZE; at += sizeof(uint64_t)) {
		const struct mapping *mapping;
		uint64_t word;

		memcpy(&word, bytes + at, sizeof(word));
		if (word >> MEMORY_PAGE_SHIFT == *last)
			continue;
		mapping = mappings_find(mappings, word);
		if (!mapping || !is_constants(mapping))
			continue;
		*last = word >> MEMORY_PAGE_SHIFT;
		if (!gather(gathered, *last) ||
			(word + MEMORY_PAGE_SIZE < mapping->end && !gather(gathered, *last + 1)))
			return false;
	}
	return true;
}

static bool add_constants(const struct mappings *mappings, struct memory *memory, struct gathered *gathered)
{
	size_t count = gathered->set.count;
	uint64_t last = 0;

	for (size_t i = 0; i < count; i++) {
		const struct mapping *mapping = mappings_find(mappings, gathered->set.page[i] << MEMORY_PAGE_SHIFT);
		const unsigned char *bytes;

		if (!mapping || !mapping->inode)
			continue;
		bytes = memory_page(memory, gathered->set.page[i]);
		if (bytes && !gather_constants(mappings, bytes, gathered, &last))
			return false;
	}
	return true;
}

/* --- all together --- */

int heap_pages(const struct process *process, const struct mappings *mappings, struct memory *memory,
	struct page_set *pages, struct error *error)
{
	static const volatile bool never;
	const struct page_set none = {0};
	struct gathered gathered = {0};
	int pagemap = openat(process->directory, "pagemap", O_RDONLY | O_CLOEXEC);
	bool told;

	*pages = (struct page_set){0};
	if (pagemap < 0)
		return error_set(error, ERROR_FAILED, "cannot tell which pages process %d has: %s", process->pid,
			strerror(errno));
	if (memory_touched(memory, &gathered.set) < 0) {
		close(pagemap);
		return error_set(error, ERROR_FAILED, "out of memory");
	}
	gathered.room = gathered.set.count;
	told = visit_data(pagemap, mappings, &none, gather, &gathered, &never) &&
	       add_constants(mappings, memory, &gathered);
	close(pagemap);
	if (!told) {
		free(gathered.set.page);
		return error_set(error, ERROR_AGAIN, "its map of memory cannot be read");
	}
	sort_once(&gathered.set);
	*pages = gathered.set;
	return 0;
}

struct fetching {
	const struct page_set *before;
	size_t next; /* in before */
	struct memory *memory;
	const volatile bool *stop;
	size_t fetched;
};

/* Pages come ascending, but for those of two mappings that changed places meanwhile. */
static bool fetch(void *context, uint64_t page)
{
	struct fetching *fetching = context;
	const struct page_set *before = fetching->before;

	while (fetching->next < before->count && before->page[fetching->next] < page)
		fetching->next++;
	if (fetching->next < before->count && before->page[fetching->next] == page)
		return true;
	if (!memory_has(fetching->memory, page << MEMORY_PAGE_SHIFT)) {
		memory_page(fetching->memory, page);
		fetching->fetched++;
	}
	return !*fetching->stop && fetching->fetched < NEW_MOST;
}

void heap_pages_since(const struct process *process, struct mappings *mappings, const struct page_set *before,
	struct memory *memory, const volatile bool *stop)
{
	struct fetching fetching = {.before = before, .memory = memory, .stop = stop};
	struct mappings now;
	int pagemap;

	if (process_mappings(process, &now, NULL) < 0)
		return;
	mappings_free(mappings);
	*mappings = now;
	pagemap = openat(process->directory, "pagemap", O_RDONLY | O_CLOEXEC);
	if (pagemap >= 0) {
		visit_data(pagemap, mappings, before, fetch, &fetching, stop);
		close(pagemap);
	}
}
