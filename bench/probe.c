// SPDX-License-Identifier: BSD-2-Clause
/*
 * What bench/stream asks the kernel of a run of objgraph-trace, process PID.
 *
 *   probe sites PID
 *     Where it has uprobes, as BPF links, and hardware breakpoints; one line each:
 *     "multi|perf PROGRAM OFFSET PATH" or "watch birth ADDRESS -".
 *
 *   probe attach TARGET < SITES
 *   probe read TARGET < SITES
 *     Attaches an empty program at sites printed by `probe sites`, in process TARGET; or one that reads one word of the
 *     target's memory: the first argument's, or the one that is watched.
 *     Prints "attached" after the empty line that ends them, and stays until standard input ends.
 *
 *   probe programs PID
 *     For each line on standard input "NAME RUNS NANOSECONDS" for each of its BPF programs, then an empty line.
 *     The kernel counts while this runs, and takes some 30 ns a run for it.
 *
 *   probe first
 *     Prints "ready", reads the PID, and prints two moments of CLOCK_MONOTONIC in seconds: when it had described its
 *     target to the BPF programs, and when the first event of that was counted; "nan nan" after 10 s.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/bpf_perf_event.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>

#include "alloc_probe.h"

#define MOST_SITES 4096

/* Of linux/bpf.h, which may be older than the kernel. */
enum { COMMAND_LINK_CREATE = 28, COMMAND_OBJECT_INFO = 15 };
enum { LINK_PERF_EVENT = 7, LINK_UPROBE_MULTI = 12 };
enum { PERF_EVENT_UPROBE = 1 };
enum { ATTACH_UPROBE_MULTI = 48 };

struct link_create {
	uint32_t program, target, type, flags;
	uint64_t path, offsets, reference_counters, cookies;
	uint32_t count, multi_flags, pid, padding;
};

struct link_info {
	uint32_t type, id, program, padding;
	union {
		struct {
			uint64_t path, offsets, reference_counters, cookies;
			uint32_t path_size, count, flags, pid;
		} multi;
		struct {
			uint32_t type, padding;
			uint64_t path;
			uint32_t path_size, offset;
			uint64_t cookie, reference_counter;
		} perf;
	};
};

struct object_info {
	uint32_t fd, size;
	uint64_t info;
};

struct place {
	enum { MULTI, PERF, WATCH } kind;
	uint64_t offset;
	char path[4096];
};

