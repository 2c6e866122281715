// SPDX-License-Identifier: BSD-2-Clause
/* test_index   entries are found by their keys, also after the array has grown, lost some, and moved. */
#include <stdlib.h>

#include "check.h"
#include "index.h"
#include "list.h"

struct entry {
	uint64_t address;
	size_t number;
};

struct entries {
	struct entry *entry;
	size_t count;
	struct index index;
};

static void add(struct entries *entries, uint64_t address)
{
	if (!list_make_room((void **)&entries->entry, entries->count, sizeof(*entries->entry)))
		exit(1);
	entries->entry[entries->count] = (struct entry){address, entries->count};
	entries->count++;
	if (!index_add_address(&entries->index, entries->count, entries->entry, sizeof(*entries->entry)))
		exit(1);
}

static ssize_t find(const struct entries *entries, uint64_t address)
{
	return index_find_address(&entries->index, entries->entry, sizeof(*entries->entry), address);
}

static bool finds_all(const struct entries *entries)
{
	for (size_t i = 0; i < entries->count; i++) {
		if (find(entries, entries->entry[i].address) != (ssize_t)i)
			return false;
	}
	return true;
}

static void addresses(const char *what, uint64_t first, uint64_t step)
{
	struct entries entries = {0};
	size_t kept = 0;

	check(find(&entries, first) == -1, "%s: nothing is found where nothing is", what);
	for (uint64_t i = 0; i < 10000; i++)
		add(&entries, first + i * step);
	check(finds_all(&entries), "%s: each is found", what);
	check(find(&entries, first + 10000 * step) == -1 && find(&entries, first - 1) == -1, "%s: no other is", what);
	check(entries.index.used * 2 <= entries.index.slots, "%s: half of the slots stay free", what);
	for (size_t i = 0; i < entries.count; i += 3)
		entries.entry[kept++] = entries.entry[i];
	entries.count = kept;
	index_clear(&entries.index);
	check(find(&entries, first) == -1, "%s: none when all were taken out", what);
	add(&entries, 7);
	check(finds_all(&entries), "%s: one more enters those that are left, too", what);
	check(find(&entries, first + step) == -1, "%s: who went is not found", what);
	index_free(&entries.index);
	free(entries.entry);
}

/* All at one slot. */
static uint64_t same(const void *context, size_t entry)
{
	(void)context;
	(void)entry;
	return 3;
}

static void collisions(void)
{
	struct index index = {0};
	uint64_t at = 3, other = 4;
	size_t steps = 0;
	bool in_order = true;

	check(index_add(&index, 100, same, NULL), "a hundred of the same hash");
	for (ssize_t i; (i = index_next(&index, &at)) >= 0; steps++)
		in_order = in_order && i == (ssize_t)steps;
	check(steps == 100 && in_order, "are stepped through, first come first");
	check(index_next(&index, &other) == 1, "from the middle of a run its rest is");
	index_free(&index);
}

int main(void)
{
	addresses("objects", UINT64_C(0x7f0000000000), 16);
	addresses("pages", 0x7f0000, 1);
	addresses("far ones", UINT64_C(0x10000), UINT64_C(1) << 40);
	collisions();
	return checks_end();
}
