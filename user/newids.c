// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "newids.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "order.h"

/* A radix sort looks at so many bits of an address at a time, from the fourth on: objects are aligned. */
#define RADIX_BITS 11
#define RADIX_SIZE (1u << RADIX_BITS)
#define RADIX_FIRST 3
#define ADDRESS_BITS 64

struct placed {
	uint64_t id;
	uint32_t type; /* index into the ids' types */
};

/* Sorts by id. spare has as much room; the result may lie in either, and is returned. */
static struct placed *sort(struct placed *all, struct placed *spare, size_t count)
{
	uint64_t differ = 0;

	for (size_t i = 1; i < count; i++)
		differ |= all[i].id ^ all[0].id;
	for (unsigned int shift = RADIX_FIRST; shift < ADDRESS_BITS && differ >> shift; shift += RADIX_BITS) {
		size_t place[RADIX_SIZE + 1] = {0};
		struct placed *other = all;

		for (size_t i = 0; i < count; i++)
			place[(all[i].id >> shift & (RADIX_SIZE - 1)) + 1]++;
		for (size_t i = 1; i < RADIX_SIZE; i++)
			place[i] += place[i - 1];
		for (size_t i = 0; i < count; i++)
			spare[place[all[i].id >> shift & (RADIX_SIZE - 1)]++] = all[i];
		all = spare;
		spare = other;
	}
	return all;
}

static int compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int by_name(const void *a, const void *b, void *context)
{
	const struct type_name *names = context, *x = &names[*(const uint32_t *)a], *y = &names[*(const uint32_t *)b];
	int order = strcmp(x->name, y->name);

	return order ? order : compare_text(x->module, y->module);
}

/* For each type of the capture which of the ids' types it is; these are made, without ids. NULL when out of memory. */
static uint32_t *merge_types(const struct capture *capture, struct ids *ids)
{
	size_t n = capture->census.types.count;
	uint32_t *order = calloc(n + 1, sizeof(*order)), *index = calloc(n + 1, sizeof(*index));
	bool failed;

	ids->type = calloc(n + 1, sizeof(*ids->type));
	failed = !order || !index || !ids->type;
	for (size_t i = 0; i < n && !failed; i++)
		order[i] = (uint32_t)i;
	if (!failed && n)
		qsort_r(order, n, sizeof(*order), by_name, capture->names);
	for (size_t i = 0; i < n && !failed; i++) {
		const struct type_name *name = &capture->names[order[i]];

		if (!i || by_name(&order[i - 1], &order[i], capture->names) != 0) {
			struct type_name *own = &ids->type[ids->count].name;

			own->name = strdup(name->name);
			own->module = name->module ? strdup(name->module) : NULL;
			failed = !own->name || (name->module && !own->module);
			ids->count++;
		}
		index[order[i]] = (uint32_t)ids->count - 1;
	}
	free(order);
	if (failed) {
		free(index);
		return NULL;
	}
	return index;
}

/* gc.get_objects() does not return what gc.freeze() has parked. */
static size_t collect(const struct census *census, const uint32_t *index, struct placed *all)
{
	size_t count = 0;

	for (size_t i = 0; i < census->segment_count; i++) {
		const struct census_segment *segment = &census->segments[i];

		for (size_t k = 0; segment->generation != GENERATION_PERMANENT && k < segment->count; k++)
			all[count++] = (struct placed){
				census->address[segment->first + k], index[census->type[segment->first + k]]};
	}
	return count;
}

int ids_of_capture(const struct capture *capture, struct ids *ids)
{
	const struct census *census = &capture->census;
	struct placed *all = malloc((census->count + 1) * sizeof(*all)), *sorted;
	struct placed *spare = malloc((census->count + 1) * sizeof(*spare));
	uint32_t *index;
	size_t count;
	int result = 0;

	*ids = (struct ids){0};
	index = merge_types(capture, ids);
	if (!all || !spare || !index) {
		result = -1;
	} else {
		count = collect(census, index, all);
		sorted = sort(all, spare, count);
		for (size_t i = 0; i < count; i++)
			ids->type[sorted[i].type].count++;
		for (size_t i = 0; i < ids->count && result == 0; i++) {
			ids->type[i].id = malloc((ids->type[i].count + 1) * sizeof(*ids->type[i].id));
			result = ids->type[i].id ? 0 : -1;
			ids->type[i].count = 0;
		}
		for (size_t i = 0; i < count && result == 0; i++) {
			struct ids_of_type *type = &ids->type[sorted[i].type];

			type->id[type->count++] = sorted[i].id;
		}
	}
	free(index);
	free(all);
	free(spare);
	if (result < 0)
		ids_free(ids);
	return result;
}

