// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "neighbours.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attributes.h"
#include "label.h"
#include "list.h"
#include "picture.h"
#include "pyobject.h"
#include "typeresolve.h"

/* Objects that are looked at ahead, and steps. */
#define AHEAD_MOST 4000
#define AHEAD_STEPS 1000

struct walk {
	struct backrefs *backrefs;
	const struct neighbours *neighbours;
	struct picture picture;
	uint32_t at; /* the node whose neighbours are looked at */
	size_t index; /* of it in the graph */
	size_t shown, hidden;
	uint32_t *found; /* its neighbours, each once */
	size_t found_count;
	bool *seen; /* by node of the index, roots too: whether it is among them */
};

static bool passes(const struct walk *walk, uint32_t node)
{
	const struct name_filter *filter = walk->neighbours->filter;
	const struct referents *referents = walk->backrefs->referents;
	struct type_name name = {0};
	char *full;
	bool pass;

	if (!filter->glob_count)
		return true;
	if (node >= walk->backrefs->objects || !backrefs_shape(walk->backrefs, node))
		return false;
	typeresolve(referents->python, referents->memory, backrefs_shape(walk->backrefs, node)->type, &name);
	full = name.name ? type_name_full(&name) : NULL;
	pass = full && name_filter_passes(filter, name.name, full);
	free(full);
	type_name_free(&name);
	return pass;
}

/* --- namespaces --- */

static bool is_dict_way(const struct referent *referent)
{
	return referent->way == WAY_MEMBER && referent->name && strcmp(referent->name, "__dict__") == 0;
}

/* The object whose __dict__ this node is; NODE_NONE: no dict, or nobody's. */
static uint32_t owner_of(struct backrefs *backrefs, uint32_t node)
{
	const struct shape *shape = node < backrefs->objects ? backrefs_shape(backrefs, node) : NULL;
	struct referent referent = {0};

	if (!shape || shape->kind != OBJECT_DICT)
		return NODE_NONE;
	for (uint32_t i = backrefs->first[node]; i < backrefs->first[node + 1]; i++) {
		uint32_t source = backrefs->source[i];
		const struct shape *owner = source < backrefs->objects ? backrefs_shape(backrefs, source) : NULL;

		if (owner && shape_has_dict(owner) &&
			picture_referent(backrefs, source, backrefs->address[node], &referent) &&
			is_dict_way(&referent))
			return source;
	}
	return NODE_NONE;
}

static bool collect_dict(void *context, const struct referent *referent)
{
	uint64_t *dict = context;

	if (is_dict_way(referent))
		*dict = referent->to;
	return !*dict;
}

/* Its __dict__; 0: it has none, or none yet. 3.13 may have one that the collector does not see at the instance. */
static uint64_t find_dict(struct referents *referents, uint64_t object, const struct shape *shape)
{
	const struct attributes_type type = {shape->flags, shape->basicsize, shape->itemsize, shape->dictoffset};
	struct attributes_place place;
	uint64_t dict = 0;

	if (!shape_has_dict(shape))
		return 0;
	referents_of(referents, object, shape, collect_dict, &dict);
	if (!dict && shape->managed &&
		attributes_find(&referents->python->layout, referents->memory, object, &type, &place))
		dict = place.dict;
	return dict;
}

/* The node of the __dict__ that is part of this one; NODE_NONE: it has none, or none yet, or shares another's. */
static uint32_t dict_of(struct backrefs *backrefs, uint32_t node)
{
	const struct shape *shape = node < backrefs->objects ? backrefs_shape(backrefs, node) : NULL;
	uint64_t address = shape ? find_dict(backrefs->referents, backrefs->address[node], shape) : 0;
	uint32_t dict = address ? backrefs_node(backrefs, address) : NODE_NONE, owner;

	if (dict == NODE_NONE)
		return NODE_NONE;
	owner = owner_of(backrefs, dict);
	return owner == NODE_NONE || owner == node ? dict : NODE_NONE;
}

/* ".key" of a namespace. */
static char *attribute_label(struct backrefs *backrefs, uint32_t dict, uint32_t to)
{
	const struct referents *referents = backrefs->referents;
	struct referent referent = {0};
	char *key, *label = NULL;

	if (!picture_referent(backrefs, dict, backrefs->address[to], &referent) || referent.way != WAY_VALUE)
		return NULL;
	key = pyobject_text(&referents->python->layout, referents->memory, referent.object);
	if (key && asprintf(&label, ".%s", key) < 0)
		label = NULL;
	free(key);
	return label;
}

