// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "render_writer.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* --- a tree --- */

/* What a tree is drawn with. */
struct strokes {
	const char *fork, *corner, *line, *ellipsis;
};

/* An object whose neighbours are being shown. */
struct step {
	size_t node;
	size_t next; /* index into tree.order of the one to come */
};

struct tree {
	struct render *render;
	const struct graph *graph;
	const struct strokes *strokes;
	size_t *first; /* by node: where its edges begin in order; one more, for the end of the last */
	size_t *order; /* edges by the node that they are followed from, otherwise as the graph has them */
	bool *shown; /* by node */
	struct step *path; /* from the top of the tree to here */
	size_t depth;
};

static const struct strokes *choose_strokes(void)
{
	static const struct strokes lines = {"├── ", "└── ", "│   ", "…"};
	static const struct strokes ascii = {"|-- ", "`-- ", "|   ", "..."};
	locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
	bool utf8 = locale && strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;

	if (locale)
		freelocale(locale);
	return utf8 ? &lines : &ascii;
}

static void free_tree(struct tree *tree)
{
	free(tree->first);
	free(tree->order);
	free(tree->shown);
	free(tree->path);
}

/* The node that an edge is followed from, and the one that it is followed to. */
static size_t near_end(const struct graph *graph, const struct graph_edge *edge)
{
	return graph->backwards ? edge->to : edge->from;
}

static size_t far_end(const struct graph *graph, const struct graph_edge *edge)
{
	return graph->backwards ? edge->from : edge->to;
}

/* false when out of memory; the caller frees it in either case. */
static bool make_tree(struct tree *tree, struct render *render, const struct graph *graph)
{
	size_t nodes = graph->node_count;

	*tree = (struct tree){render, graph, choose_strokes(), .depth = 0};
	tree->first = calloc(nodes + 2, sizeof(*tree->first));
	tree->order = calloc(graph->edge_count + 1, sizeof(*tree->order));
	tree->shown = calloc(nodes + 1, sizeof(*tree->shown));
	tree->path = calloc(nodes + 1, sizeof(*tree->path));
	if (!tree->first || !tree->order || !tree->shown || !tree->path)
		return false;
	/* Sorted by counting: first[n + 1] is where n's edges begin, until all of them are in place. */
	for (size_t i = 0; i < graph->edge_count; i++)
		tree->first[near_end(graph, &graph->edges[i]) + 2]++;
	for (size_t n = 2; n <= nodes; n++)
		tree->first[n] += tree->first[n - 1];
	for (size_t i = 0; i < graph->edge_count; i++)
		tree->order[tree->first[near_end(graph, &graph->edges[i]) + 1]++] = i;
	return true;
}

static bool more_follows(const struct tree *tree, const struct step *step)
{
	return step->next < tree->first[step->node + 1] || tree->graph->nodes[step->node].hidden;
}

static void put_text(struct render *render, const char *text)
{
	char *printable = text_printable(text);

	put(render, "%s", printable ? printable : "?");
	free(printable);
}

/* The lines that lead here from the objects above, and the branch; last: nothing follows beside this one. */
static void put_branch(const struct tree *tree, bool last)
{
	for (size_t i = 0; i + 1 < tree->depth; i++)
		put(tree->render, "%s", more_follows(tree, &tree->path[i]) ? tree->strokes->line : "    ");
	put(tree->render, "%s", last ? tree->strokes->corner : tree->strokes->fork);
}

/* Backwards "['key'] of ", forwards ".name: "; a question mark first where it may be none. */
static void put_edge(const struct tree *tree, const struct graph_edge *edge)
{
	if (edge->kind == GRAPH_POSSIBLE)
		put(tree->render, "? ");
	if (edge->label && *edge->label) {
		put_text(tree->render, edge->label);
		put(tree->render, tree->graph->backwards ? " of " : ": ");
	}
}

static void put_type(const struct tree *tree, const struct graph_node *node)
{
	const char *emphasis = tree->render->colour && node->target ? BOLD : "";

	put(tree->render, "%s", emphasis);
	put_text(tree->render, node->type);
	put(tree->render, "%s", *emphasis ? PLAIN : "");
	if (tree->graph->refcounts && node->immortal)
		put(tree->render, " [immortal]");
	else if (tree->graph->refcounts)
		put(tree->render, " [%llu]", (unsigned long long)node->refcount);
}

/* The rest of a line: "type [refcount]  address  label  (place)", and what is to be known about it. */
static void put_node(const struct tree *tree, size_t index)
{
	const struct graph_node *node = &tree->graph->nodes[index];
	struct render *render = tree->render;
	const char *gap = "";

	if (*node->type) {
		put_type(tree, node);
		gap = "  ";
	}
	/* What was asked for by name can be asked for by address then. */
	if (node->target && !tree->shown[index] && *node->type)
		put(render, "  %s", node->id);
	if (*node->label || !*node->type) {
		put(render, "%s", gap);
		put_text(render, *node->label ? node->label : node->id);
	}
	if (node->place) {
		put(render, "  (");
		put_text(render, node->place);
		put(render, ")");
	}
	if (node->root)
		put(render, "  %s(root)%s", render->colour ? YELLOW : "", render->colour ? PLAIN : "");
	if (tree->shown[index])
		put(render, "  (see above)");
	else if (node->ends_early)
		put(render, "  %s", tree->strokes->ellipsis);
	put(render, "\n");
}

