// SPDX-License-Identifier: BSD-2-Clause
#include "watch.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "growth.h"
#include "interrupt.h"
#include "peaks.h"
#include "python.h"
#include "stream.h"
#include "target.h"

/* A Python that has just been started needs a moment until it looks like one. */
#define START_PATIENCE 2.0
/* How often a waiting tracer looks whether the target is still there, seconds. */
#define TICK 0.25

/* Cumulative deaths by type address, taken in the same cut as a census. */
struct deaths {
	struct stream *stream; /* NULL: not traced */
	struct stream_counts now, before;
	bool failed;
};

struct watch {
	const struct options *options;
	struct render *render;
	struct target target;
	struct python python;
	struct peaks peaks;
	struct deaths deaths;
	bool compares; /* peaks were read that the first table is compared with */
	bool found; /* the target's file is CPython's */
	bool stopped; /* the target was in state T when its Python did not look like one */
};

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

static void count_deaths(void *context)
{
	struct watch *watch = context;
	struct error error;

	if (watch->deaths.stream && stream_read_deaths(watch->deaths.stream, &watch->deaths.now, &error) < 0)
		watch->deaths.failed = true;
}

static int take(struct watch *watch, struct capture *capture, struct error *error)
{
	struct capture_options options = {
		.max_pause_ms = watch->options->max_pause_ms,
		.at_cut = count_deaths,
		.context = watch,
	};

	return capture_take(&watch->python, &options, capture, error);
}

static struct name_filter filter_of(const struct options *options, bool full_names)
{
	return (struct name_filter){full_names, options->globs, options->glob_count};
}

static size_t cut_to_limit(const struct options *options, ssize_t count)
{
	return options->limit && (size_t)count > options->limit ? options->limit : (size_t)count;
}

/* tp_dealloc of the heap types: nearly all of them share subtype_dealloc, the one site that is traced so far. */
static uint64_t commonest_dealloc(const struct watch *watch, const struct capture *capture)
{
	struct memory *memory = memory_new(watch->target.process.pid, NULL);
	const struct type_table *types = &capture->census.types;
	uint64_t best = 0;
	size_t votes = 0;

	/* A majority vote: one candidate, supported or opposed by each type. */
	for (size_t i = 0; memory && i < types->count; i++) {
		uint64_t dealloc, type = types->type[i].address;

		if (!type_is_heap(&watch->python, memory, type) ||
			!memory_u64(memory, type + (uint64_t)watch->python.layout.type.dealloc, &dealloc))
			continue;
		if (!votes)
			best = dealloc;
		votes += dealloc == best ? 1 : (size_t)-1;
	}
	memory_free(memory);
	return best;
}

/* Counts deaths when the budget allows everything; without BPF the census goes on alone. */
static void start_stream(struct watch *watch, const struct capture *capture)
{
	struct stream_site site = {
		.pid = watch->target.process.pid,
		.path = watch->target.file,
		.address = commonest_dealloc(watch, capture),
		.object_type_offset = (uint32_t)watch->python.layout.object.type,
		.type_dealloc_offset = (uint32_t)watch->python.layout.type.dealloc,
	};
	struct error error;

	if (watch->options->budget < 100) {
		if (watch->options->budget_given && watch->options->budget > 0)
			render_note("a budget below 100 traces nothing yet: this is the census alone");
		return;
	}
	if (!target_file_offset(&watch->target, site.address, &site.file_offset)) {
		render_note("deaths are not traced: subtype_dealloc was not found; the census goes on");
		return;
	}
	watch->deaths.stream = stream_open(&site, &error);
	if (!watch->deaths.stream)
		render_note("deaths are not traced: %s; the census goes on", error.text);
}

