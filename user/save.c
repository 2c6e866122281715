// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "interrupt.h"
#include "replace.h"
#include "snapshot.h"

/* Seconds between two words on how far it is. */
#define PROGRESS_SECONDS 0.2

int save_check(const struct options *options, struct error *error)
{
	/* A link that leads nowhere is there, too. */
	if (!options->force && faccessat(AT_FDCWD, options->save, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return error_set(error, ERROR_FAILED, "%s is there already: --force replaces it", options->save);
	return replace_check("snapshot", options->save, error);
}

struct progress {
	double last;
	bool shown;
};

static bool tell(void *context, uint64_t done, uint64_t all)
{
	struct progress *progress = context;
	double now = interrupt_now();

	if (now - progress->last > PROGRESS_SECONDS) {
		render_progress("saving", done, all);
		progress->last = now;
		progress->shown = true;
	}
	return !interrupt_signal;
}

int save(struct watch *watch, struct capture *look, struct error *error)
{
	struct progress progress = {0, false};
	struct heap *heap = calloc(1, sizeof(*heap));
	struct timespec now;
	uint64_t size;
	int result;

	if (!heap)
		return error_set(error, ERROR_FAILED, "out of memory");
	clock_gettime(CLOCK_REALTIME, &now);
	heap->time = (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
	heap->target = watch->target;
	heap->usdt = watch->usdt;
	heap->threads = watch->threads;
	heap->memory = look->memory;
	heap->capture = *look;
	heap->capture.memory = NULL;
	memcpy(heap->identity, watch->identity, sizeof(heap->identity));
	memcpy(heap->address_space, watch->address_space, sizeof(heap->address_space));
	result = snapshot_write(heap, watch->options->save, watch->options->force, tell, &progress, &size, error);
	if (progress.shown)
		render_progress("saving", 0, 0);
	if (result == 0)
		render_saved(watch->render, watch->options->save, size,
			(uint64_t)memory_pages(look->memory) * MEMORY_PAGE_SIZE, look);
	free(heap);
	return result;
}
