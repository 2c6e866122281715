/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects and the references between them, ready to be shown: what a picture, a tree or the JSON event graph are made
 * of. It holds copies of all that it shows, and needs neither the target nor its memory. Texts are as the target has
 * them: whoever shows them escapes them.
 */
#ifndef OGT_GRAPH_H
#define OGT_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRAPH_NONE SIZE_MAX

enum graph_edge_kind {
	GRAPH_STRONG, /* the object holds a reference */
	GRAPH_POSSIBLE, /* a word of an object of unknown insides leads there */
	GRAPH_ROOT, /* from what is no object: a running frame, a table of the interpreter */
};

struct graph_node {
	char *id; /* "0x7f...", or "root:..." for what is no object */
	char *type; /* as it is shown: with or without module; "" for a root */
	char *label; /* what it is, in a line: a short repr, a name, a number of items; may be "" */
	char *place; /* file:line of a frame, function, code or module; NULL: has none */
	uint64_t refcount; /* shown when graph.refcounts is set */
	uint64_t hidden; /* "too many": neighbours that are not shown; 0: all are */
	bool ends_early; /* it has neighbours that are farther than was asked for, or beyond the limit of nodes */
	int depth; /* steps from the nearest target */
	bool target; /* what was asked for */
	bool module;
	bool root; /* no object; or a module, where the search ended as at a root */
	bool immortal; /* its reference count says nothing */
};

struct graph_edge {
	size_t from, to; /* indexes of nodes; from refers to to */
	char *label; /* ".name", "['key']", "[3]", "local x", "cell x"; NULL: not known */
	enum graph_edge_kind kind;
};

struct graph {
	struct graph_node *nodes;
	size_t node_count, node_capacity;
	struct graph_edge *edges;
	size_t edge_count, edge_capacity;
	bool backwards; /* asked for who refers to the targets; else for what they refer to */
	bool refcounts; /* show them */
	size_t left_out; /* nodes met beyond the limit, behind which more may be; 0: it is complete */
};

/*
 * Adds one; its texts become the graph's, also when this fails. The index of it, or GRAPH_NONE when out of memory (NULL
 * among type, id and label counts as that).
 */
size_t graph_add_node(struct graph *graph, const struct graph_node *node);
size_t graph_add_edge(struct graph *graph, const struct graph_edge *edge);
void graph_free(struct graph *graph);

#endif
