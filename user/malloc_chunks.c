// SPDX-License-Identifier: BSD-2-Clause
#include "malloc_chunks.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "interrupt.h"
#include "list.h"
#include "order.h"

#define WORD 8
#define PAGE_WORDS (MEMORY_PAGE_SIZE / WORD)
#define ALIGNMENT 16

/* struct malloc_state: bins, and what lies around them. */
#define BINS 127
#define TOP_BEFORE 16 /* top lies so many bytes before bins */
#define SYSTEM_MEM_AFTER (16 + 3 * WORD) /* behind bins: binmap, next, next_free, attached_threads, system_mem */
/* What looks like a bin and is none; as many are looked at. */
#define CANDIDATES_MOST 1024u

/* struct malloc_chunk: prev_size, of the chunk before when that is free; size; of a free one fd and bk. */
#define SIZE 8
#define FORWARD 16
#define BACK 24
#define DATA 16
#define CHUNK_LEAST 32
#define CHUNK_MOST (UINT64_C(1) << 40)
#define PREV_INUSE UINT64_C(1)
#define IS_MMAPPED UINT64_C(2)
#define NON_MAIN_ARENA UINT64_C(4)
#define FLAGS (PREV_INUSE | IS_MMAPPED | NON_MAIN_ARENA)
#define STEPS_MOST (1u << 26) /* in all rings that are looked at */

/* tcache_perthread_struct of the thread that began the heap, one of its first chunks. */
#define TCACHE_SIZE UINT64_C(0x290) /* of the chunk, to 2.41: 64 counts of 2 bytes, as many heads */
#define TCACHE_SIZE_LARGE UINT64_C(0x300) /* 2.42+: 76 */
#define TCACHE_BINS 64 /* for chunks of 32 bytes and 16 more each; of the larger ones nothing is known */
#define TCACHE_AMONG 8
#define TCACHE_MOST (1u << 20) /* 7 each, but mallopt() allows more */

struct arena {
	uint64_t bins, top, end, begin;
};

struct walking {
	struct memory *memory;
	struct malloc_chunks *chunks;
	struct arena arena;
	uint32_t steps; /* along rings */
	uint64_t *cached; /* addresses of chunks in the tcache, ascending */
	size_t cached_count, room;
	bool failed; /* out of memory */
};

static bool word(struct walking *walking, uint64_t address, uint64_t *value)
{
	return address % WORD == 0 && memory_u64(walking->memory, address, value);
}

/* --- the arena --- */

/* The ring of a bin, through its chunks, is whole in both directions. */
static bool ring_closes(struct walking *walking, uint64_t bin)
{
	uint64_t at = bin, next, back;

	while (walking->steps < STEPS_MOST) {
		walking->steps++;
		if (!word(walking, at + FORWARD, &next) || !word(walking, next + BACK, &back) || back != at)
			return false;
		at = next;
		if (at == bin)
			return true;
		if (at < walking->arena.begin || at >= walking->arena.top)
			return false;
	}
	return false;
}

/* Whether bins are at this address. */
static bool is_arena(struct walking *walking, uint64_t bins)
{
	struct arena *arena = &walking->arena;
	uint64_t size, system;

	arena->bins = bins;
	if (!word(walking, bins - TOP_BEFORE, &arena->top) || arena->top % ALIGNMENT ||
		!word(walking, arena->top + SIZE, &size) ||
		!word(walking, bins + BINS * 2 * WORD + SYSTEM_MEM_AFTER, &system) || (size & FLAGS) != PREV_INUSE ||
		arena->top + size < arena->top)
		return false;
	arena->end = arena->top + (size & ~FLAGS);
	arena->begin = arena->end - system;
	/* brk() begins where a page does, and that of another arena has its arena's struct there. */
	if (arena->begin >= arena->top || arena->begin % MEMORY_PAGE_SIZE || arena->end % MEMORY_PAGE_SIZE ||
		(bins >= arena->begin && bins < arena->end))
		return false;
	for (uint32_t i = 0; i < BINS; i++) {
		if (!ring_closes(walking, bins + i * 2 * WORD - FORWARD))
			return false;
	}
	return true;
}

