/* SPDX-License-Identifier: BSD-2-Clause */
/* What is in the registers of a stopped thread, all kinds of them: words that may lead to an object as memory's do. */
#ifndef OGT_REGISTERS_H
#define OGT_REGISTERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

struct registers {
	uint64_t *word;
	size_t count;
};

/* Adds those of a thread that this thread traces and that stands still: ERROR_AGAIN, ERROR_FAILED when out of memory.
 */
int registers_read(struct registers *registers, pid_t tid, struct error *error);
void registers_free(struct registers *registers);

#endif