/* --- one neighbour after the other --- */

static void find_neighbour(struct walk *walk, uint32_t node)
{
	if (walk->seen[node])
		return;
	if (!list_make_room((void **)&walk->found, walk->found_count, sizeof(*walk->found))) {
		walk->picture.failed = true;
		return;
	}
	walk->seen[node] = true;
	walk->found[walk->found_count++] = node;
}

static void forget_neighbours(struct walk *walk)
{
	for (size_t i = 0; i < walk->found_count; i++)
		walk->seen[walk->found[i]] = false;
	walk->found_count = 0;
}

/* Whether it is one more to be shown: otherwise it is of another type, or one too many. */
static bool takes(struct walk *walk, uint32_t node)
{
	if (!passes(walk, node))
		return false;
	if (walk->neighbours->too_many && walk->shown >= walk->neighbours->too_many) {
		walk->hidden++;
		return false;
	}
	walk->shown++;
	if (picture_node(&walk->picture, node, walk->picture.graph->nodes[walk->index].depth + 1) != GRAPH_NONE)
		return true;
	walk->picture.graph->nodes[walk->index].ends_early = true;
	return false;
}

/* An edge between the node that is looked at and this one, which is at the other end; through a dict, if not NODE_NONE.
 */
static void show(struct walk *walk, uint32_t node, uint32_t through)
{
	bool backwards = walk->neighbours->backwards;
	uint32_t from = backwards ? node : walk->at, to = backwards ? walk->at : node;

	if (!takes(walk, node))
		return;
	if (through == NODE_NONE)
		picture_edge(&walk->picture, from, to);
	else
		picture_edge_labelled(
			&walk->picture, from, to, attribute_label(walk->backrefs, through, to), GRAPH_STRONG);
}

/*
 * In which order referrers are shown, as some may be left out: first those that say whose it is. Functions lead to
 * their module's namespace, and frames to what they run in; the interpreter's tables say something only where nobody
 * else does.
 */
enum rank { RANK_OWNER, RANK_OTHER, RANK_GLOBALS, RANK_POSSIBLE, RANK_TABLE, RANKS };

static enum rank rank_of(const struct walk *walk, uint32_t source, bool is_namespace)
{
	const struct backrefs *backrefs = walk->backrefs;
	uint32_t node = source & ~SOURCE_POSSIBLE;
	const struct shape *shape;

	if (node >= backrefs->objects && backrefs->roots->root[node - backrefs->objects].kind != ROOT_FRAME)
		return RANK_TABLE;
	if (source & SOURCE_POSSIBLE)
		return RANK_POSSIBLE;
	if (node >= backrefs->objects)
		return is_namespace ? RANK_GLOBALS : RANK_OWNER;
	shape = backrefs_shape(backrefs, node);
	if (is_namespace && shape && (shape->kind == OBJECT_FUNCTION || shape->kind == OBJECT_FRAME))
		return RANK_GLOBALS;
	return shape && shape->kind == OBJECT_MODULE ? RANK_OWNER : RANK_OTHER;
}

/* Somebody who refers to the node that is looked at, or to its dict, if not NODE_NONE. */
static void show_referrer(struct walk *walk, uint32_t node, uint32_t dict)
{
	uint32_t owner = walk->neighbours->merge_dicts ? owner_of(walk->backrefs, node) : NODE_NONE;
	uint32_t through = owner == NODE_NONE ? NODE_NONE : node;

	node = owner == NODE_NONE ? node : owner;
	if (walk->seen[node])
		return;
	find_neighbour(walk, node);
	if (dict == NODE_NONE)
		show(walk, node, through);
	else if (takes(walk, node))
		picture_edge_to_dict(&walk->picture, node, dict, walk->at,
			through == NODE_NONE ? NULL : attribute_label(walk->backrefs, through, dict));
}

