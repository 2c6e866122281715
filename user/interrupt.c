// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "interrupt.h"

#include <errno.h>
#include <stddef.h>
#include <poll.h>
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
	sigset_t stop;

	sigemptyset(&catch.sa_mask);
	sigaction(SIGINT, &catch, NULL);
	sigaction(SIGTERM, &catch, NULL);
	sigaction(SIGHUP, &catch, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	/* A file that may not grow any more (ulimit -f) is an error of write(), to be told and cleaned up after. */
	sigaction(SIGXFSZ, &ignore, NULL);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	sigprocmask(SIG_BLOCK, &stop, NULL);
}

bool interrupt_stop_asked(void)
{
	sigset_t pending;

	sigemptyset(&pending);
	sigpending(&pending);
	return sigismember(&pending, SIGTSTP) == 1;
}

void interrupt_stop(void)
{
	const struct timespec at_once = {0};
	sigset_t stop;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	sigtimedwait(&stop, NULL, &at_once);
	raise(SIGSTOP);
}

double interrupt_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

bool interrupt_poll_until(int fd, double until)
{
	struct pollfd readable = {.fd = fd, .events = POLLIN};
	sigset_t blocked, before;
	bool slept = true;

	/* Signals are let in only inside ppoll, so that none can slip in between the check and the sleep. */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGHUP);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	while (slept) {
		double left = until - interrupt_now();
		struct timespec wait;
		int ready;

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
		ready = ppoll(&readable, 1, &wait, &before);
		if (ready < 0 && errno == EINTR && interrupt_signal)
			slept = false;
		if (ready > 0)
			break;
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return slept;
}

bool interrupt_sleep_until(double until)
{
	return interrupt_poll_until(-1, until);
}
