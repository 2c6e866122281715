/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the user reads: objgraph's tables, or JSON lines, on the output; notes about the run on standard error. Never
 * reads a target's memory. Every name from a target is escaped here.
 */
#ifndef OGT_RENDER_H
#define OGT_RENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "capture.h"
#include "chain.h"
#include "error.h"
#include "events.h"
#include "graph.h"
#include "growth.h"
#include "inspect.h"
#include "newids.h"
#include "target.h"

struct render;

/*
 * Renders to the file at path (made or emptied), or to standard output when it is NULL. Closed by render_close, which
 * tells whether everything was written.
 */
struct render *render_open(const char *path, bool json, pid_t pid, struct error *error);
int render_close(struct render *render, struct error *error);

/* Whose events these are, where the command line did not say. */
void render_about(struct render *render, pid_t pid);

/*
 * 0 while the output takes what is written. 1 once its reader has closed the pipe: time to end, without an error.
 * -1 with ERROR_FAILED when it cannot be written (a full disk), ERROR_INTERRUPTED when Ctrl-C ended a blocked write.
 */
int render_status(const struct render *render, struct error *error);

/* What the target is; after the first look. */
struct attached {
	const struct target *target;
	bool usdt; /* target_has_usdt() */
	size_t threads;
	double budget; /* the one in force, percent */
	const struct capture *capture;
	const char *file; /* the one that holds it; NULL: it is a process */
	double time; /* of the look in the file, seconds since the epoch; 0: now, or not known */
};
void render_attached(struct render *render, const struct attached *attached);

/* What was written by --save: so many bytes of file, for so many of memory. */
void render_saved(
	struct render *render, const char *file, uint64_t bytes, uint64_t memory, const struct capture *capture);

/* How far something that takes its time is, on a terminal; all 0: it is over. */
void render_progress(const char *what, uint64_t done, uint64_t all);

struct growth_report {
	unsigned long seq; /* 0: the baseline */
	const struct growth_row *rows;
	size_t count;
	size_t grown; /* types that have more objects than before, shown or not */
	const struct capture *capture;
	const struct events *events; /* since the table before; NULL where nothing was traced */
	bool sites, rates; /* show them */
	const char *peaks; /* the file whose peaks the first table is compared with; NULL: none, all is growth */
	bool filtered; /* only some types were asked for */
	size_t matched; /* types that were asked for and have objects */
};
void render_growth(struct render *render, const struct growth_report *report);

void render_types(struct render *render, const struct growth_row *rows, size_t count, bool filtered,
	const struct capture *capture);

struct newids_report {
	const struct newids_row *rows;
	size_t count;
	double seconds; /* between the two looks; 0: there was no earlier one */
	bool ids; /* also in a table */
	bool filtered; /* only some types were asked for */
	const struct capture *capture; /* the second look; NULL when none was taken now */
};
/* objgraph.get_new_ids()'s table. Ends early when the output cannot be written any more. */
void render_new_ids(struct render *render, const struct newids_report *report);

/* One object: what it is, and what it holds. */
void render_object(struct render *render, const struct inspected *object, bool full_names);

/* Objects with more references than were found: a row a type, those with most missing first. */
struct leaks;
struct leaks_report {
	const struct leaks *leaks;
	const struct capture *capture;
	size_t limit; /* types, and objects of each of them; 0: all */
	bool full_names;
};
void render_leaks(struct render *render, const struct leaks_report *report);

/* A number alone. */
void render_count_of(struct render *render, const char *name, uint64_t count, const struct capture *capture);

/*
 * Objects and their references: a tree that starts at what was asked for, each object with what it holds under it, or
 * with what refers to it (graph.backwards). An object that is met again is not unfolded twice.
 */
/*
 * Why objects are alive. In a table, ways that differ in keys and numbers only are told once, those with most objects
 * first.
 */
struct chains_of {
	uint64_t address;
	struct chains chains;
	bool garbage; /* then there are none */
};
struct chains_report {
	struct chains_of *objects;
	size_t count;
	size_t asked; /* ways to each, --chains; 0: it was not said how many */
};
void render_chains(struct render *render, const struct chains_report *report);

/* Nodes and edges: an indented tree, or the JSON event. */
void render_graph(struct render *render, const struct graph *graph);

/* The target ended, or the run failed: an event in JSON, a sentence on standard error. */
void render_exited(struct render *render, const struct error *error);
void render_error(struct render *render, const struct error *error);

/* A line on standard error; what is not fit for a terminal is escaped. */
void render_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
