// SPDX-License-Identifier: BSD-2-Clause
#include "tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interrupt.h"

/* With a smaller share of undisturbed time in windows, the rates that they give are a lower bound. */
#define UNDISTURBED_TELLING 0.5
/* CPU seconds below which a window or two may have met anything. */
#define RATE_CPU_LEAST 0.03
/* What slowed windows show is rather too little; of that, so much is sure enough whatever they met. */
#define RATE_SURE 0.5

/* Set in the value of an object that a census did not have: bit 47, which no address has. */
#define ABSENT (1ull << 47)

/*
 * Where births are derived, so many objects of a type may be between two states at the two cuts of an interval, for
 * each GIL: about to be made, dying, or kept by a finalizer that runs.
 */
#define STATES_BETWEEN 4

/* All that the reading of one interval needs. */
struct reading {
	struct tally *tally;
	const struct python *python;
	struct memory *memory;
	const struct sites *sites;
	const struct name_filter *filter;
	const struct tally_means *means;
	size_t interpreters;
	struct events *events;
};

/* A cut that has to be repeated ends an epoch all the same: its highs go to the next. */
static void keep_highs(const struct stream_counts *from, struct stream_counts *to)
{
	for (size_t i = 0; i < to->n; i++) {
		const struct stream_count *earlier = stream_counts_find(from, to->rows[i].type);

		if (earlier && earlier->highest > to->rows[i].highest)
			to->rows[i].highest = earlier->highest;
	}
}

void tally_cut(struct tally *tally, struct tracee *tracee, bool full)
{
	struct cut *cut = &tally->now;
	struct stream_counts earlier = {0};
	bool repeated = cut->valid;

	if (repeated) {
		earlier = cut->counts;
		cut->counts = (struct stream_counts){0};
	}
	cut->valid = tracee_read(tracee, &cut->counts, NULL) == 0;
	if (repeated)
		keep_highs(&earlier, &cut->counts);
	stream_counts_free(&earlier);
	if (full && (tracee_objects(tracee, STREAM_FINALIZED, &cut->finalized, NULL) < 0 ||
			    tracee_objects(tracee, STREAM_CLOSING, &cut->closing, NULL) < 0))
		cut->valid = false;
	if (!full)
		cut->finalized.count = cut->closing.count = 0;
	cut->state = tracee_state(tracee);
	cut->missed = full ? tracee_missed(tracee) : 0;
	cut->time = interrupt_now();
	cut->full = full;
}

static void cut_free(struct cut *cut)
{
	stream_counts_free(&cut->counts);
	stream_objects_free(&cut->finalized);
	stream_objects_free(&cut->closing);
}

static void free_counts(struct type_count *counts, size_t n)
{
	for (size_t i = 0; counts && i < n; i++)
		free(counts[i].name);
	free(counts);
}

void tally_free(struct tally *tally)
{
	cut_free(&tally->now);
	cut_free(&tally->before);
	free_counts(tally->counts, tally->type_count);
	*tally = (struct tally){0};
}

void tally_next(struct tally *tally)
{
	struct cut spare = tally->before;

	tally->before = tally->now;
	tally->now = spare;
	tally->now.valid = false;
}

static int by_type(const void *a, const void *b)
{
	const struct type_count *left = a, *right = b;

	return (left->type > right->type) - (left->type < right->type);
}

/* The name under which a type is shown, malloc'ed; "" when it is not. NULL when out of memory. */
static char *shown_name(const struct name_filter *filter, const struct type_name *name)
{
	char *full = type_name_full(name), *shown;

	if (!full)
		return NULL;
	if (!name_filter_passes(filter, name->name, full))
		shown = strdup("");
	else
		shown = strdup(filter->full_names ? full : name->name);
	free(full);
	return shown;
}

/* All types of the census; NULL when out of memory. */
static struct type_count *type_counts(const struct capture *capture, const struct name_filter *filter)
{
	const struct type_table *types = &capture->census.types;
	struct type_count *counts = calloc(types->count + 1, sizeof(*counts));

	for (size_t i = 0; counts && i < types->count; i++) {
		counts[i] = (struct type_count){
			.type = types->type[i].address,
			.count = types->type[i].count + types->type[i].frozen,
			.name = shown_name(filter, &capture->names[i]),
		};
		if (!counts[i].name) {
			free_counts(counts, i);
			return NULL;
		}
	}
	if (counts && types->count)
		qsort(counts, types->count, sizeof(*counts), by_type);
	return counts;
}

