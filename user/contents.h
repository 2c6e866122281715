/* SPDX-License-Identifier: BSD-2-Clause */
/* What an object has in it, in one number: two objects of a type that hold different values have different ones. */
#ifndef OGT_CONTENTS_H
#define OGT_CONTENTS_H

#include <stdint.h>

#include "memory.h"
#include "python.h"

/*
 * A hash of the first numbers, strings and other values without references that the object leads to by its attributes,
 * items and the items of these; not of where they are. 0 when it leads to none that could be read. It changes when one
 * of them does.
 */
uint64_t contents_of(const struct python *python, struct memory *memory, uint64_t object, uint64_t type);

#endif
