// SPDX-License-Identifier: BSD-2-Clause
#include "guard.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

/* How often it looks whether it is still wanted. */
#define MILLISECONDS 200

struct guard {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int fd;
	void (*trip)(void *context);
	void *context;
	bool on, stop, tripped;
};

static void *watch(void *context)
{
	struct guard *guard = context;
	struct pollfd readable = {.fd = guard->fd, .events = POLLIN};

	pthread_mutex_lock(&guard->lock);
	while (!guard->stop) {
		int ready;

		if (!guard->on) {
			pthread_cond_wait(&guard->changed, &guard->lock);
			continue;
		}
		pthread_mutex_unlock(&guard->lock);
		ready = poll(&readable, 1, MILLISECONDS);
		pthread_mutex_lock(&guard->lock);
		if (ready > 0 && guard->on) {
			guard->trip(guard->context);
			guard->tripped = true;
			guard->on = false;
		}
	}
	pthread_mutex_unlock(&guard->lock);
	return NULL;
}

struct guard *guard_new(int fd, void (*trip)(void *context), void *context)
{
	struct guard *guard = calloc(1, sizeof(*guard));
	sigset_t all, before;
	int result;

	if (!guard)
		return NULL;
	*guard = (struct guard){.fd = fd, .trip = trip, .context = context};
	pthread_mutex_init(&guard->lock, NULL);
	pthread_cond_init(&guard->changed, NULL);
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(&guard->thread, NULL, watch, guard);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (result == 0)
		return guard;
	pthread_mutex_destroy(&guard->lock);
	pthread_cond_destroy(&guard->changed);
	free(guard);
	return NULL;
}

void guard_free(struct guard *guard)
{
	if (!guard)
		return;
	pthread_mutex_lock(&guard->lock);
	guard->stop = true;
	pthread_cond_signal(&guard->changed);
	pthread_mutex_unlock(&guard->lock);
	pthread_join(guard->thread, NULL);
	pthread_mutex_destroy(&guard->lock);
	pthread_cond_destroy(&guard->changed);
	free(guard);
}

void guard_lock(struct guard *guard)
{
	if (guard)
		pthread_mutex_lock(&guard->lock);
}

bool guard_try_lock(struct guard *guard)
{
	return !guard || pthread_mutex_trylock(&guard->lock) == 0;
}

void guard_unlock(struct guard *guard)
{
	if (guard)
		pthread_mutex_unlock(&guard->lock);
}

void guard_set(struct guard *guard, bool on)
{
	if (!guard)
		return;
	pthread_mutex_lock(&guard->lock);
	guard->on = on;
	pthread_cond_signal(&guard->changed);
	pthread_mutex_unlock(&guard->lock);
}

bool guard_is_tripped(const struct guard *guard)
{
	return guard && guard->tripped;
}

bool guard_has_tripped(struct guard *guard)
{
	bool tripped;

	if (!guard)
		return false;
	pthread_mutex_lock(&guard->lock);
	tripped = guard->tripped;
	guard->tripped = false;
	pthread_mutex_unlock(&guard->lock);
	return tripped;
}
