/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From what a frame says of itself, the word that leads to its code object and the one that leads to its instruction,
 * to file, function and line. What frames are made of is in layout.h; this reads no frame, so that words recorded
 * earlier can be decoded later, for as long as the code object lives.
 *
 * What both words mean, and that it is the same for a frame that runs and one that waits for its callee:
 *
 *   3.6-3.9   f_lasti: byte offset of the last instruction begun (Python/ceval.c)
 *   3.10      f_lasti: the same in code units
 *   3.11-3.12 prev_instr: address of the last code unit passed, of the instruction itself or of its inline cache, which
 *             has the line of its instruction; one unit before the first in a frame that has not begun
 *             (Include/internal/pycore_frame.h)
 *   3.13+     instr_ptr: address of the instruction that runs or is about to
 */
#ifndef OGT_CODE_H
#define OGT_CODE_H

#include <stdbool.h>
#include <stdint.h>

#include "layout.h"
#include "memory.h"

/* Texts longer than this many bytes are cut; they then end in "...". */
#define CODE_TEXT_MOST 4096

struct code_position {
	char *file; /* co_filename, UTF-8 as of pyobject_text */
	char *function; /* co_qualname, before 3.11 co_name */
	unsigned int line; /* as f_lineno of the frame would be; 0: no line */
};

/*
 * Whether the word of a frame leads to a code object. From 3.13 on it may be None or another object, in frames of the
 * interpreter's own.
 */
bool code_is_code(const struct layout *layout, struct memory *memory, uint64_t code);

/*
 * Whether it leads to a code object that is no code of anybody: the trampoline below each C call into Python (3.12),
 * what waits for the __init__ of a call of a class (3.13+). traceback shows no such frame.
 */
bool code_is_shim(const struct layout *layout, struct memory *memory, uint64_t code);

/*
 * Decodes the two words of a frame. False, with *position empty, when code leads to no code object or to a shim, when
 * its bytes contradict themselves, cannot be read, or memory is out. Takes time in proportion to the code object's line
 * table: remember the answers. Freed with code_position_free.
 */
bool code_position(const struct layout *layout, struct memory *memory, uint64_t code, uint64_t instruction,
	struct code_position *position);
void code_position_free(struct code_position *position);

#endif
