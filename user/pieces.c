// SPDX-License-Identifier: BSD-2-Clause
#include "pieces.h"

#include "malloc_chunks.h"
#include "memory.h"
#include "pools.h"

#define WORD 8
/* Nothing is mapped below (vm.mmap_min_addr), nor above by default. */
#define LOWEST UINT64_C(0x10000)
#define HIGHEST (UINT64_C(1) << 47)

static bool is_address(uint64_t word)
{
	return word % WORD == 0 && word >= LOWEST && word < HIGHEST;
}

bool pieces_words(const struct layout *layout, struct memory *memory, struct shapes *shapes, uint64_t address,
	pieces_visit *visit, void *context)
{
	uint64_t chunk = is_address(address) ? malloc_chunk_size(memory, address) : 0, size = chunk;
	uint64_t words[PIECE_MOST / WORD];
	bool touched = false;

	if (!chunk && is_address(address))
		size = pool_block_size(layout, memory, address);
	if (size > PIECE_MOST)
		size = PIECE_MOST;
	size -= size % WORD;
	if (!size || !memory_glance_at(memory, address, words, size))
		return true;
	for (size_t i = 0; i < size / WORD; i++) {
		struct piece_word word = {.to = words[i], .offset = i * WORD};

		if (!is_address(word.to) || !shapes_glance(shapes, word.to))
			continue;
		/* With what tells that it is one. */
		if (!touched) {
			memory_read(memory, address, words, size);
			if (chunk)
				malloc_chunk_touch(memory, address, chunk);
			else
				pool_touch(layout, memory, address);
			touched = true;
		}
		if (!visit(context, &word))
			return false;
	}
	return true;
}
