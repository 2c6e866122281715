/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The functions of an interpreter that make objects, so that a probe at their entry sees births: by their symbols, and
 * where a compiler has hidden what it calls, by what the exported ones call. Only addresses at which a function begins,
 * as .eh_frame_hdr has it, and of whose first argument the rule is sure.
 */
#ifndef OGT_MAKERS_H
#define OGT_MAKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory.h"
#include "process.h"
#include "python.h"

struct maker {
	uint64_t address; /* of the function in the process */
	uint64_t makes; /* the type of all that it makes; 0: its first argument is the type */
	bool generators; /* its first argument is a function: what calling that makes */
	bool others; /* of those, only types that no other of the makers makes: these may have called it */
};

#define MAKERS_MOST 32

/*
 * Those of this interpreter; how many. No two of them are entered for one object but where others says so. Reads the
 * files of the process; memory is for small reads of its memory.
 */
size_t makers_find(const struct python *python, const struct mappings *mappings, struct memory *memory,
	struct maker makers[MAKERS_MOST]);

/*
 * The function that makes instances of classes written in Python, given their tp_alloc, which it need not call: a
 * compiler may have made a copy for the one caller that counts.
 */
uint64_t makers_of_instances(const struct python *python, const struct mappings *mappings, uint64_t tp_alloc);

#endif
