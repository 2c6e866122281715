// SPDX-License-Identifier: BSD-2-Clause
#include "backrefs.h"

#include <stdlib.h>
#include <string.h>

#include "index.h"
#include "interrupt.h"
#include "list.h"
#include "pyobject.h"
#include "unseen.h"

/* Nodes between two looks at whether to go on. */
#define STEP 65536

/* --- which objects are nodes besides those that are tracked --- */

struct extras {
	struct backrefs *backrefs;
	uint64_t *address;
	size_t count;
	struct address_map tracked; /* what the census has */
	struct index index; /* of those in address */
	bool holders; /* wanted: what is not tracked, and holds others */
	bool frames; /* of the object that is looked at: frames are wanted */
	bool unseen; /* there may be objects that the collector does not see (unseen.h) */
	bool failed;
};

static void add_extra(struct extras *extras, uint64_t address)
{
	/* Objects lie at multiples of 8. */
	if (address & 7 || address_number(&extras->tracked, address) != ADDRESS_NONE ||
		index_find_address(&extras->index, extras->address, sizeof(address), address) >= 0)
		return;
	if (list_make_room((void **)&extras->address, extras->count, sizeof(address)))
		extras->address[extras->count++] = address;
	else
		extras->failed = true;
	if (!index_add_address(&extras->index, extras->count, extras->address, sizeof(address)))
		extras->failed = true;
}

/* Code objects, and the tuples in which they keep others. */
static bool visit_code(void *context, const struct referent *referent)
{
	struct extras *extras = context;
	const struct shape *shape = shapes_of_object(extras->backrefs->referents->shapes, referent->to);

	if (shape && (shape->kind == OBJECT_CODE || shape->kind == OBJECT_TUPLE))
		add_extra(extras, referent->to);
	return !extras->failed;
}

static bool visit_code_alone(void *context, const struct referent *referent)
{
	struct extras *extras = context;
	const struct shape *shape = shapes_of_object(extras->backrefs->referents->shapes, referent->to);

	if (shape && shape->kind == OBJECT_CODE)
		add_extra(extras, referent->to);
	return !extras->failed;
}

/*
 * Of what an extension's object or a frame leads to, frames that no thread runs; of anything, what the collector does
 * not see.
 */
static bool visit_holders(void *context, const struct referent *referent)
{
	struct extras *extras = context;
	struct referents *referents = extras->backrefs->referents;
	const struct shape *shape;

	/* As most are. */
	if (address_number(&extras->tracked, referent->to) != ADDRESS_NONE)
		return true;
	shape = shapes_glance(referents->shapes, referent->to);
	if (!shape)
		return true;
	/* Only to 3.10 is a frame that a thread runs told from others by its address. */
	if (shape->kind == OBJECT_FRAME) {
		if (extras->frames && !referents_runs(referents, referent->to))
			add_extra(extras, referent->to);
	} else if (extras->unseen && unseen_holds(referents, referent->to)) {
		add_extra(extras, referent->to);
	}
	return !extras->failed;
}

static void find_holders(struct extras *extras, uint64_t object, const struct shape *shape)
{
	bool old = extras->backrefs->referents->python->layout.generator.frame_object < 0;

	/* To 3.10 a frame leads to its caller's. */
	extras->frames = extras->holders && (!shape->certain || (shape->kind == OBJECT_FRAME && old));
	if (extras->frames || extras->unseen)
		referents_of(extras->backrefs->referents, object, shape, visit_holders, extras);
}

static void find_holders_of_roots(struct extras *extras)
{
	const struct roots *roots = extras->backrefs->roots;

	extras->frames = false;
	for (size_t i = 0; i < roots->count && extras->unseen && !extras->failed; i++)
		root_referents(&roots->root[i], extras->backrefs->referents, visit_holders, extras);
}

static bool find_extras(
	struct extras *extras, const struct shape *const *census_shapes, const struct backrefs_options *options)
{
	struct backrefs *backrefs = extras->backrefs;
	const struct census *census = backrefs->census;

