// SPDX-License-Identifier: BSD-2-Clause
#include "interrupt.h"

#include <errno.h>
#include <stddef.h>
#include <sys/select.h>
#include <time.h>

volatile sig_atomic_t interrupt_signal;

static void on_signal(int number)
{
	interrupt_signal = number;
}

void interrupt_install(void)
{
	/* A second Ctrl-C must end a tool that does not listen: the kernel then lets go of whatever is held. */
	struct sigaction catch = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	sigemptyset(&catch.sa_mask);
	sigaction(SIGINT, &catch, NULL);
	sigaction(SIGTERM, &catch, NULL);
	sigaction(SIGHUP, &catch, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

double interrupt_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

bool interrupt_sleep_until(double until)
{
	sigset_t blocked, before;
	bool slept = true;

	/* Signals are let in only inside ppoll-like waits, so that none can slip in between the check and the sleep. */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGHUP);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	while (slept) {
		double left = until - interrupt_now();
		struct timespec wait;

		if (interrupt_signal) {
			slept = false;
			break;
		}
		if (left <= 0)
			break;
		if (left > 1e6)
			left = 1e6;
		wait.tv_sec = (time_t)left;
		wait.tv_nsec = (long)((left - (double)wait.tv_sec) * 1e9);
		if (pselect(0, NULL, NULL, NULL, &wait, &before) < 0 && errno == EINTR && interrupt_signal)
			slept = false;
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return slept;
}