void ids_free(struct ids *ids)
{
	for (size_t i = 0; ids->type && i < ids->count; i++) {
		type_name_free(&ids->type[i].name);
		free(ids->type[i].id);
	}
	free(ids->type);
	*ids = (struct ids){0};
}

/* --- two of them --- */

/* A type under the name that it is shown by. */
struct shown {
	char *name; /* owned */
	const struct ids_of_type *ids;
	bool old;
};

static int by_shown_name(const void *a, const void *b)
{
	const struct shown *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (int)y->old - (int)x->old;
}

static int show(const struct ids *ids, bool old, const struct name_filter *filter, struct shown *all, size_t *count)
{
	for (size_t i = 0; i < ids->count; i++) {
		const struct ids_of_type *type = &ids->type[i];
		char *full = type_name_full(&type->name), *name;

		if (!full)
			return -1;
		if (!type->count || !name_filter_passes(filter, type->name.name, full)) {
			free(full);
			continue;
		}
		name = filter->full_names ? full : strdup(type->name.name);
		if (name != full)
			free(full);
		if (!name)
			return -1;
		all[(*count)++] = (struct shown){name, type, old};
	}
	return 0;
}

/* The ids of several types in one: *ids is malloc'ed. */
static int unite(const struct shown *all, size_t count, uint64_t **ids, uint64_t *n)
{
	size_t total = 0;

	for (size_t i = 0; i < count; i++)
		total += all[i].ids->count;
	*n = 0;
	*ids = malloc((total + 1) * sizeof(**ids));
	if (!*ids)
		return -1;
	for (size_t i = 0; i < count; i++) {
		memcpy(*ids + *n, all[i].ids->id, all[i].ids->count * sizeof(**ids));
		*n += all[i].ids->count;
	}
	if (count > 1)
		qsort(*ids, *n, sizeof(**ids), order_u64);
	return 0;
}

/* One row of the types that share a name: first those of then, `old` of them, after them those of now. */
static int compare(struct shown *all, size_t count, size_t old, const struct born_between *born, struct newids_row *row)
{
	uint64_t *before = NULL, *now = NULL, k = 0;
	size_t b = 0;

	if (unite(all, old, &before, &row->old) < 0 || unite(all + old, count - old, &now, &row->current) < 0) {
		free(before);
		free(now);
		return -1;
	}
	for (uint64_t i = 0; i < row->current; i++) {
		while (k < row->old && before[k] < now[i])
			k++;
		while (b < born->count && born->address[b] < now[i])
			b++;
		if (k == row->old || before[k] != now[i] || (b < born->count && born->address[b] == now[i]))
			now[row->count++] = now[i];
	}
	free(before);
	row->id = now;
	row->name = all[0].name;
	all[0].name = NULL;
	return 0;
}

static int64_t value_of(const struct newids_row *row, enum newids_column column)
{
	switch (column) {
	case NEWIDS_OLD:
		return (int64_t)row->old;
	case NEWIDS_CURRENT:
		return (int64_t)row->current;
	case NEWIDS_NEW:
		return (int64_t)row->count;
	case NEWIDS_DELTAS:
		break;
	}
	return (int64_t)(row->current - row->old);
}

/* UTF-8 sorts as Python sorts str: by code points. */
static int by_column(const void *a, const void *b, void *context)
{
	const struct newids_row *x = a, *y = b;
	int64_t left = value_of(x, *(enum newids_column *)context), right = value_of(y, *(enum newids_column *)context);

	return left != right ? (left < right ? 1 : -1) : strcmp(y->name, x->name);
}

