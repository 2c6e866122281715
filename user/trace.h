/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stream on one target, inside a budget: where to probe, when, and what was seen between two reports.
 *
 *   trace_open -> capture_take(at_cut: trace_at_cut) -> trace_report -> trace_run ... -> capture_take ... ->
 * trace_close
 *
 * With a budget of 100, or where the target makes objects so slowly that it fits, every birth and death is traced, and
 * counters and census are one cut in time. Else births are traced in windows, by hardware breakpoints alone: no
 * instruction of the target is touched.
 */
#ifndef OGT_TRACE_H
#define OGT_TRACE_H

#include "capture.h"
#include "events.h"
#include "growth.h"
#include "python.h"

struct trace;

struct trace_options {
	double budget; /* percent of the target's CPU time, more than 0 to 100 */
	double max_pause_ms; /* longest hold allowed */
	void (*note)(const char *format, ...) __attribute__((format(printf, 1, 2))); /* what the user should know */
	bool births; /* for trace_born: each birth that is seen is recorded, not a share of them */
};

/*
 * Begins to trace. Takes a quarter of a second to learn how fast the target makes objects, unless the budget is 100.
 * NULL, with the reason, where this kernel or user cannot.
 */
struct trace *trace_open(struct python *python, const struct trace_options *options, struct error *error);
void trace_close(struct trace *trace);

/* While the target is held: takes the counters of this cut. May be called again when the cut has to be repeated. */
void trace_at_cut(void *trace, const volatile bool *stop);

/*
 * What happened since the report before, for the types that pass the filter. The first says nothing of births and
 * deaths. Sites come with every type. 0, or -1 when out of memory; events are freed with events_free, also then.
 */
int trace_report(
	struct trace *trace, const struct capture *capture, const struct name_filter *filter, struct events *events);

/*
 * Where objects were born, as far as that was seen, between the cuts of the last two reports: addresses, ascending,
 * each once; an earlier object that was there is gone. They stay the trace's, until this is called again. *refused:
 * births for which there was no room.
 */
size_t trace_born(struct trace *trace, const uint64_t **addresses, uint64_t *refused);

/*
 * Before a look, and whatever else may take its time: no window stays open, and what stays attached is taken out when
 * it has cost what is left of the budget. trace_run goes on.
 */
void trace_pause(struct trace *trace);

/* Before and after the tracer is stopped (Ctrl-Z): nothing stays attached. */
void trace_suspend(struct trace *trace);
void trace_continue(struct trace *trace);

/* Traces until the monotonic time `until`, or until a signal arrives: then false. */
bool trace_run(struct trace *trace, double until);

#endif
