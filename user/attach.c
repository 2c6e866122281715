// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "attach.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/capability.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>

/* enum bpf_attach_type and flags of uprobe_multi (Linux 6.6), which the build host's headers may not have yet. */
#define TRACE_UPROBE_MULTI 48
/* Scans for threads that were made while others were being watched. */
#define THREAD_SCANS 8
/* Longer than a clone takes. */
#define CLONE_MICROSECONDS 5000

/* A page that was read may be gone again, where memory is short. */
#define READ_ATTEMPTS 3

/* Enough for what runs apart. */
#define APART_STACK (512u << 10)

/* The part of union bpf_attr that BPF_LINK_CREATE of a uprobe_multi link reads. */
struct multi_attr {
	uint32_t program, target, attach_type, flags;
	uint64_t path, offsets, ref_ctr_offsets, cookies;
	uint32_t count, multi_flags, pid;
};

/* The effective capabilities of this process as a bit set; all of them where /proc does not say. */
static uint64_t capabilities(void)
{
	unsigned long long set = UINT64_MAX;
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];

	if (!status)
		return set;
	while (fgets(line, sizeof(line), status))
		if (sscanf(line, "CapEff: %llx", &set) == 1)
			break;
	fclose(status);
	return set;
}

static bool has(uint64_t set, int capability)
{
	return set >> capability & 1;
}

int attach_refused(struct error *error, const char *what)
{
	uint64_t set = capabilities();
	const char *missing = NULL;

	if (!has(set, CAP_SYS_ADMIN)) {
		if (!has(set, CAP_BPF) && !has(set, CAP_PERFMON))
			missing = "CAP_BPF and CAP_PERFMON (before Linux 5.8: CAP_SYS_ADMIN) are";
		else if (!has(set, CAP_BPF))
			missing = "CAP_BPF is";
		else if (!has(set, CAP_PERFMON))
			missing = "CAP_PERFMON is";
	}
	if (missing)
		return error_set(error, ERROR_FAILED, "%s: %s missing, run as root or grant it", what, missing);
	return error_set(error, ERROR_FAILED,
		"%s although the capabilities are there: look at lockdown, seccomp or the policy of the container",
		what);
}

static bool keep(struct attachment *attachment, int fd)
{
	if (attachment->count == attachment->capacity) {
		size_t capacity = attachment->capacity ? attachment->capacity * 2 : 16;
		int *fds = realloc(attachment->fds, capacity * sizeof(*fds));

		if (!fds) {
			close(fd);
			return false;
		}
		attachment->fds = fds;
		attachment->capacity = capacity;
	}
	attachment->fds[attachment->count++] = fd;
	return true;
}

/* What runs apart. */
struct work {
	void (*run)(void *context);
	void *context;
};

static int run_work(void *argument)
{
	const struct work *work = argument;

	/* Out of the reach of signals to the process group and its terminal. */
	setsid();
	work->run(work->context);
	_exit(0);
}

/*
 * Runs work in a process of its own and waits for its end. It has this one's memory and descriptors, and keeps them
 * alive should this one be killed; then the descriptors are closed by its end, with no signal pending.
 */
static void run_apart(void (*run)(void *context), void *context)
{
	struct work work = {run, context};
	char *stack = mmap(NULL, APART_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	sigset_t all, before;
	pid_t child = -1;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (stack != MAP_FAILED)
		child = clone(run_work, stack + APART_STACK, CLONE_VM | CLONE_FILES | CLONE_VFORK, &work);
	if (child < 0)
		run(context);
	else
		waitpid(child, NULL, __WALL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (stack != MAP_FAILED)
		munmap(stack, APART_STACK);
}

static void close_all(void *context)
{
	struct attachment *attachment = context;

	while (attachment->count)
		close(attachment->fds[--attachment->count]);
}

void attachment_release(struct attachment *attachment)
{
	if (attachment->uprobes && attachment->count)
		run_apart(close_all, attachment);
	else
		close_all(attachment);
	free(attachment->fds);
	*attachment = (struct attachment){0};
}

uint64_t attachment_hits(const struct attachment *attachment)
{
	uint64_t sum = 0, hits;

	for (size_t i = 0; i < attachment->count; i++) {
		if (read(attachment->fds[i], &hits, sizeof(hits)) == sizeof(hits))
			sum += hits;
	}
	return sum;
}

/* A uprobe_multi link, or -errno. */
static int create_multi(
	int program, pid_t pid, const char *path, const uint64_t *offsets, const uint64_t *cookies, size_t count)
{
	struct multi_attr attr = {
		.program = (uint32_t)program,
		.attach_type = TRACE_UPROBE_MULTI,
		.path = (uintptr_t)path,
		.offsets = (uintptr_t)offsets,
		.cookies = (uintptr_t)cookies,
		.count = (uint32_t)count,
		.pid = (uint32_t)pid,
	};
	int fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));

	return fd < 0 ? -errno : fd;
}

