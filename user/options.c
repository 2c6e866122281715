// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "options.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drawing.h"
#include "snapshot.h"

#ifndef OGT_VERSION
#define OGT_VERSION "unknown"
#endif

#define INTERVAL_MOST 1e8 /* seconds: three years */
#define MAX_PAUSE_MOST 600e3
#define CHAINS_MOST 1000

enum key {
	KEY_PID = 'p',
	KEY_OUTPUT = 'o',
	KEY_INTERVAL = 256,
	KEY_COUNT,
	KEY_TYPES,
	KEY_COUNT_OF,
	KEY_NEW_IDS,
	KEY_INSPECT,
	KEY_BACKREFS,
	KEY_REFS,
	KEY_CHAIN,
	KEY_CHAINS,
	KEY_LEAKS,
	KEY_MAX_DEPTH,
	KEY_TOO_MANY,
	KEY_FILTER,
	KEY_REFCOUNTS,
	KEY_MERGE_DICTS,
	KEY_GARBAGE,
	KEY_SAVE,
	KEY_LOAD,
	KEY_FORCE,
	KEY_EXE,
	KEY_WAIT,
	KEY_SORT_BY,
	KEY_IDS,
	KEY_STATE,
	KEY_LIMIT,
	KEY_FULL_NAMES,
	KEY_TYPE,
	KEY_PEAKS,
	KEY_SKIP_UPDATE,
	KEY_MAX_PAUSE,
	KEY_BUDGET,
	KEY_RATES,
	KEY_SITES,
	KEY_NO_SITES,
	KEY_FORMAT,
};

