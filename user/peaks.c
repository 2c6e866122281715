// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "peaks.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "replace.h"

#define FORMAT "objgraph-trace peaks"
#define FORMAT_VERSION 1
/* No program has this many types; a larger file is something else. */
#define FILE_MOST (256 << 20)

void peaks_free(struct peaks *peaks)
{
	counts_free(&peaks->names);
	counts_free(&peaks->full_names);
}

static int corrupt(const char *path, const char *what, struct error *error)
{
	return error_set(error, ERROR_FAILED,
		"peaks file %s is damaged (%s); it was left as it is: move it away to start with fresh peaks", path,
		what);
}

static bool take(struct counts *counts, const json_t *object)
{
	const char *name;
	json_t *value;

	if (!json_is_object(object))
		return false;
	json_object_foreach((json_t *)object, name, value)
	{
		struct count *count;

		if (!json_is_integer(value) || json_integer_value(value) < 0 || !(count = counts_get(counts, name)))
			return false;
		count->value = (uint64_t)json_integer_value(value);
	}
	return true;
}

static int parse(struct peaks *peaks, const char *path, FILE *file, struct error *error)
{
	json_error_t reason;
	json_t *root = json_loadf(file, JSON_REJECT_DUPLICATES, &reason);
	char what[256];
	int result = 0;

	if (!root) {
		snprintf(what, sizeof(what), "line %d: %s", reason.line, reason.text);
		return corrupt(path, what, error);
	}
	if (!json_is_object(root) || !json_is_string(json_object_get(root, "format")) ||
		strcmp(json_string_value(json_object_get(root, "format")), FORMAT) != 0)
		result = corrupt(path, "it is no file of peaks", error);
	else if (json_integer_value(json_object_get(root, "version")) != FORMAT_VERSION)
		result = corrupt(path, "its version is not known here", error);
	else if (!take(&peaks->names, json_object_get(root, "names")) ||
		 !take(&peaks->full_names, json_object_get(root, "full_names")))
		result = corrupt(path, "counts are missing or no counts", error);
	json_decref(root);
	return result;
}

int peaks_load(struct peaks *peaks, const char *path, bool must_exist, struct error *error)
{
	FILE *file = fopen(path, "re");
	struct stat status;
	int result;

	*peaks = (struct peaks){0};
	if (!file && errno == ENOENT && !must_exist)
		return 0;
	if (!file)
		return error_set(error, ERROR_FAILED, "cannot read peaks file %s: %s", path, strerror(errno));
	if (fstat(fileno(file), &status) < 0 || !S_ISREG(status.st_mode))
		result = error_set(error, ERROR_FAILED, "peaks file %s is no regular file", path);
	else if (status.st_size > FILE_MOST)
		result = corrupt(path, "it is too large", error);
	else
		result = parse(peaks, path, file, error);
	fclose(file);
	if (result < 0)
		peaks_free(peaks);
	return result;
}

static json_t *give(const struct counts *counts)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < counts->size; i++) {
		if (json_object_set_new(
			    object, counts->entry[i].name, json_integer((json_int_t)counts->entry[i].value)) < 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

int peaks_save(const struct peaks *peaks, const char *path, struct error *error)
{
	json_t *names = give(&peaks->names), *full_names = give(&peaks->full_names);
	json_t *root = json_pack("{s:s, s:i, s:o, s:o}", "format", FORMAT, "version", FORMAT_VERSION, "names", names,
		"full_names", full_names);
	struct replacement replacement;
	FILE *file;
	bool written;
	int reason;

	if (!root)
		return error_set(error, ERROR_FAILED, "out of memory");
	if (replace_begin(&replacement, "peaks file", path, 0666, error) < 0) {
		json_decref(root);
		return -1;
	}
	file = fdopen(replacement.fd, "w");
	written = file && json_dumpf(root, file, JSON_INDENT(1) | JSON_SORT_KEYS) == 0 && fputc('\n', file) != EOF &&
		  fflush(file) == 0 && fsync(fileno(file)) == 0;
	reason = errno;
	if (file)
		written = fclose(file) == 0 && written;
	else
		close(replacement.fd);
	json_decref(root);
	return replace_done(&replacement, written, reason, error);
}
