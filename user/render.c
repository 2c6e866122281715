// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "render_writer.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

/* Allocation sites of one type, and frames of one site. */
#define SITES_IN_TABLE 3
/* Fewer samples than this that found no room are in JSON only. */
#define LOST_SAMPLES_SAID 100
#define RATE_WIDTH 20
/*
 * How many seconds are watched, or how many objects of a type have come, before it is said that lines are missing, and
 * how many tables until it is said again.
 */
#define HINT_SECONDS 10.0
#define HINT_OBJECTS 100
#define HINT_TABLES 20
#define HINT_BUDGET 5.0
#define SITES_IN_JSON 10
#define SITE_PERCENT_LEAST 1.0
#define FRAMES_IN_TABLE 3

struct render *render_open(const char *path, bool json, pid_t pid, struct error *error)
{
	struct render *render = calloc(1, sizeof(*render));

	if (!render) {
		error_set(error, ERROR_FAILED, "out of memory");
		return NULL;
	}
	render->json = json;
	render->pid = pid;
	render->own = path != NULL;
	render->path = path ? path : "standard output";
	render->file = path ? fopen(path, "we") : stdout;
	if (!render->file) {
		error_set(error, ERROR_FAILED, "cannot write %s: %s", path, strerror(errno));
		free(render);
		return NULL;
	}
	setvbuf(render->file, NULL, _IOLBF, 0);
	render->colour = !json && isatty(fileno(render->file)) && !getenv("NO_COLOR");
	return render;
}

void render_about(struct render *render, pid_t pid)
{
	render->pid = pid;
}

void failed(struct render *render, int reason)
{
	if (!render->failure)
		render->failure = reason ? reason : EIO;
}

void put(struct render *render, const char *format, ...)
{
	va_list args;

	errno = 0;
	va_start(args, format);
	if (vfprintf(render->file, format, args) < 0)
		failed(render, errno);
	va_end(args);
}

void flush(struct render *render)
{
	errno = 0;
	if (fflush(render->file) != 0)
		failed(render, errno);
	if (ferror(render->file))
		failed(render, EIO);
}

int render_status(const struct render *render, struct error *error)
{
	if (render->failure == EPIPE)
		return 1;
	if (render->failure == EINTR)
		return error_set(error, ERROR_INTERRUPTED, "interrupted");
	if (render->failure)
		return error_set(error, ERROR_FAILED, "cannot write %s: %s", render->path, strerror(render->failure));
	return 0;
}

int render_close(struct render *render, struct error *error)
{
	int result;

	if (!render)
		return 0;
	flush(render);
	if (render->own && fclose(render->file) != 0 && !render->failure)
		render->failure = errno;
	result = render_status(render, error) < 0 ? -1 : 0;
	free(render);
	return result;
}

void render_note(const char *format, ...)
{
	char *text, *printable;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	printable = length < 0 ? NULL : text_printable(text);
	fprintf(stderr, "objgraph-trace: %s\n", printable ? printable : "out of memory");
	if (length >= 0)
		free(text);
	free(printable);
}

json_t *event(const struct render *render, const char *name)
{
	struct timespec now;
	struct tm utc;
	char seconds[32], time[48];

	if (render->time > 0)
		now = (struct timespec){(time_t)render->time, (long)((render->time - floor(render->time)) * 1e9)};
	else
		clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(time, sizeof(time), "%s.%03ldZ", seconds, now.tv_nsec / 1000000);
	return json_pack("{s:s, s:i, s:s}", "event", name, "pid", (int)render->pid, "time", time);
}

/* jansson escapes all that is not ASCII, and control characters, but DEL. */
static int write_json(const char *text, size_t size, void *file)
{
	for (const char *end = text + size; text < end;) {
		const char *del = memchr(text, 0x7f, (size_t)(end - text));
		size_t plain = (size_t)((del ? del : end) - text);

		if (fwrite(text, 1, plain, file) != plain || (del && fputs("\\u007f", file) == EOF))
			return -1;
		text += plain + (del != NULL);
	}
	return 0;
}

void emit(struct render *render, json_t *object)
{
	if (!object) {
		failed(render, ENOMEM);
		return;
	}
	errno = 0;
	if (json_dump_callback(
		    object, write_json, render->file, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(9)) < 0 ||
		fputc('\n', render->file) == EOF) {
		failed(render, errno);
	}
	json_decref(object);
	flush(render);
}

