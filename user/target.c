// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "target.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "elf_image.h"
#include "layout.h"

/* A writable segment larger than this is no interpreter's. */
#define SEGMENT_MOST (64u << 20)

/* Static probes of one file that are looked at. */
#define USDT_MOST 64

/* A process younger than this may still be on its way to the program that it will be. */
#define START_SECONDS 1.0

enum symbol {
	SYMBOL_RUNTIME,
	SYMBOL_GC_GENERATION0,
	SYMBOL_TSTATE_CURRENT,
	SYMBOL_INTERP_HEAD,
	SYMBOL_COLLECTING,
	SYMBOL_VERSION,
	SYMBOL_INC_REF_TOTAL,
	SYMBOL_NEGATIVE_REFCOUNT,
	SYMBOL_PYTHON2,
	SYMBOL_PYPY,
	SYMBOLS
};

static const char *const symbol_names[SYMBOLS] = {
	[SYMBOL_RUNTIME] = "_PyRuntime",
	[SYMBOL_GC_GENERATION0] = "_PyGC_generation0",
	[SYMBOL_TSTATE_CURRENT] = "_PyThreadState_Current",
	[SYMBOL_INTERP_HEAD] = "interp_head",
	[SYMBOL_COLLECTING] = "collecting",
	[SYMBOL_VERSION] = "Py_Version",
	/* Only builds that count all references have these: 3.12+, and before. */
	[SYMBOL_INC_REF_TOTAL] = "_Py_INCREF_IncRefTotal",
	[SYMBOL_NEGATIVE_REFCOUNT] = "_Py_NegativeRefcount",
	[SYMBOL_PYTHON2] = "PyString_FromString",
	[SYMBOL_PYPY] = "pypy_main_startup",
};

/* A process that runs, as an origin. */
struct running {
	const struct process *process;
	struct mappings mappings;
};

/* What one mapped file turned out to be. */
enum finding {
	FINDING_NOTHING,
	FINDING_UNREADABLE,
	FINDING_32_BIT,
	FINDING_PYPY,
	FINDING_PYTHON2,
	FINDING_CPYTHON,
};

struct candidate {
	struct elf_image *image;
	struct elf_symbol symbols[SYMBOLS];
	uint64_t bias;
	uint64_t runtime_section; /* .PyRuntime, as linked */
};

static uint64_t in_process(const struct candidate *candidate, enum symbol symbol)
{
	uint64_t address = candidate->symbols[symbol].address;

	return address ? address + candidate->bias : 0;
}

static bool read_exactly(const struct target_origin *origin, uint64_t address, void *buffer, size_t size)
{
	return origin->read(origin->context, address, buffer, size) == (ssize_t)size;
}

/* "3.8.18 (" and the like: what Py_GetVersion() keeps in a static buffer. Matches at text, or returns false. */
static bool parse_version(const char *text, size_t size, uint32_t *version)
{
	unsigned int part[3], serial = 0, level = 0xf;
	size_t at = 0;

	for (int i = 0; i < 3; i++) {
		size_t digits = 0;

		part[i] = 0;
		while (at < size && isdigit((unsigned char)text[at]) && digits < 3) {
			part[i] = part[i] * 10 + (unsigned int)(text[at++] - '0');
			digits++;
		}
		if (!digits || part[i] > 255)
			return false;
		if (i < 2 && (at >= size || text[at++] != '.'))
			return false;
	}
	if (at < size && (text[at] == 'a' || text[at] == 'b' || text[at] == 'r')) {
		level = text[at] == 'a' ? 0xa : text[at] == 'b' ? 0xb : 0xc;
		at += text[at] == 'r' ? 2 : 1;
		while (at < size && isdigit((unsigned char)text[at]) && serial < 10)
			serial = serial * 10 + (unsigned int)(text[at++] - '0');
	}
	if (at < size && text[at] == '+')
		at++;
	if (at + 1 >= size || text[at] != ' ' || text[at + 1] != '(' || part[0] < 2 || part[0] > 3)
		return false;
	*version = part[0] << 24 | part[1] << 16 | part[2] << 8 | level << 4 | (serial & 0xf);
	return true;
}

/* Searches the interpreter's own variables for the text that it shows as sys.version. */
static bool version_from_data(const struct target_origin *origin, const struct candidate *candidate, uint32_t *version)
{
	uint64_t start, size;
	bool found = false;

	for (size_t i = 0; !found && elf_image_writable(candidate->image, i, &start, &size); i++) {
		char *bytes;
		ssize_t n;

		if (size > SEGMENT_MOST || !(bytes = malloc(size + 1)))
			continue;
		n = origin->read(origin->context, start + candidate->bias, bytes, size);
		for (ssize_t k = 0; k < n && !found; k++) {
			bool starts = k == 0 || !bytes[k - 1];

			if (starts && (bytes[k] == '2' || bytes[k] == '3'))
				found = parse_version(bytes + k, (size_t)(n - k), version);
		}
		free(bytes);
	}
	return found;
}

