/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an object is, in a line, from its memory alone: nothing of it is called. Objects of builtin types look as repr()
 * shows them, what is long or deep is cut and says how much there is; instances show their attributes:
 *
 *   [1, 2, 3, 4, 5, ... of 100]    'text of which only the b'... (900 characters)    <app.Node at 0x7f... name='x'
 * next=None>
 */
#ifndef OGT_DESCRIBE_H
#define OGT_DESCRIBE_H

#include <stdbool.h>
#include <stdint.h>

#include "memory.h"
#include "python.h"

/* Elements of a container that are shown, and attributes of an instance. */
#define DESCRIBE_ELEMENTS 5
/* Characters of a str, bytes of a bytes, digits of an int that are shown. */
#define DESCRIBE_TEXT 60
/* Objects within objects. */
#define DESCRIBE_DEPTH 2
/* After so many bytes no further object is begun. */
#define DESCRIBE_BYTES 65536

/*
 * malloc'ed UTF-8, which may hold anything that a name or text of the target does; NULL when out of memory. What cannot
 * be read is "?".
 */
char *describe(const struct python *python, struct memory *memory, uint64_t object);

#endif
