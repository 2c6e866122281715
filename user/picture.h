/* SPDX-License-Identifier: BSD-2-Clause */
/* A graph to be shown, made from nodes of the index: each gets its type, its label and its place. */
#ifndef OGT_PICTURE_H
#define OGT_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backrefs.h"
#include "graph.h"

struct picture {
	struct backrefs *backrefs;
	struct graph *graph;
	bool full_names;
	size_t limit; /* nodes */
	uint32_t *nodes; /* of the index, one for each of the graph */
	bool *left_out; /* by node of the index: it was met beyond the limit; NULL: none was */
	bool failed; /* out of memory */
};

/*
 * The graph's node of this one, made if there is none yet; GRAPH_NONE when that would be beyond the limit
 * (graph.left_out counts it) or out of memory.
 */
size_t picture_node(struct picture *picture, uint32_t node, int depth);

/* Adds the edge by which `from` leads to `to`, in the words of the first of its references that does. */
void picture_edge(struct picture *picture, uint32_t from, uint32_t to);

/* The same with words of the caller's, which become the graph's; NULL: none. */
void picture_edge_labelled(struct picture *picture, uint32_t from, uint32_t to, char *label, enum graph_edge_kind kind);

/*
 * The same for what refers to the __dict__ of `to`; way: in these words of the caller's, which become the graph's;
 * NULL: in those of its first reference.
 */
void picture_edge_to_dict(struct picture *picture, uint32_t from, uint32_t dict, uint32_t to, char *way);

/* The first reference by which `from` leads to `to`; certain ones come first. False: there is none. */
bool picture_referent(struct backrefs *backrefs, uint32_t from, uint64_t to, struct referent *referent);

void picture_free(struct picture *picture);

#endif
