// SPDX-License-Identifier: BSD-2-Clause
#include "reach.h"

#include <stdlib.h>
#include <string.h>

#include "interrupt.h"
#include "kind.h"
#include "pyobject.h"

/* What is taken or left as one: sixteen pages. */
#define CHUNK_SHIFT 16
#define CHUNK_PAGES (1u << (CHUNK_SHIFT - MEMORY_PAGE_SHIFT))
/* Steps from an object to what is none. */
#define STEPS_MOST 3
#define UNREACHED (STEPS_MOST + 1)
/* What begins so close to a chunk's end may go on in the next one. */
#define TAIL_BYTES 4096
/* Less than so many chunks between two that are reached are taken, too: 2 MiB. */
#define GAP_CHUNKS 32
/* A container's buffer that is larger than this is looked for beyond its chunk. */
#define BUFFER_LEAST 2048
#define BUFFER_MOST (UINT64_C(1) << 40)
/* A deque's blocks hold 64 objects (Modules/_collectionsmodule.c, BLOCKLEN). */
#define BLOCK_ITEMS 64
#define BLOCKS_MOST (1u << 24)
/* Types whose nature is remembered; a power of two. */
#define TYPES_SLOTS (1u << 15)
#define CONTAINERS_SLOTS 1024u

struct chunk {
	uint64_t number; /* address >> CHUNK_SHIFT */
	uint16_t present; /* a bit for each of its pages that there is */
	uint8_t steps; /* from an object; 0: objects are in it */
	uint8_t scanned; /* as having so many steps; UNREACHED: not yet */
};

/* A type of containers, by which their headers are recognised. */
struct container {
	uint64_t type;
	enum object_kind kind;
};

struct search {
	const struct python *python;
	struct memory *memory;
	struct chunk *chunks; /* ascending */
	size_t count;
	uint32_t *slot; /* chunk index + 1 by hash of its number */
	uint64_t mask;
	uint32_t *queue; /* chunks to be scanned; each is in it once at most for each number of steps */
	size_t queued;
	uint64_t *known; /* addresses of types and no types; the lowest bit says which */
	struct container containers[CONTAINERS_SLOTS];
	size_t missing;
};

static size_t hash(uint64_t value)
{
	return (size_t)(value * 0x9e3779b97f4a7c15ull >> 32);
}

static struct chunk *find(const struct search *search, uint64_t number)
{
	for (size_t at = hash(number);; at++) {
		uint32_t index = search->slot[at & search->mask];

		if (!index)
			return NULL;
		if (search->chunks[index - 1].number == number)
			return &search->chunks[index - 1];
	}
}

static void enter(struct search *search, struct chunk *chunk, unsigned int steps)
{
	if (steps >= chunk->steps)
		return;
	chunk->steps = (uint8_t)steps;
	search->queue[search->queued++] = (uint32_t)(chunk - search->chunks);
}

static void enter_range(struct search *search, uint64_t address, uint64_t size)
{
	if (size < BUFFER_LEAST || size > BUFFER_MOST || address + size < address)
		return;
	for (uint64_t number = address >> CHUNK_SHIFT; number <= (address + size - 1) >> CHUNK_SHIFT; number++) {
		struct chunk *chunk = find(search, number);

		/* A buffer that is as large as it says has its pages. */
		if (!chunk)
			break;
		enter(search, chunk, 0);
	}
}

/* --- what is an object --- */

static bool is_type(struct search *search, uint64_t address)
{
	uint64_t *known = &search->known[hash(address) & (TYPES_SLOTS - 1)];

	/* A type has been written to. */
	if (address & 7 || !find(search, address >> CHUNK_SHIFT))
		return false;
	if ((*known & ~UINT64_C(1)) != address)
		*known = address | python_is_type(search->python, search->memory, address);
	return *known & 1;
}

static bool is_object(struct search *search, uint64_t address)
{
	uint64_t type;

	return !(address & 7) && find(search, address >> CHUNK_SHIFT) &&
	       memory_u64(search->memory, address + (uint64_t)search->python->layout.object.type, &type) &&
	       is_type(search, type);
}

static uint64_t word_at(const struct search *search, uint64_t address, int32_t offset)
{
	uint64_t value;

	return memory_u64(search->memory, address + (uint64_t)offset, &value) ? value : 0;
}

/* The blocks of a deque, each of which leads to the next. */
static void enter_blocks(struct search *search, uint64_t deque)
{
	const struct layout *layout = &search->python->layout;
	uint64_t block = word_at(search, deque, layout->library.deque_first);
	uint64_t left = word_at(search, deque, layout->member.size) / BLOCK_ITEMS + 2;

	for (; block && left && left < BLOCKS_MOST; left--) {
		struct chunk *chunk = find(search, block >> CHUNK_SHIFT);

		if (!chunk)
			break;
		enter(search, chunk, 0);
		block = word_at(search, block, layout->library.block_next);
	}
}

/* Whether so many words are a list's or a tuple's: the first and the last lead to objects. */
static bool are_items(struct search *search, uint64_t items, uint64_t size)
{
	return size && size < BUFFER_MOST / 8 && is_object(search, word_at(search, items, 0)) &&
	       is_object(search, word_at(search, items + (size - 1) * 8, 0));
}

