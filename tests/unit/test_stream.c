// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_stream [--by WAY] [--kernel AGE] CASE PYTHON [ARGUMENT...]: the stream against a real interpreter, which says
 * itself how much it did. tests/stream.bats runs the cases. Every stream must have attached by WAY, where it is given.
 * --kernel without-multi or first-multi: as kernels answer that have no uprobe_multi, or one that lets in one thread.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "elf_image.h"
#include "probe_sites.h"
#include "python.h"
#include "stream.h"

/* BPF_TRACE_UPROBE_MULTI, which headers older than Linux 6.6 lack. */
#define UPROBE_MULTI 48
#define INT3 0xcc

/* Evaluates each line that it is sent and prints the result, an integer. */
static const char program[] = "import gc, os, queue, sys, threading\n"
			      "gc.disable()\n"
			      "class Plain: pass\n"
			      "class Other: pass\n"
			      "class Sub(Plain): pass\n"
			      "class Mapping(dict): pass\n"
			      "class Chain(Mapping): pass\n"
			      "class Row(list): pass\n"
			      "class Oops(ValueError): pass\n"
			      "kept = []\n"
			      "class Undead:\n"
			      "    def __del__(self): kept.append(self)\n"
			      "class Mortal:\n"
			      "    def __del__(self): pass\n"
			      "def drop(cls, n):\n"
			      "    for _ in range(n): cls()\n"
			      "    return n\n"
			      "def keep(cls, n):\n"
			      "    for _ in range(n): kept.append(cls())\n"
			      "    return n\n"
			      "def hold(cls, n):\n"
			      "    all = [cls() for _ in range(n)]\n"
			      "    return len(all)\n"
			      "def clear():\n"
			      "    n = len(kept)\n"
			      "    kept.clear()\n"
			      "    return n\n"
			      "def drop_in_threads(cls, n, threads):\n"
			      "    all = [threading.Thread(target=drop, args=(cls, n)) for _ in range(threads)]\n"
			      "    for t in all: t.start()\n"
			      "    for t in all: t.join()\n"
			      "    return n * threads\n"
			      "asked, answered = queue.Queue(), queue.Queue()\n"
			      "def serve():\n"
			      "    while True: answered.put(drop(*asked.get()))\n"
			      "def make_servers(n):\n"
			      "    for _ in range(n): threading.Thread(target=serve, daemon=True).start()\n"
			      "    return n\n"
			      "def drop_in_servers(cls, n, times):\n"
			      "    for _ in range(times): asked.put((cls, n))\n"
			      "    return sum(answered.get() for _ in range(times))\n"
			      "def drop_in_child(cls, n):\n"
			      "    pid = os.fork()\n"
			      "    if not pid:\n"
			      "        drop(cls, n)\n"
			      "        os._exit(0)\n"
			      "    return os.waitpid(pid, 0)[1]\n"
			      "def knot(cls, n):\n"
			      "    for _ in range(n):\n"
			      "        x = cls()\n"
			      "        x.x = x\n"
			      "    return n\n"
			      "victim = type('T', (), {})\n"
			      "def replace_class():\n"
			      "    global victim\n"
			      "    address, victim, others = id(victim), None, []\n"
			      "    gc.collect()\n"
			      "    for _ in range(20000):\n"
			      "        victim = type('T', (), {})\n"
			      "        if id(victim) == address: break\n"
			      "        others.append(victim)\n"
			      "    return id(victim) == address\n"
			      "def make_classes(n):\n"
			      "    global classes\n"
			      "    classes = [type('T', (), {}) for _ in range(n)]\n"
			      "    return n\n"
			      "def drop_each():\n"
			      "    for t in classes: t()\n"
			      "    return len(classes)\n"
			      "module = sys._getframe()\n"
			      "while True:\n"
			      "    line = sys.stdin.readline()\n"
			      "    if not line: break\n"
			      "    print(int(eval(line)))\n"
			      "    sys.stdout.flush()\n";

/* Classes of the program and builtins whose deallocation functions are probed. */
static const char *const classes[] = {"Plain", "Other", "Sub", "Mapping", "Chain", "Row", "Oops", "Undead", "Mortal"};
#define CLASSES (sizeof(classes) / sizeof(classes[0]))

/* The program in an interpreter, and what the library knows of it. */
struct child {
	pid_t pid;
	FILE *to, *from;
	struct target target;
	struct memory *memory;
	struct python python;
	struct probe_sites sites; /* of deaths */
	struct tracee_config config;
	uint64_t watched, collecting;
	bool lists; /* tell births (3.8+) */
	bool births; /* are seen, every one: by breakpoints */
};

static const char *way; /* --by */
static const char *kernel = ""; /* --kernel */

static _Noreturn __attribute__((format(printf, 1, 2))) void die(const char *format, ...)
{
	va_list args;

	printf("Bail out! ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf(" (%s)\n", strerror(errno));
	exit(1);
}

/* --- older kernels --- */

/*
 * In place of libc's, for libbpf too: older kernels' answers to uprobe_multi. Before 6.6 they do not know the link. The
 * first that do look at the file before the pid, and at the pid not at all: a directory is what they complain about.
 * Reads six arguments whether there are so many or not, as libc does; AddressSanitizer need not know.
 */
__attribute__((visibility("default"), no_sanitize("address"))) long syscall(long number, ...)
{
	static long (*real)(long, ...);
	long argument[6];
	va_list args;

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		argument[i] = va_arg(args, long);
	va_end(args);
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "syscall");
	if (*kernel && number == SYS_bpf && argument[0] == BPF_LINK_CREATE &&
		((uint32_t *)argument[1])[2] == UPROBE_MULTI) {
		errno = strcmp(kernel, "first-multi") == 0 ? EBADF : EINVAL;
		return -1;
	}
	return real(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);
}

/* --- the interpreter --- */

static void child_exec(char **command, struct child *child)
{
	char *argv[16];
	int to[2], from[2];
	size_t n = 0;

	for (; command[n] && n < 13; n++)
		argv[n] = command[n];
	argv[n++] = "-c";
	argv[n++] = (char *)program;
	argv[n] = NULL;
	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC) || (child->pid = fork()) < 0)
		die("starting Python");
	if (!child->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(to[0], 0);
		dup2(from[1], 1);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	child->to = fdopen(to[1], "w");
	child->from = fdopen(from[0], "r");
}

static uint64_t __attribute__((format(printf, 2, 3))) ask(struct child *child, const char *format, ...)
{
	uint64_t answer;
	va_list args;

	va_start(args, format);
	vfprintf(child->to, format, args);
	va_end(args);
	putc('\n', child->to);
	fflush(child->to);
	if (fscanf(child->from, "%" SCNu64, &answer) != 1)
		die("no answer to %s", format);
	return answer;
}

/* Until the main thread waits for the next question: whatever it did for the last one is done. */
static void wait_for_child(const struct child *child)
{
	char name[64], line[64] = "";

	snprintf(name, sizeof(name), "/proc/%d/syscall", child->pid);
	for (int i = 0; i < 60000 && strncmp(line, "0 0x0 ", 6) != 0; i++) {
		FILE *file = fopen(name, "r");

		if (!file || !fgets(line, sizeof(line), file))
			die("%s", name);
		fclose(file);
		usleep(i ? 1000 : 0);
	}
	if (strncmp(line, "0 0x0 ", 6) != 0)
		die("the interpreter does not wait for a question: %s", line);
}

static uint64_t type_named(struct child *child, const char *name)
{
	return ask(child, "id(%s)", name);
}

/* Reads the interpreter's memory as it is now. */
static uint64_t word_at(struct child *child, uint64_t address)
{
	uint64_t value = 0;

	memory_forget(child->memory);
	if (!memory_u64(child->memory, address, &value))
		die("no memory at %" PRIx64, address);
	return value;
}

static void find_sites(struct child *child)
{
	struct census_type type[CLASSES] = {0};
	struct type_table types = {.type = type, .count = CLASSES};
	struct error error;

	for (size_t i = 0; i < CLASSES; i++)
		type[i].address = type_named(child, classes[i]);
	if (probe_sites_of_deaths(&child->python, &types, NULL, &child->sites, &error) < 0)
		die("%s", error.text);
}

static volatile uint64_t watched_word;

