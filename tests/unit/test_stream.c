// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_stream [--per-site] [--by WAY] CASE PYTHON [ARGUMENT...]: the stream against a real interpreter, which says
 * itself how much it did. tests/stream.bats runs the cases. --per-site asks for the older way to attach; every stream
 * must have been attached by WAY, where it is given.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "stream.h"

/* In every 64-bit release that is not free-threaded. */
#define OB_TYPE 8
#define TP_DEALLOC 48

/* Evaluates each line that it is sent and prints the result, an integer. */
static const char program[] = "import gc, os, queue, sys, threading\n"
			      "gc.disable()\n"
			      "class Plain: pass\n"
			      "class Other: pass\n"
			      "class Mapping(dict): pass\n"
			      "def drop(cls, n):\n"
			      "    for _ in range(n): cls()\n"
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
			      "def drop_each(n):\n"
			      "    for t in classes: t()\n"
			      "    return n\n"
			      "def make_classes(n):\n"
			      "    global classes\n"
			      "    classes = [type('T', (), {'__slots__': ()}) for _ in range(n)]\n"
			      "    return n\n"
			      "while True:\n"
			      "    line = sys.stdin.readline()\n"
			      "    if not line: break\n"
			      "    print(int(eval(line)))\n"
			      "    sys.stdout.flush()\n";

struct python {
	pid_t pid;
	FILE *to, *from;
};

struct site {
	char path[128];
	struct stream_site stream;
};

static bool per_site; /* --per-site */
static const char *way; /* --by */

static _Noreturn void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct python python_start(char **command)
{
	struct python python;
	int to[2], from[2];
	char *argv[16];
	size_t n = 0;

	while (command[n] && n < 13) {
		argv[n] = command[n];
		n++;
	}
	argv[n++] = "-c";
	argv[n++] = (char *)program;
	argv[n] = NULL;
	if (pipe(to) || pipe(from) || (python.pid = fork()) < 0)
		die("starting Python");
	if (!python.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(to[0], 0);
		dup2(from[1], 1);
		for (int fd = 3; fd < 64; fd++)
			close(fd);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	python.to = fdopen(to[1], "w");
	python.from = fdopen(from[0], "r");
	return python;
}

static uint64_t ask(struct python *python, const char *expression)
{
	uint64_t answer;

	fprintf(python->to, "%s\n", expression);
	fflush(python->to);
	if (fscanf(python->from, "%" SCNu64, &answer) != 1)
		die(expression);
	return answer;
}

/* 0 if it ended by itself and in good order. */
static int python_end(struct python *python)
{
	int status;

	fclose(python->to);
	waitpid(python->pid, &status, 0);
	fclose(python->from);
	return status;
}

/* Where the deallocation function of a type is: read from its slot, then looked up in the maps. */
static struct site site_of(const struct python *python, uint64_t type)
{
	struct site site = {.stream = {.pid = python->pid,
				    .object_type_offset = OB_TYPE,
				    .type_dealloc_offset = TP_DEALLOC,
				    .per_site_only = per_site}};
	uint64_t start, end, offset, *address = &site.stream.address;
	struct iovec local = {address, sizeof(*address)}, remote = {(void *)(type + TP_DEALLOC), sizeof(*address)};
	char name[64], line[512];
	FILE *maps;

	if (process_vm_readv(python->pid, &local, 1, &remote, 1, 0) != sizeof(*address))
		die("reading tp_dealloc");
	snprintf(name, sizeof(name), "/proc/%d/maps", python->pid);
	maps = fopen(name, "r");
	if (!maps)
		die(name);
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64, &start, &end, &offset) == 3 &&
			start <= *address && *address < end) {
			snprintf(site.path, sizeof(site.path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, python->pid,
				start, end);
			site.stream.file_offset = *address - start + offset;
		}
	fclose(maps);
	return site;
}

static struct stream *open_or_die(struct site *site)
{
	struct error error = {0};
	struct stream *stream;

	site->stream.path = site->path;
	stream = stream_open(&site->stream, &error);
	if (!stream) {
		printf("Bail out! %s\n", error.text);
		exit(1);
	}
	if (way)
		check(strcmp(stream_attached_by(stream), way) == 0, "by %s: %s", way, stream_attached_by(stream));
	return stream;
}

