/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who refers to an object: every reference of a whole picture, the other way round, in compact arrays (4 bytes a
 * reference, some 30 an object). Nodes are the objects that the collector tracks, those containers besides that hold
 * some of them (code objects, types of C code), what was asked for, and the roots.
 */
#ifndef OGT_BACKREFS_H
#define OGT_BACKREFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address_map.h"
#include "census.h"
#include "error.h"
#include "referents.h"
#include "roots.h"

#define NODE_NONE ADDRESS_NONE
/* Set in a source: the reference is possible only. */
#define SOURCE_POSSIBLE (UINT32_C(1) << 31)

struct backrefs {
	struct referents *referents; /* borrowed, as are the next two */
	const struct roots *roots;
	const struct census *census;
	struct address_map map;
	uint64_t *address; /* of each node that is an object */
	uint32_t *type; /* of each of them: index into shapes */
	uint8_t *tracked; /* of each of them: whether the collector tracks it; NODE_FROZEN: gc.freeze() has parked it */
	const struct shape **shapes;
	size_t shape_count;
	uint32_t objects; /* nodes below are objects, from here on roots */
	uint32_t count; /* of all nodes */
	uint32_t *first; /* of each object: index into source; ends where that of the next one begins */
	uint32_t *source; /* nodes, ascending for each object */
	uint64_t references; /* of source */
	size_t unreadable; /* pieces of objects that could not be read, and references with them */
};

#define NODE_TRACKED 1
#define NODE_FROZEN 2

struct backrefs_options {
	const uint64_t *wanted; /* objects that are nodes even if nobody tracks them */
	size_t wanted_count;
	bool tracked_only; /* what the collector does not track is no node, but for code and types */
	void (*progress)(void *context, uint64_t done, uint64_t all); /* now and then; may be NULL */
	void *context;
};

/*
 * Builds the index of a closed picture. 0; -1 with ERROR_INTERRUPTED, or ERROR_FAILED when out of memory or when there
 * are more than 2**32 references. Freed with backrefs_free, also then.
 */
int backrefs_build(struct backrefs *backrefs, struct referents *referents, const struct roots *roots,
	const struct census *census, const struct backrefs_options *options, struct error *error);

/* The nodes alone: first and source stay NULL. */
int backrefs_nodes(struct backrefs *backrefs, struct referents *referents, const struct roots *roots,
	const struct census *census, const struct backrefs_options *options, struct error *error);
void backrefs_free(struct backrefs *backrefs);

/* The node of an object; NODE_NONE if it is none. */
uint32_t backrefs_node(struct backrefs *backrefs, uint64_t address);

/* The reference count of the object that a node is; `unknown` where references are not counted, or it cannot be read.
 */
uint32_t backrefs_refcount(const struct backrefs *backrefs, uint32_t node, uint32_t unknown);

static inline const struct shape *backrefs_shape(const struct backrefs *backrefs, uint32_t node)
{
	return backrefs->shapes[backrefs->type[node]];
}

/* What a node refers to. False when visit said so. */
bool backrefs_referents(struct backrefs *backrefs, uint32_t node, referents_visit *visit, void *context);

#endif
