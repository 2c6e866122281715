// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "watch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ask.h"
#include "ask_references.h"
#include "interrupt.h"
#include "load.h"
#include "replace.h"
#include "save.h"

/* A Python that has just been started needs a moment until it looks like one. */
#define START_PATIENCE 2.0
/* Between two looks there is at least this share of what a look takes. */
#define LOOK_PAUSE 0.1
/* Of the target's children, in the note about them. */
#define CHILDREN_SHOWN 8

static int open_python(struct watch *watch, struct error *error)
{
	struct memory *memory;
	int result;

	watch->found = watch->stopped = false;
	if (target_open(&watch->target, watch->options->pid, error) < 0)
		return -1;
	watch->found = true;
	memory = memory_new(watch->options->pid, NULL);
	result = memory ? python_open(&watch->python, &watch->target, memory, error)
			: error_set(error, ERROR_FAILED, "out of memory");
	memory_free(memory);
	if (result < 0) {
		watch->stopped = process_state(&watch->target.process) == 'T';
		/* Who holds it in mid-update is the reason, not what its memory looks like. */
		if (error->code == ERROR_AGAIN)
			process_untraced(&watch->target.process, watch->options->pid, error);
		target_close(&watch->target);
	}
	return result;
}

static int attach(struct watch *watch, struct error *error)
{
	double begin = interrupt_now(), wait = 0.002;

	while (open_python(watch, error) < 0) {
		struct error last = *error;
		/* One that was caught in the middle of an exec is another program by now, which may be the Python
		 * meant. */
		bool became_another = error->code == ERROR_TARGET_ENDED && kill(watch->options->pid, 0) == 0;

		if (error->code != ERROR_AGAIN && error->code != ERROR_BUSY && !became_another)
			return -1;
		if (error->code == ERROR_BUSY && interrupt_now() - begin > START_PATIENCE)
			return -1;
		if (interrupt_now() - begin > START_PATIENCE && watch->stopped)
			return process_stopped_error(watch->options->pid, last.text, error);
		if (interrupt_now() - begin > START_PATIENCE && !watch->found)
			return error_set(error, ERROR_FAILED, "%s", last.text);
		if (interrupt_now() - begin > START_PATIENCE)
			return error_set(error, ERROR_FAILED,
				"process %d does not look like the Python that it says it is: %s; no number of it "
				"would be certain",
				watch->options->pid, last.text);
		if (!interrupt_sleep_until(interrupt_now() + wait))
			return error_set(error, ERROR_INTERRUPTED, "interrupted");
		if (wait < 0.1)
			wait *= 2;
	}
	return 0;
}

/* Begins to trace where it is wanted and can be had; without, the census goes on alone. */
static int start_trace(struct watch *watch, struct error *error)
{
	const struct options *options = watch->options;
	bool growth = options->mode == MODE_GROWTH && options->count != 0;
	bool new_ids = options->mode == MODE_NEW_IDS && !options->state;
	const struct trace_options trace = {.budget = options->budget,
		.max_pause_ms = options->max_pause_ms,
		.note = render_note,
		.births = new_ids};

	/* What nobody would see is not traced. */
	bool shown = options->sites || options->rates || options->json || options->budget >= 100;

	if (!(growth && shown) && !new_ids)
		return 0;
	if (options->budget <= 0)
		return 0;
	watch->trace = trace_open(&watch->python, &trace, error);
	if (watch->trace)
		return 0;
	if (error->code == ERROR_TARGET_ENDED || error->code == ERROR_INTERRUPTED)
		return -1;
	render_note("births and deaths are not traced: %s; the census goes on", error->text);
	return 0;
}

/* Who is made most comes first. */
static int by_rate(const void *a, const void *b, void *context)
{
	const struct growth_row *left = a, *right = b;
	double x = events_find(context, left->name)->births_per_second;
	double y = events_find(context, right->name)->births_per_second;

	return (x < y) - (x > y);
}

