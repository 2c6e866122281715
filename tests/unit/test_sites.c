// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_sites   samples of made-up births: room is found again, what is given up is told, survivors are those of the
 *              census. No process is traced; the code of all frames is gone, so that every line is "?".
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "positions.h"
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
		check(found->frames == 1 && strcmp(found->frame[0]->file, POSITIONS_GONE) == 0 &&
				!found->frame[0]->line,
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

/* --- samples that nobody follows any more: objects of this process, laid out as lists of numbers --- */

#define LISTS_MOST 100

struct fake_type {
	uint64_t refcnt, type, basicsize, itemsize, flags;
};
struct fake_number {
	uint64_t refcnt, type, value;
};
struct fake_list {
	uint64_t refcnt, type, size, items;
};

static struct fake_type number_type = {1, 0, sizeof(struct fake_number), 0, TPFLAGS_READY};
static struct fake_type list_type = {
	1, 0, sizeof(struct fake_list), 0, TPFLAGS_READY | TPFLAGS_HAVE_GC | TPFLAGS_LIST_SUBCLASS};
static struct fake_number number[LISTS_MOST];
static uint64_t items[LISTS_MOST];
static struct fake_list list[LISTS_MOST];

static struct layout fake_layout(void)
{
	struct layout layout = {0};

	layout.object.type = offsetof(struct fake_list, type);
	layout.object.size = sizeof(uint64_t) * 2;
	layout.type.basicsize = offsetof(struct fake_type, basicsize);
	layout.type.itemsize = offsetof(struct fake_type, itemsize);
	layout.type.flags = offsetof(struct fake_type, flags);
	layout.member.size = offsetof(struct fake_list, size);
	layout.member.list_items = offsetof(struct fake_list, items);
	return layout;
}

static void make_list(size_t i, uint64_t value)
{
	number[i] = (struct fake_number){1, (uintptr_t)&number_type, value};
	items[i] = (uintptr_t)&number[i];
	list[i] = (struct fake_list){1, (uintptr_t)&list_type, 1, (uintptr_t)&items[i]};
}

static bool is_seen(void *context, uint64_t type)
{
	(void)type;
	return !context;
}

/* The i-th list is made at this place, the time is i + 1. */
static struct stream_object bear_list(struct sites *sites, size_t i, size_t place, uint64_t value)
{
	struct alloc_probe_birth birth = {.object = (uintptr_t)&list[place],
		.type = (uintptr_t)&list_type,
		.time = i + 1,
		.number = i + 1,
		.frames = 1,
		.followed = 1,
		.frame[0] = {.code = NOWHERE, .identity = 1}};

	make_list(place, value);
	sites_add(sites, &birth);
	return (struct stream_object){birth.object, birth.time};
}

/* What is found of the lists when the first `alive` of them are in a census; frees the sites. */
static double survivors_at_cut(struct sites *sites, size_t alive)
{
	struct capture capture = census_of((uintptr_t)&list_type, 0, alive);
	struct allocation_site *found;
	double survivors = 0;

	for (size_t i = 0; i < alive; i++)
		capture.census.address[i] = (uintptr_t)&list[i];
	if (sites_check(sites, &capture, NULL, UINT64_MAX) < 0)
		exit(1);
	if (sites_of(sites, (uintptr_t)&list_type, &found) == 1)
		survivors = found->survivors;
	free(found);
	free_census(&capture);
	sites_free(sites);
	return survivors;
}

/* The survivors of one window in which lists were made one after the other at one address, the last of which is alive.
 */
static double survivors_in_turn(const struct python *python, size_t sampled, bool seen)
{
	struct births births = {.sites = sites_new(python, count_dropped, &births)};
	struct stream_object last = {0};
	struct stream_objects live = {&last, 1, 1};

	if (!births.sites)
		exit(1);
	for (size_t i = 0; i < sampled; i++)
		last = bear_list(births.sites, i, 0, 0);
	sites_unfollow(births.sites, &live, sampled + 1000, 32, sampled + 1000, is_seen, seen ? NULL : &births);
	return survivors_at_cut(births.sites, 1);
}

/*
 * The survivors of one window in which `sampled` lists were made and `left` of them alive at its end; the census has
 * `alive` of these. Where they differ each holds a number of its own, and `changed` of those alive hold another one
 * now.
 */
static double survivors_of(
	const struct python *python, size_t sampled, size_t left, size_t alive, bool differ, size_t changed)
{
	struct births births = {.sites = sites_new(python, count_dropped, &births)};
	struct stream_objects live = {calloc(left, sizeof(*live.object)), left, left};

	if (!births.sites || !live.object)
		exit(1);
	for (size_t i = 0; i < sampled; i++) {
		struct stream_object born = bear_list(births.sites, i, i, differ ? i : 0);

		if (i < left)
			live.object[i] = born;
	}
	sites_unfollow(births.sites, &live, sampled + 1000, 32, sampled + 1000, is_seen, NULL);
	stream_objects_free(&live);
	for (size_t i = 0; i < changed; i++)
		number[i].value += 1000;
	return survivors_at_cut(births.sites, alive);
}

static void not_followed(const struct python *python)
{
	check(survivors_of(python, 100, 5, 5, false, 0) == 5, "all that were left at the window's end are alive");
	check(survivors_of(python, 100, 50, 10, false, 0) == 2, "a fifth of them is: a fifth of these is believed");
	check(survivors_of(python, 100, 50, 5, false, 0) == 0, "a tenth, which may be others: none");
	check(survivors_of(python, 100, 50, 5, true, 0) == 5, "which hold what those did, and nobody else");
	check(survivors_of(python, 100, 50, 5, true, 5) == 0, "which hold something else");
	check(survivors_of(python, 100, 50, 1, true, 0) == 0, "a single one");
	check(survivors_in_turn(python, 29, true) == 1, "the last of 29 at one address, whose deaths were seen");
	check(survivors_in_turn(python, 29, false) == 0,
		"and where nobody saw them: it may be gone, and another be there");
	check(survivors_of(python, 7, 7, 2, true, 0) == 0, "too few of the type to say that nobody else does");
}

int main(void)
{
	struct target target = {.process = {.pid = getpid()}};
	struct python python = {.target = &target, .layout = fake_layout()};
	struct births births = {0};

	births.sites = sites_new(&python, count_dropped, &births);
	if (!births.sites)
		return 1;
	not_followed(&python);
	survivors(&births);
	passing_types(&births);
	too_many_types(&births);
	too_many_objects(&births);
	sites_free(births.sites);
	return checks_end();
}