json_t *json_text(const char *text)
{
	char *printable;
	json_t *string = json_string(text);

	if (string)
		return string;
	printable = text_printable(text);
	string = json_string(printable ? printable : "?");
	free(printable);
	return string;
}

/* Milliseconds with three decimals: more is noise. */
json_t *json_ms(double ms)
{
	return json_real((double)(long long)(ms * 1e3 + 0.5) / 1e3);
}

static void add_capture(json_t *object, const struct capture *capture)
{
	json_object_set_new(object, "objects", json_integer((json_int_t)capture->census.objects));
	json_object_set_new(object, "frozen", json_integer((json_int_t)capture->census.frozen));
	json_object_set_new(object, "pause_ms", json_ms(capture->pause_ms));
}

static void note_pause(char *text, size_t size, const struct capture *capture)
{
	if (capture->state == 'T')
		snprintf(text, size, "not held: it is stopped (state T) and changes nothing until kill -CONT");
	else if (capture->pause_ms <= 0)
		snprintf(text, size, "not held: it was idle");
	else
		snprintf(text, size, "held for %.1f ms", capture->pause_ms);
}

static void note_oddities(struct render *render, const struct capture *capture)
{
	if (capture->census.frozen != render->frozen)
		render_note("%zu more objects are parked by gc.freeze() and not counted, as in gc.get_objects()",
			capture->census.frozen);
	render->frozen = capture->census.frozen;
	if (capture->stopped_all)
		render_note(
			"no moment suited to stop the GIL's holder alone: all %u Python threads were stopped this time",
			capture->stopped);
	if (capture->unnamed)
		render_note("%zu types have no readable name and show their address", capture->unnamed);
}

/* Types that have objects: a census may have been cut down to some. */
static size_t count_types(const struct census *census)
{
	size_t count = 0;

	for (size_t i = 0; i < census->types.count; i++)
		count += census->types.type[i].count || census->types.type[i].frozen;
	return count;
}

static void note_attached(const struct render *render, const struct attached *attached)
{
	const struct target *target = attached->target;
	const struct census *census = &attached->capture->census;
	char how[160], saved[32] = "";
	time_t seconds = (time_t)attached->time;
	struct tm local;

	if (!attached->file)
		note_pause(how, sizeof(how), attached->capture);
	else if (attached->time > 0 && localtime_r(&seconds, &local) &&
		 strftime(saved, sizeof(saved), "%Y-%m-%d %H:%M:%S", &local))
		snprintf(how, sizeof(how), "as it was at %s", saved);
	else
		snprintf(how, sizeof(how), "as it was");
	render_note("%s%sPython %s%s in process %d (%s), %zu thread%s: %zu objects of %zu types%s, %s",
		attached->file ? attached->file : "", attached->file ? ": " : "", target->version_text,
		target->debug ? " (debug build)" : "", render->pid, target->executable, attached->threads,
		attached->threads == 1 ? "" : "s", census->objects, count_types(census),
		census->interpreters > 1 ? ", in several interpreters" : "", how);
	if (attached->capture->missing)
		render_note("%zu pages are not in %s: what lies there shows as ?", attached->capture->missing,
			attached->file);
}

void render_attached(struct render *render, const struct attached *attached)
{
	const struct target *target = attached->target;

	render->budget = attached->budget;
	render->time = attached->time;
	render->pause_ms = attached->capture->pause_ms;
	note_attached(render, attached);
	if (render->json) {
		json_t *object = event(render, "attached"), *build = json_array();

		if (target->debug)
			json_array_append_new(build, json_string("debug"));
		if (attached->usdt)
			json_array_append_new(build, json_string("usdt"));
		json_object_set_new(object, "python", json_string(target->version_text));
		json_object_set_new(object, "build", build);
		json_object_set_new(object, "exe", json_text(target->executable));
		json_object_set_new(object, "threads", json_integer((json_int_t)attached->threads));
		json_object_set_new(object, "budget", json_real(attached->budget));
		json_object_set_new(
			object, "interpreters", json_integer((json_int_t)attached->capture->census.interpreters));
		if (attached->file)
			json_object_set_new(object, "file", json_text(attached->file));
		emit(render, object);
	}
}

