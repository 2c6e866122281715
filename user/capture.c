// SPDX-License-Identifier: BSD-2-Clause
#include "capture.h"

#include <stdlib.h>
#include <string.h>

#include "heap_pages.h"
#include "interrupt.h"
#include "priority.h"
#include "reach.h"
#include "reference_pages.h"
#include "spare.h"

/* Seconds after which a moment that never suits becomes an error, and the same for another tracer. */
#define PATIENCE 15.0
#define PATIENCE_TRACED 1.5
#define PATIENCE_STOPPED 1.0
#define BACK_OFF_MOST 0.008
/* How often and how long it is tried without stopping anybody but the GIL's holder. */
#define GENTLE_ATTEMPTS 8
#define GENTLE_SECONDS 1.0
/* What a hold is said to need, a few times what it takes on a machine with a free CPU. */
#define HOLD_MS_LEAST 5.0
#define HOLD_MS_PER_MB 0.5
/* Seconds for which a rehearsal is good; for more than a census, as it takes longer itself. */
#define REHEARSAL_GOOD 0.1
#define REHEARSAL_MEMORY_GOOD 2.0
/* Pages up to which a process is copied whole, without a search for what of it is Python's: 512 MB. */
#define WHOLE_MOST (1u << 17)
/* Fewer pages than this, or if it is so much of them: all are copied, and not only those of references. */
#define REFERENCES_LEAST 4096u
#define REFERENCES_SHARE 0.9
/* If more of their pages change during the rehearsal, many tables will have moved before the hold. */
#define MOVING_SHARE 0.02
/* How often it is tried again when the search missed something. */
#define INCOMPLETE_MOST 3
/* Bounds for a hostile heap: seconds for a rehearsal, seconds and bytes for all names. */
#define REHEARSAL_SECONDS 30.0
#define NAMES_SECONDS 30.0
#define NAMES_BYTES (64u << 20)

/*
 * The way of the attempt after `failed` ones and so many seconds. Whoever sleeps is left alone for as long as there
 * is hope; a running collection is no reason to lose it, and does not count as a failure.
 */
static enum hold_way way_of(unsigned int failed, double seconds)
{
	if (failed >= GENTLE_ATTEMPTS && seconds > GENTLE_SECONDS && failed % 3 == 0)
		return HOLD_ALL;
	return !failed ? HOLD_GENTLY : failed % 2 ? HOLD_BETWEEN : HOLD_CATCH;
}

struct work {
	struct python *python;
	enum capture_what what; /* as capture_options has it */
	bool whole; /* copies all that there is */
	struct mappings mappings;
	struct memory *memory;
	struct type_table types; /* known before the hold */
	struct page_set pages; /* that it will copy */
	struct page_set written; /* whole: all that the process has, of which pages are a part; else empty */
	struct reference_pages *references; /* of CAPTURE_REFERENCES, else NULL */
	unsigned int incomplete; /* attempts that missed something */
	double rehearsed; /* when, monotonic seconds; 0: not, or found wanting */
	bool reserved; /* the picture has room for the pages, and nothing in it yet */
	bool walk_held; /* the copy alone was not enough the last time */
};

static void touch_name(void *context, uint64_t type)
{
	struct work *work = context;
	struct type_name name;

	typeresolve(work->python, work->memory, type, &name);
	type_name_free(&name);
}

static bool touch_references(void *context, uint64_t object, uint32_t type)
{
	const struct work *work = context;

	(void)type;
	reference_pages_of(work->references, object);
	return true;
}

static void work_free(struct work *work)
{
	reference_pages_free(work->references);
	memory_free(work->memory);
	mappings_free(&work->mappings);
	type_table_free(&work->types);
	free(work->pages.page);
	free(work->written.page);
	*work = (struct work){.python = work->python,
		.what = work->what,
		.whole = work->whole,
		.walk_held = work->walk_held,
		.incomplete = work->incomplete};
}

static int rehearse_names(struct work *work, struct error *error)
{
	for (size_t i = 0; i < work->types.count && !interrupt_signal; i++)
		touch_name(work, work->types.type[i].address);
	return interrupt_signal ? error_set(error, ERROR_INTERRUPTED, "interrupted") : 0;
}

static int rehearse_census(struct work *work, bool *closed, struct error *error)
{
	double deadline = interrupt_now() + REHEARSAL_SECONDS;

	*closed = census_rehearse(work->python, work->memory, deadline, &work->types, NULL, NULL);
	if (!*closed) {
		memory_forget(work->memory);
		*closed = census_rehearse(work->python, work->memory, deadline, &work->types, NULL, NULL);
	}
	return rehearse_names(work, error);
}

