/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A piece of memory that an allocator handed out (malloc, pymalloc), and the objects that its words lead to. What of it
 * is in use, and as what, nobody says: what is found is possible. It is asked for where it is known that an object of
 * an extension keeps others there (members.h, member_frame): looking behind every pointer of every extension's type
 * finds stale words more often than references, and costs a process that is held more than its answer is worth.
 */
#ifndef OGT_PIECES_H
#define OGT_PIECES_H

#include <stdbool.h>
#include <stdint.h>

#include "shapes.h"

/* Bytes that are looked at. */
#define PIECE_MOST 4096

/* A word that leads to an object. */
struct piece_word {
	uint64_t to;
	uint64_t offset; /* of the word in the piece, bytes */
};

/* Visits until it says false. */
typedef bool pieces_visit(void *context, const struct piece_word *word);

/*
 * The objects that the words of the piece at `address` lead to; nothing where no piece begins. It is touched if there
 * are any; what it leads to is not (memory_glance). False when visit said so.
 */
bool pieces_words(const struct layout *layout, struct memory *memory, struct shapes *shapes, uint64_t address,
	pieces_visit *visit, void *context);

#endif