static void version_write(uint32_t version, char *text, size_t size)
{
	unsigned int level = version >> 4 & 0xf;
	const char *mark = level == 0xa ? "a" : level == 0xb ? "b" : level == 0xc ? "rc" : "";
	int n = snprintf(text, size, "%u.%u.%u", version >> 24, version >> 16 & 0xff, version >> 8 & 0xff);

	if (*mark && n > 0 && (size_t)n < size)
		snprintf(text + n, size - (size_t)n, "%s%u", mark, version & 0xf);
}

void target_version_text(struct target *target)
{
	version_write(target->version, target->version_text, sizeof(target->version_text));
}

static enum finding examine(const struct target_origin *origin, const struct mapping *mapping,
	struct candidate *candidate, char *opened, size_t opened_size)
{
	int fd = origin->open_file(origin->context, mapping, opened, opened_size);

	*candidate = (struct candidate){0};
	if (fd < 0)
		return FINDING_UNREADABLE;
	candidate->image = elf_image_open(fd);
	if (!candidate->image)
		return FINDING_NOTHING;
	if (!elf_image_is_64_bit(candidate->image))
		return FINDING_32_BIT;
	for (int i = 0; i < SYMBOLS; i++)
		candidate->symbols[i].name = symbol_names[i];
	elf_image_symbols(candidate->image, candidate->symbols, SYMBOLS);
	candidate->runtime_section = elf_image_section(candidate->image, ".PyRuntime");
	if (!elf_image_bias(candidate->image, mapping->start, mapping->offset, &candidate->bias))
		return FINDING_NOTHING;
	if (candidate->symbols[SYMBOL_PYPY].address)
		return FINDING_PYPY;
	if (candidate->symbols[SYMBOL_PYTHON2].address && candidate->symbols[SYMBOL_TSTATE_CURRENT].address)
		return FINDING_PYTHON2;
	if (candidate->symbols[SYMBOL_RUNTIME].address || candidate->runtime_section ||
		candidate->symbols[SYMBOL_GC_GENERATION0].address)
		return FINDING_CPYTHON;
	return FINDING_NOTHING;
}

/* Likely files first: 0 the executable, 1 anything named like Python, 2 the rest. -1: not worth opening. */
static int rank(const struct target *target, const struct mappings *mappings, size_t i)
{
	const struct mapping *mapping = &mappings->mapping[i];
	const char *path = mapping_path(mappings, mapping), *base;

	if (!mapping->inode || path[0] != '/')
		return -1;
	/* The first mapping of each file stands for all of them. */
	for (size_t k = i; k-- > 0 && k + 64 > i;) {
		if (mappings->mapping[k].inode == mapping->inode &&
			strcmp(mapping_path(mappings, &mappings->mapping[k]), path) == 0)
			return -1;
	}
	base = strrchr(path, '/') + 1;
	if (strcmp(path, target->executable) == 0)
		return 0;
	if (strstr(base, "python") || strstr(base, "pypy"))
		return 1;
	return 2;
}

static int use(struct target *target, const struct target_origin *origin, const struct candidate *candidate,
	struct error *error)
{
	struct debug_offsets offsets = {0};
	unsigned char head[LAYOUT_DEBUG_OFFSETS_SIZE];
	uint64_t symbol_version = 0;

	target->bias = candidate->bias;
	target->runtime = in_process(candidate, SYMBOL_RUNTIME);
	if (!target->runtime && candidate->runtime_section)
		target->runtime = candidate->runtime_section + candidate->bias;
	target->gc_generation0 = in_process(candidate, SYMBOL_GC_GENERATION0);
	target->tstate_current = in_process(candidate, SYMBOL_TSTATE_CURRENT);
	target->interp_head = in_process(candidate, SYMBOL_INTERP_HEAD);
	target->gc_collecting = in_process(candidate, SYMBOL_COLLECTING);
	if (target->runtime && read_exactly(origin, target->runtime, head, sizeof(head)))
		offsets = layout_debug_offsets(head, sizeof(head));
	if (offsets.present) {
		target->version = offsets.version;
	} else if (candidate->symbols[SYMBOL_VERSION].address) {
		read_exactly(origin, in_process(candidate, SYMBOL_VERSION), &symbol_version, sizeof(symbol_version));
		target->version = (uint32_t)symbol_version;
	}
	if (!target->version && !version_from_data(origin, candidate, &target->version))
		return error_set(error, ERROR_AGAIN,
			"process %d holds a Python that shows no version: it has not started up, or is being torn down",
			target->process.pid);
	target_version_text(target);
	if (offsets.free_threaded)
		return error_set(error, ERROR_FAILED,
			"process %d runs a free-threaded build of Python %s, which is not supported yet: its garbage "
			"collector "
			"keeps no lists of objects",
			target->process.pid, target->version_text);
	if (!layout_find(target->version))
		return error_set(error, ERROR_FAILED,
			"process %d runs Python %s, of which this objgraph-trace has no layout (it knows %s to %s); a "
			"newer one may",
			target->process.pid, target->version_text, layout_oldest(), layout_newest());
	target->debug = candidate->symbols[SYMBOL_INC_REF_TOTAL].address ||
			(candidate->symbols[SYMBOL_NEGATIVE_REFCOUNT].address && target->version < 0x030c0000);
	return 0;
}

