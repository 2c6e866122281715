// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "hold.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "interrupt.h"

/* A running thread stops within a scheduling delay; one that does not is stuck in the kernel. */
#define STOP_PATIENCE 0.1
/* How long HOLD_CATCH looks for somebody with the GIL. */
#define CATCH_PATIENCE 0.05
/* How long HOLD_BETWEEN waits for somebody to take the GIL, and to let go of it. */
#define BETWEEN_PATIENCE 0.005
/* How often a waiting keeper looks for Ctrl-C. */
#define KEEPER_TICK 0.02

enum keeper_state {
	KEEPER_STOPPING,
	KEEPER_HOLDING,
	KEEPER_LETTING_GO, /* asked to */
	KEEPER_DONE,
};

/* The thread that traces. ptrace ties a tracee to the thread that seized it, and frees it when that thread ends. */
struct keeper {
	pthread_t thread;
	bool started;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum keeper_state state;
	const struct process *process;
	pid_t *tids;
	size_t count;
	size_t stopped; /* how many of them were */
	int (*choose)(void *context, struct error *error); /* fills in tids; NULL: they are given */
	bool (*confirm)(void *context); /* asked once all are seized and none is stopped: is it still worth it? */
	void *context;
	sigset_t mask; /* of the thread that started the keeper, before */
	double max_pause; /* seconds */
	double held; /* seconds */
	struct registers *registers; /* of the stopped threads; NULL: nobody wants them */
	volatile bool over;
	struct error error;
};

struct hold {
	struct python *python;
	const struct process *process;
	struct memory *live; /* read anew at every look */
	struct runtime runtime; /* at the beginning */
	struct thread_sample *watched; /* threads that sleep and must go on sleeping */
	size_t watched_count;
	bool watch_births; /* and no thread state may be made */
	bool watch_everybody; /* and no thread */
	struct keeper keeper;
};

static int seize(struct keeper *keeper, pid_t tid)
{
	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) == 0)
		return 0;
	if (errno == ESRCH)
		return error_set(&keeper->error, ERROR_AGAIN, "a thread to stop ended");
	if (process_untraced(keeper->process, tid, &keeper->error) < 0)
		return -1;
	if (errno == EPERM)
		return error_set(
			&keeper->error, ERROR_AGAIN, "no permission to stop a thread: another tracer, or an exec");
	return error_set(&keeper->error, ERROR_AGAIN, "a thread cannot be stopped: %s", strerror(errno));
}

/*
 * Waits until the thread stands still. *signal is what it was about to receive, and still has to. The stop is looked at
 * but not taken (WNOWAIT): should the tracer be killed now, the kernel delivers the signal instead of losing it.
 */
static int await_stop(struct keeper *keeper, pid_t tid, double deadline, int *signal)
{
	siginfo_t info;

	for (unsigned int looks = 0;; looks++) {
		info.si_pid = 0;
		if (waitid(P_PID, (id_t)tid, &info, WSTOPPED | WEXITED | WNOHANG | WNOWAIT | __WALL) < 0 &&
			errno != EINTR)
			return error_set(&keeper->error, ERROR_AGAIN, "a thread to stop ended");
		if (info.si_pid)
			break;
		if (interrupt_signal || interrupt_now() > deadline)
			return error_set(
				&keeper->error, ERROR_AGAIN, "a thread does not stop: it waits inside the kernel");
		if (looks < 200)
			sched_yield();
		else
			usleep(50);
	}
	if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED)
		return error_set(&keeper->error, ERROR_AGAIN, "a thread to stop ended");
	*signal = info.si_status >> 8 == PTRACE_EVENT_STOP ? 0 : info.si_status & 0x7f;
	return 0;
}

/* Called with the lock held; returns with it held. */
static void keep(struct keeper *keeper, double begin)
{
	double deadline = begin + keeper->max_pause;

	keeper->state = KEEPER_HOLDING;
	pthread_cond_broadcast(&keeper->changed);
	while (keeper->state == KEEPER_HOLDING) {
		double now = interrupt_now(), until = now + KEEPER_TICK;
		struct timespec time;

		if (now >= deadline || interrupt_signal)
			break;
		if (until > deadline)
			until = deadline;
		time.tv_sec = (time_t)until;
		time.tv_nsec = (long)((until - (double)time.tv_sec) * 1e9);
		pthread_cond_timedwait(&keeper->changed, &keeper->lock, &time);
	}
	if (keeper->state == KEEPER_HOLDING)
		keeper->over = true;
}

