// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "ask_references.h"

#include <stdlib.h>
#include <string.h>

#include "backrefs.h"
#include "chain.h"
#include "drawing.h"
#include "garbage.h"
#include "interrupt.h"
#include "leaks.h"
#include "leaks.h"
#include "neighbours.h"
#include "what.h"

/* Objects of one name that are asked about at most, and nodes of one graph. */
#define OBJECTS_MOST 100
#define NODES_MOST 1000
#define PROGRESS_SECONDS 0.5

/* What every question needs. */
struct question {
	struct watch *watch;
	struct capture *look;
	struct referents referents;
	struct roots roots;
	struct backrefs backrefs;
	struct garbage garbage; /* once it is asked for */
	uint64_t *targets;
	size_t target_count, missing; /* of what was asked for, missing was not found */
	uint64_t *ahead; /* what --refs will show */
	size_t ahead_count;
};

struct progress {
	double begin;
	bool shown;
};

static void tell_progress(void *context, uint64_t done, uint64_t all)
{
	struct progress *progress = context;

	if (interrupt_now() - progress->begin < PROGRESS_SECONDS)
		return;
	render_progress("looking at references", done, all);
	progress->shown = true;
}

/* --- what is asked about --- */

static bool is_object(struct question *question, uint64_t address)
{
	return shapes_of_object(question->referents.shapes, address) != NULL;
}

static int find_named(struct question *question, const char *name)
{
	const struct options *options = question->watch->options;
	size_t most = options->limit && options->limit < OBJECTS_MOST ? options->limit : OBJECTS_MOST;
	uint64_t frozen, all = what_count(question->look, name, &frozen);
	ssize_t found;
	char *like;

	found = what_newest(question->look, name, question->targets + question->target_count, most);
	if (found < 0)
		return -1;
	question->target_count += (size_t)found;
	question->missing += !found;
	if ((uint64_t)found < all)
		render_note("%llu objects are a %s: %zd of the youngest %s shown (%s)", (unsigned long long)all, name,
			found, found == 1 ? "is" : "are", most == OBJECTS_MOST ? "no more at a time" : "--limit");
	if (found)
		return 0;
	like = what_suggest(question->look, name);
	if (frozen)
		render_note("all %llu objects of %s are parked by gc.freeze(): give an address",
			(unsigned long long)frozen, name);
	else
		render_note("no object that the collector tracks is a %s%s%s", name,
			like && *like ? "; there are: " : "; --types lists what there is", like ? like : "");
	free(like);
	return 0;
}

static int find_targets(struct question *question)
{
	const struct options *options = question->watch->options;
	uint64_t address;

	question->targets = calloc(options->what_count * OBJECTS_MOST + 1, sizeof(*question->targets));
	if (!question->targets)
		return -1;
	for (size_t i = 0; i < options->what_count; i++) {
		if (!what_is_address(options->what[i], &address)) {
			if (find_named(question, options->what[i]) < 0)
				return -1;
		} else if (is_object(question, address)) {
			question->targets[question->target_count++] = address;
		} else {
			render_note("0x%llx: no object is there", (unsigned long long)address);
			question->missing++;
		}
	}
	return 0;
}

/* --- graphs --- */

static void tell_picture(const char *picture, const struct graph *graph)
{
	if (!graph->left_out)
		render_note("%s: %zu objects, %zu references", picture, graph->node_count, graph->edge_count);
	else
		render_note("%s: %zu objects, %zu references, cut at %zu objects: at least %zu more %s not shown",
			picture, graph->node_count, graph->edge_count, graph->node_count, graph->left_out,
			graph->left_out == 1 ? "is" : "are");
}

