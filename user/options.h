/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line. */
#ifndef OGT_OPTIONS_H
#define OGT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"
#include "newids.h"

enum mode {
	MODE_GROWTH, /* the default */
	MODE_TYPES,
	MODE_COUNT_OF, /* objects of one type */
	MODE_NEW_IDS,
	MODE_INSPECT,
	MODE_SAVE,
	MODE_BACKREFS, /* who refers to objects */
	MODE_REFS, /* what they refer to */
	MODE_CHAIN, /* why they are alive */
	MODE_LEAKS, /* whose references nobody accounts for */
};

/* Objects that nothing but each other keeps alive, which the collector will find. */
enum garbage_choice { GARBAGE_INCLUDE, GARBAGE_EXCLUDE, GARBAGE_ONLY };

struct options {
	enum mode mode;
	pid_t pid;
	double interval; /* seconds between growth tables */
	bool paced; /* --interval or --count was given */
	long count; /* tables after the baseline; -1: until Ctrl-C */
	size_t limit; /* rows, 0: all */
	bool full_names;
	const char **globs; /* --type, borrowed from argv */
	size_t glob_count;
	const char *peaks; /* file, or NULL */
	bool skip_update;
	const char **what; /* of --inspect and the questions about references: addresses and names of types, of argv */
	size_t what_count;
	int max_depth; /* steps from an object in a graph */
	size_t too_many; /* neighbours of one object in a graph, 0: all */
	const char **filters; /* --filter, borrowed from argv */
	size_t filter_count;
	bool refcounts; /* in a graph */
	bool merge_dicts; /* a __dict__ is part of what it belongs to */
	size_t chains; /* ways to an object that --chain shows */
	bool draws; /* an option that goes with graphs was given */
	enum garbage_choice garbage;
	const char *count_of; /* name of a type */
	double wait; /* seconds between the two looks of --new-ids */
	bool waits; /* --wait was given */
	enum newids_column sort_by;
	bool sorts; /* --sort-by was given */
	bool ids; /* list the addresses */
	const char *state; /* file of ids, or NULL */
	const char *save; /* file to write a snapshot to, or NULL */
	bool force; /* also when it exists */
	const char **load; /* snapshots or core files in place of a process, borrowed from argv */
	size_t load_count;
	const char **files; /* --exe: files that a core's process had mapped, likewise */
	size_t file_count;
	double max_pause_ms;
	double budget; /* percent of the target's time that tracing may cost */
	bool rates; /* births and deaths a second */
	bool sites; /* allocation sites */
	bool json;
	const char *output; /* file, or NULL for standard output */
};

/*
 * Parses argv. Exits with 2 on a usage error, 0 after --help, --usage or --version. The caller frees options->globs
 * with options_free.
 */
void options_parse(struct options *options, int argc, char **argv);
/*
 * Whether the output is none of the files that are read or written besides, nor a snapshot that is there already; else
 * -1 with ERROR_FAILED. Before it is opened, which empties it.
 */
int options_check_output(const struct options *options, struct error *error);
/* The file that a picture goes to, or NULL: -o is none, or not the name of one. */
const char *options_picture(const struct options *options);
void options_free(struct options *options);

#endif