/*
 * The first kernels with uprobe_multi let only the one thread in whose id is the pid, so deaths in all others would be
 * missed. A version would not tell, as stable kernels have the repair, too; it came with a check that does: a negative
 * pid is -EINVAL, where before nobody looked at it (46ba0e49b642, "bpf: fix multi-uprobe PID filtering logic"). Asked
 * with a link on a directory, which cannot be: -EBADF when that is all the kernel finds wrong.
 */
bool attach_has_multi(uint32_t *type)
{
	const struct bpf_insn nothing[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = TRACE_UPROBE_MULTI);
	const uint64_t offset = 0;
	int program = bpf_prog_load(
		BPF_PROG_TYPE_KPROBE, NULL, "Dual BSD/GPL", nothing, sizeof(nothing) / sizeof(nothing[0]), &options);
	bool has;

	*type = TRACE_UPROBE_MULTI;
	if (program < 0)
		return false;
	has = create_multi(program, 0, "/", &offset, NULL, 1) == -EBADF &&
	      create_multi(program, -1, "/", &offset, NULL, 1) == -EINVAL;
	close(program);
	return has;
}

/* The dynamic PMU of uprobes; -errno when the kernel has none. */
static int uprobe_type(void)
{
	FILE *file = fopen("/sys/bus/event_source/devices/uprobe/type", "re");
	int type = -ENOENT;

	if (!file)
		return -errno;
	if (fscanf(file, "%d", &type) != 1)
		type = -ENOENT;
	fclose(file);
	return type;
}

/* One uprobe: a perf event with the program linked to it. Two descriptors, or -errno. */
static int create_single(struct attachment *attachment, int program, pid_t pid, const struct attach_site *site)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .perf_event.bpf_cookie = site->cookie);
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.uprobe_path = (uintptr_t)site->path,
		.probe_offset = site->file_offset,
	};
	int type = uprobe_type(), event, link;

	if (type < 0)
		return type;
	attr.type = (uint32_t)type;
	event = (int)syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (event < 0)
		return -errno;
	link = bpf_link_create(program, event, BPF_PERF_EVENT, &options);
	if (link < 0) {
		close(event);
		return link;
	}
	if (ioctl(event, PERF_EVENT_IOC_ENABLE, 0) < 0) {
		int reason = errno;

		close(link);
		close(event);
		return -reason;
	}
	if (!keep(attachment, event)) {
		close(link);
		return -ENOMEM;
	}
	return keep(attachment, link) ? 0 : -ENOMEM;
}

static bool has_ended(pid_t pid)
{
	char name[32], line[256], state = 'Z';
	FILE *status;

	snprintf(name, sizeof(name), "/proc/%d/status", pid);
	status = fopen(name, "re");
	if (!status)
		return errno == ENOENT;
	while (fgets(line, sizeof(line), status))
		if (sscanf(line, "State: %c", &state) == 1)
			break;
	fclose(status);
	/* A zombie has no memory left to put a probe into. */
	return state == 'Z' || state == 'X';
}

static int uprobe_failed(struct error *error, pid_t pid, const struct attach_site *site, int code, bool multi)
{
	if (code == ESRCH || has_ended(pid))
		return error_set(error, ERROR_TARGET_ENDED, "process %d has ended", pid);
	if (code == EPERM || code == EACCES)
		return attach_refused(error, "the kernel refuses the uprobe");
	if (code == ENOENT && !multi && access(site->path, F_OK) == 0)
		return error_set(error, ERROR_FAILED,
			"this kernel has no uprobes (CONFIG_UPROBE_EVENTS), so events cannot be counted");
	return error_set(error, ERROR_FAILED, "no uprobe at byte 0x%llx of %s: %s",
		(unsigned long long)site->file_offset, site->path, strerror(code));
}

