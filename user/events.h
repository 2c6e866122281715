/* SPDX-License-Identifier: BSD-2-Clause */
/* What the stream saw between two reports, by type name: births, deaths, peaks, allocation sites. */
#ifndef OGT_EVENTS_H
#define OGT_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "counts.h"
#include "sites.h"

/* How births were traced. */
enum stream_kind {
	STREAM_OFF,
	STREAM_WINDOWS, /* now and then: sites are a sample, rates an estimate */
	STREAM_FULL, /* every birth and death */
};

/* Types of one name are one, as in the tables. */
struct event {
	unsigned int kinds; /* types of this name */
	uint64_t count; /* alive at the end, gc.freeze()'s included */
	int64_t change; /* since the report before */
	uint64_t births, deaths; /* STREAM_FULL */
	bool exact; /* births and deaths are all known */
	bool derived; /* deaths are births less growth: nobody counted them */
	bool births_derived; /* births are growth and deaths together: not all were seen */
	uint64_t births_seen; /* by the programs */
	bool has_births; /* births, too (not before 3.8) */
	bool untracked; /* the collector takes live objects of this type off its lists */
	uint64_t peak; /* most alive between the two reports */
	bool has_peak;
	double births_per_second, deaths_per_second; /* STREAM_WINDOWS: estimates */
	bool at_least; /* lower bounds: windows that slow the target down much tell no more */
	struct allocation_site *sites; /* most survivors first */
	size_t site_count;
	double survivors; /* of all sites */
};

struct events {
	enum stream_kind kind;
	double seconds; /* between the two reports */
	double traced; /* of these, in which births were traced */
	uint64_t lost; /* events that were seen and not counted */
	uint64_t lost_finalized; /* of `deaths`, those that may have been no deaths: too many objects with a __del__ */
	uint64_t lost_samples; /* births that found no room for their stack */
	size_t unconserved; /* types of which count = count before + births - deaths does not hold: their numbers are
			       unknown */
	char first_unconserved[64]; /* one of them */
	struct counts names; /* value: index into event */
	struct event *event; /* one for each name */
	size_t capacity;
};

/* NULL when there is none of that name. */
const struct event *events_find(const struct events *events, const char *name);
/* Makes it when it is new; NULL when out of memory. Valid until the next events_get. */
struct event *events_get(struct events *events, const char *name);
void events_free(struct events *events);

#endif
