/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Heaps in ELF core files, as the kernel and gcore write them. A core holds what the process wrote; what it only read
 * is in the files that it had mapped, which have to be at hand: the interpreter at least.
 */
#ifndef OGT_CORE_H
#define OGT_CORE_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "heap.h"

/* Whether the file that fd has open is an ELF core file, whole or not. */
bool core_is_one(int fd);

/*
 * Reads one. A mapped file is looked for among `files` (by its base name) before its own path; one of another build
 * than the process had is not used, as far as the core shows that. Takes over fd. ERROR_FAILED with the reason.
 */
int core_read(
	struct heap *heap, int fd, const char *path, const char *const *files, size_t file_count, struct error *error);

#endif
