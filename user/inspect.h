/* SPDX-License-Identifier: BSD-2-Clause */
/* objgraph's at_addrs() and by_type() from outside: what lies at an address. */
#ifndef OGT_INSPECT_H
#define OGT_INSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "census.h"
#include "memory.h"
#include "python.h"
#include "referents.h"
#include "typeresolve.h"

#define INSPECT_SIZE_UNKNOWN UINT64_MAX

struct inspected {
	uint64_t address;
	bool is_object; /* something whose type is a type is there; if not, the rest is nothing */
	struct type_name type;
	uint64_t size; /* bytes, as sys.getsizeof() says; INSPECT_SIZE_UNKNOWN where only code of its type could tell */
	uint32_t refcount; /* references to it, as sys.getrefcount() says less its own */
	bool immortal; /* then the count says nothing */
	int generation; /* 0-2; -1: the collector does not track it */
	bool frozen; /* parked by gc.freeze() */
	char *repr; /* describe() */
	uint64_t *referents; /* what it refers to, as gc.get_referents() says; the caller asks for it */
	size_t referent_count;
	uint64_t *held; /* what it holds references to besides, which gc.get_referents() leaves out */
	size_t held_count;
	uint64_t *possible; /* what words of a struct of unknown insides lead to besides */
	size_t possible_count;
};

/* Reads the object at inspected->address; all but where the collector has it. -1 when out of memory. */
int inspect_read(const struct python *python, struct memory *memory, struct inspected *inspected);
/* Fills in what an object that was read refers to. -1 when out of memory. */
int inspect_referents(struct referents *referents, struct inspected *inspected);
/* Where the collector has these objects. -1 when out of memory. */
int inspect_place(struct inspected *inspected, size_t count, const struct census *census);
void inspect_free(struct inspected *inspected, size_t count);

#endif