void render_saved(
	struct render *render, const char *file, uint64_t bytes, uint64_t memory, const struct capture *capture)
{
	render_note("saved to %s: %.1f MB, for %.1f MB of memory", file, (double)bytes / 1e6, (double)memory / 1e6);
	if (capture->missing)
		render_note("%zu pages could not be had: what lies there will show as ?", capture->missing);
	if (render->json) {
		json_t *object = event(render, "saved");

		add_capture(object, capture);
		json_object_set_new(object, "file", json_text(file));
		json_object_set_new(object, "bytes", json_integer((json_int_t)bytes));
		json_object_set_new(object, "memory", json_integer((json_int_t)memory));
		emit(render, object);
	}
	note_oddities(render, capture);
}

void render_progress(const char *what, uint64_t done, uint64_t all)
{
	if (!isatty(STDERR_FILENO))
		return;
	if (all)
		fprintf(stderr, "\robjgraph-trace: %s: %.0f %%\033[K", what, 100.0 * (double)done / (double)all);
	else
		fputs("\r\033[K", stderr);
}

static json_t *site_as_json(const struct allocation_site *site)
{
	json_t *object = json_object(), *frames = json_array();

	for (size_t i = 0; i < site->frames; i++) {
		json_t *frame = json_object();

		json_object_set_new(frame, "file", json_text(site->frame[i]->file));
		json_object_set_new(frame, "line", json_integer(site->frame[i]->line));
		json_object_set_new(frame, "function", json_text(site->frame[i]->function));
		json_array_append_new(frames, frame);
	}
	json_object_set_new(object, "frames", frames);
	json_object_set_new(object, "alive", json_integer((json_int_t)site->alive));
	json_object_set_new(object, "sampled", json_integer((json_int_t)site->sampled));
	return object;
}

static bool rates_known(const struct growth_report *report, const struct event *event)
{
	return report->events->kind == STREAM_WINDOWS || (report->events->kind == STREAM_FULL && event->exact);
}

static void add_event(json_t *type, const struct growth_report *report, const struct event *event)
{
	int64_t born = event->change + (int64_t)event->deaths; /* births, if all deaths were counted */

	if (report->events->kind == STREAM_FULL && event->exact) {
		if (event->has_births)
			json_object_set_new(type, "births", json_integer((json_int_t)event->births));
		if (event->has_births && event->births_derived)
			json_object_set_new(type, "births_derived", json_true());
		json_object_set_new(type, "deaths", json_integer((json_int_t)event->deaths));
		if (event->derived)
			json_object_set_new(type, "deaths_derived", json_true());
		else if (event->has_births && born > 0)
			json_object_set_new(type, "coverage", json_real((double)event->births_seen / (double)born));
		if (event->has_births && event->has_peak)
			json_object_set_new(type, "peak", json_integer((json_int_t)event->peak));
	}
	if (event->untracked)
		json_object_set_new(type, "untracked", json_true());
	if (report->rates && rates_known(report, event)) {
		if (event->has_births)
			json_object_set_new(type, "births_per_s", json_real(event->births_per_second));
		json_object_set_new(type, "deaths_per_s", json_real(event->deaths_per_second));
		if (report->events->kind == STREAM_WINDOWS)
			json_object_set_new(type, "rates", json_string(event->at_least ? "at least" : "estimated"));
	}
	if (report->sites && event->site_count) {
		json_t *sites = json_array();

		for (size_t i = 0; i < event->site_count && i < SITES_IN_JSON; i++)
			json_array_append_new(sites, site_as_json(&event->sites[i]));
		json_object_set_new(type, "sites", sites);
	}
}

/* report may be NULL. */
static void rows_as_json(
	json_t *object, const struct growth_row *rows, size_t count, const struct growth_report *report)
{
	json_t *types = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *type = json_object();
		const struct event *event = report && report->events ? events_find(report->events, rows[i].name) : NULL;

		json_object_set_new(type, "type", json_text(rows[i].name));
		json_object_set_new(type, "count", json_integer((json_int_t)rows[i].count));
		if (report)
			json_object_set_new(type, "delta", json_integer((json_int_t)rows[i].delta));
		if (event)
			add_event(type, report, event);
		json_array_append_new(types, type);
	}
	json_object_set_new(object, "types", types);
}