/* All sites of one file, with one system call. */
static int attach_file(
	struct attachment *attachment, int program, pid_t pid, const struct attach_site *sites, size_t count)
{
	uint64_t *offsets = calloc(2 * count, sizeof(*offsets)), *cookies;
	int link;

	if (!offsets)
		return -ENOMEM;
	cookies = offsets + count;
	for (size_t i = 0; i < count; i++) {
		offsets[i] = sites[i].file_offset;
		cookies[i] = sites[i].cookie;
	}
	link = create_multi(program, pid, sites->path, offsets, cookies, count);
	free(offsets);
	if (link < 0)
		return link;
	return keep(attachment, link) ? 0 : -ENOMEM;
}

/* What attach_uprobes was asked, and how it went. */
struct uprobes {
	struct attachment *attachment;
	int program;
	bool multi;
	pid_t pid;
	const struct attach_site *sites;
	size_t count, bad; /* sites, those refused */
	bool *refused;
	struct error *error; /* of the first that was refused, if it is the very first */
};

/*
 * Sites [first, first + n), all of one file. The kernel does not say which of many it did not want: halves of what it
 * refuses are tried alone, so that one bad site costs a few links and not one for each site.
 */
static void attach_range(struct uprobes *job, size_t first, size_t n)
{
	const struct attach_site *sites = &job->sites[first];
	int result;

	if (job->multi)
		result = attach_file(job->attachment, job->program, job->pid, sites, n);
	else
		result = n > 1 ? -EINVAL : create_single(job->attachment, job->program, job->pid, sites);
	if (result == 0)
		return;
	if (n > 1) {
		attach_range(job, first, n / 2);
		attach_range(job, first + n / 2, n - n / 2);
		return;
	}
	if (job->refused)
		job->refused[first] = true;
	if (!job->bad++)
		uprobe_failed(job->error, job->pid, sites, -result, job->multi);
}

/*
 * Reads the bytes that the kernel will read to place its breakpoints, until they are in the page cache. For one that is
 * not, some kernels (6.18, ext4) print a warning when the uprobe is registered, and end where panic_on_warn is set.
 */
static void read_ahead(const struct attach_site *sites, size_t count)
{
	int fd = open(sites->path, O_RDONLY | O_CLOEXEC);
	char byte;
	struct iovec vector = {&byte, 1};

	for (size_t i = 0; fd >= 0 && i < count; i++) {
		for (int attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
			if (pread(fd, &byte, 1, (off_t)sites[i].file_offset) != 1 ||
				preadv2(fd, &vector, 1, (off_t)sites[i].file_offset, RWF_NOWAIT) == 1)
				break;
		}
	}
	if (fd >= 0)
		close(fd);
}

static void attach_job(void *context)
{
	struct uprobes *job = context;

	for (size_t first = 0, n; first < job->count; first += n) {
		for (n = 1; first + n < job->count; n++) {
			if (strcmp(job->sites[first + n].path, job->sites[first].path) != 0)
				break;
		}
		read_ahead(&job->sites[first], n);
		attach_range(job, first, n);
	}
}

int attach_uprobes(struct attachment *attachment, int program, bool multi, pid_t pid, const struct attach_site *sites,
	size_t count, bool *refused, struct error *error)
{
	struct uprobes job = {attachment, program, multi, pid, sites, count, 0, refused, error};

	attachment->uprobes = true;
	if (count)
		run_apart(attach_job, &job);
	/* The kernel refuses a perf event on a zombie; a uprobe_multi link it makes, which would count nothing. */
	if (has_ended(pid))
		return error_set(error, ERROR_TARGET_ENDED, "process %d has ended", pid);
	return job.bad && job.bad == count ? -1 : (int)job.bad;
}

/*
 * A breakpoint lies on a multiple of its length. It is hit by a write to any of its bytes, so a word that is not
 * aligned (the collector's lists in Debian's 3.13) is watched by its first bytes: who writes it writes them all.
 */
static uint32_t breakpoint_length(uint64_t address)
{
	return address % 8 == 0 ? HW_BREAKPOINT_LEN_8 : address % 4 == 0 ? HW_BREAKPOINT_LEN_4 : HW_BREAKPOINT_LEN_1;
}