/* Adds the types that did not grow but of which objects were born or died since the table before. */
static bool add_eventful(const struct events *events, struct growth_row **rows, ssize_t *count)
{
	struct growth_row *all = realloc(*rows, ((size_t)*count + events->names.size + 1) * sizeof(*all));
	size_t grown = (size_t)*count;

	if (!all)
		return false;
	*rows = all;
	for (size_t i = 0; i < events->names.size; i++) {
		const struct event *event = &events->event[i];
		/* Where nothing can be told, there is nothing to show. */
		bool listed =
			events->kind == STREAM_FULL ? !event->births && !event->deaths : event->births_per_second <= 0;

		for (size_t k = 0; k < grown && !listed; k++)
			listed = strcmp(all[k].name, events->names.entry[i].name) == 0;
		if (!listed)
			all[(*count)++] = (struct growth_row){events->names.entry[i].name, event->count, 0};
	}
	qsort_r(all + grown, (size_t)*count - grown, sizeof(*all), by_rate, (void *)events);
	return true;
}

/* Raises both peak tables, and shows the growth of the one that is asked for. */
int watch_growth(struct watch *watch, const struct capture *capture, unsigned long seq, struct error *error)
{
	const struct options *options = watch->options;
	struct name_filter filter = watch_filter(options, options->full_names),
			   other = watch_filter(options, !options->full_names);
	struct counts *shown = options->full_names ? &watch->peaks.full_names : &watch->peaks.names;
	struct counts *hidden = options->full_names ? &watch->peaks.names : &watch->peaks.full_names;
	struct counts stats = {0}, other_stats = {0};
	struct events events = {0};
	struct growth_row *rows = NULL, *other_rows = NULL;
	ssize_t count = -1, grown;
	int result = 0;

	if (typestats(capture, &filter, &stats) == 0)
		count = growth(&stats, shown, !options->skip_update, &rows);
	if (count >= 0 && options->peaks && !options->skip_update &&
		(typestats(capture, &other, &other_stats) < 0 || growth(&other_stats, hidden, true, &other_rows) < 0))
		count = -1;
	if (count >= 0 && watch->trace && trace_report(watch->trace, capture, &filter, &events) < 0)
		count = -1;
	grown = count;
	if (count >= 0 && seq && ((options->json && events.kind == STREAM_FULL) || options->rates) &&
		!add_eventful(&events, &rows, &count))
		count = -1;
	if (count < 0) {
		result = error_set(error, ERROR_FAILED, "out of memory");
	} else {
		struct growth_report report = {
			.seq = seq,
			.rows = rows,
			.count = watch_limit(options, count),
			.grown = (size_t)grown,
			.capture = capture,
			.events = watch->trace && seq ? &events : NULL,
			.sites = options->sites,
			.rates = options->rates,
			.peaks = watch->compares ? options->peaks : NULL,
			.filtered = options->glob_count > 0,
			.matched = stats.size,
		};

		render_growth(watch->render, &report);
		if (options->peaks && !options->skip_update)
			result = peaks_save(&watch->peaks, options->peaks, error);
	}
	free(rows);
	free(other_rows);
	counts_free(&stats);
	counts_free(&other_stats);
	events_free(&events);
	return result;
}

static int one_table(struct watch *watch, unsigned long seq, struct error *error)
{
	struct capture capture;
	int result = watch_look(watch, &capture, error);

	/* What a later look cannot do is said, and tried again at the next: a night's watch goes on. */
	if (result < 0 && seq && (error->code == ERROR_FAILED || error->code == ERROR_DEADLINE)) {
		render_note("table %lu is left out: %s", seq, error->text);
		return 0;
	}
	if (result == 0) {
		result = watch_growth(watch, &capture, seq, error);
		capture_free(&capture);
	}
	return result;
}

static int run_growth(struct watch *watch, struct capture *first, struct error *error)
{
	const struct options *options = watch->options;
	double next, begin;
	int result;

	begin = next = interrupt_now();
	result = watch_growth(watch, first, 0, error);
	for (unsigned long seq = 1; result == 0; seq++) {
		double now;

		if (options->count >= 0 && seq > (unsigned long)options->count)
			break;
		result = render_status(watch->render, error);
		if (result)
			return result < 0 ? -1 : 0;
		next += options->interval;
		now = interrupt_now();
		/* A look took longer than the interval: some of the time is for tracing, and for the target. */
		if (next < now + LOOK_PAUSE * (now - begin))
			next = now + LOOK_PAUSE * (now - begin);
		result = watch_wait(watch, next, error);
		begin = interrupt_now();
		if (result == 0)
			result = one_table(watch, seq, error);
	}
	return result;
}

