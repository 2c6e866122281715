// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "idstate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "interrupt.h"
#include "replace.h"

/* The first bytes of what is compressed; the digit is the version of the format. */
static const char magic[] = "objgraph-trace ids 1\n";

/* Fast: it is waited for. */
#define MODE "wb1"
/* What a file says it holds is believed as far as there is something in it: memory grows by so many ids at a time. */
#define IDS_AT_ONCE 65536
#define TYPES_MOST (1u << 24)
#define TEXT_MOST (1u << 22) /* more than the longest name that is read of a type */
#define IDS_MOST (UINT64_C(1) << 30) /* of one look */

void idstate_free(struct idstate *state)
{
	free(state->executable);
	ids_free(&state->old);
	ids_free(&state->current);
	*state = (struct idstate){0};
}

/* --- numbers of 1 to 10 bytes, seven bits each, the lowest first --- */

static bool put_number(gzFile file, uint64_t value)
{
	do {
		if (gzputc(file, (int)(value & 0x7f) | (value > 0x7f ? 0x80 : 0)) < 0)
			return false;
	} while (value >>= 7);
	return true;
}

static bool get_number(gzFile file, uint64_t most, uint64_t *value)
{
	int byte, shift = 0;

	*value = 0;
	do {
		byte = gzgetc(file);
		if (byte < 0 || shift > 63 || (shift == 63 && byte > 1))
			return false;
		*value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	return *value <= most;
}

/* NULL is told from "". */
static bool put_text(gzFile file, const char *text)
{
	size_t length = text ? strlen(text) : 0;

	return put_number(file, text ? length + 1 : 0) &&
	       (!length || gzwrite(file, text, (unsigned int)length) == (int)length);
}

static bool get_text(gzFile file, char **text)
{
	uint64_t length;

	*text = NULL;
	if (!get_number(file, TEXT_MOST, &length))
		return false;
	if (!length)
		return true;
	*text = malloc(length);
	if (!*text || (length > 1 && gzread(file, *text, (unsigned int)length - 1) != (int)length - 1))
		return false;
	(*text)[length - 1] = 0;
	return strlen(*text) == length - 1;
}

/* --- ids: each is the distance to the one before --- */

static bool put_ids(gzFile file, const struct ids *ids)
{
	bool written = put_number(file, ids->count);

	for (size_t i = 0; i < ids->count && written; i++) {
		const struct ids_of_type *type = &ids->type[i];
		uint64_t before = 0;

		written = put_text(file, type->name.name) && put_text(file, type->name.module) &&
			  put_number(file, type->count);
		for (size_t k = 0; k < type->count && written; k++) {
			written = put_number(file, type->id[k] - before);
			before = type->id[k];
		}
	}
	return written;
}

static bool get_type(gzFile file, struct ids_of_type *type, uint64_t *left)
{
	uint64_t count, room = 0, distance, before = 0;

	if (!get_text(file, &type->name.name) || !type->name.name || !get_text(file, &type->name.module) ||
		!get_number(file, *left, &count))
		return false;
	*left -= count;
	while (type->count < count) {
		if (type->count == room) {
			uint64_t *grown;

			if (interrupt_signal)
				return false;
			room = room ? room * 2 : count < IDS_AT_ONCE ? count : IDS_AT_ONCE;
			grown = realloc(type->id, room * sizeof(*type->id));
			if (!grown)
				return false;
			type->id = grown;
		}
		if (!get_number(file, UINT64_MAX - before, &distance) || (!distance && type->count))
			return false;
		before += distance;
		type->id[type->count++] = before;
	}
	return true;
}

static bool get_ids(gzFile file, struct ids *ids)
{
	uint64_t count, room = 0, left = IDS_MOST;

	if (!get_number(file, TYPES_MOST, &count))
		return false;
	while (ids->count < count) {
		if (ids->count == room) {
			struct ids_of_type *grown;

			room = room ? room * 2 : 256;
			grown = realloc(ids->type, room * sizeof(*grown));
			if (!grown)
				return false;
			memset(grown + ids->count, 0, (room - ids->count) * sizeof(*grown));
			ids->type = grown;
		}
		ids->count++; /* what is half read is freed, too */
		if (!get_type(file, &ids->type[ids->count - 1], &left))
			return false;
	}
	return true;
}

/* --- the file --- */

/* A time as a number: microseconds. */
static bool put_time(gzFile file, double time)
{
	return put_number(file, (uint64_t)llround(time * 1e6));
}

static bool get_time(gzFile file, double *time)
{
	uint64_t value;

	if (!get_number(file, INT64_MAX, &value))
		return false;
	*time = (double)value / 1e6;
	return true;
}

static bool get_state(gzFile file, struct idstate *state)
{
	char *identity = NULL;
	uint64_t pid;
	bool fits;

	if (!get_number(file, INT_MAX, &pid) || !pid)
		return false;
	state->pid = (pid_t)pid;
	fits = get_text(file, &identity) && identity && strlen(identity) < sizeof(state->identity);
	if (fits)
		strcpy(state->identity, identity);
	free(identity);
	return fits && get_text(file, &state->executable) && state->executable && get_time(file, &state->old_time) &&
	       get_time(file, &state->current_time) && get_ids(file, &state->old) && get_ids(file, &state->current);
}

static int read_state(gzFile file, struct idstate *state, const char *path, struct error *error)
{
	const size_t length = sizeof(magic) - 1;
	char first[sizeof(magic)] = "";
	const char *what;
	int code;

	/* What is not compressed zlib reads as it is. */
	if (gzread(file, first, (unsigned int)length) != (int)length || gzdirect(file) ||
		memcmp(first, magic, length - 2) != 0)
		what = "it is none of ids";
	else if (memcmp(first, magic, length) != 0)
		what = "its version is not known here";
	/* Behind the end zlib has its checksum. */
	else if (get_state(file, state) && gzgetc(file) < 0 && gzeof(file) && (gzerror(file, &code), code == Z_OK))
		return 0;
	else if (interrupt_signal)
		return error_set(error, ERROR_INTERRUPTED, "interrupted");
	else
		what = "it is cut short or altered";
	return error_set(error, ERROR_FAILED,
		"state file %s cannot be used (%s); it was left as it is: move it away to start afresh", path, what);
}

int idstate_load(struct idstate *state, const char *path, bool must_exist, struct error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), result;
	struct stat status;
	gzFile file;

	*state = (struct idstate){0};
	if (fd < 0 && errno == ENOENT && !must_exist)
		return 0;
	if (fd < 0)
		return error_set(error, ERROR_FAILED, "cannot read state file %s: %s", path, strerror(errno));
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
		close(fd);
		return error_set(error, ERROR_FAILED, "state file %s is no regular file", path);
	}
	file = gzdopen(fd, "rb");
	if (!file) {
		close(fd);
		return error_set(error, ERROR_FAILED, "out of memory");
	}
	gzbuffer(file, 1 << 17);
	result = read_state(file, state, path, error);
	gzclose_r(file);
	if (result < 0)
		idstate_free(state);
	return result;
}

