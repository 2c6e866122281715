// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "trace.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "budget.h"
#include "calibrate.h"
#include "elf_image.h"
#include "forks.h"
#include "guard.h"
#include "interrupt.h"
#include "order.h"
#include "priority.h"
#include "probe_sites.h"
#include "site_x86_64.h"
#include "sites.h"
#include "spare.h"
#include "stream.h"
#include "tally.h"
#include "target.h"
#include "typeresolve.h"

/* How long the target is looked at, in windows, before it is decided how to trace it. */
#define LEARN_SECONDS 0.25
/* A target that uses less of a CPU than this has nothing to be seen. */
#define IDLE_RATE 0.001
/* How often births are fetched and the budget is looked at while everything is traced. */
#define TICK 0.05
/* After a window could not be opened, as another program has the breakpoints. */
#define RETRY_SECONDS 10.0
/* Stacks taken a second: more tell nothing new. */
#define STACKS_PER_SECOND 2000.0
/* The target's caches are colder than those the costs were measured in, its loops not as short. */
#define CHARGE 1.3
/* A target runs that uses this share of so much time; one that does not in so many looks does too seldom to wait for.
 */
#define BUSY_MICROSECONDS 300
#define BUSY_SHARE 0.3
#define IDLE_LOOKS_MOST 100
/* Of the windows, those that look at instances of classes alone. */
#define INSTANCES_SHARE 0.5
/* Those that look at types that grew alone, once that is known: the others find what begins to. */
#define GROWING_SHARE 0.75
/* A window that looks at some types alone stays open for so long at most: the others want to be seen, too. */
#define PARTIAL_SECONDS 2.0
/* So many of them have to be born until it is judged whether that function makes them. */
#define INSTANCES_ENOUGH 8
/*
 * So many births have to follow one in its window: short-lived objects are gone by then, and their addresses taken by
 * others, which is seen. Instances are fewer.
 */
#define BIRTHS_AFTER 32
#define INSTANCES_AFTER 8
/* Of a site, in place of the first report: the kernel does not take it. */
#define REFUSED ULONG_MAX
/* Interpreters that are watched: a processor has four breakpoints, one may be somebody else's. */
#define INTERPRETERS_MOST 3
/* Rates from windows are no better than this share of a window that the target ran undisturbed. */
#define UNDISTURBED_LEAST 0.01
/* The rate of births has to be so much below what would be allowed before everything is traced again. */
#define RATE_MARGIN 1.5
/* Notes that wait until nothing depends on whether somebody reads them. */
#define NOTES_MOST 8
/* Births recorded between two cuts. */
#define BORN_MOST (1u << 22)
/* What there has to be to spare: programs, tables and samples take some 35 MB. */
#define MEMORY_LEAST (64u << 20)
/* How long a walk through a process that runs may take at most. */
#define REHEARSAL_SECONDS 30
#define RUNTIME_ATTEMPTS 20
#define RUNTIME_MICROSECONDS 1000
/* The budget, percent, that allows every event. */
#define EVERYTHING 100.0

/* How births are seen. */
enum births {
	BIRTHS_UNSEEN,
	BIRTHS_WATCHED, /* hardware breakpoints: complete */
	BIRTHS_PROBED, /* uprobes on functions that make objects: lines, and how many are seen so; the rest is derived
			*/
};

struct trace {
	struct python *python;
	struct trace_options options;
	struct stream *stream;
	struct tracee *tracee;
	struct hit_costs costs; /* of this machine; births as they are seen here */
	struct budget budget; /* which charges more */
	struct sites *sites;
	struct memory *memory; /* for small reads: forgotten before each round */

	enum births births;
	struct stream_list watched[INTERPRETERS_MOST]; /* the words that change with each birth */
	size_t watched_count;
	bool unwatched; /* there are interpreters besides */
	bool several; /* interpreters */
	struct probe_sites makers; /* BIRTHS_PROBED */
	struct probe_sites instances; /* the function that makes instances of classes; empty until one was seen */
	bool instances_only; /* this window is about them */
	double passing; /* the share of hits that passed by in windows of growing_only, lately */
	bool growing_only; /* or about the types that grew between the last two reports, where births are seen at
			      functions */
	bool deaths; /* when everything is traced, deaths are counted and samples followed until they die */
	unsigned int idle_looks; /* in a row, that found it waiting */
	/* Whether that function makes them all, or compilers have copied it to where it is called. */
	enum { INSTANCES_UNKNOWN, INSTANCES_THERE, INSTANCES_ELSEWHERE } instances_made;
	bool judges_instances; /* in this window both ways to see them are compared */
	struct instances_seen {
		uint64_t born; /* instances among the births that were watched */
		uint64_t hits; /* of the function meanwhile */
		uint64_t made, number; /* its hits when the window was opened; of the last birth (alloc_probe_birth) */
	} seen;
	bool learning; /* how much the target does; not yet what */
	struct probe_sites sites_of_deaths;
	unsigned long
		*complete_from; /* for each of them: the first report whose interval it was attached for; 0: not */
	size_t site_room;
	uint64_t retracked; /* the type of dicts, where they may leave the collector's lists and come back; else 0 */
	uint64_t collecting; /* the address of the collector's flag, 0: not known */
	uint64_t skip; /* a function that is not worth its cost, 0: none */

	enum stream_kind kind; /* now */
	bool whole; /* everything was traced since the last cut */
	bool open; /* a window is */
	double opens, closes; /* monotonic times of the next window, of the end of this one */
	struct alloc_probe_state charged; /* up to which events were paid for */
	double traced; /* seconds of this interval */
	double used, undisturbed; /* the target's CPU time in those of all types, and without that of the events */
	uint64_t born_meanwhile; /* births seen in these */
	double cpu_before; /* when the window was opened */
	int usual; /* priority, of what can wait */
	bool hurries; /* windows are opened and closed */
	double sampled_at; /* when the share of births with stacks was last set */

	unsigned long reports;
	struct tally tally;
	bool missing; /* births since the last cut */
	bool said_windows, said_refused, said_no_window, said_interpreters, said_failed;
	unsigned long not_all_until, hold_off; /* reports to wait after tracing everything was too dear */
	struct forks forks;
	struct born {
		struct stream_object *object; /* value: time of birth, ns */
		size_t count, room;
		uint64_t *address; /* what trace_born() gives out */
		uint64_t refused;
	} born;
	double cuts[2]; /* monotonic times of those of the last two reports */
	struct guard *guard; /* takes everything out when nobody looks and the budget is spent */
	char *notes[NOTES_MOST]; /* to be said */
	size_t note_count;
};

/*
 * Whoever reads the notes may not read on, and block. So they are said when the guard can act, or nothing is attached:
 * by say_notes().
 */
