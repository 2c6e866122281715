/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The GIL-held helper: a bounded time in which nobody changes a Python object of the target.
 *
 * While one thread holds the GIL and stands still, no other can touch an object: so that thread alone is stopped
 * (PTRACE_SEIZE, PTRACE_INTERRUPT), by a keeper thread that lets go at the deadline whatever its caller does, and
 * whose death, by kill -9 too, makes the kernel let go. A process in which every thread that could take the GIL
 * sleeps is not stopped at all; hold_end finds out whether one of them woke up.
 */
#ifndef OGT_HOLD_H
#define OGT_HOLD_H

#include <stdbool.h>

#include "error.h"
#include "memory.h"
#include "process.h"
#include "python.h"
#include "registers.h"

struct hold;

enum hold_way {
	HOLD_GENTLY, /* watch sleepers; stop the GIL's holder when it runs */
	HOLD_BETWEEN, /* the same, right after somebody has let go of the GIL */
	HOLD_CATCH, /* wait for a moment when somebody holds the GIL, and stop that thread */
	HOLD_ALL, /* the last resort: stop every thread that has a thread state */
};

struct hold_report {
	double held_ms; /* longest time for which any thread was stopped; 0 when none was */
	unsigned int stopped; /* threads stopped */
};

/*
 * Begins a hold of at most max_pause_ms. ERROR_AGAIN or ERROR_COLLECTING when the moment does not suit (the GIL changed
 * hands, nobody could be caught; a collection runs): nothing is held then, and report tells for how long it was.
 * ERROR_BUSY when somebody else traces the process. NULL on error. registers, if not NULL, receives those of the
 * stopped threads, which the caller frees, also on error.
 */
struct hold *hold_begin(struct python *python, enum hold_way way, double max_pause_ms, struct registers *registers,
	struct hold_report *report, struct error *error);

/* Turns true when the hold is over before its end: deadline or Ctrl-C. */
const volatile bool *hold_over(const struct hold *hold);

/*
 * Lets go and frees the hold. 0 when nothing can have changed since hold_begin; else -1: ERROR_AGAIN, or
 * ERROR_DEADLINE when the target had to be released early, or ERROR_INTERRUPTED.
 */
int hold_end(struct hold *hold, struct hold_report *report, struct error *error);

#endif