/* Who watches the parent of a server's workers sees little: it is they who do the work. */
static void note_children(const struct watch *watch)
{
	pid_t children[CHILDREN_SHOWN];
	size_t count = process_children_alike(&watch->target.process, children, CHILDREN_SHOWN);
	char list[CHILDREN_SHOWN * 12] = "";

	for (size_t i = 0; i < count && i < CHILDREN_SHOWN; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), " %d", children[i]);
	if (count)
		render_note("it has %zu child%s running the same program, each watched by its own -p:%s%s", count,
			count == 1 ? "" : "ren", list, count > CHILDREN_SHOWN ? " ..." : "");
}

static int run(struct watch *watch, struct error *error)
{
	struct capture first;
	struct threads threads;
	int result = start_trace(watch, error);

	if (watch->options->save) {
		process_identity(&watch->target.process, watch->identity);
		process_address_space(&watch->target.process, watch->address_space);
	}
	if (result == 0)
		result = watch_look(watch, &first, error);
	if (result < 0)
		return -1;
	/* When it ended just now, what was measured is shown all the same. */
	if (process_threads(&watch->target.process, &threads, NULL) == 0)
		free(threads.thread);
	watch->threads = threads.count;
	watch->usdt = (watch->options->json || watch->options->save) && target_has_usdt(&watch->target);
	render_attached(watch->render, &(struct attached){
					       .target = &watch->target,
					       .usdt = watch->usdt,
					       .threads = watch->threads,
					       .budget = watch->trace ? watch->options->budget : 0,
					       .capture = &first,
				       });
	if (watch->options->mode == MODE_GROWTH && watch->options->count != 0)
		note_children(watch);
	switch (watch->options->mode) {
	case MODE_TYPES:
		result = ask_types(watch, &first, error);
		break;
	case MODE_COUNT_OF:
		ask_count_of(watch, &first);
		break;
	case MODE_NEW_IDS:
		result = ask_new_ids(watch, &first, error);
		break;
	case MODE_INSPECT:
		result = ask_inspect(watch, &first, error);
		break;
	case MODE_SAVE:
		result = save(watch, &first, error);
		break;
	case MODE_BACKREFS:
	case MODE_REFS:
	case MODE_CHAIN:
	case MODE_LEAKS:
		result = ask_references(watch, &first, error);
		break;
	case MODE_GROWTH:
		result = run_growth(watch, &first, error);
		break;
	}
	capture_free(&first);
	return result;
}

int watch_run(const struct options *options, struct render *render, struct error *error)
{
	struct watch watch = {.options = options, .render = render};
	int result = 0;

	if (options->peaks && !options->skip_update)
		result = replace_check("peaks file", options->peaks, error);
	if (result == 0 && options->peaks)
		result = peaks_load(&watch.peaks, options->peaks, options->skip_update, error);
	watch.compares = watch.peaks.names.size > 0;
	if (result == 0 && options->state && !options->skip_update)
		result = replace_check("state file", options->state, error);
	if (result == 0 && options->state)
		result = idstate_load(&watch.state, options->state, options->skip_update, error);
	if (result == 0 && options->state && options->skip_update) {
		result = ask_state(&watch, error);
		idstate_free(&watch.state);
		return result;
	}
	if (result == 0 && options->save)
		result = save_check(options, error);
	if (result == 0 && options->load_count)
		result = load_run(&watch, error);
	else if (result == 0)
		result = attach(&watch, error);
	if (result == 0 && !options->load_count) {
		result = watch.state.pid ? idstate_check(&watch.state, &watch.target.process, watch.target.executable,
						   options->state, error)
					 : 0;
		if (result == 0)
			result = run(&watch, error);
		trace_close(watch.trace);
		target_close(&watch.target);
	}
	idstate_free(&watch.state);
	peaks_free(&watch.peaks);
	return result;
}