static void note(struct trace *trace, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(struct trace *trace, const char *format, ...)
{
	va_list args;

	if (trace->note_count == NOTES_MOST)
		return;
	va_start(args, format);
	if (vasprintf(&trace->notes[trace->note_count], format, args) >= 0)
		trace->note_count++;
	va_end(args);
}

static void say_notes(struct trace *trace)
{
	for (size_t i = 0; i < trace->note_count; i++) {
		trace->options.note("%s", trace->notes[i]);
		free(trace->notes[i]);
	}
	trace->note_count = 0;
}

static void note_error(struct trace *trace, const char *what, const struct error *error)
{
	note(trace, "%s: %s", what, error->text);
}

/* --- what the target's CPU time is --- */

static double cpu_time(const struct trace *trace)
{
	struct timespec time;
	clockid_t clock;

	if (clock_getcpuclockid(trace->python->target->process.pid, &clock) || clock_gettime(clock, &time))
		return 0;
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* What nobody had asked for costs as little as a death. */
static struct hits hits_since(const struct alloc_probe_state *now, const struct alloc_probe_state *before)
{
	uint64_t passed = now->passed - before->passed;

	return (struct hits){.births = now->births - before->births,
		.made = now->made - before->made - passed,
		.deaths = now->deaths - before->deaths + passed};
}

/* Pays for the events since the last time, from what was earned meanwhile. */
static void settle(struct trace *trace)
{
	struct alloc_probe_state now = tracee_state(trace->tracee);

	struct hits hits = hits_since(&now, &trace->charged);

	if (trace->judges_instances) { /* which costs as little as a death */
		hits.deaths += hits.made;
		hits.made = 0;
	}
	budget_earn(&trace->budget, cpu_time(trace), interrupt_now());
	budget_spend(&trace->budget, hits);
	trace->charged = now;
}

/* --- sites of births --- */

static void drop_live(void *context, const struct stream_object *object)
{
	struct trace *trace = context;

	if (trace->tracee)
		tracee_forget(trace->tracee, STREAM_LIVE, object);
}

/* Whether objects of a type come from the function that makes the instances of classes. */
static bool is_instance(struct trace *trace, uint64_t type)
{
	uint64_t alloc;

	return type_is_heap(trace->python, trace->memory, type) &&
	       memory_u64(trace->memory, type + (uint64_t)trace->python->layout.type.alloc, &alloc) &&
	       alloc == trace->sites_of_deaths.allocates;
}

/* Where there is no room, it was not seen. */
static void record_born(struct trace *trace, const struct alloc_probe_birth *birth)
{
	struct born *born = &trace->born;

	if (born->count == born->room) {
		size_t room = born->room ? born->room * 2 : 4096;
		struct stream_object *grown =
			room > BORN_MOST ? NULL : realloc(born->object, room * sizeof(*born->object));

		if (!grown) {
			born->refused++;
			return;
		}
		born->object = grown;
		born->room = room;
	}
	born->object[born->count++] = (struct stream_object){birth->object, birth->time};
}

static void add_birth(void *context, const struct alloc_probe_birth *birth)
{
	struct trace *trace = context;

	if (trace->judges_instances) {
		trace->seen.born += is_instance(trace, birth->type);
		trace->seen.number = birth->number;
	}
	sites_add(trace->sites, birth);
	/* A dict may only have been tracked again. */
	if (trace->options.births && birth->type != trace->retracked)
		record_born(trace, birth);
}

static void fetch_births(struct trace *trace)
{
	sites_begin(trace->sites);
	stream_drain(trace->stream, add_birth, trace);
}

/* --- windows --- */

/*
 * A finalizer that is C code may run when the census finds its object: whoever is born at the same address later ends
 * that suspicion, so it is of no use where births are not seen.
 */
static struct stream_site as_stream_site(const struct trace *trace, const struct probe_site *site)
{
	return (struct stream_site){.path = site->path,
		.file_offset = site->file_offset,
		.into = site->into,
		.closes = site->closes && trace->births == BIRTHS_WATCHED};
}

static struct stream_site as_maker(const struct probe_site *site)
{
	return (struct stream_site){.path = site->path,
		.file_offset = site->file_offset,
		.into = site->into,
		.makes = site->makes,
		.makes_generators = site->makes_generators,
		.makes_others = site->makes_others};
}

/*
 * What has to be stepped costs ten times as much: only where everything is wanted, and what happens there cannot be had
 * otherwise.
 */
static bool is_worth_it(const struct trace *trace, const struct probe_site *site)
{
	if (site->address == trace->skip)
		return false;
	return site->emulated || (trace->options.budget >= EVERYTHING && trace->births == BIRTHS_PROBED);
}

static bool grows(const struct trace *trace, uint64_t type)
{
	for (size_t i = 0; i < trace->tally.growing_count; i++) {
		if (trace->tally.growing[i] == type)
			return true;
	}
	return false;
}

/* Whether objects of a type come from a function that makes nothing else. */
static bool has_own_maker(const struct trace *trace, uint64_t type)
{
	for (size_t i = 0; i < trace->makers.count; i++) {
		if (trace->makers.site[i].makes == type)
			return true;
	}
	return false;
}

/* Whether this function may make objects of a type that grows. */
static bool makes_growing(const struct trace *trace, const struct probe_site *maker)
{
	if (maker->makes)
		return grows(trace, maker->makes);
	for (size_t i = 0; i < trace->tally.growing_count; i++) {
		if (!has_own_maker(trace, trace->tally.growing[i]))
			return true;
	}
	return false;
}

/* All that grows; where the kernel's program has no room for so many, any of them in each window. */
static void want_growing(struct trace *trace, bool growing_only)
{
	size_t count = growing_only ? trace->tally.growing_count : 0,
	       first = budget_draw(&trace->budget, count > ALLOC_PROBE_WANTED ? count : 1);
	uint64_t types[ALLOC_PROBE_WANTED];

	if (count > ALLOC_PROBE_WANTED)
		count = ALLOC_PROBE_WANTED;
	for (size_t i = 0; i < count; i++)
		types[i] = trace->tally.growing[(first + i) % trace->tally.growing_count];
	tracee_want(trace->tracee, types, count);
}

static int probe_births(struct trace *trace, bool limited, struct error *error)
{
	const struct probe_sites *makers = &trace->makers;
	struct stream_site *sites = calloc(makers->count + 1, sizeof(*sites));
	size_t count = 0;
	bool partial;
	int result;

	for (size_t i = 0; sites && i < makers->count; i++) {
		const struct probe_site *maker = &makers->site[i];

		if (is_worth_it(trace, maker) && (!limited || !trace->growing_only || makes_growing(trace, maker)))
			sites[count++] = as_maker(maker);
	}
	partial = limited && trace->growing_only;
	want_growing(trace, partial);
	/* What only some types are seen of says nothing of rates. */
	result = sites && count
			 ? tracee_trace_births(trace->tracee, sites, count,
				   (partial ? 0 : STREAM_COUNTS) | STREAM_SAMPLES | (limited ? STREAM_LIMITED : 0),
				   NULL, error)
			 : error_set(error, ERROR_FAILED, "no function that makes objects was found");
	free(sites);
	return result < 0 ? -1 : 0;
}

/* hits: after which the kernel ends it; 0: it goes on. */
static int watch_births(struct trace *trace, uint64_t hits, struct error *error)
{
	if (trace->births == BIRTHS_WATCHED)
		return tracee_watch_births(
			trace->tracee, trace->watched, trace->watched_count, (unsigned int)hits, error);
	return probe_births(trace, hits != 0, error);
}

static bool knows_instances(const struct trace *trace)
{
	return !trace->several && trace->instances.count && trace->instances.site[0].emulated &&
	       trace->instances_made != INSTANCES_ELSEWHERE;
}

static int sample_instances(struct trace *trace, bool counts_only, struct error *error)
{
	const struct stream_site site = as_maker(&trace->instances.site[0]);
	const enum stream_making making =
		counts_only ? STREAM_LIMITED : STREAM_LIMITED | STREAM_SAMPLES | STREAM_CLASSES;

	want_growing(trace, trace->growing_only);
	return tracee_trace_births(trace->tracee, &site, 1, making, NULL, error) < 0 ? -1 : 0;
}

/* Where births are seen at functions, a window follows the commonest kinds of objects until they die. */
static bool follows_in_windows(const struct trace *trace)
{
	return trace->births == BIRTHS_PROBED && stream_detaches_fast(trace->stream);
}

/* Whether objects of a type that grows die at this function. */
static bool frees_growing(const struct trace *trace, const struct probe_site *site)
{
	uint64_t dealloc;

	for (size_t i = 0; i < trace->tally.growing_count; i++) {
		if (memory_u64(trace->memory, trace->tally.growing[i] + (uint64_t)trace->python->layout.type.dealloc,
			    &dealloc) &&
			dealloc == site->address)
			return true;
	}
	return false;
}

static int follow_in_window(struct trace *trace, struct error *error)
{
	struct probe_sites *all = &trace->sites_of_deaths;
	struct stream_site *sites = calloc(all->count + 1, sizeof(*sites));
	size_t count = 0;
	int result = sites ? 0 : error_set(error, ERROR_FAILED, "out of memory");

	for (size_t i = 0; sites && i < all->count; i++) {
		struct probe_site *site = &all->site[i];

		site->probed = (trace->growing_only ? frees_growing(trace, site) : site->busy) && site->emulated &&
			       site->address != trace->skip;
		if (site->probed)
			sites[count++] = as_stream_site(trace, site);
	}
	if (count)
		result = tracee_trace_deaths(trace->tracee, sites, count, NULL, error) < 0 ? -1 : 0;
	free(sites);
	return result;
}

/* Where objects of a type die: the index of a site, -1 when it is not known. */
static ssize_t site_of_deaths(struct trace *trace, uint64_t type)
{
	uint64_t dealloc;

	if (!memory_u64(trace->memory, type + (uint64_t)trace->python->layout.type.dealloc, &dealloc))
		return -1;
	return probe_sites_find(&trace->sites_of_deaths, dealloc);
}

/* Whether deaths of a type were seen: in the window that closes, or when all were. */
static bool saw_deaths(void *context, uint64_t type)
{
	struct trace *trace = context;
	ssize_t site = site_of_deaths(trace, type);

	if (site < 0 || trace->sites_of_deaths.site[site].copied)
		return false;
	return trace->kind == STREAM_FULL ? trace->complete_from[site] && trace->complete_from[site] != REFUSED
					  : trace->sites_of_deaths.site[site].probed;
}

/* What was followed in a window and lives has to stand for itself from here on. */
static void unfollow(struct trace *trace, uint64_t after, double now)
{
	struct stream_objects live = {0};

	if (tracee_objects(trace->tracee, STREAM_LIVE, &live, NULL) == 0)
		sites_unfollow(trace->sites, &live, trace->charged.births + trace->charged.made, after,
			(uint64_t)(now * 1e9), saw_deaths, trace);
	for (size_t i = 0; i < live.count; i++)
		tracee_forget(trace->tracee, STREAM_LIVE, &live.object[i]);
	stream_objects_free(&live);
}

/* What a window's births say of the function that should have made the instances among them. */
static void judge_instances(struct trace *trace, const struct alloc_probe_state *before)
{
	uint64_t watched = trace->charged.births - before->births;

	/* The last birth was the last hit, or nearly: the function was called so often until then. */
	if (trace->seen.number > before->births + watched + trace->seen.made)
		trace->seen.hits += trace->seen.number - before->births - watched - trace->seen.made;
	trace->seen.number = 0;
	if (trace->seen.born < INSTANCES_ENOUGH)
		return;
	trace->instances_made = 2 * trace->seen.hits >= trace->seen.born ? INSTANCES_THERE : INSTANCES_ELSEWHERE;
}

/*
 * Half of the windows look at instances of classes alone, at the one function that makes them all: that is where most
 * leaks are, and there a sample costs a fraction of what all births do. Where births cannot be seen otherwise, all do.
 */
static bool look_at_instances(struct trace *trace)
{
	if (!knows_instances(trace))
		return false;
	return trace->births == BIRTHS_UNSEEN || (trace->instances_made == INSTANCES_THERE && !trace->learning &&
							 budget_chance(&trace->budget, INSTANCES_SHARE));
}

/* Whether the window looks at some types alone. */
static bool is_partial(const struct trace *trace)
{
	return trace->instances_only || trace->growing_only;
}

/* Room in the budget for a window, or some more of one, at what its events cost. */
static bool has_room(struct trace *trace, struct budget_window *window)
{
	const struct hit_costs *costs = &trace->budget.costs;
	double growing = costs->made + (costs->death - costs->made) * trace->passing;

	return budget_window(&trace->budget,
		trace->growing_only					    ? growing
		: trace->births == BIRTHS_WATCHED && !trace->instances_only ? costs->birth
									    : costs->made,
		window);
}

/* How much of a window that looks at what grows passes by. */
static void learn_passing(struct trace *trace, const struct alloc_probe_state *before)
{
	uint64_t made = trace->charged.made - before->made, passed = trace->charged.passed - before->passed;

	if (trace->growing_only && made)
		trace->passing += ((double)passed / (double)made - trace->passing) / 2;
}

static void open_window(struct trace *trace)
{
	struct budget_window window;
	struct error error;
	double now = interrupt_now();

	settle(trace);
	stream_rest(trace->stream);
	trace->instances_only = look_at_instances(trace);
	trace->growing_only = (trace->births == BIRTHS_PROBED || trace->instances_only) && trace->tally.growing_count &&
			      !trace->learning && budget_chance(&trace->budget, GROWING_SHARE);
	if (!has_room(trace, &window)) {
		trace->opens = now + budget_pause(&trace->budget);
		return;
	}
	/* The probe first: it takes longer to attach than a window may last. */
	trace->judges_instances = trace->births == BIRTHS_WATCHED && trace->instances_made == INSTANCES_UNKNOWN &&
				  knows_instances(trace) && sample_instances(trace, true, &error) == 0;
	trace->seen.made = tracee_state(trace->tracee).made;
	tracee_allow(trace->tracee, trace->judges_instances ? 2 * window.hits : window.hits);
	if ((follows_in_windows(trace) && follow_in_window(trace, &error) < 0) ||
		(trace->instances_only ? sample_instances(trace, false, &error)
				       : watch_births(trace, window.hits, &error)) < 0) {
		tracee_untrace_deaths(trace->tracee);
		if (error.code != ERROR_TARGET_ENDED && !trace->said_no_window)
			note_error(trace, "births are not traced for now", &error);
		trace->said_no_window = true;
		trace->opens = now + RETRY_SECONDS;
		return;
	}
	trace->open = true;
	trace->cpu_before = cpu_time(trace);
	trace->opens = interrupt_now();
	trace->closes = trace->opens + window.seconds;
}

/*
 * Windows that began at any time would mostly begin while the target waits, and see no more than what follows a wait.
 * So they begin at any time of those in which it runs, unless it hardly does.
 */
static void open_when_busy(struct trace *trace)
{
	double used = cpu_time(trace);

	if (trace->learning) {
		open_window(trace);
		return;
	}
	usleep(BUSY_MICROSECONDS);
	if (cpu_time(trace) - used < BUSY_SHARE * BUSY_MICROSECONDS * 1e-6 && trace->idle_looks++ < IDLE_LOOKS_MOST) {
		trace->opens = interrupt_now() + budget_moment(&trace->budget);
		return;
	}
	trace->idle_looks = 0;
	open_window(trace);
}

/* In what was traced the target used CPU time, of which the events since `before` took their share. */
static void account(struct trace *trace, const struct alloc_probe_state *before, double cpu)
{
	const struct hit_costs *costs = &trace->costs;
	struct hits hits = hits_since(&trace->charged, before);
	double left = cpu - (double)hits.births * costs->birth - (double)hits.made * costs->made -
		      (double)hits.deaths * costs->death;

	trace->born_meanwhile += trace->births == BIRTHS_WATCHED ? hits.births : hits.made;
	trace->used += cpu;
	trace->undisturbed += left > cpu * UNDISTURBED_LEAST ? left : cpu * UNDISTURBED_LEAST;
}

/*
 * A window of probes that cost less than is earned meanwhile stays open: to take them out and put them in again would
 * cost the target more. (A breakpoint was told how often it may hit.)
 */
static bool prolong(struct trace *trace)
{
	struct alloc_probe_state before = trace->charged;
	bool partial = is_partial(trace);
	struct budget_window window;

	if (trace->learning || (trace->births == BIRTHS_WATCHED && !trace->instances_only) ||
		(partial && interrupt_now() - trace->opens > PARTIAL_SECONDS))
		return false;
	settle(trace);
	learn_passing(trace, &before);
	if (!partial)
		account(trace, &before, trace->budget.cpu - trace->cpu_before);
	trace->cpu_before = trace->budget.cpu;
	if (!has_room(trace, &window) || !tracee_allow_more(trace->tracee, window.hits))
		return false;
	fetch_births(trace);
	trace->closes = interrupt_now() + window.seconds;
	return true;
}

static void close_window(struct trace *trace)
{
	struct alloc_probe_state before = trace->charged;
	double closed = interrupt_now(), seconds;
	uint64_t after;

	if (!trace->open)
		return;
	tracee_unwatch_births(trace->tracee);
	if (follows_in_windows(trace))
		tracee_untrace_deaths(trace->tracee);
	trace->open = false;
	seconds = closed - trace->opens;
	settle(trace);
	learn_passing(trace, &before);
	/* The target has what it had: the rest is ordinary work. */
	if (trace->hurries)
		priority_usual(trace->usual);
	trace->traced += seconds;
	if (!is_partial(trace))
		account(trace, &before, trace->budget.cpu - trace->cpu_before);
	fetch_births(trace);
	if (trace->judges_instances)
		judge_instances(trace, &before);
	trace->judges_instances = false;
	after = trace->instances_only ? INSTANCES_AFTER : BIRTHS_AFTER;
	if (follows_in_windows(trace))
		unfollow(trace, after, closed);
	else
		sites_close_window(
			trace->sites, trace->charged.births + trace->charged.made, after, (uint64_t)(closed * 1e9));
	trace->opens = interrupt_now() + budget_pause(&trace->budget);
	if (trace->hurries)
		priority_hurry();
}

static bool open_and_close(struct trace *trace, double until)
{
	while (trace->kind == STREAM_WINDOWS && interrupt_now() < until) {
		double next = trace->open ? trace->closes : trace->opens;
		double left = interrupt_now();

		if (!interrupt_poll_until(
			    trace->open ? stream_wakeup(trace->stream) : -1, next < until ? next : until)) {
			close_window(trace);
			return false;
		}
		/* Woken early: what was allowed is spent. */
		if (trace->open && interrupt_now() < trace->closes && interrupt_now() < until && next > left)
			close_window(trace);
		else if (trace->open && interrupt_now() >= trace->closes && !prolong(trace))
			close_window(trace);
		else if (!trace->open && interrupt_now() >= trace->opens)
			open_when_busy(trace);
	}
	return true;
}

static bool run_windows(struct trace *trace, double until)
{
	bool goes_on;

	trace->usual = priority_hurry();
	trace->hurries = true;
	goes_on = open_and_close(trace, until);
	trace->hurries = false;
	priority_usual(trace->usual);
	return goes_on;
}

/* --- everything --- */

/* Attaches a program that does nothing at these sites, and detaches it, if `wanted` says so of them. */
static void scrub_if(struct trace *trace, bool (*wanted)(struct trace *trace, const struct probe_site *site))
{
	const struct probe_sites *all[] = {&trace->sites_of_deaths, &trace->makers};
	struct stream_site *sites = calloc(all[0]->count + all[1]->count + 1, sizeof(*sites));
	size_t count = 0;

	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; sites && i < all[k]->count; i++) {
			if (wanted(trace, &all[k]->site[i]))
				sites[count++] = as_stream_site(trace, &all[k]->site[i]);
		}
	}
	if (count)
		tracee_scrub(trace->tracee, sites, count);
	free(sites);
}

