/* SPDX-License-Identifier: BSD-2-Clause */
/* Text that comes from a target, made fit for a terminal. */
#ifndef OGT_TEXT_H
#define OGT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A copy in which everything that could move a cursor, change colours, reorder or hide text is written as an escape
 * (\n, \x1b, \u202e), as are bytes that are no UTF-8. malloc'ed; NULL when out of memory.
 */
char *text_printable(const char *text);

/* sprintf() into memory of its own; NULL when out of memory. */
char *text_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

bool text_is_utf8(const char *text);

/* Length in code points, as Python's len() counts. */
size_t text_length(const char *text);

#endif