/* Whether this machine delivers hardware breakpoints, asked without the code under test: writes are counted. */
static bool breakpoints_fire(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.exclude_kernel = 1,
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = (uintptr_t)&watched_word,
		.bp_len = HW_BREAKPOINT_LEN_8,
	};
	int event = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	uint64_t hits = 0;

	for (uint64_t i = 0; i < 100; i++)
		watched_word = i;
	if (event < 0 || read(event, &hits, sizeof(hits)) != sizeof(hits))
		hits = 0;
	if (event >= 0)
		close(event);
	return hits == 100;
}

/* As user/trace.c describes a target. */
static void describe(struct child *child)
{
	struct elf_symbol symbols[] = {{.name = "PyTuple_Type"}, {.name = "PyDict_Type"}, {.name = "PyFrozenSet_Type"}};
	const struct layout *layout = &child->python.layout;
	struct tracee_config *config = &child->config;
	struct runtime runtime;
	struct error error;

	if (python_runtime(&child->python, child->memory, &runtime, &error) < 0)
		die("%s", error.text);
	*config = (struct tracee_config){.pid = child->pid, .layout = layout};
	config->holder = python_holder(&child->python, &runtime.interpreters[0]);
	child->collecting = python_collecting_at(&child->python, &runtime);
	target_symbols(&child->target, symbols, 3);
	config->untracked[0] = symbols[0].address;
	config->untracked[1] = layout->habits.untracks_dicts ? symbols[1].address : 0;
	config->untracked[2] = layout->habits.untracks_frozensets ? symbols[2].address : 0;
	config->young = python_generation(&child->python, &runtime.interpreters[0], 0);
	child->watched = config->young + (uint64_t)layout->gc_head.prev;
	child->lists = layout->gc_head.prev_flags != 0;
	child->births = child->lists && breakpoints_fire();
	runtime_free(&runtime);
}

static void child_start(struct child *child, char **command)
{
	struct error error;

	*child = (struct child){0};
	child_exec(command, child);
	ask(child, "1");
	wait_for_child(child);
	child->memory = memory_new(child->pid, NULL);
	if (target_open(&child->target, child->pid, &error) < 0 ||
		python_open(&child->python, &child->target, child->memory, &error) < 0)
		die("%s", error.text);
	find_sites(child);
	describe(child);
}

/* 0 if it ended by itself and in good order; of no use when it was waited for before. */
static int child_end(struct child *child)
{
	int status = 0;

	fclose(child->to);
	waitpid(child->pid, &status, 0);
	fclose(child->from);
	probe_sites_free(&child->sites);
	memory_free(child->memory);
	target_close(&child->target);
	return status;
}

static const struct probe_site *site_of(struct child *child, const char *class)
{
	uint64_t slot = type_named(child, class) + (uint64_t)child->python.layout.type.dealloc;
	ssize_t i = probe_sites_find(&child->sites, word_at(child, slot));

	if (i < 0)
		die("no site for %s", class);
	return &child->sites.site[i];
}

static bool is_patched(struct child *child, const struct probe_site *site)
{
	return (word_at(child, site->address + site->into) & 0xff) == INT3;
}

/* --- the stream --- */

static struct stream *open_stream(void)
{
	struct error error = {0};
	struct stream *stream = stream_open(&error);

	if (!stream)
		die("%s", error.text);
	if (way)
		check(strcmp(stream_attached_by(stream), way) == 0, "attached by %s, not %s", way,
			stream_attached_by(stream));
	return stream;
}

static struct tracee *new_tracee(struct stream *stream, const struct child *child)
{
	struct error error = {0};
	struct tracee *tracee = tracee_new(stream, &child->config, &error);

	if (!tracee)
		die("%s", error.text);
	tracee_set_finalizers(tracee, child->sites.finalizes, child->births ? 0 : child->collecting);
	return tracee;
}

static struct stream_site as_stream_site(const struct probe_site *site)
{
	return (struct stream_site){.path = site->path,
		.file_offset = site->file_offset,
		.into = site->into,
		.closes = site->closes,
		.makes = site->makes,
		.makes_generators = site->makes_generators,
		.makes_others = site->makes_others};
}

/* Probes where deaths can be seen cheaply, and where those of instances and of classes are. */
static void trace_deaths(struct tracee *tracee, struct child *child)
{
	const struct probe_site *instances = site_of(child, "Plain");
	struct stream_site *sites = calloc(child->sites.count, sizeof(*sites));
	struct error error = {0};
	size_t count = 0;
	int result;

	for (size_t i = 0; i < child->sites.count; i++) {
		const struct probe_site *site = &child->sites.site[i];

		if (site->emulated || site == instances)
			sites[count++] = as_stream_site(site);
	}
	result = tracee_trace_deaths(tracee, sites, count, NULL, &error);
	if (result < 0)
		die("%s", error.text);
	check(result == 0, "%d of %zu sites refused", result, count);
	free(sites);
}

static void trace_deaths_of(struct tracee *tracee, struct child *child, const char *class)
{
	struct stream_site site = as_stream_site(site_of(child, class));
	struct error error = {0};

	if (tracee_trace_deaths(tracee, &site, 1, NULL, &error) != 0)
		die("%s", error.text);
}

static void set_tail(struct tracee *tracee, struct child *child)
{
	const struct stream_list list = {child->watched, child->config.holder};
	uint64_t flags = child->python.layout.gc_head.prev_flags;
	struct error error = {0};

	wait_for_child(child);
	if (tracee_set_tail(tracee, &list, word_at(child, child->watched) & ~flags, &error) < 0)
		die("%s", error.text);
}

static void watch_births(struct tracee *tracee, struct child *child)
{
	struct error error = {0};

	if (tracee_watch_births(tracee, &(struct stream_list){child->watched, child->config.holder}, 1, 0, &error) < 0)
		die("%s", error.text);
}

/* From here on births, where they can be seen, and deaths are counted. */
static struct tracee *trace_all(struct stream *stream, struct child *child)
{
	struct tracee *tracee = new_tracee(stream, child);

	if (child->births) {
		watch_births(tracee, child);
		set_tail(tracee, child);
	}
	trace_deaths(tracee, child);
	return tracee;
}

static struct stream_counts read_counts(struct tracee *tracee)
{
	struct alloc_probe_state state = tracee_state(tracee);
	struct stream_counts counts = {0};
	struct error error = {0};

	if (tracee_read(tracee, &counts, &error) < 0)
		die("%s", error.text);
	if (state.lost_counts)
		check(false, "%" PRIu64 " lost", (uint64_t)state.lost_counts);
	return counts;
}

static struct stream_count read_count(struct tracee *tracee, uint64_t type)
{
	struct stream_counts counts = read_counts(tracee);
	const struct stream_count *found = stream_counts_find(&counts, type);
	struct stream_count count = found ? *found : (struct stream_count){.type = type};

	stream_counts_free(&counts);
	return count;
}

static bool equal(uint64_t seen, uint64_t true_number, const char *what)
{
	return check(seen == true_number, "%s: %" PRIu64 " of %" PRIu64, what, seen, true_number);
}

/* So many objects of the type were born and have died since the tracee was made. */
static void came_and_went(struct tracee *tracee, const struct child *child, uint64_t type, uint64_t n, const char *what)
{
	struct stream_count count = read_count(tracee, type);

	check(count.deaths == n, "deaths, %s: %" PRIu64 " of %" PRIu64, what, count.deaths, n);
	/* What the kernel could not hand to the program, of whatever type, it has counted. */
	if (child->births)
		check(count.births <= n && count.births + tracee_missed(tracee) >= n,
			"births, %s: %" PRIu64 " of %" PRIu64 ", %" PRIu64 " missed", what, count.births, n,
			tracee_missed(tracee));
}

/* Births that the ring buffer handed over. */
struct births {
	struct alloc_probe_birth *birth;
	size_t count, capacity;
};

static void add_birth(void *context, const struct alloc_probe_birth *birth)
{
	struct births *births = context;

	if (births->count == births->capacity) {
		births->capacity = births->capacity ? births->capacity * 2 : 1024;
		births->birth = realloc(births->birth, births->capacity * sizeof(*birth));
		if (!births->birth)
			die("births");
	}
	births->birth[births->count++] = *birth;
}

static struct births drain(struct stream *stream)
{
	struct births births = {0};

	stream_drain(stream, add_birth, &births);
	return births;
}

static size_t births_of(const struct births *births, uint64_t type)
{
	size_t n = 0;

	for (size_t i = 0; i < births->count; i++)
		n += births->birth[i].type == type;
	return n;
}