static int touched(struct work *work, struct error *error)
{
	return memory_touched(work->memory, &work->pages) < 0 ? error_set(error, ERROR_FAILED, "out of memory") : 0;
}

/* All that the process ever wrote; where that is much, what of it is Python's. */
static int rehearse_whole(struct work *work, struct error *error)
{
	struct reached reached;
	bool closed;

	if (work->written.count < WHOLE_MOST) {
		work->pages = work->written;
		work->written = (struct page_set){0};
	} else {
		if (!work->types.count && rehearse_census(work, &closed, error) < 0)
			return -1;
		if (reach(work->python, work->memory, &work->mappings, &work->types, &work->written, &reached) < 0)
			return error_set(error, interrupt_signal ? ERROR_INTERRUPTED : ERROR_FAILED, "%s",
				interrupt_signal ? "interrupted" : "out of memory");
		work->pages = reached.pages;
	}
	return 0;
}

/*
 * The pages of references; unless that is nearly all, or would not hold: where old objects come and go while they are
 * looked at, their tables move, too. Then all is copied, which takes less long than to look for them while held.
 */
static int rehearse_references(struct work *work, struct error *error)
{
	bool closed, moving, nearly_all;

	work->references = reference_pages_find(
		work->python, work->memory, &work->types, interrupt_now() + REHEARSAL_SECONDS, &closed, error);
	if (!work->references || rehearse_names(work, error) < 0 || touched(work, error) < 0)
		return -1;
	nearly_all = (double)work->pages.count > REFERENCES_SHARE * (double)work->written.count;
	moving = !closed || memory_changed(work->memory) > MOVING_SHARE;
	work->whole = moving || nearly_all;
	if (work->whole) {
		free(work->pages.page);
		work->pages = (struct page_set){0};
		reference_pages_free(work->references);
		work->references = NULL;
	}
	if (nearly_all)
		work->pages = work->written;
	else if (!work->whole)
		free(work->written.page);
	if (nearly_all || !work->whole)
		work->written = (struct page_set){0};
	return 0;
}

/*
 * Where lists change while they are looked at, many pages that they lead to stay unknown, to be found one by one while
 * the process is held; to copy all that it has, if that is not too much, takes it less time.
 */
static int rehearse_lists(struct work *work, struct error *error)
{
	const struct process *process = &work->python->target->process;
	bool closed;

	if (rehearse_census(work, &closed, error) < 0)
		return -1;
	if (!closed && heap_pages(process, &work->mappings, work->memory, &work->pages, error) < 0)
		return -1;
	work->whole = !closed && work->pages.count < WHOLE_MOST;
	if (work->whole)
		return 0;
	free(work->pages.page);
	work->pages = (struct page_set){0};
	return touched(work, error);
}

static int rehearse_what(struct work *work, struct error *error)
{
	if (work->what == CAPTURE_CENSUS)
		return rehearse_lists(work, error);
	if (heap_pages(&work->python->target->process, &work->mappings, work->memory, &work->written, error) < 0)
		return -1;
	work->whole = work->whole || work->what == CAPTURE_WHOLE || work->written.count < REFERENCES_LEAST;
	if (!work->whole && rehearse_references(work, error) < 0)
		return -1;
	return work->whole && !work->pages.count ? rehearse_whole(work, error) : 0;
}

/* Learns, while the target runs, what there will be to copy; what was learnt a moment ago still holds. */
static int rehearse(struct work *work, struct error *error)
{
	uint64_t spare;
	size_t most;
	double good = work->what == CAPTURE_CENSUS ? REHEARSAL_GOOD : REHEARSAL_MEMORY_GOOD;

	if (work->rehearsed && interrupt_now() - work->rehearsed < good)
		return 0;
	work_free(work);
	spare = spare_memory();
	most = spare_for_copy(spare) / MEMORY_PAGE_SIZE;
	if (process_mappings(&work->python->target->process, &work->mappings, error) < 0)
		return -1;
	work->memory = memory_new(work->python->target->process.pid, &work->mappings);
	if (!work->memory)
		return error_set(error, ERROR_FAILED, "out of memory");
	memory_limit(work->memory, most);
	if (rehearse_what(work, error) < 0)
		return -1;
	if (memory_is_full(work->memory) || work->pages.count > most)
		return spare_error(work->python->target->process.pid, spare, error);
	work->rehearsed = interrupt_now();
	return 0;
}