static const struct type_count *find_count(const struct type_count *counts, size_t n, uint64_t type)
{
	struct type_count key = {.type = type};

	return n ? bsearch(&key, counts, n, sizeof(key), by_type) : NULL;
}

static uint64_t count_of(const struct type_count *counts, size_t n, uint64_t type)
{
	const struct type_count *found = find_count(counts, n, type);

	return found ? found->count : 0;
}

/*
 * An object whose last reference is gone is left out of the census, and its death is counted a few instructions later,
 * at the probe: one for each GIL may be between the two. Its death belongs to the interval that ends with this cut, so
 * the next one does not have it again.
 */
static void carry_over(struct cut *cut, uint64_t type, uint64_t deaths_ahead, uint64_t births_early)
{
	struct stream_count *row = (struct stream_count *)stream_counts_find(&cut->counts, type);

	if (!row)
		return;
	row->deaths += deaths_ahead;
	row->births -= births_early;
}

/* Deaths of a type that were counted and have not come to pass are taken back for now. */
static void take_back(struct cut *cut, uint64_t type, uint64_t deaths)
{
	struct stream_count *row = (struct stream_count *)stream_counts_find(&cut->counts, type);

	if (row)
		row->deaths = row->deaths > deaths ? row->deaths - deaths : 0;
}

/* One flag for each of objects: whether the census has it, under the type that it died with. malloc'ed. */
static bool *in_census(const struct stream_objects *objects, const struct census *census)
{
	bool *alive = calloc(objects->count + 1, sizeof(*alive));

	for (size_t i = 0; alive && objects->count && i < census->count; i++) {
		const struct stream_object *object = stream_objects_find(objects, census->address[i]);

		if (object && ALLOC_PROBE_PASSED_TYPE(object->value) == census->types.type[census->type[i]].address)
			alive[object - objects->object] = true;
	}
	return alive;
}

/*
 * Objects with a __del__ that went through tp_dealloc and are alive. One that is not may be on its way from the one to
 * the other: it is forgotten when the next cut does not see it either.
 */
static void take_back_resurrected(const struct reading *reading, struct tracee *tracee, const struct census *census)
{
	struct tally *tally = reading->tally;
	struct stream_objects *finalized = &tally->now.finalized;
	bool *alive = in_census(finalized, census);

	for (size_t i = 0; alive && i < finalized->count; i++) {
		struct stream_object *object = &finalized->object[i];
		const struct stream_object *before = stream_objects_find(&tally->before.finalized, object->address);

		/* Where no birth tells that there is another object by now, its own flag does, unless that has changed.
		 */
		if (alive[i] && (reading->means->has_births ||
					python_is_finalized(reading->python, reading->memory, object->address))) {
			take_back(&tally->now, ALLOC_PROBE_PASSED_TYPE(object->value), 1);
			continue;
		}
		if (before && before->value == (object->value | ABSENT))
			tracee_forget(tracee, STREAM_FINALIZED, object);
		object->value |= ABSENT;
	}
	free(alive);
}

/* Generators and the like that the census finds alive are in the middle of tp_dealloc. */
static void take_back_closing(struct tally *tally, const struct census *census)
{
	struct stream_objects *closing = &tally->now.closing;
	bool *alive = in_census(closing, census);

	for (size_t i = 0; alive && i < closing->count; i++) {
		if (alive[i])
			take_back(&tally->now, ALLOC_PROBE_PASSED_TYPE(closing->object[i].value), 1);
	}
	free(alive);
}

static bool is_untracked(const struct python *python, const struct type_name *name)
{
	if (!name->module || strcmp(name->module, "builtins") != 0)
		return false;
	return strcmp(name->name, "tuple") == 0 ||
	       (strcmp(name->name, "frozenset") == 0 && python->layout.habits.untracks_frozensets) ||
	       (strcmp(name->name, "dict") == 0 && python->layout.habits.untracks_dicts);
}

static int add_sites(const struct sites *all, uint64_t type, struct event *event)
{
	struct allocation_site *sites, *grown;
	ssize_t count = sites_of(all, type, &sites);

	if (count <= 0)
		return (int)count;
	grown = realloc(event->sites, (event->site_count + (size_t)count) * sizeof(*grown));
	if (grown) {
		event->sites = grown;
		memcpy(&grown[event->site_count], sites, (size_t)count * sizeof(*sites));
		event->site_count += (size_t)count;
		for (ssize_t i = 0; i < count; i++)
			event->survivors += sites[i].survivors;
	}
	free(sites);
	return grown ? 0 : -1;
}

