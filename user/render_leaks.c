// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "leaks.h"
#include "render_writer.h"
#include "text.h"

/* Addresses in a row of the table. */
#define ADDRESSES_SHOWN 3

/* The leaks of one type lie together. */
struct group {
	const struct leak *first;
	size_t count;
	uint64_t missing; /* references */
	size_t unreferenced; /* objects that nothing leads to at all: objgraph's get_leaking_objects() */
	char *name;
};

static int by_missing(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->missing != y->missing)
		return x->missing < y->missing ? 1 : -1;
	return (x->first > y->first) - (x->first < y->first);
}

static size_t find_groups(const struct leaks_report *report, struct group *groups)
{
	const struct leaks *leaks = report->leaks;
	size_t count = 0;

	for (size_t i = 0; i < leaks->count; i++) {
		const struct leak *leak = &leaks->leak[i];

		if (!count || groups[count - 1].first->type != leak->type) {
			const struct type_name *name = &report->capture->names[leak->type];

			groups[count++] = (struct group){
				.first = leak, .name = report->full_names ? type_name_full(name) : strdup(name->name)};
		}
		groups[count - 1].count++;
		groups[count - 1].missing += leak->refcount - leak->accounted;
		groups[count - 1].unreferenced += !leak->accounted;
	}
	if (count)
		qsort(groups, count, sizeof(*groups), by_missing);
	return count;
}

static size_t limited(const struct leaks_report *report, size_t count)
{
	return report->limit && count > report->limit ? report->limit : count;
}

static void as_json(struct render *render, const struct leaks_report *report, const struct group *groups, size_t count)
{
	json_t *object = event(render, "leaks"), *types = json_array(), *objects = json_array();

	for (size_t i = 0; i < limited(report, count); i++) {
		const struct group *group = &groups[i];
		json_t *type = json_object();

		json_object_set_new(type, "type", json_text(group->name ? group->name : "?"));
		json_object_set_new(type, "objects", json_integer((json_int_t)group->count));
		json_object_set_new(type, "missing", json_integer((json_int_t)group->missing));
		json_object_set_new(type, "unreferenced", json_integer((json_int_t)group->unreferenced));
		json_array_append_new(types, type);
		for (size_t k = 0; k < limited(report, group->count); k++) {
			json_t *leak = json_object();
			char address[24];

			snprintf(address, sizeof(address), "0x%llx", (unsigned long long)group->first[k].address);
			json_object_set_new(leak, "address", json_string(address));
			json_object_set_new(leak, "type", json_text(group->name ? group->name : "?"));
			json_object_set_new(leak, "refcount", json_integer(group->first[k].refcount));
			json_object_set_new(leak, "accounted", json_integer(group->first[k].accounted));
			json_array_append_new(objects, leak);
		}
	}
	json_object_set_new(object, "pause_ms", json_ms(render->pause_ms));
	json_object_set_new(object, "types", types);
	json_object_set_new(object, "objects", objects);
	emit(render, object);
}

static void as_table(struct render *render, const struct leaks_report *report, const struct group *groups, size_t count)
{
	int width = (int)strlen("type");

	for (size_t i = 0; i < limited(report, count); i++) {
		char *name = text_printable(groups[i].name ? groups[i].name : "?");
		int length = name ? (int)text_length(name) : 0;

		width = length > width ? length : width;
		free(name);
	}
	put(render, "%-*s%13s%13s%14s  %s\n", width, "type", "objects", "missing", "unreferenced", "at");
	for (size_t i = 0; i < limited(report, count); i++) {
		char *name = text_printable(groups[i].name ? groups[i].name : "?");

		put(render, "%s%*s%13zu%13llu%14zu ", name ? name : "?", width - (name ? (int)text_length(name) : 1),
			"", groups[i].count, (unsigned long long)groups[i].missing, groups[i].unreferenced);
		for (size_t k = 0; k < groups[i].count && k < ADDRESSES_SHOWN; k++)
			put(render, " 0x%llx", (unsigned long long)groups[i].first[k].address);
		put(render, "%s\n", groups[i].count > ADDRESSES_SHOWN ? " ..." : "");
		free(name);
	}
	flush(render);
}

void render_leaks(struct render *render, const struct leaks_report *report)
{
	struct group *groups = calloc(report->leaks->count + 1, sizeof(*groups));
	size_t count = groups ? find_groups(report, groups) : 0;

	if (render->json)
		as_json(render, report, groups, count);
	else if (count)
		as_table(render, report, groups, count);
	if (!report->leaks->count)
		render_note("no object has more references than places in memory that lead to it");
	for (size_t i = 0; i < count; i++)
		free(groups[i].name);
	free(groups);
}
