// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

/* More threads or mappings than the kernel hands out by default in any case. */
#define THREADS_MOST (1u << 22)
#define MAPPINGS_TEXT_MOST (256u << 20)

/* The start of a file of /proc/PID, NUL-terminated. Its length, or -1. */
static ssize_t read_start(int directory, const char *name, char *buffer, size_t size)
{
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	size_t have = 0;

	if (fd < 0)
		return -1;
	while (have < size - 1) {
		ssize_t n = read(fd, buffer + have, size - 1 - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && !have) {
			close(fd);
			return -1;
		}
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	close(fd);
	buffer[have] = '\0';
	return (ssize_t)have;
}

/* The value of "Name:\tvalue" in a status file, at its first character; NULL when there is no such line. */
static const char *status_field(const char *status, const char *name)
{
	size_t length = strlen(name);

	for (const char *line = status; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) == 0 && line[length] == ':')
			return line + length + 1 + strspn(line + length + 1, " \t");
		if (!*line)
			break;
	}
	return NULL;
}

/* The state letter in a stat file: it follows the last parenthesis, because a command name may hold anything. */
static char stat_state(const char *stat)
{
	const char *end = strrchr(stat, ')');

	return end && end[1] == ' ' ? end[2] : '\0';
}

/* CAP_SYS_PTRACE among the effective capabilities of this program. */
static bool may_trace(void)
{
	const int cap_sys_ptrace = 19; /* include/uapi/linux/capability.h */
	char status[4096];
	const char *field;

	if (read_start(AT_FDCWD, "/proc/self/status", status, sizeof(status)) <= 0)
		return false;
	field = status_field(status, "CapEff");
	return field && strtoull(field, NULL, 16) >> cap_sys_ptrace & 1;
}

static int no_permission(pid_t pid, struct error *error)
{
	char scope[16] = "";
	struct stat owner;
	char path[32];

	if (may_trace())
		return error_set(error, ERROR_FAILED,
			"the kernel refuses to let process %d be read although this user has CAP_SYS_PTRACE: a "
			"security module, "
			"or a user namespace above this one",
			pid);
	snprintf(path, sizeof(path), "/proc/%d", pid);
	read_start(AT_FDCWD, "/proc/sys/kernel/yama/ptrace_scope", scope, sizeof(scope));
	if (stat(path, &owner) == 0 && owner.st_uid == geteuid() && scope[0] > '0')
		return error_set(error, ERROR_FAILED,
			"no permission to read process %d: kernel.yama.ptrace_scope is %c and this user lacks "
			"CAP_SYS_PTRACE; "
			"run it with sudo",
			pid, scope[0]);
	return error_set(error, ERROR_FAILED,
		"no permission to read process %d: this user lacks CAP_SYS_PTRACE; run it with sudo", pid);
}

int process_open(struct process *process, pid_t pid, struct error *error)
{
	char path[32], text[4096];
	const char *group;

	*process = (struct process){.pid = pid, .directory = -1, .memory = -1};
	snprintf(path, sizeof(path), "/proc/%d", pid);
	process->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (process->directory < 0 || read_start(process->directory, "status", text, sizeof(text)) < 0) {
		process_close(process);
		return error_set(
			error, ERROR_FAILED, "no process has the PID %d; look it up with pgrep -a python", pid);
	}
	group = status_field(text, "Tgid");
	if (group && atoi(group) != pid) {
		process_close(process);
		return error_set(error, ERROR_FAILED, "%d is a thread of process %d; watch that with -p %d", pid,
			atoi(group), atoi(group));
	}
	if (process_state(process) == 'Z' || process_state(process) == 'X') {
		process_close(process);
		return error_set(error, ERROR_FAILED,
			"process %d is a zombie: it has ended and waits for its parent to collect it", pid);
	}
	process->memory = openat(process->directory, "mem", O_RDONLY | O_CLOEXEC);
	if (process->memory < 0) {
		bool denied = errno == EACCES || errno == EPERM;
		int reason = errno;

		process_close(process);
		if (denied)
			return no_permission(pid, error);
		if (reason == ESRCH)
			return error_set(error, ERROR_FAILED,
				"process %d has no memory: it is a thread of the kernel, or about to end", pid);
		return error_set(
			error, ERROR_FAILED, "cannot read the memory of process %d: %s", pid, strerror(reason));
	}
	return 0;
}

