// SPDX-License-Identifier: BSD-2-Clause
#include "leaks.h"

#include <stdlib.h>
#include <string.h>

#include "dead_memory.h"
#include "interrupt.h"
#include "layout.h"
#include "list.h"
#include "pyobject.h"

#define WORD 8
#define PAGE_WORDS (MEMORY_PAGE_SIZE / WORD)
/* Pages between two looks at whether to go on. */
#define STEP 4096
/* Low bits that tag an address: of values of frames, of an Element's text. */
#define TAGS UINT64_C(3)

struct audit {
	struct backrefs *backrefs;
	uint32_t *words; /* by object: words of memory that lead to it */
	uint64_t lowest, highest; /* of the objects */
};

/* References that objects and roots certainly hold. */
static uint32_t certain(const struct backrefs *backrefs, uint32_t node)
{
	uint32_t count = 0;

	for (uint32_t i = backrefs->first[node]; i < backrefs->first[node + 1]; i++)
		count += !(backrefs->source[i] & SOURCE_POSSIBLE);
	return count;
}

/* The object that a word leads to; NODE_NONE: none. */
static uint32_t object_of(struct audit *audit, uint64_t word)
{
	word &= ~TAGS;
	return word < audit->lowest || word > audit->highest ? NODE_NONE : backrefs_node(audit->backrefs, word);
}

static void look_at_page(struct audit *audit, uint64_t page, const unsigned char *bytes, struct dead_memory *dead)
{
	for (uint32_t i = 0; i < PAGE_WORDS; i++) {
		uint64_t word;
		uint32_t node;

		memcpy(&word, bytes + i * WORD, sizeof(word));
		node = object_of(audit, word);
		if (node != NODE_NONE && !dead_memory_has(dead, (page << MEMORY_PAGE_SHIFT) + i * WORD))
			audit->words[node]++;
	}
}

static int count_pages(struct audit *audit, struct dead_memory *dead, struct error *error)
{
	struct memory *memory = audit->backrefs->referents->memory;
	struct page_set pages;
	int result = 0;

	if (memory_held(memory, &pages) < 0)
		return error_set(error, ERROR_FAILED, "out of memory");
	for (size_t i = 0; i < pages.count && result == 0; i++) {
		const unsigned char *bytes = memory_page(memory, pages.page[i]);

		if (i % STEP == 0 && interrupt_signal)
			result = error_set(error, ERROR_INTERRUPTED, "interrupted");
		else if (bytes)
			look_at_page(audit, pages.page[i], bytes, dead);
	}
	free(pages.page);
	return result;
}

/* A reference may be in a register alone: of an object just made, or about to be dropped. */
static void count_registers(struct audit *audit, const struct registers *registers)
{
	for (size_t i = 0; i < registers->count; i++) {
		uint32_t node = object_of(audit, registers->word[i]);

		if (node != NODE_NONE)
			audit->words[node]++;
	}
}

static int count_words(struct audit *audit, struct error *error)
{
	const struct referents *referents = audit->backrefs->referents;
	const struct roots *roots = audit->backrefs->roots;
	struct dead_memory dead;
	int result = dead_memory_find(&dead, &referents->python->layout, referents->memory);

	for (size_t i = 0; i < roots->count && result == 0; i++) {
		if (roots->root[i].kind == ROOT_INTERPRETER)
			result = dead_memory_add(&dead, roots->root[i].address);
	}
	result = result < 0 ? error_set(error, ERROR_FAILED, "out of memory") : count_pages(audit, &dead, error);
	dead_memory_free(&dead);
	return result;
}

/* A weak reference leads to an object without holding it. */
static void leave_out_weakrefs(struct audit *audit)
{
	struct backrefs *backrefs = audit->backrefs;
	const struct layout *layout = &backrefs->referents->python->layout;

	for (uint32_t node = 0; node < backrefs->objects; node++) {
		const struct shape *shape = backrefs_shape(backrefs, node);
		uint64_t object;
		uint32_t to;

		if (!shape || (shape->kind != OBJECT_WEAKREF && shape->kind != OBJECT_WEAKPROXY) ||
			!memory_u64(backrefs->referents->memory,
				backrefs->address[node] + (uint64_t)layout->member.weakref_object, &object))
			continue;
		to = backrefs_node(backrefs, object);
		if (to != NODE_NONE && audit->words[to])
			audit->words[to]--;
	}
}

static int by_type(const void *a, const void *b)
{
	const struct leak *x = a, *y = b;

	if (x->type != y->type)
		return (x->type > y->type) - (x->type < y->type);
	return (x->address > y->address) - (x->address < y->address);
}

static bool take(struct leaks *leaks, const struct leak *leak)
{
	if (!list_make_room((void **)&leaks->leak, leaks->count, sizeof(*leaks->leak)))
		return false;
	leaks->leak[leaks->count++] = *leak;
	return true;
}

/* Those of which more references are counted than places were found. */
static int take_leaks(struct audit *audit, struct leaks *leaks, struct error *error)
{
	struct backrefs *backrefs = audit->backrefs;

	for (uint32_t node = 0; node < backrefs->objects; node++) {
		struct leak leak = {.address = backrefs->address[node], .type = backrefs->type[node]};
		uint32_t known = certain(backrefs, node);

		if (!backrefs->tracked[node])
			continue;
		leak.refcount = backrefs_refcount(backrefs, node, 0);
		leak.accounted = audit->words[node] > known ? audit->words[node] : known;
		if (leak.refcount > leak.accounted && !take(leaks, &leak))
			return error_set(error, ERROR_FAILED, "out of memory");
	}
	if (leaks->count)
		qsort(leaks->leak, leaks->count, sizeof(*leaks->leak), by_type);
	return 0;
}

int leaks_find(struct leaks *leaks, struct backrefs *backrefs, const struct registers *registers, struct error *error)
{
	struct audit audit = {.backrefs = backrefs, .lowest = UINT64_MAX};
	int result;

	*leaks = (struct leaks){0};
	audit.words = calloc((size_t)backrefs->objects + 1, sizeof(*audit.words));
	if (!audit.words)
		return error_set(error, ERROR_FAILED, "out of memory");
	for (uint32_t node = 0; node < backrefs->objects; node++) {
		if (backrefs->address[node] < audit.lowest)
			audit.lowest = backrefs->address[node];
		if (backrefs->address[node] > audit.highest)
			audit.highest = backrefs->address[node];
	}
	result = count_words(&audit, error);
	if (result == 0) {
		leave_out_weakrefs(&audit);
		count_registers(&audit, registers);
		result = take_leaks(&audit, leaks, error);
	}
	free(audit.words);
	return result;
}

void leaks_free(struct leaks *leaks)
{
	free(leaks->leak);
	*leaks = (struct leaks){0};
}