	for (size_t i = 0; i < backrefs->roots->static_type_count; i++)
		add_extra(extras, backrefs->roots->static_types[i]);
	for (size_t i = 0; i < options->wanted_count; i++)
		add_extra(extras, options->wanted[i]);
	extras->holders = !options->tracked_only;
	extras->unseen = extras->holders && unseen_types(backrefs->referents, backrefs->roots, census);
	find_holders_of_roots(extras);
	for (size_t i = 0; i < census->count && !extras->failed; i++) {
		const struct shape *shape = census_shapes[census->type[i]];

		if (i % STEP == 0 && interrupt_signal)
			return false;
		if (shape && kind_has_code(shape->kind))
			referents_of(backrefs->referents, census->address[i], shape, visit_code_alone, extras);
		if (shape)
			find_holders(extras, census->address[i], shape);
	}
	for (size_t i = 0; i < extras->count && !extras->failed; i++) {
		const struct shape *shape = shapes_of_object(backrefs->referents->shapes, extras->address[i]);

		if (i % STEP == 0 && interrupt_signal)
			return false;
		if (shape && (shape->kind == OBJECT_CODE || shape->kind == OBJECT_TUPLE))
			referents_of(backrefs->referents, extras->address[i], shape, visit_code, extras);
		if (shape)
			find_holders(extras, extras->address[i], shape);
	}
	return !extras->failed;
}

/* --- nodes --- */

static void number_tracked(struct backrefs *backrefs)
{
	const struct census *census = backrefs->census;

	for (size_t s = 0; s < census->segment_count; s++) {
		const struct census_segment *segment = &census->segments[s];

		for (size_t i = segment->first; i < segment->first + segment->count; i++) {
			uint32_t node = address_number(&backrefs->map, census->address[i]);

			backrefs->address[node] = census->address[i];
			backrefs->type[node] = census->type[i];
			backrefs->tracked[node] =
				segment->generation == GENERATION_PERMANENT ? NODE_TRACKED | NODE_FROZEN : NODE_TRACKED;
		}
	}
}

/* Shapes of types: first those of the census, then of extras. */
static uint32_t shape_number(struct backrefs *backrefs, const struct shape *shape)
{
	size_t first = backrefs->census->types.count;

	for (size_t i = first; i < backrefs->shape_count; i++) {
		if (backrefs->shapes[i] == shape)
			return (uint32_t)i;
	}
	backrefs->shapes[backrefs->shape_count] = shape;
	return (uint32_t)backrefs->shape_count++;
}

static bool make_nodes(struct backrefs *backrefs, struct extras *extras)
{
	const struct census *census = backrefs->census;
	size_t all = census->count + extras->count;
	uint64_t *address = calloc(all + 1, sizeof(*address));
	bool made;

	if (!address)
		return false;
	if (census->count)
		memcpy(address, census->address, census->count * sizeof(*address));
	if (extras->count)
		memcpy(address + census->count, extras->address, extras->count * sizeof(*address));
	made = address_map_make(&backrefs->map, address, all);
	free(address);
	if (!made || backrefs->map.count > SOURCE_POSSIBLE - 1 - backrefs->roots->count)
		return false;
	backrefs->objects = backrefs->map.count;
	backrefs->count = backrefs->objects + (uint32_t)backrefs->roots->count;
	backrefs->address = calloc(backrefs->objects + 1, sizeof(*backrefs->address));
	backrefs->type = calloc(backrefs->objects + 1, sizeof(*backrefs->type));
	backrefs->tracked = calloc(backrefs->objects + 1, sizeof(*backrefs->tracked));
	if (!backrefs->address || !backrefs->type || !backrefs->tracked)
		return false;
	number_tracked(backrefs);
	for (size_t i = 0; i < extras->count; i++) {
		uint32_t node = address_number(&backrefs->map, extras->address[i]);

		backrefs->address[node] = extras->address[i];
		backrefs->type[node] =
			shape_number(backrefs, shapes_of_object(backrefs->referents->shapes, extras->address[i]));
	}
	return true;
}

static bool find_nodes(struct backrefs *backrefs, const struct backrefs_options *options)
{
	const struct census *census = backrefs->census;
	struct extras extras = {.backrefs = backrefs};
	bool found;

	found = address_map_make(&extras.tracked, census->address, census->count) &&
		find_extras(&extras, backrefs->shapes, options);
	address_map_free(&extras.tracked);
	if (found) {
		const struct shape **grown =
			realloc(backrefs->shapes, (census->types.count + extras.count + 1) * sizeof(*grown));

		if (grown)
			backrefs->shapes = grown;
		found = grown && make_nodes(backrefs, &extras);
	}
	free(extras.address);
	index_free(&extras.index);
	return found;
}

/* --- references --- */

struct pass {
	struct backrefs *backrefs;
	uint32_t node;
	uint64_t count;
};

static bool count_reference(void *context, const struct referent *referent)
{
	struct pass *pass = context;
	uint32_t to = address_number(&pass->backrefs->map, referent->to);

	if (to != NODE_NONE) {
		pass->backrefs->first[to + 2]++;
		pass->count++;
	}
	return true;
}