ssize_t newids(const struct ids *old, const struct ids *current, const struct born_between *born,
	const struct name_filter *filter, enum newids_column column, struct newids_row **rows)
{
	struct shown *all = calloc(old->count + current->count + 1, sizeof(*all));
	size_t n = 0, count = 0;
	int result;

	*rows = calloc(old->count + current->count + 1, sizeof(**rows));
	result = all && *rows ? 0 : -1;
	if (result == 0 && (show(old, true, filter, all, &n) < 0 || show(current, false, filter, all, &n) < 0))
		result = -1;
	if (result == 0 && n)
		qsort(all, n, sizeof(*all), by_shown_name);
	for (size_t i = 0, end; i < n && result == 0; i = end) {
		size_t before = 0;

		for (end = i; end < n && strcmp(all[end].name, all[i].name) == 0; end++)
			before += all[end].old;
		result = compare(&all[i], end - i, before, born, &(*rows)[count]);
		count += result == 0;
	}
	for (size_t i = 0; i < n; i++)
		free(all[i].name);
	free(all);
	if (result < 0) {
		newids_free(*rows, count);
		*rows = NULL;
		return -1;
	}
	if (count)
		qsort_r(*rows, count, sizeof(**rows), by_column, &column);
	return (ssize_t)count;
}

/* Leaves of a row's ids those that the types of its name have. */
static int intersect(struct newids_row *row, const struct shown *all, size_t count)
{
	uint64_t *ids, n, k = 0, kept = 0;

	if (unite(all, count, &ids, &n) < 0)
		return -1;
	for (size_t i = 0; i < row->count; i++) {
		while (k < n && ids[k] < row->id[i])
			k++;
		if (k < n && ids[k] == row->id[i])
			row->id[kept++] = row->id[i];
	}
	row->count = kept;
	free(ids);
	return 0;
}

static int by_row_name(const void *a, const void *b)
{
	return strcmp((*(struct newids_row *const *)a)->name, (*(struct newids_row *const *)b)->name);
}

int newids_stayed(struct newids_row *rows, size_t count, const struct ids *between, const struct name_filter *filter,
	enum newids_column column)
{
	struct newids_row **by_name = calloc(count + 1, sizeof(*by_name));
	struct shown *all = calloc(between->count + 1, sizeof(*all));
	size_t n = 0, first = 0;
	int result = all && by_name ? show(between, false, filter, all, &n) : -1;

	for (size_t i = 0; result == 0 && i < count; i++)
		by_name[i] = &rows[i];
	if (result == 0) {
		qsort(all, n, sizeof(*all), by_shown_name);
		qsort(by_name, count, sizeof(struct newids_row *), by_row_name);
	}
	for (size_t i = 0; i < count && result == 0; i++) {
		size_t end;

		while (first < n && strcmp(all[first].name, by_name[i]->name) < 0)
			first++;
		for (end = first; end < n && strcmp(all[end].name, by_name[i]->name) == 0;)
			end++;
		result = intersect(by_name[i], all + first, end - first);
		first = end;
	}
	for (size_t i = 0; i < n; i++)
		free(all[i].name);
	free(all);
	free(by_name);
	if (result == 0 && count)
		qsort_r(rows, count, sizeof(*rows), by_column, &column);
	return result;
}

size_t newids_filter(struct newids_row *rows, size_t count, bool (*passes)(void *context, uint64_t id), void *context,
	enum newids_column column)
{
	size_t left_out = 0;

	for (size_t i = 0; i < count; i++) {
		size_t kept = 0;

		for (size_t k = 0; k < rows[i].count; k++) {
			if (passes(context, rows[i].id[k]))
				rows[i].id[kept++] = rows[i].id[k];
		}
		left_out += rows[i].count - kept;
		rows[i].count = kept;
	}
	if (count)
		qsort_r(rows, count, sizeof(*rows), by_column, &column);
	return left_out;
}

void newids_free(struct newids_row *rows, size_t count)
{
	for (size_t i = 0; rows && i < count; i++) {
		free(rows[i].name);
		free(rows[i].id);
	}
	free(rows);
}
