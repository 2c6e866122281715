/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happened between two cuts: their counters, and the censuses of the same moments, put together by type name.
 * Conservation is the rule: objects at the end = objects at the start + births - deaths.
 */
#ifndef OGT_TALLY_H
#define OGT_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture.h"
#include "events.h"
#include "growth.h"
#include "memory.h"
#include "python.h"
#include "sites.h"
#include "stream.h"

/* The counters at one cut. */
struct cut {
	struct stream_counts counts;
	struct stream_objects finalized, closing;
	struct alloc_probe_state state;
	double time; /* monotonic */
	uint64_t missed; /* births that the kernel could not hand to the program */
	bool valid; /* it could be read */
	bool full; /* everything was being traced */
};

struct type_count {
	uint64_t type, count;
	char *name; /* as shown; NULL when the filter does not let it pass */
};

/* Types that had more objects than at the cut before; so many of them are kept. */
#define TALLY_GROWING_MOST 64

/* Zeroed: nothing has been tallied. */
struct tally {
	struct cut now, before;
	struct type_count *counts; /* of the census before, ascending by type */
	size_t type_count;
	uint64_t growing[TALLY_GROWING_MOST]; /* between the last two cuts, the largest growth first */
	int64_t growth[TALLY_GROWING_MOST];
	size_t growing_count;
};

/* How the time between the two cuts was traced. */
struct tally_means {
	enum stream_kind kind;
	bool has_births; /* they can be seen or derived */
	bool sees_all_births; /* of types whose objects stay tracked */
	double traced; /* seconds, in windows */
	double used, undisturbed; /* the target's CPU time in these: all, and without that of the events */
	double cpu_share; /* CPU seconds per second */
	/* Whether the deaths of a type were all counted. */
	bool (*counts_deaths)(void *context, uint64_t type);
	/* Whether objects of a type may have died where no probe is (probe_sites.h, copied). */
	bool (*may_miss_deaths)(void *context, uint64_t type);
	void *context;
};

/* Reads the counters of a tracee whose process is held. Repeated when the cut has to be. full: see struct cut. */
void tally_cut(struct tally *tally, struct tracee *tracee, bool full);

/*
 * The events between the cut before and this one, whose census is in capture, for the types that pass the filter. Small
 * reads go through memory. -1 when out of memory; events are freed with events_free, also then. At the first cut there
 * is nothing before it.
 */
int tally_events(struct tally *tally, struct tracee *tracee, const struct python *python, struct memory *memory,
	const struct sites *sites, const struct capture *capture, const struct name_filter *filter,
	const struct tally_means *means, struct events *events);

/* This cut becomes the one before. */
void tally_next(struct tally *tally);

void tally_free(struct tally *tally);

#endif
