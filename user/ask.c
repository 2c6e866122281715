// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "inspect.h"
#include "interrupt.h"
#include "same.h"
#include "what.h"

/* Objects that are inspected in one hold. */
#define INSPECT_MOST 1000
/* So many times as many as are asked for, as some will have died. */
#define CANDIDATES 4
#define OLDEST (LAYOUT_GENERATIONS - 1)

int ask_types(struct watch *watch, const struct capture *first, struct error *error)
{
	struct name_filter filter = watch_filter(watch->options, watch->options->full_names);
	struct counts stats = {0};
	struct growth_row *rows = NULL;
	ssize_t count = -1;

	if (typestats(first, &filter, &stats) == 0)
		count = most_common_types(&stats, &rows);
	if (count >= 0)
		render_types(
			watch->render, rows, watch_limit(watch->options, count), watch->options->glob_count > 0, first);
	free(rows);
	counts_free(&stats);
	return count < 0 ? error_set(error, ERROR_FAILED, "out of memory") : 0;
}

void ask_count_of(struct watch *watch, const struct capture *first)
{
	const char *name = watch->options->count_of;
	uint64_t frozen, count = what_count(first, name, &frozen);

	if (!count && frozen)
		render_note("all %llu objects of %s are parked by gc.freeze(), which gc.get_objects() leaves out",
			(unsigned long long)frozen, name);
	else if (!count)
		render_note("no type with objects that the collector tracks is called %s", name);
	render_count_of(watch->render, name, count, first);
}

static void show_rows(
	struct watch *watch, struct newids_row *rows, ssize_t count, double seconds, const struct capture *capture)
{
	const struct options *options = watch->options;

	render_new_ids(watch->render, &(struct newids_report){
					      .rows = rows,
					      .count = watch_limit(options, count),
					      .seconds = seconds,
					      .ids = options->ids,
					      .filtered = options->glob_count > 0,
					      .capture = capture,
				      });
	newids_free(rows, (size_t)count);
}

static int show_new_ids(struct watch *watch, const struct ids *old, const struct ids *current,
	const struct born_between *born, double seconds, const struct capture *capture, struct error *error)
{
	const struct options *options = watch->options;
	struct name_filter filter = watch_filter(options, options->full_names);
	struct newids_row *rows;
	ssize_t count = newids(old, current, born, &filter, options->sort_by, &rows);

	if (count < 0)
		return error_set(error, ERROR_FAILED, "out of memory");
	show_rows(watch, rows, count, seconds, capture);
	return 0;
}

static bool is_same_in_all(void *context, uint64_t id)
{
	const struct ask_files *files = context;
	const struct heap *last = &files->heaps[files->count - 1];
	bool same = !interrupt_signal;

	for (size_t i = 1; i + 1 < files->count && same; i++)
		same = same_object(&files->heaps[i], last, id);
	return same;
}

int ask_new_ids_of(struct watch *watch, const struct ask_files *files, struct error *error)
{
	const struct options *options = watch->options;
	struct name_filter filter = watch_filter(options, options->full_names);
	const struct born_between none = {0};
	size_t last = files->count - 1, others = 0;
	/* What stayed is the answer that three files are asked for. */
	enum newids_column column = last > 1 && !options->sorts ? NEWIDS_NEW : options->sort_by;
	struct newids_row *rows;
	ssize_t count = newids(&files->ids[0], &files->ids[last], &none, &filter, column, &rows);
	int result = count < 0 ? -1 : 0;

	for (size_t i = 1; i < last && result == 0; i++)
		result = newids_stayed(rows, (size_t)count, &files->ids[i], &filter, column);
	if (result == 0 && last > 1)
		others = newids_filter(rows, (size_t)count, is_same_in_all, (void *)files, column);
	if (result < 0 || interrupt_signal) {
		if (count >= 0)
			newids_free(rows, (size_t)count);
		return interrupt_signal ? error_set(error, ERROR_INTERRUPTED, "interrupted")
					: error_set(error, ERROR_FAILED, "out of memory");
	}
	if (last > 1)
		render_note("New_ids: new since the first file and still there in the last, told by id and by looks; "
			    "%zu others lie where one was that looks otherwise",
			others);
	show_rows(watch, rows, count, files->seconds, &files->heaps[last].capture);
	return 0;
}