static const struct argp_option table[] = {
	{.name = "pid", .key = KEY_PID, .arg = "PID", .doc = "the process to watch", .group = 1},
	{.name = "load",
		.key = KEY_LOAD,
		.arg = "FILE",
		.doc = "a snapshot of --save, or a core file, in place of a process; more than one: in their order",
		.group = 1},
	{.doc = "What to show (growth tables, if nothing else is asked for):", .group = 2},
	{.name = "interval",
		.key = KEY_INTERVAL,
		.arg = "SECONDS",
		.doc = "time between two growth tables (60)",
		.group = 2},
	{.name = "count", .key = KEY_COUNT, .arg = "N", .doc = "end after N tables (after Ctrl-C)", .group = 2},
	{.name = "types", .key = KEY_TYPES, .doc = "all types by number of objects, once", .group = 2},
	{.name = "count-of",
		.key = KEY_COUNT_OF,
		.arg = "NAME",
		.doc = "the number of objects of one type",
		.group = 2},
	{.name = "new-ids",
		.key = KEY_NEW_IDS,
		.doc = "what is new after --wait, or since the last run with the same --state",
		.group = 2},
	{.name = "inspect",
		.key = KEY_INSPECT,
		.arg = "WHAT...",
		.doc = "what is at these addresses, or the first --limit objects of these types",
		.group = 2},
	{.name = "backrefs",
		.key = KEY_BACKREFS,
		.arg = "WHAT",
		.doc = "who refers to WHAT: an address, or the youngest --limit objects of a type; may be repeated",
		.group = 2},
	{.name = "refs", .key = KEY_REFS, .arg = "WHAT", .doc = "what WHAT refers to", .group = 2},
	{.name = "chain",
		.key = KEY_CHAIN,
		.arg = "WHAT",
		.doc = "why WHAT is alive: a shortest way to it from a module, a running function or a type",
		.group = 2},
	{.name = "leaks",
		.key = KEY_LEAKS,
		.doc = "objects with more references than can be found: C code that forgot to give one back",
		.group = 2},
	{.name = "save", .key = KEY_SAVE, .arg = "FILE", .doc = "write a snapshot to FILE, for --load", .group = 2},
	{.doc = "How:", .group = 3},
	{.name = "wait",
		.key = KEY_WAIT,
		.arg = "SECONDS",
		.doc = "between the two looks of --new-ids (10)",
		.group = 3},
	{.name = "sort-by",
		.key = KEY_SORT_BY,
		.arg = "COLUMN",
		.doc = "of --new-ids: old, current, new or deltas (deltas; of three files: new)",
		.group = 3},
	{.name = "ids", .key = KEY_IDS, .doc = "with --new-ids: the addresses of what is new", .group = 3},
	{.name = "state", .key = KEY_STATE, .arg = "FILE", .doc = "keep ids in FILE across runs", .group = 3},
	{.name = "force", .key = KEY_FORCE, .doc = "with --save: replace FILE", .group = 3},
	{.name = "exe",
		.key = KEY_EXE,
		.arg = "FILE",
		.doc = "with --load of a core file: the program that it is of, or a library, when it is elsewhere now",
		.group = 3},
	{.name = "max-depth",
		.key = KEY_MAX_DEPTH,
		.arg = "N",
		.doc = "of graphs: steps from an object (3)",
		.group = 3},
	{.name = "too-many",
		.key = KEY_TOO_MANY,
		.arg = "N",
		.doc = "of graphs: neighbours of one object that are shown; 0: all (10)",
		.group = 3},
	{.name = "filter",
		.key = KEY_FILTER,
		.arg = "GLOB",
		.doc = "of graphs: only objects of types so named, besides WHAT; may be repeated",
		.group = 3},
	{.name = "refcounts", .key = KEY_REFCOUNTS, .doc = "of graphs: show reference counts", .group = 3},
	{.name = "merge-dicts",
		.key = KEY_MERGE_DICTS,
		.doc = "of graphs: show a __dict__ as part of what it belongs to",
		.group = 3},
	{.name = "chains",
		.key = KEY_CHAINS,
		.arg = "N",
		.doc = "with --chain: so many ways that differ from their first step on (1)",
		.group = 3},
	{.name = "garbage",
		.key = KEY_GARBAGE,
		.arg = "exclude|include|only",
		.doc = "of tables: objects in cycles that wait for a garbage collection (include)",
		.group = 3},
	{.name = "limit", .key = KEY_LIMIT, .arg = "N", .doc = "rows of a table; 0: all (10)", .group = 3},
	{.name = "full-names", .key = KEY_FULL_NAMES, .doc = "module.name in place of name", .group = 3},
	{.name = "type", .key = KEY_TYPE, .arg = "GLOB", .doc = "only types so named; may be repeated", .group = 3},
	{.name = "peaks", .key = KEY_PEAKS, .arg = "FILE", .doc = "keep peak counts in FILE across runs", .group = 3},
	{.name = "skip-update", .key = KEY_SKIP_UPDATE, .doc = "read --peaks or --state, do not change it", .group = 3},
	{.name = "max-pause",
		.key = KEY_MAX_PAUSE,
		.arg = "MS",
		.doc = "longest hold of the process (500)",
		.group = 3},
	{.name = "budget",
		.key = KEY_BUDGET,
		.arg = "PCT",
		.doc = "CPU time that tracing may cost the process; 100: every birth and death, without a limit; 0: "
		       "the "
		       "census alone (1)",
		.group = 3},
	{.name = "rates", .key = KEY_RATES, .doc = "births and deaths a second; ~ estimated, > at least", .group = 3},
	{.name = "sites", .key = KEY_SITES, .doc = "show the lines that allocate what grows (the default)", .group = 3},
	{.name = "no-sites", .key = KEY_NO_SITES, .doc = "do not show the lines that allocate", .group = 3},
	{.name = "format", .key = KEY_FORMAT, .arg = "table|json", .doc = "json: one object a line", .group = 3},
	{.name = "output", .key = KEY_OUTPUT, .arg = "FILE", .doc = "write there, not to standard output", .group = 3},
	{0},
};

/* A decimal number; strtod alone would take nan, inf and 0x10 as well. */
static bool number(const char *text, double *value)
{
	char *end;

	if (!*text || strspn(text, "0123456789.eE+-") != strlen(text))
		return false;
	errno = 0;
	*value = strtod(text, &end);
	return !*end && end != text && !errno && isfinite(*value);
}

static long whole(struct argp_state *state, const char *option, const char *text, long least, long most)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (!*text || strspn(text, "0123456789") != strlen(text) || errno || value < least || value > most)
		argp_error(state, "%s takes a whole number from %ld to %ld, not '%s'", option, least, most, text);
	return value;
}

static double fraction(
	struct argp_state *state, const char *option, const char *text, double above, double most, const char *unit)
{
	double value;

	if (!number(text, &value) || value <= above || value > most)
		argp_error(
			state, "%s takes %s, more than %g and at most %.0f, not '%s'", option, unit, above, most, text);
	return value;
}

