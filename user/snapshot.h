/* SPDX-License-Identifier: BSD-2-Clause */
/* Heaps in files of our own: docs/snapshot.md. */
#ifndef OGT_SNAPSHOT_H
#define OGT_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "heap.h"

/* Told now and then, in bytes of memory; ends the writing when it returns false. */
typedef bool snapshot_progress(void *context, uint64_t done, uint64_t all);

/*
 * Writes the heap to a new file at path, mode 0600; one that is there is kept, unless it is to be replaced. *size is
 * the new file's in bytes. On error, ERROR_FAILED or ERROR_INTERRUPTED, nothing is left of it.
 */
int snapshot_write(const struct heap *heap, const char *path, bool replace, snapshot_progress *progress, void *context,
	uint64_t *size, struct error *error);

/* Whether the file that fd has open begins like a snapshot. */
bool snapshot_is_one(int fd);

/*
 * Reads one: all checksums first, then what it says of itself; memory is read from the file when it is asked for.
 * Takes over fd. ERROR_FAILED with what is wrong and at which offset.
 */
int snapshot_read(struct heap *heap, int fd, const char *path, struct error *error);

#endif