/* Whether a dict's numbers agree; *size: of its keys, bytes. */
static bool is_dict(const struct search *search, uint64_t dict, uint64_t *keys, uint64_t *size)
{
	const struct layout *layout = &search->python->layout;
	uint64_t used = word_at(search, dict, layout->dict.used);
	uint64_t entries;

	*keys = word_at(search, dict, layout->dict.keys);
	*size = *keys ? pyobject_keys_size(layout, search->memory, *keys) : 0;
	entries = word_at(search, *keys, layout->dict.dk_nentries);
	return *size && used <= entries && entries <= *size;
}

/*
 * What holds much lies elsewhere, or goes on for long. The word that looked like a header's may be any that leads to
 * that type: it counts if what is around it agrees.
 */
static void enter_container(struct search *search, uint64_t object, enum object_kind kind)
{
	const struct layout *layout = &search->python->layout;
	uint64_t references = word_at(search, object, layout->object.refcnt);
	uint64_t size = word_at(search, object, layout->member.size), room, buffer;

	/* A count of references is no address; flags are above (3.14+). */
	if (!references || references >> 32 & 0xffff)
		return;
	switch (kind) {
	case OBJECT_LIST:
		room = word_at(search, object, layout->member.list_allocated);
		buffer = word_at(search, object, layout->member.list_items);
		if (size <= room && are_items(search, buffer, size))
			enter_range(search, buffer, room * 8);
		break;
	case OBJECT_TUPLE:
		buffer = object + (uint64_t)layout->member.tuple_items;
		if (are_items(search, buffer, size))
			enter_range(search, buffer, size * 8);
		break;
	case OBJECT_SET:
	case OBJECT_FROZENSET:
		room = word_at(search, object, layout->member.set_mask);
		if (!(room & (room + 1)) && word_at(search, object, layout->member.set_used) <= room)
			enter_range(search, word_at(search, object, layout->member.set_table), (room + 1) * 16);
		break;
	case OBJECT_DICT:
	case OBJECT_DEFAULTDICT:
	case OBJECT_ORDERED_DICT:
		if (is_dict(search, object, &buffer, &size))
			enter_range(search, buffer, size);
		break;
	case OBJECT_DEQUE:
		if (word_at(search, object, layout->library.deque_index) < BLOCK_ITEMS)
			enter_blocks(search, object);
		break;
	default:
		break;
	}
}

static bool is_container(enum object_kind kind)
{
	switch (kind) {
	case OBJECT_LIST:
	case OBJECT_TUPLE:
	case OBJECT_DICT:
	case OBJECT_SET:
	case OBJECT_FROZENSET:
	case OBJECT_DEQUE:
	case OBJECT_DEFAULTDICT:
	case OBJECT_ORDERED_DICT:
		return true;
	default:
		return false;
	}
}

static void learn_containers(struct search *search, const struct type_table *types)
{
	for (size_t i = 0; i < types->count; i++) {
		uint64_t type = types->type[i].address;
		struct container *container = &search->containers[hash(type) & (CONTAINERS_SLOTS - 1)];
		bool exact;
		enum object_kind kind = kind_of_type(search->python, search->memory, type, &exact);

		if (!is_container(kind))
			continue;
		/* Two that fall on one place: the builtin type is the one with large ones. */
		if (!container->type || exact)
			*container = (struct container){type, kind};
	}
}

/* --- the search --- */

static void scan_page(struct search *search, const unsigned char *bytes, uint64_t address, unsigned int steps)
{
	const uint64_t first = search->chunks[0].number, last = search->chunks[search->count - 1].number;
	const uint64_t to_object = (uint64_t)search->python->layout.object.type;

	for (unsigned int at = 0; at < MEMORY_PAGE_SIZE; at += 8) {
		const struct container *container;
		struct chunk *chunk;
		unsigned int further;
		uint64_t word;

		memcpy(&word, bytes + at, sizeof(word));
		if (word >> CHUNK_SHIFT < first || word >> CHUNK_SHIFT > last)
			continue;
		container = &search->containers[hash(word) & (CONTAINERS_SLOTS - 1)];
		if (container->type == word)
			enter_container(search, address + at - to_object, container->kind);
		chunk = find(search, word >> CHUNK_SHIFT);
		if (!chunk || !chunk->steps)
			continue;
		further = steps + 1;
		if (is_object(search, word))
			further = 0;
		if (further > STEPS_MOST)
			continue;
		enter(search, chunk, further);
		if (chunk + 1 < search->chunks + search->count && chunk[1].number == chunk->number + 1 &&
			(word & ((1u << CHUNK_SHIFT) - 1)) >= (1u << CHUNK_SHIFT) - TAIL_BYTES)
			enter(search, chunk + 1, further);
	}
}

