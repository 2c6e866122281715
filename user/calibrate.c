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

/* Whether so many births or deaths of this type were counted. Of births the first is not known to be one. */
static bool counted(struct tracee *self, uint64_t type, bool births, uint64_t events)
{
	struct stream_counts counts = {0};
	const struct stream_count *row;
	uint64_t count = 0;

	if (tracee_read(self, &counts, NULL) == 0 && (row = stream_counts_find(&counts, type)))
		count = births ? row->births : row->deaths;
	stream_counts_free(&counts);
	return count <= events && count + births >= events;
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

/* Writes to a word of its own that is watched, without and with taking a stack, and sees what comes of it. */
static void try_births(
	struct tracee *self, struct stream *stream, uint64_t holder, struct calibration *found, double *stack)
{
	struct list list = {0};
	const struct stream_list watched = {.watched = (uintptr_t)&list.prev, .holder = holder};
	const uint64_t events = 2 * ROUNDS * EVENTS;
	uint64_t hits, missed;
	double bare;

	for (int i = 0; i < 2; i++)
		list.fakes[i] = (struct fake){.next = 8, .refcnt = 1, .type = (uintptr_t)list.type};
	if (tracee_watch_births(self, &watched, 1, (unsigned int)events * 2, &found->no_breakpoints) < 0)
		return;
	bare = best(be_born, &list);
	tracee_sample(self, 1, false);
	found->costs.birth = best(be_born, &list);
	stream_drain(stream, NULL, NULL);
	/* Those that the kernel could not hand over, as another program ran on this CPU, were delivered all the same.
	 */
	missed = tracee_missed(self);
	hits = tracee_state(self).births + missed;
	found->breakpoints = hits == events && (missed || counted(self, (uintptr_t)list.type, true, events));
	if (!found->breakpoints) {
		found->costs.birth = BIRTH_GUESS;
		error_set(&found->no_breakpoints, ERROR_FAILED,
			"this machine does not deliver hardware breakpoints (of %llu writes of its own to a watched "
			"word it "
			"saw %llu)",
			(unsigned long long)events, (unsigned long long)hits);
	} else if (found->costs.birth > bare) {
		*stack = found->costs.birth - bare;
	}
	tracee_unwatch_births(self);
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

/* Calls a function of its own that has a probe. */
static void try_deaths(struct tracee *self, struct calibration *found)
{
	uint64_t type[4] = {0, (uintptr_t)site_example}, hits;
	const uint64_t events = ROUNDS * EVENTS;
	struct fake fake = {.next = 8, .refcnt = 1, .type = (uintptr_t)type};
	char path[PATH_MAX];
	struct stream_site site;

	if (!find_example(&site, path)) {
		error_set(&found->no_uprobes, ERROR_FAILED,
			"the file of this program cannot be opened to try uprobes on it");
		return;
	}
	if (tracee_trace_deaths(self, &site, 1, NULL, &found->no_uprobes) != 0)
		return;
	found->costs.death = best(die, &fake.refcnt);
	hits = tracee_state(self).deaths;
	found->uprobes = hits == events && counted(self, (uintptr_t)type, false, events);
	if (!found->uprobes) {
		found->costs.death = DEATH_GUESS;
		error_set(&found->no_uprobes, ERROR_FAILED,
			"this machine does not deliver uprobes (of %llu calls of a function of its own it saw %llu)",
			(unsigned long long)events, (unsigned long long)hits);
	}
	tracee_untrace_deaths(self);
}

struct calibration calibrate(struct stream *stream)
{
	struct fake_thread thread = {.frame = (uintptr_t)&thread.frames[0]};
	uint64_t holder = (uintptr_t)&thread;
	struct tracee_config config = {.pid = getpid(), .layout = &layout, .holder = (uintptr_t)&holder};
	struct calibration found = {.costs = {BIRTH_GUESS, DEATH_GUESS + STACK_GUESS, DEATH_GUESS}};
	struct tracee *self = tracee_new(stream, &config, &found.no_uprobes);
	double stack = STACK_GUESS;

	if (!self) {
		found.no_breakpoints = found.no_uprobes;
		return found;
	}
	for (int i = 0; i < ALLOC_PROBE_FRAMES; i++)
		thread.frames[i].code = (uintptr_t)&thread;
	for (int i = 0; i + 1 < ALLOC_PROBE_FRAMES; i++)
		thread.frames[i].previous = (uintptr_t)&thread.frames[i + 1];
	try_births(self, stream, config.holder, &found, &stack);
	try_deaths(self, &found);
	tracee_free(self);
	found.costs.made = found.costs.death + stack;
	return found;
}