static void die(const char *what)
{
	fprintf(stderr, "probe: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long bpf(int command, void *attributes, size_t size)
{
	return syscall(SYS_bpf, command, attributes, size);
}

/* Calls with a field of each file that process pid has open and whose fdinfo has it. */
static void for_each_id(pid_t pid, const char *field, void (*call)(uint32_t id))
{
	char folder[64], name[512], line[4096], pattern[64];
	struct dirent *entry;
	uint32_t id;
	DIR *files;

	snprintf(folder, sizeof(folder), "/proc/%d/fdinfo", pid);
	snprintf(pattern, sizeof(pattern), "%s: %%" SCNu32, field);
	files = opendir(folder);
	if (!files)
		die(folder);
	while ((entry = readdir(files))) {
		FILE *file;

		snprintf(name, sizeof(name), "%s/%s", folder, entry->d_name);
		file = fopen(name, "re");
		while (file && fgets(line, sizeof(line), file)) {
			if (sscanf(line, pattern, &id) == 1)
				call(id);
		}
		if (file)
			fclose(file);
	}
	closedir(files);
}

static void link_info(int fd, struct link_info *info)
{
	struct object_info attributes = {.fd = (uint32_t)fd, .size = sizeof(*info), .info = (uintptr_t)info};

	if (bpf(COMMAND_OBJECT_INFO, &attributes, sizeof(attributes)))
		die("link info");
}

static bool program_info(uint32_t id, struct bpf_prog_info *info)
{
	uint32_t size = sizeof(*info);
	int fd = bpf_prog_get_fd_by_id(id);
	bool found;

	*info = (struct bpf_prog_info){0};
	found = fd >= 0 && bpf_obj_get_info_by_fd(fd, info, &size) == 0;
	if (fd >= 0)
		close(fd);
	return found;
}

static void print_link(uint32_t id)
{
	static uint64_t offsets[MOST_SITES];
	static char path[4096];
	struct bpf_prog_info program;
	struct link_info info = {0};
	int fd = bpf_link_get_fd_by_id(id);

	if (fd < 0)
		return;
	link_info(fd, &info);
	if (!program_info(info.program, &program))
		die("the program of a link");
	/* The second time with room for what varies in size. */
	if (info.type == LINK_UPROBE_MULTI && info.multi.count <= MOST_SITES) {
		info.multi.path = (uintptr_t)path;
		info.multi.path_size = sizeof(path);
		info.multi.offsets = (uintptr_t)offsets;
		link_info(fd, &info);
		for (uint32_t i = 0; i < info.multi.count; i++)
			printf("multi %s %" PRIu64 " %s\n", program.name, offsets[i], path);
	} else if (info.type == LINK_PERF_EVENT && info.perf.type == PERF_EVENT_UPROBE) {
		info.perf.path = (uintptr_t)path;
		info.perf.path_size = sizeof(path);
		link_info(fd, &info);
		printf("perf %s %u %s\n", program.name, info.perf.offset, path);
	}
	close(fd);
}

/* What it watches is known from its table of lists alone, in which are words of processes that are gone, too. */
static void print_watched(uint32_t id)
{
	struct bpf_map_info info = {0};
	struct alloc_probe_list list;
	uint32_t size = sizeof(info);
	int fd = bpf_map_get_fd_by_id(id);

	if (fd < 0)
		return;
	if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && strcmp(info.name, "lists") == 0 &&
		info.value_size == sizeof(list)) {
		for (uint32_t i = 0; i < info.max_entries && bpf_map_lookup_elem(fd, &i, &list) == 0 && list.watched;
			i++) {
			if (list.process_id != UINT64_MAX)
				printf("watch birth %llu -\n", (unsigned long long)list.watched);
		}
	}
	close(fd);
}

static int enable_statistics(void)
{
	int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);

	if (fd < 0)
		die("BPF statistics");
	return fd;
}

/* The fdinfo of a link has its program's id, too. */
static struct {
	uint32_t id[64];
	size_t n;
} known;

static void add_program(uint32_t id)
{
	for (size_t i = 0; i < known.n; i++) {
		if (known.id[i] == id)
			return;
	}
	if (known.n < sizeof(known.id) / sizeof(known.id[0]))
		known.id[known.n++] = id;
}

static void print_programs(pid_t pid)
{
	struct bpf_prog_info info;

	known.n = 0;
	for_each_id(pid, "prog_id", add_program);
	for (size_t i = 0; i < known.n; i++) {
		if (program_info(known.id[i], &info) && info.name[0])
			printf("%s %llu %llu\n", info.name, (unsigned long long)info.run_cnt,
				(unsigned long long)info.run_time_ns);
	}
	puts("");
	fflush(stdout);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static struct found_map {
	int fd;
	const char *name;
	size_t value_size;
} found_map;

static void take_map(uint32_t id)
{
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);
	int fd = found_map.fd < 0 ? bpf_map_get_fd_by_id(id) : -1;

	if (fd < 0)
		return;
	if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && strcmp(info.name, found_map.name) == 0 &&
		info.value_size == found_map.value_size)
		found_map.fd = fd;
	else
		close(fd);
}

/* The map of that name of the process, -1 when there is none yet. */
static int map_named(pid_t pid, const char *name, size_t value_size)
{
	found_map = (struct found_map){.fd = -1, .name = name, .value_size = value_size};
	for_each_id(pid, "map_id", take_map);
	return found_map.fd;
}

