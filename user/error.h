/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Errors travel up as values. The sentence is made where the cause is known and says what is wrong and what to do;
 * only main prints it.
 */
#ifndef OGT_ERROR_H
#define OGT_ERROR_H

/* What the caller may do about it. The numeric value of the first four is the exit code of the program. */
enum error_code {
	ERROR_NONE = 0,
	ERROR_FAILED = 1, /* the target cannot be watched, or a file not read or written */
	ERROR_USAGE = 2,
	ERROR_TARGET_ENDED = 3, /* it exited, or is another program since an exec */
	ERROR_AGAIN, /* a moment that does not suit, as a half-linked list: try again */
	ERROR_COLLECTING, /* likewise, and the reason passes by itself: a garbage collection is running */
	ERROR_BUSY, /* another tracer has the process: it may soon be gone */
	ERROR_DEADLINE, /* the longest hold allowed was not enough */
	ERROR_INTERRUPTED, /* Ctrl-C or SIGTERM */
};

struct error {
	enum error_code code;
	char text[768]; /* one line, no final full stop needed, bytes of a target escaped by who made it */
};

/* Fills *error (may be NULL) and returns -1, so that a function can end with `return error_set(...)`. */
int error_set(struct error *error, enum error_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
