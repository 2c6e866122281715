// SPDX-License-Identifier: BSD-2-Clause
/* The walk through glibc's heap, on one made up: two chunks, the first of them free, and then altered ones. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "malloc_chunks.h"

#define HEAP UINT64_C(0x10000)
#define ARENA UINT64_C(0x800000)
#define BINS (ARENA + 112)
#define BIN (BINS - 16)
#define WORDS (MEMORY_PAGE_SIZE / 8)

struct made {
	uint64_t heap[WORDS], arena[WORDS];
};

static size_t read_made(void *context, uint64_t page, size_t count, unsigned char *bytes)
{
	struct made *made = context;

	if (!count || (page != HEAP >> MEMORY_PAGE_SHIFT && page != ARENA >> MEMORY_PAGE_SHIFT))
		return 0;
	memcpy(bytes, page == HEAP >> MEMORY_PAGE_SHIFT ? made->heap : made->arena, MEMORY_PAGE_SIZE);
	return 1;
}

static bool run(void *context, size_t i, uint64_t *page, uint64_t *count)
{
	(void)context;
	*page = (i ? ARENA : HEAP) >> MEMORY_PAGE_SHIFT;
	*count = 1;
	return i < 2;
}

static void free_nothing(void *context)
{
	(void)context;
}

static void make(struct made *made)
{
	memset(made, 0, sizeof(*made));
	made->heap[1] = 0x41; /* used */
	made->heap[9] = 0x101; /* free, in the first bin */
	made->heap[10] = made->heap[11] = BIN;
	made->heap[40] = 0x100;
	made->heap[41] = 0x40; /* used */
	made->heap[49] = (MEMORY_PAGE_SIZE - 48 * 8) | 1; /* top */
	made->arena[12] = HEAP + 48 * 8;
	for (uint64_t i = 0; i < 127; i++)
		made->arena[14 + 2 * i] = made->arena[15 + 2 * i] = BIN + 16 * i;
	made->arena[14] = made->arena[15] = HEAP + 8 * 8;
	made->arena[14 + 254 + 2 + 3] = MEMORY_PAGE_SIZE;
}

static struct malloc_chunks find(struct made *made)
{
	const struct memory_source source = {.read = read_made, .free = free_nothing, .run = run, .context = made};
	struct memory *memory = memory_new_from(&source);
	struct malloc_chunks chunks = {0};

	if (memory)
		malloc_chunks_find(&chunks, memory);
	memory_free(memory);
	return chunks;
}

/* malloc_chunk_size() of single addresses, with nothing but their neighbours to tell by. */
static void check_sizes(void)
{
	static const struct {
		const char *what;
		uint64_t address;
		unsigned int word; /* that is altered; 0: none */
		uint64_t to, size;
	} sizes[] = {
		{"a chunk in use", HEAP + 16, 0, 0, 0x40 - 8},
		{"the last before the top", HEAP + 336, 0, 0, 0x40 - 8},
		{"a free one", HEAP + 80, 0, 0, 0},
		{"the middle of one", HEAP + 32, 0, 0, 0},
		{"an odd address", HEAP + 17, 0, 0, 0},
		{"where nothing is", 8, 0, 0, 0},
		{"one that ends where nothing is", HEAP + 16, 1, 0x100041, 0},
		{"one that is as large as all that there is", HEAP + 16, 1, UINT64_MAX & ~UINT64_C(6), 0},
		{"one too small", HEAP + 16, 1, 0x11, 0},
		{"one of its own mapping", HEAP + 16, 1, 0x100002, 0x100000 - 16},
		{"one of its own mapping, of 2.43", HEAP + 16, 1, 0xffff2, 0x100000 - 16},
		{"one of its own mapping, and not whole pages", HEAP + 16, 1, 0x100012, 0},
		{"one of its own mapping, and not at the begin of a page", HEAP + 80, 9, 0x100002, 0},
	};
	struct made made;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		const struct memory_source source = {
			.read = read_made, .free = free_nothing, .run = run, .context = &made};
		struct memory *memory = memory_new_from(&source);

		make(&made);
		if (sizes[i].word)
			made.heap[sizes[i].word] = sizes[i].to;
		check(memory && malloc_chunk_size(memory, sizes[i].address) == sizes[i].size, "%s", sizes[i].what);
		check(memory && memory_touched_count(memory) == 0, "and nothing was touched");
		memory_free(memory);
	}
}

int main(void)
{
	static const struct {
		const char *what;
		unsigned int heap, arena; /* the word that is altered; 0: none */
		uint64_t to;
	} altered[] = {
		{"a chunk too large", 1, 0, 0x10041},
		{"a chunk of no size", 1, 0, 1},
		{"a chunk of mmap()", 1, 0, 0x43},
		{"another size behind a free chunk", 40, 0, 0xf0},
		{"a free chunk that its bin does not know", 11, 0, HEAP},
		{"a ring that leads out of the heap", 10, 0, 0x900000},
		{"another top", 0, 12, HEAP + 40 * 8},
		{"another size of all", 0, 14 + 254 + 2 + 3, 2 * MEMORY_PAGE_SIZE},
		{"a bin that is none", 0, 200, 1},
	};
	struct malloc_chunks chunks;
	struct made made;

	make(&made);
	chunks = find(&made);
	check(chunks.count == 2 && chunks.dead[0].start == HEAP + 80 && chunks.dead[0].end == HEAP + 320 &&
			chunks.dead[1].start == HEAP + 400 && chunks.dead[1].end == HEAP + MEMORY_PAGE_SIZE,
		"the free chunk and the top are dead");
	malloc_chunks_free(&chunks);
	for (size_t i = 0; i < sizeof(altered) / sizeof(*altered); i++) {
		make(&made);
		*(altered[i].heap ? &made.heap[altered[i].heap] : &made.arena[altered[i].arena]) = altered[i].to;
		chunks = find(&made);
		check(chunks.count == 0, "nothing is believed: %s", altered[i].what);
		malloc_chunks_free(&chunks);
	}
	for (unsigned int i = 0; i < WORDS; i++) {
		for (int k = 0; k < 64; k++) {
			make(&made);
			made.heap[i] ^= UINT64_C(1) << k;
			chunks = find(&made);
			for (size_t n = 0; n < chunks.count; n++) {
				if (chunks.dead[n].start < HEAP + 80 || chunks.dead[n].end > HEAP + MEMORY_PAGE_SIZE)
					check(false, "bit %d of word %u: outside", k, i);
			}
			malloc_chunks_free(&chunks);
		}
	}
	check_sizes();
	return checks_end();
}
