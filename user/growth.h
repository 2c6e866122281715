/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * objgraph's questions about counts: how many objects of each type there are (typestats, most_common_types) and which
 * types have more than they ever had before (growth). Types of one name count as one, as objgraph counts them.
 */
#ifndef OGT_GROWTH_H
#define OGT_GROWTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture.h"
#include "counts.h"

/* Which types, and under which name. */
struct name_filter {
	bool full_names; /* module.name in place of name */
	const char *const *globs; /* a type passes when one of them matches either form of its name; none: all pass */
	size_t glob_count;
};

bool name_filter_passes(const struct name_filter *filter, const char *name, const char *full);

/* Objects per type name, in the order in which gc.get_objects() would first meet them. -1 when out of memory. */
int typestats(const struct capture *capture, const struct name_filter *filter, struct counts *stats);

struct growth_row {
	const char *name; /* borrowed from stats */
	uint64_t count;
	int64_t delta; /* above the peak */
};

/*
 * The types with more objects than their peak, most growth first (equal ones in the order of stats); with update,
 * their counts become the new peaks. A name without a peak has peak 0. *rows is malloc'ed. Number of rows, or -1 when
 * out of memory.
 */
ssize_t growth(const struct counts *stats, struct counts *peaks, bool update, struct growth_row **rows);

/* All types, most objects first. */
ssize_t most_common_types(const struct counts *stats, struct growth_row **rows);

#endif
