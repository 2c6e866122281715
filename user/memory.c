// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "memory.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "order.h"

/* Copies live in slabs of 2 MiB, so that the kernel can back them with huge pages; a slot is a page's place. */
#define SLAB_PAGES 512u
#define SLAB_SIZE ((size_t)SLAB_PAGES * MEMORY_PAGE_SIZE)
/*
 * Below this many slabs huge pages would only make the tracer fatter. Above, a walk over millions of objects takes
 * twice as long without them.
 */
#define HUGE_SLABS 8

/* Slots are found through one table for each 2 MiB of the target's addresses. */
#define REGION_SHIFT 9
#define REGION_PAGES (1u << REGION_SHIFT)
#define SLOT_ABSENT 0u /* never asked for */
#define SLOT_UNREADABLE 1u /* asked for in vain */
#define SLOT_FIRST 2u
#define SLOT_MOST (UINT32_MAX / 2)

/* A fetch takes this many pages at first, and doubles while the reader goes straight on. */
#define FETCH_LEAST 4u
#define FETCH_MOST 64u

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define SMALL_REGIONS 16
/* One system call copies this many pages, a part of a slab; for less than two of them no thread is worth starting. */
#define COPY_PAGES 128u
#define COPY_THREADS_MOST 4
/* Threads copy from so many places far apart: the kernel locks each of the target's page tables (2 MiB) for one. */
#define COPY_LANES 4u
/* Pages that are read again to see how many change. */
#define SAMPLE_PAGES 2048
/* Slabs to touch that are worth a thread. */
#define TOUCH_SLABS 4

struct region {
	uint64_t key; /* page >> REGION_SHIFT */
	uint32_t slot[REGION_PAGES];
};

struct memory {
	struct memory_last last; /* first: memory_u64 reads it */
	pid_t pid; /* whose memory it is, if no source's */
	const struct mappings *mappings;
	struct memory_source source;
	bool open;
	size_t misses;
	size_t most; /* pages to be fetched */
	bool full;
	bool no_farther; /* a glance reads nothing */

	struct region **regions; /* open addressing, a power of two */
	size_t region_capacity, region_count;
	struct region *last_region;

	unsigned char **slabs;
	size_t slab_count, slab_capacity;
	uint64_t *slot_page; /* by slot - SLOT_FIRST: which page it holds */
	uint8_t *slot_touched;
	size_t slot_count, slot_capacity;
	size_t touched_count;

	uint64_t fetched_up_to; /* the page after the last fetch */
	unsigned int fetch_pages;
};

struct memory *memory_new(pid_t pid, const struct mappings *mappings)
{
	struct memory *memory = calloc(1, sizeof(*memory));

	if (!memory)
		return NULL;
	memory->pid = pid;
	memory->mappings = mappings;
	memory->open = true;
	memory->most = SIZE_MAX;
	memory->last.page = UINT64_MAX;
	return memory;
}

struct memory *memory_new_from(const struct memory_source *source)
{
	struct memory *memory = memory_new(0, NULL);

	if (memory)
		memory->source = *source;
	else
		source->free(source->context);
	return memory;
}

/* A picture this small is emptied where it is: one that is read over and over must not map memory each time. */
static bool forget_small(struct memory *memory)
{
	if (memory->slab_count > 1 || memory->region_count > SMALL_REGIONS)
		return false;
	for (size_t i = 0; i < memory->region_capacity; i++) {
		if (memory->regions[i])
			memset(memory->regions[i]->slot, 0, sizeof(memory->regions[i]->slot));
	}
	memory->slot_count = 0;
	memory->touched_count = 0;
	memory->fetched_up_to = 0;
	memory->fetch_pages = 0;
	memory->no_farther = false;
	memory->last.page = UINT64_MAX;
	return true;
}

static void forget_slabs(struct memory *memory)
{
	for (size_t i = 0; i < memory->slab_count; i++)
		munmap(memory->slabs[i], SLAB_SIZE);
	memory->slab_count = 0;
}

/* All but the slabs. */
static void forget_pages(struct memory *memory)
{
	for (size_t i = 0; i < memory->region_capacity; i++)
		free(memory->regions[i]);
	free(memory->regions);
	free(memory->slot_page);
	free(memory->slot_touched);
	*memory = (struct memory){
		.last = {.page = UINT64_MAX},
		.pid = memory->pid,
		.mappings = memory->mappings,
		.source = memory->source,
		.open = memory->open,
		.most = memory->most,
		.slabs = memory->slabs,
		.slab_count = memory->slab_count,
		.slab_capacity = memory->slab_capacity,
	};
}