static void *keeper_run(void *argument)
{
	struct keeper *keeper = argument;
	double begin, patience = keeper->max_pause < STOP_PATIENCE ? keeper->max_pause : STOP_PATIENCE;
	size_t seized = 0, asked = 0;
	int result = keeper->choose ? keeper->choose(keeper->context, &keeper->error) : 0;
	int *signals = calloc(keeper->count + 1, sizeof(*signals));

	if (!signals)
		result = error_set(&keeper->error, ERROR_FAILED, "out of memory");
	while (result == 0 && seized < keeper->count) {
		result = seize(keeper, keeper->tids[seized]);
		if (result == 0)
			seized++;
	}
	/* So far nobody was disturbed. Who has let go of the GIL meanwhile may be about to sleep, and is left alone. */
	if (result == 0 && keeper->confirm && !keeper->confirm(keeper->context))
		result = error_set(&keeper->error, ERROR_AGAIN, "the GIL changed hands");
	begin = interrupt_now();
	while (result == 0 && asked < seized) {
		if (ptrace(PTRACE_INTERRUPT, keeper->tids[asked++], NULL, NULL) < 0)
			result = error_set(&keeper->error, ERROR_AGAIN, "a thread to stop ended");
	}
	while (result == 0 && keeper->stopped < asked) {
		result = await_stop(keeper, keeper->tids[keeper->stopped], begin + patience, &signals[keeper->stopped]);
		if (result == 0)
			keeper->stopped++;
		if (result == 0 && keeper->registers)
			result = registers_read(keeper->registers, keeper->tids[keeper->stopped - 1], &keeper->error);
	}
	pthread_mutex_lock(&keeper->lock);
	if (result == 0)
		keep(keeper, begin);
	for (size_t i = 0; i < keeper->stopped; i++)
		ptrace(PTRACE_DETACH, keeper->tids[i], NULL, (void *)(uintptr_t)signals[i]);
	/* Threads seized but not stopped are let go by the kernel when this thread ends. */
	keeper->held = asked ? interrupt_now() - begin : 0;
	keeper->state = KEEPER_DONE;
	pthread_cond_broadcast(&keeper->changed);
	pthread_mutex_unlock(&keeper->lock);
	free(signals);
	return NULL;
}

static int keeper_start(struct keeper *keeper, struct error *error)
{
	pthread_condattr_t attributes;
	sigset_t all;
	int failed, result = 0;

	pthread_mutex_init(&keeper->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&keeper->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &keeper->mask);
	failed = pthread_create(&keeper->thread, NULL, keeper_run, keeper);
	/* Ctrl-Z stops all threads of a program, the keeper too: it has to wait until the hold is over. */
	all = keeper->mask;
	sigaddset(&all, SIGTSTP);
	sigaddset(&all, SIGTTIN);
	sigaddset(&all, SIGTTOU);
	pthread_sigmask(SIG_SETMASK, failed ? &keeper->mask : &all, NULL);
	if (failed)
		return error_set(error, ERROR_FAILED, "cannot start a thread: %s", strerror(failed));
	keeper->started = true;
	pthread_mutex_lock(&keeper->lock);
	while (keeper->state == KEEPER_STOPPING)
		pthread_cond_wait(&keeper->changed, &keeper->lock);
	if (keeper->state != KEEPER_HOLDING && !keeper->over) {
		*error = keeper->error;
		result = -1;
	}
	pthread_mutex_unlock(&keeper->lock);
	return result;
}

static void keeper_end(struct keeper *keeper, struct hold_report *report)
{
	if (keeper->started) {
		pthread_mutex_lock(&keeper->lock);
		if (keeper->state == KEEPER_HOLDING)
			keeper->state = KEEPER_LETTING_GO;
		pthread_cond_broadcast(&keeper->changed);
		pthread_mutex_unlock(&keeper->lock);
		pthread_join(keeper->thread, NULL);
		pthread_sigmask(SIG_SETMASK, &keeper->mask, NULL);
		pthread_cond_destroy(&keeper->changed);
		pthread_mutex_destroy(&keeper->lock);
		report->held_ms = keeper->held * 1e3;
		report->stopped = (unsigned int)keeper->stopped;
	}
	free(keeper->tids);
}

