/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One cut in time through a target: rehearse while it runs (which pages, which types), hold it, copy those pages, let
 * it go, and only then walk the lists and read the names, in the copy. When the copy turns out to lack a page, the
 * walk is done again while the target is held.
 */
#ifndef OGT_CAPTURE_H
#define OGT_CAPTURE_H

#include "census.h"
#include "error.h"
#include "hold.h"
#include "memory.h"
#include "python.h"
#include "registers.h"
#include "typeresolve.h"

enum capture_what {
	CAPTURE_CENSUS,
	CAPTURE_REFERENCES, /* also what references lie on (reference_pages.h), in capture.memory */
	CAPTURE_WHOLE, /* also all else that objects refer to: what heap_pages() and reach() find, in capture.memory */
};

struct capture_options {
	enum capture_what what;
	double max_pause_ms; /* longest hold allowed */
	/* Called while nothing of the target can change, for what has to be of the same cut. May be NULL. */
	void (*at_cut)(void *context, const volatile bool *stop);
	void *context;
};

struct capture {
	struct census census;
	struct type_name *names; /* one for each of census.types */
	size_t unnamed; /* types whose name could not be read */
	double pause_ms; /* how long the target was held for this, all attempts together */
	unsigned int stopped; /* threads stopped in the attempt that succeeded */
	bool stopped_all; /* not only the GIL's holder */
	char state; /* of the process's main thread at that time, as in /proc/PID/stat */
	struct memory *memory; /* the closed picture; of a mere census: NULL */
	struct registers registers; /* of the threads that were stopped, for CAPTURE_WHOLE; of a core's: all */
	bool partial; /* it has only what objects lead to, not all that the process has written */
	size_t missing; /* pages that should be in it and are not */
};

/*
 * Takes a census with names. Tries again, with back-off, while the moment does not suit. Errors: ERROR_TARGET_ENDED,
 * ERROR_DEADLINE (max_pause_ms is too short for this heap), ERROR_INTERRUPTED, ERROR_FAILED. Freed with capture_free.
 */
int capture_take(
	struct python *python, const struct capture_options *options, struct capture *capture, struct error *error);
void capture_free(struct capture *capture);

/* A census with names out of a picture that nobody changes. Fails as census_walk() does. */
int capture_from(struct python *python, struct memory *memory, struct capture *capture, struct error *error);

#endif