/* Those of one rank who refer to the node that is looked at, or to its dict, if not NODE_NONE. */
static void show_referrers(struct walk *walk, uint32_t dict, enum rank rank)
{
	const struct backrefs *backrefs = walk->backrefs;
	uint32_t to = dict == NODE_NONE ? walk->at : dict, last = NODE_NONE;
	bool is_namespace = root_module_of_dict(backrefs->roots, backrefs->address[to]) != NULL;

	for (uint32_t i = backrefs->first[to]; i < backrefs->first[to + 1]; i++) {
		uint32_t source = backrefs->source[i], node = source & ~SOURCE_POSSIBLE;

		if (node == last || rank_of(walk, source, is_namespace) != rank)
			continue;
		last = node;
		/* Its own reference to its dict is none to itself. */
		if (dict == NODE_NONE || node != walk->at)
			show_referrer(walk, node, dict);
	}
}

static void look_backwards(struct walk *walk)
{
	struct backrefs *backrefs = walk->backrefs;
	uint32_t dict;

	if (walk->at >= backrefs->objects || walk->picture.graph->nodes[walk->index].root)
		return;
	forget_neighbours(walk);
	/* Who holds a part of it holds it, in the picture. */
	dict = walk->neighbours->merge_dicts ? dict_of(backrefs, walk->at) : NODE_NONE;
	for (int rank = 0; rank < RANKS; rank++) {
		if (rank == RANK_TABLE && walk->shown)
			return;
		show_referrers(walk, NODE_NONE, (enum rank)rank);
		if (dict != NODE_NONE)
			show_referrers(walk, dict, (enum rank)rank);
	}
}

/* A str, which the label of its value tells. */
static bool is_plain_key(const struct referent *referent)
{
	return referent->way == WAY_KEY && referent->kind == REFERENT_HELD;
}

static bool collect(void *context, const struct referent *referent)
{
	struct walk *walk = context;
	uint32_t node = backrefs_node(walk->backrefs, referent->to);

	/* What no object is seen at, in memory that the process uses for other things, says nothing. */
	if (node != NODE_NONE && !is_plain_key(referent) && backrefs_shape(walk->backrefs, node))
		find_neighbour(walk, node);
	return !walk->picture.failed;
}

static void look_forwards(struct walk *walk)
{
	struct backrefs *backrefs = walk->backrefs;
	size_t count;
	uint32_t *found;

	forget_neighbours(walk);
	backrefs_referents(backrefs, walk->at, collect, walk);
	/* Of a dict that is merged, the values in its place. */
	count = walk->found_count;
	found = malloc((count + 1) * sizeof(*found));
	if (!found) {
		walk->picture.failed = true;
		return;
	}
	if (count)
		memcpy(found, walk->found, count * sizeof(*found));
	for (size_t i = 0; i < count; i++) {
		if (!walk->neighbours->merge_dicts || owner_of(backrefs, found[i]) != walk->at) {
			show(walk, found[i], NODE_NONE);
			continue;
		}
		forget_neighbours(walk);
		backrefs_referents(backrefs, found[i], collect, walk);
		for (size_t k = 0; k < walk->found_count; k++)
			show(walk, walk->found[k], found[i]);
	}
	free(found);
}

/* Whether somebody refers to it whom the depth leaves out. */
static bool is_referred_to(struct walk *walk, uint32_t node)
{
	struct backrefs *backrefs = walk->backrefs;
	uint32_t dict;

	if (backrefs->first[node] != backrefs->first[node + 1])
		return true;
	dict = walk->neighbours->merge_dicts ? dict_of(backrefs, node) : NODE_NONE;
	if (dict == NODE_NONE)
		return false;
	for (uint32_t i = backrefs->first[dict]; i < backrefs->first[dict + 1]; i++) {
		if ((backrefs->source[i] & ~SOURCE_POSSIBLE) != node)
			return true;
	}
	return false;
}

static bool is_none(void *context, const struct referent *referent)
{
	struct referents *referents = context;

	/* It need not be a node of the index, which has what the depth asks for. */
	return is_plain_key(referent) || !shapes_of_object(referents->shapes, referent->to);
}

/* Whether there are neighbours, of any type, whom the depth leaves out. */
static bool ends_early(struct walk *walk, uint32_t node)
{
	struct backrefs *backrefs = walk->backrefs;

	if (!walk->neighbours->backwards)
		return !backrefs_referents(backrefs, node, is_none, backrefs->referents);
	return node < backrefs->objects && !walk->picture.graph->nodes[walk->index].root && is_referred_to(walk, node);
}