static bool is_probed(struct trace *trace, const struct probe_site *site)
{
	const struct probe_sites *deaths = &trace->sites_of_deaths;
	size_t i = (size_t)(site - deaths->site);

	if (site < deaths->site || i >= deaths->count)
		return is_worth_it(trace, site); /* of those that make objects */
	return trace->complete_from[i] && trace->complete_from[i] != REFUSED;
}

/* Attaches what is not attached yet. Deaths at these sites count fully from report `from` on. */
static int attach_deaths(struct trace *trace, unsigned long from, struct error *error)
{
	struct probe_sites *all = &trace->sites_of_deaths;
	struct stream_site *sites = calloc(all->count + 1, sizeof(*sites));
	bool *refused = calloc(all->count + 1, sizeof(*refused));
	size_t *index = calloc(all->count + 1, sizeof(*index)), count = 0;
	bool slow = !stream_detaches_fast(trace->stream);
	int result = 0;

	if (!sites || !refused || !index)
		result = error_set(error, ERROR_FAILED, "out of memory");
	/*
	 * The busiest last: where the kernel detaches one by one, which takes seconds, what was attached last goes
	 * first.
	 */
	for (size_t k = 0; k < 2 * all->count && result == 0; k++) {
		size_t i = k % all->count;
		const struct probe_site *site = &all->site[i];

		if (trace->complete_from[i] || !is_worth_it(trace, site) || (site->busy && slow) != (k >= all->count))
			continue;
		index[count] = i;
		sites[count++] = as_stream_site(trace, site);
	}
	if (result == 0 && count)
		result = tracee_trace_deaths(trace->tracee, sites, count, refused, error);
	for (size_t i = 0; i < count && result >= 0; i++) {
		trace->complete_from[index[i]] = refused[i] ? REFUSED : from;
	}
	if (result > 0 && !trace->said_refused) {
		trace->said_refused = true;
		note(trace, "the kernel refuses %d of %zu probes: deaths there are not counted", result, count);
	}
	free(sites);
	free(refused);
	free(index);
	return result < 0 ? -1 : 0;
}

