// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_references   what the copy says of references is what the process has at that very moment: all references of all
 * tracked objects, read from the process while it is held, and again from the copy after it was let go. Of Pythons that
 * never rest, whose tables grow and move, where only young objects come and go, and where all do.
 *
 *   test_references [PYTHON]
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture.h"
#include "check.h"
#include "interrupt.h"
#include "label.h"
#include "referents.h"

#define LOOKS 5
#define MAX_PAUSE 10000

static const char program[] =
	"import collections, gc, random, sys\n"
	"class Kept:\n"
	"    def __init__(self, n):\n"
	"        self.number = n; self.items = [n]; self.table = {n: self}; self.some = {n, str(n)}\n"
	"        self.queue = collections.deque([self]); self.call = lambda: self; self.steps = self.all()\n"
	"        next(self.steps)\n"
	"    def all(self):\n"
	"        for key in range(1 << 30): yield key, self\n"
	"kept = [Kept(n) for n in range(8000)]\n"
	"text = [str(n) * 500 for n in range(8000)]\n"
	"gc.collect()\n"
	"print('ready', flush=True)\n"
	"def young():\n"
	"    for i in range(100): {i: [i, {i, (i, young)}]}\n"
	"def old():\n"
	"    for i in range(100):\n"
	"        one = kept[random.randrange(len(kept))]\n"
	"        one.items.extend([{'key': one}] * 9); one.table[len(one.table), 'key'] = [one]; one.some.add((i, "
	"one))\n"
	"        one.queue.append([i]); setattr(one, 'name%d' % (i % 40), [i]); next(one.steps)\n"
	"        if len(one.items) > 99: kept[random.randrange(len(kept))] = Kept(i)\n"
	"while True: globals()[sys.argv[1]]()\n";

static const char *interpreter = "/usr/bin/python3";

static pid_t start(const char *mode, struct target *target, struct python *python)
{
	char line[16] = "";
	struct error error;
	int ends[2];
	pid_t pid;

	if (pipe(ends) < 0 || (pid = fork()) < 0)
		return -1;
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(ends[1], 1);
		execl(interpreter, "python3", "-c", program, mode, NULL);
		_exit(1);
	}
	close(ends[1]);
	if (read(ends[0], line, sizeof(line) - 1) <= 0 || target_open(target, pid, &error) < 0)
		return -1;
	close(ends[0]);
	for (int i = 0; i < 1000; i++) {
		struct memory *memory = memory_new(pid, NULL);
		int result = python_open(python, target, memory, &error);

		memory_free(memory);
		if (result == 0)
			return pid;
		usleep(5000);
	}
	return -1;
}

/* All references of a picture in one number each, whatever their order. */
struct sum {
	struct python *python;
	uint64_t from;
	uint64_t references, all; /* how many; what they are */
	uint64_t keys, named; /* keys of dicts that are told; as they are written in Python */
	const struct referents *referents;
	bool failed;
};

static uint64_t mix(uint64_t value)
{
	value ^= value >> 31;
	value *= UINT64_C(0x9e3779b97f4a7c15);
	return value ^ value >> 29;
}

static bool add(void *context, const struct referent *referent)
{
	struct sum *sum = context;

	sum->references++;
	sum->all += mix(mix(mix(sum->from) + referent->to) + referent->way * 7 + referent->kind + referent->index * 64);
	if (referent->way == WAY_VALUE && sum->referents) {
		bool plain = false;

		free(label_key(sum->referents, referent->object, &plain));
		sum->keys++;
		sum->named += plain;
	}
	return true;
}

static void add_all(struct sum *sum, struct memory *memory, const struct census *census, bool names)
{
	struct referents referents;

	if (!referents_open(&referents, sum->python, memory, census)) {
		sum->failed = true;
		return;
	}
	sum->referents = names ? &referents : NULL;
	for (size_t i = 0; i < census->count; i++) {
		const struct shape *shape = shapes_of(referents.shapes, census->types.type[census->type[i]].address);

		sum->from = census->address[i];
		if (shape)
			referents_of(&referents, census->address[i], shape, add, sum);
	}
	sum->failed = sum->failed || referents.unreadable;
	referents_close(&referents);
}

static void read_all(void *context, const volatile bool *stop)
{
	struct sum *sum = context;
	struct memory *memory = memory_new(sum->python->target->process.pid, NULL);
	struct census census;
	struct error error;

	*sum = (struct sum){.python = sum->python};
	if (census_walk(sum->python, memory, stop, &census, &error) < 0) {
		sum->failed = true;
	} else {
		add_all(sum, memory, &census, false);
		census_free(&census);
	}
	memory_free(memory);
}

/* Pages of a copy of everything; 0: there is none. */
static size_t pages_of_all(struct python *python)
{
	struct capture_options options = {.what = CAPTURE_WHOLE, .max_pause_ms = MAX_PAUSE};
	struct capture capture;
	struct error error;
	size_t pages;

	if (capture_take(python, &options, &capture, &error) < 0)
		return 0;
	pages = memory_pages(capture.memory);
	capture_free(&capture);
	return pages;
}

/* Whether a copy of references is the same as what was read while the process was held for it. */
static bool is_same(struct python *python, size_t *pages, double *named)
{
	struct sum process = {.python = python}, copy = process;
	struct capture_options options = {
		.what = CAPTURE_REFERENCES, .max_pause_ms = MAX_PAUSE, .at_cut = read_all, .context = &process};
	struct capture capture;
	struct error error;
	bool same;

	if (capture_take(python, &options, &capture, &error) < 0) {
		printf("# %s\n", error.text);
		return false;
	}
	add_all(&copy, capture.memory, &capture.census, true);
	same = !process.failed && !copy.failed && process.references == copy.references && process.all == copy.all &&
	       !capture.missing;
	*pages = memory_pages(capture.memory);
	*named = (double)copy.named / (double)copy.keys;
	printf("# %llu references, %zu pages, held %.1f ms\n", (unsigned long long)copy.references, *pages,
		capture.pause_ms);
	capture_free(&capture);
	return same;
}

static void compare(const char *mode, bool few)
{
	struct target target;
	struct python python;
	pid_t pid = start(mode, &target, &python);
	unsigned int same = 0;
	size_t fewest = SIZE_MAX;
	double least = 1;

	if (!check(pid > 0, "%s objects come and go: started", mode))
		return;
	for (int i = 0; i < LOOKS; i++) {
		size_t pages = SIZE_MAX;
		double named = 1;

		same += is_same(&python, &pages, &named);
		fewest = pages < fewest ? pages : fewest;
		least = named < least ? named : least;
	}
	check(same == LOOKS, "%s: %u of %d copies have all references that the process had", mode, same, LOOKS);
	check(least > 0.95, "%s: %.3f of the keys have their text", mode, least);
	if (few)
		check((double)fewest < 0.8 * (double)pages_of_all(&python), "%s: and not all that the process has",
			mode);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	target_close(&target);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		interpreter = argv[1];
	if (access(interpreter, X_OK) < 0 || geteuid() != 0) {
		puts("1..0 # SKIP no Python, or no right to look into it");
		return CHECK_SKIPPED;
	}
	interrupt_install();
	compare("young", true);
	compare("old", false);
	return checks_end();
}
