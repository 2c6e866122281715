// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_sites   samples of made-up births: room is found again, what is given up is told, survivors are those of the
 *              census. No process is traced; the code of all frames is gone, so that every line is "?".
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "sites.h"
#include "target.h"

#define OBJECTS 0x100000
#define TYPES 0x10000000
#define NOWHERE 8 /* nothing is there */

struct births {
	struct sites *sites;
	uint64_t number; /* of the last one */
	uint64_t dropped; /* followed ones that the sites gave up */
};

static void count_dropped(void *context, const struct stream_object *object)
{
	struct births *births = context;

	(void)object;
	births->dropped++;
}

static uint64_t object_at(uint64_t place)
{
	return OBJECTS + 16 * place;
}

/* A birth with a stack of one frame; its time is its number. */
static void bear(struct births *births, uint64_t type, uint64_t place, bool followed)
{
	struct alloc_probe_birth birth = {
		.object = object_at(place),
		.type = type,
		.time = ++births->number,
		.number = births->number,
		.frames = 1,
		.followed = followed,
		.frame[0] = {.code = NOWHERE, .identity = 1}, /* other code than is there now */
	};

	sites_add(births->sites, &birth);
}

/* A census of one old segment: objects of one type at the places from first on. */
static struct capture census_of(uint64_t type, uint64_t first, size_t count)
{
	struct capture capture = {0};
	struct census *census = &capture.census;

	census->address = calloc(count, sizeof(*census->address));
	census->type = calloc(count, sizeof(*census->type));
	census->types.type = calloc(1, sizeof(*census->types.type));
	census->segments = calloc(1, sizeof(*census->segments));
	if (!census->address || !census->type || !census->types.type || !census->segments)
		exit(1);
	for (size_t i = 0; i < count; i++)
		census->address[i] = object_at(first + i);
	census->types.type[0].address = type;
	census->types.count = 1;
	census->segments[0] = (struct census_segment){.generation = 2, .count = count};
	census->segment_count = census->interpreters = 1;
	census->count = count;
	return capture;
}

static void free_census(struct capture *capture)
{
	free(capture->census.address);
	free(capture->census.type);
	free(capture->census.types.type);
	free(capture->census.segments);
}

static void equal(uint64_t got, uint64_t want, const char *what)
{
	check(got == want, "%s: %llu%s", what, (unsigned long long)got, got == want ? "" : ", which is wrong");
}

/* The sites of a type after a check that finds `alive` of its objects, followed ones, from place 0 on. */
static void has_site(struct births *births, uint64_t type, size_t alive, uint64_t sampled, const char *what)
{
	struct capture capture = census_of(type, 0, alive);
	struct stream_objects live = {calloc(alive, sizeof(*live.object)), alive, alive};
	struct allocation_site *found;
	ssize_t n;

	/* The last births were these objects', in order. */
	for (size_t i = 0; live.object && i < alive; i++)
		live.object[i] = (struct stream_object){object_at(i), births->number - sampled + i + 1};
	check(sites_check(births->sites, &capture, &live, UINT64_MAX) == 0, "%s: checked", what);
	n = sites_of(births->sites, type, &found);
	equal((uint64_t)n, 1, what);
	if (n == 1) {
		equal(found->alive, alive, "alive");
		equal(found->sampled, sampled, "of so many");
		check(found->frames == 1 && strcmp(found->frame[0]->file, SITES_GONE) == 0 && !found->frame[0]->line,
			"on a line that nobody knows");
	}
	free(found);
	n = sites_of(births->sites, type + 1, &found);
	check(n == 0 && !found, "%s: none of a type that was not sampled", what);
	stream_objects_free(&live);
	free_census(&capture);
}

static void survivors(struct births *births)
{
	sites_begin(births->sites);
	for (uint64_t i = 0; i < 100; i++)
		bear(births, TYPES, i, true);
	has_site(births, TYPES, 40, 100, "survivors");
	equal(births->dropped, 60, "the dead are not followed any more");
	births->dropped = 0;
}

/* Types that come and go, as of a program that makes classes all the time. */
static void passing_types(struct births *births)
{
	uint64_t type = TYPES;

	for (int round = 0; round < 10; round++) {
		sites_begin(births->sites);
		for (int i = 0; i < 40000; i++)
			bear(births, type += 8, (uint64_t)i % 1000, false);
	}
	equal(sites_refused(births->sites), 0, "refused of 400000 types, each with one object that goes");
	sites_begin(births->sites);
	for (uint64_t i = 0; i < 10; i++)
		bear(births, 8, i, true);
	has_site(births, 8, 10, 10, "one more type");
}

/* More of them at a time than there is room for. */
static void too_many_types(struct births *births)
{
	const uint64_t all = 300000;
	uint64_t refused;

	births->dropped = 0;
	sites_begin(births->sites);
	for (uint64_t i = 0; i < all; i++)
		bear(births, TYPES + 8 * i, i % 1000, true);
	refused = sites_refused(births->sites);
	check(refused > 0 && refused < all, "refused of %llu types at once: %llu", (unsigned long long)all,
		(unsigned long long)refused);
	equal(births->dropped, refused, "and not followed");
	equal(sites_refused(births->sites), 0, "said once");
	sites_begin(births->sites);
	bear(births, 8, 0, true);
	has_site(births, 8, 1, 1, "in the next round there is room again");
}

/* More samples than are kept: every second one is given up, and its line has fewer of them. */
static void too_many_objects(struct births *births)
{
	const size_t all = 100000;
	struct allocation_site *found;
	struct capture capture = census_of(16, 0, all);
	struct stream_objects live = {calloc(all, sizeof(*live.object)), all, all};
	uint64_t first = births->number + 1;

	births->dropped = 0;
	sites_begin(births->sites);
	for (size_t i = 0; i < all; i++) {
		bear(births, 16, i, true);
		live.object[i] = (struct stream_object){object_at(i), first + i};
	}
	check(births->dropped > all / 2, "given up of %zu objects: %llu", all, (unsigned long long)births->dropped);
	if (check(sites_check(births->sites, &capture, &live, UINT64_MAX) == 0 &&
			    sites_of(births->sites, 16, &found) == 1,
		    "the others have their site")) {
		equal(found->alive, found->sampled, "all of these are alive");
		equal(found->alive + births->dropped, all, "and none is missing");
		free(found);
	}
	stream_objects_free(&live);
	free_census(&capture);
}

int main(void)
{
	struct target target = {.process = {.pid = getpid()}};
	struct python python = {.target = &target};
	struct births births = {0};

	births.sites = sites_new(&python, count_dropped, &births);
	if (!births.sites)
		return 1;
	survivors(&births);
	passing_types(&births);
	too_many_types(&births);
	too_many_objects(&births);
	sites_free(births.sites);
	return checks_end();
}