static uint64_t all_births(struct tracee *tracee)
{
	struct stream_counts counts = read_counts(tracee);
	uint64_t sum = 0;

	for (size_t i = 0; i < counts.n; i++)
		sum += counts.rows[i].births;
	stream_counts_free(&counts);
	return sum;
}

/* Descriptors of this process whose description has a line that begins so. */
static size_t descriptors(const char *with)
{
	DIR *all = opendir("/proc/self/fdinfo");
	struct dirent *entry;
	size_t n = 0;

	while (all && (entry = readdir(all))) {
		char name[300], line[256];
		bool found = false;
		FILE *file;

		snprintf(name, sizeof(name), "/proc/self/fdinfo/%s", entry->d_name);
		file = fopen(name, "r");
		while (file && fgets(line, sizeof(line), file))
			found = found || strncmp(line, with, strlen(with)) == 0;
		if (file)
			fclose(file);
		n += found;
	}
	closedir(all);
	return n;
}

/* --- what is counted --- */

static void exact(struct child *child)
{
	uint64_t plain = type_named(child, "Plain"), other = type_named(child, "Other"), sum;
	size_t open_before = descriptors("pos:");
	const struct probe_site *site = site_of(child, "Plain");
	struct stream *stream;
	struct tracee *tracee;

	check(ask(child, "drop(Plain, 1000)") == 1000, "objects before the stream");
	stream = open_stream();
	tracee = trace_all(stream, child);
	came_and_went(tracee, child, plain, 0, "before the first");
	sum = ask(child, "drop(Plain, 50000)");
	ask(child, "drop(Other, 5000)");
	came_and_went(tracee, child, plain, sum, "of one class");
	came_and_went(tracee, child, other, 5000, "of another");
	sum += ask(child, "drop(Plain, 1)");
	came_and_went(tracee, child, plain, sum, "one more");
	came_and_went(tracee, child, plain, sum, "when nothing happened");
	check(is_patched(child, site), "there is a probe in the process");
	stream_close(stream);
	equal(descriptors("pos:"), open_before, "descriptors open afterwards");
	check(!is_patched(child, site), "there is none any more");
	check(ask(child, "drop(Plain, 1000)") == 1000, "the process goes on without the stream");
}

/* Rows are ascending, each type in one; hits are no fewer than what was counted. */
static void rows(struct child *child)
{
	struct stream *stream = open_stream();
	struct tracee *tracee = trace_all(stream, child);
	struct stream_counts counts;
	struct alloc_probe_state state;
	uint64_t births = 0, deaths = 0, disorder = 0;

	ask(child, "drop(Plain, 300) + drop(Other, 200) + drop(Oops, 100)");
	wait_for_child(child);
	counts = read_counts(tracee);
	state = tracee_state(tracee);
	for (size_t i = 0; i < counts.n; i++) {
		births += counts.rows[i].births;
		deaths += counts.rows[i].deaths;
		disorder += i && counts.rows[i].type <= counts.rows[i - 1].type;
	}
	check(counts.n >= 3, "%zu types", counts.n);
	equal(disorder, 0, "rows out of order");
	check(births <= state.births && deaths <= state.deaths, "%" PRIu64 " hits, %" PRIu64 " counted",
		(uint64_t)(state.births + state.deaths), births + deaths);
	check(stream_counts_find(&counts, 8) == NULL, "no row for what is no type");
	stream_counts_free(&counts);
	stream_close(stream);
}

/*
 * A base's deallocator sees instances of subclasses pass on their second way. Evaluating an expression makes a few
 * objects of builtin types itself, always as many.
 */
static void subclass(struct child *child)
{
	static const struct pair {
		const char *class, *base;
	} pairs[] = {
		{"Sub", "Plain"}, {"Mapping", "dict"}, {"Chain", "Mapping"}, {"Row", "list"}, {"Oops", "ValueError"}};
	struct stream *stream = open_stream();
	struct tracee *tracee = trace_all(stream, child);

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		uint64_t class = type_named(child, pairs[i].class), base = type_named(child, pairs[i].base), before,
			 own;
		uint64_t class_before = read_count(tracee, class).deaths;

		before = read_count(tracee, base).deaths;
		ask(child, "drop(%s, 0)", pairs[i].class);
		own = read_count(tracee, base).deaths - before;
		before += own;
		equal(class_before, 0, "instances of a subclass so far");
		ask(child, "drop(%s, 2000)", pairs[i].class);
		came_and_went(tracee, child, class, 2000, pairs[i].class);
		equal(read_count(tracee, base).deaths - before - own, 0, "and as its base");
		before = read_count(tracee, base).deaths;
		ask(child, "drop(%s, 3000)", pairs[i].base);
		equal(read_count(tracee, base).deaths - before - own, 3000, pairs[i].base);
		came_and_went(tracee, child, class, 2000, "not when the base's die");
	}
	stream_close(stream);
}

static void threads(struct child *child)
{
	uint64_t plain = type_named(child, "Plain"), sum;
	struct stream *stream = open_stream();
	struct tracee *tracee;

	ask(child, "make_servers(8)");
	tracee = trace_all(stream, child);
	sum = ask(child, "drop_in_servers(Plain, 500, 40)");
	came_and_went(tracee, child, plain, sum, "in threads older than the probe");
	sum += ask(child, "drop_in_threads(Plain, 2000, 20)");
	came_and_went(tracee, child, plain, sum, "in threads younger than the probe");
	sum += ask(child, "drop(Plain, 300)");
	came_and_went(tracee, child, plain, sum, "in the main thread");
	stream_close(stream);
}

static void forked(struct child *child)
{
	uint64_t plain = type_named(child, "Plain");
	struct stream *stream = open_stream();
	struct tracee *tracee = trace_all(stream, child);

	ask(child, "drop(Plain, 100)");
	check(ask(child, "drop_in_child(Plain, 5000)") == 0, "the child ends well");
	came_and_went(tracee, child, plain, 100, "without those in a forked child");
	ask(child, "drop(Plain, 10)");
	came_and_went(tracee, child, plain, 110, "in the parent afterwards");
	stream_close(stream);
}

/* More types than the map holds. */
static void overflow(struct child *child)
{
	const uint64_t types = ALLOC_PROBE_MAX_TYPES + 4000;
	struct stream *stream = open_stream();
	struct tracee *tracee = new_tracee(stream, child);
	struct stream_counts counts = {0};
	struct error error = {0};
	uint64_t sum = 0;

	ask(child, "make_classes(%" PRIu64 ")", types);
	trace_deaths_of(tracee, child, "Plain");
	equal(ask(child, "drop_each()"), types, "one object of each");
	if (tracee_read(tracee, &counts, &error) < 0)
		die("%s", error.text);
	for (size_t i = 0; i < counts.n; i++)
		sum += counts.rows[i].deaths;
	check(counts.n > ALLOC_PROBE_MAX_TYPES / 10 * 9 && counts.n <= ALLOC_PROBE_MAX_TYPES, "%zu types with a row",
		counts.n);
	check(tracee_state(tracee).lost_counts >= types - ALLOC_PROBE_MAX_TYPES, "deaths are counted as lost");
	equal(sum + tracee_state(tracee).lost_counts, types, "every death is in a row or lost");
	stream_counts_free(&counts);
	tracee_free(tracee);
	tracee = trace_all(stream, child);
	ask(child, "drop(Plain, 10)");
	came_and_went(tracee, child, type_named(child, "Plain"), 10, "there is room again for the next");
	stream_close(stream);
}

/* The first birth after the breakpoint is seen only when the tail was known. */
static void tail(struct child *child)
{
	uint64_t plain = type_named(child, "Plain"), births;
	struct stream *stream = open_stream();
	struct tracee *tracee = new_tracee(stream, child);
	uint64_t sum = 0;

	wait_for_child(child);
	watch_births(tracee, child);
	sum += ask(child, "drop(Plain, 1)");
	births = read_count(tracee, plain).births;
	check(births + 1 >= sum && births <= sum, "without a tail at most one is missed: %" PRIu64 " of %" PRIu64,
		births, sum);
	for (int i = 0; i < 20; i++) {
		tracee_unwatch_births(tracee);
		ask(child, "keep(Plain, 3)");
		wait_for_child(child);
		watch_births(tracee, child);
		set_tail(tracee, child);
		births += ask(child, "drop(Plain, 1)");
	}
	equal(read_count(tracee, plain).births, births, "with a tail none is");
	births += ask(child, "hold(Plain, 1000)");
	equal(read_count(tracee, plain).births, births, "nor of those that live longer");
	births += ask(child, "keep(Plain, 500)");
	ask(child, "clear()");
	equal(read_count(tracee, plain).births, births, "nor while others leave the list");
	stream_close(stream);
}