static struct stream_counts read_or_die(struct stream *stream)
{
	struct stream_counts counts = {0};
	struct error error = {0};

	if (stream_read_deaths(stream, &counts, &error) < 0) {
		printf("Bail out! %s\n", error.text);
		exit(1);
	}
	return counts;
}

static uint64_t deaths_of(const struct stream_counts *counts, uint64_t type)
{
	for (size_t i = 0; i < counts->n; i++)
		if (counts->rows[i].type == type)
			return counts->rows[i].deaths;
	return 0;
}

static uint64_t read_deaths(struct stream *stream, uint64_t type)
{
	struct stream_counts counts = read_or_die(stream);
	uint64_t deaths = deaths_of(&counts, type);

	if (counts.lost)
		check(false, "%" PRIu64 " lost", counts.lost);
	stream_counts_free(&counts);
	return deaths;
}

static bool equal(uint64_t seen, uint64_t true_number, const char *what)
{
	return check(seen == true_number, "%s: %" PRIu64 " of %" PRIu64, what, seen, true_number);
}

static void exact(struct python *python)
{
	uint64_t plain = ask(python, "id(Plain)"), other = ask(python, "id(Other)"), sum, before;
	struct site site = site_of(python, plain);
	struct stream *stream;

	before = ask(python, "drop(Plain, 1000)");
	check(before == 1000, "deaths before the stream");
	stream = open_or_die(&site);
	equal(read_deaths(stream, plain), 0, "deaths before the first");
	sum = ask(python, "drop(Plain, 100000)");
	ask(python, "drop(Other, 5000)");
	equal(read_deaths(stream, plain), sum, "deaths of one class");
	equal(read_deaths(stream, other), 5000, "deaths of another");
	sum += ask(python, "drop(Plain, 1)");
	equal(read_deaths(stream, plain), sum, "deaths add up");
	equal(read_deaths(stream, plain), sum, "reading changes nothing");
	stream_close(stream);
	check(ask(python, "drop(Plain, 1000)") == 1000, "the process goes on without the stream");
}

/*
 * dict's own deallocator sees instances of subclasses pass on their second way. Evaluating an expression makes a few
 * dicts itself, always as many.
 */
static void subclass(struct python *python)
{
	uint64_t dict = ask(python, "id(dict)"), mapping = ask(python, "id(Mapping)"), before, own_dicts;
	struct site base = site_of(python, dict), own = site_of(python, mapping);
	struct stream *at_base, *at_own;

	check(base.stream.address != own.stream.address, "two sites");
	at_base = open_or_die(&base);
	at_own = open_or_die(&own);
	ask(python, "drop(dict, 1)");
	before = read_deaths(at_base, dict);
	ask(python, "drop(dict, 1)");
	own_dicts = read_deaths(at_base, dict) - before - 1;
	before += own_dicts + 1;
	ask(python, "drop(dict, 3000)");
	equal(read_deaths(at_base, dict) - before - own_dicts, 3000, "base at its own site");
	before = read_deaths(at_base, dict);
	ask(python, "drop(Mapping, 2000)");
	equal(read_deaths(at_own, mapping), 2000, "subclass at its own site");
	equal(read_deaths(at_base, mapping), 0, "subclass at the base's site");
	equal(read_deaths(at_own, dict), 0, "base at the subclass's site");
	check(read_deaths(at_base, dict) - before < 1000, "nor do subclass instances count as the base's");
	stream_close(at_base);
	stream_close(at_own);
}

static void threads(struct python *python)
{
	uint64_t plain = ask(python, "id(Plain)"), sum;
	struct site site = site_of(python, plain);
	struct stream *stream;

	ask(python, "make_servers(8)");
	stream = open_or_die(&site);
	sum = ask(python, "drop_in_servers(Plain, 500, 40)");
	equal(read_deaths(stream, plain), sum, "deaths in threads born before the probe");
	sum += ask(python, "drop_in_threads(Plain, 2000, 20)");
	equal(read_deaths(stream, plain), sum, "deaths in threads born after the probe");
	sum += ask(python, "drop(Plain, 300)");
	equal(read_deaths(stream, plain), sum, "deaths in the main thread");
	stream_close(stream);
}