static int show_graph(struct question *question, struct graph *graph, struct error *error)
{
	const struct options *options = question->watch->options;
	const char *picture = options_picture(options);

	graph->refcounts = options->refcounts;
	if (!picture && options->output && !options->json && strchr(options->output, '.'))
		render_note(
			"%s: a tree, as text; pictures end in .svg, .png or .pdf, their text in .dot", options->output);
	if (!picture || options->json)
		render_graph(question->watch->render, graph);
	if (!picture)
		return 0;
	if (drawing_write(graph, picture, drawing_format(picture), error) < 0)
		return -1;
	tell_picture(picture, graph);
	return 0;
}

static struct neighbours neighbours_of(const struct question *question, const struct name_filter *filter)
{
	const struct options *options = question->watch->options;

	return (struct neighbours){
		.targets = question->targets,
		.target_count = question->target_count,
		.backwards = options->mode == MODE_BACKREFS,
		.max_depth = options->max_depth,
		.too_many = options->too_many,
		.filter = filter,
		.merge_dicts = options->merge_dicts,
		.limit = NODES_MOST,
	};
}

static int ask_neighbours(struct question *question, struct error *error)
{
	const struct options *options = question->watch->options;
	struct name_filter filter = {options->full_names, options->filters, options->filter_count};
	struct neighbours neighbours = neighbours_of(question, &filter);
	struct graph graph = {0};
	int result = neighbours_graph(&question->backrefs, &neighbours, &graph, error);

	if (result == 0 && options->filter_count && !graph.edge_count)
		render_note("no neighbour is of a type that --filter names");
	if (result == 0)
		result = show_graph(question, &graph, error);
	graph_free(&graph);
	return result;
}

/* Whether nothing but other garbage leads to it. */
static int is_garbage(struct question *question, uint32_t node, bool *is, struct error *error)
{
	if (!question->garbage.found && garbage_find(&question->garbage, &question->backrefs, error) < 0)
		return -1;
	*is = question->garbage.found[node];
	return 0;
}

static int find_chains(
	struct question *question, uint32_t node, struct chains *chains, bool *garbage, struct error *error)
{
	const struct options *options = question->watch->options;
	size_t most = options->chains ? options->chains : 1;

	*garbage = false;
	if (chains_find(&question->backrefs, node, most, false, chains, error) < 0)
		return -1;
	if (chains->count || is_garbage(question, node, garbage, error) < 0 || *garbage)
		return chains->count || *garbage ? 0 : -1;
	chains_free(chains);
	return chains_find(&question->backrefs, node, most, true, chains, error);
}

/* The ways to one object, drawn into the picture of all, and added to the list. */
static int ask_chains_of(struct question *question, uint64_t address, struct picture *picture,
	struct chains_report *report, struct error *error)
{
	uint32_t node = backrefs_node(&question->backrefs, address);
	struct chains_of *of = &report->objects[report->count];
	int result;

	if (node == NODE_NONE)
		return 0;
	of->address = address;
	result = find_chains(question, node, &of->chains, &of->garbage, error);
	report->count++;
	for (size_t i = 0; i < of->chains.count && result == 0; i++)
		chain_draw(&of->chains.chain[i], picture);
	if (result == 0 && !of->chains.count)
		chain_draw_target(node, picture);
	return result;
}

static int ask_chain(struct question *question, struct error *error)
{
	const struct options *options = question->watch->options;
	struct graph graph = {.backwards = true};
	struct picture picture = {.backrefs = &question->backrefs,
		.graph = &graph,
		.full_names = options->full_names,
		.limit = NODES_MOST};
	struct chains_report report = {
		.objects = calloc(question->target_count + 1, sizeof(*report.objects)), .asked = options->chains};
	int result = report.objects ? 0 : error_set(error, ERROR_FAILED, "out of memory");

	for (size_t i = 0; i < question->target_count && result == 0; i++)
		result = ask_chains_of(question, question->targets[i], &picture, &report, error);
	if (result == 0 && picture.failed)
		result = error_set(error, ERROR_FAILED, "out of memory");
	if (result == 0)
		render_chains(question->watch->render, &report);
	if (result == 0 && (options_picture(options) || options->json))
		result = show_graph(question, &graph, error);
	for (size_t i = 0; i < report.count; i++)
		chains_free(&report.objects[i].chains);
	free(report.objects);
	picture_free(&picture);
	graph_free(&graph);
	return result;
}

