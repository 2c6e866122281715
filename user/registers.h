/* SPDX-License-Identifier: BSD-2-Clause */
/* What is in the registers of threads, all kinds of them: words that may lead to an object as memory's do. */
#ifndef OGT_REGISTERS_H
#define OGT_REGISTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

struct registers {
	uint64_t *word; /* malloc'ed */
	size_t count;
	bool known; /* those of all threads that had to be stopped were read, or all that a core has; false: nobody told
		     */
};

/* Adds those of a thread that this thread traces and that stands still: ERROR_AGAIN, ERROR_FAILED when out of memory.
 */
int registers_read(struct registers *registers, pid_t tid, struct error *error);
/* Adds the words of a set of registers; bytes that make no whole word are left out. False when out of memory. */
bool registers_add(struct registers *registers, const void *set, size_t size);
void registers_free(struct registers *registers);

#endif