void memory_forget(struct memory *memory)
{
	if (forget_small(memory))
		return;
	forget_pages(memory);
	/* What follows will be about as large. The first touch of a page costs more than its copy does. */
	if (memory->slab_count >= HUGE_SLABS)
		forget_slabs(memory);
}

void memory_free(struct memory *memory)
{
	if (!memory)
		return;
	forget_pages(memory);
	forget_slabs(memory);
	free(memory->slabs);
	if (memory->source.free)
		memory->source.free(memory->source.context);
	free(memory);
}

void memory_open(struct memory *memory)
{
	memory->open = true;
}

void memory_close(struct memory *memory)
{
	memory->open = false;
	memory->misses = 0;
}

void memory_glance_no_farther(struct memory *memory)
{
	memory->no_farther = true;
}

void memory_limit(struct memory *memory, size_t pages)
{
	memory->most = pages;
}

bool memory_is_full(const struct memory *memory)
{
	return memory->full;
}

void memory_seal(struct memory *memory)
{
	memory_close(memory);
	memory->pid = 0;
	memory->mappings = NULL;
}

size_t memory_pages(const struct memory *memory)
{
	return memory->slot_count;
}

size_t memory_misses(const struct memory *memory)
{
	return memory->misses;
}

static size_t region_hash(uint64_t key)
{
	return (size_t)((key * 0x9e3779b97f4a7c15ull) >> 20);
}

static struct region *region_find(const struct memory *memory, uint64_t key)
{
	if (memory->last_region && memory->last_region->key == key)
		return memory->last_region;
	if (!memory->region_capacity)
		return NULL;
	for (size_t i = region_hash(key);; i++) {
		struct region *region = memory->regions[i & (memory->region_capacity - 1)];

		if (!region || region->key == key)
			return region;
	}
}

static int regions_grow(struct memory *memory)
{
	size_t capacity = memory->region_capacity ? memory->region_capacity * 2 : 64;
	struct region **regions = calloc(capacity, sizeof(*regions));

	if (!regions)
		return -1;
	for (size_t i = 0; i < memory->region_capacity; i++) {
		struct region *region = memory->regions[i];
		size_t at;

		if (!region)
			continue;
		for (at = region_hash(region->key); regions[at & (capacity - 1)]; at++)
			;
		regions[at & (capacity - 1)] = region;
	}
	free(memory->regions);
	memory->regions = regions;
	memory->region_capacity = capacity;
	return 0;
}

static struct region *region_make(struct memory *memory, uint64_t key)
{
	struct region *region = region_find(memory, key);
	size_t at;

	if (region)
		return region;
	if (memory->region_count * 2 >= memory->region_capacity && regions_grow(memory) < 0)
		return NULL;
	region = calloc(1, sizeof(*region));
	if (!region)
		return NULL;
	region->key = key;
	for (at = region_hash(key); memory->regions[at & (memory->region_capacity - 1)]; at++)
		;
	memory->regions[at & (memory->region_capacity - 1)] = region;
	memory->region_count++;
	return region;
}

static uint32_t slot_find(const struct memory *memory, uint64_t page)
{
	const struct region *region = region_find(memory, page >> REGION_SHIFT);

	return region ? region->slot[page & (REGION_PAGES - 1)] : SLOT_ABSENT;
}

static int slot_set(struct memory *memory, uint64_t page, uint32_t slot)
{
	struct region *region = region_make(memory, page >> REGION_SHIFT);

	if (!region)
		return -1;
	region->slot[page & (REGION_PAGES - 1)] = slot;
	return 0;
}

static unsigned char *slot_bytes(const struct memory *memory, uint32_t slot)
{
	size_t index = slot - SLOT_FIRST;

	return memory->slabs[index / SLAB_PAGES] + (index % SLAB_PAGES) * MEMORY_PAGE_SIZE;
}