/* The last part of a path; with the folder where the file's name says nothing. */
static const char *short_path(const char *path)
{
	const char *last = strrchr(path, '/'), *before = NULL;

	if (!last)
		return path;
	if (strncmp(last + 1, "__", 2) != 0)
		return last + 1;
	for (const char *at = path; at < last; at++)
		before = *at == '/' ? at : before;
	return before ? before + 1 : path;
}

/* Whether a file is of the standard library or of an installed package, by where such are. */
static bool is_library(const char *file)
{
	return strstr(file, "/lib/python") || strstr(file, "/site-packages/") || strstr(file, "/dist-packages/") ||
	       file[0] == '<';
}

/* "app.py:41 handle <- server.py:120 dispatch": malloc'ed, fit for a terminal; NULL when out of memory. */
static char *stack_as_text(const struct allocation_site *site)
{
	char *text = NULL, *printable;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	bool own = false, shown_own = false;

	if (!file)
		return NULL;
	for (size_t i = 0; i < site->frames; i++) {
		own = own || !is_library(site->frame[i]->file);
		/* Beyond the first few, only the nearest frame of the program's own. */
		if (i >= FRAMES_IN_TABLE && (shown_own || !own))
			continue;
		fprintf(file, "%s%s:%u %s",
			!i		      ? ""
			: i > FRAMES_IN_TABLE ? " <- ... <- "
					      : " <- ",
			short_path(site->frame[i]->file), site->frame[i]->line, site->frame[i]->function);
		shown_own = own;
	}
	if (fclose(file) != 0) {
		free(text);
		return NULL;
	}
	printable = text_printable(text);
	free(text);
	return printable;
}

/* Under its type: the lines that allocate what stays alive. */
static void sites_as_table(struct render *render, const struct event *event)
{
	for (size_t i = 0; i < event->site_count && i < SITES_IN_TABLE; i++) {
		const struct allocation_site *site = &event->sites[i];
		double percent = 100 * site->survivors / event->survivors;
		char *stack = percent < SITE_PERCENT_LEAST ? NULL : stack_as_text(site);

		if (stack)
			put(render, "%9.0f %%  %s  (%llu of %llu sampled %s alive)\n", percent, stack,
				(unsigned long long)site->alive, (unsigned long long)site->sampled,
				site->alive == 1 ? "is" : "are");
		free(stack);
	}
}

static void event_as_table(struct render *render, const struct growth_report *report, const struct event *event)
{
	const char *about = report->events->kind == STREAM_FULL ? "" : event->at_least ? ">" : "~";

	if (report->rates && rates_known(report, event)) {
		char births[48], deaths[48];

		snprintf(births, sizeof(births), "%s%.1f births/s", about, event->births_per_second);
		snprintf(deaths, sizeof(deaths), "%s%.1f deaths/s", about, event->deaths_per_second);
		/* At least nothing is nothing that is known. */
		put(render, " %*s %*s", RATE_WIDTH, event->at_least && event->births_per_second <= 0 ? "-" : births,
			RATE_WIDTH, event->at_least && event->deaths_per_second <= 0 ? "-" : deaths);
	}
	if (report->events->kind == STREAM_FULL && event->exact && event->has_births && event->has_peak &&
		event->peak > event->count)
		put(render, " (at most %llu between the tables)", (unsigned long long)event->peak);
}

/*
 * objgraph's rows: '%-*s%9d %+9d', the name padded to the longest in code points. Without a report, so without deltas:
 * '%-*s %i'.
 */
static void rows_as_table(
	struct render *render, const struct growth_row *rows, size_t count, const struct growth_report *report)
{
	char **names = calloc(count ? count : 1, sizeof(*names));
	size_t width = 0;