/* Whether process number index is described; then also how many events it has had. */
static bool look(int processes, int states, uint32_t index, uint64_t *events)
{
	struct alloc_probe_process process;
	struct alloc_probe_state state;

	/* Of itself, with which it calibrates, the tool knows no list of the collector's. */
	if (bpf_map_lookup_elem(processes, &index, &process) || !process.young ||
		bpf_map_lookup_elem(states, &index, &state))
		return false;
	*events = state.births + state.made + state.deaths;
	return true;
}

static void first(void)
{
	const struct timespec pause = {.tv_nsec = 200000};
	int processes = -1, states = -1, pid;
	double described = 0, begin;
	uint64_t events = 0;

	puts("ready");
	fflush(stdout);
	if (scanf("%d", &pid) != 1)
		exit(1);
	begin = now();
	while (now() < begin + 10 && !events) {
		if (processes < 0)
			processes = map_named(pid, "processes", sizeof(struct alloc_probe_process));
		if (processes >= 0 && states < 0)
			states = map_named(pid, "states", sizeof(struct alloc_probe_state));
		for (uint32_t i = 0; i < 4 && states >= 0; i++) {
			if (look(processes, states, i, &events) && !described)
				described = now();
		}
		nanosleep(&pause, NULL);
	}
	if (events)
		printf("%.6f %.6f\n", described, now());
	else
		printf("nan nan\n");
}

static void programs(pid_t pid)
{
	char line[64];
	int fd = enable_statistics();

	while (fgets(line, sizeof(line), stdin))
		print_programs(pid);
	close(fd);
}

/* return 0; before that, with reads, bpf_probe_read_user() of the word that the event is about. */
static int bare_program(enum bpf_prog_type type, bool multi, bool reads)
{
	enum { PROBE_READ_USER = 112, WORD = 8 };
	const int16_t word = type == BPF_PROG_TYPE_PERF_EVENT ? (int16_t)offsetof(struct bpf_perf_event_data, addr)
							      : (int16_t)offsetof(bpf_user_pt_regs_t, rdi);
	const struct bpf_insn program[] = {
		{.code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_3, .src_reg = BPF_REG_1, .off = word},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = WORD},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_10},
		{.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_1, .imm = -WORD},
		{.code = BPF_JMP | BPF_CALL, .imm = PROBE_READ_USER},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	const size_t all = sizeof(program) / sizeof(program[0]), skipped = reads ? 0 : all - 2;
	LIBBPF_OPTS(bpf_prog_load_opts, options,
		.expected_attach_type = multi ? (enum bpf_attach_type)ATTACH_UPROBE_MULTI : 0);
	int fd = bpf_prog_load(type, "bare", "Dual BSD/GPL", program + skipped, all - skipped, &options);

	if (fd < 0)
		die("a bare BPF program");
	return fd;
}

/* All sites of a file in one link, as that is what uprobe_multi is for. */
static void attach_multi(int program, pid_t pid, const struct place *site, const uint64_t *offsets, uint32_t count)
{
	struct link_create attributes = {
		.program = (uint32_t)program,
		.type = ATTACH_UPROBE_MULTI,
		.path = (uintptr_t)site->path,
		.offsets = (uintptr_t)offsets,
		.count = count,
		.pid = (uint32_t)pid,
	};

	if (bpf(COMMAND_LINK_CREATE, &attributes, sizeof(attributes)) < 0)
		die(site->path);
}

static uint32_t uprobe_type(void)
{
	FILE *file = fopen("/sys/bus/event_source/devices/uprobe/type", "re");
	uint32_t type;

	if (!file || fscanf(file, "%" SCNu32, &type) != 1)
		die("/sys/bus/event_source/devices/uprobe/type");
	fclose(file);
	return type;
}

