/* SPDX-License-Identifier: BSD-2-Clause */
/* What watch.c, ask.c, save.c and load.c share: one run on one target. */
#ifndef OGT_WATCHING_H
#define OGT_WATCHING_H

#include <stdbool.h>
#include <sys/types.h>

#include "capture.h"
#include "error.h"
#include "growth.h"
#include "heap.h"
#include "idstate.h"
#include "options.h"
#include "peaks.h"
#include "python.h"
#include "render.h"
#include "target.h"
#include "trace.h"

struct watch {
	const struct options *options;
	struct render *render;
	struct target target;
	size_t threads; /* when the first look was taken */
	bool usdt; /* target_has_usdt(); known with JSON and --save */
	/* Of the process, before the look that --save takes. */
	char identity[PROCESS_IDENTITY_BYTES], address_space[PROCESS_IDENTITY_BYTES];
	struct python python;
	struct peaks peaks;
	struct idstate state;
	struct heap *heap; /* the file that stands in for the process, which there is none of then; else NULL */
	struct trace *trace; /* NULL: the census alone */
	bool compares; /* peaks were read that the first table is compared with */
	bool found; /* the target's file is CPython's */
	bool stopped; /* the target was in state T when its Python did not look like one */
};

/* One look at the target, with the counters of the stream if there is one. */
int watch_look(struct watch *watch, struct capture *capture, struct error *error);

/* --garbage: leaves in the census of a look or file what the command line asks for. */
int watch_garbage(const struct watch *watch, const struct python *python, struct memory *memory,
	struct capture *capture, struct error *error);

/* Waits until a monotonic time; -1 with ERROR_INTERRUPTED or ERROR_TARGET_ENDED when that comes first. */
int watch_wait(struct watch *watch, double time, struct error *error);

/* The growth table number seq (0: the baseline) of this look. */
int watch_growth(struct watch *watch, const struct capture *capture, unsigned long seq, struct error *error);

/* Which types the command line asks for, and how many rows of them. */
struct name_filter watch_filter(const struct options *options, bool full_names);
size_t watch_limit(const struct options *options, ssize_t count);

#endif