static int refuse(const struct target *target, const struct target_origin *origin, enum finding finding,
	const struct candidate *candidate, struct error *error)
{
	uint32_t version;
	char text[24] = "2";

	switch (finding) {
	case FINDING_PYPY:
		return error_set(error, ERROR_FAILED,
			"process %d runs PyPy, which has no reference counts and no lists of objects to read; only "
			"CPython can "
			"be watched",
			target->process.pid);
	case FINDING_PYTHON2:
		if (version_from_data(origin, candidate, &version))
			version_write(version, text, sizeof(text));
		return error_set(error, ERROR_FAILED,
			"process %d runs Python %s, which is not supported (%s to %s are)", target->process.pid, text,
			layout_oldest(), layout_newest());
	case FINDING_32_BIT:
		return error_set(error, ERROR_FAILED, "process %d is a 32-bit program, which is not supported yet",
			target->process.pid);
	case FINDING_UNREADABLE:
		return error_set(error, ERROR_FAILED,
			"no file of process %d could be opened to look for Python: run it as root (CAP_SYS_ADMIN or "
			"CAP_CHECKPOINT_RESTORE reaches files of containers and deleted ones)",
			target->process.pid);
	default:
		/* One that has just been started may have yet to load its Python. */
		return error_set(error, process_age(&target->process) < START_SECONDS ? ERROR_AGAIN : ERROR_FAILED,
			"process %d runs no CPython that can be found: none of its files defines _PyRuntime; check the "
			"PID with "
			"pgrep -a python",
			target->process.pid);
	}
}

int target_find(struct target *target, const struct target_origin *origin, struct error *error)
{
	const struct mappings *mappings = origin->mappings;
	enum finding best = FINDING_NOTHING;
	bool readable = false;

	for (int wanted = 0; wanted <= 2; wanted++) {
		for (size_t i = 0; i < mappings->count; i++) {
			struct candidate candidate;
			enum finding finding;
			int result = 1;

			if (rank(target, mappings, i) != wanted)
				continue;
			finding =
				examine(origin, &mappings->mapping[i], &candidate, target->file, sizeof(target->file));
			if (finding != FINDING_UNREADABLE)
				readable = true;
			if (finding == FINDING_CPYTHON)
				result = use(target, origin, &candidate, error);
			else if (finding >= FINDING_PYPY || (finding == FINDING_32_BIT && wanted == 0))
				result = refuse(target, origin, finding, &candidate, error);
			else if (finding == FINDING_UNREADABLE)
				best = FINDING_UNREADABLE;
			elf_image_close(candidate.image);
			if (result <= 0)
				return result;
		}
	}
	return refuse(target, origin, readable ? FINDING_NOTHING : best, NULL, error);
}

static int open_mapped(void *context, const struct mapping *mapping, char *opened, size_t size)
{
	const struct running *running = context;

	return process_open_file(running->process, &running->mappings, mapping, opened, size);
}

static ssize_t read_running(void *context, uint64_t address, void *buffer, size_t size)
{
	const struct running *running = context;

	return pread(running->process->memory, buffer, size, (off_t)address);
}

int target_open(struct target *target, pid_t pid, struct error *error)
{
	struct running running = {.process = &target->process};
	const struct target_origin origin = {&running.mappings, open_mapped, read_running, &running};
	int result;

	*target = (struct target){0};
	if (process_open(&target->process, pid, error) < 0)
		return -1;
	process_executable(&target->process, target->executable, sizeof(target->executable));
	result = process_mappings(&target->process, &running.mappings, error);
	if (result == 0) {
		result = target_find(target, &origin, error);
		mappings_free(&running.mappings);
	}
	if (result < 0) {
		/* A process in the middle of an exec or an exit looks like anything: say what became of it. */
		struct error ended;

		if (process_check(&target->process, &ended) < 0)
			*error = ended;
		target_close(target);
	}
	return result;
}

void target_close(struct target *target)
{
	process_close(&target->process);
}

size_t target_symbols(const struct target *target, struct elf_symbol *symbols, size_t count)
{
	int fd = open(target->file, O_RDONLY | O_CLOEXEC);
	struct elf_image *image = fd >= 0 ? elf_image_open(fd) : NULL;
	size_t found = image ? elf_image_symbols(image, symbols, count) : 0;

	for (size_t i = 0; i < count; i++) {
		if (symbols[i].address)
			symbols[i].address += target->bias;
	}
	elf_image_close(image);
	return found;
}

bool target_has_usdt(const struct target *target)
{
	struct elf_usdt probes[USDT_MOST];
	int fd = open(target->file, O_RDONLY | O_CLOEXEC);
	struct elf_image *image = fd >= 0 ? elf_image_open(fd) : NULL;
	size_t count = image ? elf_image_usdt(image, probes, USDT_MOST) : 0;
	bool found = false;

	for (size_t i = 0; i < count; i++)
		found = found || strcmp(probes[i].provider, "python") == 0;
	elf_image_close(image);
	return found;
}
