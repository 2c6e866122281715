/* SPDX-License-Identifier: BSD-2-Clause */
/* A file that is replaced in one step: whoever reads it sees the earlier one or the new one, whole. */
#ifndef OGT_REPLACE_H
#define OGT_REPLACE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "error.h"

struct replacement {
	const char *what, *path; /* borrowed: "state file", and the path as the user gave it */
	char target[PATH_MAX]; /* with symbolic links followed, so that the file is replaced and not the link to it */
	char temporary[PATH_MAX + 32];
	int fd; /* -1 when it could not be made */
	bool keep; /* for the caller to set: a file that is there by then stays, and that is an error */
};

/* Whether the file could be replaced: it is none or a regular one, and permissions allow it; ERROR_FAILED when not. */
int replace_check(const char *what, const char *path, struct error *error);

/*
 * Makes the new file beside the earlier one: with that one's mode if it is this user's, or with mode, always if that is
 * its owner's alone. *replacement has to be given to replace_done, with whether all was written; that closes nothing:
 * the caller owns fd. ERROR_FAILED.
 */
int replace_begin(
	struct replacement *replacement, const char *what, const char *path, mode_t mode, struct error *error);

/* Puts the new file in place, or takes it away and says why (the reason is an errno, 0: not known). */
int replace_done(struct replacement *replacement, int written, int reason, struct error *error);

#endif