/* --- what will be shown --- */

struct ahead {
	uint64_t *address;
	size_t count, most, taken, too_many;
};

static bool take_ahead(void *context, const struct referent *referent)
{
	struct ahead *ahead = context;

	if (is_plain_key(referent))
		return true;
	for (size_t i = 0; i < ahead->count; i++) {
		if (ahead->address[i] == referent->to)
			return true;
	}
	if (ahead->count == ahead->most || (ahead->too_many && ahead->taken > ahead->too_many))
		return false;
	ahead->address[ahead->count++] = referent->to;
	ahead->taken++;
	return true;
}

uint64_t *neighbours_dicts(struct referents *referents, const struct neighbours *neighbours, size_t *count)
{
	uint64_t *address = calloc(2 * neighbours->target_count + 1, sizeof(*address));

	*count = 0;
	for (size_t i = 0; address && i < neighbours->target_count; i++) {
		const struct shape *shape = shapes_of_object(referents->shapes, neighbours->targets[i]);
		uint64_t dict = shape ? find_dict(referents, neighbours->targets[i], shape) : 0;

		address[(*count)++] = neighbours->targets[i];
		if (dict)
			address[(*count)++] = dict;
	}
	return address;
}

uint64_t *neighbours_ahead(struct referents *referents, const struct neighbours *neighbours, size_t *count)
{
	struct ahead ahead = {.most = neighbours->target_count + AHEAD_MOST, .too_many = neighbours->too_many};
	/* A dict that is merged takes a step of its own. */
	int steps = neighbours->max_depth > AHEAD_STEPS ? AHEAD_STEPS : neighbours->max_depth;
	size_t from = 0;

	if (neighbours->merge_dicts)
		steps *= 2;
	ahead.address = calloc(ahead.most + 1, sizeof(*ahead.address));
	for (size_t i = 0; ahead.address && i < neighbours->target_count; i++)
		ahead.address[ahead.count++] = neighbours->targets[i];
	for (int step = 0; ahead.address && step < steps; step++) {
		size_t end = ahead.count;

		for (; from < end; from++) {
			const struct shape *shape = shapes_of_object(referents->shapes, ahead.address[from]);

			ahead.taken = 0;
			if (shape)
				referents_of(referents, ahead.address[from], shape, take_ahead, &ahead);
		}
	}
	*count = ahead.count;
	return ahead.address;
}

int neighbours_graph(
	struct backrefs *backrefs, const struct neighbours *neighbours, struct graph *graph, struct error *error)
{
	struct walk walk = {.backrefs = backrefs,
		.neighbours = neighbours,
		.picture = {.backrefs = backrefs,
			.graph = graph,
			.full_names = neighbours->filter->full_names,
			.limit = neighbours->limit}};

	graph->backwards = neighbours->backwards;
	walk.seen = calloc((size_t)backrefs->count + 1, sizeof(*walk.seen));
	walk.picture.failed = !walk.seen;
	for (size_t i = 0; i < neighbours->target_count; i++) {
		uint32_t node = backrefs_node(backrefs, neighbours->targets[i]);
		size_t index = node == NODE_NONE ? GRAPH_NONE : picture_node(&walk.picture, node, 0);

		if (index != GRAPH_NONE)
			graph->nodes[index].target = true;
	}
	/* Nodes are added at the end while earlier ones are looked at: breadth first. */
	for (walk.index = 0; walk.index < graph->node_count && !walk.picture.failed; walk.index++) {
		walk.at = walk.picture.nodes[walk.index];
		if (graph->nodes[walk.index].depth >= neighbours->max_depth) {
			graph->nodes[walk.index].ends_early = ends_early(&walk, walk.at);
			continue;
		}
		walk.shown = walk.hidden = 0;
		if (neighbours->backwards)
			look_backwards(&walk);
		else
			look_forwards(&walk);
		graph->nodes[walk.index].hidden = walk.hidden;
	}
	free(walk.found);
	free(walk.seen);
	picture_free(&walk.picture);
	return walk.picture.failed ? error_set(error, ERROR_FAILED, "out of memory") : 0;
}
