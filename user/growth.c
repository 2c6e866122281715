// SPDX-License-Identifier: BSD-2-Clause
#include "growth.h"

#include <fnmatch.h>
#include <stdlib.h>

bool name_filter_passes(const struct name_filter *filter, const char *name, const char *full)
{
	for (size_t i = 0; i < filter->glob_count; i++) {
		if (fnmatch(filter->globs[i], name, 0) == 0 || fnmatch(filter->globs[i], full, 0) == 0)
			return true;
	}
	return !filter->glob_count;
}

int typestats(const struct capture *capture, const struct name_filter *filter, struct counts *stats)
{
	const struct type_table *types = &capture->census.types;

	for (size_t i = 0; i < types->count; i++) {
		char *full;

		/* Only frozen ones: gc.get_objects() does not show them. */
		if (!types->type[i].count)
			continue;
		full = type_name_full(&capture->names[i]);
		if (!full)
			return -1;
		if (name_filter_passes(filter, capture->names[i].name, full)) {
			struct count *count = counts_get(stats, filter->full_names ? full : capture->names[i].name);

			if (!count) {
				free(full);
				return -1;
			}
			count->value += types->type[i].count;
		}
		free(full);
	}
	return 0;
}

/* Python's sort is stable: equal deltas stay in the order of the stats. Rows carry no index, but names lie in order. */
struct ordered {
	struct growth_row row;
	size_t order;
};

static int more_first(const void *a, const void *b)
{
	const struct ordered *x = a, *y = b;

	if (x->row.delta != y->row.delta)
		return x->row.delta < y->row.delta ? 1 : -1;
	return x->order > y->order ? 1 : x->order < y->order ? -1 : 0;
}

static ssize_t sorted(struct ordered *all, size_t count, struct growth_row **rows)
{
	*rows = malloc((count ? count : 1) * sizeof(**rows));
	if (*rows) {
		qsort(all, count, sizeof(*all), more_first);
		for (size_t i = 0; i < count; i++)
			(*rows)[i] = all[i].row;
	}
	free(all);
	return *rows ? (ssize_t)count : -1;
}

ssize_t growth(const struct counts *stats, struct counts *peaks, bool update, struct growth_row **rows)
{
	struct ordered *all = malloc((stats->size ? stats->size : 1) * sizeof(*all));
	size_t count = 0;

	*rows = NULL;
	if (!all)
		return -1;
	for (size_t i = 0; i < stats->size; i++) {
		const struct count *now = &stats->entry[i];
		struct count *peak = update ? counts_get(peaks, now->name) : counts_find(peaks, now->name);
		uint64_t highest = peak ? peak->value : 0;

		if (update && !peak) {
			free(all);
			return -1;
		}
		if (now->value <= highest)
			continue;
		all[count] = (struct ordered){{now->name, now->value, (int64_t)(now->value - highest)}, i};
		count++;
		if (update)
			peak->value = now->value;
	}
	return sorted(all, count, rows);
}

ssize_t most_common_types(const struct counts *stats, struct growth_row **rows)
{
	struct counts none = {0};

	return growth(stats, &none, false, rows);
}
