/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a process has forked. A child has a copy of the code with the breakpoints of the uprobes that were in it, and
 * traps on them until somebody takes them out.
 */
#ifndef OGT_FORKS_H
#define OGT_FORKS_H

#include <stdbool.h>
#include <stdint.h>

#include "process.h"

/* Zeroed at first. */
struct forks {
	uint64_t children; /* hash of the process's */
	double again; /* monotonic time before which they are not looked at */
	long newest_seen, newest_handled; /* last pids that the system gave away, for the two questions below */
};

/*
 * Whether the process has other children than when this was asked before. Meant to be asked often: it costs a small
 * file while nobody on the system forks, and never more than a hundredth of a CPU. A child that has ended, or left its
 * own child to init, may go unseen.
 */
bool forks_seen(struct forks *forks, const struct process *process, double now);

/* Whether anybody at all was forked since this was asked before: then the process may have been it. */
bool forks_possible(struct forks *forks);

#endif
