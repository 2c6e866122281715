// SPDX-License-Identifier: BSD-2-Clause
/*
 * References of a real Python whose memory was altered at random: whatever its words say, every question ends, and
 * nothing is read or written that is not ours (the sanitizers tell).
 */
#define _GNU_SOURCE
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backrefs.h"
#include "chain.h"
#include "check.h"
#include "drawing.h"
#include "garbage.h"
#include "graph.h"
#include "heap.h"
#include "leaks.h"
#include "neighbours.h"
#include "picture.h"
#include "roots.h"

#define ROUNDS 15
#define OBJECTS 12

static const char program[] =
	"import asyncio, collections, functools, json, logging, os, sys, time, weakref, xml.etree.ElementTree as E\n"
	"class Node: pass\n"
	"class Slots: __slots__ = ('a', 'b')\n"
	"def gen():\n"
	"    x = Node()\n"
	"    yield x\n"
	"f = functools.lru_cache()(lambda x: [x])\n"
	"f(1), f(2)\n"
	"keep = [[i, {'k': i, 5: Node()}, {Node()}, (Node(), gen()), Slots(), collections.deque([Node()]), "
	"collections.OrderedDict(a=Node()), E.fromstring('<a><b/>x</a>')] for i in range(50)]\n"
	"for k in keep: k[4].a = k; next(k[3][1])\n"
	"def waits():\n"
	"    x = Node()\n"
	"    for y in gen(): main.switch(x)\n"
	"try:\n"
	"    import greenlet, numpy\n"
	"    main = greenlet.getcurrent()\n"
	"    stacks = [greenlet.greenlet(waits) for i in range(50)]\n"
	"    for s in stacks: s.switch()\n"
	"    arrays = [numpy.array([Node(), None, i], dtype=object) for i in range(50)]\n"
	"    for a in arrays: a[1] = (a, {'k': arrays[0]})\n"
	"except ImportError: pass\n"
	"print('ready', flush=True)\n"
	"time.sleep(1000)\n";

struct altered {
	struct heap *heap;
	uint64_t seed;
	unsigned int rate; /* of so many words one is another */
};

/* splitmix64: the same words are altered each time that a page is read. */
static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static uint64_t other_word(const struct altered *altered, uint64_t dice, uint64_t word)
{
	const struct census *census = &altered->heap->capture.census;

	switch (dice % 8) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return word + 8;
	case 3:
		return dice >> 40;
	case 4:
		return word ^ UINT64_C(1) << (dice >> 8 & 63);
	case 5:
		return census->types.type[dice >> 8 & 0xffff & (census->types.count - 1)].address;
	case 6:
		return mix(dice);
	default:
		return census->address[(dice >> 8) % census->count];
	}
}

static size_t read_altered(void *context, uint64_t page, size_t count, unsigned char *bytes)
{
	const struct altered *altered = context;
	size_t i = 0;

	for (; i < count; i++) {
		const unsigned char *from = memory_page(altered->heap->memory, page + i);

		if (!from)
			break;
		memcpy(bytes + i * MEMORY_PAGE_SIZE, from, MEMORY_PAGE_SIZE);
		for (size_t k = 0; k < MEMORY_PAGE_SIZE; k += sizeof(uint64_t)) {
			uint64_t dice = mix(altered->seed ^ ((page + i) << MEMORY_PAGE_SHIFT) ^ k), word;

			if (dice % altered->rate)
				continue;
			memcpy(&word, bytes + i * MEMORY_PAGE_SIZE + k, sizeof(word));
			word = other_word(altered, mix(dice), word);
			memcpy(bytes + i * MEMORY_PAGE_SIZE + k, &word, sizeof(word));
		}
	}
	return i;
}

static void free_nothing(void *context)
{
	(void)context;
}