static void put_hidden(const struct tree *tree, uint64_t hidden)
{
	put_branch(tree, true);
	put(tree->render, "%s %llu more %sreference%s\n", tree->strokes->ellipsis, (unsigned long long)hidden,
		tree->graph->backwards ? "back" : "", hidden == 1 ? "" : "s");
}

/* Shows the node on the line begun, and, when that is the first time, makes it the one whose neighbours are next. */
static void enter_node(struct tree *tree, size_t node)
{
	put_node(tree, node);
	if (tree->shown[node])
		return;
	tree->shown[node] = true;
	tree->path[tree->depth++] = (struct step){node, tree->first[node]};
}

static void put_tree(struct tree *tree, size_t top)
{
	const struct graph *graph = tree->graph;

	enter_node(tree, top);
	while (tree->depth && !tree->render->failure) {
		struct step *step = &tree->path[tree->depth - 1];

		if (step->next < tree->first[step->node + 1]) {
			const struct graph_edge *edge = &graph->edges[tree->order[step->next++]];

			put_branch(tree, !more_follows(tree, step));
			put_edge(tree, edge);
			enter_node(tree, far_end(graph, edge));
			continue;
		}
		if (graph->nodes[step->node].hidden)
			put_hidden(tree, graph->nodes[step->node].hidden);
		tree->depth--;
	}
}

static void graph_as_text(struct render *render, const struct graph *graph)
{
	struct tree tree;

	if (!make_tree(&tree, render, graph))
		failed(render, ENOMEM);
	for (size_t i = 0; i < graph->node_count && !render->failure; i++) {
		if (graph->nodes[i].target)
			put_tree(&tree, i);
	}
	/* What no way leads to from there. */
	for (size_t i = 0; i < graph->node_count && !render->failure; i++) {
		if (!tree.shown[i])
			put_tree(&tree, i);
	}
	free_tree(&tree);
	flush(render);
	if (graph->left_out)
		render_note("at least %zu more object%s not shown: a graph has no more than %zu", graph->left_out,
			graph->left_out == 1 ? " is" : "s are", graph->node_count);
}

/* --- JSON --- */

static json_t *node_as_json(const struct graph *graph, const struct graph_node *node)
{
	bool object = !node->root || *node->type;
	json_t *json = json_object();

	json_object_set_new(json, "id", json_text(node->id));
	json_object_set_new(json, "type", json_text(node->type));
	json_object_set_new(json, "label", json_text(node->label));
	if (node->place)
		json_object_set_new(json, "place", json_text(node->place));
	json_object_set_new(json, "depth", json_integer(node->depth));
	json_object_set_new(json, "target", json_boolean(node->target));
	if (graph->refcounts && object)
		json_object_set_new(
			json, "refcount", node->immortal ? json_null() : json_integer((json_int_t)node->refcount));
	if (node->immortal)
		json_object_set_new(json, "immortal", json_true());
	json_object_set_new(json, "hidden", json_integer((json_int_t)node->hidden));
	if (node->ends_early)
		json_object_set_new(json, "more", json_true());
	return json;
}

static json_t *edge_as_json(const struct graph *graph, const struct graph_edge *edge)
{
	static const char *const kinds[] = {
		[GRAPH_STRONG] = "strong", [GRAPH_POSSIBLE] = "possible", [GRAPH_ROOT] = "root"};
	json_t *json = json_object();

	json_object_set_new(json, "from", json_text(graph->nodes[edge->from].id));
	json_object_set_new(json, "to", json_text(graph->nodes[edge->to].id));
	json_object_set_new(json, "label", edge->label ? json_text(edge->label) : json_null());
	json_object_set_new(json, "kind", json_string(kinds[edge->kind]));
	return json;
}

static void graph_as_json(struct render *render, const struct graph *graph)
{
	json_t *object = event(render, "graph"), *nodes = json_array(), *edges = json_array();

	for (size_t i = 0; i < graph->node_count; i++)
		json_array_append_new(nodes, node_as_json(graph, &graph->nodes[i]));
	for (size_t i = 0; i < graph->edge_count; i++)
		json_array_append_new(edges, edge_as_json(graph, &graph->edges[i]));
	json_object_set_new(object, "pause_ms", json_ms(render->pause_ms));
	json_object_set_new(object, "nodes", nodes);
	json_object_set_new(object, "edges", edges);
	if (graph->left_out)
		json_object_set_new(object, "left_out", json_integer((json_int_t)graph->left_out));
	emit(render, object);
}

void render_graph(struct render *render, const struct graph *graph)
{
	if (render->json)
		graph_as_json(render, graph);
	else
		graph_as_text(render, graph);
}