	for (size_t i = 0; names && i < count; i++) {
		names[i] = text_printable(rows[i].name);
		if (names[i] && text_length(names[i]) > width)
			width = text_length(names[i]);
	}
	for (size_t i = 0; names && i < count; i++) {
		const struct event *event = report && report->events ? events_find(report->events, rows[i].name) : NULL;
		const char *name = names[i] ? names[i] : "?";
		int pad = (int)(width - (text_length(name) < width ? text_length(name) : width));

		if (report)
			put(render, "%s%*s%9llu %s%+9lld%s", name, pad, "", (unsigned long long)rows[i].count,
				render->colour ? YELLOW : "", (long long)rows[i].delta, render->colour ? PLAIN : "");
		else
			put(render, "%s%*s %llu", name, pad, "", (unsigned long long)rows[i].count);
		if (event)
			event_as_table(render, report, event);
		put(render, "\n");
		if (event && report->sites)
			sites_as_table(render, event);
		free(names[i]);
	}
	free(names);
	render->separate = render->separate || count;
	flush(render);
}

static void note_lost(const struct events *events)
{
	if (events->unconserved)
		render_note("births and deaths of %s%s are not known: what was seen of them does not add up with the "
			    "counts",
			events->first_unconserved, events->unconserved > 1 ? " and other types" : "");
	if (events->lost)
		render_note("%llu births and deaths were seen and not counted: no room for their type, or memory that "
			    "could not be read",
			(unsigned long long)events->lost);
	if (events->lost_finalized)
		render_note(
			"%llu of the deaths are of objects with a __del__ that may have brought them back: too many "
			"at once to tell",
			(unsigned long long)events->lost_finalized);
	if (events->lost_samples >= LOST_SAMPLES_SAID)
		render_note("%llu births are missing among the samples: there was no room for their stacks",
			(unsigned long long)events->lost_samples);
}

/* A type that grows and has no line under it looks like a fault, and is none: the leak was not among the samples. */
static void note_missing_lines(struct render *render, const struct growth_report *report)
{
	const struct events *events = report->events;

	if (events)
		render->watched += events->seconds;
	if (!events || !report->sites || events->kind != STREAM_WINDOWS ||
		(render->hinted && report->seq < render->hinted + HINT_TABLES))
		return;
	for (size_t i = 0; i < report->count && report->rows[i].delta > 0; i++) {
		const struct event *event = events_find(events, report->rows[i].name);

		if ((event && event->site_count) ||
			(render->watched < HINT_SECONDS && report->rows[i].delta < HINT_OBJECTS))
			continue;
		render->hinted = report->seq;
		render_note(
			"no line yet for %s: births were traced for %.2g of the last %.2g seconds, and none that stays "
			"was among them; %s finds lines sooner",
			report->rows[i].name, events->traced, events->seconds,
			render->budget < HINT_BUDGET ? "--budget 5" : "a larger --budget");
		return;
	}
}

static void add_stream(json_t *object, const struct events *events)
{
	static const char *const kinds[] = {[STREAM_OFF] = "off", [STREAM_WINDOWS] = "windows", [STREAM_FULL] = "full"};

	json_object_set_new(object, "stream", json_string(kinds[events ? events->kind : STREAM_OFF]));
	if (!events || events->kind == STREAM_OFF)
		return;
	json_object_set_new(object, "lost", json_integer((json_int_t)events->lost));
	json_object_set_new(object, "lost_samples", json_integer((json_int_t)events->lost_samples));
	json_object_set_new(object, "lost_finalized", json_integer((json_int_t)events->lost_finalized));
	json_object_set_new(object, "seconds", json_ms(events->seconds));
	json_object_set_new(object, "traced_seconds", json_ms(events->traced));
}

static void note_growth(const struct render *render, const struct growth_report *report)
{
	const char *nothing = "";
	time_t now = render->time > 0 ? (time_t)render->time : time(NULL);
	char clock[16], pause[96];
	struct tm local;

	localtime_r(&now, &local);
	strftime(clock, sizeof(clock), "%H:%M:%S", &local);
	note_pause(pause, sizeof(pause), report->capture);
	if (report->filtered && !report->matched)
		nothing = "; no type matches --type";
	else if (!report->grown)
		nothing = report->filtered ? "; no type that matches --type has more objects than before"
					   : "; no type has more objects than before";
	if (report->seq)
		render_note("%s table %lu: %zu objects, %s%s", clock, report->seq, report->capture->census.objects,
			pause, nothing);
	else if (report->peaks)
		render_note("%s growth beyond the peaks in %s%s", clock, report->peaks, nothing);
	else
		render_note("%s baseline: the types with most objects; from now on, what grows beyond its peak%s",
			clock, nothing);
}

