/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where in the source frames are: file, function and line of each, read from its code object while that lives, and kept
 * once. A position is a number, which stays until positions_keep().
 */
#ifndef OGT_POSITIONS_H
#define OGT_POSITIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "alloc_probe.h"
#include "code.h"
#include "memory.h"
#include "python.h"

struct positions;

/* In place of file and function of a frame whose code was gone before it could be read: made up, used, thrown away. */
#define POSITIONS_GONE "?"

/* NULL when out of memory. Python and memory are borrowed; whoever empties the memory calls positions_begin(). */
struct positions *positions_new(const struct python *python, struct memory *memory);
void positions_free(struct positions *positions);

/* What was read of code objects before is read again, as they may be others by now. */
void positions_begin(struct positions *positions);

/* The position of a frame; 0 when it is no code of anybody's. */
uint32_t positions_of(struct positions *positions, const struct alloc_probe_frame *frame);

/* What it stands for. The address stays the same as long as the position is kept. */
const struct code_position *positions_at(const struct positions *positions, uint32_t position);

/* There is no room for another one; there is little. */
bool positions_are_full(const struct positions *positions);
bool positions_are_many(const struct positions *positions);

/*
 * Gives up those that are not marked: marks[position] is not 0, of which there are positions_end(). The others get new
 * numbers, which marks has then.
 */
uint32_t positions_end(const struct positions *positions);
void positions_keep(struct positions *positions, uint32_t *marks);

#endif
