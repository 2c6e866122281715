// SPDX-License-Identifier: BSD-2-Clause
#include "calibrate.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "interrupt.h"
#include "process.h"
#include "site_x86_64.h"

#define EVENTS 100
/* The quickest of so many rounds: others were interrupted. */
#define ROUNDS 5
/* Where it cannot be measured: a virtual machine's costs, seconds. */
#define BIRTH_GUESS 9e-6
#define DEATH_GUESS 1.3e-6
#define STACK_GUESS 1e-6
/* What a return probe costs, in uprobes: the call and the return trap. */
#define MADE_IN_DEATHS 1.6

/* As the target's objects look to the programs: a record of the collector, an object, its type. */
struct fake {
	uint64_t next, prev;
	uint64_t refcnt, type;
};

/* And a thread with a stack. */
struct fake_frame {
	uint64_t code, instruction, previous;
	uint64_t rest[16];
};

struct fake_thread {
	uint64_t frame;
	struct fake_frame frames[ALLOC_PROBE_FRAMES];
};

/* A layout for them. */
static const struct layout layout = {
	.tstate = {.frame = 0, .cframe = LAYOUT_ABSENT},
	.frame = {.code = 0, .instruction = 8, .previous = 16},
	.code = {.filename = 0, .linetable = 16},
	.trash = {.depth = LAYOUT_ABSENT},
	.gc_head = {.size = 16, .next = 0, .prev = 8},
	.object = {.refcnt = 0, .type = 8},
	.type = {.dealloc = 8, .finalize = 16},
};

/* The best time per event of what `pass` does EVENTS times. */
static double best(void (*pass)(void *context), void *context)
{
	double least = 1;

	for (int round = 0; round < ROUNDS; round++) {
		double begin = interrupt_now(), seconds;

		pass(context);
		seconds = (interrupt_now() - begin) / EVENTS;
		if (seconds < least)
			least = seconds;
	}
	return least;
}

struct list {
	volatile uint64_t next, prev; /* the head that is watched */
	struct fake fakes[2];
	uint64_t type[4];
};

static void be_born(void *context)
{
	struct list *list = context;

	for (int i = 0; i < EVENTS; i++)
		list->prev = (uintptr_t)&list->fakes[i & 1];
}

/* Without and with a stack. False where it cannot be measured. */
static bool cost_of_birth(struct tracee *self, uint64_t holder, double *bare, double *with_stack)
{
	struct list list = {0};
	const struct stream_list watched = {.watched = (uintptr_t)&list.prev, .holder = holder};

	for (int i = 0; i < 2; i++)
		list.fakes[i] = (struct fake){.next = 8, .refcnt = 1, .type = (uintptr_t)list.type};
	if (tracee_watch_births(self, &watched, 1, 3 * ROUNDS * EVENTS, NULL) < 0)
		return false;
	*bare = best(be_born, &list);
	tracee_sample(self, 1, false);
	*with_stack = best(be_born, &list);
	tracee_unwatch_births(self);
	return true;
}

static void die(void *context)
{
	for (int i = 0; i < EVENTS; i++)
		site_example(context);
}

/* Where in the file of this program the function is. */
static bool find_example(struct stream_site *site, char path[PATH_MAX])
{
	uint64_t address = (uintptr_t)site_example;
	const struct mapping *mapping;
	struct process process;
	struct mappings mappings;
	bool found = false;

	if (process_open(&process, getpid(), NULL) < 0)
		return false;
	if (process_mappings(&process, &mappings, NULL) == 0) {
		mapping = mappings_find(&mappings, address);
		if (mapping && mapping->inode) {
			int fd = process_open_file(&process, &mappings, mapping, path, PATH_MAX);

			found = fd >= 0;
			if (found)
				close(fd);
			*site = (struct stream_site){
				.path = path, .file_offset = mapping->offset + (address - mapping->start)};
		}
		mappings_free(&mappings);
	}
	process_close(&process);
	return found;
}

static double cost_of_death(struct tracee *self)
{
	uint64_t type[4] = {0, (uintptr_t)site_example};
	struct fake fake = {.next = 8, .refcnt = 1, .type = (uintptr_t)type};
	char path[PATH_MAX];
	struct stream_site site;
	double seconds;

	if (!find_example(&site, path) || tracee_trace_deaths(self, &site, 1, NULL, NULL) != 0)
		return DEATH_GUESS;
	seconds = best(die, &fake.refcnt);
	tracee_untrace_deaths(self);
	return seconds;
}

struct hit_costs calibrate(struct stream *stream, bool deaths)
{
	struct fake_thread thread = {.frame = (uintptr_t)&thread.frames[0]};
	uint64_t holder = (uintptr_t)&thread;
	struct tracee_config config = {.pid = getpid(), .layout = &layout, .holder = (uintptr_t)&holder};
	struct hit_costs costs = {BIRTH_GUESS, DEATH_GUESS * MADE_IN_DEATHS, DEATH_GUESS};
	double bare, stack = STACK_GUESS;
	struct tracee *self = tracee_new(stream, &config, NULL);

	if (!self)
		return costs;
	for (int i = 0; i < ALLOC_PROBE_FRAMES; i++)
		thread.frames[i].code = (uintptr_t)&thread;
	for (int i = 0; i + 1 < ALLOC_PROBE_FRAMES; i++)
		thread.frames[i].previous = (uintptr_t)&thread.frames[i + 1];
	if (cost_of_birth(self, config.holder, &bare, &costs.birth))
		stack = costs.birth > bare ? costs.birth - bare : 0;
	if (deaths)
		costs.death = cost_of_death(self);
	stream_drain(stream, NULL, NULL);
	tracee_free(self);
	costs.made = costs.death * MADE_IN_DEATHS + stack;
	return costs;
}