static void hold_free(struct hold *hold, struct hold_report *report)
{
	keeper_end(&hold->keeper, report);
	runtime_free(&hold->runtime);
	memory_free(hold->live);
	free(hold->watched);
	free(hold);
}

static const struct thread_state *state_at(const struct runtime *runtime, uint64_t address)
{
	for (size_t i = 0; i < runtime->thread_count; i++) {
		if (runtime->threads[i].address == address)
			return &runtime->threads[i];
	}
	return NULL;
}

static int look(struct hold *hold, struct error *error)
{
	struct threads threads;

	runtime_free(&hold->runtime);
	memory_forget(hold->live);
	if (python_runtime(hold->python, hold->live, &hold->runtime, error) < 0)
		return -1;
	/* In this order: a thread listed before its state is made would be missed, a state without one is not. */
	if (process_threads(hold->process, &threads, error) < 0)
		return -1;
	python_match_threads(hold->python, hold->live, &hold->runtime, &threads);
	free(threads.thread);
	return 0;
}

static bool is_watched(const struct hold *hold, pid_t tid)
{
	for (size_t i = 0; i < hold->watched_count; i++) {
		if (hold->watched[i].tid == tid)
			return true;
	}
	return false;
}

static bool is_stopped(const struct hold *hold, pid_t tid)
{
	for (size_t i = 0; i < hold->keeper.count; i++) {
		if (hold->keeper.tids[i] == tid)
			return true;
	}
	return false;
}

static int to_stop(struct hold *hold, pid_t tid, struct error *error)
{
	pid_t *grown;

	if (is_stopped(hold, tid))
		return 0;
	grown = realloc(hold->keeper.tids, (hold->keeper.count + 1) * sizeof(*grown));
	if (!grown)
		return error_set(error, ERROR_FAILED, "out of memory");
	hold->keeper.tids = grown;
	hold->keeper.tids[hold->keeper.count++] = tid;
	return 0;
}

/* Adds a thread to those that must sleep on; ERROR_AGAIN when it does not sleep now. */
static int watch(struct hold *hold, pid_t tid, struct error *error)
{
	struct thread_sample sample, *grown;

	if (is_watched(hold, tid))
		return 0;
	process_sample(hold->process, tid, &sample);
	if (!sample.asleep)
		return error_set(error, ERROR_AGAIN, "a thread runs that may take the GIL at any time");
	grown = realloc(hold->watched, (hold->watched_count + 1) * sizeof(*grown));
	if (!grown)
		return error_set(error, ERROR_FAILED, "out of memory");
	hold->watched = grown;
	hold->watched[hold->watched_count++] = sample;
	return 0;
}

/* All threads of the process that are not to be stopped have to sleep. */
static int watch_everybody(struct hold *hold, struct error *error)
{
	struct threads threads;
	int result = 0;

	hold->watch_everybody = true;
	if (process_threads(hold->process, &threads, error) < 0)
		return -1;
	for (size_t i = 0; i < threads.count && result == 0; i++) {
		if (!is_stopped(hold, threads.thread[i].tid))
			result = watch(hold, threads.thread[i].tid, error);
	}
	free(threads.thread);
	return result;
}

/*
 * Whether it is known which threads could take a GIL: each thread state leads to its thread, and a new one would show.
 * A state whose thread cannot be told (it ended, or a fork left it behind) might be anybody's.
 */
static bool takers_are_known(const struct hold *hold)
{
	if (hold->python->layout.interp.tstate_next_unique_id < 0) /* 3.6 */
		return false;
	for (size_t i = 0; i < hold->runtime.thread_count; i++) {
		if (!hold->runtime.threads[i].tid)
			return false;
	}
	return true;
}

/* A free GIL: everybody who could take it has to sleep. */
static int watch_takers(struct hold *hold, const struct gil *gil, struct error *error)
{
	const struct runtime *runtime = &hold->runtime;
	int result = 0;

	hold->watch_births = true;
	if (!takers_are_known(hold))
		return watch_everybody(hold, error);
	for (size_t i = 0; i < runtime->thread_count && result == 0; i++) {
		const struct thread_state *thread = &runtime->threads[i];

		if (runtime->interpreters[thread->interpreter].gil == gil->address)
			result = watch(hold, thread->tid, error);
	}
	return result;
}

