// SPDX-License-Identifier: BSD-2-Clause
/* Blocks of a pool of pymalloc, made up: told by its header alone, and what altered ones say. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "pools.h"

#define POOL UINT64_C(0x40000)
#define SIZE 64 /* bytes a block */
#define FIRST 48
#define CARVED 10 /* blocks that were handed out once */
#define WORDS (MEMORY_PAGE_SIZE / 8)

struct made {
	uint64_t words[WORDS];
};

static size_t read_made(void *context, uint64_t page, size_t count, unsigned char *bytes)
{
	if (!count || page != POOL >> MEMORY_PAGE_SHIFT)
		return 0;
	memcpy(bytes, context, MEMORY_PAGE_SIZE);
	return 1;
}

static void free_nothing(void *context)
{
	(void)context;
}

static void make(struct made *made)
{
	memset(made, 0, sizeof(*made));
	made->words[0] = CARVED - 1;
	made->words[1] = POOL + FIRST + 2 * SIZE; /* the one that is free */
	made->words[4] = (uint64_t)(SIZE / 16 - 1) << 32;
	made->words[5] = (FIRST + CARVED * SIZE) | (uint64_t)(MEMORY_PAGE_SIZE - SIZE) << 32;
}

static uint32_t size_at(struct made *made, uint64_t address)
{
	static const struct layout layout = {.habits = {.pool_size = MEMORY_PAGE_SIZE}};
	const struct memory_source source = {.read = read_made, .free = free_nothing, .context = made};
	struct memory *memory = memory_new_from(&source);
	uint32_t size = memory ? pool_block_size(&layout, memory, address) : 0;

	memory_free(memory);
	return size;
}

int main(void)
{
	struct made made;
	uint32_t size;

	make(&made);
	check(size_at(&made, POOL + FIRST) == SIZE, "the first block");
	check(size_at(&made, POOL + FIRST + 9 * SIZE) == SIZE, "the last that was handed out");
	check(size_at(&made, POOL + FIRST + 2 * SIZE) == 0, "the first that is free");
	check(size_at(&made, POOL + FIRST + CARVED * SIZE) == 0, "what was never handed out");
	check(size_at(&made, POOL + FIRST + 8) == 0, "the middle of one");
	check(size_at(&made, POOL + 16) == 0, "the header");
	check(size_at(&made, POOL + 2 * MEMORY_PAGE_SIZE) == 0, "where nothing is");
	for (unsigned int i = 0; i < 6; i++) {
		for (int k = 0; k < 64; k++) {
			make(&made);
			made.words[i] ^= UINT64_C(1) << k;
			for (uint64_t block = POOL + FIRST; block < POOL + MEMORY_PAGE_SIZE; block += 16) {
				size = size_at(&made, block);
				if (size > 1024)
					check(false, "bit %d of word %u: %u bytes", k, i, size);
			}
		}
	}
	return checks_end();
}