void process_close(struct process *process)
{
	if (process->directory >= 0)
		close(process->directory);
	if (process->memory >= 0)
		close(process->memory);
	process->directory = process->memory = -1;
}

char process_state(const struct process *process)
{
	char stat[512];

	return read_start(process->directory, "stat", stat, sizeof(stat)) > 0 ? stat_state(stat) : '\0';
}

int process_stopped_error(pid_t pid, const char *reason, struct error *error)
{
	return error_set(error, ERROR_FAILED,
		"process %d is stopped (state T) at a moment that does not suit: %s; continue it with kill -CONT %d",
		pid, reason, pid);
}

/* Numbered as this program's /proc does. */
static void each_child(const struct process *process, void (*visit)(void *context, pid_t child), void *context)
{
	struct threads threads;

	if (process_threads(process, &threads, NULL) < 0)
		return;
	for (size_t i = 0; i < threads.count; i++) {
		char name[64];
		FILE *file;
		pid_t child;
		int fd;

		snprintf(name, sizeof(name), "task/%d/children", threads.thread[i].tid);
		fd = openat(process->directory, name, O_RDONLY | O_CLOEXEC);
		file = fd >= 0 ? fdopen(fd, "r") : NULL;
		while (file && fscanf(file, "%d", &child) == 1)
			visit(context, child);
		if (file)
			fclose(file);
		else if (fd >= 0)
			close(fd);
	}
	free(threads.thread);
}

static void add_to_hash(void *context, pid_t child)
{
	uint64_t *hash = context;

	*hash = (*hash ^ (uint64_t)child) * 0x100000001b3;
}

uint64_t process_children_hash(const struct process *process)
{
	uint64_t hash = 0;

	each_child(process, add_to_hash, &hash);
	return hash;
}

struct alike {
	struct stat program;
	pid_t *children;
	size_t count, most;
};

static void add_alike(void *context, pid_t child)
{
	struct alike *alike = context;
	struct stat program;
	char name[64];

	snprintf(name, sizeof(name), "/proc/%d/exe", child);
	if (stat(name, &program) < 0 || program.st_dev != alike->program.st_dev ||
		program.st_ino != alike->program.st_ino)
		return;
	if (alike->count < alike->most)
		alike->children[alike->count] = child;
	alike->count++;
}

size_t process_children_alike(const struct process *process, pid_t *children, size_t most)
{
	struct alike alike = {.children = children, .most = most};

	if (fstatat(process->directory, "exe", &alike.program, 0) == 0)
		each_child(process, add_alike, &alike);
	return alike.count;
}

/* Clock ticks from boot to its start, and the bottom of its main thread's stack; false when that cannot be told. */
static bool start_ticks(const struct process *process, unsigned long long *start, unsigned long long *stack)
{
	char stat[1024];
	const char *end;

	/* The 22nd and the 28th field; the third follows the command name. */
	return read_start(process->directory, "stat", stat, sizeof(stat)) > 0 && (end = strrchr(stat, ')')) &&
	       sscanf(end + 1,
		       " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu "
		       "%*u %*d %*u %*u %*u %llu",
		       start, stack) == 2;
}

void process_identity(const struct process *process, char identity[PROCESS_IDENTITY_BYTES])
{
	unsigned long long start, stack;
	char boot[48];
	ssize_t n = read_start(AT_FDCWD, "/proc/sys/kernel/random/boot_id", boot, sizeof(boot));

	identity[0] = 0;
	if (n <= 0 || !start_ticks(process, &start, &stack))
		return;
	boot[strcspn(boot, "\n")] = 0;
	snprintf(identity, PROCESS_IDENTITY_BYTES, "%s/%llu/%llx", boot, start, stack);
}

