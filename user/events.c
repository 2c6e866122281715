// SPDX-License-Identifier: BSD-2-Clause
#include "events.h"

#include <stdlib.h>

const struct event *events_find(const struct events *events, const char *name)
{
	const struct count *index = counts_find(&events->names, name);

	return index ? &events->event[index->value] : NULL;
}

struct event *events_get(struct events *events, const char *name)
{
	struct count *index = counts_find(&events->names, name);
	struct event *grown;
	size_t capacity;

	if (index)
		return &events->event[index->value];
	if (events->names.size == events->capacity) {
		capacity = events->capacity ? events->capacity * 2 : 64;
		grown = realloc(events->event, capacity * sizeof(*grown));
		if (!grown)
			return NULL;
		events->event = grown;
		events->capacity = capacity;
	}
	index = counts_get(&events->names, name);
	if (!index)
		return NULL;
	index->value = events->names.size - 1;
	events->event[index->value] = (struct event){.exact = true, .has_peak = true};
	return &events->event[index->value];
}

void events_free(struct events *events)
{
	for (size_t i = 0; i < events->names.size; i++)
		free(events->event[i].sites);
	free(events->event);
	counts_free(&events->names);
	*events = (struct events){0};
}