/* The collector moves objects between lists, and frees what is left in cycles. */
static void collected(struct child *child)
{
	uint64_t plain = type_named(child, "Plain"), sum;
	struct stream *stream = open_stream();
	struct tracee *tracee = trace_all(stream, child);

	ask(child, "gc.enable() or 0");
	sum = ask(child, "knot(Plain, 20000)") + ask(child, "keep(Plain, 3000)");
	ask(child, "gc.collect()");
	equal(read_count(tracee, plain).births, sum, "births among collections");
	equal(read_count(tracee, plain).deaths, 20000, "deaths by collection");
	sum += ask(child, "knot(Plain, 5)");
	equal(read_count(tracee, plain).births, sum, "births after one");
	stream_close(stream);
}

/* What is counted of a type object that is no more is not counted of the next at its address. */
static void lives(struct child *child)
{
	uint64_t victim = type_named(child, "victim");
	struct stream *stream = open_stream();
	struct tracee *tracee = trace_all(stream, child);
	struct stream_count before, after;

	if (!child->births) { /* a type's birth is what tells it from the one before */
		stream_close(stream);
		check(true, "# SKIP births are not seen");
		return;
	}
	ask(child, "drop(victim, 100)");
	before = read_count(tracee, victim);
	equal(before.deaths, 100, "deaths in one life");
	if (!ask(child, "replace_class()")) {
		stream_close(stream);
		check(true, "# SKIP no other class came to the address");
		return;
	}
	after = read_count(tracee, victim);
	equal(after.life, before.life + 1, "lives");
	equal(after.births + after.deaths, 0, "counts of the next");
	ask(child, "hold(victim, 30)");
	after = read_count(tracee, victim);
	came_and_went(tracee, child, victim, 30, "in another life");
	equal(after.life, before.life + 1, "lives then");
	if (child->births)
		equal((uint64_t)after.highest, 30, "highest");
	stream_close(stream);
}

static void highest(struct child *child)
{
	uint64_t plain = type_named(child, "Plain");
	struct stream *stream = open_stream();
	struct tracee *tracee = trace_all(stream, child);
	struct stream_count count;

	equal((uint64_t)read_count(tracee, plain).highest, 0, "highest before the first");
	ask(child, "hold(Plain, 5000)");
	count = read_count(tracee, plain);
	equal((uint64_t)count.highest, 5000, "alive at once between two reads");
	equal(count.births - count.deaths, 0, "and gone since");
	equal((uint64_t)read_count(tracee, plain).highest, 0, "then nothing happened");
	ask(child, "keep(Plain, 7) + hold(Plain, 10) + hold(Plain, 3)");
	equal((uint64_t)read_count(tracee, plain).highest, 17, "on top of those that stay");
	ask(child, "hold(Plain, 2)");
	equal((uint64_t)read_count(tracee, plain).highest, 9, "from those that stayed");
	ask(child, "clear()");
	equal((uint64_t)read_count(tracee, plain).highest, 7, "when they go, as many as there were");
	ask(child, "hold(Plain, 1)");
	equal((uint64_t)read_count(tracee, plain).highest, 1, "then one");
	stream_close(stream);
}

/* --- samples --- */

/* Every birth has a record, with the stack that made it. */
static void samples(struct child *child)
{
	uint64_t plain = type_named(child, "Plain"), drop = ask(child, "id(drop.__code__)"),
		 module = ask(child, "id(module.f_code)"), tag = child->python.layout.frame.code_tag;
	struct stream *stream = open_stream();
	struct tracee *tracee = trace_all(stream, child);
	struct births births;
	size_t stacks = 0, order = 0, threads_right = 0;
	uint64_t before;

	wait_for_child(child);
	before = all_births(tracee);
	tracee_sample(tracee, 1, false);
	ask(child, "drop(Plain, 3000)");
	wait_for_child(child);
	tracee_sample(tracee, 0, false);
	births = drain(stream);
	equal(births_of(&births, plain), 3000, "records of one class");
	equal(births.count + tracee_state(tracee).lost_samples, all_births(tracee) - before, "records of all");
	equal(tracee_state(tracee).lost_samples, 0, "lost samples");
	for (size_t i = 0; i < births.count; i++) {
		const struct alloc_probe_birth *birth = &births.birth[i];
		bool outermost = false;

		order += i && (birth->time < birth[-1].time || birth->number <= birth[-1].number);
		threads_right += birth->tid == (uint32_t)child->pid;
		for (size_t k = 0; k < birth->frames; k++)
			outermost = outermost || (birth->frame[k].code & ~tag) == module;
		stacks += birth->type == plain && birth->frames && (birth->frame[0].code & ~tag) == drop && outermost;
	}
	equal(stacks, 3000, "stacks from the line that makes them to the module");
	equal(order, 0, "records out of order");
	if (child->target.process.pid == child->pid && !access("/proc/self/ns/pid", F_OK) && !getenv("OGT_INNER_PIDS"))
		equal(threads_right, births.count, "by the main thread");
	free(births.birth);
	births = drain(stream);
	equal(births.count, 0, "records that were handed over before");
	ask(child, "drop(Plain, 3000)");
	births = drain(stream);
	equal(births.count, 0, "records when none is sampled");
	free(births.birth);
	stream_close(stream);
}

/* Of a share, as many as chance has it; nothing is lost. */
static void share(struct child *child)
{
	uint64_t plain = type_named(child, "Plain");
	struct stream *stream = open_stream();
	struct tracee *tracee = trace_all(stream, child);
	struct births births;
	size_t n;

	tracee_sample(tracee, 0.1, false);
	ask(child, "drop(Plain, 20000)");
	births = drain(stream);
	n = births_of(&births, plain);
	/* 2000, and ten standard deviations. */
	check(n > 1575 && n < 2425, "%zu of 20000 sampled, where a tenth was asked for", n);
	equal(tracee_state(tracee).lost_samples, 0, "lost samples");
	came_and_went(tracee, child, plain, 20000, "sampled or not");
	free(births.birth);
	stream_close(stream);
}

/* Nobody fetches the records: what finds no room is counted as lost. */
static void full_ring(struct child *child)
{
	const size_t room = ALLOC_PROBE_RING_BYTES / sizeof(struct alloc_probe_birth);
	uint64_t plain = type_named(child, "Plain");
	struct stream *stream = open_stream();
	struct tracee *tracee = trace_all(stream, child);
	struct births births;
	uint64_t before;

	wait_for_child(child);
	before = all_births(tracee);
	tracee_sample(tracee, 1, true);
	ask(child, "drop(Plain, %zu)", 2 * room);
	wait_for_child(child);
	tracee_sample(tracee, 0, true);
	births = drain(stream);
	check(births.count > room / 2 && births.count <= room, "%zu records of at most %zu", births.count, room);
	check(tracee_state(tracee).lost_samples > 0, "some are lost");
	equal(births.count + tracee_state(tracee).lost_samples, all_births(tracee) - before,
		"every birth has a record or is lost");
	came_and_went(tracee, child, plain, 2 * room, "all counted");
	free(births.birth);
	tracee_sample(tracee, 1, true);
	ask(child, "drop(Plain, 100)");
	births = drain(stream);
	equal(births_of(&births, plain), 100, "records once there is room again");
	free(births.birth);
	stream_close(stream);
}

/* The sampled objects of the type that are followed and alive; *sum: of their addresses. */
static size_t count_live(struct tracee *tracee, const struct births *births, uint64_t type, uint64_t *sum)
{
	struct stream_objects live = {0};
	struct error error = {0};
	size_t n = 0;

	*sum = 0;
	if (tracee_objects(tracee, STREAM_LIVE, &live, &error) < 0)
		die("%s", error.text);
	for (size_t i = 0; i < births->count; i++) {
		const struct alloc_probe_birth *birth = &births->birth[i];
		const struct stream_object *object = stream_objects_find(&live, birth->object);

		if (birth->type != type || !object || object->value != birth->time)
			continue;
		*sum += birth->object;
		n++;
	}
	for (size_t i = 1; i < live.count; i++) {
		if (live.object[i].address <= live.object[i - 1].address)
			check(false, "live objects out of order");
	}
	stream_objects_free(&live);
	return n;
}

