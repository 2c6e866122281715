// SPDX-License-Identifier: BSD-2-Clause
#include "watching.h"

#include "garbage.h"
#include "interrupt.h"

/* How often a waiting tracer looks whether the target is still there, seconds. */
#define TICK 0.25

/* What a look has to copy for what is asked. */
static enum capture_what what_to_capture(const struct options *options)
{
	switch (options->mode) {
	case MODE_SAVE:
	case MODE_LEAKS: /* a reference may be anywhere */
	case MODE_REFS: /* shows texts and numbers, too */
		return CAPTURE_WHOLE;
	case MODE_BACKREFS:
	case MODE_CHAIN:
		return CAPTURE_REFERENCES;
	default:
		return options->garbage == GARBAGE_INCLUDE ? CAPTURE_CENSUS : CAPTURE_REFERENCES;
	}
}

int watch_look(struct watch *watch, struct capture *capture, struct error *error)
{
	struct capture_options options = {
		.max_pause_ms = watch->options->max_pause_ms,
		.at_cut = watch->trace ? trace_at_cut : NULL,
		.context = watch->trace,
		.what = what_to_capture(watch->options),
	};

	if (watch->trace)
		trace_pause(watch->trace);
	if (capture_take(&watch->python, &options, capture, error) < 0)
		return -1;
	if (watch_garbage(watch, &watch->python, capture->memory, capture, error) == 0)
		return 0;
	capture_free(capture);
	return -1;
}

int watch_garbage(const struct watch *watch, const struct python *python, struct memory *memory,
	struct capture *capture, struct error *error)
{
	enum garbage_choice choice = watch->options->garbage;
	struct garbage garbage;

	if (choice == GARBAGE_INCLUDE)
		return 0;
	if (garbage_filter(&garbage, python, memory, &capture->census, choice == GARBAGE_ONLY, error) < 0)
		return -1;
	render_note("%zu objects are garbage that waits for a collection%s", garbage.count,
		choice == GARBAGE_ONLY ? "" : ": they are left out");
	if (garbage.finalizers)
		render_note("%zu of them have a finalizer that was not called yet, which may bring some back",
			garbage.finalizers);
	return 0;
}

struct name_filter watch_filter(const struct options *options, bool full_names)
{
	return (struct name_filter){full_names, options->globs, options->glob_count};
}

size_t watch_limit(const struct options *options, ssize_t count)
{
	return options->limit && (size_t)count > options->limit ? options->limit : (size_t)count;
}

/* Ctrl-Z: the process is left alone until the tracer goes on. */
static void stop(struct watch *watch)
{
	if (watch->trace)
		trace_suspend(watch->trace);
	interrupt_stop();
	if (watch->trace)
		trace_continue(watch->trace);
}

/* Waits for the next table, and notices when the target ends meanwhile. */
int watch_wait(struct watch *watch, double time, struct error *error)
{
	if (interrupt_stop_asked())
		stop(watch);
	for (double now = interrupt_now(); now < time; now = interrupt_now()) {
		double next = now + TICK < time ? now + TICK : time;

		if (!(watch->trace ? trace_run(watch->trace, next) : interrupt_sleep_until(next)))
			return error_set(error, ERROR_INTERRUPTED, "interrupted");
		if (interrupt_stop_asked())
			stop(watch);
		if (process_check(&watch->target.process, error) < 0)
			return -1;
	}
	if (interrupt_signal)
		return error_set(error, ERROR_INTERRUPTED, "interrupted");
	return 0;
}
