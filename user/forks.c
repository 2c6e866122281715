// SPDX-License-Identifier: BSD-2-Clause
#include "forks.h"

#include <stdio.h>

#include "interrupt.h"

/* The children of thousands of threads take milliseconds to list: it is not done for more of the time than this. */
#define SHARE 0.01

/* The pid that was given away last, to a process or thread, in this pid namespace or below; -1 when it is not told. */
static long newest_pid(void)
{
	FILE *file = fopen("/proc/loadavg", "re");
	long pid = -1;

	if (file && fscanf(file, "%*s %*s %*s %*s %ld", &pid) != 1)
		pid = -1;
	if (file)
		fclose(file);
	return pid;
}

bool forks_seen(struct forks *forks, const struct process *process, double now)
{
	long newest;
	uint64_t children;
	bool others;

	if (now < forks->again)
		return false;
	newest = newest_pid();
	if (newest >= 0 && newest == forks->newest_seen)
		return false;
	forks->newest_seen = newest;
	children = process_children_hash(process);
	others = children != forks->children;
	forks->children = children;
	forks->again = now + (interrupt_now() - now) / SHARE;
	return others && children;
}

bool forks_possible(struct forks *forks)
{
	long newest = newest_pid();
	bool others = newest < 0 || newest != forks->newest_handled;

	forks->newest_handled = newest;
	return others;
}