void process_address_space_of(const void *vector, size_t size, char text[PROCESS_IDENTITY_BYTES])
{
	uint64_t random = 0, interpreter = 0, headers = 0;

	for (size_t at = 0; at + 2 * sizeof(uint64_t) <= size; at += 2 * sizeof(uint64_t)) {
		uint64_t entry[2];

		memcpy(entry, (const char *)vector + at, sizeof(entry));
		random = entry[0] == AT_RANDOM ? entry[1] : random;
		interpreter = entry[0] == AT_BASE ? entry[1] : interpreter;
		headers = entry[0] == AT_PHDR ? entry[1] : headers;
	}
	text[0] = 0;
	if (random)
		snprintf(
			text, PROCESS_IDENTITY_BYTES, "%" PRIx64 "/%" PRIx64 "/%" PRIx64, random, interpreter, headers);
}

void process_address_space(const struct process *process, char text[PROCESS_IDENTITY_BYTES])
{
	uint64_t vector[128];
	int fd = openat(process->directory, "auxv", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, vector, sizeof(vector)) : -1;

	if (fd >= 0)
		close(fd);
	process_address_space_of(vector, n > 0 ? (size_t)n : 0, text);
}

double process_age(const struct process *process)
{
	unsigned long long start, stack;
	struct timespec now;

	if (!start_ticks(process, &start, &stack) || clock_gettime(CLOCK_BOOTTIME, &now) < 0)
		return 0;
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9 - (double)start / (double)sysconf(_SC_CLK_TCK);
}

int process_check(const struct process *process, struct error *error)
{
	char state = process_state(process), byte, path[PATH_MAX];
	ssize_t n;

	if (!state || state == 'Z' || state == 'X')
		return error_set(error, ERROR_TARGET_ENDED, "process %d exited", process->pid);
	/* Address 0 is never readable: an error while the program lives, end of file once its memory is gone. */
	n = pread(process->memory, &byte, 1, 0);
	if (n != 0)
		return 0;
	n = readlinkat(process->directory, "exe", path, sizeof(path) - 1);
	if (n <= 0)
		return error_set(error, ERROR_TARGET_ENDED, "process %d exited", process->pid);
	process_executable(process, path, sizeof(path));
	return error_set(error, ERROR_TARGET_ENDED, "process %d executed another program: %s", process->pid, path);
}

/* Who ptraces the thread (0: nobody); name receives its command name. */
static pid_t tracer_of(const struct process *process, pid_t tid, char *name, size_t size)
{
	char path[64], text[4096];
	const char *field;
	pid_t tracer;

	snprintf(name, size, "?");
	snprintf(path, sizeof(path), "task/%d/status", tid);
	if (read_start(process->directory, path, text, sizeof(text)) <= 0)
		return 0;
	field = status_field(text, "TracerPid");
	tracer = field ? atoi(field) : 0;
	snprintf(path, sizeof(path), "/proc/%d/comm", tracer);
	if (tracer && read_start(AT_FDCWD, path, text, sizeof(text)) > 0) {
		text[strcspn(text, "\n")] = '\0';
		snprintf(name, size, "%.*s", (int)size - 1, text);
	}
	return tracer;
}

int process_untraced(const struct process *process, pid_t tid, struct error *error)
{
	char name[64];
	pid_t tracer = tracer_of(process, tid, name, sizeof(name));

	if (!tracer || tracer == getpid())
		return 0;
	return error_set(error, ERROR_BUSY,
		"process %d is already traced by %s (PID %d), and Linux allows one tracer at a time; end that one "
		"first",
		process->pid, name, tracer);
}

void process_executable(const struct process *process, char *path, size_t size)
{
	ssize_t n = readlinkat(process->directory, "exe", path, size - 1);

	if (n < 0) {
		snprintf(path, size, "?");
		return;
	}
	path[n] = '\0';
}

/* The id inside the innermost pid namespace: the last number of the NSpid line. */
static pid_t inner_id(const struct process *process, pid_t tid)
{
	char path[64], text[4096];
	const char *field;
	long inner = tid;

	snprintf(path, sizeof(path), "task/%d/status", tid);
	if (read_start(process->directory, path, text, sizeof(text)) <= 0)
		return tid;
	field = status_field(text, "NSpid");
	while (field && isdigit((unsigned char)*field)) {
		char *end;

		inner = strtol(field, &end, 10);
		field = end + strspn(end, " \t");
	}
	return (pid_t)inner;
}