static void set_finalizers(struct trace *trace)
{
	tracee_set_finalizers(trace->tracee, trace->sites_of_deaths.finalizes,
		trace->births == BIRTHS_UNSEEN ? trace->collecting : 0);
}

/* Types and libraries that were not there before. */
static int find_sites(
	struct trace *trace, const struct type_table *types, const struct census *census, struct error *error)
{
	struct probe_sites *all = &trace->sites_of_deaths;
	size_t before = all->count;
	unsigned long *grown;

	int result = probe_sites_of_deaths(trace->python, types, census, all, error) < 0 ? -1 : 0;

	if (all->count > trace->site_room) {
		grown = realloc(trace->complete_from, all->count * sizeof(*grown));
		if (!grown) {
			while (all->count > before)
				free(all->site[--all->count].path);
			return error_set(error, ERROR_FAILED, "out of memory");
		}
		trace->complete_from = grown;
		trace->site_room = all->count;
	}
	for (size_t i = before; i < all->count; i++)
		trace->complete_from[i] = 0;
	if (result < 0)
		return result;
	if (trace->kind == STREAM_FULL)
		set_finalizers(trace);
	if (!trace->instances.count && all->allocates)
		return probe_sites_of_instances(trace->python, all->allocates, &trace->instances, error);
	return 0;
}

