/* SPDX-License-Identifier: BSD-2-Clause */
/* The one piece of global state: whether Ctrl-C, SIGTERM or SIGHUP asked the program to end. */
#ifndef OGT_INTERRUPT_H
#define OGT_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

/* The signal that asked, 0 while none did. */
extern volatile sig_atomic_t interrupt_signal;

/* Catches SIGINT, SIGTERM and SIGHUP (the second of them ends the program at once) and ignores SIGPIPE. */
void interrupt_install(void);

/* Sleeps until the monotonic time `until` (seconds), or until a signal arrives: then false. */
bool interrupt_sleep_until(double until);

/* The same, but also ends when the descriptor becomes readable (then true). */
bool interrupt_poll_until(int fd, double until);

/*
 * Ctrl-Z waits until it suits: whether it was pressed, and the stop itself, which returns when the program goes on. In
 * between the caller lets go of whatever must not stay as it is meanwhile.
 */
bool interrupt_stop_asked(void);
void interrupt_stop(void);

/* Monotonic time, seconds. */
double interrupt_now(void);

#endif