static void attach_perf(int program, pid_t pid, const struct place *site)
{
	struct perf_event_attr attributes = {
		.type = uprobe_type(),
		.size = sizeof(attributes),
		.uprobe_path = (uintptr_t)site->path,
		.probe_offset = site->offset,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attributes, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0 || ioctl(fd, PERF_EVENT_IOC_SET_BPF, program) || ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		die(site->path);
}

static int open_breakpoint(pid_t tid, uint64_t address)
{
	struct perf_event_attr attributes = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attributes),
		.sample_period = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = address,
		.bp_len = address % 8 ? HW_BREAKPOINT_LEN_4 : HW_BREAKPOINT_LEN_8,
	};

	return (int)syscall(SYS_perf_event_open, &attributes, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static void attach_breakpoint(int program, pid_t pid, const struct place *site)
{
	char folder[64];
	struct dirent *entry;
	DIR *threads;

	snprintf(folder, sizeof(folder), "/proc/%d/task", pid);
	threads = opendir(folder);
	while (threads && (entry = readdir(threads))) {
		int fd = entry->d_name[0] == '.' ? -1 : open_breakpoint(atoi(entry->d_name), site->offset);

		if (entry->d_name[0] != '.' && (fd < 0 || ioctl(fd, PERF_EVENT_IOC_SET_BPF, program)))
			die("a hardware breakpoint");
	}
	if (threads)
		closedir(threads);
}

static bool read_site(struct place *site)
{
	char line[8192], how[16], program[17];

	if (!fgets(line, sizeof(line), stdin) || line[0] == '\n')
		return false;
	if (sscanf(line, "%15s %16s %" SCNu64 " %4095[^\n]", how, program, &site->offset, site->path) != 4) {
		errno = EINVAL;
		die(line);
	}
	site->kind = strcmp(how, "multi") == 0 ? MULTI : strcmp(how, "watch") == 0 ? WATCH : PERF;
	return true;
}

static bool same_link(const struct place *a, const struct place *b)
{
	return a->kind == MULTI && b->kind == MULTI && strcmp(a->path, b->path) == 0;
}

static void attach(pid_t pid, bool reads)
{
	static struct place sites[MOST_SITES];
	static uint64_t offsets[MOST_SITES];
	int programs[] = {[MULTI] = -1, [PERF] = -1, [WATCH] = -1};
	size_t n = 0;

	while (n < MOST_SITES && read_site(&sites[n]))
		n++;
	for (size_t i = 0; i < n;) {
		const struct place *first = &sites[i];
		uint32_t count = 0;

		do {
			offsets[count++] = sites[i++].offset;
		} while (i < n && same_link(first, &sites[i]));
		if (programs[first->kind] < 0)
			programs[first->kind] =
				bare_program(first->kind == WATCH ? BPF_PROG_TYPE_PERF_EVENT : BPF_PROG_TYPE_KPROBE,
					first->kind == MULTI, reads);
		if (first->kind == MULTI)
			attach_multi(programs[MULTI], pid, first, offsets, count);
		else if (first->kind == PERF)
			attach_perf(programs[PERF], pid, first);
		else
			attach_breakpoint(programs[WATCH], pid, first);
	}
	puts("attached");
	fflush(stdout);
	while (getchar() != EOF)
		;
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	if (argc == 2 && strcmp(command, "first") == 0) {
		first();
	} else if (argc == 3 && strcmp(command, "sites") == 0) {
		for_each_id(atoi(argv[2]), "link_id", print_link);
		for_each_id(atoi(argv[2]), "map_id", print_watched);
	} else if (argc == 3 && strcmp(command, "programs") == 0) {
		programs(atoi(argv[2]));
	} else if (argc == 3 && (strcmp(command, "attach") == 0 || strcmp(command, "read") == 0)) {
		attach(atoi(argv[2]), *command == 'r');
	} else {
		fprintf(stderr, "usage: %s sites|programs|attach|read PID, first\n", argv[0]);
		return 2;
	}
	return 0;
}
