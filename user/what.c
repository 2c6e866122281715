// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "what.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names that are suggested, and how far from what was asked for they may be. */
#define SUGGESTIONS 3
#define FAR 3
/* Longer names are not compared letter by letter. */
#define NAME_MOST 64

bool what_is_address(const char *text, uint64_t *address)
{
	char *end;

	errno = 0;
	*address = strtoull(text, &end, text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10);
	return *text >= '0' && *text <= '9' && !*end && !errno;
}

bool what_is_called(const struct type_name *type, const char *name)
{
	size_t module = type->module ? strlen(type->module) : 0;

	return strcmp(type->name, name) == 0 ||
	       (module && strncmp(type->module, name, module) == 0 && name[module] == '.' &&
		       strcmp(type->name, name + module + 1) == 0);
}

uint64_t what_count(const struct capture *capture, const char *name, uint64_t *frozen)
{
	const struct type_table *types = &capture->census.types;
	uint64_t count = 0;

	*frozen = 0;
	for (size_t i = 0; i < types->count; i++) {
		if (!what_is_called(&capture->names[i], name))
			continue;
		count += types->type[i].count;
		*frozen += types->type[i].frozen;
	}
	return count;
}

ssize_t what_newest(const struct capture *capture, const char *name, uint64_t *address, size_t most)
{
	const struct census *census = &capture->census;
	bool *wanted = calloc(census->types.count + 1, sizeof(*wanted));
	size_t count = 0;

	if (!wanted)
		return -1;
	for (size_t i = 0; i < census->types.count; i++)
		wanted[i] = what_is_called(&capture->names[i], name);
	for (int generation = 0; generation < LAYOUT_GENERATIONS; generation++) {
		for (size_t i = 0; i < census->segment_count; i++) {
			const struct census_segment *segment = &census->segments[i];

			if (segment->generation != generation)
				continue;
			for (size_t k = segment->first + segment->count; k-- > segment->first && count < most;) {
				if (wanted[census->type[k]])
					address[count++] = census->address[k];
			}
		}
	}
	free(wanted);
	return (ssize_t)count;
}

/* How many letters have to be changed, put in or left out; upper and lower case are one. */
static size_t distance(const char *a, const char *b)
{
	size_t row[NAME_MOST + 1], x = strlen(a), y = strlen(b);

	if (x > NAME_MOST || y > NAME_MOST)
		return NAME_MOST;
	for (size_t j = 0; j <= y; j++)
		row[j] = j;
	for (size_t i = 1; i <= x; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= y; j++) {
			size_t changed =
				corner + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
			size_t other = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

			corner = row[j];
			row[j] = changed < other ? changed : other;
		}
	}
	return row[y];
}

/* The same for names of which one may be a part of the other. */
static size_t unlikeness(const char *wanted, const char *name)
{
	size_t result = distance(wanted, name);

	if (strlen(wanted) > 2 && result > 1 && strcasestr(name, wanted))
		result = 1;
	return result;
}

char *what_suggest(const struct capture *capture, const char *name)
{
	const char *dot = strrchr(name, '.'), *last = dot ? dot + 1 : name, *best[SUGGESTIONS] = {NULL};
	size_t far[SUGGESTIONS], size, most = strlen(last) / 3 < FAR ? strlen(last) / 3 + 1 : FAR;
	char *text;
	FILE *out;

	for (int i = 0; i < SUGGESTIONS; i++)
		far[i] = most + 1;
	for (size_t i = 0; i < capture->census.types.count; i++) {
		const char *other = capture->names[i].name;
		size_t unlike = unlikeness(last, other);
		int place = SUGGESTIONS;
		bool there = !capture->census.types.type[i].count;

		for (int k = 0; k < SUGGESTIONS; k++)
			there = there || (best[k] && strcmp(best[k], other) == 0);
		while (place > 0 && unlike < far[place - 1])
			place--;
		if (there || place == SUGGESTIONS)
			continue;
		for (int k = SUGGESTIONS - 1; k > place; k--) {
			best[k] = best[k - 1];
			far[k] = far[k - 1];
		}
		best[place] = other;
		far[place] = unlike;
	}
	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	for (int i = 0; i < SUGGESTIONS && best[i]; i++)
		fprintf(out, "%s%s", i ? ", " : "", best[i]);
	return fclose(out) == 0 ? text : NULL;
}