static enum newids_column column(struct argp_state *state, const char *text)
{
	static const char *const names[] = {
		[NEWIDS_OLD] = "old", [NEWIDS_CURRENT] = "current", [NEWIDS_NEW] = "new", [NEWIDS_DELTAS] = "deltas"};

	for (int i = NEWIDS_OLD; i <= NEWIDS_DELTAS; i++) {
		if (strcmp(text, names[i]) == 0)
			return (enum newids_column)i;
	}
	argp_error(state, "--sort-by takes old, current, new or deltas, not '%s'", text);
	return NEWIDS_DELTAS;
}

static enum garbage_choice garbage(struct argp_state *state, const char *text)
{
	if (strcmp(text, "exclude") == 0)
		return GARBAGE_EXCLUDE;
	if (strcmp(text, "only") == 0)
		return GARBAGE_ONLY;
	if (strcmp(text, "include") != 0)
		argp_error(state, "--garbage takes exclude, include or only, not '%s'", text);
	return GARBAGE_INCLUDE;
}

static void choose(struct options *options, enum mode mode, struct argp_state *state)
{
	if (options->mode != MODE_GROWTH && options->mode != mode)
		argp_error(state, "one of --types, --count-of, --new-ids, --inspect, --backrefs, --refs, --chain, "
				  "--leaks and --save at a "
				  "time");
	options->mode = mode;
}

static void check_files(const struct options *options, struct argp_state *state)
{
	size_t loads = options->load_count;

	if (options->pid && loads)
		argp_error(state, "-p PID and --load FILE: one of both");
	if (loads && options->mode == MODE_SAVE)
		argp_error(state, "--save needs a process: -p PID");
	if (options->mode == MODE_NEW_IDS && loads == 1)
		argp_error(state, "--new-ids compares two files: --load EARLIER --load LATER");
	if (loads > 1 && options->mode != MODE_NEW_IDS && options->mode != MODE_GROWTH)
		argp_error(state, "growth tables and --new-ids alone take more than one --load FILE");
	if (loads && (options->paced || options->waits || options->state || options->rates))
		argp_error(state, "--interval, --count, --wait, --state and --rates need a process: -p PID");
	if (options->force && options->mode != MODE_SAVE)
		argp_error(state, "--force goes with --save FILE");
	if (options->file_count && !loads)
		argp_error(state, "--exe goes with --load of a core file");
}

/* What does not go together is an error, not ignored: it was meant to do something. */
static void check(const struct options *options, struct argp_state *state)
{
	bool new_ids = options->mode == MODE_NEW_IDS, growth = options->mode == MODE_GROWTH;
	bool tables = growth || new_ids || options->mode == MODE_TYPES;
	bool graph = options->mode == MODE_BACKREFS || options->mode == MODE_REFS || options->mode == MODE_CHAIN;
	bool reads_only = new_ids && options->state && options->skip_update;

	check_files(options, state);
	if (!options->pid && !reads_only && !options->load_count)
		argp_error(state, "which process? name it with -p PID (pgrep -a python lists candidates)");
	if (options->paced && !growth)
		argp_error(state, "--interval and --count go with growth tables");
	if (options->glob_count && !tables)
		argp_error(state, "--type goes with tables");
	if (options->garbage != GARBAGE_INCLUDE && !tables)
		argp_error(state, "--garbage goes with tables");
	if (options->draws && options->mode != MODE_BACKREFS && options->mode != MODE_REFS)
		argp_error(state, "--max-depth, --too-many, --filter and --merge-dicts go with --backrefs and --refs");
	if (!graph && !options->json && drawing_format(options->output) != DRAWING_NONE)
		argp_error(state, "-o %s: pictures are made of --backrefs, --refs and --chain", options->output);
	if (options->refcounts && !graph)
		argp_error(state, "--refcounts goes with --backrefs, --refs and --chain");
	if (options->chains && options->mode != MODE_CHAIN)
		argp_error(state, "--chains goes with --chain WHAT");
	if (options->peaks && !growth)
		argp_error(state, "--peaks goes with growth tables, which compare with it");
	if (options->rates && !growth)
		argp_error(state, "--rates goes with growth tables");
	if (options->rates && options->budget <= 0)
		argp_error(state, "--rates needs tracing, which --budget 0 forbids");
	if ((options->waits || options->ids || options->state || options->sorts) && !new_ids)
		argp_error(state, "--wait, --sort-by, --ids and --state go with --new-ids");
	if (options->waits && options->state)
		argp_error(
			state, "--wait compares two looks of this run, --state with the last look of an earlier one");
	if (options->skip_update && !options->peaks && !options->state)
		argp_error(state, "--skip-update goes with --peaks FILE or --state FILE");
}