/* Births and deaths of a type between two cuts: what was counted, and what follows from it. */
struct change {
	int64_t growth;
	uint64_t births, deaths;
	uint64_t slack; /* so many may be between two states at a cut: one for each GIL; more where events were lost */
	uint64_t ahead; /* deaths that belong to this interval, and will be counted in the next */
	uint64_t early; /* births that were counted and belong to the next */
	bool counted; /* deaths, all of them */
	bool births_derived, deaths_derived;
	bool known; /* births and deaths */
	bool conserved; /* count = count before + births - deaths holds, or nothing is said */
};

/*
 * Deaths of objects that stay tracked follow from conservation where all births are seen: who was there or was born,
 * and is not there, has died. They are counted at fewer places than births: the site may be too dear, or have come too
 * late, or a compiler has copied the function to where it is called. Where more deaths were counted than that, one of
 * the numbers is wrong.
 */
static void derive_deaths(struct change *change)
{
	int64_t died = (int64_t)change->births - change->growth;

	if (died < (int64_t)change->deaths) {
		change->conserved = !change->counted || died + (int64_t)change->slack >= (int64_t)change->deaths;
		return;
	}
	if (change->counted && died == (int64_t)change->deaths)
		return;
	if (change->counted && (uint64_t)died - change->deaths <= change->slack)
		change->ahead = (uint64_t)died - change->deaths;
	change->deaths = (uint64_t)died;
	change->deaths_derived = change->known = true;
}

/*
 * Births follow from it where all deaths are counted. Births are seen when a function is entered that makes an object:
 * one that is not there yet belongs to the next interval. Where more than that were seen, deaths are missing: a
 * compiler has copied the function to where it is called.
 */
static void derive_births(struct change *change)
{
	const int64_t between = (int64_t)change->slack * STATES_BETWEEN;
	int64_t born = change->growth + (int64_t)change->deaths, early;

	if (!change->counted)
		return;
	/* One that is gone, and whose death is counted next. */
	if (born < 0 && born + between >= 0) {
		change->ahead = (uint64_t)-born;
		change->deaths += change->ahead;
		born = 0;
	}
	early = (int64_t)change->births - born;
	change->conserved = born >= 0 && early <= between;
	if (early > 0)
		change->early = (uint64_t)early;
	change->births = (uint64_t)born;
	change->births_derived = true;
}

/* A type that has gone with its last objects: all that is known is that those died which were there before. */
static int add_gone(const struct reading *reading, const struct type_count *gone)
{
	struct event *event = events_get(reading->events, gone->name);

	if (!event)
		return -1;
	event->kinds++;
	event->has_peak = false;
	event->change -= (int64_t)gone->count;
	event->deaths += gone->count;
	event->derived = true;
	event->has_births = reading->means->has_births;
	return 0;
}

/* What happened to one type that is shown. */
/* Among those that grew most, in that order. */
static void add_growing(struct tally *tally, uint64_t type, int64_t growth)
{
	size_t i = tally->growing_count;

	if (i < TALLY_GROWING_MOST)
		tally->growing_count++;
	else if (growth <= tally->growth[--i])
		return;
	for (; i > 0 && growth > tally->growth[i - 1]; i--) {
		tally->growing[i] = tally->growing[i - 1];
		tally->growth[i] = tally->growth[i - 1];
	}
	tally->growing[i] = type;
	tally->growth[i] = growth;
}