static void scan(struct search *search, struct chunk *chunk)
{
	bool again = chunk->scanned < UNREACHED;

	chunk->scanned = chunk->steps;
	for (unsigned int i = 0; i < CHUNK_PAGES; i++) {
		uint64_t page = (chunk->number << (CHUNK_SHIFT - MEMORY_PAGE_SHIFT)) + i;
		unsigned char copy[MEMORY_PAGE_SIZE];
		const unsigned char *bytes;

		if (!(chunk->present >> i & 1))
			continue;
		bytes = memory_page(search->memory, page);
		search->missing += !bytes && !again;
		if (!bytes)
			continue;
		/* What is looked up meanwhile may move it. */
		memcpy(copy, bytes, sizeof(copy));
		scan_page(search, copy, page << MEMORY_PAGE_SHIFT, chunk->steps);
	}
}

/* Those that the census read, and the data segments. */
static bool enter_roots(struct search *search, const struct mappings *mappings, const struct page_set *roots)
{
	for (size_t i = 0; i < roots->count; i++) {
		struct chunk *chunk = find(search, roots->page[i] >> (CHUNK_SHIFT - MEMORY_PAGE_SHIFT));

		if (chunk)
			enter(search, chunk, 0);
	}
	for (size_t i = 0; i < mappings->count; i++) {
		const struct mapping *mapping = &mappings->mapping[i];

		for (uint64_t number = mapping->start >> CHUNK_SHIFT;
			mapping->inode && !mapping->shared && number <= (mapping->end - 1) >> CHUNK_SHIFT; number++) {
			struct chunk *chunk = find(search, number);

			if (chunk)
				enter(search, chunk, 0);
		}
	}
	return search->queued;
}

static int search_new(struct search *search, const struct page_set *pages)
{
	size_t slots = 64;

	search->chunks = malloc((pages->count + 1) * sizeof(*search->chunks));
	if (!search->chunks)
		return -1;
	for (size_t i = 0; i < pages->count; i++) {
		uint64_t number = pages->page[i] >> (CHUNK_SHIFT - MEMORY_PAGE_SHIFT);

		if (!search->count || search->chunks[search->count - 1].number != number)
			search->chunks[search->count++] =
				(struct chunk){.number = number, .steps = UNREACHED, .scanned = UNREACHED};
		search->chunks[search->count - 1].present |= (uint16_t)(1u << (pages->page[i] & (CHUNK_PAGES - 1)));
	}
	while (slots < 2 * search->count)
		slots *= 2;
	search->mask = slots - 1;
	search->slot = calloc(slots, sizeof(*search->slot));
	/* A chunk gets nearer at most so many times. */
	search->queue = malloc((search->count + 1) * (UNREACHED + 1) * sizeof(*search->queue));
	search->known = calloc(TYPES_SLOTS, sizeof(*search->known));
	if (!search->slot || !search->queue || !search->known)
		return -1;
	for (size_t i = 0; i < search->count; i++) {
		size_t at = hash(search->chunks[i].number);

		while (search->slot[at & search->mask])
			at++;
		search->slot[at & search->mask] = (uint32_t)i + 1;
	}
	return 0;
}

static void search_free(struct search *search)
{
	free(search->chunks);
	free(search->slot);
	free(search->queue);
	free(search->known);
}

/* What lies between is likely to be the allocator's, free for now. */
static void fill_gaps(struct search *search)
{
	size_t last = 0;
	bool any = false;

	for (size_t i = 0; i < search->count; i++) {
		if (search->chunks[i].steps == UNREACHED)
			continue;
		for (size_t k = last + 1; any && k < i; k++) {
			if (search->chunks[i].number - search->chunks[last].number <= GAP_CHUNKS)
				search->chunks[k].steps = STEPS_MOST;
		}
		last = i;
		any = true;
	}
}

static int collect(struct search *search, struct page_set *pages)
{
	size_t count = 0;

	fill_gaps(search);

	pages->page = malloc((search->count * CHUNK_PAGES + 1) * sizeof(*pages->page));
	if (!pages->page)
		return -1;
	for (size_t i = 0; i < search->count; i++) {
		const struct chunk *chunk = &search->chunks[i];

		for (unsigned int k = 0; k < CHUNK_PAGES && chunk->steps < UNREACHED; k++) {
			if (chunk->present >> k & 1)
				pages->page[count++] = (chunk->number << (CHUNK_SHIFT - MEMORY_PAGE_SHIFT)) + k;
		}
	}
	pages->count = count;
	return 0;
}

int reach(const struct python *python, struct memory *memory, const struct mappings *mappings,
	const struct type_table *types, const struct page_set *pages, struct reached *reached)
{
	struct search search = {.python = python, .memory = memory};
	struct page_set roots;
	int result = -1;

	*reached = (struct reached){0};
	if (memory_touched(memory, &roots) < 0)
		return -1;
	if (search_new(&search, pages) == 0) {
		learn_containers(&search, types);
		if (search.count && enter_roots(&search, mappings, &roots)) {
			for (size_t i = 0; i < search.queued && !interrupt_signal; i++) {
				struct chunk *chunk = &search.chunks[search.queue[i]];

				if (chunk->steps < chunk->scanned)
					scan(&search, chunk);
			}
		}
		result = interrupt_signal ? -1 : collect(&search, &reached->pages);
		reached->missing = search.missing;
	}
	free(roots.page);
	search_free(&search);
	return result;
}