/* One more of WHAT; nothing is named so, and a shell's variable that is not set is no address. */
static void add_what(struct options *options, const char *text, struct argp_state *state)
{
	if (!*text)
		argp_error(state, "--inspect, --backrefs, --refs and --chain take an address or the name of a type, "
				  "not ''");
	options->what[options->what_count++] = text;
}

static error_t take(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_PID:
		options->pid = (pid_t)whole(state, "-p", text, 1, INT_MAX);
		return 0;
	case KEY_INTERVAL:
		options->interval = fraction(state, "--interval", text, 0, INTERVAL_MOST, "seconds");
		options->paced = true;
		return 0;
	case KEY_COUNT:
		options->count = whole(state, "--count", text, 0, LONG_MAX);
		options->paced = true;
		return 0;
	case KEY_TYPES:
		choose(options, MODE_TYPES, state);
		return 0;
	case KEY_COUNT_OF:
		choose(options, MODE_COUNT_OF, state);
		options->count_of = text;
		return 0;
	case KEY_NEW_IDS:
		choose(options, MODE_NEW_IDS, state);
		return 0;
	case KEY_INSPECT:
		choose(options, MODE_INSPECT, state);
		add_what(options, text, state);
		return 0;
	case KEY_BACKREFS:
	case KEY_REFS:
	case KEY_CHAIN:
		choose(options, key == KEY_BACKREFS ? MODE_BACKREFS : key == KEY_REFS ? MODE_REFS : MODE_CHAIN, state);
		add_what(options, text, state);
		return 0;
	case KEY_CHAINS:
		options->chains = (size_t)whole(state, "--chains", text, 1, CHAINS_MOST);
		return 0;
	case KEY_LEAKS:
		choose(options, MODE_LEAKS, state);
		return 0;
	case KEY_MAX_DEPTH:
		options->max_depth = (int)whole(state, "--max-depth", text, 0, INT_MAX);
		options->draws = true;
		return 0;
	case KEY_TOO_MANY:
		options->too_many = (size_t)whole(state, "--too-many", text, 0, LONG_MAX);
		options->draws = true;
		return 0;
	case KEY_FILTER:
		options->filters[options->filter_count++] = text;
		options->draws = true;
		return 0;
	case KEY_REFCOUNTS:
		options->refcounts = true;
		return 0;
	case KEY_MERGE_DICTS:
		options->merge_dicts = options->draws = true;
		return 0;
	case KEY_GARBAGE:
		options->garbage = garbage(state, text);
		return 0;
	case KEY_SAVE:
		if (options->save)
			argp_error(state, "one --save FILE at a time");
		if (strcmp(text, "-") == 0)
			argp_error(state, "--save takes the name of a file");
		choose(options, MODE_SAVE, state);
		options->save = text;
		return 0;
	case KEY_LOAD:
		options->load[options->load_count++] = text;
		return 0;
	case KEY_FORCE:
		options->force = true;
		return 0;
	case KEY_EXE:
		options->files[options->file_count++] = text;
		return 0;
	case KEY_WAIT:
		options->wait = fraction(state, "--wait", text, 0, INTERVAL_MOST, "seconds");
		options->waits = true;
		return 0;
	case KEY_SORT_BY:
		options->sort_by = column(state, text);
		options->sorts = true;
		return 0;
	case KEY_IDS:
		options->ids = true;
		return 0;
	case KEY_STATE:
		options->state = text;
		return 0;
	case KEY_LIMIT:
		options->limit = (size_t)whole(state, "--limit", text, 0, LONG_MAX);
		return 0;
	case KEY_FULL_NAMES:
		options->full_names = true;
		return 0;
	case KEY_TYPE:
		options->globs[options->glob_count++] = text;
		return 0;
	case KEY_PEAKS:
		options->peaks = text;
		return 0;
	case KEY_SKIP_UPDATE:
		options->skip_update = true;
		return 0;
	case KEY_MAX_PAUSE:
		options->max_pause_ms = fraction(state, "--max-pause", text, 0, MAX_PAUSE_MOST, "milliseconds");
		return 0;
	case KEY_BUDGET:
		if (!number(text, &options->budget) || options->budget < 0 || options->budget > 100)
			argp_error(state, "--budget takes a percentage from 0 to 100, not '%s'", text);
		return 0;
	case KEY_RATES:
		options->rates = true;
		return 0;
	case KEY_SITES:
	case KEY_NO_SITES:
		options->sites = key == KEY_SITES;
		return 0;
	case KEY_FORMAT:
		if (strcmp(text, "json") != 0 && strcmp(text, "table") != 0)
			argp_error(state, "--format takes table or json, not '%s'", text);
		options->json = strcmp(text, "json") == 0;
		return 0;
	case KEY_OUTPUT:
		options->output = text;
		return 0;
	case ARGP_KEY_ARG:
		/* So are more of what the last of these options takes. */
		if (options->what_count) {
			add_what(options, text, state);
			return 0;
		}
		argp_error(state, "'%s' is no option; name the process with -p PID", text);
		return 0;
	case ARGP_KEY_END:
		check(options, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void print_version(FILE *stream, struct argp_state *state)
{
	(void)state;
	fprintf(stream, "objgraph-trace %s\n", OGT_VERSION);
}

void options_parse(struct options *options, int argc, char **argv)
{
	static const struct argp argp = {
		.options = table,
		.parser = take,
		.args_doc = "-p PID\n--load FILE...",
		.doc = "Which objects grow in a running Python process, seen from outside.\v"
		       "Exit codes: 0 done; 1 the process could not be watched, or a file not read or written; 2 "
		       "usage; "
		       "3 the process ended while watched; 130 Ctrl-C; 143 SIGTERM.",
	};

	*options = (struct options){
		.interval = 60,
		.count = -1,
		.limit = 10,
		.wait = 10,
		.sort_by = NEWIDS_DELTAS,
		.max_pause_ms = 500,
		.budget = 1,
		.sites = true,
		.max_depth = 3,
		.too_many = 10,
	};
	options->globs = calloc((size_t)argc + 1, sizeof(*options->globs));
	options->what = calloc((size_t)argc + 1, sizeof(*options->what));
	options->filters = calloc((size_t)argc + 1, sizeof(*options->filters));
	options->load = calloc((size_t)argc + 1, sizeof(*options->load));
	options->files = calloc((size_t)argc + 1, sizeof(*options->files));
	if (!options->globs || !options->what || !options->filters || !options->load || !options->files)
		exit(1);
	argp_program_version_hook = print_version;
	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, options);
}

/* Whether both paths lead to one file, which may not be there yet. */
static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	if (stat(a, &x) == 0 && stat(b, &y) == 0)
		return x.st_dev == y.st_dev && x.st_ino == y.st_ino && S_ISREG(x.st_mode);
	return strcmp(a, b) == 0;
}

int options_check_output(const struct options *options, struct error *error)
{
	const char *const others[] = {options->save, options->state, options->peaks};
	const char *output = options->output;
	bool taken = false, snapshot;
	int fd;

	if (!output)
		return 0;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		taken = taken || (others[i] && same_file(output, others[i]));
	for (size_t i = 0; i < options->load_count; i++)
		taken = taken || same_file(output, options->load[i]);
	if (taken)
		return error_set(error, ERROR_FAILED, "-o %s is a file that is read or written already", output);
	fd = open(output, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	snapshot = fd >= 0 && snapshot_is_one(fd);
	if (fd >= 0)
		close(fd);
	return snapshot ? error_set(error, ERROR_FAILED, "-o %s is a snapshot, which would be lost", output) : 0;
}

const char *options_picture(const struct options *options)
{
	bool graph = options->mode == MODE_BACKREFS || options->mode == MODE_REFS || options->mode == MODE_CHAIN;

	return graph && drawing_format(options->output) != DRAWING_NONE ? options->output : NULL;
}

void options_free(struct options *options)
{
	free(options->globs);
	free(options->what);
	free(options->filters);
	free(options->load);
	free(options->files);
	options->globs = options->what = options->filters = options->load = options->files = NULL;
}
