// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "render_writer.h"
#include "text.h"

/* Addresses in a note. */
#define ADDRESSES_SAID 3
/* Characters of a long expression that are shown at its begin, and at its end. */
#define EXPRESSION_END 1000

/* Ways that look alike. */
struct alike {
	const struct chain *chain; /* the first of them */
	char *pattern;
	size_t count;
};

/* The way without what is in brackets, which tells the objects of one container apart. */
static char *pattern_of(const struct chain *chain)
{
	const char *from = chain->expression, *where = chain->where ? chain->where : "";
	const char *waits = chain->waits ? chain->waits : "";
	char *pattern = malloc(strlen(from) + strlen(where) + strlen(waits) + 2), *to = pattern, quote = 0;
	int depth = 0;

	for (; pattern && *from; from++) {
		bool opens = !quote && *from == '[', closes = !quote && *from == ']';

		if (quote && *from == '\\' && from[1])
			from++;
		else if (quote ? *from == quote : depth && (*from == '\'' || *from == '"'))
			quote = quote ? 0 : *from;
		depth -= closes && depth;
		if (!depth)
			*to++ = *from;
		depth += opens;
	}
	if (pattern)
		stpcpy(stpcpy(to, where), waits);
	return pattern;
}

static void add(struct alike *alike, size_t *count, const struct chain *chain)
{
	char *pattern = pattern_of(chain);

	for (size_t i = 0; i < *count; i++) {
		if (pattern && alike[i].pattern && strcmp(alike[i].pattern, pattern) == 0) {
			alike[i].count++;
			free(pattern);
			return;
		}
	}
	alike[(*count)++] = (struct alike){chain, pattern, 1};
}

static int by_count(const void *a, const void *b)
{
	const struct alike *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return (x->chain > y->chain) - (x->chain < y->chain);
}

/* The middle of what is longer than anybody reads. */
static void shorten(char *text)
{
	size_t length = text ? strlen(text) : 0;
	char *from, *to;

	if (length <= 2 * EXPRESSION_END)
		return;
	/* Whole characters. */
	for (from = text + EXPRESSION_END; (*from & 0xc0) == 0x80; from--)
		;
	for (to = text + length - EXPRESSION_END; (*to & 0xc0) == 0x80; to++)
		;
	from += sprintf(from, " ... ");
	memmove(from, to, strlen(to) + 1);
}

static void one_line(struct render *render, const struct alike *alike)
{
	char *expression = text_printable(alike->chain->expression);
	char *where = alike->chain->where ? text_printable(alike->chain->where) : NULL;
	char *waits = alike->chain->waits ? text_printable(alike->chain->waits) : NULL;

	shorten(expression);
	put(render, "%s%s%s", expression ? expression : "?", where ? "    in " : "", where ? where : "");
	if (waits)
		put(render, "    waiting in %s", waits);
	if (alike->count > 1)
		put(render, "    (and %zu more like it)", alike->count - 1);
	put(render, "\n");
	free(expression);
	free(where);
	free(waits);
}

static void as_lines(struct render *render, const struct chains_report *report)
{
	size_t all = 0, count = 0, first = 0;
	struct alike *alike;

	for (size_t i = 0; i < report->count; i++)
		all += report->objects[i].chains.count;
	alike = calloc(all + 1, sizeof(*alike));
	for (size_t i = 0; alike && i < report->count; i++) {
		for (size_t k = 0; k < report->objects[i].chains.count; k++)
			add(alike, &count, &report->objects[i].chains.chain[k]);
		/* The ways to one object stay in their order: shortest first. */
		first = report->count == 1 ? count : 0;
	}
	if (count > first)
		qsort(alike, count, sizeof(*alike), by_count);
	for (size_t i = 0; i < count; i++) {
		one_line(render, &alike[i]);
		free(alike[i].pattern);
	}
	free(alike);
	flush(render);
}

static json_t *address_of(const struct chains_of *of)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)of->address);
	return json_string(text);
}

static void as_json(struct render *render, const struct chains_of *of)
{
	json_t *object = event(render, "chains"), *chains = json_array();

	for (size_t i = 0; i < of->chains.count; i++) {
		const struct chain *chain = &of->chains.chain[i];
		json_t *one = json_object();

		json_object_set_new(one, "expression", json_text(chain->expression));
		json_object_set_new(one, "where", chain->where ? json_text(chain->where) : json_null());
		if (chain->waits)
			json_object_set_new(one, "waits", json_text(chain->waits));
		json_object_set_new(one, "plain", json_boolean(chain->plain));
		json_array_append_new(chains, one);
	}
	json_object_set_new(object, "address", address_of(of));
	json_object_set_new(object, "pause_ms", json_ms(render->pause_ms));
	json_object_set_new(object, "garbage", json_boolean(of->garbage));
	json_object_set_new(object, "chains", chains);
	emit(render, object);
}

/* What is so of some of the objects, and of which. */
static void note(const struct chains_report *report, bool garbage, const char *what)
{
	char list[ADDRESSES_SAID * 24] = "";
	size_t count = 0;

	for (size_t i = 0; i < report->count; i++) {
		const struct chains_of *of = &report->objects[i];

		if (of->chains.count || of->garbage != garbage)
			continue;
		if (count++ < ADDRESSES_SAID)
			snprintf(list + strlen(list), sizeof(list) - strlen(list), " 0x%llx",
				(unsigned long long)of->address);
	}
	render_note(
		"%zu of %zu objects,%s%s: %s", count, report->count, list, count > ADDRESSES_SAID ? " ..." : "", what);
}

/* Of objects that have a way, but not as many as --chains asked for. */
static void note_fewer(const struct chains_report *report)
{
	size_t objects = 0, ways = 0;

	for (size_t i = 0; i < report->count; i++) {
		size_t count = report->objects[i].chains.count;

		objects += count && count < report->asked;
		ways = count && count < report->asked ? count : ways;
	}
	if (objects && report->count == 1)
		render_note("%zu of %zu ways: there are no more that differ in their first step from the root", ways,
			report->asked);
	else if (objects)
		render_note("%zu of %zu objects have fewer than %zu ways that differ in their first step from the root",
			objects, report->count, report->asked);
}

void render_chains(struct render *render, const struct chains_report *report)
{
	size_t garbage = 0, held = 0;

	for (size_t i = 0; i < report->count; i++) {
		const struct chains_of *of = &report->objects[i];

		if (render->json)
			as_json(render, of);
		garbage += of->garbage;
		held += !of->garbage && !of->chains.count;
	}
	if (!render->json)
		as_lines(render, report);
	note_fewer(report);
	if (garbage)
		note(report, true,
			"garbage: only objects that nothing leads to lead to them, and the next full collection will "
			"find them");
	if (held)
		note(report, false,
			"no module, running function or other root leads to them, but something holds them: memory of "
			"C code or its stack, or a reference that was lost (--leaks tells)");
}