static void detach_all(struct trace *trace)
{
	tracee_unwatch_births(trace->tracee);
	tracee_untrace_deaths(trace->tracee);
	fetch_births(trace);
	unfollow(trace, BIRTHS_AFTER, interrupt_now());
	for (size_t i = 0; i < trace->sites_of_deaths.count; i++)
		trace->complete_from[i] = trace->complete_from[i] == REFUSED ? REFUSED : 0;
	trace->whole = false;
}

/* Each birth has its stack. Who is brought back by its __del__ matters to nobody: deaths are not counted. */
static void prepare_windows(struct trace *trace)
{
	tracee_sample(trace->tracee, 1, follows_in_windows(trace));
	tracee_set_finalizers(trace->tracee, 0, 0);
}

static void begin_windows(struct trace *trace)
{
	trace->kind = trace->births == BIRTHS_UNSEEN && !knows_instances(trace) ? STREAM_OFF : STREAM_WINDOWS;
	prepare_windows(trace);
	trace->opens = interrupt_now();
}

static void note_windows(struct trace *trace)
{
	if (trace->kind != STREAM_WINDOWS || trace->births == BIRTHS_UNSEEN || trace->said_windows)
		return;
	trace->said_windows = true;
	note(trace,
		"tracing every birth would cost more than %g %% of its CPU time: births are sampled in short windows "
		"(--budget 100 traces all)",
		trace->options.budget);
}

/* Everything is too dear, or cannot be had: windows for some reports, and for more the next time. */
static void put_off(struct trace *trace)
{
	trace->hold_off = 2 * trace->hold_off + 1;
	trace->not_all_until = trace->reports + trace->hold_off;
	begin_windows(trace);
}

static double share_at_first(const struct trace *trace)
{
	return trace->options.births || trace->options.budget < EVERYTHING ? 1 : 0.05;
}

/* Few can be followed at a time, and who finds no room is not recorded. */
static bool follows(const struct trace *trace)
{
	return trace->deaths && !trace->options.births;
}

static void begin_all(struct trace *trace)
{
	struct error error;

	trace->kind = STREAM_FULL;
	trace->whole = false;
	tracee_forget_all(trace->tracee);
	set_finalizers(trace);
	trace->sampled_at = interrupt_now();
	tracee_sample(trace->tracee, share_at_first(trace), follows(trace));
	if ((trace->births == BIRTHS_UNSEEN || watch_births(trace, 0, &error) == 0) &&
		(!trace->deaths || attach_deaths(trace, trace->reports + 1, &error) == 0)) {
		trace->said_failed = false;
	} else {
		if (error.code != ERROR_TARGET_ENDED && !trace->said_failed)
			note_error(trace, "events are not traced for now", &error);
		trace->said_failed = true;
		detach_all(trace);
		/* Tried again: windows by themselves, all else at the next report. */
		trace->kind = STREAM_OFF;
		if (trace->options.budget < EVERYTHING)
			put_off(trace);
	}
	trace->charged = tracee_state(trace->tracee);
}

/* So many stacks as tell something: every birth where there are few. */
static void adapt_share(struct trace *trace, uint64_t births)
{
	double now = interrupt_now(), seconds = now - trace->sampled_at;

	if (seconds <= 0)
		return;
	tracee_sample(trace->tracee,
		births && !trace->options.births ? STACKS_PER_SECOND * seconds / (double)births : 1, follows(trace));
	trace->sampled_at = now;
}

static void give_up_all(struct trace *trace)
{
	detach_all(trace);
	settle(trace);
	budget_owe(&trace->budget);
	put_off(trace);
	note_windows(trace);
}

/*
 * A child that was forked while uprobes were attached has their breakpoints in its copy of the code. The kernel takes
 * them out when it next detaches at these sites, whoever was attached.
 */
static void scrub_children(struct trace *trace)
{
	/* One by one attached, the kernel takes them out itself when a child runs into them. */
	if (stream_detaches_fast(trace->stream) &&
		forks_seen(&trace->forks, &trace->python->target->process, interrupt_now()))
		scrub_if(trace, is_probed);
}

/* At each report also for those that are not children any more: daemons, and who came and went in between. */
static void scrub_descendants(struct trace *trace)
{
	bool possible = forks_possible(&trace->forks);

	if (stream_detaches_fast(trace->stream) && trace->kind == STREAM_FULL && possible)
		scrub_if(trace, is_probed);
}

static bool run_all(struct trace *trace, double until)
{
	while (trace->kind == STREAM_FULL && interrupt_now() < until) {
		struct alloc_probe_state before = trace->charged;
		double begin = interrupt_now(), tick = begin + TICK, cpu = trace->budget.cpu;
		uint64_t left;
		bool limited = trace->options.budget < EVERYTHING;

		stream_rest(trace->stream);
		left = budget_hits_left(&trace->budget);
		if (limited)
			tracee_allow(trace->tracee, left + 1);
		if (!interrupt_poll_until(stream_wakeup(trace->stream), tick < until ? tick : until))
			return false;
		settle(trace);
		fetch_births(trace);
		adapt_share(trace, trace->charged.births + trace->charged.made - before.births - before.made);
		trace->traced += interrupt_now() - begin;
		account(trace, &before, trace->budget.cpu - cpu);
		scrub_children(trace);
		if (limited && !budget_hits_left(&trace->budget))
			give_up_all(trace);
	}
	return true;
}

/* In the guard's thread. */
static void take_out(void *context)
{
	struct trace *trace = context;

	tracee_unwatch_births(trace->tracee);
	tracee_untrace_deaths(trace->tracee);
}