static int plan_gently(struct hold *hold, struct error *error)
{
	for (size_t i = 0; i < hold->runtime.gil_count; i++) {
		const struct gil *gil = &hold->runtime.gils[i];
		const struct thread_state *holder = gil->holder ? state_at(&hold->runtime, gil->holder) : NULL;

		if (!gil->holder) {
			if (watch_takers(hold, gil, error) < 0)
				return -1;
			continue;
		}
		if (!holder || !holder->tid)
			return error_set(error, ERROR_AGAIN, "the thread that holds the GIL cannot be told");
		/* One that holds the GIL and sleeps (in a page fault, stopped, in C code) need not be touched. */
		if (watch(hold, holder->tid, NULL) < 0 && to_stop(hold, holder->tid, error) < 0)
			return -1;
	}
	return 0;
}

/* Looks at the one GIL until it is held, or free; ERROR_AGAIN when it does not become so for a while. */
static int await_gil(struct hold *hold, bool held, double patience, struct error *error)
{
	double begin = interrupt_now();

	while ((hold->runtime.gils[0].holder != 0) != held) {
		if (interrupt_now() - begin > patience || interrupt_signal)
			return error_set(error, ERROR_AGAIN,
				held ? "nobody took the GIL for a while" : "the GIL was not let go of for a while");
		memory_forget(hold->live);
		if (!python_gils(hold->python, hold->live, &hold->runtime))
			return error_set(error, ERROR_AGAIN, "the GIL cannot be read");
	}
	return 0;
}

/* The keeper itself looks for somebody with the GIL: who has it only for microseconds is gone before a thread starts.
 */
static int catch_holder(void *context, struct error *error)
{
	struct hold *hold = context;
	const struct thread_state *holder;

	if (await_gil(hold, true, CATCH_PATIENCE, error) < 0)
		return -1;
	holder = state_at(&hold->runtime, hold->runtime.gils[0].holder);
	if (!holder || !holder->tid)
		return error_set(error, ERROR_AGAIN, "the thread that holds the GIL cannot be told");
	return to_stop(hold, holder->tid, error);
}

static int plan_catch(struct hold *hold, struct error *error)
{
	if (hold->runtime.gil_count != 1)
		return plan_gently(hold, error);
	hold->keeper.choose = catch_holder;
	return 0;
}

/* Right after somebody has let go of the GIL there is most time until the next one takes it. */
static int plan_between(struct hold *hold, struct error *error)
{
	if (hold->runtime.gil_count == 1 && await_gil(hold, true, BETWEEN_PATIENCE, NULL) == 0)
		await_gil(hold, false, BETWEEN_PATIENCE, NULL);
	return plan_gently(hold, error);
}

static int plan_all(struct hold *hold, struct error *error)
{
	hold->watch_births = true;
	for (size_t i = 0; i < hold->runtime.thread_count; i++) {
		pid_t tid = hold->runtime.threads[i].tid;

		if (!tid)
			continue;
		/* One that waits in the kernel uninterruptibly would not stop, and the others would wait for it. */
		if ((thread_state_letter(hold->process, tid) == 'D' ? watch(hold, tid, error)
								    : to_stop(hold, tid, error)) < 0)
			return -1;
	}
	return takers_are_known(hold) ? 0 : watch_everybody(hold, error);
}

/* Whether each GIL lies where it did at the beginning. Costs microseconds: it runs while a thread is stopped. */
static bool same_holders(void *context)
{
	struct hold *hold = context;
	struct runtime *runtime = &hold->runtime;

	memory_forget(hold->live);
	for (size_t i = 0; i < runtime->gil_count; i++) {
		struct gil gil = runtime->gils[i];
		struct runtime only = {.gils = &gil, .gil_count = 1};

		if (!python_gils(hold->python, hold->live, &only) || gil.holder != runtime->gils[i].holder ||
			gil.switches != runtime->gils[i].switches)
			return false;
	}
	return true;
}

/* Whether nobody can have taken a GIL since the beginning, and none collects. */
static int unchanged(struct hold *hold, struct error *error)
{
	if (!same_holders(hold))
		return error_set(error, ERROR_AGAIN, "the GIL changed hands");
	if (python_collecting(hold->python, hold->live, &hold->runtime))
		return error_set(error, ERROR_COLLECTING, "a garbage collection is running");
	return 0;
}

