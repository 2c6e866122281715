// SPDX-License-Identifier: BSD-2-Clause
/*
 * The text goes in and the picture comes out through files in memory: neither side ever waits for the other. What dot
 * complains about comes through a pipe, whose end is the end of dot.
 */
#define _GNU_SOURCE
#include "graphviz.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "interrupt.h"
#include "text.h"

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"
#define COMPLAINT_MOST 400 /* bytes of what dot says that are told */
#define SLICE 0.2 /* seconds between two looks at whether Ctrl-Z was pressed */

struct run {
	char program[PATH_MAX];
	int picture; /* its standard output */
	int complaints; /* the end of the pipe that is read */
	pid_t pid;
	char said[COMPLAINT_MOST + 1];
	size_t said_size;
};

static bool is_program(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

/* As a shell looks for it, but in absolute folders only. */
static int find_dot(char program[PATH_MAX], struct error *error)
{
	const char *path = getenv("PATH");

	for (path = path ? path : DEFAULT_PATH; *path; path += *path == ':') {
		size_t size = strcspn(path, ":");

		if (*path == '/' && size < PATH_MAX - 8) {
			snprintf(program, PATH_MAX, "%.*s/dot", (int)size, path);
			if (is_program(program))
				return 0;
		}
		path += size;
	}
	return error_set(error, ERROR_FAILED,
		"graphviz is not installed (no program dot in PATH): install the package graphviz, or give a file that "
		"ends in .dot, which is written without it");
}

static void close_on_exec(void)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		int fd = atoi(entry->d_name);

		if (fd > STDERR_FILENO)
			fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
	if (folder)
		closedir(folder);
}

/* What fonts are found with, and no more. Returns NULL-terminated entries of this process's own environment. */
static void choose_environment(char *chosen[], size_t most)
{
	static const char *const names[] = {
		"PATH=", "HOME=", "XDG_CACHE_HOME=", "XDG_CONFIG_HOME=", "FONTCONFIG_FILE=", "FONTCONFIG_PATH="};
	size_t count = 0;

	for (char **entry = environ; *entry; entry++) {
		for (size_t i = 0; i < sizeof(names) / sizeof(*names) && count < most - 1; i++) {
			if (strncmp(*entry, names[i], strlen(names[i])) == 0)
				chosen[count++] = *entry;
		}
	}
	chosen[count] = NULL;
}

/*
 * Any of 0 to 2 may be closed, and be one of these files: each is opened after the one before, and so none is
 * overwritten before it is in place.
 */
static int spawn(struct run *run, int text, int complain, const char *format)
{
	char option[16], *arguments[] = {(char *)"dot", option, NULL}, *environment[8];
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t defaults;
	int reason;

	snprintf(option, sizeof(option), "-T%s", format);
	choose_environment(environment, sizeof(environment) / sizeof(*environment));
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGXFSZ);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_adddup2(&files, text, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, run->picture, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, complain, STDERR_FILENO);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	close_on_exec();
	reason = posix_spawn(&run->pid, run->program, &files, &attributes, arguments, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return reason;
}

static int start(struct run *run, int text, const char *format, struct error *error)
{
	int ends[2], reason = 0;

	run->picture = memfd_create("picture", MFD_CLOEXEC);
	if (run->picture < 0)
		return error_set(error, ERROR_FAILED, "cannot make a file in memory: %s", strerror(errno));
	reason = pipe2(ends, O_CLOEXEC) < 0 ? errno : 0;
	if (!reason) {
		fcntl(ends[0], F_SETFL, O_NONBLOCK);
		reason = lseek(text, 0, SEEK_SET) < 0 ? errno : spawn(run, text, ends[1], format);
		close(ends[1]);
		if (reason)
			close(ends[0]);
	}
	if (reason) {
		close(run->picture);
		return error_set(error, ERROR_FAILED, "cannot run %s: %s", run->program, strerror(reason));
	}
	run->complaints = ends[0];
	return 0;
}

/* Keeps the start of what dot says, takes all of it; false once it has ended. */
static bool take_complaints(struct run *run)
{
	char more[4096];
	ssize_t n = read(run->complaints, more, sizeof(more));
	size_t room = COMPLAINT_MOST - run->said_size;

	if (n <= 0)
		return n < 0 && (errno == EINTR || errno == EAGAIN);
	if ((size_t)n < room)
		room = (size_t)n;
	memcpy(run->said + run->said_size, more, room);
	run->said_size += room;
	return true;
}

/* Waits for the end of dot, and makes it where Ctrl-C was pressed. Returns what waitpid says of it. */
static int finish(struct run *run)
{
	int status = 0;

	for (bool more = true; more && !interrupt_signal;) {
		if (interrupt_stop_asked())
			interrupt_stop();
		if (interrupt_poll_until(run->complaints, interrupt_now() + SLICE))
			more = take_complaints(run);
	}
	if (interrupt_signal)
		kill(run->pid, SIGKILL);
	while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR) {
		if (interrupt_signal)
			kill(run->pid, SIGKILL);
	}
	close(run->complaints);
	return status;
}

/* A sentence from what dot said and how it ended. */
static int complain(struct run *run, int status, struct error *error)
{
	char how[48], *said;

	while (run->said_size && strchr("\n\r ", run->said[run->said_size - 1]))
		run->said_size--;
	run->said[run->said_size] = '\0';
	said = text_printable(run->said);
	if (WIFSIGNALED(status))
		snprintf(how, sizeof(how), "ended by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		snprintf(how, sizeof(how), "exit code %d", WEXITSTATUS(status));
	else
		snprintf(how, sizeof(how), "no picture");
	error_set(error, ERROR_FAILED, "graphviz made no picture: %s: %s%s%s", run->program, how,
		said && *said ? ": " : "", said ? said : "");
	free(said);
	return -1;
}

int graphviz_run(int text, const char *format, struct error *error)
{
	struct run run = {.pid = 0};
	struct stat picture;
	int status;

	if (find_dot(run.program, error) < 0 || start(&run, text, format, error) < 0)
		return -1;
	status = finish(&run);
	if (interrupt_signal)
		error_set(error, ERROR_INTERRUPTED, "interrupted");
	else if (status != 0 || fstat(run.picture, &picture) < 0 || picture.st_size == 0)
		complain(&run, status, error);
	else
		return run.picture;
	close(run.picture);
	return -1;
}