static int add_type(const struct reading *reading, uint64_t type, const char *shown, bool untracked, uint64_t count,
	uint64_t frozen)
{
	static const struct stream_count none;
	const struct tally *tally = reading->tally;
	const struct tally_means *means = reading->means;
	const struct stream_count *now = stream_counts_find(&tally->now.counts, type);
	const struct stream_count *before = stream_counts_find(&tally->before.counts, type);
	uint64_t count_before = count_of(tally->counts, tally->type_count, type), highest, seen;
	struct event *event = events_get(reading->events, shown);
	struct change change = {.slack = reading->events->lost ? UINT32_MAX : reading->interpreters, .conserved = true};
	int64_t above;

	if (!event)
		return -1;
	now = now ? now : &none;
	before = before ? before : &none;
	/* Another type was at this address. */
	if (before->life != now->life) {
		const struct type_count *gone = find_count(tally->counts, tally->type_count, type);

		if (gone && *gone->name && add_gone(reading, gone) < 0)
			return -1;
		event = events_get(reading->events, shown);
		before = &none;
		count_before = 0;
	}
	seen = change.births = now->births - before->births;
	change.deaths = now->deaths > before->deaths ? now->deaths - before->deaths : 0;
	change.growth = (int64_t)(count + frozen - count_before);
	change.counted = means->kind == STREAM_FULL && means->counts_deaths(means->context, type);
	change.known = change.counted;
	if (!untracked && means->kind == STREAM_FULL && means->has_births) {
		if (means->sees_all_births)
			derive_deaths(&change);
		else
			derive_births(&change);
	}
	/* Where births are not all seen nothing tells whether all deaths were. */
	if (!means->sees_all_births && (untracked || seen < change.births) &&
		means->may_miss_deaths(means->context, type))
		change.known = false;
	if (change.ahead || change.early)
		carry_over(&reading->tally->now, type, change.ahead, change.early);
	seen -= change.early;
	if (!change.conserved && !reading->events->unconserved++)
		snprintf(reading->events->first_unconserved, sizeof(reading->events->first_unconserved), "%s", shown);
	if (tally->before.valid && change.growth > 0)
		add_growing(reading->tally, type, change.growth);
	above = now->highest - (int64_t)(now->births - now->deaths);
	count_before -= frozen < count_before ? frozen : count_before;
	highest = above > 0 ? count + (uint64_t)above : count;
	event->has_peak = event->has_peak && !event->kinds++ && change.counted && !change.deaths_derived &&
			  (!change.births_derived || change.births == seen);
	/* One that was about to be made at the cut before is no more than was there and was born. */
	if (change.births_derived && highest > count_before + change.births)
		highest = count_before + change.births;
	event->peak = highest > count_before ? highest : count_before;
	event->count += count;
	event->change += change.growth;
	event->births += change.births;
	event->births_seen += seen;
	event->deaths += change.deaths;
	event->derived = event->derived || change.deaths_derived;
	event->births_derived = event->births_derived || change.births_derived;
	event->exact = event->exact && change.known && change.conserved;
	/* Of who was let go the collector's lists do not tell. */
	event->has_births = means->has_births && (means->sees_all_births || !untracked);
	event->untracked = event->untracked || untracked;
	return add_sites(reading->sites, type, event);
}

/* A class may have been freed since the cut, or another object be there: what its memory says then is no name. */
static bool is_type_still(const struct reading *reading, uint64_t type)
{
	uint64_t count;

	return python_is_type(reading->python, reading->memory, type) &&
	       memory_u64(reading->memory, type + (uint64_t)reading->python->layout.object.refcnt, &count) &&
	       (uint32_t)count;
}

/* A type without an object left. `there`: something is still there. */
static int add_emptied(const struct reading *reading, uint64_t type, bool there)
{
	const struct tally *tally = reading->tally;
	const struct type_count *before = find_count(tally->counts, tally->type_count, type);
	struct type_name name = {0};
	char *shown;
	int result = 0;

	if (!there)
		return before && *before->name ? add_gone(reading, before) : 0;
	if (!is_type_still(reading, type) || !typeresolve(reading->python, reading->memory, type, &name)) {
		if (before && *before->name) /* another object is there by now */
			result = add_gone(reading, before);
	} else {
		shown = shown_name(reading->filter, &name);
		if (!shown)
			result = -1;
		else if (*shown)
			result = add_type(reading, type, shown, is_untracked(reading->python, &name), 0, 0);
		free(shown);
	}
	type_name_free(&name);
	return result;
}

/*
 * The types without an object left that had some at the cut before, or of which some were born or died since. Those
 * that are there are objects of the census if they are classes, and lie in files if they are not.
 */