static int resolve_names(
	const struct python *python, struct memory *memory, struct capture *capture, struct error *error)
{
	double deadline = interrupt_now() + NAMES_SECONDS;
	size_t count = capture->census.types.count, bytes = 0;

	capture->unnamed = 0;
	capture->names = calloc(count ? count : 1, sizeof(*capture->names));
	if (!capture->names)
		return error_set(error, ERROR_FAILED, "out of memory");
	for (size_t i = 0; i < count; i++) {
		struct type_name *name = &capture->names[i];
		uint64_t address = capture->census.types.type[i].address;

		/* A program may give its classes names of any size, the same long one to all. */
		if (!(bytes < NAMES_BYTES ? typeresolve(python, memory, address, name)
					  : typeresolve_address(address, name)))
			capture->unnamed++;
		if (!name->name)
			return error_set(error, ERROR_FAILED, "out of memory");
		bytes += strlen(name->name) + (name->module ? strlen(name->module) : 0);
		if (interrupt_signal)
			return error_set(error, ERROR_INTERRUPTED, "interrupted");
		if (interrupt_now() > deadline)
			return error_set(error, ERROR_FAILED, "the names of its %zu types cannot be read in %.0f s",
				count, NAMES_SECONDS);
	}
	return 0;
}

static void forget_result(struct capture *capture)
{
	for (size_t i = 0; capture->names && i < capture->census.types.count; i++)
		type_name_free(&capture->names[i]);
	free(capture->names);
	capture->names = NULL;
	memory_free(capture->memory);
	capture->memory = NULL;
	registers_free(&capture->registers);
	census_free(&capture->census);
}

void capture_free(struct capture *capture)
{
	forget_result(capture);
	*capture = (struct capture){0};
}

static int walk(struct python *python, struct memory *memory, const volatile bool *stop, struct capture *capture,
	struct error *error)
{
	int result = census_walk(python, memory, stop, &capture->census, error);

	if (result == 0)
		result = resolve_names(python, memory, capture, error);
	return result;
}

int capture_from(struct python *python, struct memory *memory, struct capture *capture, struct error *error)
{
	static const volatile bool never;

	*capture = (struct capture){0};
	if (walk(python, memory, &never, capture, error) == 0)
		return 0;
	capture_free(capture);
	return -1;
}

/* What happens while the target is held. */
static int cut(struct work *work, const struct capture_options *options, const volatile bool *stop,
	struct capture *capture, struct error *error)
{
	memory_open(work->memory);
	if (memory_copy(work->memory, stop) < 0)
		return error_set(error, ERROR_AGAIN, "the copy was cut short");
	if (options->at_cut)
		options->at_cut(options->context, stop);
	if (work->whole)
		heap_pages_since(&work->python->target->process, &work->mappings,
			work->written.count ? &work->written : &work->pages, work->memory, stop);
	if (work->references)
		reference_pages_hold(work->references, stop);
	if (work->references || (!work->whole && !work->walk_held))
		census_tails(work->python, work->memory, stop, &work->types, touch_name,
			work->references ? touch_references : NULL, work);
	return work->walk_held ? walk(work->python, work->memory, stop, capture, error) : 0;
}

/* Looks through the copy for what the rehearsal did not foresee. */
static int check_whole(struct work *work, struct capture *capture, struct error *error)
{
	struct reached reached;
	int result =
		reach(work->python, work->memory, &work->mappings, &capture->census.types, &work->written, &reached);

	free(reached.pages.page);
	if (result < 0)
		return error_set(error, interrupt_signal ? ERROR_INTERRUPTED : ERROR_FAILED, "%s",
			interrupt_signal ? "interrupted" : "out of memory");
	capture->missing = reached.missing;
	if (!reached.missing || work->incomplete++ == INCOMPLETE_MOST)
		return 0;
	work->rehearsed = 0;
	return error_set(error, ERROR_AGAIN, "objects came to lie on pages that the rehearsal did not see");
}

/* Looks whether all references are in the copy: a table may have moved since the rehearsal. Then all is copied. */
static int check_references(struct work *work, struct capture *capture, struct error *error)
{
	int64_t missing = reference_pages_missing(work->python, work->memory, &capture->census, error);

	if (missing < 0)
		return -1;
	if (!missing)
		return 0;
	work->whole = true;
	work->rehearsed = 0;
	return error_set(error, ERROR_AGAIN, "objects came to hold references on pages that the rehearsal did not see");
}

static int attempt(struct work *work, const struct capture_options *options, enum hold_way way, struct capture *capture,
	struct error *error)
{
	static const volatile bool never;
	struct hold_report report;
	struct hold *hold;
	struct error late;
	int result, ended, usual;

