// SPDX-License-Identifier: BSD-2-Clause
#include "garbage.h"

#include <stdlib.h>

#include "interrupt.h"
#include "layout.h"
#include "pyobject.h"

/* Nodes between two looks at whether to go on. */
#define STEP 65536

struct collecting {
	struct backrefs *backrefs;
	int64_t *refs; /* by object: references from elsewhere than the objects that are collected */
	bool *reached;
	uint32_t *queue;
	size_t tail;
};

/* Generations 0-2 are collected; the permanent one is not. */
static bool is_collected(const struct backrefs *backrefs, uint32_t node)
{
	return backrefs->tracked[node] == NODE_TRACKED;
}

static bool subtract(void *context, const struct referent *referent)
{
	struct collecting *collecting = context;
	uint32_t to;

	if (referent->kind != REFERENT_VISITED)
		return true;
	to = backrefs_node(collecting->backrefs, referent->to);
	if (to != NODE_NONE)
		collecting->refs[to]--;
	return true;
}

static void reach_node(struct collecting *collecting, uint32_t node)
{
	if (collecting->reached[node] || !is_collected(collecting->backrefs, node))
		return;
	collecting->reached[node] = true;
	collecting->queue[collecting->tail++] = node;
}

static bool reach_referent(void *context, const struct referent *referent)
{
	struct collecting *collecting = context;
	uint32_t to = backrefs_node(collecting->backrefs, referent->to);

	/* By references that are possible only, too: what is alive must not be called garbage. */
	if (to != NODE_NONE)
		reach_node(collecting, to);
	return true;
}

static int walk(struct collecting *collecting, size_t from, struct error *error)
{
	for (size_t head = from; head < collecting->tail; head++) {
		if (head % STEP == 0 && interrupt_signal)
			return error_set(error, ERROR_INTERRUPTED, "interrupted");
		backrefs_referents(collecting->backrefs, collecting->queue[head], reach_referent, collecting);
	}
	return 0;
}

static int subtract_all(struct collecting *collecting, struct error *error)
{
	struct backrefs *backrefs = collecting->backrefs;

	for (uint32_t node = 0; node < backrefs->objects; node++) {
		if (is_collected(backrefs, node))
			/* One that is not known never becomes 0. */
			collecting->refs[node] = backrefs_refcount(backrefs, node, UINT32_MAX);
	}
	for (uint32_t node = 0; node < backrefs->objects; node++) {
		if (node % STEP == 0 && interrupt_signal)
			return error_set(error, ERROR_INTERRUPTED, "interrupted");
		if (is_collected(backrefs, node))
			backrefs_referents(backrefs, node, subtract, collecting);
	}
	return 0;
}

static bool has(const struct backrefs *backrefs, uint32_t node, int32_t slot)
{
	const struct shape *shape = backrefs_shape(backrefs, node);
	uint64_t function;

	return shape && memory_u64(backrefs->referents->memory, shape->type + (uint64_t)slot, &function) && function;
}

/* tp_del of C code: what it leads to stays, and the collector gives up on it (move_legacy_finalizers). */
static int keep_uncollectable(struct collecting *collecting, struct garbage *garbage, struct error *error)
{
	struct backrefs *backrefs = collecting->backrefs;
	size_t from = collecting->tail;

	for (uint32_t node = 0; node < backrefs->objects; node++) {
		if (is_collected(backrefs, node) && !collecting->reached[node] &&
			has(backrefs, node, backrefs->referents->python->layout.type.del))
			reach_node(collecting, node);
	}
	if (walk(collecting, from, error) < 0)
		return -1;
	garbage->uncollectable = collecting->tail - from;
	return 0;
}

static void take_rest(const struct collecting *collecting, struct garbage *garbage)
{
	struct backrefs *backrefs = collecting->backrefs;
	const struct referents *referents = backrefs->referents;

	for (uint32_t node = 0; node < backrefs->objects; node++) {
		if (!is_collected(backrefs, node) || collecting->reached[node])
			continue;
		garbage->found[node] = true;
		garbage->count++;
		if (has(backrefs, node, referents->python->layout.type.finalize) &&
			!python_is_finalized(referents->python, referents->memory, backrefs->address[node]))
			garbage->finalizers++;
	}
}

int garbage_find(struct garbage *garbage, struct backrefs *backrefs, struct error *error)
{
	struct collecting collecting = {.backrefs = backrefs};
	size_t room = (size_t)backrefs->objects + 1;
	int result;

	*garbage = (struct garbage){.found = calloc(room, sizeof(*garbage->found))};
	collecting.refs = calloc(room, sizeof(*collecting.refs));
	collecting.reached = calloc(room, sizeof(*collecting.reached));
	collecting.queue = calloc(room, sizeof(*collecting.queue));
	if (!garbage->found || !collecting.refs || !collecting.reached || !collecting.queue)
		result = error_set(error, ERROR_FAILED, "out of memory");
	else
		result = subtract_all(&collecting, error);
	for (uint32_t node = 0; node < backrefs->objects && result == 0; node++) {
		if (!is_collected(backrefs, node) || !collecting.refs[node])
			continue;
		/* Fewer than were found: what is known of some struct is wrong, or it was caught half-way. */
		garbage->doubtful += collecting.refs[node] < 0;
		reach_node(&collecting, node);
	}
	if (result == 0)
		result = walk(&collecting, 0, error);
	if (result == 0)
		result = keep_uncollectable(&collecting, garbage, error);
	if (result == 0)
		take_rest(&collecting, garbage);
	free(collecting.refs);
	free(collecting.reached);
	free(collecting.queue);
	return result;
}

void garbage_free(struct garbage *garbage)
{
	free(garbage->found);
	garbage->found = NULL;
}

static bool filter(struct backrefs *backrefs, const struct garbage *garbage, struct census *census, bool only)
{
	bool *keep = calloc(census->count + 1, sizeof(*keep));

	if (!keep)
		return false;
	for (size_t i = 0; i < census->count; i++) {
		uint32_t node = backrefs_node(backrefs, census->address[i]);

		keep[i] = (node != NODE_NONE && garbage->found[node]) == only;
	}
	census_keep(census, keep);
	free(keep);
	return true;
}

int garbage_filter(struct garbage *garbage, const struct python *python, struct memory *memory, struct census *census,
	bool only, struct error *error)
{
	const struct backrefs_options options = {.tracked_only = true};
	const struct roots none = {0};
	struct referents referents;
	struct backrefs backrefs;
	int result;

	*garbage = (struct garbage){0};
	if (!referents_open(&referents, python, memory, census))
		return error_set(error, ERROR_FAILED, "out of memory");
	result = backrefs_nodes(&backrefs, &referents, &none, census, &options, error);
	if (result == 0)
		result = garbage_find(garbage, &backrefs, error);
	if (result == 0 && !filter(&backrefs, garbage, census, only))
		result = error_set(error, ERROR_FAILED, "out of memory");
	backrefs_free(&backrefs);
	referents_close(&referents);
	garbage_free(garbage);
	return result;
}
