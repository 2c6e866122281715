/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Python heap of a process at one moment, complete: what a snapshot or a core file holds, and what is saved to one.
 * Whoever has it needs no process any more.
 */
#ifndef OGT_HEAP_H
#define OGT_HEAP_H

#include <stdbool.h>
#include <stddef.h>

#include "capture.h"
#include "error.h"
#include "memory.h"
#include "process.h"
#include "python.h"
#include "target.h"

struct heap {
	struct target target; /* its process is a number, and no longer there */
	struct python python;
	struct memory *memory;
	struct capture capture;
	size_t threads;
	bool usdt; /* target_has_usdt() */
	double time; /* of the moment, seconds since the epoch; 0: not known */
	char identity[PROCESS_IDENTITY_BYTES]; /* process_identity(); "" where it is not known */
	char address_space[PROCESS_IDENTITY_BYTES]; /* process_address_space(), likewise */
};

/*
 * Reads the file at path: a snapshot, or an ELF core file, for which `files` are tried before the ones that the process
 * had mapped. ERROR_FAILED with what is wrong with the file, and where. Freed with heap_close.
 */
int heap_open(struct heap *heap, const char *path, const char *const *files, size_t file_count, struct error *error);
void heap_close(struct heap *heap);

/* Whether both are of the same process and program, so that ids mean the same; else ERROR_FAILED with the reason. */
int heap_same_process(const struct heap *old, const char *old_path, const struct heap *current, const char *path,
	struct error *error);

#endif