/* Takes one of those that are followed out, unless its birth was another. */
static void forget_one(struct tracee *tracee, uint64_t address)
{
	struct stream_objects live = {0};
	const struct stream_object *found;
	struct stream_object other;
	struct error error = {0};

	if (tracee_objects(tracee, STREAM_LIVE, &live, &error) < 0)
		die("%s", error.text);
	found = stream_objects_find(&live, address);
	if (check(found != NULL, "it is followed")) {
		other = (struct stream_object){found->address, found->value - 1};
		tracee_forget(tracee, STREAM_LIVE, &other);
		if (tracee_objects(tracee, STREAM_LIVE, &live, &error) < 0)
			die("%s", error.text);
		found = stream_objects_find(&live, address);
		check(found != NULL, "another birth is not forgotten");
		if (found)
			tracee_forget(tracee, STREAM_LIVE, found);
	}
	stream_objects_free(&live);
}

static void live(struct child *child)
{
	uint64_t plain = type_named(child, "Plain"), sum, first;
	struct stream *stream = open_stream();
	struct tracee *tracee = trace_all(stream, child);
	struct births births;

	tracee_sample(tracee, 1, true);
	ask(child, "drop(Plain, 1000) + keep(Plain, 500) + drop(Plain, 1000)");
	wait_for_child(child);
	tracee_sample(tracee, 0, true);
	births = drain(stream);
	equal(births_of(&births, plain), 2500, "records");
	equal(count_live(tracee, &births, plain, &sum), 500, "objects alive");
	equal(sum, ask(child, "sum(id(x) for x in kept if type(x) is Plain)"), "sum of their addresses");
	first = ask(child, "id(kept[0])");
	forget_one(tracee, first);
	equal(count_live(tracee, &births, plain, &sum), 499, "without one that is forgotten");
	ask(child, "len([kept.pop() for _ in range(200)])");
	equal(count_live(tracee, &births, plain, &sum), 299, "when 200 of them died");
	ask(child, "clear()");
	equal(count_live(tracee, &births, plain, &sum), 0, "when all did");
	/* Others are born where they were, unsampled. */
	ask(child, "keep(Plain, 500)");
	equal(count_live(tracee, &births, plain, &sum), 0, "nor are those that came after them");
	free(births.birth);
	stream_close(stream);
}

/* Objects whose __del__ brings them back die once, and are told from those that are dead. */
static void finalized(struct child *child)
{
	uint64_t undead = type_named(child, "Undead"), mortal = type_named(child, "Mortal"), right = 0;
	struct stream *stream = open_stream();
	struct tracee *tracee = trace_all(stream, child);
	struct stream_objects objects = {0};
	struct error error = {0};
	size_t dead = 0;

	ask(child, "drop(Undead, 50) + hold(Mortal, 70)");
	came_and_went(tracee, child, undead, 50, "of objects that came back");
	came_and_went(tracee, child, mortal, 70, "of objects that did not");
	if (tracee_objects(tracee, STREAM_FINALIZED, &objects, &error) < 0)
		die("%s", error.text);
	for (size_t i = 0; i < objects.count; i++) {
		uint64_t type = ALLOC_PROBE_PASSED_TYPE(objects.object[i].value);

		right += type == undead;
		dead += type == mortal;
		if (type == mortal)
			tracee_forget(tracee, STREAM_FINALIZED, &objects.object[i]);
	}
	equal(right, 50, "may have come back");
	equal(dead, 70, "may have, too");
	ask(child, "clear()");
	came_and_went(tracee, child, undead, 50, "when they really die");
	if (tracee_objects(tracee, STREAM_FINALIZED, &objects, &error) < 0)
		die("%s", error.text);
	for (size_t i = 0; i < objects.count; i++)
		dead -= ALLOC_PROBE_PASSED_TYPE(objects.object[i].value) == mortal;
	equal(dead, 70, "none is left that was forgotten");
	equal(tracee_state(tracee).lost_finalized, 0, "lost");
	stream_objects_free(&objects);
	stream_close(stream);
}

static void poll_for(struct stream *stream, bool readable, const char *when)
{
	struct pollfd fd = {.fd = stream_wakeup(stream), .events = POLLIN};

	check((poll(&fd, 1, 0) > 0) == readable, "%s %s", readable ? "woken" : "not woken", when);
}

static void allowance(struct child *child)
{
	struct stream *stream = open_stream();
	struct tracee *tracee = new_tracee(stream, child);
	struct births births;

	trace_deaths_of(tracee, child, "Plain");
	tracee_sample(tracee, 1, false);
	poll_for(stream, false, "at first");
	tracee_allow(tracee, 1000);
	ask(child, "drop(Plain, 900)");
	poll_for(stream, false, "before the last hit that is allowed");
	ask(child, "drop(Plain, 200)");
	poll_for(stream, true, "after it");
	births = drain(stream);
	equal(births.count, 0, "records of births");
	poll_for(stream, true, "until it is taken note of");
	stream_rest(stream);
	poll_for(stream, false, "once it was taken note of");
	ask(child, "drop(Plain, 2000)");
	poll_for(stream, false, "a second time");
	tracee_allow(tracee, 500);
	ask(child, "drop(Plain, 501)");
	poll_for(stream, true, "for the next allowance");
	stream_rest(stream);
	check(!tracee_allow_more(tracee, 500), "no more of one that is spent");
	tracee_allow(tracee, 500);
	ask(child, "drop(Plain, 400)");
	check(tracee_allow_more(tracee, 500), "more of one that is not");
	ask(child, "drop(Plain, 400)");
	poll_for(stream, false, "before these are spent");
	ask(child, "drop(Plain, 101)");
	poll_for(stream, true, "when they are");
	stream_rest(stream);
	tracee_allow(tracee, 500);
	tracee_allow(tracee, 0);
	ask(child, "drop(Plain, 1000)");
	poll_for(stream, false, "when there is no limit");
	stream_close(stream);
}

/* --- births at functions --- */

static struct stream_site *makers(struct child *child, struct probe_sites *found, size_t *count)
{
	struct stream_site *sites;
	struct error error = {0};

	*count = 0;
	if (probe_sites_of_births(&child->python, found, &error) < 0)
		die("%s", error.text);
	sites = calloc(found->count + 1, sizeof(*sites));
	for (size_t i = 0; i < found->count; i++)
		sites[(*count)++] = as_stream_site(&found->site[i]);
	return sites;
}

/* The samples of a type, and the sum of their addresses. */
static size_t samples_of(struct stream *stream, uint64_t type, uint64_t *sum)
{
	struct births births = drain(stream);
	size_t n = 0;

	*sum = 0;
	for (size_t i = 0; i < births.count; i++) {
		if (births.birth[i].type == type) {
			n++;
			*sum += births.birth[i].object;
			check(births.birth[i].frames > 0, "a sample has a stack");
		}
	}
	free(births.birth);
	return n;
}

static void made(struct child *child)
{
	uint64_t plain = type_named(child, "Plain"), function = ask(child, "id(type(drop))");
	struct stream *stream = open_stream();
	struct tracee *tracee = new_tracee(stream, child);
	struct probe_sites found = {0};
	struct stream_count count;
	struct error error = {0};
	struct stream_site *sites;
	uint64_t before, sum;
	size_t n, sampled;

	sites = makers(child, &found, &n);
	check(n > 3, "%zu functions that make objects", n);
	trace_deaths(tracee, child);
	if (tracee_trace_births(tracee, sites, n, STREAM_COUNTS, NULL, &error) != 0)
		die("%s", error.text);
	ask(child, "drop(Plain, 2000) + keep(Plain, 300)");
	count = read_count(tracee, plain);
	equal(count.births, 2300, "births seen at the function that makes them");
	equal(count.deaths, 2000, "deaths");
	before = read_count(tracee, function).births;
	ask(child, "len([(lambda: 0) for _ in range(400)])");
	check(read_count(tracee, function).births - before >= 400, "functions: %" PRIu64 " of 400",
		read_count(tracee, function).births - before);
	tracee_unwatch_births(tracee);
	/* Through whatever functions an object comes to be, it is found when it is there. */
	tracee_sample(tracee, 1, false);
	if (tracee_trace_births(tracee, sites, n, STREAM_COUNTS | STREAM_SAMPLES, NULL, &error) != 0)
		die("%s", error.text);
	wait_for_child(child);
	ask(child, "len([(lambda: 0) for _ in range(400)])");
	sampled = samples_of(stream, function, &sum);
	check(sampled >= 399 || !child->lists, "samples of functions: %zu of 400", sampled);
	tracee_unwatch_births(tracee);
	before = tracee_state(tracee).made;
	ask(child, "keep(Plain, 200)");
	equal(tracee_state(tracee).made, before, "hits when it is over");
	check(before > 2000, "hits before: %" PRIu64, before);
	free(sites);
	probe_sites_free(&found);
	stream_close(stream);
}