/* Every question of one picture; what they answer is not looked at. */
static void ask(struct backrefs *backrefs, const uint64_t *objects)
{
	static const struct name_filter all;
	struct neighbours neighbours = {.targets = objects,
		.target_count = OBJECTS,
		.max_depth = 4,
		.too_many = 10,
		.filter = &all,
		.limit = 300};
	struct garbage garbage = {0};
	struct leaks leaks = {0};
	struct chains chains;
	FILE *sink = fopen("/dev/null", "w");

	for (int i = 0; i < 4; i++) {
		struct graph graph = {0};

		neighbours.backwards = i & 1;
		neighbours.merge_dicts = i & 2;
		neighbours_graph(backrefs, &neighbours, &graph, NULL);
		drawing_dot(&graph, sink);
		graph_free(&graph);
	}
	for (int i = 0; i < OBJECTS; i++) {
		uint32_t node = backrefs_node(backrefs, objects[i]);

		if (node == NODE_NONE)
			continue;
		chains_find(backrefs, node, 3, true, &chains, NULL);
		chains_free(&chains);
	}
	garbage_find(&garbage, backrefs, NULL);
	garbage_free(&garbage);
	leaks_find(&leaks, backrefs, &(struct registers){0}, NULL);
	leaks_free(&leaks);
	fclose(sink);
}

static bool one_round(struct heap *heap, uint64_t seed, unsigned int rate)
{
	struct altered altered = {heap, seed, rate};
	const struct memory_source source = {.read = read_altered, .free = free_nothing, .context = &altered};
	const struct census *census = &heap->capture.census;
	struct memory *memory = memory_new_from(&source);
	struct backrefs backrefs = {0};
	struct referents referents;
	struct roots roots = {0};
	uint64_t objects[OBJECTS];
	bool built;

	for (int i = 0; i < OBJECTS; i++)
		objects[i] = census->address[mix(seed + (uint64_t)i) % census->count];
	built = memory && referents_open(&referents, &heap->python, memory, census);
	if (built) {
		built = roots_find(&roots, &referents, census) == 0 &&
			backrefs_build(&backrefs, &referents, &roots, census,
				&(struct backrefs_options){.wanted = objects, .wanted_count = OBJECTS}, NULL) == 0;
		if (built)
			ask(&backrefs, objects);
		backrefs_free(&backrefs);
		roots_free(&roots);
		referents_close(&referents);
	}
	memory_free(memory);
	return built;
}

/* A snapshot of that program, made by the tool itself. */
static bool make_snapshot(const char *tool, char *path)
{
	char pid[16], first[16];
	pid_t child, saver;
	int ends[2], status = -1;

	if (pipe(ends) < 0)
		return false;
	child = fork();
	if (child == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execl("/usr/bin/python3", "python3", "-c", program, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	if (read(ends[0], first, sizeof(first)) > 0) {
		snprintf(pid, sizeof(pid), "%d", child);
		saver = fork();
		if (saver == 0) {
			execl(tool, tool, "-p", pid, "--save", path, "--force", (char *)NULL);
			_exit(127);
		}
		waitpid(saver, &status, 0);
	}
	close(ends[0]);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return status == 0;
}

int main(void)
{
	char path[] = "/tmp/objgraph-trace.hostile.XXXXXX";
	const char *tool = getenv("OGT");
	struct heap *heap = calloc(1, sizeof(*heap));
	struct error error = {0};
	int built = 0, fd = mkstemp(path);

	if (!tool || access("/usr/bin/python3", X_OK) != 0 || fd < 0) {
		printf("no program under test, or no Python\n");
		unlink(path);
		free(heap);
		return CHECK_SKIPPED;
	}
	close(fd);
	if (check(make_snapshot(tool, path), "a snapshot") &&
		check(heap_open(heap, path, NULL, 0, &error) == 0, "can be read %s", error.text)) {
		check(one_round(heap, 0, 1u << 31), "as it is, every question is answered");
		for (uint64_t i = 0; i < ROUNDS; i++)
			built += one_round(heap, mix(i), i % 3 == 0 ? 20 : i % 3 == 1 ? 200 : 5000);
		check(built == ROUNDS, "%d of %d altered ones end", built, ROUNDS);
		heap_close(heap);
	}
	free(heap);
	unlink(path);
	return checks_end();
}
