// SPDX-License-Identifier: BSD-2-Clause
#include "address_map.h"

#include <stdlib.h>

#include "list.h"

#define PAGE_SHIFT 12
#define WORD_SHIFT 3
#define COUNT_MOST INT32_MAX

static struct address_page *find_page(struct address_map *map, uint64_t page)
{
	ssize_t i;

	if (map->page_count && map->pages[map->last].page == page)
		return &map->pages[map->last];
	i = index_find_address(&map->index, map->pages, sizeof(*map->pages), page);
	if (i < 0)
		return NULL;
	map->last = (uint32_t)i;
	return &map->pages[i];
}

static struct address_page *make_page(struct address_map *map, uint64_t page)
{
	if (!list_make_room((void **)&map->pages, map->page_count, sizeof(*map->pages)))
		return NULL;
	map->pages[map->page_count] = (struct address_page){.page = page};
	if (!index_add_address(&map->index, map->page_count + 1, map->pages, sizeof(*map->pages)))
		return NULL;
	map->last = (uint32_t)map->page_count++;
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
			page = make_page(map, address[i] >> PAGE_SHIFT);
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
	index_free(&map->index);
	*map = (struct address_map){0};
}

uint32_t address_number(struct address_map *map, uint64_t address)
{
	unsigned int bit = address >> WORD_SHIFT & 511;
	const struct address_page *page;
	uint32_t number;

	page = address & 7 ? NULL : find_page(map, address >> PAGE_SHIFT);
	if (!page || !(page->bits[bit >> 6] >> (bit & 63) & 1))
		return ADDRESS_NONE;
	number = page->base;
	for (unsigned int k = 0; k < bit >> 6; k++)
		number += (uint32_t)__builtin_popcountll(page->bits[k]);
	return number + (uint32_t)__builtin_popcountll(page->bits[bit >> 6] & ((UINT64_C(1) << (bit & 63)) - 1));
}