static int add_all_emptied(const struct reading *reading, const struct census *census, const struct type_count *present)
{
	const struct tally *tally = reading->tally;
	struct stream_objects types = {
		.object = calloc(tally->now.counts.n + tally->type_count + 1, sizeof(*types.object))};
	struct mappings mappings;
	int result = types.object ? 0 : -1;

	for (size_t i = 0; i < tally->now.counts.n && result == 0; i++) {
		const struct stream_count *now = &tally->now.counts.rows[i];
		const struct stream_count *before = stream_counts_find(&tally->before.counts, now->type);

		if ((!before || before->births != now->births || before->deaths != now->deaths) &&
			!find_count(present, census->types.count, now->type))
			types.object[types.count++].address = now->type;
	}
	for (size_t i = 0, n = types.count; i < tally->type_count && result == 0; i++) {
		uint64_t type = tally->counts[i].type;
		const struct stream_objects first = {types.object, n, n};

		if (!find_count(present, census->types.count, type) && !stream_objects_find(&first, type))
			types.object[types.count++].address = type;
	}
	stream_objects_sort(&types);
	for (size_t i = 0; types.count && i < census->count; i++) {
		struct stream_object *type = (struct stream_object *)stream_objects_find(&types, census->address[i]);

		if (type)
			type->value = 1;
	}
	if (types.count && process_mappings(&reading->python->target->process, &mappings, NULL) == 0) {
		for (size_t i = 0; i < types.count && result == 0; i++) {
			const struct mapping *mapping = mappings_find(&mappings, types.object[i].address);

			result = add_emptied(
				reading, types.object[i].address, types.object[i].value || (mapping && mapping->inode));
		}
		mappings_free(&mappings);
	}
	stream_objects_free(&types);
	return result;
}

static int add_types(const struct reading *reading, const struct capture *capture)
{
	const struct type_table *types = &capture->census.types;
	struct tally *tally = reading->tally;
	struct type_count *present = type_counts(capture, reading->filter);
	int result = present ? 0 : -1;

	for (size_t i = 0; i < types->count && result == 0; i++) {
		const struct type_count *shown = find_count(present, types->count, types->type[i].address);

		if (*shown->name)
			result = add_type(reading, types->type[i].address, shown->name,
				is_untracked(reading->python, &capture->names[i]), types->type[i].count,
				types->type[i].frozen);
	}
	if (result == 0)
		result = add_all_emptied(reading, &capture->census, present);
	free_counts(tally->counts, tally->type_count);
	tally->counts = present;
	tally->type_count = present ? types->count : 0;
	return result;
}

static void finish_event(const struct tally_means *means, const struct events *events, struct event *event)
{
	if (event->site_count)
		qsort(event->sites, event->site_count, sizeof(*event->sites), sites_compare);
	if (events->kind == STREAM_FULL && events->seconds > 0) {
		event->births_per_second = (double)event->births / events->seconds;
		event->deaths_per_second = (double)event->deaths / events->seconds;
	} else if (events->kind == STREAM_WINDOWS && events->seconds > 0) {
		/* Deaths follow: what was born and is not there has died. */
		int64_t least = event->change > (int64_t)event->births ? event->change : (int64_t)event->births;
		double sure = (double)least / events->seconds, estimated = 0, slowed;

		if (means->used > RATE_CPU_LEAST) {
			slowed = (double)event->births / means->used * means->cpu_share * RATE_SURE;
			if (sure < slowed)
				sure = slowed;
		}
		if (means->undisturbed > RATE_CPU_LEAST && means->undisturbed > means->used * UNDISTURBED_TELLING)
			estimated = (double)event->births / means->undisturbed * means->cpu_share;
		event->at_least = estimated < sure || !means->sees_all_births;
		event->births_per_second = estimated < sure ? sure : estimated;
		event->deaths_per_second = event->births_per_second - (double)event->change / events->seconds;
	}
}

int tally_events(struct tally *tally, struct tracee *tracee, const struct python *python, struct memory *memory,
	const struct sites *sites, const struct capture *capture, const struct name_filter *filter,
	const struct tally_means *means, struct events *events)
{
	uint64_t missed = tally->now.missed > tally->before.missed ? tally->now.missed - tally->before.missed : 0;
	struct tally_means known = *means;
	const struct reading reading = {
		tally, python, memory, sites, filter, &known, capture->census.interpreters, events};
	int result;

	known.sees_all_births = means->sees_all_births && !missed;
	tally->growing_count = 0;

	*events = (struct events){.kind = means->kind};
	if (tally->before.valid) {
		events->seconds = tally->now.time - tally->before.time;
		events->traced = means->kind == STREAM_FULL ? events->seconds : means->traced;
		events->lost = tally->now.state.lost_counts - tally->before.state.lost_counts + missed;
		events->lost_samples = tally->now.state.lost_samples - tally->before.state.lost_samples;
		events->lost_finalized = tally->now.state.lost_finalized - tally->before.state.lost_finalized;
	}
	memory_forget(memory);
	if (tally->now.full) {
		take_back_resurrected(&reading, tracee, &capture->census);
		take_back_closing(tally, &capture->census);
	}
	result = add_types(&reading, capture);
	for (size_t i = 0; i < events->names.size; i++)
		finish_event(means, events, &events->event[i]);
	return result;
}
