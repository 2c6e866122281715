/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread that acts when nobody else looks: while it is on and a descriptor polls readable, it calls a function, once.
 * For the time in which a report is made, or its reader does not read.
 */
#ifndef OGT_GUARD_H
#define OGT_GUARD_H

#include <stdbool.h>

struct guard;

/* Off at first. trip is called in the guard's thread, under its lock. NULL when there is no thread to be had. */
struct guard *guard_new(int fd, void (*trip)(void *context), void *context);
/* NULL is fine, here and below. */
void guard_free(struct guard *guard);

void guard_set(struct guard *guard, bool on);

/* Nothing is tripped between these. */
void guard_lock(struct guard *guard);
void guard_unlock(struct guard *guard);
/* The same without waiting: false, and nothing to unlock, while it acts, which may take a while. */
bool guard_try_lock(struct guard *guard);

/* Whether it has acted; true only once. */
bool guard_has_tripped(struct guard *guard);
/* The same, under the lock, and without forgetting it. */
bool guard_is_tripped(const struct guard *guard);

#endif
