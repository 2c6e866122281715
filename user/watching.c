// SPDX-License-Identifier: BSD-2-Clause
#include "watching.h"

#include "interrupt.h"

/* How often a waiting tracer looks whether the target is still there, seconds. */
#define TICK 0.25

int watch_look(struct watch *watch, struct capture *capture, struct error *error)
{
	struct capture_options options = {
		.max_pause_ms = watch->options->max_pause_ms,
		.at_cut = watch->trace ? trace_at_cut : NULL,
		.context = watch->trace,
		.what = watch->options->mode == MODE_SAVE ? CAPTURE_WHOLE : CAPTURE_CENSUS,
	};

	if (watch->trace)
		trace_pause(watch->trace);
	return capture_take(&watch->python, &options, capture, error);
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
