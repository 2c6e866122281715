/* SPDX-License-Identifier: BSD-2-Clause */
/* objgraph's show_backrefs() and show_refs(): the objects around some others, as a graph. */
#ifndef OGT_NEIGHBOURS_H
#define OGT_NEIGHBOURS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backrefs.h"
#include "error.h"
#include "graph.h"
#include "growth.h"

struct neighbours {
	const uint64_t *targets;
	size_t target_count;
	bool backwards; /* who refers to them; else what they refer to */
	int max_depth; /* steps from a target */
	size_t too_many; /* neighbours of one object that are shown; 0: all */
	const struct name_filter *filter; /* types of those that are shown besides the targets */
	bool merge_dicts; /* an instance's or a module's __dict__ is part of it */
	size_t limit; /* nodes */
};

/*
 * Objects that --refs may show, which nobody tracks for the most part: addresses, the targets among them, each once,
 * malloc'ed. They have to be nodes of the index. NULL when out of memory.
 */
uint64_t *neighbours_ahead(struct referents *referents, const struct neighbours *neighbours, size_t *count);

/* The same for --backrefs with merge_dicts: the targets and what is their __dict__, some of them more than once. */
uint64_t *neighbours_dicts(struct referents *referents, const struct neighbours *neighbours, size_t *count);

/* Makes the graph; freed with graph_free by the caller, also when this fails (ERROR_FAILED: out of memory). */
int neighbours_graph(
	struct backrefs *backrefs, const struct neighbours *neighbours, struct graph *graph, struct error *error);

#endif
