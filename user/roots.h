/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What keeps objects alive that is no object, or one that is there for good: running frames, the interpreter's own
 * tables, modules in sys.modules.
 */
#ifndef OGT_ROOTS_H
#define OGT_ROOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "memory.h"
#include "python.h"
#include "referents.h"

enum root_kind {
	ROOT_FRAME, /* of a function that a thread is in */
	ROOT_THREAD, /* PyThreadState */
	ROOT_INTERPRETER, /* PyInterpreterState */
};

struct root {
	enum root_kind kind;
	uint64_t address;
	pid_t tid; /* of a frame, a thread; 0: not known */
	char *name; /* "function", "thread 1234", "interpreter" */
	char *place; /* file:line of a frame, else NULL */
};

/* What is in sys.modules, which nearly always is a module. */
struct root_module {
	uint64_t address;
	uint64_t dict; /* its namespace; 0: none that is known */
	char *name; /* its key there */
};

struct roots {
	struct root *root;
	size_t count;
	struct root_module *modules; /* ascending by address */
	size_t module_count;
	uint64_t *static_types; /* addresses of types of C code that are never freed, met in a census */
	size_t static_type_count;
};

/* Finds them in a closed picture; referents know from then on which frames run. 0, or -1 when out of memory. Freed with
 * roots_free. */
int roots_find(struct roots *roots, struct referents *referents, const struct census *census);
void roots_free(struct roots *roots);

/* The module of sys.modules at this address, or whose namespace this dict is; NULL: none. */
const struct root_module *root_module(const struct roots *roots, uint64_t address);
const struct root_module *root_module_of_dict(const struct roots *roots, uint64_t dict);

/* What a root refers to. False when visit said so. */
bool root_referents(const struct root *root, struct referents *referents, referents_visit *visit, void *context);

#endif
