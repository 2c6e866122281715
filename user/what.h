/* SPDX-License-Identifier: BSD-2-Clause */
/* WHAT on the command line: an address, or the name of a type. */
#ifndef OGT_WHAT_H
#define OGT_WHAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "capture.h"
#include "typeresolve.h"

/* "0x7f..." or what id() prints; false for a name. */
bool what_is_address(const char *text, uint64_t *address);

/* Whether a type is so called, by either form of its name. */
bool what_is_called(const struct type_name *type, const char *name);

/* Objects of types so called, and how many more of them gc.freeze() has parked. */
uint64_t what_count(const struct capture *capture, const char *name, uint64_t *frozen);

/*
 * The newest of them, at most `most`, newest first; none that gc.freeze() has parked. How many were put into address,
 * or -1 when out of memory.
 */
ssize_t what_newest(const struct capture *capture, const char *name, uint64_t *address, size_t most);

/* Names of types with objects that are nearly called so, ", "-separated, malloc'ed; "" when none is, NULL when out of
 * memory.
 */
char *what_suggest(const struct capture *capture, const char *name);

#endif