static void forked(struct python *python)
{
	uint64_t plain = ask(python, "id(Plain)");
	struct site site = site_of(python, plain);
	struct stream *stream = open_or_die(&site);

	ask(python, "drop(Plain, 100)");
	check(ask(python, "drop_in_child(Plain, 5000)") == 0, "the child ends well");
	equal(read_deaths(stream, plain), 100, "deaths without those of a forked child");
	ask(python, "drop(Plain, 10)");
	equal(read_deaths(stream, plain), 110, "deaths in the parent afterwards");
	stream_close(stream);
}

/* More types than the map holds. */
static void overflow(struct python *python)
{
	const uint64_t types = 70000, room = 65536;
	struct site site = site_of(python, ask(python, "id(Plain)"));
	uint64_t sum = 0, disorder = 0;
	struct stream_counts counts;
	struct stream *stream;

	ask(python, "make_classes(70000)");
	stream = open_or_die(&site);
	ask(python, "drop_each(70000)");
	counts = read_or_die(stream);
	for (size_t i = 0; i < counts.n; i++) {
		sum += counts.rows[i].deaths;
		disorder += i && counts.rows[i].type <= counts.rows[i - 1].type;
	}
	equal(counts.n, room, "types with a row");
	equal(counts.lost, types - room, "deaths counted as lost");
	equal(sum + counts.lost, types, "every death is in a row or lost");
	equal(disorder, 0, "rows out of order");
	stream_counts_free(&counts);
	stream_close(stream);
}

/* Answers one kind of bpf(2) call, or all of them where command is -1, with an error from here on. */
static void refuse_bpf(int command, int code)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(
			BPF_JMP | (command < 0 ? BPF_JGE : BPF_JEQ) | BPF_K, command < 0 ? 0 : (uint32_t)command, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)code),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog all = {sizeof(filter) / sizeof(filter[0]), filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all))
		die("seccomp");
}

/* As kernels before 6.6 answer, which do not know this kind of link. */
static void no_multi(struct python *python)
{
	uint64_t plain = ask(python, "id(Plain)");
	struct site site = site_of(python, plain);
	struct stream *stream;

	refuse_bpf(BPF_LINK_CREATE, EINVAL);
	stream = open_or_die(&site);
	check(strcmp(stream_attached_by(stream), "uprobe") == 0, "attached by %s", stream_attached_by(stream));
	ask(python, "drop(Plain, 300)");
	equal(read_deaths(stream, plain), 300, "deaths");
	stream_close(stream);
}

static void no_batches(struct python *python)
{
	struct site site = site_of(python, ask(python, "id(Plain)"));
	uint64_t plain = ask(python, "id(Plain)"), other = ask(python, "id(Other)");
	struct stream *stream = open_or_die(&site);

	ask(python, "drop(Plain, 300)");
	ask(python, "drop(Other, 200)");
	refuse_bpf(BPF_MAP_LOOKUP_BATCH, 524 /* ENOTSUPP, as kernels before 5.6 answer */);
	equal(read_deaths(stream, plain), 300, "deaths of one class");
	equal(read_deaths(stream, other), 200, "deaths of another");
	stream_close(stream);
}

static void expect_error(struct site *site, enum error_code code, const char *words)
{
	struct error error = {0};
	struct stream *stream;

	site->stream.path = site->path;
	stream = stream_open(&site->stream, &error);
	check(!stream, "no stream");
	check(error.code == code, "error code %d", error.code);
	check(strstr(error.text, words) != NULL, "names %s: %s", words, error.text);
	stream_close(stream);
}

static void no_bpf(struct python *python)
{
	struct site site = site_of(python, ask(python, "id(Plain)"));

	refuse_bpf(-1, ENOSYS);
	expect_error(&site, ERROR_FAILED, "no BPF");
}

