// SPDX-License-Identifier: BSD-2-Clause
#include "pieces.h"

#include "malloc_chunks.h"
#include "memory.h"
#include "pools.h"

#define WORD 8
/* Words that are read at once, and after which it is asked whether it looks like an array of addresses. */
#define CHUNK 512
/* So many of these in a row that lead to no object: numbers that look like addresses. */
#define BARREN_MOST 16
/* Nothing is mapped below (vm.mmap_min_addr), nor above by default. */
#define LOWEST UINT64_C(0x10000)
#define HIGHEST (UINT64_C(1) << 47)

/* A piece that is looked through. */
struct piece {
	struct pieces *pieces;
	uint64_t address, size; /* bytes of it that are looked at */
	uint64_t whole; /* bytes of all of it */
	bool chunk; /* malloc's, else pymalloc's */
	bool touched; /* what it was told by */
	uint32_t inner; /* as piece_word has it */
	pieces_visit *visit;
	void *context;
};

/* Words that are addresses, and of no object: by their numbers. */
struct rest {
	uint16_t word[PIECES_MOST];
	size_t count;
};

static bool is_address(uint64_t word)
{
	return word % WORD == 0 && word >= LOWEST && word < HIGHEST;
}

/* Whether a piece begins here that has not been looked through. */
static bool begin(struct piece *piece, uint64_t most)
{
	struct pieces *pieces = piece->pieces;

	if (pieces->count == PIECES_MOST || !is_address(piece->address))
		return false;
	for (uint32_t i = 0; i < pieces->count; i++) {
		if (pieces->address[i] == piece->address)
			return false;
	}
	piece->whole = malloc_chunk_size(pieces->memory, piece->address);
	piece->chunk = piece->whole;
	if (!piece->chunk)
		piece->whole = pool_block_size(pieces->layout, pieces->memory, piece->address);
	piece->size = piece->whole < most ? piece->whole : most;
	if (piece->size)
		pieces->address[pieces->count++] = piece->address;
	return piece->size;
}

/* What leads to objects is touched, with what tells that it is there. */
static void touch(struct piece *piece, uint64_t address, size_t size)
{
	struct pieces *pieces = piece->pieces;
	uint64_t words[CHUNK];

	memory_read(pieces->memory, address, words, size);
	if (!piece->touched && piece->chunk)
		malloc_chunk_touch(pieces->memory, piece->address, piece->whole);
	else if (!piece->touched)
		pool_touch(pieces->layout, pieces->memory, piece->address);
	piece->touched = true;
}

/* One after the other; what is no object is added to rest, if there is room. *found: an object was. */
static bool look_at_words(
	struct piece *piece, const uint64_t *words, uint64_t first, size_t count, struct rest *rest, bool *found)
{
	*found = false;

	for (size_t i = 0; i < count; i++) {
		struct piece_word word = {.to = words[i], .inner = piece->inner, .offset = (first + i) * WORD};

		if (!is_address(word.to))
			continue;
		if (shapes_glance(piece->pieces->shapes, word.to)) {
			if (!*found)
				touch(piece, piece->address + first * WORD, count * WORD);
			*found = true;
			if (!piece->visit(piece->context, &word))
				return false;
		} else if (rest && rest->count < PIECES_MOST) {
			rest->word[rest->count++] = (uint16_t)i;
		}
	}
	return true;
}

/* Of words that are not 0, half have to look like addresses. */
static bool looks_like_array(const uint64_t *words, size_t count)
{
	size_t used = 0, addresses = 0;

	for (size_t i = 0; i < count; i++) {
		used += words[i] != 0;
		addresses += is_address(words[i]);
	}
	return addresses && addresses * 2 >= used;
}

static bool look_through(struct piece *piece);

/* The pieces that words of this one lead to, which are touched when these lead to objects. */
static bool look_farther(struct piece *piece, const struct rest *rest)
{
	struct pieces *pieces = piece->pieces;
	bool go_on = true;

	for (size_t i = 0; i < rest->count && go_on; i++) {
		uint64_t at = piece->address + rest->word[i] * (uint64_t)WORD;
		struct piece inner = {pieces, .inner = rest->word[i] * (uint32_t)WORD, .visit = piece->visit,
			.context = piece->context};

		if (memory_glance(pieces->memory, at, &inner.address) && begin(&inner, PIECES_INNER_MOST))
			go_on = look_through(&inner);
		if (inner.touched)
			touch(piece, at, WORD);
	}
	return go_on;
}

static bool look_through(struct piece *piece)
{
	struct pieces *pieces = piece->pieces;
	uint64_t words[CHUNK], count = piece->size / WORD;
	bool farther = piece->inner == PIECE_FIRST && !pieces->shallow;
	struct rest rest = {.count = 0};
	size_t barren = 0;
	bool found;

	for (uint64_t done = 0; done < count && barren < BARREN_MOST; done += CHUNK) {
		size_t some = count - done < CHUNK ? (size_t)(count - done) : CHUNK;

		if (pieces->left < some * WORD)
			break;
		pieces->left -= some * WORD;
		barren++;
		/* What leads to nothing was not copied; what follows it may. */
		if (!memory_glance_at(pieces->memory, piece->address + done * WORD, words, some * WORD))
			continue;
		if (!look_at_words(piece, words, done, some, farther && !done ? &rest : NULL, &found))
			return false;
		/* What was copied led to some, which need not have been. */
		if (found || memory_is_closed(pieces->memory))
			barren = 0;
		if (!looks_like_array(words, some))
			break;
	}
	return look_farther(piece, &rest);
}

bool pieces_words(struct pieces *pieces, uint64_t address, pieces_visit *visit, void *context)
{
	struct piece piece = {pieces, address, .inner = PIECE_FIRST, .visit = visit, .context = context};

	return !begin(&piece, PIECES_BYTES_MOST) || look_through(&piece);
}