static bool put_reference(void *context, const struct referent *referent)
{
	struct pass *pass = context;
	struct backrefs *backrefs = pass->backrefs;
	uint32_t to = address_number(&backrefs->map, referent->to);

	/* The picture is closed: it is the same as in the first pass. */
	if (to != NODE_NONE && backrefs->first[to + 1] < backrefs->references)
		backrefs->source[backrefs->first[to + 1]++] =
			pass->node | (referent->kind == REFERENT_POSSIBLE ? SOURCE_POSSIBLE : 0);
	return true;
}

bool backrefs_referents(struct backrefs *backrefs, uint32_t node, referents_visit *visit, void *context)
{
	const struct shape *shape;

	if (node >= backrefs->objects)
		return root_referents(
			&backrefs->roots->root[node - backrefs->objects], backrefs->referents, visit, context);
	shape = backrefs_shape(backrefs, node);
	return !shape || referents_of(backrefs->referents, backrefs->address[node], shape, visit, context);
}

static int pass_over(struct pass *pass, referents_visit *visit, const struct backrefs_options *options, uint64_t done,
	struct error *error)
{
	struct backrefs *backrefs = pass->backrefs;

	for (pass->node = 0; pass->node < backrefs->count; pass->node++) {
		if (pass->node % STEP == 0 && interrupt_signal)
			return error_set(error, ERROR_INTERRUPTED, "interrupted");
		if (pass->node % STEP == 0 && options->progress)
			options->progress(options->context, done + pass->node, 2 * (uint64_t)backrefs->count);
		backrefs_referents(backrefs, pass->node, visit, pass);
	}
	return 0;
}

/*
 * Counting sort: first[n + 2] counts the references to n, then first[n + 1] is where they begin and moves on as they
 * are put, so that first[n] is where they began.
 */
static int find_references(struct backrefs *backrefs, const struct backrefs_options *options, struct error *error)
{
	struct pass pass = {.backrefs = backrefs};
	size_t unreadable = backrefs->referents->unreadable;

	backrefs->first = calloc((size_t)backrefs->objects + 3, sizeof(*backrefs->first));
	if (!backrefs->first)
		return error_set(error, ERROR_FAILED, "out of memory");
	if (pass_over(&pass, count_reference, options, 0, error) < 0)
		return -1;
	backrefs->unreadable = backrefs->referents->unreadable - unreadable;
	if (pass.count > UINT32_MAX)
		return error_set(error, ERROR_FAILED, "there are more than 2**32 references");
	backrefs->references = pass.count;
	for (uint32_t i = 2; i < backrefs->objects + 2; i++)
		backrefs->first[i] += backrefs->first[i - 1];
	backrefs->source = calloc(backrefs->references + 1, sizeof(*backrefs->source));
	if (!backrefs->source)
		return error_set(error, ERROR_FAILED, "out of memory");
	return pass_over(&pass, put_reference, options, backrefs->count, error);
}

int backrefs_nodes(struct backrefs *backrefs, struct referents *referents, const struct roots *roots,
	const struct census *census, const struct backrefs_options *options, struct error *error)
{
	*backrefs = (struct backrefs){.referents = referents, .roots = roots, .census = census};
	backrefs->shape_count = census->types.count;
	backrefs->shapes = shapes_of_types(referents->shapes, &census->types);
	if (backrefs->shapes && find_nodes(backrefs, options))
		return 0;
	return interrupt_signal ? error_set(error, ERROR_INTERRUPTED, "interrupted")
				: error_set(error, ERROR_FAILED, "out of memory");
}

int backrefs_build(struct backrefs *backrefs, struct referents *referents, const struct roots *roots,
	const struct census *census, const struct backrefs_options *options, struct error *error)
{
	if (backrefs_nodes(backrefs, referents, roots, census, options, error) < 0)
		return -1;
	return find_references(backrefs, options, error);
}

void backrefs_free(struct backrefs *backrefs)
{
	address_map_free(&backrefs->map);
	free(backrefs->address);
	free(backrefs->type);
	free(backrefs->tracked);
	free((void *)backrefs->shapes);
	free(backrefs->first);
	free(backrefs->source);
	*backrefs = (struct backrefs){0};
}

uint32_t backrefs_node(struct backrefs *backrefs, uint64_t address)
{
	return address_number(&backrefs->map, address);
}

uint32_t backrefs_refcount(const struct backrefs *backrefs, uint32_t node, uint32_t unknown)
{
	const struct referents *referents = backrefs->referents;
	uint32_t count;
	bool immortal;

	if (!pyobject_refcount(
		    &referents->python->layout, referents->memory, backrefs->address[node], &count, &immortal) ||
		immortal)
		return unknown;
	return count;
}
