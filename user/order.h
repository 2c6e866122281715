/* SPDX-License-Identifier: BSD-2-Clause */
/* Orders for qsort() and bsearch(). */
#ifndef OGT_ORDER_H
#define OGT_ORDER_H

#include <stdint.h>

/* uint64_t, ascending: addresses, ids, numbers of pages. */
static inline int order_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

#endif
