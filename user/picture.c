// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "picture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "label.h"
#include "pyobject.h"
#include "typeresolve.h"

static char *type_text(const struct picture *picture, const struct shape *shape)
{
	const struct referents *referents = picture->backrefs->referents;
	struct type_name name = {0};
	char *text;

	if (!shape)
		return strdup("?");
	typeresolve(referents->python, referents->memory, shape->type, &name);
	text = !name.name ? NULL : picture->full_names ? type_name_full(&name) : strdup(name.name);
	type_name_free(&name);
	return text;
}

static void read_refcount(const struct referents *referents, struct graph_node *node, uint64_t address)
{
	uint32_t count;

	if (pyobject_refcount(&referents->python->layout, referents->memory, address, &count, &node->immortal))
		node->refcount = count;
}

static void describe_object(const struct picture *picture, uint32_t number, struct graph_node *node)
{
	struct backrefs *backrefs = picture->backrefs;
	const struct shape *shape = backrefs_shape(backrefs, number);
	uint64_t address = backrefs->address[number];
	const struct root_module *module = root_module(backrefs->roots, address);

	if (asprintf(&node->id, "0x%" PRIx64, address) < 0)
		node->id = NULL;
	node->type = type_text(picture, shape);
	node->label = module ? strdup(module->name) : label_object(backrefs->referents, address, shape);
	node->place = label_place(backrefs->referents, address, shape);
	node->module = module || (shape && shape->kind == OBJECT_MODULE);
	node->root = module;
	read_refcount(backrefs->referents, node, address);
}

static void describe_root(const struct picture *picture, uint32_t number, struct graph_node *node)
{
	const struct root *root = &picture->backrefs->roots->root[number - picture->backrefs->objects];
	static const char *const kinds[] = {
		[ROOT_FRAME] = "frame", [ROOT_THREAD] = "thread", [ROOT_INTERPRETER] = "interpreter"};
	int made;

	if (asprintf(&node->id, "root:%s:0x%" PRIx64, kinds[root->kind], root->address) < 0)
		node->id = NULL;
	node->type = strdup("");
	if (root->kind == ROOT_FRAME && root->tid)
		made = asprintf(&node->label, "running: %s, thread %d", root->name, root->tid);
	else
		made = asprintf(&node->label, "%s%s", root->kind == ROOT_FRAME ? "running: " : "", root->name);
	if (made < 0)
		node->label = NULL;
	node->place = root->place ? strdup(root->place) : NULL;
	node->root = true;
}

static size_t find(const struct picture *picture, uint32_t node)
{
	for (size_t i = 0; i < picture->graph->node_count; i++) {
		if (picture->nodes[i] == node)
			return i;
	}
	return GRAPH_NONE;
}

/* Counted once, however many lead to it. */
static void leave_out(struct picture *picture, uint32_t node)
{
	if (!picture->left_out)
		picture->left_out = calloc((size_t)picture->backrefs->count + 1, sizeof(*picture->left_out));
	if (!picture->left_out) {
		picture->failed = true;
		return;
	}
	picture->graph->left_out += !picture->left_out[node];
	picture->left_out[node] = true;
}

size_t picture_node(struct picture *picture, uint32_t node, int depth)
{
	struct graph_node made = {.depth = depth};
	size_t index = find(picture, node);

	if (index != GRAPH_NONE || picture->failed)
		return index;
	if (picture->graph->node_count >= picture->limit) {
		leave_out(picture, node);
		return GRAPH_NONE;
	}
	if (!picture->nodes)
		picture->nodes = calloc(picture->limit, sizeof(*picture->nodes));
	if (picture->nodes && node < picture->backrefs->objects)
		describe_object(picture, node, &made);
	else if (picture->nodes)
		describe_root(picture, node, &made);
	index = picture->nodes ? graph_add_node(picture->graph, &made) : GRAPH_NONE;
	picture->failed = index == GRAPH_NONE;
	if (index != GRAPH_NONE)
		picture->nodes[index] = node;
	return index;
}

struct searched {
	uint64_t to;
	struct referent *referent;
	bool found;
};

static bool is_searched(void *context, const struct referent *referent)
{
	struct searched *searched = context;

	if (referent->to != searched->to || (searched->found && referent->kind == REFERENT_POSSIBLE))
		return true;
	*searched->referent = *referent;
	searched->found = true;
	return referent->kind == REFERENT_POSSIBLE;
}

bool picture_referent(struct backrefs *backrefs, uint32_t from, uint64_t to, struct referent *referent)
{
	struct searched searched = {to, referent, false};

	backrefs_referents(backrefs, from, is_searched, &searched);
	return searched.found;
}

void picture_edge_labelled(struct picture *picture, uint32_t from, uint32_t to, char *label, enum graph_edge_kind kind)
{
	struct graph_edge edge = {.from = find(picture, from), .to = find(picture, to), .label = label, .kind = kind};

	if (edge.from == GRAPH_NONE || edge.to == GRAPH_NONE) {
		free(label);
		return;
	}
	for (size_t i = 0; i < picture->graph->edge_count; i++) {
		if (picture->graph->edges[i].from == edge.from && picture->graph->edges[i].to == edge.to) {
			free(label);
			return;
		}
	}
	if (graph_add_edge(picture->graph, &edge) == GRAPH_NONE)
		picture->failed = true;
}

/* In which words `from` leads to `to`, and how surely; false: it does not. */
static bool describe_edge(
	struct backrefs *backrefs, uint32_t from, uint32_t to, char **label, enum graph_edge_kind *kind)
{
	bool is_object = from < backrefs->objects;
	struct referent referent = {0};

	if (to >= backrefs->objects || !picture_referent(backrefs, from, backrefs->address[to], &referent))
		return false;
	*label = label_way(backrefs,
		is_object ? backrefs->address[from] : backrefs->roots->root[from - backrefs->objects].address,
		is_object ? backrefs_shape(backrefs, from) : NULL, &referent);
	*kind = referent.kind == REFERENT_POSSIBLE ? GRAPH_POSSIBLE : is_object ? GRAPH_STRONG : GRAPH_ROOT;
	return true;
}

void picture_edge(struct picture *picture, uint32_t from, uint32_t to)
{
	enum graph_edge_kind kind;
	char *label;

	if (describe_edge(picture->backrefs, from, to, &label, &kind))
		picture_edge_labelled(picture, from, to, label, kind);
}

void picture_edge_to_dict(struct picture *picture, uint32_t from, uint32_t dict, uint32_t to, char *way)
{
	enum graph_edge_kind kind = GRAPH_STRONG;
	char *label;

	if (!way && !describe_edge(picture->backrefs, from, dict, &way, &kind))
		return;
	if (asprintf(&label, ".__dict__%s%s", way ? " as " : "", way ? way : "") < 0)
		label = NULL;
	free(way);
	picture_edge_labelled(picture, from, to, label, kind);
}

void picture_free(struct picture *picture)
{
	free(picture->nodes);
	free(picture->left_out);
	picture->nodes = NULL;
	picture->left_out = NULL;
}