/* An empty bin leads to itself, and most are empty: the bins of which this is one that has none before it. */
static uint64_t first_bin(struct walking *walking, uint64_t bin)
{
	for (uint32_t i = 0; i < BINS; i++) {
		if (is_arena(walking, bin - i * 2 * WORD))
			return bin - i * 2 * WORD;
	}
	return 0;
}

static bool find_arena(struct walking *walking, const struct page_set *pages)
{
	uint32_t candidates = 0;

	for (size_t i = 0; i < pages->count && !interrupt_signal; i++) {
		const unsigned char *bytes = memory_page(walking->memory, pages->page[i]);
		uint64_t base = pages->page[i] << MEMORY_PAGE_SHIFT, pair[2], last = 0;

		for (uint32_t k = 0; bytes && k + 1 < PAGE_WORDS; k++) {
			uint64_t at = base + k * WORD;

			memcpy(pair, bytes + k * WORD, sizeof(pair));
			if (pair[0] != at - FORWARD || pair[1] != pair[0] || at == last + 2 * WORD) {
				last = pair[0] == at - FORWARD ? at : last;
				continue;
			}
			last = at;
			if (candidates++ == CANDIDATES_MOST)
				return false;
			if (first_bin(walking, at))
				return true;
		}
	}
	return false;
}

/* --- what is free --- */

static void add(struct walking *walking, uint64_t start, uint64_t end)
{
	struct malloc_chunks *chunks = walking->chunks;

	if (!list_make_room((void **)&chunks->dead, chunks->count, sizeof(*chunks->dead))) {
		walking->failed = true;
		return;
	}
	chunks->dead[chunks->count++] = (struct dead_range){start, end};
}

/* Its size stands behind it, and its neighbours in the bin know it. */
static bool is_linked(struct walking *walking, uint64_t chunk, uint64_t size)
{
	uint64_t forward, back, value;

	return word(walking, chunk + size, &value) && value == size && word(walking, chunk + FORWARD, &forward) &&
	       word(walking, chunk + BACK, &back) && word(walking, forward + BACK, &value) && value == chunk &&
	       word(walking, back + FORWARD, &value) && value == chunk;
}

static bool is_cached(const struct walking *walking, uint64_t chunk)
{
	return walking->cached_count &&
	       bsearch(&chunk, walking->cached, walking->cached_count, sizeof(chunk), order_u64);
}

static bool walk(struct walking *walking)
{
	const struct arena *arena = &walking->arena;
	uint64_t chunk = arena->begin, size, next;
	bool used, after_free = false;

	if (!word(walking, chunk + SIZE, &size) || !(size & PREV_INUSE))
		return false;
	while (chunk != arena->top && !interrupt_signal && !walking->failed) {
		if (size & (IS_MMAPPED | NON_MAIN_ARENA))
			return false;
		size &= ~FLAGS;
		if (size < CHUNK_LEAST || size % ALIGNMENT || size > arena->top - chunk ||
			!word(walking, chunk + size + SIZE, &next))
			return false;
		used = next & PREV_INUSE;
		/* Two free ones side by side would have become one; the top, too. */
		if (!used && (after_free || chunk + size == arena->top || !is_linked(walking, chunk, size)))
			return false;
		after_free = !used;
		if (!used)
			add(walking, chunk + DATA, chunk + size);
		else if (is_cached(walking, chunk))
			add(walking, chunk + DATA, chunk + size + SIZE);
		chunk += size;
		size = next;
	}
	if (interrupt_signal || walking->failed)
		return false;
	add(walking, arena->top + DATA, arena->end);
	return true;
}

/* --- the tcache --- */

static bool cache(struct walking *walking, uint64_t chunk)
{
	if (walking->cached_count == walking->room) {
		size_t room = walking->room ? 2 * walking->room : 64;
		void *grown = realloc(walking->cached, room * sizeof(*walking->cached));

		walking->failed = !grown;
		if (!grown)
			return false;
		walking->cached = grown;
		walking->room = room;
	}
	walking->cached[walking->cached_count++] = chunk;
	return true;
}

/* One list; links are mangled with where they lie (PROTECT_PTR, 2.32+), heads are not. */
static bool read_list(struct walking *walking, uint64_t entry, uint64_t size)
{
	uint64_t next, found;

	for (; entry; entry = next) {
		if (entry % ALIGNMENT || !word(walking, entry - DATA + SIZE, &found) || (found & ~FLAGS) != size ||
			walking->cached_count == TCACHE_MOST || !word(walking, entry, &next) ||
			!cache(walking, entry - DATA))
			return false;
		next ^= entry >> MEMORY_PAGE_SHIFT;
	}
	return true;
}

