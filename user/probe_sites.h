/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where to probe: the functions at which objects of a target die or are made, decided from the target's own bytes.
 * Deaths are seen at the addresses in tp_dealloc slots: of the types that a census found, of all classes alive, of
 * all static types of the process. Which instruction of a function gets the probe is site_x86_64.h's matter.
 */
#ifndef OGT_PROBE_SITES_H
#define OGT_PROBE_SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "census.h"
#include "error.h"
#include "python.h"

struct probe_site {
	uint64_t address; /* of the function in the process: what the slots hold */
	char *path; /* opens the file that holds it */
	uint64_t file_offset; /* of the function in that file */
	uint32_t into; /* bytes into the function where a probe is cheapest */
	bool closes; /* its types have a finalizer, and are no classes of Python code */
	uint64_t makes; /* of births: the type of all that it makes; 0: its first argument says */
	bool makes_generators; /* what calling the function makes that its first argument is */
	bool makes_others; /* of those, the types that have no function of their own */
	bool probed; /* of deaths: a probe was put there for the window that is open */
	bool copied; /* of deaths: other code compares slots with it, as where a compiler has copied it to */
	bool busy; /* of deaths: the commonest objects die there */
	bool emulated; /* the kernel emulates the instruction there; else each hit is stepped, at ten times the cost */
};

/* Functions found so far; those of one file lie together after each search. */
struct probe_sites {
	struct probe_site *site;
	size_t count, capacity;
	uint64_t *seen; /* types looked at, ascending */
	size_t seen_count;
	uint64_t *data; /* of files, which static types were looked for in: where each begins, and its inode */
	size_t data_count;
	/* Of classes written in Python, nearly all of which share them; 0: none seen. */
	uint64_t finalizes; /* tp_dealloc (subtype_dealloc) */
	uint64_t allocates; /* tp_alloc (PyType_GenericAlloc) */
};

/*
 * Adds the deallocation functions of types that were not looked at before, at the end of sites->site: the types of the
 * table, those that lie in files, and the classes among the objects of census (may be NULL). Number of sites added; -1
 * when out of memory or when the process's mappings cannot be read. Freed with probe_sites_free, also after an error.
 */
ssize_t probe_sites_of_deaths(const struct python *python, const struct type_table *types, const struct census *census,
	struct probe_sites *sites, struct error *error);

/* The function that makes instances of classes written in Python: sites->allocates of the other, alone in sites. */
int probe_sites_of_instances(
	const struct python *python, uint64_t allocates, struct probe_sites *sites, struct error *error);

/*
 * The functions of the interpreter that make objects, as far as its symbols tell, with what each makes: no two of them
 * are entered for one object but where makes_others says so. Returns as above.
 */
ssize_t probe_sites_of_births(const struct python *python, struct probe_sites *sites, struct error *error);

/* The index of the site at this address, -1 if there is none. */
ssize_t probe_sites_find(const struct probe_sites *sites, uint64_t address);

void probe_sites_free(struct probe_sites *sites);

#endif