/* The function that makes instances of classes, alone in found. */
static struct stream_site makes_instances(struct child *child, struct probe_sites *found)
{
	struct error error = {0};

	if (probe_sites_of_instances(&child->python, child->sites.allocates, found, &error) < 0)
		die("%s", error.text);
	if (!found->count)
		die("no function makes instances");
	return as_stream_site(&found->site[0]);
}

/* Instances of classes are sampled at the function that makes them, before they are there, and nothing is counted. */
static void instances(struct child *child)
{
	uint64_t plain = type_named(child, "Plain"), before, sum;
	struct stream *stream = open_stream();
	struct tracee *tracee = new_tracee(stream, child);
	struct probe_sites found = {0};
	struct stream_site site;
	struct error error = {0};
	size_t n;

	site = makes_instances(child, &found);
	equal(found.count, 1, "functions that make instances");
	tracee_sample(tracee, 1, false);
	tracee_allow(tracee, UINT32_MAX);
	if (tracee_trace_births(tracee, &site, 1, STREAM_SAMPLES | STREAM_CLASSES | STREAM_LIMITED, NULL, &error) < 0)
		die("%s", error.text);
	wait_for_child(child);
	before = all_births(tracee);
	ask(child, "keep(Plain, 200)");
	if (!tracee_state(tracee).made) { /* the compiler has copied it to where it is called */
		check(true, "no instance is made there");
		goto end;
	}
	equal(samples_of(stream, plain, &sum), 199, "samples, of all but the last");
	equal(sum, ask(child, "sum(id(one) for one in kept[-200:-1])"), "they are the objects that were made");
	equal(all_births(tracee), before, "births counted");
	ask(child, "drop(Plain, 200)");
	/* The last one of before may be found yet. */
	check(samples_of(stream, plain, &sum) <= 1, "those that are gone at once are no samples");
	equal(sum ? sum : ask(child, "id(kept[-1])"), ask(child, "id(kept[-1])"), "but the one that was kept");
	/* What came just before each of them is gone when the next is made. */
	ask(child, "len([keep(Plain, len([[]])) for _ in range(100)])");
	n = samples_of(stream, plain, &sum);
	check(n >= 98 || !child->lists, "found behind what is gone: %zu of 100", n);
	tracee_unwatch_births(tracee);
	before = tracee_state(tracee).made;
	ask(child, "keep(Plain, 10)");
	equal(tracee_state(tracee).made, before, "hits when it is over");
	/* Nothing that was pending is taken for what is made in the next window. */
	tracee_allow(tracee, UINT32_MAX);
	if (tracee_trace_births(tracee, &site, 1, STREAM_SAMPLES | STREAM_CLASSES | STREAM_LIMITED, NULL, &error) < 0)
		die("%s", error.text);
	wait_for_child(child);
	ask(child, "keep(Plain, 3)");
	equal(samples_of(stream, plain, &sum), 2, "samples of another window");
	equal(sum, ask(child, "id(kept[-3]) + id(kept[-2])"), "which are its own");
end:
	probe_sites_free(&found);
	stream_close(stream);
}

/* Of many that are made, those of the types that were asked for: each of them, and the others cost no more than a look.
 */
static void wanted(struct child *child)
{
	uint64_t plain = type_named(child, "Plain"), other = type_named(child, "Other"), sum, hits, passed;
	struct stream *stream = open_stream();
	struct tracee *tracee = new_tracee(stream, child);
	struct probe_sites found = {0};
	struct stream_site site;
	struct error error = {0};
	struct births births;
	size_t n = 0, others = 0;

	site = makes_instances(child, &found);
	tracee_sample(tracee, 1, false);
	tracee_want(tracee, &plain, 1);
	if (tracee_trace_births(tracee, &site, 1, STREAM_SAMPLES | STREAM_COUNTS, NULL, &error) < 0)
		die("%s", error.text);
	wait_for_child(child);
	ask(child, "len([(drop(Other, 30), keep(Plain, 1), keep(Other, 1)) for _ in range(50)])");
	hits = tracee_state(tracee).made;
	passed = tracee_state(tracee).passed;
	if (!hits) { /* the compiler has copied it to where it is called */
		check(true, "no instance is made there");
		goto end;
	}
	births = drain(stream);
	for (size_t i = 0; i < births.count; i++) {
		n += births.birth[i].type == plain;
		others += births.birth[i].type != plain;
	}
	free(births.birth);
	check(n == 50 || !child->lists, "samples of the type that was asked for: %zu of 50", n);
	equal(others, 0, "and of others");
	/* Only the one that comes next finds it there. */
	check(passed >= hits - 100 && passed < hits, "%" PRIu64 " of %" PRIu64 " hits pass", passed, hits);
	tracee_unwatch_births(tracee);
	tracee_want(tracee, NULL, 0);
	if (tracee_trace_births(tracee, &site, 1, STREAM_SAMPLES, NULL, &error) < 0)
		die("%s", error.text);
	wait_for_child(child);
	ask(child, "keep(Other, 10)");
	equal(samples_of(stream, other, &sum), 9, "asked for nothing in particular, all are seen");
end:
	probe_sites_free(&found);
	stream_close(stream);
}

/* When the hits that were allowed are spent no more births are seen, but who dies until the end is not taken for alive.
 */
static void spent(struct child *child)
{
	uint64_t plain = type_named(child, "Plain"), sum;
	struct stream *stream = open_stream();
	struct tracee *tracee = new_tracee(stream, child);
	struct probe_sites found = {0};
	struct stream_site site;
	struct error error = {0};
	struct births births;
	size_t n;

	site = makes_instances(child, &found);
	tracee_sample(tracee, 1, true);
	tracee_allow(tracee, 100);
	trace_deaths_of(tracee, child, "Plain");
	if (tracee_trace_births(tracee, &site, 1, STREAM_SAMPLES | STREAM_CLASSES | STREAM_LIMITED, NULL, &error) < 0)
		die("%s", error.text);
	wait_for_child(child);
	ask(child, "keep(Plain, 300)");
	if (!tracee_state(tracee).made) { /* the compiler has copied it to where it is called */
		check(true, "no instance is made there");
		goto end;
	}
	poll_for(stream, true, "after the last hit that is allowed");
	births = drain(stream);
	n = count_live(tracee, &births, plain, &sum);
	check(n > 50 && n < 100, "%zu of 100 are followed", n);
	ask(child, "len([kept.pop(0) for _ in range(300)])");
	equal(count_live(tracee, &births, plain, &sum), 0, "when all had died");
	/* Others lie there now. */
	ask(child, "keep(Plain, 300)");
	equal(count_live(tracee, &births, plain, &sum), 0, "and others came");
	free(births.birth);
end:
	probe_sites_free(&found);
	stream_close(stream);
}

/* --- several --- */

static char **command; /* that starts the interpreter */

/* One load of the programs serves two processes, each with its own numbers. */
static void several(struct child *child)
{
	uint64_t plain = type_named(child, "Plain"), second_plain;
	struct stream *stream = open_stream();
	size_t programs = descriptors("prog_type:"), maps = descriptors("map_type:");
	struct tracee *tracee = trace_all(stream, child), *second;
	struct births births;
	size_t own = 0, others = 0;
	struct child other;

	child_start(&other, command);
	second_plain = type_named(&other, "Plain");
	second = trace_all(stream, &other);
	equal(descriptors("prog_type:"), programs, "programs loaded");
	equal(descriptors("map_type:"), maps, "maps made");
	tracee_sample(tracee, 1, false);
	tracee_sample(second, 1, false);
	ask(child, "drop(Plain, 700)");
	ask(&other, "drop(Plain, 300)");
	ask(child, "drop(Plain, 100)");
	came_and_went(tracee, child, plain, 800, "in one process");
	came_and_went(second, &other, second_plain, 300, "in the other");
	births = drain(stream);
	for (size_t i = 0; i < births.count; i++) {
		own += births.birth[i].process == 0 && births.birth[i].type == plain;
		others += births.birth[i].process == 1 && births.birth[i].type == second_plain;
	}
	if (child->births) {
		equal(own, 800, "records of one");
		equal(others, 300, "records of the other");
	}
	free(births.birth);
	tracee_free(tracee);
	ask(child, "drop(Plain, 1000)");
	ask(&other, "drop(Plain, 50)");
	came_and_went(second, &other, second_plain, 350, "in the other, when the one is not traced any more");
	check(child_end(&other) == 0, "the other ends in good order");
	check(tracee_state(second).deaths >= 350, "its hits stay when it has ended");
	stream_close(stream);
}

