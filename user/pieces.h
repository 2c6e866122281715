/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that an object of C code owns besides its own struct: the array of a numpy.ndarray, what a std::vector holds,
 * a struct behind a pointer. A word that leads to the begin of a piece that an allocator handed out (malloc, pymalloc)
 * is followed, and so are, once more, the words of that piece. What of it is in use, and as what, nobody says: what is
 * found is possible.
 */
#ifndef OGT_PIECES_H
#define OGT_PIECES_H

#include <stdbool.h>
#include <stdint.h>

#include "shapes.h"

/* Pieces of one object; bytes of all of them, and of each that another one leads to. */
#define PIECES_MOST 32
#define PIECES_BYTES_MOST (UINT64_C(64) << 20)
#define PIECES_INNER_MOST (UINT64_C(64) << 10)

/* What is looked through of one object so far. */
struct pieces {
	const struct layout *layout; /* borrowed, as are the next two */
	struct memory *memory;
	struct shapes *shapes;
	uint64_t address[PIECES_MOST]; /* each is looked through once */
	uint32_t count;
	bool shallow; /* pieces that others lead to are not looked at */
	uint64_t left; /* bytes; begins as PIECES_BYTES_MOST */
};

/* Of an object that is begun with. */
static inline void pieces_begin(
	struct pieces *pieces, const struct layout *layout, struct memory *memory, struct shapes *shapes)
{
	pieces->layout = layout;
	pieces->memory = memory;
	pieces->shapes = shapes;
	pieces->count = 0;
	pieces->shallow = false;
	pieces->left = PIECES_BYTES_MOST;
}

/* A word that leads to an object. */
struct piece_word {
	uint64_t to;
	uint32_t inner; /* offset, in the first piece, of the pointer to the second; PIECE_FIRST: it is in the first */
	uint64_t offset; /* of the word, in its piece */
};
#define PIECE_FIRST UINT32_MAX

/* Visits until it says false. */
typedef bool pieces_visit(void *context, const struct piece_word *word);

/*
 * The objects that the words of the piece at `address` lead to, and of pieces that these lead to; nothing where no
 * piece begins. An array is looked through for as long as its words look like addresses, 4 KiB after 4 KiB. Of pieces
 * only what leads to objects is touched, of these objects nothing (memory_glance). False when visit said so.
 */
bool pieces_words(struct pieces *pieces, uint64_t address, pieces_visit *visit, void *context);

#endif
