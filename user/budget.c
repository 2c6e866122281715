// SPDX-License-Identifier: BSD-2-Clause
#include "budget.h"

/* What opening and closing a window costs the target: interrupts of its CPUs. */
#define WINDOW_COST 60e-6
/*
 * What a window's events cost. They begin at any time, and so rather in what a target does slowly than in what it does
 * fast: only long ones see both. Longer ones than this would be felt. Where little is earned, no more than what comes
 * in within some seconds.
 */
#define WINDOW_COST_MOST 0.020
#define WINDOW_COST_LEAST 0.001
#define WINDOW_EARNED 4.0
/* The largest is at least so many times the least, or an idle target's windows would come like a clock. */
#define WINDOW_COSTS 4
/* How long it stays open at most where little happens. */
#define WINDOW_SECONDS_LEAST 0.005
#define WINDOW_SECONDS_MOST 0.25
#define PAUSE_LEAST 0.001
#define MOMENT_MOST 0.005
#define PAUSE_MOST 1.0
/* To begin with, so that what the target does is seen before much is earned. */
#define CREDIT_FIRST 0.003
/* Credit that is not used is lost beyond this: after a quiet night no burst may be traced for long. */
#define CREDIT_MOST 0.021
/* What a burst may overspend before tracing everything is given up. */
#define OWED_MOST 0.01
/* Tracing everything has to cost clearly less than the budget, as rates change. */
#define ALL_SHARE 0.6
/* CPU seconds per second are averaged over about so many seconds. */
#define RATE_SECONDS 2.0

/*
 * A service that waits most of the time would earn nothing to speak of: so much of one CPU, as a share of the budget,
 * is earned whether it runs or not.
 */
#define EARNED_AT_LEAST 0.5

/* Seconds a second. */
static double earning(const struct budget *budget)
{
	return budget->share * (budget->rate > EARNED_AT_LEAST ? budget->rate : EARNED_AT_LEAST);
}

void budget_init(struct budget *budget, double percent, struct hit_costs costs, uint64_t seed)
{
	*budget = (struct budget){
		.share = percent / 100,
		.costs = costs,
		.credit = CREDIT_FIRST,
		.cpu = -1,
		.random = seed | 1,
	};
}

/* xorshift64*: any generator does whose numbers do not repeat with the target's own periods. 0 to 1. */
static double chance(struct budget *budget)
{
	budget->random ^= budget->random >> 12;
	budget->random ^= budget->random << 25;
	budget->random ^= budget->random >> 27;
	return (double)((budget->random * 0x2545f4914f6cdd1dull) >> 11) / (double)(1ull << 53);
}

static double between(struct budget *budget, double least, double most)
{
	return least + chance(budget) * (most - least);
}

void budget_earn(struct budget *budget, double cpu, double now)
{
	if (budget->cpu >= 0 && now > budget->at) {
		double used = cpu > budget->cpu ? cpu - budget->cpu : 0, seconds = now - budget->at;
		double weight, earned, paid;

		budget->known = budget->known + seconds < RATE_SECONDS ? budget->known + seconds : RATE_SECONDS;
		weight = seconds < budget->known ? seconds / budget->known : 1;
		earned = budget->share * (used > seconds * EARNED_AT_LEAST ? used : seconds * EARNED_AT_LEAST);
		paid = budget->debt < earned / 2 ? budget->debt : earned / 2;
		budget->debt -= paid;
		budget->credit += earned - paid;
		if (budget->credit > CREDIT_MOST)
			budget->credit = CREDIT_MOST;
		budget->rate += (used / seconds - budget->rate) * weight;
	}
	budget->cpu = cpu;
	budget->at = now;
}

void budget_spend(struct budget *budget, struct hits hits)
{
	budget->credit -= (double)hits.births * budget->costs.birth + (double)hits.made * budget->costs.made +
			  (double)hits.deaths * budget->costs.death;
}

void budget_owe(struct budget *budget)
{
	if (budget->credit >= 0)
		return;
	budget->debt -= budget->credit;
	budget->credit = 0;
}

bool budget_allows_all(const struct budget *budget, double births_per_second)
{
	double cost = births_per_second * (budget->costs.birth + budget->costs.death);

	return budget->share >= 1 || cost <= earning(budget) * ALL_SHARE;
}

uint64_t budget_hits_left(const struct budget *budget)
{
	double left = budget->credit + OWED_MOST;

	/* As if all were of the dearer kind. */
	return left <= 0 ? 0
			 : (uint64_t)(left / (budget->costs.birth > budget->costs.death ? budget->costs.birth
											: budget->costs.death));
}

/* A size for the next window. */
static void draw_next(struct budget *budget)
{
	double most = earning(budget) * WINDOW_EARNED;

	if (most > WINDOW_COST_MOST)
		most = WINDOW_COST_MOST;
	if (most < WINDOW_COST_LEAST * WINDOW_COSTS)
		most = WINDOW_COST_LEAST * WINDOW_COSTS;
	budget->next = between(budget, WINDOW_COST_LEAST, most);
}

bool budget_window(struct budget *budget, double cost, struct budget_window *window)
{
	if (budget->next <= 0)
		draw_next(budget);
	if (budget->credit < budget->next + WINDOW_COST)
		return false;
	budget->credit -= WINDOW_COST;
	window->hits = (uint64_t)(budget->next / cost) + 1;
	window->seconds = between(budget, WINDOW_SECONDS_LEAST, WINDOW_SECONDS_MOST);
	draw_next(budget);
	return true;
}

bool budget_chance(struct budget *budget, double probability)
{
	return chance(budget) < probability;
}

size_t budget_draw(struct budget *budget, size_t n)
{
	return (size_t)(chance(budget) * (double)n);
}

double budget_moment(struct budget *budget)
{
	return between(budget, PAUSE_LEAST, MOMENT_MOST);
}

double budget_pause(struct budget *budget)
{
	double missing = budget->next + WINDOW_COST - budget->credit, mean;

	if (missing <= 0)
		mean = PAUSE_LEAST * 10;
	else if (earning(budget) <= missing / PAUSE_MOST)
		mean = PAUSE_MOST / 2;
	else
		mean = missing / earning(budget);
	return between(budget, PAUSE_LEAST, 2 * mean);
}