void trace_pause(struct trace *trace)
{
	close_window(trace);
	if (trace->kind != STREAM_FULL || trace->options.budget >= EVERYTHING)
		return;
	settle(trace);
	fetch_births(trace);
	stream_rest(trace->stream);
	tracee_allow(trace->tracee, budget_hits_left(&trace->budget) + 1);
	guard_set(trace->guard, true);
}

/* With notes to say, as one pauses for whatever may take its time. */
static void pause_to_say(struct trace *trace)
{
	if (!trace->note_count)
		return;
	trace_pause(trace);
	say_notes(trace);
}

/* The guard has had enough of it. */
static void resume(struct trace *trace)
{
	guard_set(trace->guard, false);
	if (!guard_has_tripped(trace->guard))
		return;
	settle(trace);
	if (trace->kind == STREAM_FULL)
		give_up_all(trace);
}

void trace_suspend(struct trace *trace)
{
	trace_pause(trace);
	resume(trace);
	if (trace->kind != STREAM_FULL)
		return;
	detach_all(trace);
	trace->kind = STREAM_WINDOWS;
	trace->opens = interrupt_now();
}

void trace_continue(struct trace *trace)
{
	if (trace->options.budget >= EVERYTHING)
		begin_all(trace);
	else if (trace->kind == STREAM_WINDOWS)
		begin_windows(trace);
}

bool trace_run(struct trace *trace, double until)
{
	bool goes_on = true;

	resume(trace);

	while (goes_on && interrupt_now() < until) {
		if (trace->kind == STREAM_FULL)
			goes_on = run_all(trace, until);
		else if (trace->kind == STREAM_WINDOWS)
			goes_on = run_windows(trace, until);
		else
			goes_on = interrupt_sleep_until(until);
	}
	pause_to_say(trace);
	return goes_on;
}

/* --- beginning and end --- */

/* Interpreters by age: the main one, which is there from the start to the end, comes first. */
static int by_id(const void *a, const void *b)
{
	const struct interpreter *left = a, *right = b;

	return (left->id > right->id) - (left->id < right->id);
}

/* The lists to watch. True when they are others than before. Sorts the interpreters. */
static bool find_lists(struct trace *trace, struct runtime *runtime)
{
	struct stream_list lists[INTERPRETERS_MOST] = {0};
	size_t count = 0;
	bool others;

	trace->unwatched = false;
	trace->several = runtime->interpreter_count > 1;
	qsort(runtime->interpreters, runtime->interpreter_count, sizeof(*runtime->interpreters), by_id);
	for (size_t i = 0; i < runtime->interpreter_count && !trace->unwatched; i++) {
		const struct interpreter *interpreter = &runtime->interpreters[i];
		uint64_t head = python_generation(trace->python, interpreter, 0);

		if (head && count == INTERPRETERS_MOST)
			trace->unwatched = true;
		else if (head)
			lists[count++] = (struct stream_list){head + (uint64_t)trace->python->layout.gc_head.prev,
				python_holder(trace->python, interpreter)};
	}
	if (trace->unwatched && trace->births == BIRTHS_WATCHED && !trace->said_interpreters) {
		trace->said_interpreters = true;
		note(trace, "births are traced in %zu of its %zu interpreters: the processor has few breakpoints",
			count, runtime->interpreter_count);
	}
	others = count != trace->watched_count || memcmp(lists, trace->watched, sizeof(lists)) != 0;
	memcpy(trace->watched, lists, sizeof(lists));
	trace->watched_count = count;
	return others;
}

/* The interpreters of a process that runs: threads that come or go may be half-linked, for a moment. */
static int read_runtime(struct trace *trace, struct runtime *runtime, struct error *error)
{
	for (int attempt = 1;; attempt++) {
		memory_forget(trace->memory);
		if (python_runtime(trace->python, trace->memory, runtime, error) == 0)
			return 0;
		if (attempt == RUNTIME_ATTEMPTS || error->code == ERROR_TARGET_ENDED)
			return -1;
		usleep(RUNTIME_MICROSECONDS);
	}
}

/* Addresses in the target that the programs need. */
static int describe(struct trace *trace, struct tracee_config *config, struct error *error)
{
	const struct python *python = trace->python;
	const struct layout *layout = &python->layout;
	struct elf_symbol symbols[] = {{.name = "PyTuple_Type"}, {.name = "PyDict_Type"}, {.name = "PyFrame_Type"},
		{.name = "PyFrozenSet_Type"}, {.name = "PyGen_Type"}, {.name = "PyCoro_Type"},
		{.name = "PyAsyncGen_Type"}};
	struct runtime runtime;

	if (read_runtime(trace, &runtime, error) < 0)
		return -1;
	*config = (struct tracee_config){.pid = python->target->process.pid, .layout = layout};
	find_lists(trace, &runtime);
	config->holder = python_holder(python, &runtime.interpreters[0]);
	config->young = trace->several ? 0 : python_generation(python, &runtime.interpreters[0], 0);
	trace->collecting = python_collecting_at(python, &runtime);
	runtime_free(&runtime);
	target_symbols(python->target, symbols, sizeof(symbols) / sizeof(symbols[0]));
	config->frames = symbols[2].address;
	for (size_t i = 0; i < 3; i++)
		config->generators[i] = symbols[4 + i].address;
	config->untracked[0] = symbols[0].address;
	config->untracked[1] = trace->retracked = layout->habits.untracks_dicts ? symbols[1].address : 0;
	config->untracked[2] = layout->habits.untracks_frozensets ? symbols[3].address : 0;
	/* Up to 3.10 each call of a Python function ends in the death of a frame that nobody saw. */
	if (trace->options.budget < EVERYTHING && layout->habits.tracks_frames && symbols[2].address)
		memory_u64(trace->memory, symbols[2].address + (uint64_t)layout->type.dealloc, &trace->skip);
	return 0;
}

/* Births a second, by what was seen in windows since the last report. */
static double birth_rate(const struct trace *trace)
{
	return (double)trace->born_meanwhile / (trace->undisturbed > 0 ? trace->undisturbed : 1) * trace->budget.rate;
}

/* Looks at the target in windows, and decides by what it saw. */
static void learn(struct trace *trace)
{
	double births;

	settle(trace);
	trace->kind = STREAM_WINDOWS;
	trace->opens = interrupt_now();
	prepare_windows(trace);
	trace->learning = trace->births != BIRTHS_UNSEEN;
	if (trace->learning)
		run_windows(trace, interrupt_now() + LEARN_SECONDS);
	close_window(trace);
	trace->learning = false;
	births = birth_rate(trace);
	/* Who ran and was not seen in a window is not known. */
	if (trace->births != BIRTHS_UNSEEN && trace->kind == STREAM_WINDOWS &&
		(trace->traced > 0 || trace->budget.rate < IDLE_RATE) && budget_allows_all(&trace->budget, births)) {
		begin_all(trace);
	} else {
		begin_windows(trace);
		note_windows(trace);
	}
	trace->used = trace->undisturbed = 0;
	trace->born_meanwhile = 0;
}

/*
 * The types of the objects alive, found while the target runs. Where everything is to be traced, from a look at it:
 * then the classes of which there is no object are known, too, and what is born of them before the first report and
 * dies.
 */
