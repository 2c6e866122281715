/* SPDX-License-Identifier: BSD-2-Clause */
/* The attributes that an instance of a class of Python code has, wherever its version of CPython keeps them. */
#ifndef OGT_ATTRIBUTES_H
#define OGT_ATTRIBUTES_H

#include <stdbool.h>
#include <stdint.h>

#include "memory.h"
#include "pyobject.h"
#include "python.h"

/*
 * Visits name (a str) and value of each attribute that is set, until visit says false: those of __slots__, of the class
 * and of its bases, then those of its dict or of the values that stand in for one. What cannot be read is left out.
 */
void attributes_visit(const struct python *python, struct memory *memory, uint64_t object, uint64_t type,
	pyobject_visit_item *visit, void *context);

#endif