void render_growth(struct render *render, const struct growth_report *report)
{
	if (render->json) {
		json_t *object = event(render, "growth");

		json_object_set_new(object, "seq", json_integer((json_int_t)report->seq));
		add_capture(object, report->capture);
		add_stream(object, report->events);
		rows_as_json(object, report->rows, report->count, report);
		emit(render, object);
	} else {
		/* Before the note, so that on a terminal the two stay together. */
		if (render->separate && report->count)
			put(render, "\n");
		flush(render);
		note_growth(render, report);
		rows_as_table(render, report->rows, report->count, report);
	}
	if (report->events)
		note_lost(report->events);
	if (!render->json)
		note_missing_lines(render, report);
	note_oddities(render, report->capture);
}

void render_types(struct render *render, const struct growth_row *rows, size_t count, bool filtered,
	const struct capture *capture)
{
	if (render->json) {
		json_t *object = event(render, "types");

		add_capture(object, capture);
		rows_as_json(object, rows, count, NULL);
		emit(render, object);
	} else {
		if (filtered && !count)
			render_note("no type matches --type");
		rows_as_table(render, rows, count, NULL);
	}
	note_oddities(render, capture);
}

static void ids_as_table(struct render *render, const struct newids_row *row)
{
	for (size_t i = 0; i < row->count && !render->failure; i++)
		put(render, "    0x%llx\n", (unsigned long long)row->id[i]);
}

static void new_ids_as_table(struct render *render, const struct newids_report *report)
{
	static const char line[] = "================================================================================";
	char **names = calloc(report->count + 1, sizeof(*names));
	int width = 0, all;

	for (size_t i = 0; names && i < report->count; i++) {
		names[i] = text_printable(report->rows[i].name);
		if (names[i] && (int)text_length(names[i]) > width)
			width = (int)text_length(names[i]);
	}
	all = width + 4 * 13;
	for (int part = 0; names && report->count && part < 3; part++) {
		for (int left = all; left > 0; left -= (int)sizeof(line) - 1)
			put(render, "%.*s", left, line);
		put(render, "\n");
		if (part == 0)
			put(render, "%-*s%13s%13s%13s%13s\n", width, "Type", "Old_ids", "Current_ids", "New_ids",
				"Count_Deltas");
		for (size_t i = 0; part == 1 && i < report->count && !render->failure; i++) {
			const struct newids_row *row = &report->rows[i];

			if (names[i])
				put(render, "%s%*s%13llu%13llu%+13lld%+13lld\n", names[i],
					width - (int)text_length(names[i]), "", (unsigned long long)row->old,
					(unsigned long long)row->current, (long long)row->count,
					(long long)(row->current - row->old));
			if (report->ids)
				ids_as_table(render, row);
		}
	}
	for (size_t i = 0; names && i < report->count; i++)
		free(names[i]);
	if (!names)
		failed(render, ENOMEM);
	free(names);
	flush(render);
}

/* There may be millions of ids: they are written as they are, not gathered first. */
static void new_ids_as_json(struct render *render, const struct newids_report *report)
{
	json_t *object = event(render, "new_ids");
	char *head;

	if (report->capture)
		add_capture(object, report->capture);
	if (report->seconds > 0)
		json_object_set_new(object, "seconds", json_ms(report->seconds));
	head = object ? json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(9)) : NULL;
	json_decref(object);
	if (!head) {
		failed(render, ENOMEM);
		return;
	}
	put(render, "%.*s,\"types\":[", (int)strlen(head) - 1, head);
	free(head);
	for (size_t i = 0; i < report->count && !render->failure; i++) {
		const struct newids_row *row = &report->rows[i];
		json_t *type = json_text(row->name);

		put(render, "%s{\"type\":", i ? "," : "");
		if (!type || json_dump_callback(type, write_json, render->file,
				     JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY) < 0)
			failed(render, errno);
		json_decref(type);
		put(render, ",\"old\":%llu,\"current\":%llu,\"new\":%zu,\"delta\":%lld,\"ids\":[",
			(unsigned long long)row->old, (unsigned long long)row->current, row->count,
			(long long)(row->current - row->old));
		for (size_t k = 0; k < row->count && !render->failure; k++)
			put(render, "%s\"0x%llx\"", k ? "," : "", (unsigned long long)row->id[k]);
		put(render, "]}");
	}
	put(render, "]}\n");
	flush(render);
}