static void forbidden_bpf(struct python *python)
{
	struct site site = site_of(python, ask(python, "id(Plain)"));

	refuse_bpf(-1, EPERM);
	expect_error(&site, ERROR_FAILED, "seccomp");
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

static void no_capabilities(struct python *python)
{
	struct site site = site_of(python, ask(python, "id(Plain)"));

	keep_capabilities(0);
	expect_error(&site, ERROR_FAILED, "CAP_BPF and CAP_PERFMON");
}

static void only_cap_bpf(struct python *python)
{
	struct site site = site_of(python, ask(python, "id(Plain)"));

	keep_capabilities(1ULL << CAP_BPF);
	expect_error(&site, ERROR_FAILED, "CAP_PERFMON is missing");
}

static void only_cap_perfmon(struct python *python)
{
	struct site site = site_of(python, ask(python, "id(Plain)"));

	keep_capabilities(1ULL << CAP_PERFMON);
	expect_error(&site, ERROR_FAILED, "CAP_BPF is missing");
}

static void ended(struct python *python)
{
	struct site site = site_of(python, ask(python, "id(Plain)"));
	siginfo_t info;

	/* The file outlives the process, so that it is the attaching that finds out. */
	snprintf(site.path, sizeof(site.path), "/proc/self/exe");
	site.stream.file_offset = 0x1000;
	kill(python->pid, SIGKILL);
	waitid(P_PID, (id_t)python->pid, &info, WEXITED | WNOWAIT);
	expect_error(&site, ERROR_TARGET_ENDED, "has ended"); /* a zombie */
	waitpid(python->pid, NULL, 0);
	expect_error(&site, ERROR_TARGET_ENDED, "has ended");
}

static void beyond_the_file(struct python *python)
{
	struct site site = site_of(python, ask(python, "id(Plain)"));

	site.stream.file_offset = 1ULL << 40;
	expect_error(&site, ERROR_FAILED, "has no byte");
}

static void no_such_file(struct python *python)
{
	struct site site = site_of(python, ask(python, "id(Plain)"));

	snprintf(site.path, sizeof(site.path), "/proc/%d/map_files/1-2", python->pid);
	expect_error(&site, ERROR_FAILED, "cannot read");
}

/* A tracer that is killed leaves a process that runs on, and nothing stays in the next one's way. */
static void killed(struct python *python)
{
	uint64_t plain = ask(python, "id(Plain)");
	struct site site = site_of(python, plain);
	struct stream *stream;
	int ready[2], status;
	char byte;
	pid_t tracer;

	if (pipe(ready) || (tracer = fork()) < 0)
		die("starting a tracer");
	if (!tracer) {
		open_or_die(&site);
		status = (int)write(ready[1], "", 1);
		pause();
		_exit(status);
	}
	check(read(ready[0], &byte, 1) == 1, "a tracer is attached");
	ask(python, "drop(Plain, 1000)");
	kill(tracer, SIGKILL);
	waitpid(tracer, &status, 0);
	check(ask(python, "drop(Plain, 1000)") == 1000, "the process goes on");
	stream = open_or_die(&site);
	ask(python, "drop(Plain, 700)");
	equal(read_deaths(stream, plain), 700, "deaths in the next stream");
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

static const struct {
	const char *name;
	void (*run)(struct python *python);
	bool kills; /* the target */
} cases[] = {
	{"exact", exact, false},
	{"subclass", subclass, false},
	{"threads", threads, false},
	{"forked", forked, false},
	{"overflow", overflow, false},
	{"no-multi", no_multi, false},
	{"no-batches", no_batches, false},
	{"no-bpf", no_bpf, false},
	{"forbidden-bpf", forbidden_bpf, false},
	{"no-capabilities", no_capabilities, false},
	{"only-cap-bpf", only_cap_bpf, false},
	{"only-cap-perfmon", only_cap_perfmon, false},
	{"ended", ended, true},
	{"beyond-the-file", beyond_the_file, false},
	{"no-such-file", no_such_file, false},
	{"killed", killed, false},
};

int main(int argc, char **argv)
{
	struct python python;

	if (argc > 1 && strcmp(argv[1], "--per-site") == 0) {
		per_site = true;
		argv++;
		argc--;
	}
	if (argc > 2 && strcmp(argv[1], "--by") == 0) {
		way = argv[2];
		argv += 2;
		argc -= 2;
	}
	if (argc < 3) {
		fprintf(stderr, "usage: test_stream [--per-site] [--by WAY] CASE PYTHON [ARGUMENT...]\n");
		return 2;
	}
	if (!kernel_can()) {
		puts("1..0 # SKIP this kernel has no BPF or no uprobes");
		return CHECK_SKIPPED;
	}
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(cases[i].name, argv[1]) != 0)
			continue;
		python = python_start(argv + 2);
		cases[i].run(&python);
		if (!cases[i].kills)
			check(python_end(&python) == 0, "Python ends in good order");
		return checks_end();
	}
	fprintf(stderr, "no such case: %s\n", argv[1]);
	return 2;
}