/* Whether the process lives in another pid namespace than the reader: else all ids are the same, and asking is dear. */
static bool own_pid_namespace(const struct process *process)
{
	struct stat theirs, ours;

	if (fstatat(process->directory, "ns/pid", &theirs, 0) < 0 || stat("/proc/self/ns/pid", &ours) < 0)
		return true;
	return theirs.st_ino != ours.st_ino || theirs.st_dev != ours.st_dev;
}

int process_threads(const struct process *process, struct threads *threads, struct error *error)
{
	int fd = openat(process->directory, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool translate = own_pid_namespace(process);
	DIR *tasks = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	size_t capacity = 0;

	*threads = (struct threads){0};
	if (!tasks) {
		if (fd >= 0)
			close(fd);
		return error_set(error, ERROR_TARGET_ENDED, "process %d exited", process->pid);
	}
	while ((entry = readdir(tasks)) && threads->count < THREADS_MOST) {
		pid_t tid = atoi(entry->d_name);

		if (tid <= 0)
			continue;
		if (threads->count == capacity) {
			struct thread *grown;

			capacity = capacity ? capacity * 2 : 16;
			grown = realloc(threads->thread, capacity * sizeof(*grown));
			if (!grown) {
				free(threads->thread);
				*threads = (struct threads){0};
				closedir(tasks);
				return error_set(error, ERROR_FAILED, "out of memory");
			}
			threads->thread = grown;
		}
		threads->thread[threads->count++] = (struct thread){tid, translate ? inner_id(process, tid) : tid};
	}
	closedir(tasks);
	if (!threads->count) {
		free(threads->thread);
		return error_set(error, ERROR_TARGET_ENDED, "process %d exited", process->pid);
	}
	return 0;
}

char thread_state_letter(const struct process *process, pid_t tid)
{
	char path[64], stat[512];

	snprintf(path, sizeof(path), "task/%d/stat", tid);
	return read_start(process->directory, path, stat, sizeof(stat)) > 0 ? stat_state(stat) : '\0';
}

void process_sample(const struct process *process, pid_t tid, struct thread_sample *sample)
{
	char path[64], text[4096];
	char state;

	*sample = (struct thread_sample){.tid = tid};
	/*
	 * The kernel answers "running" unless it has seen the thread off its CPU: a thread about to sleep may already
	 * show the state S and yet return to its program. A kernel without this file shows the state alone.
	 */
	snprintf(path, sizeof(path), "task/%d/syscall", tid);
	if (read_start(process->directory, path, text, sizeof(text)) > 0) {
		sample->asleep = strncmp(text, "running", 7) != 0;
	} else {
		state = thread_state_letter(process, tid);
		sample->asleep = state && state != 'R' && state != 'Z' && state != 'X';
	}
	snprintf(path, sizeof(path), "task/%d/schedstat", tid);
	if (read_start(process->directory, path, text, sizeof(text)) > 0 &&
		sscanf(text, "%" SCNu64 " %*u %" SCNu64, &sample->run_time, &sample->switches) == 2 &&
		(sample->run_time || sample->switches))
		return;
	/* A kernel that keeps no schedstat, or fills it with zeros: the two context-switch counters of status. */
	snprintf(path, sizeof(path), "task/%d/status", tid);
	if (read_start(process->directory, path, text, sizeof(text)) > 0) {
		const char *voluntary = status_field(text, "voluntary_ctxt_switches");
		const char *other = status_field(text, "nonvoluntary_ctxt_switches");

		sample->switches =
			(voluntary ? strtoull(voluntary, NULL, 10) : 0) + (other ? strtoull(other, NULL, 10) : 0);
	}
}

bool process_slept(const struct thread_sample *before, const struct thread_sample *after)
{
	return before->tid == after->tid && before->asleep && after->asleep && before->run_time == after->run_time &&
	       before->switches == after->switches;
}

/* One line of maps: "start-end perms offset dev inode path". */
static bool parse_mapping(char *line, struct mapping *mapping, const char *text)
{
	char perms[5] = "";
	int path = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %" SCNu64 " %n", &mapping->start, &mapping->end,
		    perms, &mapping->offset, &mapping->inode, &path) < 5)
		return false;
	mapping->readable = perms[0] == 'r';
	mapping->writable = perms[1] == 'w';
	mapping->executable = perms[2] == 'x';
	mapping->shared = perms[3] == 's';
	mapping->path = (uint32_t)(line + (path ? (size_t)path : strlen(line)) - text);
	return true;
}

