/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists that grow one by one, and need no more than their length to be kept. */
#ifndef OGT_LIST_H
#define OGT_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

/*
 * Room for one more element than count in a malloc'ed list, which has place for a power of two of them; *list may be
 * NULL while it is empty. False, and the list as it was, when out of memory.
 */
static inline bool list_make_room(void **list, size_t count, size_t element)
{
	void *grown;

	if (count & (count - 1))
		return true;
	grown = reallocarray(*list, count ? count * 2 : 1, element);
	if (!grown)
		return false;
	*list = grown;
	return true;
}

#endif