/* What was born since the look before, as far as it was traced. */
static int find_born(struct watch *watch, const struct capture *capture, struct born_between *born)
{
	struct name_filter all = {0};
	struct events events = {0};
	uint64_t refused;
	int result;

	*born = (struct born_between){0};
	if (!watch->trace)
		return 0;
	result = trace_report(watch->trace, capture, &all, &events);
	born->count = trace_born(watch->trace, &born->address, &refused);
	refused += events.lost + events.lost_samples;
	if (refused)
		render_note("%llu births were not seen: an object at an address of before may count as old",
			(unsigned long long)refused);
	events_free(&events);
	return result;
}

static double time_of_day(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Another look after a while; Ctrl-C ends the while, not the look. */
static int new_ids_after_wait(struct watch *watch, const struct ids *old, struct error *error)
{
	double begin = interrupt_now();
	int result = watch_wait(watch, begin + watch->options->wait, error), signal = interrupt_signal;
	struct ids current = {0};
	struct born_between born;
	struct capture second;

	if (result < 0 && error->code != ERROR_INTERRUPTED)
		return -1;
	interrupt_signal = 0;
	result = watch_look(watch, &second, error);
	if (result == 0) {
		if (ids_of_capture(&second, &current) < 0 || find_born(watch, &second, &born) < 0)
			result = error_set(error, ERROR_FAILED, "out of memory");
		else
			result = show_new_ids(watch, old, &current, &born, interrupt_now() - begin, &second, error);
		ids_free(&current);
		capture_free(&second);
	}
	if (result == 0 && signal) {
		interrupt_signal = signal;
		return error_set(error, ERROR_INTERRUPTED, "interrupted");
	}
	return result;
}

static void clock_text(double time, char text[24])
{
	time_t seconds = (time_t)time;
	struct tm local;

	localtime_r(&seconds, &local);
	strftime(text, 24, "%Y-%m-%d %H:%M:%S", &local);
}

/* Which two looks are compared. */
static void note_times(const struct idstate *state)
{
	char old[24], current[24];

	clock_text(state->old_time, old);
	clock_text(state->current_time, current);
	render_note("new ids of process %d at %s, beside %s", state->pid, current, old);
}

/* This look beside the last one of an earlier run. */
static int new_ids_since_state(struct watch *watch, struct ids *now, const struct capture *capture, struct error *error)
{
	struct idstate *state = &watch->state;
	const struct process *process = &watch->target.process;
	const struct born_between none = {0};
	double time = time_of_day(), seconds = state->current_time > 0 ? time - state->current_time : 0;

	if (!state->pid) {
		state->pid = process->pid;
		process_identity(process, state->identity);
		state->executable = strdup(watch->target.executable);
		if (!state->executable)
			return error_set(error, ERROR_FAILED, "out of memory");
	}
	ids_free(&state->old);
	state->old = state->current;
	state->old_time = state->current_time;
	state->current = *now;
	state->current_time = time;
	*now = (struct ids){0};
	if (state->old_time > 0)
		note_times(state);
	if (show_new_ids(watch, &state->old, &state->current, &none, seconds, capture, error) < 0 ||
		idstate_save(state, watch->options->state, error) < 0)
		return -1;
	if (state->old_time <= 0)
		render_note("this is the first look in %s: all is new; run it again to see what is new since",
			watch->options->state);
	return 0;
}

int ask_new_ids(struct watch *watch, const struct capture *first, struct error *error)
{
	struct born_between before;
	struct ids ids;
	int result;

	if (ids_of_capture(first, &ids) < 0 || find_born(watch, first, &before) < 0)
		return error_set(error, ERROR_FAILED, "out of memory");
	result = watch->options->state ? new_ids_since_state(watch, &ids, first, error)
				       : new_ids_after_wait(watch, &ids, error);
	ids_free(&ids);
	return result;
}

/* The last comparison once more, from the file alone. */
int ask_state(struct watch *watch, struct error *error)
{
	const struct idstate *state = &watch->state;
	const struct born_between none = {0};

	if (watch->options->pid && watch->options->pid != state->pid)
		return error_set(error, ERROR_FAILED, "state file %s is about another process: %d",
			watch->options->state, state->pid);
	render_about(watch->render, state->pid);
	if (state->old_time > 0)
		note_times(state);
	return show_new_ids(watch, &state->old, &state->current, &none,
		state->old_time > 0 ? state->current_time - state->old_time : 0, NULL, error);
}

/* --- what is at an address --- */

struct inspection {
	const struct watch *watch;
	struct memory *memory;
	struct referents referents; /* open with JSON, which alone lists them */
	struct inspected *object;
	size_t count;
	bool failed; /* out of memory */
	bool late; /* the hold was over before all was read */
};

/*
 * Objects of a type, in the order of gc.get_objects(): the first, and as many of the oldest, which are likely to be
 * there at the next cut. Not more than most.
 */
static ssize_t candidates(const struct capture *capture, const char *name, struct inspected *objects, size_t most)
{
	const struct census *census = &capture->census;
	bool *wanted = calloc(census->types.count + 1, sizeof(*wanted));
	size_t all = 0, first = 0, old = 0, count = 0;

	if (!wanted)
		return -1;
	for (size_t i = 0; i < census->types.count; i++) {
		wanted[i] = what_is_called(&capture->names[i], name);
		all += wanted[i] ? census->types.type[i].count : 0;
	}
	for (size_t i = 0; i < census->segment_count; i++) {
		const struct census_segment *segment = &census->segments[i];

		if (segment->generation == GENERATION_PERMANENT)
			continue;
		for (size_t k = segment->first; k < segment->first + segment->count && count < most; k++) {
			if (!wanted[census->type[k]])
				continue;
			if (all > most && first >= most / 2 && (segment->generation != OLDEST || old++ >= most / 2))
				continue;
			objects[count++].address = census->address[k];
			first++;
		}
	}
	free(wanted);
	return (ssize_t)count;
}

/* While the target is held, and again when that moment did not suit. */
static void read_objects(void *context, const volatile bool *stop)
{
	struct inspection *inspection = context;
	const struct watch *watch = inspection->watch;
	const struct python *python = watch->heap ? &watch->heap->python : &watch->python;

	memory_forget(inspection->memory);
	inspection->failed = inspection->late = false;
	for (size_t i = 0; i < inspection->count && !inspection->failed && !inspection->late; i++) {
		inspection->failed = inspect_read(python, inspection->memory, &inspection->object[i]) < 0 ||
				     (inspection->referents.shapes &&
					     inspect_referents(&inspection->referents, &inspection->object[i]) < 0);
		inspection->late = *stop || interrupt_signal;
	}
}

/* Objects of a file, which nobody changes. */
static int inspect_heap(const struct watch *watch, struct inspection *inspection, struct error *error)
{
	static const volatile bool never;

	inspection->memory = watch->heap->memory;
	if (watch->options->json && !referents_open(&inspection->referents, &watch->heap->python, inspection->memory,
					    &watch->heap->capture.census))
		return error_set(error, ERROR_FAILED, "out of memory");
	read_objects(inspection, &never);
	referents_close(&inspection->referents);
	if (interrupt_signal)
		return error_set(error, ERROR_INTERRUPTED, "interrupted");
	if (inspection->failed ||
		inspect_place(inspection->object, inspection->count, &watch->heap->capture.census) < 0)
		return error_set(error, ERROR_FAILED, "out of memory");
	return 0;
}

static int inspect(struct watch *watch, const struct capture *first, struct inspection *inspection, struct error *error)
{
	struct capture_options options = {
		.max_pause_ms = watch->options->max_pause_ms, .at_cut = read_objects, .context = inspection};
	struct capture capture;
	int result;

	inspection->memory = memory_new(watch->target.process.pid, NULL);
	if (!inspection->memory || (watch->options->json && !referents_open(&inspection->referents, &watch->python,
								    inspection->memory, &first->census))) {
		memory_free(inspection->memory);
		return error_set(error, ERROR_FAILED, "out of memory");
	}
	result = capture_take(&watch->python, &options, &capture, error);
	referents_close(&inspection->referents);
	memory_free(inspection->memory);
	if (result < 0 && error->code == ERROR_DEADLINE && inspection->late)
		return error_set(error, ERROR_DEADLINE,
			"process %d was released before %zu objects were read: ask for fewer, or allow more than "
			"--max-pause %g",
			watch->options->pid, inspection->count, watch->options->max_pause_ms);
	if (result < 0)
		return -1;
	if (inspect_place(inspection->object, inspection->count, &capture.census) < 0)
		inspection->failed = true;
	capture_free(&capture);
	return inspection->failed ? error_set(error, ERROR_FAILED, "out of memory") : 0;
}

/* What was asked for by name: those of its candidates that are still there, up to the limit. */
struct asked {
	const char *name;
	size_t first, count;
	uint64_t frozen; /* objects of it that gc.freeze() has parked */
};

/* How many of the addresses hold no object. */
static size_t show_addresses(const struct watch *watch, const struct inspection *inspection, size_t named)
{
	size_t missing = 0;

	for (size_t i = 0; i < named; i++) {
		const struct inspected *object = &inspection->object[i];

		missing += !object->is_object;
		if (object->is_object)
			render_object(watch->render, object, watch->options->full_names);
		else
			render_note("0x%llx: no object is there", (unsigned long long)object->address);
	}
	return missing;
}

/* Whether there was one. */
static bool show_asked(
	const struct watch *watch, const struct inspection *inspection, const struct asked *asked, size_t limit)
{
	size_t shown = 0;

	for (size_t i = asked->first; i < asked->first + asked->count && shown < limit; i++) {
		const struct inspected *object = &inspection->object[i];

		/* The census was of another moment: what the collector has no more died since, whatever it looks like.
		 */
		if (!object->is_object || object->generation < 0 || !what_is_called(&object->type, asked->name))
			continue;
		render_object(watch->render, object, watch->options->full_names);
		shown++;
	}
	if (!asked->count && strncasecmp(asked->name, "0x", 2) == 0)
		render_note("%s is neither an address nor the name of a type", asked->name);
	else if (!asked->count && asked->frozen)
		render_note("all %llu objects of %s are parked by gc.freeze(), which gc.get_objects() leaves out; by "
			    "address they are shown",
			(unsigned long long)asked->frozen, asked->name);
	else if (!asked->count)
		render_note(
			"no object that the collector tracks is a %s; --types lists what there is (str, int and other "
			"types that hold nothing are never tracked: give an address)",
			asked->name);
	else if (!shown)
		render_note("%s: all that were looked at died before they could be read", asked->name);
	return shown;
}

/* Sorts what was asked for into addresses, first, and candidates for each name. -1 when out of memory. */
static int find_objects(const struct watch *watch, const struct capture *first, struct inspection *inspection,
	struct asked *asked, size_t most)
{
	const struct options *options = watch->options;
	uint64_t address;
	size_t names = 0;

	for (size_t i = 0; i < options->what_count; i++) {
		if (what_is_address(options->what[i], &address))
			inspection->object[inspection->count++].address = address;
	}
	for (size_t i = 0; i < options->what_count; i++) {
		ssize_t found;

		if (what_is_address(options->what[i], &address))
			continue;
		found = candidates(first, options->what[i], inspection->object + inspection->count, most);
		if (found < 0)
			return -1;
		asked[names] = (struct asked){options->what[i], inspection->count, (size_t)found, 0};
		what_count(first, options->what[i], &asked[names++].frozen);
		inspection->count += (size_t)found;
	}
	return 0;
}

/* Addresses first, then what was asked for by type. */
int ask_inspect(struct watch *watch, const struct capture *first, struct error *error)
{
	const struct options *options = watch->options;
	size_t limit = options->limit && options->limit < INSPECT_MOST ? options->limit : INSPECT_MOST;
	size_t named = 0, missing = 0, most = limit * CANDIDATES < INSPECT_MOST ? limit * CANDIDATES : INSPECT_MOST;
	struct inspection inspection = {.watch = watch};
	struct asked *asked = calloc(options->what_count + 1, sizeof(*asked));
	uint64_t address;
	int result = 0;

	for (size_t i = 0; i < options->what_count; i++)
		named += what_is_address(options->what[i], &address);
	inspection.object = calloc(named + (options->what_count - named) * most + 1, sizeof(*inspection.object));
	if (!inspection.object || !asked || find_objects(watch, first, &inspection, asked, most) < 0)
		result = error_set(error, ERROR_FAILED, "out of memory");
	if (result == 0 && inspection.count)
		result = watch->heap ? inspect_heap(watch, &inspection, error)
				     : inspect(watch, first, &inspection, error);
	if (result == 0) {
		missing = show_addresses(watch, &inspection, named);
		for (size_t i = 0; i < options->what_count - named; i++)
			missing += !show_asked(watch, &inspection, &asked[i], limit);
		if (missing)
			result = error_set(
				error, ERROR_FAILED, "%zu of %zu were not found", missing, options->what_count);
	}
	inspect_free(inspection.object, inspection.count);
	free(asked);
	return result;
}