/* Whether interpreters and the numbers of thread states ever made are those of the beginning. */
static int none_born(struct hold *hold, struct error *error)
{
	struct runtime now;
	int result = 0;

	if (python_runtime(hold->python, hold->live, &now, error) < 0)
		return -1;
	if (now.interpreter_count != hold->runtime.interpreter_count)
		result = error_set(error, ERROR_AGAIN, "an interpreter came or went");
	for (size_t i = 0; i < now.interpreter_count && result == 0; i++) {
		if (now.interpreters[i].address != hold->runtime.interpreters[i].address ||
			now.interpreters[i].next_unique_id != hold->runtime.interpreters[i].next_unique_id)
			result = error_set(error, ERROR_AGAIN, "a thread state was made");
	}
	runtime_free(&now);
	return result;
}

static int no_new_thread(struct hold *hold, struct error *error)
{
	struct threads threads;
	int result = 0;

	if (process_threads(hold->process, &threads, error) < 0)
		return -1;
	for (size_t i = 0; i < threads.count && result == 0; i++) {
		if (!is_watched(hold, threads.thread[i].tid) && !is_stopped(hold, threads.thread[i].tid))
			result = error_set(error, ERROR_AGAIN, "a thread was started");
	}
	free(threads.thread);
	return result;
}

struct hold *hold_begin(struct python *python, enum hold_way way, double max_pause_ms, struct registers *registers,
	struct hold_report *report, struct error *error)
{
	static int (*const plans[])(struct hold *, struct error *) = {
		[HOLD_GENTLY] = plan_gently,
		[HOLD_BETWEEN] = plan_between,
		[HOLD_CATCH] = plan_catch,
		[HOLD_ALL] = plan_all,
	};
	struct hold *hold = calloc(1, sizeof(*hold));
	int result;

	*report = (struct hold_report){0};
	if (!hold) {
		error_set(error, ERROR_FAILED, "out of memory");
		return NULL;
	}
	hold->python = python;
	hold->process = &python->target->process;
	hold->keeper =
		(struct keeper){.process = hold->process, .max_pause = max_pause_ms / 1e3, .registers = registers};
	hold->live = memory_new(hold->process->pid, NULL);
	result = hold->live ? process_untraced(hold->process, hold->process->pid, error)
			    : error_set(error, ERROR_FAILED, "out of memory");
	if (result == 0)
		result = look(hold, error);
	if (result == 0 && python_collecting(python, hold->live, &hold->runtime))
		result = error_set(error, ERROR_COLLECTING, "a garbage collection is running");
	if (result == 0)
		result = plans[way](hold, error);
	if (result == 0 && !hold->keeper.count && !hold->keeper.choose && !hold->watched_count)
		result = error_set(error, ERROR_AGAIN, "no thread of this Python can be told");
	if (result == 0 && (hold->keeper.count || hold->keeper.choose)) {
		hold->keeper.confirm = way == HOLD_ALL ? NULL : same_holders;
		hold->keeper.context = hold;
		result = keeper_start(&hold->keeper, error);
		/* With everybody stopped, the GIL may rest in any hand: what counts is how it lies now. */
		if (result == 0 && way == HOLD_ALL) {
			memory_forget(hold->live);
			if (!python_gils(python, hold->live, &hold->runtime))
				result = error_set(error, ERROR_AGAIN, "the GIL cannot be read");
		}
		if (result == 0)
			result = unchanged(hold, error);
	}
	if (result < 0) {
		hold_free(hold, report);
		return NULL;
	}
	return hold;
}

const volatile bool *hold_over(const struct hold *hold)
{
	return &hold->keeper.over;
}

int hold_end(struct hold *hold, struct hold_report *report, struct error *error)
{
	int result = unchanged(hold, error);

	if (result == 0 && hold->watch_births)
		result = none_born(hold, error);
	if (result == 0 && hold->watch_everybody)
		result = no_new_thread(hold, error);
	for (size_t i = 0; i < hold->watched_count && result == 0; i++) {
		struct thread_sample after;

		process_sample(hold->process, hold->watched[i].tid, &after);
		if (!process_slept(&hold->watched[i], &after))
			result = error_set(error, ERROR_AGAIN, "a thread woke up");
	}
	if (interrupt_signal)
		result = error_set(error, ERROR_INTERRUPTED, "interrupted");
	else if (hold->keeper.over)
		result = error_set(
			error, ERROR_DEADLINE, "the hold reached its limit of %.0f ms", hold->keeper.max_pause * 1e3);
	hold_free(hold, report);
	return result;
}