/* --- all of them --- */

/* What is referred to, or a __dict__ that is merged, need not be tracked: it becomes part of the index all the same. */
static int look_ahead(struct question *question)
{
	const struct name_filter all = {0};
	struct neighbours neighbours = neighbours_of(question, &all);

	question->ahead = (neighbours.backwards ? neighbours_dicts : neighbours_ahead)(
		&question->referents, &neighbours, &question->ahead_count);
	return question->ahead ? 0 : -1;
}

static bool needs_ahead(const struct options *options)
{
	return options->mode == MODE_REFS || (options->mode == MODE_BACKREFS && options->merge_dicts);
}

static int build(struct question *question, const struct python *python, struct memory *memory, struct error *error)
{
	struct progress progress = {interrupt_now(), false};
	struct backrefs_options options = {.progress = tell_progress, .context = &progress};
	int result;

	if (!referents_open(&question->referents, python, memory, &question->look->census) ||
		roots_find(&question->roots, &question->referents, &question->look->census) < 0 ||
		find_targets(question) < 0)
		return error_set(error, ERROR_FAILED, "out of memory");
	if (question->watch->options->mode != MODE_LEAKS && !question->target_count)
		return 0;
	if (needs_ahead(question->watch->options) && look_ahead(question) < 0)
		return error_set(error, ERROR_FAILED, "out of memory");
	options.wanted = question->ahead ? question->ahead : question->targets;
	options.wanted_count = question->ahead ? question->ahead_count : question->target_count;
	result = backrefs_build(
		&question->backrefs, &question->referents, &question->roots, &question->look->census, &options, error);
	if (progress.shown)
		render_progress("looking at references", 0, 0);
	if (result == 0 && question->backrefs.unreadable)
		render_note("%zu pieces of objects could not be read: references that lie there are missing",
			question->backrefs.unreadable);
	return result;
}

static int ask_leaks(struct question *question, struct error *error)
{
	const struct options *options = question->watch->options;
	struct leaks leaks;
	int result = leaks_find(&leaks, &question->backrefs, &question->look->registers, error);

	if (result == 0 && question->look->partial && leaks.count)
		render_note("the process has written more than was copied, which is what objects lead to: what is "
			    "held from elsewhere alone is among these");
	if (result == 0 && !question->look->registers.known && leaks.count)
		render_note("the file does not have the threads' registers: what a thread was working with may be "
			    "among these, with one missing");
	if (result == 0)
		render_leaks(question->watch->render, &(struct leaks_report){
							      .leaks = &leaks,
							      .capture = question->look,
							      .limit = options->limit,
							      .full_names = options->full_names,
						      });
	leaks_free(&leaks);
	return result;
}

static int answer(struct question *question, struct error *error)
{
	const struct options *options = question->watch->options;

	switch (options->mode) {
	case MODE_BACKREFS:
	case MODE_REFS:
		return ask_neighbours(question, error);
	case MODE_CHAIN:
		return ask_chain(question, error);
	default:
		return ask_leaks(question, error);
	}
}

int ask_references(struct watch *watch, struct capture *look, struct error *error)
{
	const struct python *python = watch->heap ? &watch->heap->python : &watch->python;
	struct memory *memory = watch->heap ? watch->heap->memory : look->memory;
	struct question question = {.watch = watch, .look = look};
	int result = build(&question, python, memory, error);

	if (result == 0 && question.backrefs.first)
		result = answer(&question, error);
	if (result == 0 && question.missing)
		result = error_set(
			error, ERROR_FAILED, "%zu of %zu were not found", question.missing, watch->options->what_count);
	garbage_free(&question.garbage);
	backrefs_free(&question.backrefs);
	roots_free(&question.roots);
	referents_close(&question.referents);
	free(question.targets);
	free(question.ahead);
	return result;
}
