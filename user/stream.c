// SPDX-License-Identifier: BSD-2-Clause
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/capability.h>

#include "alloc_probe.h"
#include "alloc_probe.skel.h"
#include "site_x86_64.h"

/* Entries that one system call copies out of the map. Far more than any hash bucket holds. */
#define BATCH 1024

struct stream {
	struct alloc_probe_bpf *probe;
	struct bpf_link *link;
	bool multi; /* loaded for uprobe_multi: such a program cannot be attached in the other way */
	int cpus; /* values that the kernel returns for one key */
	struct alloc_probe_key keys[BATCH];
	struct alloc_probe_counts values[]; /* BATCH * cpus */
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

/* Says which capability a refusal is about. */
static int refused(struct error *error, const char *what)
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

static int load_failed(struct error *error, int code)
{
	switch (code) {
	case ENOSYS:
		return error_set(error, ERROR_FAILED,
			"this kernel has no BPF (CONFIG_BPF_SYSCALL), so deaths cannot be counted");
	case EPERM:
	case EACCES:
		return refused(error, "the kernel refuses the BPF program");
	case ENOMEM:
		return error_set(error, ERROR_FAILED, "not enough memory for the BPF maps");
	default:
		return error_set(error, ERROR_FAILED,
			"the kernel does not take the BPF program (%s); OGT_DEBUG=1 shows libbpf's log",
			strerror(code));
	}
}

/* multi: it was to be a uprobe_multi link. */
static int attach_failed(struct error *error, const struct stream_site *site, int code, bool multi)
{
	if (code == ESRCH)
		return error_set(error, ERROR_TARGET_ENDED, "process %d has ended", site->pid);
	if (code == EPERM || code == EACCES)
		return refused(error, "the kernel refuses the uprobe");
	if (code == ENOENT && !multi) /* the file itself has just been read */
		return error_set(error, ERROR_FAILED,
			"this kernel has no uprobes (CONFIG_UPROBE_EVENTS), so deaths cannot be counted");
	return error_set(error, ERROR_FAILED, "no uprobe at byte 0x%llx of %s: %s",
		(unsigned long long)site->file_offset, site->path, strerror(code));
}

/* How far into the function the probe goes. */
static ssize_t cheap_offset(const struct stream_site *site, struct error *error)
{
	uint8_t bytes[SITE_BYTES];
	ssize_t n;
	int fd;

	fd = open(site->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set(error, ERROR_FAILED, "cannot read %s: %s", site->path, strerror(errno));
	n = pread(fd, bytes, sizeof(bytes), (off_t)site->file_offset);
	close(fd);
	if (n <= 0)
		return error_set(error, ERROR_FAILED, "%s has no byte 0x%llx", site->path,
			(unsigned long long)site->file_offset);
	return (ssize_t)site_offset(bytes, (size_t)n);
}

/* uprobe_multi: a link without a perf event. This is the place for all that depends on libbpf's version. */
#if LIBBPF_MAJOR_VERSION > 1 || (LIBBPF_MAJOR_VERSION == 1 && LIBBPF_MINOR_VERSION >= 3)

/* From libbpf, as the <linux/bpf.h> that goes with it may be too old to have the name. */
static bool multi_type(enum bpf_attach_type *type)
{
	enum bpf_prog_type kind;

	return !libbpf_prog_type_by_name("uprobe.multi", &kind, type);
}

/* What the kernel says to a link on a directory, which cannot be: -EBADF when that is all it finds wrong. */
static int try_multi(int program, enum bpf_attach_type type, pid_t pid)
{
	const unsigned long offset = 0;
	LIBBPF_OPTS(bpf_link_create_opts, options, .uprobe_multi.path = "/", .uprobe_multi.offsets = &offset,
		.uprobe_multi.cnt = 1, .uprobe_multi.pid = (uint32_t)pid);
	int link = bpf_link_create(program, 0, type, &options);

	if (link >= 0)
		close(link);
	return link;
}

/*
 * The first kernels with uprobe_multi let only the one thread in whose id is the pid, so deaths in all others would be
 * missed. A version would not tell, as stable kernels have the repair, too; it came with a check that does: a negative
 * pid is -EINVAL, where before nobody looked at it (46ba0e49b642, "bpf: fix multi-uprobe PID filtering logic").
 */
static bool kernel_has_multi(enum bpf_attach_type type)
{
	const struct bpf_insn nothing[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = type);
	int program = bpf_prog_load(
		BPF_PROG_TYPE_KPROBE, NULL, "Dual BSD/GPL", nothing, sizeof(nothing) / sizeof(nothing[0]), &options);
	bool has;

	if (program < 0)
		return false;
	has = try_multi(program, type, 0) == -EBADF && try_multi(program, type, -1) == -EINVAL;
	close(program);
	return has;
}

/* Before the program is loaded. False when it has to be attached in the other way. */
static bool prepare_multi(struct bpf_program *program)
{
	static enum { UNKNOWN, ABSENT, PRESENT } kernel;
	enum bpf_attach_type type;

	if (!multi_type(&type))
		return false;
	if (kernel == UNKNOWN)
		kernel = kernel_has_multi(type) ? PRESENT : ABSENT;
	return kernel == PRESENT && !bpf_program__set_expected_attach_type(program, type);
}

static struct bpf_link *attach_multi(struct bpf_program *program, const struct stream_site *site, uint64_t offset)
{
	const unsigned long offsets[] = {offset};
	LIBBPF_OPTS(bpf_uprobe_multi_opts, options, .offsets = offsets, .cnt = 1);

	return bpf_program__attach_uprobe_multi(program, site->pid, site->path, NULL, &options);
}

#else

static bool prepare_multi(struct bpf_program *program)
{
	(void)program;
	return false;
}

static struct bpf_link *attach_multi(struct bpf_program *program, const struct stream_site *site, uint64_t offset)
{
	(void)program, (void)site, (void)offset;
	errno = EOPNOTSUPP;
	return NULL;
}

#endif

static int load(struct stream *stream, const struct stream_site *site, struct error *error)
{
	int result;

	stream->probe = alloc_probe_bpf__open();
	if (!stream->probe)
		return load_failed(error, errno);
	stream->probe->rodata->object_type_offset = site->object_type_offset;
	stream->probe->rodata->type_dealloc_offset = site->type_dealloc_offset;
	stream->probe->rodata->site_address = site->address;
	stream->multi = !site->per_site_only && prepare_multi(stream->probe->progs.death);
	result = alloc_probe_bpf__load(stream->probe);
	return result ? load_failed(error, -result) : 0;
}

/* True for a zombie, too, whose main thread has no memory left to put a probe into. */
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
	return state == 'Z' || state == 'X';
}

static int attach(struct stream *stream, const struct stream_site *site, struct error *error)
{
	LIBBPF_OPTS(bpf_uprobe_opts, options);
	struct bpf_program *program = stream->probe->progs.death;
	ssize_t into = cheap_offset(site, error);
	uint64_t offset;

	if (into < 0)
		return -1;
	offset = site->file_offset + (size_t)into;
	if (stream->multi)
		stream->link = attach_multi(program, site, offset);
	else
		stream->link = bpf_program__attach_uprobe_opts(program, site->pid, site->path, offset, &options);
	if (!stream->link)
		return attach_failed(error, site, errno, stream->multi);
	/* The kernel refuses a perf event on a zombie; a uprobe_multi link it makes, which would count nothing. */
	if (stream->multi && has_ended(site->pid))
		return attach_failed(error, site, ESRCH, true);
	return 0;
}

struct stream *stream_open(const struct stream_site *site, struct error *error)
{
	struct stream *stream;
	int cpus;

