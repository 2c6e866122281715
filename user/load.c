// SPDX-License-Identifier: BSD-2-Clause
#include "load.h"

#include <stdlib.h>

#include "ask.h"

static int open_file(struct watch *watch, size_t i, struct heap *heap, struct error *error)
{
	const struct options *options = watch->options;

	if (heap_open(heap, options->load[i], options->files, options->file_count, error) < 0)
		return -1;
	render_about(watch->render, heap->target.process.pid);
	render_attached(watch->render, &(struct attached){
					       .target = &heap->target,
					       .usdt = heap->usdt,
					       .threads = heap->threads,
					       .capture = &heap->capture,
					       .file = options->load[i],
					       .time = heap->time,
					       .missing = heap->missing,
				       });
	return 0;
}

static int ask(struct watch *watch, struct heap *heap, struct error *error)
{
	int result = 0;

	watch->heap = heap;
	if (watch->options->mode == MODE_TYPES)
		result = ask_types(watch, &heap->capture, error);
	else if (watch->options->mode == MODE_COUNT_OF)
		ask_count_of(watch, &heap->capture);
	else
		result = ask_inspect(watch, &heap->capture, error);
	watch->heap = NULL;
	return result;
}

/* A table for each file, as for a process at as many moments. */
static int run_growth(struct watch *watch, struct heap *heap, struct error *error)
{
	int result = 0;

	for (size_t i = 0; i < watch->options->load_count && result == 0; i++) {
		result = open_file(watch, i, heap, error);
		if (result == 0)
			result = watch_growth(watch, &heap->capture, i, error);
		heap_close(heap);
	}
	return result;
}

/* Only the last one's look is shown, and the first one's process is what all must be of. */
static int run_new_ids(struct watch *watch, struct heap *last, struct error *error)
{
	const char **path = watch->options->load;
	size_t count = watch->options->load_count, loaded = 0;
	struct ids *ids = calloc(count, sizeof(*ids));
	struct heap *first = calloc(1, sizeof(*first));
	double seconds = 0;
	int result = ids && first ? 0 : error_set(error, ERROR_FAILED, "out of memory");

	for (size_t i = 0; i < count && result == 0; i++) {
		struct heap *heap = i ? last : first;

		heap_close(last);
		result = open_file(watch, i, heap, error);
		if (result == 0 && i)
			result = heap_same_process(first, path[0], heap, path[i], error);
		if (result == 0 && ids_of_capture(&heap->capture, &ids[i]) < 0)
			result = error_set(error, ERROR_FAILED, "out of memory");
		loaded += result == 0;
	}
	if (result == 0) {
		if (first->time > 0 && last->time > first->time)
			seconds = last->time - first->time;
		result = ask_new_ids_of(watch, ids, count, seconds, &last->capture, error);
	}
	while (loaded)
		ids_free(&ids[--loaded]);
	if (first)
		heap_close(first);
	free(first);
	free(ids);
	return result;
}

int load_run(struct watch *watch, struct error *error)
{
	struct heap *heap = calloc(1, sizeof(*heap));
	int result;

	if (!heap)
		return error_set(error, ERROR_FAILED, "out of memory");
	switch (watch->options->mode) {
	case MODE_GROWTH:
		result = run_growth(watch, heap, error);
		break;
	case MODE_NEW_IDS:
		result = run_new_ids(watch, heap, error);
		break;
	default:
		result = open_file(watch, 0, heap, error);
		if (result == 0)
			result = ask(watch, heap, error);
		break;
	}
	heap_close(heap);
	free(heap);
	return result;
}
