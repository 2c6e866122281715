// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "heap.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core.h"
#include "snapshot.h"

int heap_open(struct heap *heap, const char *path, const char *const *files, size_t file_count, struct error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), result;
	struct stat status;

	*heap = (struct heap){0};
	if (fd < 0)
		return error_set(error, ERROR_FAILED, "cannot read %s: %s", path, strerror(errno));
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
		close(fd);
		return error_set(error, ERROR_FAILED, "%s is no regular file", path);
	}
	if (snapshot_is_one(fd) && file_count) {
		close(fd);
		return error_set(error, ERROR_FAILED, "%s is a snapshot: --exe goes with core files", path);
	}
	if (snapshot_is_one(fd)) {
		result = snapshot_read(heap, fd, path, error);
	} else if (core_is_one(fd)) {
		result = core_read(heap, fd, path, files, file_count, error);
	} else {
		close(fd);
		return error_set(error, ERROR_FAILED, "%s is neither a snapshot of --save nor an ELF core file%s", path,
			status.st_size ? " (a compressed one has to be unpacked first)" : ": it is empty");
	}
	if (result < 0)
		heap_close(heap);
	return result;
}

void heap_close(struct heap *heap)
{
	capture_free(&heap->capture);
	memory_free(heap->memory);
	*heap = (struct heap){0};
}

int heap_same_process(
	const struct heap *old, const char *old_path, const struct heap *current, const char *path, struct error *error)
{
	bool identified = *old->identity && *current->identity;
	const char *x = identified ? old->identity : old->address_space;
	const char *y = identified ? current->identity : current->address_space;

	if (strcmp(old->target.executable, current->target.executable) != 0)
		return error_set(error, ERROR_FAILED, "%s and %s are of two programs: %s and %s", old_path, path,
			old->target.executable, current->target.executable);
	if (!*x || !*y)
		return error_set(error, ERROR_FAILED,
			"whether %s and %s are of one process cannot be told: one of them does not say of which it is",
			old_path, path);
	if (old->target.process.pid != current->target.process.pid || strcmp(x, y) != 0)
		return error_set(error, ERROR_FAILED,
			"%s and %s are of two processes (%d and %d%s); ids of two processes cannot be compared",
			old_path, path, old->target.process.pid, current->target.process.pid,
			old->target.process.pid == current->target.process.pid ? ", started at another time" : "");
	return 0;
}