	if (!getenv("OGT_DEBUG"))
		libbpf_set_print(NULL);
	cpus = libbpf_num_possible_cpus();
	if (cpus < 0) {
		error_set(error, ERROR_FAILED, "cannot tell how many CPUs there are: %s", strerror(-cpus));
		return NULL;
	}
	stream = calloc(1, sizeof(*stream) + sizeof(stream->values[0]) * BATCH * (size_t)cpus);
	if (!stream) {
		error_set(error, ERROR_FAILED, "out of memory");
		return NULL;
	}
	stream->cpus = cpus;
	if (load(stream, site, error) < 0 || attach(stream, site, error) < 0) {
		stream_close(stream);
		return NULL;
	}
	return stream;
}

const char *stream_attached_by(const struct stream *stream)
{
	return stream->multi ? "uprobe_multi" : "uprobe";
}

void stream_close(struct stream *stream)
{
	if (!stream)
		return;
	bpf_link__destroy(stream->link);
	alloc_probe_bpf__destroy(stream->probe);
	free(stream);
}

/* Appends the first n of stream->keys and stream->values. */
static int append(struct stream *stream, struct stream_counts *counts, size_t n, struct error *error)
{
	const struct alloc_probe_counts *value = stream->values;

	if (counts->n + n > counts->capacity) {
		size_t capacity = counts->capacity ? counts->capacity * 2 : BATCH;
		struct stream_deaths *rows = realloc(counts->rows, capacity * sizeof(*rows));

		if (!rows)
			return error_set(error, ERROR_FAILED, "out of memory");
		counts->rows = rows;
		counts->capacity = capacity;
	}
	for (size_t i = 0; i < n; i++) {
		struct stream_deaths *row = &counts->rows[counts->n++];

		row->type = stream->keys[i].type;
		row->deaths = 0;
		for (int cpu = 0; cpu < stream->cpus; cpu++)
			row->deaths += value++->deaths;
	}
	return 0;
}

/* 1: this kernel cannot look up many keys of a per-CPU hash at once (before 5.6). */
static int read_batches(struct stream *stream, struct stream_counts *counts, struct error *error)
{
	int map = bpf_map__fd(stream->probe->maps.counts), result;
	uint32_t place, *from = NULL;

	do {
		uint32_t n = BATCH;

		result = bpf_map_lookup_batch(map, from, &place, stream->keys, stream->values, &n, NULL);
		if (result && result != -ENOENT) /* which says that these are the last */
			return 1;
		if (append(stream, counts, n, error) < 0)
			return -1;
		from = &place;
	} while (!result);
	return 0;
}

/* Nothing is ever deleted from the map, so the order of its keys holds while it is read. */
static int read_one_by_one(struct stream *stream, struct stream_counts *counts, struct error *error)
{
	int map = bpf_map__fd(stream->probe->maps.counts), result;
	struct alloc_probe_key *key = NULL;

	while ((result = bpf_map_get_next_key(map, key, stream->keys)) == 0) {
		key = stream->keys;
		result = bpf_map_lookup_elem(map, key, stream->values);
		if (result)
			break;
		if (append(stream, counts, 1, error) < 0)
			return -1;
	}
	if (result != -ENOENT)
		return error_set(error, ERROR_FAILED, "cannot read the counts of deaths: %s", strerror(-result));
	return 0;
}

static int by_type(const void *a, const void *b)
{
	const struct stream_deaths *left = a, *right = b;

	return (left->type > right->type) - (left->type < right->type);
}

int stream_read_deaths(struct stream *stream, struct stream_counts *counts, struct error *error)
{
	int result;

	counts->n = 0;
	result = read_batches(stream, counts, error);
	if (result > 0) {
		counts->n = 0;
		result = read_one_by_one(stream, counts, error);
	}
	if (result < 0)
		return -1;
	counts->lost = __atomic_load_n(&stream->probe->bss->lost, __ATOMIC_RELAXED);
	if (counts->n)
		qsort(counts->rows, counts->n, sizeof(counts->rows[0]), by_type);
	return 0;
}

void stream_counts_free(struct stream_counts *counts)
{
	free(counts->rows);
	*counts = (struct stream_counts){0};
}
