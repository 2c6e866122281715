/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event stream: deaths per type, counted by a BPF program on a deallocation function of one process.
 *
 * The target's memory is only read, but every death that passes the site costs the target a trap (about 1 us). The
 * stream ends with the tracer, however that ends: the kernel takes the probe out.
 */
#ifndef OGT_STREAM_H
#define OGT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

struct stream;

/* One deallocation function of one process. */
struct stream_site {
	pid_t pid; /* a process, as this program's pid namespace numbers it; all of its threads count */
	const char *path; /* opens the ELF file that holds the function: /proc/PID/map_files/..., /proc/PID/root/... */
	uint64_t file_offset; /* of the function in that file */
	uint64_t address; /* of the function in the process: the value of tp_dealloc slots */
	uint32_t object_type_offset; /* ob_type in PyObject */
	uint32_t type_dealloc_offset; /* tp_dealloc in PyTypeObject */
	bool per_site_only; /* not by uprobe_multi even where that is there: what is counted is the same */
};

struct stream_deaths {
	uint64_t type; /* address of the type object */
	uint64_t deaths; /* passes of its instances through their own tp_dealloc */
};

struct stream_counts {
	struct stream_deaths *rows; /* ascending by type */
	size_t n, capacity;
	uint64_t lost; /* deaths at the site that are in no row: not 0 means that rows are lower bounds */
};

/*
 * Counts from here on. Sites are entered by `address`, so the caller must have taken it from the target: a wrong one
 * counts nothing, it does not miscount.
 *
 * NULL and *error: ERROR_TARGET_ENDED when the process is gone; ERROR_FAILED, with the missing capability or kernel
 * feature in its sentence, when this kernel or user cannot trace. The census needs none of it and may go on.
 */
struct stream *stream_open(const struct stream_site *site, struct error *error);

/*
 * "uprobe_multi" where libbpf (1.3) and the kernel (6.6, once its pid filter lets all threads in) have it, else
 * "uprobe".
 */
const char *stream_attached_by(const struct stream *stream);

/*
 * Cumulative counts since stream_open(), summed over CPUs. They are one cut in time only while nothing in the target
 * runs. A type object that was freed leaves its row behind; a new type at the same address adds to it.
 * The caller owns counts->rows, also after an error, and gives them back with stream_counts_free(); *counts must be
 * zeroed or the result of an earlier read, whose rows are used again.
 */
int stream_read_deaths(struct stream *stream, struct stream_counts *counts, struct error *error);

void stream_counts_free(struct stream_counts *counts);

/* NULL is fine. Takes about 0.1 s (uprobe_multi: 0.04 s): the kernel waits until no probe runs any more. */
void stream_close(struct stream *stream);

#endif
