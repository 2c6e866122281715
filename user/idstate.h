/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ids kept between runs: those of the last look at a process and of the look before, in a file (docs/idstate.md has its
 * format). The file belongs to one run of one program.
 */
#ifndef OGT_IDSTATE_H
#define OGT_IDSTATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "error.h"
#include "newids.h"
#include "process.h"

/* Zero-initialised is none. */
struct idstate {
	pid_t pid;
	char identity[PROCESS_IDENTITY_BYTES]; /* of the process (process_identity) */
	char *executable; /* its path */
	double old_time, current_time; /* of the two looks, seconds since the epoch; 0: there was none */
	struct ids old, current;
};

/*
 * Reads the file. When there is none and it need not exist, *state is empty. ERROR_FAILED, with the reason, for a file
 * that cannot be read, is none of ours, or is damaged. Freed with idstate_free.
 */
int idstate_load(struct idstate *state, const char *path, bool must_exist, struct error *error);
void idstate_free(struct idstate *state);

/* Replaces the file, in one step, readable by its owner alone. */
int idstate_save(const struct idstate *state, const char *path, struct error *error);

/* Whether the file is about this very run of this program; ERROR_FAILED with the reason when not. */
int idstate_check(const struct idstate *state, const struct process *process, const char *executable, const char *path,
	struct error *error);

#endif
