/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers for a set of addresses, 0 and up: some 20 bits an address where many lie in one page. */
#ifndef OGT_ADDRESS_MAP_H
#define OGT_ADDRESS_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index.h"

#define ADDRESS_NONE UINT32_MAX

/* Addresses of one page that belong to the set, at multiples of 8. */
struct address_page {
	uint64_t page;
	uint64_t bits[8];
	uint32_t base; /* number of the first of them */
};

struct address_map {
	struct address_page *pages;
	size_t page_count;
	struct index index; /* of pages */
	uint32_t last; /* index of the page looked up last */
	uint32_t count; /* of addresses */
};

/*
 * Makes the map of these addresses, of which some may be the same. At most 2**31 - 1 different ones, multiples of 8.
 * False when there are more, or out of memory. Freed with address_map_free, also then.
 */
bool address_map_make(struct address_map *map, const uint64_t *address, size_t count);
void address_map_free(struct address_map *map);

/* ADDRESS_NONE when it is not in the set. */
uint32_t address_number(struct address_map *map, uint64_t address);

#endif