/* Of a chunk of that size; false when anything contradicts. */
static bool read_lists(struct walking *walking, uint64_t chunk, uint64_t size)
{
	uint64_t heads = chunk + DATA + (size == TCACHE_SIZE ? 64 : 76) * 2, entry;

	for (uint64_t i = 0; i < TCACHE_BINS; i++) {
		if (!word(walking, heads + i * WORD, &entry) || !read_list(walking, entry, CHUNK_LEAST + i * ALIGNMENT))
			return false;
	}
	if (walking->cached_count)
		qsort(walking->cached, walking->cached_count, sizeof(*walking->cached), order_u64);
	for (size_t i = 1; i < walking->cached_count; i++) {
		if (walking->cached[i] == walking->cached[i - 1])
			return false;
	}
	return true;
}

/* It is one of the first chunks: made when a thread first frees (2.42+) or first allocates. */
static void read_tcache(struct walking *walking)
{
	uint64_t chunk = walking->arena.begin, size;

	for (int i = 0; i < TCACHE_AMONG && chunk < walking->arena.top; i++) {
		if (!word(walking, chunk + SIZE, &size))
			return;
		size &= ~FLAGS;
		if ((size == TCACHE_SIZE || size == TCACHE_SIZE_LARGE) && read_lists(walking, chunk, size))
			return;
		walking->cached_count = 0;
		if (size < CHUNK_LEAST || size > walking->arena.top - chunk)
			return;
		chunk += size;
	}
}

int malloc_chunks_find(struct malloc_chunks *chunks, struct memory *memory)
{
	struct walking walking = {.memory = memory, .chunks = chunks};
	struct page_set pages;

	*chunks = (struct malloc_chunks){0};
	if (memory_held(memory, &pages) < 0)
		return -1;
	if (find_arena(&walking, &pages)) {
		read_tcache(&walking);
		if (!walk(&walking))
			chunks->count = 0;
	}
	free(walking.cached);
	free(pages.page);
	return walking.failed ? -1 : 0;
}

uint64_t malloc_chunk_size(struct memory *memory, uint64_t address)
{
	uint64_t chunk = address - DATA, word, size, other;

	if (address % ALIGNMENT || address < DATA || !memory_glance(memory, chunk + SIZE, &word))
		return 0;
	size = word & ~FLAGS;
	if (size < CHUNK_LEAST || size > CHUNK_MOST || size % ALIGNMENT)
		return 0;
	/* One of its own mapping: nothing before it, and whole pages, of which 2.43+ does not count the head. */
	if (word & IS_MMAPPED)
		return (word & FLAGS) == IS_MMAPPED && chunk % MEMORY_PAGE_SIZE == 0 &&
				       (size % MEMORY_PAGE_SIZE == 0 || (size + DATA) % MEMORY_PAGE_SIZE == 0) &&
				       memory_glance(memory, chunk, &other) && other == 0
			       ? (size - 1) / MEMORY_PAGE_SIZE * MEMORY_PAGE_SIZE + MEMORY_PAGE_SIZE - DATA
			       : 0;
	/* The next one tells whether this is in use: at the end of an arena it has 16 bytes, or it is the top. */
	return memory_glance(memory, chunk + size + SIZE, &other) && other & PREV_INUSE && !(other & IS_MMAPPED) &&
			       (other & ~FLAGS) >= ALIGNMENT && (other & ~FLAGS) % ALIGNMENT == 0 && other <= CHUNK_MOST
		       ? size - SIZE
		       : 0;
}

void malloc_chunk_touch(struct memory *memory, uint64_t address, uint64_t size)
{
	uint64_t chunk = address - DATA, word;

	/* Of one of its own mapping there is nothing behind it. */
	if (memory_u64(memory, chunk, &word) && memory_u64(memory, chunk + SIZE, &word) && !(word & IS_MMAPPED))
		memory_u64(memory, address + size, &word);
}

void malloc_chunks_free(struct malloc_chunks *chunks)
{
	free(chunks->dead);
	*chunks = (struct malloc_chunks){0};
}
