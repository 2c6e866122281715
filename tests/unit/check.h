/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks of unit tests, reported as TAP: one line a check, the plan at the end. */
#ifndef OGT_CHECK_H
#define OGT_CHECK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#define CHECK_SKIPPED 77 /* exit code of a program that cannot test anything here */

static int checks_done, checks_failed;

__attribute__((format(printf, 2, 3))) static inline bool check(bool holds, const char *what, ...)
{
	va_list args;

	printf("%sok %d - ", holds ? "" : "not ", ++checks_done);
	va_start(args, what);
	vprintf(what, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	checks_failed += !holds;
	return holds;
}

/* What main returns. */
static inline int checks_end(void)
{
	printf("1..%d\n", checks_done);
	return checks_failed || !checks_done;
}

#endif
