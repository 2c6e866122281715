/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How much tracing is allowed now: a share of the target's CPU time, or half that share of one CPU where it uses less,
 * earned as time goes by and spent by events. Policy
 * alone: who traces tells what happened and asks what to do. Times are seconds.
 */
#ifndef OGT_BUDGET_H
#define OGT_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Seconds. */
struct hit_costs {
	double birth; /* a hardware breakpoint, with a stack */
	double made; /* a uprobe on a function that makes objects, with a stack */
	double death; /* a uprobe */
};

struct hits {
	uint64_t births, made, deaths;
};

struct budget {
	double share; /* of the target's CPU time, 0 to 1; 1: everything is allowed */
	struct hit_costs costs; /* what one event costs the target */
	double credit; /* earned and not spent; negative: overspent */
	double debt; /* overspent before, and paid back from half of what is earned */
	double cpu; /* the target's CPU time when it was last credited; negative: not known yet */
	double rate; /* CPU seconds per second, lately */
	double at; /* when that was, monotonic */
	double known; /* for how many seconds the rate has been measured */
	double next; /* what the next window is to cost */
	uint64_t random; /* state of the generator */
};

/* One window of tracing. */
struct budget_window {
	double seconds; /* it is closed after this time */
	uint64_t hits; /* or after so many events, whichever comes first */
};

void budget_init(struct budget *budget, double percent, struct hit_costs costs, uint64_t seed);

/* The target has used so much CPU time since it began, at monotonic time now. */
void budget_earn(struct budget *budget, double cpu, double now);
void budget_spend(struct budget *budget, struct hits hits);

/*
 * A burst was traced for longer than could be paid for. A target that uses little CPU time would not be seen for
 * minutes until that is earned: from now on it is paid in instalments.
 */
void budget_owe(struct budget *budget);

/* Whether everything may be traced of a target that makes so many objects a second, and as many die. */
bool budget_allows_all(const struct budget *budget, double births_per_second);

/* Events that may be traced before the credit, and what may be owed for a moment, is gone. */
uint64_t budget_hits_left(const struct budget *budget);

/* The next window, of events that cost so much each: false while there is no credit for one. Lengths vary, so that no
 * period of the target fits them. */
bool budget_window(struct budget *budget, double cost, struct budget_window *window);
/* True with this probability. */
bool budget_chance(struct budget *budget, double probability);
/* One of 0 to n - 1, each as likely. */
size_t budget_draw(struct budget *budget, size_t n);
/* How long to wait for a better moment: random, some milliseconds. */
double budget_moment(struct budget *budget);
/* How long to wait before asking for the next window: random, longer the less credit there is. */
double budget_pause(struct budget *budget);

#endif
