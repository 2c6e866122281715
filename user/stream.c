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

static int attach_failed(struct error *error, const struct stream_site *site, int code)
{
	switch (code) {
	case ESRCH:
		return error_set(error, ERROR_TARGET_ENDED, "process %d has ended", site->pid);
	case EPERM:
	case EACCES:
		return refused(error, "the kernel refuses the uprobe");
	case ENOENT: /* the file itself has just been read */
		return error_set(error, ERROR_FAILED,
			"this kernel has no uprobes (CONFIG_UPROBE_EVENTS), so deaths cannot be counted");
	default:
		return error_set(error, ERROR_FAILED, "no uprobe at byte 0x%llx of %s: %s",
			(unsigned long long)site->file_offset, site->path, strerror(code));
	}
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

static int load(struct stream *stream, const struct stream_site *site, struct error *error)
{
	int result;

	stream->probe = alloc_probe_bpf__open();
	if (!stream->probe)
		return load_failed(error, errno);
	stream->probe->rodata->object_type_offset = site->object_type_offset;
	stream->probe->rodata->type_dealloc_offset = site->type_dealloc_offset;
	stream->probe->rodata->site_address = site->address;
	result = alloc_probe_bpf__load(stream->probe);
	return result ? load_failed(error, -result) : 0;
}

/*
 * One perf event for the site. This is the place for uprobe_multi, which puts many sites in with one call: it takes
 * libbpf 1.3 (LIBBPF_MAJOR_VERSION, LIBBPF_MINOR_VERSION) at build time and Linux 6.6 at run time. For a single site
 * it would gain nothing.
 */
static int attach(struct stream *stream, const struct stream_site *site, struct error *error)
{
	LIBBPF_OPTS(bpf_uprobe_opts, options);
	ssize_t into = cheap_offset(site, error);

	if (into < 0)
		return -1;
	stream->link = bpf_program__attach_uprobe_opts(
		stream->probe->progs.death, site->pid, site->path, site->file_offset + (size_t)into, &options);
	return stream->link ? 0 : attach_failed(error, site, errno);
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