static uint64_t deaths_of(const struct stream_counts *counts, uint64_t type)
{
	size_t low = 0, high = counts->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (counts->rows[middle].type == type)
			return counts->rows[middle].deaths;
		if (counts->rows[middle].type < type)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

static bool has_type(const struct capture *capture, uint64_t type)
{
	for (size_t i = 0; i < capture->census.types.count; i++) {
		if (capture->census.types.type[i].address == type)
			return true;
	}
	return false;
}

/* Deaths since the table before, by name. Those of a type without instances wait for a table that can name it. */
static void name_deaths(struct watch *watch, const struct capture *capture, struct counts *deaths)
{
	struct stream_counts *now = &watch->deaths.now, spare = watch->deaths.before;

	for (size_t i = 0; i < capture->census.types.count; i++) {
		uint64_t type = capture->census.types.type[i].address;
		uint64_t died = deaths_of(now, type) - deaths_of(&watch->deaths.before, type);
		char *full = watch->options->full_names ? type_name_full(&capture->names[i]) : NULL;
		struct count *count = died ? counts_get(deaths, full ? full : capture->names[i].name) : NULL;

		if (count)
			count->value += died;
		free(full);
	}
	for (size_t i = 0; i < now->n; i++) {
		if (!has_type(capture, now->rows[i].type))
			now->rows[i].deaths = deaths_of(&watch->deaths.before, now->rows[i].type);
	}
	if (now->lost > watch->deaths.before.lost)
		render_note("%llu deaths were not counted by type: too many types died",
			(unsigned long long)(now->lost - watch->deaths.before.lost));
	watch->deaths.before = *now;
	watch->deaths.now = spare;
}

/* Adds the types that did not grow but died since the table before, with a delta of 0. */
static bool add_died(const struct counts *stats, const struct counts *deaths, struct growth_row **rows, ssize_t *count)
{
	struct growth_row *all = realloc(*rows, ((size_t)*count + deaths->size + 1) * sizeof(*all));
	size_t grown = (size_t)*count;

	if (!all)
		return false;
	*rows = all;
	for (size_t i = 0; i < deaths->size; i++) {
		const struct count *alive = counts_find(stats, deaths->entry[i].name);
		bool listed = !alive; /* not among the types asked for */

		for (size_t k = 0; k < grown && !listed; k++)
			listed = strcmp(all[k].name, deaths->entry[i].name) == 0;
		if (!listed)
			all[(*count)++] = (struct growth_row){alive->name, alive->value, 0};
	}
	return true;
}

/* Raises both peak tables, and shows the growth of the one that is asked for. */
static int show_growth(struct watch *watch, const struct capture *capture, unsigned long seq, struct error *error)
{
	const struct options *options = watch->options;
	struct name_filter filter = filter_of(options, options->full_names),
			   other = filter_of(options, !options->full_names);
	struct counts *shown = options->full_names ? &watch->peaks.full_names : &watch->peaks.names;
	struct counts *hidden = options->full_names ? &watch->peaks.names : &watch->peaks.full_names;
	struct counts stats = {0}, other_stats = {0}, deaths = {0};
	struct growth_row *rows = NULL, *other_rows = NULL;
	ssize_t count = -1;
	int result = 0;

	if (typestats(capture, &filter, &stats) == 0)
		count = growth(&stats, shown, !options->skip_update, &rows);
	if (count >= 0 && options->peaks && !options->skip_update &&
		(typestats(capture, &other, &other_stats) < 0 || growth(&other_stats, hidden, true, &other_rows) < 0))
		count = -1;
	if (count < 0) {
		result = error_set(error, ERROR_FAILED, "out of memory");
	} else {
		struct growth_report report = {
			.seq = seq,
			.capture = capture,
			.peaks = watch->compares ? options->peaks : NULL,
			.filtered = options->glob_count > 0,
			.matched = stats.size,
		};

		if (watch->deaths.stream && !watch->deaths.failed) {
			name_deaths(watch, capture, &deaths);
			if (seq)
				report.deaths = &deaths;
			if (seq && options->json && !add_died(&stats, &deaths, &rows, &count))
				result = error_set(error, ERROR_FAILED, "out of memory");
		}
		report.rows = rows;
		report.count = cut_to_limit(options, count);
		render_growth(watch->render, &report);
		if (result == 0 && options->peaks && !options->skip_update)
			result = peaks_save(&watch->peaks, options->peaks, error);
	}
	free(rows);
	free(other_rows);
	counts_free(&stats);
	counts_free(&other_stats);
	counts_free(&deaths);
	return result;
}

/* Waits for the next table, and notices when the target ends meanwhile. */
static int wait_until(const struct watch *watch, double time, struct error *error)
{
	for (double now = interrupt_now(); now < time; now = interrupt_now()) {
		if (!interrupt_sleep_until(now + TICK < time ? now + TICK : time))
			return error_set(error, ERROR_INTERRUPTED, "interrupted");
		if (process_check(&watch->target.process, error) < 0)
			return -1;
	}
	if (interrupt_signal)
		return error_set(error, ERROR_INTERRUPTED, "interrupted");
	return 0;
}

static int one_table(struct watch *watch, unsigned long seq, struct error *error)
{
	struct capture capture;
	int result = take(watch, &capture, error);

	/* What a later look cannot do is said, and tried again at the next: a night's watch goes on. */
	if (result < 0 && seq && (error->code == ERROR_FAILED || error->code == ERROR_DEADLINE)) {
		render_note("table %lu is left out: %s", seq, error->text);
		return 0;
	}
	if (result == 0) {
		result = show_growth(watch, &capture, seq, error);
		capture_free(&capture);
	}
	return result;
}

static int run_growth(struct watch *watch, struct capture *first, struct error *error)
{
	const struct options *options = watch->options;
	double next;
	int result;

	start_stream(watch, first);
	count_deaths(watch);
	next = interrupt_now();
	result = show_growth(watch, first, 0, error);
	for (unsigned long seq = 1; result == 0; seq++) {
		double now;

		if (options->count >= 0 && seq > (unsigned long)options->count)
			break;
		result = render_status(watch->render, error);
		if (result)
			return result < 0 ? -1 : 0;
		next += options->interval;
		now = interrupt_now();
		if (next < now) /* a look took longer than the interval */
			next = now;
		result = wait_until(watch, next, error);
		if (result == 0)
			result = one_table(watch, seq, error);
	}
	return result;
}

static int run_types(struct watch *watch, struct capture *first, struct error *error)
{
	struct name_filter filter = filter_of(watch->options, watch->options->full_names);
	struct counts stats = {0};
	struct growth_row *rows = NULL;
	ssize_t count = -1;

	if (typestats(first, &filter, &stats) == 0)
		count = most_common_types(&stats, &rows);
	if (count >= 0)
		render_types(watch->render, rows, cut_to_limit(watch->options, count), watch->options->glob_count > 0,
			first);
	free(rows);
	counts_free(&stats);
	return count < 0 ? error_set(error, ERROR_FAILED, "out of memory") : 0;
}

static int run(struct watch *watch, struct error *error)
{
	struct capture first;
	struct threads threads;
	int result = take(watch, &first, error);

	if (result < 0)
		return -1;
	/* When it ended just now, what was measured is shown all the same. */
	if (process_threads(&watch->target.process, &threads, NULL) == 0)
		free(threads.thread);
	render_attached(watch->render, &watch->target, threads.count, watch->options->budget < 100 ? 0 : 100, &first);
	result =
		watch->options->mode == MODE_TYPES ? run_types(watch, &first, error) : run_growth(watch, &first, error);
	capture_free(&first);
	return result;
}

int watch_run(const struct options *options, struct render *render, struct error *error)
{
	struct watch watch = {.options = options, .render = render};
	int result = 0;

	if (options->peaks && !options->skip_update)
		result = peaks_writable(options->peaks, error);
	if (result == 0 && options->peaks)
		result = peaks_load(&watch.peaks, options->peaks, options->skip_update, error);
	watch.compares = watch.peaks.names.size > 0;
	if (result == 0)
		result = attach(&watch, error);
	if (result == 0) {
		result = run(&watch, error);
		target_close(&watch.target);
	}
	stream_close(watch.deaths.stream);
	stream_counts_free(&watch.deaths.now);
	stream_counts_free(&watch.deaths.before);
	peaks_free(&watch.peaks);
	return result;
}
