// SPDX-License-Identifier: BSD-2-Clause
#include "load.h"

#include <stdlib.h>

#include "ask.h"
#include "ask_references.h"

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
				       });
	return watch_garbage(watch, &heap->python, heap->memory, &heap->capture, error);
}

static int ask(struct watch *watch, struct heap *heap, struct error *error)
{
	int result = 0;

	watch->heap = heap;
	if (watch->options->mode == MODE_TYPES)
		result = ask_types(watch, &heap->capture, error);
	else if (watch->options->mode == MODE_COUNT_OF)
		ask_count_of(watch, &heap->capture);
	else if (watch->options->mode == MODE_INSPECT)
		result = ask_inspect(watch, &heap->capture, error);
	else
		result = ask_references(watch, &heap->capture, error);
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

/* All of them, in the order in which they were given. */
static int open_files(struct watch *watch, struct heap *heaps, struct ids *ids, struct error *error)
{
	const char **path = watch->options->load;

	for (size_t i = 0; i < watch->options->load_count; i++) {
		if (open_file(watch, i, &heaps[i], error) < 0 ||
			(i && heap_same_process(&heaps[0], path[0], &heaps[i], path[i], error) < 0))
			return -1;
		if (ids_of_capture(&heaps[i].capture, &ids[i]) < 0)
			return error_set(error, ERROR_FAILED, "out of memory");
		if (i && heaps[i].time > 0 && heaps[i].time < heaps[i - 1].time)
			render_note("%s is of an earlier moment than %s: EARLIER comes first", path[i], path[i - 1]);
	}
	return 0;
}

static int run_new_ids(struct watch *watch, struct error *error)
{
	size_t count = watch->options->load_count;
	struct ids *ids = calloc(count, sizeof(*ids));
	struct heap *heaps = calloc(count, sizeof(*heaps));
	struct ask_files files = {ids, heaps, count, 0};
	int result =
		ids && heaps ? open_files(watch, heaps, ids, error) : error_set(error, ERROR_FAILED, "out of memory");

	if (result == 0) {
		if (heaps[0].time > 0 && heaps[count - 1].time > heaps[0].time)
			files.seconds = heaps[count - 1].time - heaps[0].time;
		result = ask_new_ids_of(watch, &files, error);
	}
	for (size_t i = 0; i < count; i++) {
		if (ids)
			ids_free(&ids[i]);
		if (heaps)
			heap_close(&heaps[i]);
	}
	free(heaps);
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
		result = run_new_ids(watch, error);
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