void render_new_ids(struct render *render, const struct newids_report *report)
{
	if (render->json) {
		new_ids_as_json(render, report);
	} else {
		if (report->filtered && !report->count)
			render_note("no type matches --type");
		new_ids_as_table(render, report);
	}
	if (report->capture)
		note_oddities(render, report->capture);
}

static json_t *json_address(uint64_t address)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)address);
	return json_string(text);
}

static json_t *json_addresses(const uint64_t *address, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_address(address[i]));
	return list;
}

static void object_as_json(struct render *render, const struct inspected *inspected, const char *type)
{
	json_t *object = event(render, "object");

	json_object_set_new(object, "address", json_address(inspected->address));
	json_object_set_new(object, "type", json_text(type));
	json_object_set_new(object, "module", inspected->type.module ? json_text(inspected->type.module) : json_null());
	json_object_set_new(object, "size",
		inspected->size == INSPECT_SIZE_UNKNOWN ? json_null() : json_integer((json_int_t)inspected->size));
	json_object_set_new(object, "refcount", inspected->immortal ? json_null() : json_integer(inspected->refcount));
	if (inspected->immortal)
		json_object_set_new(object, "immortal", json_true());
	json_object_set_new(
		object, "generation", inspected->generation < 0 ? json_null() : json_integer(inspected->generation));
	if (inspected->frozen)
		json_object_set_new(object, "frozen", json_true());
	json_object_set_new(object, "repr", json_text(inspected->repr));
	json_object_set_new(object, "referents", json_addresses(inspected->referents, inspected->referent_count));
	if (inspected->held_count)
		json_object_set_new(object, "held", json_addresses(inspected->held, inspected->held_count));
	if (inspected->possible_count)
		json_object_set_new(object, "possible", json_addresses(inspected->possible, inspected->possible_count));
	emit(render, object);
}

static void object_as_text(struct render *render, const struct inspected *inspected, const char *type)
{
	const char *from = inspected->type.module;
	char *name = text_printable(type), *repr = text_printable(inspected->repr);
	char *module =
		from && strcmp(from, "builtins") != 0 && type == inspected->type.name ? text_printable(from) : NULL;

	put(render, "0x%llx  %s  ", (unsigned long long)inspected->address, name ? name : "?");
	if (inspected->size == INSPECT_SIZE_UNKNOWN)
		put(render, "size unknown, ");
	else
		put(render, "%llu bytes, ", (unsigned long long)inspected->size);
	if (inspected->immortal)
		put(render, "immortal, ");
	else
		put(render, "%u reference%s, ", inspected->refcount, inspected->refcount == 1 ? "" : "s");
	if (inspected->frozen)
		put(render, "frozen");
	else if (inspected->generation < 0)
		put(render, "not tracked");
	else
		put(render, "generation %d", inspected->generation);
	put(render, "%s%s\n    %s\n", module ? ", module " : "", module ? module : "", repr ? repr : "?");
	free(module);
	free(name);
	free(repr);
	flush(render);
}

void render_object(struct render *render, const struct inspected *object, bool full_names)
{
	char *full = full_names ? type_name_full(&object->type) : NULL;
	const char *type = full ? full : object->type.name;

	if (render->json)
		object_as_json(render, object, type);
	else
		object_as_text(render, object, type);
	free(full);
}

void render_count_of(struct render *render, const char *name, uint64_t count, const struct capture *capture)
{
	const struct growth_row row = {.name = name, .count = count};

	if (render->json) {
		render_types(render, &row, 1, false, capture);
		return;
	}
	put(render, "%llu\n", (unsigned long long)count);
	flush(render);
	note_oddities(render, capture);
}

static void reason(struct render *render, const char *name, const struct error *error)
{
	render_note("%s", error->text);
	if (render && render->json && !render->failure) {
		json_t *object = event(render, name);

		json_object_set_new(object, "reason", json_text(error->text));
		emit(render, object);
	}
}

void render_exited(struct render *render, const struct error *error)
{
	reason(render, "exited", error);
}

void render_error(struct render *render, const struct error *error)
{
	reason(render, "error", error);
}
