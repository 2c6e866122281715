/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether what lies at an address in two pictures of a process is one object, or another one that came to lie there
 * after the first had died: allocators give the same addresses out again and again. Nothing in an object says so; it is
 * told by its looks.
 */
#ifndef OGT_SAME_H
#define OGT_SAME_H

#include <stdbool.h>
#include <stdint.h>

#include "heap.h"

/*
 * True when the types are the same and at least half of what the object holds (attributes, else elements, else members
 * of its struct; the first eight) is: the same objects, and numbers and texts of the same value; None and the like tell
 * nothing. So one that is changed meanwhile still counts, and two that are alike cannot be told apart. An empty one is
 * the same.
 */
bool same_object(const struct heap *then, const struct heap *now, uint64_t address);

#endif