/* Nothing of a tracee is left for the next with its number. */
static void again(struct child *child)
{
	uint64_t plain = type_named(child, "Plain");
	struct stream *stream = open_stream();
	struct tracee *tracee = trace_all(stream, child);
	struct stream_objects objects = {0};
	struct alloc_probe_state state;
	struct stream_counts counts;
	struct error error = {0};

	tracee_sample(tracee, 1, true);
	ask(child, "keep(Plain, 100) + drop(Undead, 100)");
	tracee_free(tracee);
	tracee = new_tracee(stream, child);
	counts = read_counts(tracee);
	equal(counts.n, 0, "rows");
	stream_counts_free(&counts);
	state = tracee_state(tracee);
	equal(state.births + state.made + state.deaths, 0, "hits");
	if (tracee_objects(tracee, STREAM_LIVE, &objects, &error) < 0)
		die("%s", error.text);
	equal(objects.count, 0, "live objects");
	if (tracee_objects(tracee, STREAM_FINALIZED, &objects, &error) < 0)
		die("%s", error.text);
	equal(objects.count, 0, "finalized objects");
	stream_objects_free(&objects);
	ask(child, "drop(Plain, 100)");
	state = tracee_state(tracee);
	equal(state.births + state.made + state.deaths, 0, "hits of what is not attached any more");
	tracee_free(tracee);
	/* As often as there are interpreters that can be watched, and more. */
	for (int i = 0; i < ALLOC_PROBE_MAX_LISTS + 10; i++) {
		uint64_t watched = child->watched + 8 * (uint64_t)i;

		tracee = new_tracee(stream, child);
		if (tracee_set_tail(tracee, &(struct stream_list){.watched = watched}, 0, &error) < 0) {
			check(false, "list %d: %s", i, error.text);
			break;
		}
		tracee_free(tracee);
	}
	tracee = trace_all(stream, child);
	ask(child, "drop(Plain, 200)");
	came_and_went(tracee, child, plain, 200, "by the next");
	stream_close(stream);
}

static void too_many(struct child *child)
{
	struct tracee *tracees[ALLOC_PROBE_MAX_PROCESSES];
	struct stream *stream = open_stream();
	struct error error = {0};

	for (size_t i = 0; i < ALLOC_PROBE_MAX_PROCESSES; i++)
		tracees[i] = new_tracee(stream, child);
	check(!tracee_new(stream, &child->config, &error), "one too many");
	check(error.code == ERROR_FAILED && strstr(error.text, "too many"), "said so: %s", error.text);
	tracee_free(tracees[17]);
	tracees[17] = trace_all(stream, child);
	ask(child, "drop(Plain, 60)");
	came_and_went(tracees[17], child, type_named(child, "Plain"), 60, "where there was room again");
	stream_close(stream);
}

/* Two streams on one process see the same, and neither minds when the other ends. */
static void two_streams(struct child *child)
{
	uint64_t plain = type_named(child, "Plain");
	struct stream *first = open_stream(), *second = open_stream();
	struct tracee *one = trace_all(first, child), *two = trace_all(second, child);

	ask(child, "drop(Plain, 3000)");
	came_and_went(one, child, plain, 3000, "by one");
	came_and_went(two, child, plain, 3000, "by the other");
	stream_close(first);
	ask(child, "drop(Plain, 500)");
	came_and_went(two, child, plain, 3500, "when one has ended");
	check(is_patched(child, site_of(child, "Plain")), "the probe stays for the other");
	stream_close(second);
	check(!is_patched(child, site_of(child, "Plain")), "until it has ended, too");
}

/* A tracer that is killed leaves a process that runs on, and nothing stays in the next one's way. */
static void killed(struct child *child)
{
	uint64_t plain = type_named(child, "Plain");
	const struct probe_site *site = site_of(child, "Plain");
	struct stream *stream;
	struct tracee *tracee;
	int ready[2], status;
	char byte;
	pid_t tracer;

	fflush(stdout);
	if (pipe(ready) || (tracer = fork()) < 0)
		die("starting a tracer");
	if (!tracer) {
		trace_all(open_stream(), child);
		fflush(stdout);
		status = (int)write(ready[1], "", 1);
		pause();
		_exit(status);
	}
	close(ready[1]);
	check(read(ready[0], &byte, 1) == 1, "a tracer is attached");
	check(is_patched(child, site), "there is a probe in the process");
	ask(child, "drop(Plain, 1000)");
	kill(tracer, SIGKILL);
	waitpid(tracer, &status, 0);
	check(ask(child, "drop(Plain, 1000)") == 1000, "the process goes on");
	for (int i = 0; i < 10000 && is_patched(child, site); i++)
		usleep(1000);
	check(!is_patched(child, site), "there is no probe any more");
	stream = open_stream();
	tracee = trace_all(stream, child);
	ask(child, "drop(Plain, 700)");
	came_and_went(tracee, child, plain, 700, "in the next stream");
	stream_close(stream);
}

/* --- what cannot be --- */

/* Answers a system call, of bpf(2) one command or all where it is -1, with an error from here on. */
static void refuse(uint32_t number, int command_number, int code)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | (command_number < 0 ? BPF_JGE : BPF_JEQ) | BPF_K,
			command_number < 0 ? 0 : (uint32_t)command_number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)code),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog all = {sizeof(filter) / sizeof(filter[0]), filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all))
		die("seccomp");
}

static void says(const struct error *error, enum error_code code, const char *words)
{
	check(error->code == code, "error code %d", error->code);
	check(strstr(error->text, words) != NULL, "names %s: %s", words, error->text);
}

static void no_stream(const char *words)
{
	struct error error = {0};
	struct stream *stream = stream_open(&error);

	check(!stream, "no stream");
	says(&error, ERROR_FAILED, words);
	stream_close(stream);
}

static void no_bpf(struct child *child)
{
	(void)child;
	refuse(SYS_bpf, -1, ENOSYS);
	no_stream("no BPF");
}

static void forbidden_bpf(struct child *child)
{
	(void)child;
	refuse(SYS_bpf, -1, EPERM);
	no_stream("seccomp");
}

static void keep_capabilities(uint64_t set)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {
		{.effective = (uint32_t)set, .permitted = (uint32_t)set},
		{.effective = (uint32_t)(set >> 32), .permitted = (uint32_t)(set >> 32)},
	};

	if (syscall(SYS_capset, &header, data))
		die("capset");
}

static void no_capabilities(struct child *child)
{
	(void)child;
	keep_capabilities(0);
	no_stream("CAP_BPF and CAP_PERFMON");
}

static void only_cap_bpf(struct child *child)
{
	(void)child;
	keep_capabilities(1ULL << CAP_BPF);
	no_stream("CAP_PERFMON is missing");
}

static void only_cap_perfmon(struct child *child)
{
	(void)child;
	keep_capabilities(1ULL << CAP_PERFMON);
	no_stream("CAP_BPF is missing");
}

/* No breakpoint for an address, and why not. */
static void no_breakpoint(struct tracee *tracee, const struct stream_list *watched, size_t count, const char *words)
{
	size_t before = descriptors("pos:");
	struct error error = {0};

	check(tracee_watch_births(tracee, watched, count, 0, &error) < 0, "no breakpoint");
	says(&error, ERROR_FAILED, words);
	equal(descriptors("pos:"), before, "descriptors left open");
}

/* A processor has four. */
static void taken_breakpoints(struct child *child)
{
	uint64_t plain = type_named(child, "Plain");
	struct stream_list watched[16] = {0};
	struct stream *stream = open_stream();
	struct tracee *tracee = trace_all(stream, child), *greedy = new_tracee(stream, child);

	for (size_t i = 0; i < 16; i++)
		watched[i].watched = child->watched + 8 * i;
	no_breakpoint(greedy, watched, 16, "all hardware breakpoints are taken");
	set_tail(tracee, child); /* the other has said that it is its own */
	ask(child, "drop(Plain, 800)");
	came_and_went(tracee, child, plain, 800, "by who was there first");
	stream_close(stream);
}