static int create_breakpoint(int program, pid_t tid, uint64_t address, unsigned int most)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.sample_period = 1,
		.disabled = 1,
		.inherit = !most, /* those that inherit cannot end by themselves */
		.inherit_thread = !most, /* 5.13 */
		.remove_on_exec = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = address,
		.bp_len = breakpoint_length(address),
	};
	int event = (int)syscall(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (event < 0)
		return -errno;
	if (ioctl(event, PERF_EVENT_IOC_SET_BPF, program) < 0 ||
		(most ? ioctl(event, PERF_EVENT_IOC_REFRESH, most) : ioctl(event, PERF_EVENT_IOC_ENABLE, 0)) < 0) {
		int reason = errno;

		close(event);
		return -reason;
	}
	return event;
}

static int breakpoint_failed(struct error *error, int code)
{
	switch (code) {
	case EPERM:
	case EACCES:
		return attach_refused(error, "the kernel refuses the hardware breakpoint");
	case EMFILE:
	case ENFILE:
		return error_set(error, ERROR_FAILED,
			"each of its threads takes a file descriptor: raise the limit (ulimit -n)");
	case ENOSPC:
		return error_set(error, ERROR_FAILED, "all hardware breakpoints are taken");
	default:
		return error_set(
			error, ERROR_FAILED, "this machine offers no hardware breakpoints (%s)", strerror(code));
	}
}

static int compare_pids(const void *a, const void *b)
{
	return *(const pid_t *)a - *(const pid_t *)b;
}

/* The threads of a process, ascending; 0 when there are none any more. */
static size_t list_threads(pid_t pid, pid_t **tids)
{
	size_t count = 0, capacity = 0;
	struct dirent *entry;
	char path[32];
	DIR *tasks;

	*tids = NULL;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks))) {
		int tid = atoi(entry->d_name);

		if (tid <= 0)
			continue;
		if (count == capacity) {
			pid_t *grown = realloc(*tids, (capacity = capacity ? capacity * 2 : 64) * sizeof(**tids));

			if (!grown)
				break;
			*tids = grown;
		}
		(*tids)[count++] = tid;
	}
	if (tasks)
		closedir(tasks);
	if (count)
		qsort(*tids, count, sizeof(**tids), compare_pids);
	return count;
}

/* Watches those of the threads that are not known yet. How many there were, or -1. */
static ssize_t watch_threads(struct attachment *attachment, int program, const pid_t *tids, size_t n,
	const pid_t *known, size_t known_count, const uint64_t *addresses, size_t count, unsigned int most,
	struct error *error)
{
	ssize_t fresh = 0;

	for (size_t i = 0; i < n; i++) {
		if (known_count && bsearch(&tids[i], known, known_count, sizeof(*known), compare_pids))
			continue;
		fresh++;
		for (size_t k = 0; k < count; k++) {
			int event = create_breakpoint(program, tids[i], addresses[k], most);

			if (event == -ESRCH) /* it ended meanwhile */
				continue;
			if (event < 0)
				return breakpoint_failed(error, -event);
			if (!keep(attachment, event))
				return error_set(error, ERROR_FAILED, "out of memory");
		}
	}
	return fresh;
}

int attach_breakpoints(struct attachment *attachment, int program, pid_t pid, const uint64_t *addresses, size_t count,
	unsigned int most, struct error *error)
{
	bool patient = !most;
	pid_t *known = NULL, *tids;
	size_t known_count = 0;
	ssize_t fresh = 1;

	/*
	 * Threads made by threads that are watched inherit. In the clone that was under way when its parent came to be
	 * watched, the kernel may have copied the parent's events already, and not yet listed the thread: so the last
	 * scan waits until that is over.
	 */
	for (int scan = 0; scan < THREAD_SCANS && fresh > 0; scan++) {
		size_t n = list_threads(pid, &tids);

		fresh = watch_threads(attachment, program, tids, n, known, known_count, addresses, count, most, error);
		free(known);
		known = tids;
		known_count = n;
		if (fresh == 0 && patient) {
			patient = false;
			fresh = 1;
			usleep(CLONE_MICROSECONDS);
		}
	}
	free(known);
	if (fresh >= 0 && !attachment->count && has_ended(pid))
		return error_set(error, ERROR_TARGET_ENDED, "process %d has ended", pid);
	if (fresh >= 0 && !attachment->count)
		return error_set(error, ERROR_FAILED, "the threads of process %d cannot be listed", pid);
	if (fresh < 0)
		attachment_release(attachment);
	return fresh < 0 ? -1 : 0;
}
