// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "spare.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The share of it that may be taken; the copy and what is worked out of it are so many times the copy. */
#define SHARE 0.7
#define PER_COPY 1.6
/* So little is always taken. */
#define SMALL ((double)(8u << 20))

/* A control group's files, by version. */
struct files {
	const char *root, *limit, *usage, *reclaimable; /* of memory.stat: pages of files that are not in use */
};

static const struct files version1 = {
	"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"};
static const struct files version2 = {"/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"};

/* The number behind key in a file of lines "key number", or, without a key, at its beginning. */
static bool read_number(const char *folder, const char *name, const char *key, uint64_t *value)
{
	char path[PATH_MAX + 64], line[256];
	size_t length = key ? strlen(key) : 0;
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "re");
	while (file && !found && fgets(line, sizeof(line), file)) {
		if (key && (strncmp(line, key, length) != 0 || (line[length] != ' ' && line[length] != ':')))
			continue;
		found = sscanf(line + length + (key != NULL), "%" SCNu64, value) == 1;
		if (!key)
			break;
	}
	if (file)
		fclose(file);
	return found;
}

/* What the limits of this group and of those above it leave. */
static uint64_t group_spare(const struct files *files, const char *path)
{
	char folder[PATH_MAX];
	uint64_t spare = UINT64_MAX;
	size_t root = strlen(files->root);

	snprintf(folder, sizeof(folder), "%s%s", files->root, path);
	for (;;) {
		uint64_t limit, usage, reclaimable = 0, left;
		char *slash = strrchr(folder, '/');

		/* "max" is no number. */
		if (read_number(folder, files->limit, NULL, &limit) &&
			read_number(folder, files->usage, NULL, &usage)) {
			read_number(folder, "memory.stat", files->reclaimable, &reclaimable);
			usage = usage > reclaimable ? usage - reclaimable : 0;
			left = limit > usage ? limit - usage : 0;
			spare = left < spare ? left : spare;
		}
		if (strlen(folder) <= root || !slash)
			return spare;
		*slash = 0;
	}
}

uint64_t spare_memory(void)
{
	uint64_t spare = UINT64_MAX, kib, left;
	FILE *groups = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX + 256];

	if (read_number("/proc", "meminfo", "MemAvailable", &kib))
		spare = kib << 10;
	/* "id:controllers:path"; version 2 names no controllers. */
	while (groups && fgets(line, sizeof(line), groups)) {
		char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;

		if (!path)
			continue;
		*controllers++ = *path++ = 0;
		path[strcspn(path, "\n")] = 0;
		if (*controllers && strcmp(controllers, "memory") != 0)
			continue;
		left = group_spare(*controllers ? &version1 : &version2, path);
		spare = left < spare ? left : spare;
	}
	if (groups)
		fclose(groups);
	return spare;
}

uint64_t spare_for_copy(uint64_t spare)
{
	double share = (double)spare * SHARE / PER_COPY;

	return spare == UINT64_MAX ? spare : (uint64_t)(share > SMALL ? share : SMALL);
}

int spare_error(int pid, uint64_t spare, struct error *error)
{
	return error_set(error, ERROR_FAILED,
		"what is needed of process %d takes more memory than can be had: %.0f MB are left, of the machine or "
		"of the "
		"limit of this control group, and most of them should stay so",
		pid, (double)spare / 1e6);
}