static void forbidden_breakpoints(struct child *child)
{
	struct stream *stream = open_stream();
	struct tracee *tracee = new_tracee(stream, child);

	refuse(SYS_perf_event_open, -1, EPERM);
	no_breakpoint(tracee, &(struct stream_list){.watched = child->watched}, 1, "seccomp");
	stream_close(stream);
}

static void no_breakpoints(struct child *child)
{
	struct stream *stream = open_stream();
	struct tracee *tracee = new_tracee(stream, child);

	refuse(SYS_perf_event_open, -1, ENODEV);
	no_breakpoint(tracee, &(struct stream_list){.watched = child->watched}, 1, "offers no hardware breakpoints");
	stream_close(stream);
}

static void no_deaths(struct tracee *tracee, const struct stream_site *site, enum error_code code, const char *words)
{
	struct error error = {0};
	bool refused = false;

	check(tracee_trace_deaths(tracee, site, 1, &refused, &error) < 0, "no site");
	says(&error, code, words);
}

/* The file outlives the process, so that it is the attaching that finds out. */
static void ended(struct child *child)
{
	struct stream *stream = open_stream();
	struct tracee *tracee = new_tracee(stream, child);
	struct stream_site site = {.path = "/proc/self/exe", .file_offset = 0x1000};
	struct error error = {0};
	siginfo_t info;

	kill(child->pid, SIGKILL);
	waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOWAIT);
	no_deaths(tracee, &site, ERROR_TARGET_ENDED, "has ended"); /* a zombie */
	waitpid(child->pid, NULL, 0);
	no_deaths(tracee, &site, ERROR_TARGET_ENDED, "has ended");
	check(tracee_watch_births(tracee, &(struct stream_list){child->watched, child->config.holder}, 1, 0, &error) <
			0,
		"no births");
	says(&error, ERROR_TARGET_ENDED, "has ended");
	stream_close(stream);
}

/* It goes while it is traced: what was counted stays. */
static void ends(struct child *child)
{
	uint64_t plain = type_named(child, "Plain");
	struct stream *stream = open_stream();
	struct tracee *tracee = trace_all(stream, child);

	ask(child, "drop(Plain, 400)");
	kill(child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
	came_and_went(tracee, child, plain, 400, "in a process that is gone");
	tracee_free(tracee);
	stream_close(stream);
}

static void no_such_file(struct child *child)
{
	struct stream *stream = open_stream();
	struct tracee *tracee = new_tracee(stream, child);
	struct stream_site site = as_stream_site(site_of(child, "Plain"));
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/map_files/1-2", child->pid);
	site.path = path;
	no_deaths(tracee, &site, ERROR_FAILED, path);
	stream_close(stream);
}

/* The offset in the file of a byte that begins no instruction, on a page that the process has mapped. */
static uint64_t no_instruction(const char *path)
{
	unsigned char page[4096] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	/* 06, push es, is none in 64-bit code; the type of the first program header (PT_PHDR) is 6. */
	if (fd < 0 || pread(fd, page, sizeof(page), 0) != (ssize_t)sizeof(page))
		die("%s", path);
	close(fd);
	for (uint64_t i = 64; i < sizeof(page); i++) {
		if (page[i] == 0x06)
			return i;
	}
	die("no byte 06 in the first page of %s", path);
}

/* The kernel takes some sites and not others: they are named, and the others count. */
static void refused_sites(struct child *child)
{
	struct stream_site good = as_stream_site(site_of(child, "Plain"));
	uint64_t plain = type_named(child, "Plain");
	struct stream_site sites[] = {
		{.path = good.path, .file_offset = UINT64_C(1) << 40}, /* beyond the end */
		good,
		{.path = good.path, .file_offset = no_instruction(good.path)},
		{.path = "/nonexistent", .file_offset = 0x1000},
	};
	bool refused[4] = {false};
	struct stream *stream = open_stream();
	struct tracee *tracee = new_tracee(stream, child);
	struct error error = {0};

	equal((uint64_t)tracee_trace_deaths(tracee, sites, 4, refused, &error), 3, "sites refused");
	check(refused[0] && !refused[1] && refused[2] && refused[3], "the right ones");
	ask(child, "drop(Plain, 900)");
	equal(read_count(tracee, plain).deaths, 900, "deaths at the other");
	tracee_untrace_deaths(tracee);
	ask(child, "drop(Plain, 900)");
	equal(read_count(tracee, plain).deaths, 900, "deaths when it is over");
	no_deaths(tracee, &sites[0], ERROR_FAILED, "no uprobe at byte 0x10000000000");
	equal((uint64_t)tracee_trace_deaths(tracee, sites, 0, NULL, &error), 0, "of no sites refused");
	check(tracee_trace_deaths(tracee, &sites[2], 2, NULL, &error) < 0, "all refused is an error");
	stream_close(stream);
}

/* Not a question to the code under test: a stream that fails to open where BPF is there must fail its test. */
static bool kernel_can(void)
{
	union bpf_attr attr = {0};

	if (syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)) < 0 && errno == ENOSYS)
		return false;
	return access("/sys/bus/event_source/devices/uprobe/type", F_OK) == 0;
}

#define NEEDS_BIRTHS 1u
#define KILLS 2u /* the target */

static const struct {
	const char *name;
	void (*run)(struct child *child);
	unsigned int flags;
} cases[] = {
	{"exact", exact, 0},
	{"rows", rows, 0},
	{"subclass", subclass, 0},
	{"threads", threads, 0},
	{"forked", forked, 0},
	{"overflow", overflow, 0},
	{"tail", tail, NEEDS_BIRTHS},
	{"collected", collected, NEEDS_BIRTHS},
	{"lives", lives, 0},
	{"highest", highest, NEEDS_BIRTHS},
	{"samples", samples, NEEDS_BIRTHS},
	{"share", share, NEEDS_BIRTHS},
	{"full-ring", full_ring, NEEDS_BIRTHS},
	{"live", live, NEEDS_BIRTHS},
	{"finalized", finalized, NEEDS_BIRTHS},
	{"allowance", allowance, 0},
	{"made", made, 0},
	{"instances", instances, 0},
	{"wanted", wanted, 0},
	{"spent", spent, 0},
	{"several", several, 0},
	{"again", again, 0},
	{"too-many", too_many, 0},
	{"two-streams", two_streams, 0},
	{"killed", killed, 0},
	{"no-bpf", no_bpf, 0},
	{"forbidden-bpf", forbidden_bpf, 0},
	{"no-capabilities", no_capabilities, 0},
	{"only-cap-bpf", only_cap_bpf, 0},
	{"only-cap-perfmon", only_cap_perfmon, 0},
	{"taken-breakpoints", taken_breakpoints, NEEDS_BIRTHS},
	{"forbidden-breakpoints", forbidden_breakpoints, 0},
	{"no-breakpoints", no_breakpoints, 0},
	{"ended", ended, KILLS},
	{"ends", ends, KILLS},
	{"no-such-file", no_such_file, 0},
	{"refused-sites", refused_sites, 0},
};

static int run(size_t i)
{
	struct child child;
	int status;

	child_start(&child, command);
	if (cases[i].flags & NEEDS_BIRTHS && !child.births) {
		puts(child.lists ? "1..0 # SKIP this machine delivers no hardware breakpoints"
				 : "1..0 # SKIP this version's lists do not tell births");
		child_end(&child);
		return CHECK_SKIPPED;
	}
	cases[i].run(&child);
	status = child_end(&child);
	if (!(cases[i].flags & KILLS))
		check(status == 0, "Python ends in good order");
	return checks_end();
}

int main(int argc, char **argv)
{
	for (; argc > 2 && strncmp(argv[1], "--", 2) == 0; argc -= 2, argv += 2) {
		if (strcmp(argv[1], "--by") == 0)
			way = argv[2];
		else if (strcmp(argv[1], "--kernel") == 0)
			kernel = argv[2];
	}
	if (argc < 3) {
		fprintf(stderr, "usage: test_stream [--by WAY] [--kernel AGE] CASE PYTHON [ARGUMENT...]\n");
		return 2;
	}
	if (!kernel_can()) {
		puts("1..0 # SKIP this kernel has no BPF or no uprobes");
		return CHECK_SKIPPED;
	}
	signal(SIGPIPE, SIG_IGN);
	command = argv + 2;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(cases[i].name, argv[1]) == 0)
			return run(i);
	}
	fprintf(stderr, "no such case: %s\n", argv[1]);
	return 2;
}
