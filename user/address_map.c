// SPDX-License-Identifier: BSD-2-Clause
#include "address_map.h"

#include <stdlib.h>

#define PAGE_SHIFT 12
#define WORD_SHIFT 3
#define COUNT_MOST INT32_MAX

static size_t slot_of(const struct address_map *map, uint64_t page)
{
	size_t i = (size_t)(page * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (map->slot_count - 1);

	while (map->slots[i] && map->pages[map->slots[i] - 1].page != page)
		i = (i + 1) & (map->slot_count - 1);
	return i;
}

/* Twice as many slots, and room for half as many pages. */
static bool grow(struct address_map *map)
{
	size_t slots = map->slot_count ? map->slot_count * 2 : 1024;
	struct address_page *pages = realloc(map->pages, slots / 2 * sizeof(*pages));

	if (!pages)
		return false;
	map->pages = pages;
	free(map->slots);
	map->slots = calloc(slots, sizeof(*map->slots));
	map->slot_count = map->slots ? slots : 0;
	for (size_t i = 0; map->slots && i < map->page_count; i++)
		map->slots[slot_of(map, map->pages[i].page)] = (uint32_t)i + 1;
	return map->slots != NULL;
}

static struct address_page *find_page(struct address_map *map, uint64_t page)
{
	size_t slot;

	if (map->page_count && map->pages[map->last].page == page)
		return &map->pages[map->last];
	if (map->page_count * 2 >= map->slot_count && !grow(map))
		return NULL;
	slot = slot_of(map, page);
	if (!map->slots[slot]) {
		map->pages[map->page_count] = (struct address_page){.page = page};
		map->slots[slot] = (uint32_t)++map->page_count;
	}
	map->last = map->slots[slot] - 1;
	return &map->pages[map->last];
}

bool address_map_make(struct address_map *map, const uint64_t *address, size_t count)
{
	uint64_t total = 0;

	*map = (struct address_map){0};
	for (size_t i = 0; i < count; i++) {
		unsigned int bit = address[i] >> WORD_SHIFT & 511;
		struct address_page *page = find_page(map, address[i] >> PAGE_SHIFT);

		if (!page)
			return false;
		page->bits[bit >> 6] |= UINT64_C(1) << (bit & 63);
	}
	for (size_t i = 0; i < map->page_count; i++) {
		map->pages[i].base = (uint32_t)total;
		for (int k = 0; k < 8; k++)
			total += (uint64_t)__builtin_popcountll(map->pages[i].bits[k]);
		if (total > COUNT_MOST)
			return false;
	}
	map->count = (uint32_t)total;
	return true;
}

void address_map_free(struct address_map *map)
{
	free(map->pages);
	free(map->slots);
	*map = (struct address_map){0};
}

uint32_t address_number(struct address_map *map, uint64_t address)
{
	unsigned int bit = address >> WORD_SHIFT & 511;
	const struct address_page *page;
	uint32_t number;

	if (!map->page_count || address & 7)
		return ADDRESS_NONE;
	if (map->pages[map->last].page != address >> PAGE_SHIFT) {
		size_t slot = slot_of(map, address >> PAGE_SHIFT);

		if (!map->slots[slot])
			return ADDRESS_NONE;
		map->last = map->slots[slot] - 1;
	}
	page = &map->pages[map->last];
	if (!(page->bits[bit >> 6] >> (bit & 63) & 1))
		return ADDRESS_NONE;
	number = page->base;
	for (unsigned int k = 0; k < bit >> 6; k++)
		number += (uint32_t)__builtin_popcountll(page->bits[k]);
	return number + (uint32_t)__builtin_popcountll(page->bits[bit >> 6] & ((UINT64_C(1) << (bit & 63)) - 1));
}