static bool put_state(gzFile file, const struct idstate *state)
{
	return gzwrite(file, magic, sizeof(magic) - 1) == sizeof(magic) - 1 && put_number(file, (uint64_t)state->pid) &&
	       put_text(file, state->identity) && put_text(file, state->executable) &&
	       put_time(file, state->old_time) && put_time(file, state->current_time) && put_ids(file, &state->old) &&
	       put_ids(file, &state->current);
}

int idstate_save(const struct idstate *state, const char *path, struct error *error)
{
	struct replacement replacement;
	bool written = false;
	gzFile file;
	int reason;

	/* What a program holds is its owner's business. */
	if (replace_begin(&replacement, "state file", path, 0600, error) < 0)
		return -1;
	file = gzdopen(replacement.fd, MODE);
	errno = 0;
	if (file) {
		gzbuffer(file, 1 << 17);
		written = put_state(file, state) && gzflush(file, Z_FINISH) == Z_OK && fsync(replacement.fd) == 0;
	}
	reason = errno;
	if (file)
		written = gzclose_w(file) == Z_OK && written;
	else
		close(replacement.fd);
	return replace_done(&replacement, written, reason, error);
}

int idstate_check(const struct idstate *state, const struct process *process, const char *executable, const char *path,
	struct error *error)
{
	char identity[PROCESS_IDENTITY_BYTES];

	process_identity(process, identity);
	if (!*identity || !*state->identity)
		return error_set(error, ERROR_FAILED,
			"whether state file %s is about this process cannot be told: /proc does not say when it was "
			"started",
			path);
	if (strcmp(executable, state->executable) != 0)
		return error_set(error, ERROR_FAILED,
			"state file %s is about another program: it was %s (process %d), and process %d is %s", path,
			state->executable, state->pid, process->pid, executable);
	if (state->pid != process->pid || strcmp(identity, state->identity) != 0)
		return error_set(error, ERROR_FAILED,
			"state file %s is about another process: %d%s; ids of two processes cannot be compared", path,
			state->pid,
			state->pid == process->pid ? ", started at another time or another program since" : "");
	return 0;
}
