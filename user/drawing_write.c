// SPDX-License-Identifier: BSD-2-Clause
/* Everything is made in memory first: what is at the path is touched once the picture is complete. */
#define _GNU_SOURCE
#include "drawing.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "graphviz.h"
#include "interrupt.h"
#include "replace.h"

#define WHAT "picture"
#define STANDARD_OUTPUT "/dev/stdout"

static const char *const extensions[] = {
	[DRAWING_DOT] = "dot", [DRAWING_SVG] = "svg", [DRAWING_PNG] = "png", [DRAWING_PDF] = "pdf"};

enum drawing_format drawing_format(const char *path)
{
	const char *name = path ? strrchr(path, '/') : NULL, *dot;

	name = name ? name + 1 : path;
	dot = name ? strrchr(name, '.') : NULL;
	if (!dot || dot == name)
		return DRAWING_NONE;
	for (enum drawing_format format = DRAWING_DOT; format <= DRAWING_PDF; format++) {
		if (strcasecmp(dot + 1, extensions[format]) == 0)
			return format;
	}
	return strcasecmp(dot + 1, "gv") == 0 ? DRAWING_DOT : DRAWING_NONE;
}

/* The dot text in a file in memory; -1 with the reason. */
static int text_of(const struct graph *graph, struct error *error)
{
	int fd = memfd_create("dot", MFD_CLOEXEC), copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	FILE *out = copy < 0 ? NULL : fdopen(copy, "w");
	bool written = false;

	errno = 0;
	if (out) {
		drawing_dot(graph, out);
		written = !ferror(out);
		written = fclose(out) == 0 && written;
	} else if (copy >= 0) {
		close(copy);
	}
	if (written)
		return fd;
	error_set(error, ERROR_FAILED, "cannot make the " WHAT " in memory: %s", strerror(errno ? errno : EIO));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Copies the whole file; 0, or an errno. */
static int copy_to(int from, int to)
{
	char block[1 << 16];
	off_t offset = 0;
	ssize_t have;

	while ((have = pread(from, block, sizeof(block), offset)) > 0) {
		ssize_t n = write(to, block, (size_t)have);

		if (n < 0 && (errno != EINTR || interrupt_signal))
			return errno;
		offset += n > 0 ? n : 0;
	}
	return have < 0 ? errno : 0;
}

static int replace_with(int picture, const char *path, struct error *error)
{
	struct replacement replacement;
	int reason;

	if (replace_begin(&replacement, WHAT, path, 0666, error) < 0) {
		if (replacement.fd >= 0)
			close(replacement.fd);
		return -1;
	}
	reason = copy_to(picture, replacement.fd);
	if (close(replacement.fd) < 0 && !reason)
		reason = errno;
	if (replace_done(&replacement, !reason, reason, error) < 0)
		return reason == EINTR ? error_set(error, ERROR_INTERRUPTED, "interrupted") : -1;
	return 0;
}

/* To what is no file, and stays what it is. A reader that has gone is nothing to complain about. */
static int write_into(int picture, const char *path, struct error *error)
{
	int fd = strcmp(path, STANDARD_OUTPUT) == 0 ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
						    : open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	int reason = fd < 0 ? errno : copy_to(picture, fd);

	if (fd >= 0 && close(fd) < 0 && !reason)
		reason = errno;
	if (reason == EINTR && interrupt_signal)
		return error_set(error, ERROR_INTERRUPTED, "interrupted");
	if (reason && reason != EPIPE)
		return error_set(error, ERROR_FAILED, "cannot write " WHAT " %s: %s", path, strerror(reason));
	return 0;
}

/* Standard output as such, also when it is a file: what was written to it before has to stay. */
static bool is_stream(const char *path)
{
	struct stat status;

	return strcmp(path, STANDARD_OUTPUT) == 0 ||
	       (stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode));
}

int drawing_write(const struct graph *graph, const char *path, enum drawing_format format, struct error *error)
{
	bool stream = is_stream(path);
	int text, picture, result = -1;

	if (format == DRAWING_NONE)
		return error_set(error, ERROR_FAILED, "%s: a " WHAT " ends in .dot, .svg, .png or .pdf", path);
	/* Before the work, although it is tried again after it. */
	if (!stream && replace_check(WHAT, path, error) < 0)
		return -1;
	text = text_of(graph, error);
	if (text < 0)
		return -1;
	picture = format == DRAWING_DOT ? text : graphviz_run(text, extensions[format], error);
	if (picture >= 0)
		result = stream ? write_into(picture, path, error) : replace_with(picture, path, error);
	if (picture >= 0 && picture != text)
		close(picture);
	close(text);
	return result;
}
