/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where in a function a uprobe is cheap. The only file that knows instruction bytes.
 *
 * The kernel emulates some instructions at a probe and single-steps a copy of all others, at more than ten times the
 * cost. endbr64 is one of the others; the push that often follows is emulated, and at it the arguments and the stack
 * pointer are still those of the entry.
 */
#ifndef OGT_SITE_X86_64_H
#define OGT_SITE_X86_64_H

#include <stddef.h>
#include <stdint.h>

/* How many bytes of a function site_offset() wants to see; fewer are fine and end in 0 when they do not suffice. */
#define SITE_BYTES 8

/* What to add to the address of a function, given its first bytes: 4 past an endbr64 that a push follows, else 0. */
size_t site_offset(const uint8_t *bytes, size_t n);

#endif