	if (!work->reserved && memory_reserve(work->memory, &work->pages) < 0)
		return error_set(error, ERROR_FAILED, "out of memory");
	work->reserved = true;
	usual = priority_hurry();
	registers_free(&capture->registers);
	capture->registers.known = work->what == CAPTURE_WHOLE;
	hold = hold_begin(work->python, way, options->max_pause_ms,
		capture->registers.known ? &capture->registers : NULL, &report, error);
	if (hold)
		work->reserved = false;
	result = hold ? cut(work, options, hold_over(hold), capture, error) : -1;
	ended = hold ? hold_end(hold, &report, &late) : 0;
	priority_usual(usual);
	capture->pause_ms += report.held_ms;
	capture->stopped = report.stopped;
	capture->stopped_all = way == HOLD_ALL && report.stopped;
	if (ended < 0) {
		/* Why the hold broke says more than what its reader ran into. */
		*error = late;
		result = -1;
	}
	capture->state = process_state(&work->python->target->process);
	if (result < 0)
		return result;
	memory_close(work->memory);
	if (!work->walk_held) {
		work->rehearsed = 0;
		result = walk(work->python, work->memory, &never, capture, error);
		if (memory_misses(work->memory)) {
			if (work->references)
				work->whole = true;
			else
				work->walk_held = true;
			return error_set(error, ERROR_AGAIN, "the heap grew on pages that the rehearsal did not see");
		}
	}
	if (result == 0 && work->references)
		return check_references(work, capture, error);
	return result == 0 && work->written.count ? check_whole(work, capture, error) : result;
}

static double patience(const struct python *python, const struct error *error)
{
	char state = process_state(&python->target->process);

	if (error->code == ERROR_BUSY)
		return PATIENCE_TRACED;
	return state == 'T' || state == 't' ? PATIENCE_STOPPED : PATIENCE;
}

/* Turns the last attempt's reason into the sentence that the user gets. */
static int give_up(const struct python *python, const struct capture_options *options, const struct work *work,
	struct error *error)
{
	const struct process *process = &python->target->process;
	double megabytes = (double)work->pages.count * MEMORY_PAGE_SIZE / 1e6;
	double advised = HOLD_MS_LEAST + megabytes * HOLD_MS_PER_MB, twice = 2 * options->max_pause_ms;
	struct error last = *error;
	char state = process_state(process);

	switch (last.code) {
	case ERROR_AGAIN:
	case ERROR_COLLECTING:
		if (state == 'T')
			return process_stopped_error(process->pid, last.text, error);
		return error_set(error, ERROR_FAILED, "found no moment to look at process %d within %.0f s: %s",
			process->pid, PATIENCE, last.text);
	case ERROR_BUSY:
		last.code = ERROR_FAILED;
		break;
	case ERROR_DEADLINE:
		return error_set(error, ERROR_DEADLINE,
			"process %d was released before its %.1f MB were copied: --max-pause %g is too short for this "
			"heap, or no CPU was free; try --max-pause %.0f",
			process->pid, megabytes, options->max_pause_ms, advised > twice ? advised : twice);
	default:
		break;
	}
	*error = last;
	return -1;
}

int capture_take(
	struct python *python, const struct capture_options *options, struct capture *capture, struct error *error)
{
	struct work work = {.python = python, .what = options->what};
	double begin = interrupt_now(), wait = 0.001;
	unsigned int failed = 0;
	int result = -1;

	*capture = (struct capture){0};
	for (;;) {
		struct error ended;

		if (process_check(&python->target->process, &ended) < 0) {
			*error = ended;
			break;
		}
		result = rehearse(&work, error);
		if (result == 0)
			result = attempt(&work, options, way_of(failed, interrupt_now() - begin), capture, error);
		if (result == 0 && options->what != CAPTURE_CENSUS) {
			memory_seal(work.memory);
			capture->memory = work.memory;
			capture->partial = work.written.count > 0;
			work.memory = NULL;
		}
		if (result == 0)
			break;
		forget_result(capture);
		if (error->code == ERROR_AGAIN)
			failed++;
		if ((error->code != ERROR_AGAIN && error->code != ERROR_COLLECTING && error->code != ERROR_BUSY) ||
			interrupt_now() - begin > patience(python, error))
			break;
		if (!interrupt_sleep_until(interrupt_now() + wait)) {
			error_set(error, ERROR_INTERRUPTED, "interrupted");
			break;
		}
		if (wait < BACK_OFF_MOST)
			wait *= 2;
	}
	if (result < 0) {
		struct error ended;

		capture_free(capture);
		if (process_check(&python->target->process, &ended) < 0)
			*error = ended;
		else
			give_up(python, options, &work, error);
	}
	work_free(&work);
	return result;
}