/* All that is left to read of fd, NUL-terminated; NULL when out of memory or longer than any map of memory. */
static char *read_rest(int fd)
{
	size_t have = 0, capacity = 64 << 10;
	char *text = malloc(capacity);

	while (text) {
		ssize_t n = read(fd, text + have, capacity - have - 1);
		char *grown = text;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			text[have] = '\0';
			return text;
		}
		have += (size_t)n;
		if (capacity - have < (32 << 10)) {
			capacity *= 2;
			grown = capacity <= MAPPINGS_TEXT_MOST ? realloc(text, capacity) : NULL;
			if (!grown)
				free(text);
		}
		text = grown;
	}
	return NULL;
}

static char *read_whole(int directory, const char *name)
{
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	char *text = fd >= 0 ? read_rest(fd) : NULL;

	if (fd >= 0)
		close(fd);
	return text;
}

int process_mappings(const struct process *process, struct mappings *mappings, struct error *error)
{
	size_t lines = 0;
	char *text = read_whole(process->directory, "maps"), *line, *next;

	*mappings = (struct mappings){.text = text};
	if (!text)
		return error_set(error, errno == ESRCH || errno == ENOENT ? ERROR_TARGET_ENDED : ERROR_FAILED,
			"cannot read the memory map of process %d: %s", process->pid, strerror(errno));
	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	mappings->mapping = calloc(lines + 1, sizeof(*mappings->mapping));
	if (!mappings->mapping) {
		mappings_free(mappings);
		return error_set(error, ERROR_FAILED, "out of memory");
	}
	for (line = text; *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		else
			next = line + strlen(line);
		if (parse_mapping(line, &mappings->mapping[mappings->count], text))
			mappings->count++;
	}
	return 0;
}

void mappings_free(struct mappings *mappings)
{
	free(mappings->mapping);
	free(mappings->text);
	*mappings = (struct mappings){0};
}

const struct mapping *mappings_find(const struct mappings *mappings, uint64_t address)
{
	size_t low = 0, high = mappings->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct mapping *mapping = &mappings->mapping[middle];

		if (address < mapping->start)
			high = middle;
		else if (address >= mapping->end)
			low = middle + 1;
		else
			return mapping;
	}
	return NULL;
}

const char *mapping_path(const struct mappings *mappings, const struct mapping *mapping)
{
	return mappings->text + mapping->path;
}

int process_open_file(const struct process *process, const struct mappings *mappings, const struct mapping *mapping,
	char *opened, size_t opened_size)
{
	char name[PATH_MAX + 32];
	struct stat status;
	int fd;

	snprintf(name, sizeof(name), "map_files/%" PRIx64 "-%" PRIx64, mapping->start, mapping->end);
	fd = openat(process->directory, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		snprintf(name, sizeof(name), "root%s", mapping_path(mappings, mapping));
		fd = openat(process->directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd >= 0 && (fstat(fd, &status) < 0 || status.st_ino != mapping->inode)) {
			close(fd);
			fd = -1;
		}
	}
	if (fd < 0) {
		/* The executable stays reachable for an unprivileged reader even when it was deleted. */
		snprintf(name, sizeof(name), "exe");
		fd = openat(process->directory, name, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && (fstat(fd, &status) < 0 || status.st_ino != mapping->inode)) {
			close(fd);
			fd = -1;
		}
	}
	if (fd < 0)
		return -1;
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
		close(fd);
		errno = ENOENT;
		return -1;
	}
	if (opened)
		snprintf(opened, opened_size, "/proc/%d/%s", process->pid, name);
	return fd;
}