static int first_sites(struct trace *trace, struct error *error)
{
	const struct capture_options options = {.max_pause_ms = trace->options.max_pause_ms};
	struct type_table types = {0};
	struct capture capture;
	int result;

	if (trace->options.budget >= EVERYTHING && capture_take(trace->python, &options, &capture, error) == 0) {
		result = find_sites(trace, &capture.census.types, &capture.census, error);
		capture_free(&capture);
		return result;
	}
	memory_forget(trace->memory);
	census_rehearse(trace->python, trace->memory, interrupt_now() + REHEARSAL_SECONDS, &types, NULL, NULL);
	result = find_sites(trace, &types, NULL, error);
	type_table_free(&types);
	return result;
}

/* What events are charged. */
static struct hit_costs charged(struct hit_costs costs)
{
	return (struct hit_costs){costs.birth * CHARGE, costs.made * CHARGE, costs.death * CHARGE};
}

/* How births are seen here, by what this machine was found to deliver. */
static int find_births(struct trace *trace, const struct calibration *machine, struct error *error)
{
	trace->births = BIRTHS_UNSEEN;
	trace->costs = machine->costs;
	if (!trace->python->layout.gc_head.prev_flags) /* 3.6, 3.7: the list does not tell additions */
		return 0;
	*error = machine->no_breakpoints;
	if (getenv("OGT_NO_BREAKPOINTS"))
		error_set(error, ERROR_FAILED, "OGT_NO_BREAKPOINTS is set");
	else if (machine->breakpoints &&
		 tracee_watch_births(trace->tracee, trace->watched, trace->watched_count, 1, error) == 0) {
		tracee_unwatch_births(trace->tracee);
		trace->births = BIRTHS_WATCHED;
		return 0;
	}
	if (error->code == ERROR_TARGET_ENDED)
		return -1;
	if (trace->options.births)
		note(trace,
			"%s: whoever died between the looks, and left its address to another, is told only where a "
			"function that made that one was seen",
			error->text);
	else
		note(trace,
			"%s: births are growth and deaths together, which is exact; lines are seen at functions "
			"that make objects, and those of some types not at all",
			error->text);
	if (probe_sites_of_births(trace->python, &trace->makers, error) < 0)
		return -1;
	trace->births = BIRTHS_PROBED;
	trace->costs.birth = trace->costs.made;
	return 0;
}

/* Breakpoints that a tracer of before left when it was killed: taken out by attaching there and detaching. */
static bool has_leftover(struct trace *trace, const struct probe_site *site)
{
	unsigned char byte;

	return memory_read(trace->memory, site->address + site->into, &byte, 1) && site_is_breakpoint(byte);
}

struct trace *trace_open(struct python *python, const struct trace_options *options, struct error *error)
{
	uint64_t spare = spare_memory();
	struct calibration machine;
	struct tracee_config config;
	struct trace *trace;

	if (spare < MEMORY_LEAST) {
		error_set(error, ERROR_FAILED, "it takes some %u MB of memory, of which %.0f MB can be had",
			MEMORY_LEAST >> 20, (double)spare / 1e6);
		return NULL;
	}
	trace = calloc(1, sizeof(*trace));
	if (!trace) {
		error_set(error, ERROR_FAILED, "out of memory");
		return NULL;
	}
	trace->python = python;
	trace->options = *options;
	trace->memory = memory_new(python->target->process.pid, NULL);
	trace->sites = sites_new(python, drop_live, trace);
	if (!trace->memory || !trace->sites) {
		error_set(error, ERROR_FAILED, "out of memory");
		goto failed;
	}
	trace->stream = stream_open(error);
	if (!trace->stream)
		goto failed;
	machine = calibrate(trace->stream);
	/* What a kernel has, and does not do, may go one by one. */
	if (!machine.uprobes && stream_attach_one_by_one(&trace->stream, error) == 0)
		machine = calibrate(trace->stream);
	if (!machine.uprobes) {
		*error = machine.no_uprobes;
		goto failed;
	}
	if (describe(trace, &config, error) < 0)
		goto failed;
	trace->tracee = tracee_new(trace->stream, &config, error);
	if (!trace->tracee || first_sites(trace, error) < 0 || find_births(trace, &machine, error) < 0)
		goto failed;
	/* Probes that the kernel takes out one by one stay for seconds: too long for a budget. */
	trace->deaths = options->budget >= EVERYTHING || stream_detaches_fast(trace->stream);
	memory_forget(trace->memory);
	scrub_if(trace, has_leftover);
	budget_init(&trace->budget, options->budget, charged(trace->costs),
		(uint64_t)getpid() << 32 ^ (uint64_t)(interrupt_now() * 1e9));
	trace->charged = tracee_state(trace->tracee);
	if (options->budget >= EVERYTHING) {
		note(trace, "every birth and death is traced: each costs the process about %.0f and %.0f us",
			trace->costs.birth * 1e6, trace->costs.death * 1e6);
		begin_all(trace);
	} else {
		trace->guard = guard_new(stream_wakeup(trace->stream), take_out, trace);
		learn(trace);
	}
	/* What there is to say is said with the first report. */
	return trace;
failed:
	trace_close(trace);
	return NULL;
}

void trace_close(struct trace *trace)
{
	if (!trace)
		return;
	guard_free(trace->guard);
	stream_close(trace->stream);
	probe_sites_free(&trace->makers);
	probe_sites_free(&trace->instances);
	probe_sites_free(&trace->sites_of_deaths);
	sites_free(trace->sites);
	memory_free(trace->memory);
	tally_free(&trace->tally);
	for (size_t i = 0; i < trace->note_count; i++)
		free(trace->notes[i]);
	free(trace->complete_from);
	free(trace->born.object);
	free(trace->born.address);
	free(trace);
}

/* --- reports --- */

void trace_at_cut(void *context, const volatile bool *stop)
{
	struct trace *trace = context;
	bool locked;

	(void)stop;

	if (trace->kind == STREAM_OFF)
		return;
	/* The target is held, so nobody is waited for: a guard that acts now has seen that not all is traced. */
	locked = guard_try_lock(trace->guard);
	tally_cut(
		&trace->tally, trace->tracee, locked && trace->kind == STREAM_FULL && !guard_is_tripped(trace->guard));
	if (locked)
		guard_unlock(trace->guard);
	/* From here on the first birth counts, too. */
	memory_forget(trace->memory);
	for (size_t i = 0; i < trace->watched_count && trace->births == BIRTHS_WATCHED; i++) {
		uint64_t tail;

		if (memory_u64(trace->memory, trace->watched[i].watched, &tail))
			tracee_set_tail(trace->tracee, &trace->watched[i],
				tail & ~trace->python->layout.gc_head.prev_flags, NULL);
	}
}

/* Whether all deaths of this type were traced in the interval that the report in progress is about. */
static bool counts_deaths(void *context, uint64_t type)
{
	struct trace *trace = context;
	ssize_t site = site_of_deaths(trace, type);

	return site >= 0 && trace->complete_from[site] && trace->complete_from[site] <= trace->reports;
}

static bool may_miss_deaths(void *context, uint64_t type)
{
	struct trace *trace = context;
	ssize_t site = site_of_deaths(trace, type);

	return site < 0 || trace->sites_of_deaths.site[site].copied;
}

