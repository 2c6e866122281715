/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a type is called: __name__ and __module__ as `type` itself would answer (Objects/typeobject.c, type_name and
 * type_module). A metaclass that answers otherwise with code of its own is not asked.
 */
#ifndef OGT_TYPERESOLVE_H
#define OGT_TYPERESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory.h"
#include "python.h"

struct type_name {
	char *name; /* UTF-8, never NULL once resolved */
	char *module; /* UTF-8; NULL when the type has none or it is no str */
};

/*
 * Reads the name of the type at address. True when it could be read; else false, and the name says the address
 * instead. False also when out of memory, with name NULL. Freed with type_name_free.
 */
bool typeresolve(const struct python *python, struct memory *memory, uint64_t address, struct type_name *name);

/* Whether the type was made at run time, as every class of Python code is; false also when it cannot be read. */
bool type_is_heap(const struct python *python, struct memory *memory, uint64_t address);

/* The name that stands for one that cannot be read: the address. Always false. */
bool typeresolve_address(uint64_t address, struct type_name *name);
void type_name_free(struct type_name *name);

/* module.name, malloc'ed, NULL when out of memory. */
char *type_name_full(const struct type_name *name);

#endif