static unsigned char *slab_map(void)
{
	unsigned char *area = mmap(NULL, 2 * SLAB_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t before, after;

	if (area == MAP_FAILED)
		return NULL;
	before = (SLAB_SIZE - (uintptr_t)area % SLAB_SIZE) % SLAB_SIZE;
	after = SLAB_SIZE - before;
	if (before)
		munmap(area, before);
	if (after)
		munmap(area + before + SLAB_SIZE, after);
	return area + before;
}

static size_t slabs_of(size_t slots)
{
	return (slots + SLAB_PAGES - 1) / SLAB_PAGES;
}

/* Room for count slots in all. */
static int slots_reserve(struct memory *memory, size_t count)
{
	size_t slabs = slabs_of(count);

	if (count > SLOT_MOST)
		return -1;
	if (count > memory->slot_capacity) {
		size_t capacity = memory->slot_capacity * 2 > count ? memory->slot_capacity * 2 : count;
		uint64_t *page = realloc(memory->slot_page, capacity * sizeof(*page));
		uint8_t *touched;

		if (!page)
			return -1;
		memory->slot_page = page;
		touched = realloc(memory->slot_touched, capacity);
		if (!touched)
			return -1;
		memory->slot_touched = touched;
		memory->slot_capacity = capacity;
	}
	if (slabs > memory->slab_capacity) {
		size_t capacity = memory->slab_capacity * 2 > slabs ? memory->slab_capacity * 2 : slabs;
		unsigned char **table = realloc(memory->slabs, capacity * sizeof(*table));

		if (!table)
			return -1;
		memory->slabs = table;
		memory->slab_capacity = capacity;
	}
	while (memory->slab_count < slabs) {
		unsigned char *slab = slab_map();

		if (!slab)
			return -1;
		if (slabs >= HUGE_SLABS)
			madvise(slab, SLAB_SIZE, MADV_HUGEPAGE);
		memory->slabs[memory->slab_count++] = slab;
	}
	return 0;
}

static unsigned int fetch_size(struct memory *memory, uint64_t page)
{
	const struct mapping *mapping;
	unsigned int pages;

	if (page == memory->fetched_up_to && memory->fetch_pages < FETCH_MOST)
		memory->fetch_pages *= 2;
	else if (page != memory->fetched_up_to || !memory->fetch_pages)
		memory->fetch_pages = FETCH_LEAST;
	if (!memory->fetch_pages)
		memory->fetch_pages = FETCH_LEAST;
	mapping = memory->mappings ? mappings_find(memory->mappings, page << MEMORY_PAGE_SHIFT) : NULL;
	if (!mapping)
		return 1;
	pages = memory->fetch_pages;
	if (pages > (mapping->end >> MEMORY_PAGE_SHIFT) - page)
		pages = (unsigned int)((mapping->end >> MEMORY_PAGE_SHIFT) - page);
	for (unsigned int i = 1; i < pages; i++) {
		if (slot_find(memory, page + i) != SLOT_ABSENT)
			pages = i;
	}
	return pages;
}

/* Reads pages, which lie in one or two slabs, to the slots from first on; returns how many before a hole. */
static unsigned int read_pages(const struct memory *memory, uint64_t page, unsigned int first, unsigned int pages)
{
	unsigned int head = SLAB_PAGES - first % SLAB_PAGES, got;
	struct iovec local[2] = {{0}}, remote;
	ssize_t n;

	if (head > pages)
		head = pages;
	local[0] = (struct iovec){slot_bytes(memory, first + SLOT_FIRST), (size_t)head * MEMORY_PAGE_SIZE};
	if (pages > head)
		local[1] = (struct iovec){
			slot_bytes(memory, first + head + SLOT_FIRST), (size_t)(pages - head) * MEMORY_PAGE_SIZE};
	if (memory->source.read) {
		got = (unsigned int)memory->source.read(memory->source.context, page, head, local[0].iov_base);
		if (got == head && pages > head)
			got += (unsigned int)memory->source.read(
				memory->source.context, page + head, pages - head, local[1].iov_base);
		return got;
	}
	remote = (struct iovec){(void *)(page << MEMORY_PAGE_SHIFT), (size_t)pages * MEMORY_PAGE_SIZE};
	n = process_vm_readv(memory->pid, local, pages > head ? 2 : 1, &remote, 1, 0);
	/* A read that meets a hole ends there: the pages before it are good. */
	return n > 0 ? (unsigned int)((size_t)n >> MEMORY_PAGE_SHIFT) : 0;
}

/* Fetches the page, and some after it; how many, -1 when out of memory or full. */
static int fetch_some(struct memory *memory, uint64_t page)
{
	unsigned int pages = fetch_size(memory, page);
	unsigned int first = (unsigned int)memory->slot_count;
	unsigned int got;

	memory->full = memory->full || first + pages > memory->most;
	if (memory->full || slots_reserve(memory, first + pages) < 0)
		return -1;
	got = read_pages(memory, page, first, pages);
	for (unsigned int i = 0; i < got; i++) {
		memory->slot_page[first + i] = page + i;
		memory->slot_touched[first + i] = 0;
		if (slot_set(memory, page + i, first + i + SLOT_FIRST) < 0)
			return -1;
		memory->slot_count++;
	}
	memory->fetched_up_to = page + got;
	return (int)got;
}

/* The same; and remembers when it cannot be had. */
static int fetch(struct memory *memory, uint64_t page)
{
	int got = fetch_some(memory, page);

	return got ? (got > 0 ? 0 : -1) : slot_set(memory, page, SLOT_UNREADABLE);
}

const unsigned char *memory_peek(const struct memory *memory, uint64_t page)
{
	uint32_t slot = page >> (57 - MEMORY_PAGE_SHIFT) ? SLOT_ABSENT : slot_find(memory, page);

	return slot < SLOT_FIRST ? NULL : slot_bytes(memory, slot);
}

const unsigned char *memory_page(struct memory *memory, uint64_t page)
{
	uint32_t slot;

	/* Beyond what user space can map on any 64-bit machine; keeps page numbers and keys small. */
	if (page >> (57 - MEMORY_PAGE_SHIFT))
		return NULL;
	slot = slot_find(memory, page);
	if (slot == SLOT_ABSENT && memory->open && fetch(memory, page) == 0)
		slot = slot_find(memory, page);
	if (slot < SLOT_FIRST) {
		if (slot == SLOT_ABSENT)
			memory->misses++;
		return NULL;
	}
	memory->touched_count += !memory->slot_touched[slot - SLOT_FIRST];
	memory->slot_touched[slot - SLOT_FIRST] = 1;
	memory->last_region = region_find(memory, page >> REGION_SHIFT);
	memory->last.page = page;
	memory->last.bytes = slot_bytes(memory, slot);
	return memory->last.bytes;
}

/* The copy of a page as memory_page has it, without a mark that it was touched, or that it cannot be had. */
static const unsigned char *glance(struct memory *memory, uint64_t page)
{
	uint32_t slot;

	if (page >> (57 - MEMORY_PAGE_SHIFT))
		return NULL;
	slot = slot_find(memory, page);
	/* Words that are no addresses lead anywhere: that nothing is there is not remembered, which takes a table. */
	if (slot == SLOT_ABSENT && memory->open && !memory->no_farther && !memory->full &&
		(!memory->mappings || mappings_find(memory->mappings, page << MEMORY_PAGE_SHIFT))) {
		if (fetch_some(memory, page) > 0)
			slot = slot_find(memory, page);
		/* What there was no room for was not needed. */
		memory->full = false;
	}
	if (slot < SLOT_FIRST)
		return NULL;
	memory->last_region = region_find(memory, page >> REGION_SHIFT);
	return slot_bytes(memory, slot);
}

bool memory_glance(struct memory *memory, uint64_t address, uint64_t *value)
{
	const unsigned char *bytes = address % sizeof(*value) ? NULL : glance(memory, address >> MEMORY_PAGE_SHIFT);

	if (bytes)
		memcpy(value, bytes + (address & (MEMORY_PAGE_SIZE - 1)), sizeof(*value));
	return bytes;
}

bool memory_glance_at(struct memory *memory, uint64_t address, void *buffer, size_t size)
{
	size_t within = address & (MEMORY_PAGE_SIZE - 1),
	       head = MEMORY_PAGE_SIZE - within < size ? MEMORY_PAGE_SIZE - within : size;
	const unsigned char *bytes = address + size < address ? NULL : glance(memory, address >> MEMORY_PAGE_SHIFT);

	if (!bytes)
		return false;
	memcpy(buffer, bytes + within, head);
	return head == size || memory_glance_at(memory, address + head, (unsigned char *)buffer + head, size - head);
}

bool memory_has(const struct memory *memory, uint64_t address)
{
	return slot_find(memory, address >> MEMORY_PAGE_SHIFT) >= SLOT_FIRST;
}

bool memory_read(struct memory *memory, uint64_t address, void *buffer, size_t size)
{
	unsigned char *to = buffer;

	if (address + size < address)
		return false;
	while (size) {
		size_t within = address & (MEMORY_PAGE_SIZE - 1);
		size_t n = MEMORY_PAGE_SIZE - within < size ? MEMORY_PAGE_SIZE - within : size;
		const unsigned char *bytes = memory_page(memory, address >> MEMORY_PAGE_SHIFT);

		if (!bytes)
			return false;
		memcpy(to, bytes + within, n);
		to += n;
		address += n;
		size -= n;
	}
	return true;
}

/* Unreadable pages of a reserved set keep their slot, but no page leads to it any more. */
static bool is_held(const struct memory *memory, size_t i)
{
	return slot_find(memory, memory->slot_page[i]) == i + SLOT_FIRST;
}

static int collect_pages(const struct memory *memory, bool touched, struct page_set *set)
{
	bool ascending = true;

	*set = (struct page_set){0};
	set->page = malloc((memory->slot_count ? memory->slot_count : 1) * sizeof(*set->page));
	if (!set->page)
		return -1;
	for (size_t i = 0; i < memory->slot_count; i++) {
		if (touched ? !memory->slot_touched[i] : !is_held(memory, i))
			continue;
		set->page[set->count] = memory->slot_page[i];
		if (set->count && set->page[set->count - 1] > set->page[set->count])
			ascending = false;
		set->count++;
	}
	if (!ascending)
		qsort(set->page, set->count, sizeof(*set->page), order_u64);
	return 0;
}

int memory_touched(const struct memory *memory, struct page_set *set)
{
	return collect_pages(memory, true, set);
}

/* Those of a source, whether they were asked for or not. */
static int source_pages(const struct memory_source *source, struct page_set *set)
{
	uint64_t page, count, all = 0;

	*set = (struct page_set){0};
	for (size_t i = 0; source->run(source->context, i, &page, &count); i++)
		all += count;
	set->page = all < SIZE_MAX / sizeof(*set->page) ? malloc((all + 1) * sizeof(*set->page)) : NULL;
	if (!set->page)
		return -1;
	for (size_t i = 0; source->run(source->context, i, &page, &count); i++) {
		for (uint64_t k = 0; k < count && set->count < all; k++)
			set->page[set->count++] = page + k;
	}
	return 0;
}

size_t memory_touched_count(const struct memory *memory)
{
	return memory->touched_count;
}

double memory_changed(const struct memory *memory)
{
	size_t step = memory->slot_count / SAMPLE_PAGES + 1, seen = 0, changed = 0;

	for (size_t i = 0; i < memory->slot_count; i += step) {
		unsigned char now[MEMORY_PAGE_SIZE];
		struct iovec local = {now, sizeof(now)};
		struct iovec remote = {(void *)(memory->slot_page[i] << MEMORY_PAGE_SHIFT), sizeof(now)};

		if (!memory->slot_touched[i])
			continue;
		seen++;
		changed += process_vm_readv(memory->pid, &local, 1, &remote, 1, 0) != (ssize_t)sizeof(now) ||
			   memcmp(now, slot_bytes(memory, (uint32_t)i + SLOT_FIRST), sizeof(now)) != 0;
	}
	return seen ? (double)changed / (double)seen : 0;
}

int memory_held(const struct memory *memory, struct page_set *set)
{
	return memory->source.run ? source_pages(&memory->source, set) : collect_pages(memory, false, set);
}

/* Runs work(context) in as many threads as there are CPUs, at most `most` more than this one, and in this one. */
static void in_threads(void *(*work)(void *), void *context, size_t most)
{
	pthread_t thread[COPY_THREADS_MOST];
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	size_t threads = 0;
	sigset_t all, before;

	if (online > COPY_THREADS_MOST)
		online = COPY_THREADS_MOST;
	if (most > (size_t)(online < 1 ? 1 : online) - 1)
		most = (size_t)(online < 1 ? 1 : online) - 1;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (threads < most && pthread_create(&thread[threads], NULL, work, context) == 0)
		threads++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	work(context);
	while (threads)
		pthread_join(thread[--threads], NULL);
}

struct touch {
	struct memory *memory;
	atomic_size_t next; /* slab */
};

static void *touch_slabs(void *argument)
{
	struct touch *touch = argument;
	const struct memory *memory = touch->memory;

	for (;;) {
		size_t i = atomic_fetch_add(&touch->next, 1), first = i * SLAB_PAGES, pages;

		if (i >= memory->slab_count || first >= memory->slot_count)
			return NULL;
		pages = memory->slot_count - first < SLAB_PAGES ? memory->slot_count - first : SLAB_PAGES;
		/* One call for all pages costs half of what a fault for each does; before Linux 5.14 there is none. */
		if (madvise(memory->slabs[i], pages * MEMORY_PAGE_SIZE, MADV_POPULATE_WRITE) == 0)
			continue;
		for (size_t page = 0; page < pages; page++)
			memory->slabs[i][page * MEMORY_PAGE_SIZE] = 0;
	}
}

int memory_reserve(struct memory *memory, const struct page_set *set)
{
	struct touch touch = {.memory = memory};

	memory_forget(memory);
	if (slabs_of(set->count) >= HUGE_SLABS)
		forget_slabs(memory);
	if (slots_reserve(memory, set->count) < 0)
		return -1;
	for (size_t i = 0; i < set->count; i++) {
		memory->slot_page[i] = set->page[i];
		memory->slot_touched[i] = 0;
		if (slot_set(memory, set->page[i], (uint32_t)i + SLOT_FIRST) < 0)
			return -1;
	}
	memory->slot_count = set->count;
	in_threads(touch_slabs, &touch, memory->slab_count / TOUCH_SLABS);
	return 0;
}

struct copy {
	struct memory *memory;
	const volatile bool *stop;
	atomic_size_t next; /* turn */
	atomic_size_t unreadable;
};

/* Reads the pages of slots [from, to), all of one slab; returns how many were read before a hole. */
static size_t copy_run(const struct memory *memory, size_t from, size_t to)
{
	struct iovec remote[COPY_PAGES], local;
	unsigned long pieces = 0;
	ssize_t n;

	for (size_t i = from; i < to; i++) {
		if (pieces && memory->slot_page[i] == memory->slot_page[i - 1] + 1)
			remote[pieces - 1].iov_len += MEMORY_PAGE_SIZE;
		else
			remote[pieces++] =
				(struct iovec){(void *)(memory->slot_page[i] << MEMORY_PAGE_SHIFT), MEMORY_PAGE_SIZE};
	}
	local = (struct iovec){slot_bytes(memory, (uint32_t)from + SLOT_FIRST), (to - from) * MEMORY_PAGE_SIZE};
	n = process_vm_readv(memory->pid, &local, 1, remote, pieces, 0);
	return n > 0 ? (size_t)n >> MEMORY_PAGE_SHIFT : 0;
}

static void *copy_pieces(void *argument)
{
	struct copy *copy = argument;
	struct memory *memory = copy->memory;
	size_t pieces = (memory->slot_count + COPY_PAGES - 1) / COPY_PAGES,
	       lane = (pieces + COPY_LANES - 1) / COPY_LANES;

	while (!*copy->stop) {
		size_t turn = atomic_fetch_add(&copy->next, 1), from, to;

		if (turn >= lane * COPY_LANES)
			break;
		from = (turn % COPY_LANES * lane + turn / COPY_LANES) * COPY_PAGES;
		to = from + COPY_PAGES;
		if (to > memory->slot_count)
			to = memory->slot_count;
		while (from < to && !*copy->stop) {
			from += copy_run(memory, from, to);
			if (from < to) {
				/* Gone since: marked through its page number, left out afterwards. */
				memory->slot_page[from++] |= UINT64_C(1) << 63;
				atomic_fetch_add(&copy->unreadable, 1);
			}
		}
	}
	return NULL;
}

static void leave_out_unreadable(struct memory *memory)
{
	for (size_t i = 0; i < memory->slot_count; i++) {
		if (memory->slot_page[i] >> 63) {
			memory->slot_page[i] &= ~(UINT64_C(1) << 63);
			slot_set(memory, memory->slot_page[i], SLOT_UNREADABLE);
		}
	}
}

int memory_copy(struct memory *memory, const volatile bool *stop)
{
	struct copy copy = {.memory = memory, .stop = stop};

	in_threads(copy_pieces, &copy, memory->slot_count / (2 * COPY_PAGES));
	if (copy.unreadable)
		leave_out_unreadable(memory);
	memory->last.page = UINT64_MAX;
	return *stop ? -1 : 0;
}