/* Nobody follows them: from here on they have to stand for themselves. */
static void settle_samples(struct trace *trace)
{
	struct alloc_probe_state state = tracee_state(trace->tracee);

	sites_close_window(trace->sites, state.births + state.made, BIRTHS_AFTER, (uint64_t)(interrupt_now() * 1e9));
}

/* Which samples are alive. */
static int check_sites(struct trace *trace, const struct capture *capture)
{
	struct stream_objects live = {0};
	bool full = trace->kind == STREAM_FULL;
	bool followed = full && trace->deaths && tracee_objects(trace->tracee, STREAM_LIVE, &live, NULL) == 0;
	int result;

	fetch_births(trace);
	if (full && !trace->deaths)
		settle_samples(trace);
	result = sites_check(trace->sites, capture, followed ? &live : NULL, (uint64_t)(trace->tally.now.time * 1e9));
	stream_objects_free(&live);
	return result;
}

/* Types and libraries that have come: with objects alive, with classes alone, or with births that are over. */
static int find_new_sites(struct trace *trace, const struct capture *capture, struct error *error)
{
	const struct stream_counts *counts = &trace->tally.now.counts;
	struct type_table born = {.type = calloc(counts->n + 1, sizeof(*born.type)), .count = counts->n};
	int result = born.type ? 0 : error_set(error, ERROR_FAILED, "out of memory");

	for (size_t i = 0; i < counts->n && result == 0; i++)
		born.type[i].address = counts->rows[i].type;
	if (result == 0)
		result = find_sites(trace, &capture->census.types, &capture->census, error);
	if (result == 0)
		result = find_sites(trace, &born, NULL, error);
	free(born.type);
	return result;
}

/* Interpreters may have come, and gone: then their lists are no lists any more. */
static void rewatch(struct trace *trace)
{
	struct runtime runtime;
	struct error error;
	bool others;

	if (read_runtime(trace, &runtime, &error) < 0)
		return;
	others = find_lists(trace, &runtime);
	tracee_set_young(
		trace->tracee, trace->several ? 0 : python_generation(trace->python, &runtime.interpreters[0], 0));
	runtime_free(&runtime);
	if (!others || trace->births != BIRTHS_WATCHED || trace->kind != STREAM_FULL)
		return;
	tracee_unwatch_births(trace->tracee);
	if (watch_births(trace, 0, &error) < 0) {
		note_error(trace, "births are not traced any more", &error);
		detach_all(trace);
		begin_windows(trace);
	}
	trace->missing = true;
}

/* What to trace from now on. */
static void prepare_next(struct trace *trace, const struct capture *capture)
{
	struct error error;

	trace->missing = false;
	rewatch(trace);
	if (find_new_sites(trace, capture, &error) < 0) {
		if (error.code != ERROR_TARGET_ENDED)
			note_error(trace, "new types are not traced", &error);
	} else if (trace->kind == STREAM_FULL) {
		/* The interval that began with this cut lacks what these sites saw until now. */
		if (trace->deaths && attach_deaths(trace, trace->reports + 2, &error) < 0 &&
			error.code != ERROR_TARGET_ENDED)
			note_error(trace, "deaths of new types are not traced", &error);
		scrub_descendants(trace);
	} else if (trace->tally.before.valid && (trace->undisturbed > 0 || trace->budget.rate < IDLE_RATE)) {
		if (trace->reports >= trace->not_all_until &&
			budget_allows_all(&trace->budget, birth_rate(trace) * RATE_MARGIN)) {
			close_window(trace);
			begin_all(trace);
		}
	}
}

/*
 * The table of types fills up in a program that makes classes all the time. In windows nothing is attached now, so that
 * it can begin anew; else it does when counts have been lost, and the interval that has begun is not whole.
 */
static void forget_types(struct trace *trace, const struct events *events)
{
	bool full = trace->kind == STREAM_FULL;

	if (full && !events->lost)
		return;
	if (full)
		detach_all(trace);
	tracee_forget_types(trace->tracee);
	stream_counts_free(&trace->tally.before.counts);
	if (full)
		begin_all(trace);
}

size_t trace_born(struct trace *trace, const uint64_t **addresses, uint64_t *refused)
{
	struct born *born = &trace->born;
	size_t count = 0, kept = 0;

	*addresses = NULL;
	*refused = born->refused;
	born->refused = 0;
	if (!trace->cuts[0]) {
		born->count = 0;
		return 0;
	}
	free(born->address);
	*addresses = born->address = malloc((born->count + 1) * sizeof(*born->address));
	for (size_t i = 0; born->address && i < born->count; i++) {
		double time = (double)born->object[i].value * 1e-9;

		if (time > trace->cuts[0] && time <= trace->cuts[1])
			born->address[count++] = born->object[i].address;
	}
	if (count)
		qsort(born->address, count, sizeof(*born->address), order_u64);
	for (size_t i = 0; i < count; i++) {
		if (!i || born->address[i] != born->address[i - 1])
			born->address[kept++] = born->address[i];
	}
	born->count = 0;
	return kept;
}

int trace_report(
	struct trace *trace, const struct capture *capture, const struct name_filter *filter, struct events *events)
{
	const struct tally *tally = &trace->tally;
	struct tally_means means = {
		.kind = STREAM_OFF,
		.has_births = trace->births != BIRTHS_UNSEEN,
		.sees_all_births = trace->births == BIRTHS_WATCHED && !trace->unwatched,
		.traced = trace->traced,
		.used = trace->used,
		.undisturbed = trace->undisturbed,
		.cpu_share = trace->budget.rate,
		.counts_deaths = counts_deaths,
		.may_miss_deaths = may_miss_deaths,
		.context = trace,
	};
	int result = 0;

	*events = (struct events){0};
	trace->cuts[0] = trace->cuts[1];
	trace->cuts[1] = tally->now.valid ? tally->now.time : 0;
	if (trace->kind != STREAM_OFF && tally->now.valid) {
		means.kind = trace->whole && tally->now.full ? STREAM_FULL : STREAM_WINDOWS;
		result = check_sites(trace, capture);
		if (result == 0)
			result = tally_events(&trace->tally, trace->tracee, trace->python, trace->memory, trace->sites,
				capture, filter, &means, events);
		events->lost_samples += sites_refused(trace->sites);
		guard_lock(trace->guard);
		if (!guard_is_tripped(trace->guard))
			prepare_next(trace, capture);
		trace->whole = tally->now.full && trace->kind == STREAM_FULL && !guard_is_tripped(trace->guard) &&
			       !trace->missing;
		guard_unlock(trace->guard);
		tally_next(&trace->tally);
		if (tracee_is_crowded(trace->tracee))
			forget_types(trace, events);
		if (trace->whole) /* all is well: the next burst is not the tenth */
			trace->hold_off /= 2;
	} else if (trace->kind == STREAM_OFF && trace->options.budget >= EVERYTHING) {
		begin_all(trace);
	}
	/* What was traced before the first report counts for the second, which is the first to tell. */
	if (trace->reports)
		trace->traced = 0;
	trace->used = trace->undisturbed = 0;
	trace->born_meanwhile = 0;
	trace->reports++;
	/* Whatever is attached now is guarded while the report is read. */
	if (trace->kind == STREAM_FULL && !guard_is_tripped(trace->guard))
		trace_pause(trace);
	say_notes(trace);
	return result;
}
