// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "replace.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void resolve(const char *path, char *target)
{
	if (!realpath(path, target))
		snprintf(target, PATH_MAX, "%s", path);
}

/* Whether something else than a file is there: a folder, a device; they would be gone afterwards. */
static int check_kind(const char *what, const char *path, const char *target, struct error *error)
{
	struct stat status;

	if (stat(target, &status) == 0 && !S_ISREG(status.st_mode))
		return error_set(error, ERROR_FAILED, "cannot write %s %s: it is no regular file", what, path);
	return 0;
}

int replace_check(const char *what, const char *path, struct error *error)
{
	char target[PATH_MAX], *directory;

	if (!*path)
		return error_set(error, ERROR_FAILED, "the %s has no name", what);
	resolve(path, target);
	if (check_kind(what, path, target, error) < 0)
		return -1;
	if (access(target, F_OK) == 0 && access(target, W_OK) < 0)
		return error_set(error, ERROR_FAILED, "cannot write %s %s: %s", what, path, strerror(errno));
	directory = dirname(target);
	if (access(directory, W_OK | X_OK) < 0)
		return error_set(
			error, ERROR_FAILED, "cannot write %s %s: %s: %s", what, path, directory, strerror(errno));
	return 0;
}

static int failed(const struct replacement *replacement, int reason, struct error *error)
{
	return error_set(error, ERROR_FAILED, "cannot write %s %s: %s%s", replacement->what, replacement->path,
		strerror(reason), access(replacement->target, F_OK) == 0 ? "; the earlier one was kept" : "");
}

int replace_begin(struct replacement *replacement, const char *what, const char *path, mode_t mode, struct error *error)
{
	struct stat status;

	replacement->what = what;
	replacement->path = path;
	replacement->keep = false;
	replacement->fd = -1;
	resolve(path, replacement->target);
	if (check_kind(what, path, replacement->target, error) < 0)
		return -1;
	snprintf(replacement->temporary, sizeof(replacement->temporary), "%s.%ld.tmp", replacement->target,
		(long)getpid());
	replacement->fd = open(replacement->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (replacement->fd < 0)
		return failed(replacement, errno, error);
	/* Not somebody else's: what the file of today may be read by, its owner chose. */
	if (mode & 0077 && stat(replacement->target, &status) == 0 && status.st_uid == geteuid() &&
		fchmod(replacement->fd, status.st_mode & 0777) < 0)
		return replace_done(replacement, 0, errno, error);
	return 0;
}

/* Not every file system can tell in one step that there is no such file yet. */
static int move_in_place(const struct replacement *replacement)
{
	if (!replacement->keep)
		return rename(replacement->temporary, replacement->target);
	if (renameat2(AT_FDCWD, replacement->temporary, AT_FDCWD, replacement->target, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (access(replacement->target, F_OK) == 0) {
		errno = EEXIST;
		return -1;
	}
	return rename(replacement->temporary, replacement->target);
}

int replace_done(struct replacement *replacement, int written, int reason, struct error *error)
{
	if (written && move_in_place(replacement) == 0)
		return 0;
	if (written)
		reason = errno;
	unlink(replacement->temporary);
	return failed(replacement, reason ? reason : EIO, error);
}
