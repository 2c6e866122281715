// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "core.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEGMENTS_MOST (1u << 20)
#define NOTES_MOST (64u << 20) /* bytes */
#define ADDRESS_MOST (UINT64_C(1) << 57)
#define RANGE_BYTES (3 * sizeof(uint64_t)) /* of NT_FILE: start, end, offset */

/* A piece of the process's memory, and how much of it the core has. */
struct segment {
	uint64_t start, filled; /* addresses: [start, filled) is in the core, from offset on */
	uint64_t offset;
};

/* A file that was mapped. */
struct mapped {
	uint32_t path; /* index into the mappings' text */
	int fd; /* -1: not opened yet, or not to be had */
	bool tried;
	const char *opened; /* the path that worked */
};

/* A line of NT_FILE. */
struct range {
	uint64_t start, end, offset; /* addresses, and where in the file the first of them is */
	const char *path; /* in the notes; length bytes, which need not end there */
	size_t length;
	uint64_t inode; /* its file's index + 1 */
};

struct core {
	int fd;
	const char *const *given; /* borrowed, for as long as the core is read into a heap */
	size_t given_count;
	uint64_t size; /* of the core file, bytes */
	struct mappings mappings; /* a mapping's inode is its file's index + 1 */
	struct segment *segments; /* each mapping's */
	struct mapped *files;
	size_t file_count;
	/* Notes. */
	unsigned char *notes;
	pid_t pid;
	size_t threads;
	struct registers registers; /* of all of them; the heap takes them over */
	uint64_t program; /* address of the executable's program headers */
	char address_space[PROCESS_IDENTITY_BYTES];
	/* NT_FILE as it is in the notes. */
	const unsigned char *file_note;
	size_t file_note_size;
	struct range *ranges; /* what it says, by start */
	size_t range_count;
};

static void core_free(void *context)
{
	struct core *core = context;

	for (size_t i = 0; i < core->file_count; i++) {
		if (core->files[i].fd >= 0)
			close(core->files[i].fd);
	}
	free(core->files);
	free(core->ranges);
	free(core->segments);
	free(core->notes);
	registers_free(&core->registers);
	mappings_free(&core->mappings);
	close(core->fd);
	free(core);
}

bool core_is_one(int fd)
{
	Elf64_Ehdr header;

	return pread(fd, &header, sizeof(header), 0) == sizeof(header) &&
	       memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_type == ET_CORE;
}

/* --- what was mapped --- */

/* Copies what the core has of a page; false when it has none of it. */
static bool read_from_core(const struct core *core, size_t mapping, uint64_t address, unsigned char *bytes)
{
	const struct segment *segment = &core->segments[mapping];
	uint64_t have = segment->filled > address ? segment->filled - address : 0;

	if (!have)
		return false;
	if (have > MEMORY_PAGE_SIZE)
		have = MEMORY_PAGE_SIZE;
	memset(bytes + have, 0, MEMORY_PAGE_SIZE - have);
	return pread(core->fd, bytes, have, (off_t)(segment->offset + (address - segment->start))) == (ssize_t)have;
}

/* The page that a file begins with, if the core has it: 1 it is that file's, 0 it is not, -1 it cannot be told. */
static int begins_alike(const struct core *core, size_t file, int fd)
{
	unsigned char was[MEMORY_PAGE_SIZE], is[MEMORY_PAGE_SIZE] = {0};

	for (size_t i = 0; i < core->mappings.count; i++) {
		const struct mapping *mapping = &core->mappings.mapping[i];

		if (mapping->inode != file + 1 || mapping->offset || !read_from_core(core, i, mapping->start, was))
			continue;
		return pread(fd, is, sizeof(is), 0) > 0 && memcmp(was, is, sizeof(was)) == 0;
	}
	return -1;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Opens a file if it is the one that was mapped. */
static int open_if_same(const struct core *core, size_t file, const char *path, bool given)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), alike;
	struct stat status;

	if (fd < 0)
		return -1;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
		alike = begins_alike(core, file, fd);
		if (alike > 0 ||
			(alike < 0 && (!given || strcmp(base_name(path), base_name(core->mappings.text +
										   core->files[file].path)) == 0)))
			return fd;
	}
	close(fd);
	return -1;
}

static int file_open(struct core *core, size_t file)
{
	struct mapped *mapped = &core->files[file];

	if (mapped->tried)
		return mapped->fd;
	mapped->tried = true;
	for (size_t i = 0; i < core->given_count && mapped->fd < 0; i++) {
		mapped->opened = core->given[i];
		mapped->fd = open_if_same(core, file, mapped->opened, true);
	}
	if (mapped->fd < 0) {
		mapped->opened = core->mappings.text + mapped->path;
		mapped->fd = open_if_same(core, file, mapped->opened, false);
	}
	return mapped->fd;
}

static bool read_page(struct core *core, uint64_t page, unsigned char *bytes)
{
	uint64_t address = page << MEMORY_PAGE_SHIFT;
	const struct mapping *mapping = mappings_find(&core->mappings, address);
	ssize_t n;
	int fd;

	if (!mapping)
		return false;
	if (read_from_core(core, (size_t)(mapping - core->mappings.mapping), address, bytes))
		return true;
	/* What the process did not change is left out of a core. */
	fd = mapping->inode ? file_open(core, mapping->inode - 1) : -1;
	if (fd < 0)
		return false;
	n = pread(fd, bytes, MEMORY_PAGE_SIZE, (off_t)(mapping->offset + (address - mapping->start)));
	if (n <= 0)
		return false;
	memset(bytes + n, 0, MEMORY_PAGE_SIZE - (size_t)n);
	return true;
}

static size_t read_pages(void *context, uint64_t page, size_t count, unsigned char *bytes)
{
	size_t i = 0;

	while (i < count && read_page(context, page + i, bytes + i * MEMORY_PAGE_SIZE))
		i++;
	return i;
}

/* What the core itself has of a mapping: what the process did not change holds nothing of its own. */
static bool run_of_pages(void *context, size_t i, uint64_t *page, uint64_t *count)
{
	const struct core *core = context;

	if (i >= core->mappings.count)
		return false;
	*page = core->segments[i].start >> MEMORY_PAGE_SHIFT;
	*count = (core->segments[i].filled - core->segments[i].start) >> MEMORY_PAGE_SHIFT;
	return true;
}

/* --- target_origin --- */

static int open_mapped(void *context, const struct mapping *mapping, char *opened, size_t size)
{
	struct core *core = context;
	int fd = file_open(core, mapping->inode - 1);

	if (fd < 0)
		return -1;
	if (opened)
		snprintf(opened, size, "%s", core->files[mapping->inode - 1].opened);
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static ssize_t read_bytes(void *context, uint64_t address, void *buffer, size_t size)
{
	unsigned char bytes[MEMORY_PAGE_SIZE];
	size_t done = 0;

	while (done < size) {
		size_t within = (address + done) & (MEMORY_PAGE_SIZE - 1);
		size_t n = MEMORY_PAGE_SIZE - within < size - done ? MEMORY_PAGE_SIZE - within : size - done;

		if (!read_page(context, (address + done) >> MEMORY_PAGE_SHIFT, bytes))
			break;
		memcpy((char *)buffer + done, bytes + within, n);
		done += n;
	}
	return done ? (ssize_t)done : -1;
}

/* --- notes --- */

static void take_vector(struct core *core, const unsigned char *bytes, size_t size)
{
	process_address_space_of(bytes, size, core->address_space);
	for (size_t at = 0; at + 2 * sizeof(uint64_t) <= size; at += 2 * sizeof(uint64_t)) {
		uint64_t entry[2];

		memcpy(entry, bytes + at, sizeof(entry));
		if (entry[0] == AT_PHDR)
			core->program = entry[1];
	}
}

struct note {
	uint32_t type;
	const unsigned char *bytes; /* the description */
	size_t size;
};

/* The note at *at, which moves on behind it. Names are padded to 4 bytes, and so are the descriptions. */
static bool next_note(const unsigned char *bytes, size_t size, size_t *at, struct note *note)
{
	Elf64_Nhdr header;
	size_t left = size - *at, name, description;

	if (left < sizeof(header))
		return false;
	memcpy(&header, bytes + *at, sizeof(header));
	left -= sizeof(header);
	name = ((size_t)header.n_namesz + 3) & ~(size_t)3;
	description = ((size_t)header.n_descsz + 3) & ~(size_t)3;
	if (name > left || header.n_descsz > left - name)
		return false;
	left -= name;
	*note = (struct note){header.n_type, bytes + (size - left), header.n_descsz};
	*at = size - left + (description < left ? description : left);
	return true;
}

static void take_notes(struct core *core, const unsigned char *bytes, size_t size)
{
	struct note note;

	for (size_t at = 0; next_note(bytes, size, &at, &note);) {
		if (note.type == NT_FILE) {
			core->file_note = note.bytes;
			core->file_note_size = note.size;
		} else if (note.type == NT_AUXV) {
			take_vector(core, note.bytes, note.size);
		} else if (note.type == NT_PRSTATUS) {
			core->threads++;
		} else if (note.type == NT_PRPSINFO && note.size == sizeof(struct elf_prpsinfo)) {
			struct elf_prpsinfo info;

			memcpy(&info, note.bytes, sizeof(info));
			core->pid = info.pr_pid;
		}
	}
}

/* The larger set of NT_X86_XSTATE has that of NT_PRFPREG in it: no register is counted twice. */
static uint32_t vectors_type(const unsigned char *bytes, size_t size)
{
	struct note note;

	for (size_t at = 0; next_note(bytes, size, &at, &note);) {
		if (note.type == NT_X86_XSTATE)
			return NT_X86_XSTATE;
	}
	return NT_PRFPREG;
}

/*
 * NT_PRSTATUS of each thread: what is before pr_reg is the same on every 64-bit Linux, and which registers there are is
 * told by its length (fs/binfmt_elf.c, struct elf_prstatus; what follows them is a flag).
 */
static int take_registers(struct core *core, const unsigned char *bytes, size_t size)
{
	const size_t before = offsetof(struct elf_prstatus, pr_reg);
	const uint32_t vectors = vectors_type(bytes, size);
	size_t threads = 0;
	bool added = true;
	struct note note;

	for (size_t at = 0; added && next_note(bytes, size, &at, &note);) {
		if (note.type == NT_PRSTATUS && note.size > before) {
			added = registers_add(&core->registers, note.bytes + before, note.size - before);
			threads++;
		} else if (note.type == vectors) {
			added = registers_add(&core->registers, note.bytes, note.size);
		}
	}
	core->registers.known = threads && threads == core->threads;
	return added ? 0 : -1;
}

static int read_notes(struct core *core, const GElf_Phdr *header, const char *path, struct error *error)
{
	if (core->notes)
		return 0;
	if (header->p_filesz > NOTES_MOST)
		return error_set(error, ERROR_FAILED, "core file %s cannot be used: its notes are too long", path);
	/* The end of a text is always there. */
	core->notes = calloc(1, header->p_filesz + 1);
	if (!core->notes)
		return error_set(error, ERROR_FAILED, "out of memory");
	if (pread(core->fd, core->notes, header->p_filesz, (off_t)header->p_offset) != (ssize_t)header->p_filesz)
		return error_set(error, ERROR_FAILED, "core file %s cannot be used: its notes cannot be read", path);
	take_notes(core, core->notes, header->p_filesz);
	if (take_registers(core, core->notes, header->p_filesz) < 0)
		return error_set(error, ERROR_FAILED, "out of memory");
	return 0;
}

/* --- segments --- */

static int by_path(const void *a, const void *b)
{
	const struct range *x = a, *y = b;
	int order = memcmp(x->path, y->path, x->length < y->length ? x->length : y->length);

	return order ? order : (x->length > y->length) - (x->length < y->length);
}

static int by_range_start(const void *a, const void *b)
{
	uint64_t x = ((const struct range *)a)->start, y = ((const struct range *)b)->start;

	return (x > y) - (x < y);
}

/* Gives each range its file. The mappings' text holds each path once, after an empty one. */
static int list_files(struct core *core)
{
	char *text;
	size_t size = 1, need = 1;

	qsort(core->ranges, core->range_count, sizeof(*core->ranges), by_path);
	for (size_t i = 0; i < core->range_count; i++)
		need += core->ranges[i].length + 1;
	core->mappings.text = text = calloc(1, need);
	core->files = calloc(core->range_count + 1, sizeof(*core->files));
	if (!text || !core->files || need > UINT32_MAX)
		return -1;
	for (size_t i = 0; i < core->range_count; i++) {
		struct range *range = &core->ranges[i];

		if (!i || by_path(range, range - 1) != 0) {
			core->files[core->file_count++] = (struct mapped){.path = (uint32_t)size, .fd = -1};
			memcpy(text + size, range->path, range->length);
			size += range->length + 1;
		}
		range->inode = core->file_count;
	}
	qsort(core->ranges, core->range_count, sizeof(*core->ranges), by_range_start);
	return 0;
}

/*
 * NT_FILE: how many, the unit of offsets, then start, end, offset of each, then the paths (fs/binfmt_elf.c). A note
 * begins where it happens to, at no address that a number would.
 */
static int list_ranges(struct core *core)
{
	const unsigned char *at = core->file_note;
	const char *path, *end = (const char *)at + core->file_note_size;
	uint64_t head[2] = {0};

	if (core->file_note_size >= sizeof(head))
		memcpy(head, at, sizeof(head));
	if (head[0] > (core->file_note_size - sizeof(head)) / RANGE_BYTES || !head[1] || head[1] > 1u << 20)
		head[0] = 0;
	core->ranges = calloc(head[0] + 1, sizeof(*core->ranges));
	if (!core->ranges)
		return -1;
	path = head[0] ? (const char *)at + sizeof(head) + head[0] * RANGE_BYTES : end;
	for (uint64_t i = 0; i < head[0] && path < end; i++) {
		size_t length = strnlen(path, (size_t)(end - path));
		uint64_t one[3];

		memcpy(one, at + sizeof(head) + i * RANGE_BYTES, sizeof(one));
		if (one[0] % MEMORY_PAGE_SIZE == 0 && one[0] < one[1] && one[1] <= ADDRESS_MOST)
			core->ranges[core->range_count++] = (struct range){.start = one[0],
				.end = one[1],
				.offset = one[2] * head[1],
				.path = path,
				.length = length};
		path += length + 1;
	}
	return list_files(core);
}

/* Gives each mapping its file. */
static void name_mappings(struct core *core)
{
	for (size_t i = 0, k = 0; i < core->mappings.count; i++) {
		struct mapping *mapping = &core->mappings.mapping[i];
		const struct range *range;

		while (k < core->range_count && core->ranges[k].start <= mapping->start)
			k++;
		range = k ? &core->ranges[k - 1] : NULL;
		if (!range || mapping->start >= range->end)
			continue;
		mapping->inode = range->inode;
		mapping->path = core->files[range->inode - 1].path;
		mapping->offset = range->offset + (mapping->start - range->start);
	}
}

static int by_start(const void *a, const void *b)
{
	uint64_t x = ((const struct mapping *)a)->start, y = ((const struct mapping *)b)->start;

	return (x > y) - (x < y);
}

static int by_segment_start(const void *a, const void *b)
{
	uint64_t x = ((const struct segment *)a)->start, y = ((const struct segment *)b)->start;

	return (x > y) - (x < y);
}

static void sort_mappings(struct core *core)
{
	qsort(core->segments, core->mappings.count, sizeof(*core->segments), by_segment_start);
	qsort(core->mappings.mapping, core->mappings.count, sizeof(*core->mappings.mapping), by_start);
}

/* gcore leaves out segments that it does not dump: what of them was of a file, NT_FILE tells. */
static int add_files(struct core *core)
{
	size_t known = core->mappings.count, room = known + core->range_count;
	struct segment *segments = realloc(core->segments, (room + 1) * sizeof(*segments));
	struct mapping *mappings;

	if (!segments)
		return -1;
	core->segments = segments;
	mappings = realloc(core->mappings.mapping, (room + 1) * sizeof(*mappings));
	if (!mappings)
		return -1;
	core->mappings.mapping = mappings;
	sort_mappings(core);
	for (size_t i = 0, k = 0; i < core->range_count; i++) {
		uint64_t start = core->ranges[i].start, end = core->ranges[i].end;

		while (k < known && mappings[k].start < start)
			k++;
		if ((k < known && mappings[k].start < end) || (k && mappings[k - 1].end > start))
			continue;
		segments[core->mappings.count] = (struct segment){start, start, 0};
		mappings[core->mappings.count++] = (struct mapping){.start = start, .end = end, .readable = true};
	}
	return 0;
}

/* A PT_LOAD. */
static int take_segment(struct core *core, const GElf_Phdr *header, const char *path, struct error *error)
{
	struct mappings *mappings = &core->mappings;
	size_t i = mappings->count;

	if (header->p_vaddr % MEMORY_PAGE_SIZE || header->p_memsz > ADDRESS_MOST - header->p_vaddr ||
		header->p_filesz > header->p_memsz)
		return error_set(
			error, ERROR_FAILED, "core file %s cannot be used: segment %zu makes no sense", path, i);
	core->segments[i] = (struct segment){header->p_vaddr, header->p_vaddr + header->p_filesz, header->p_offset};
	mappings->mapping[i] = (struct mapping){.start = header->p_vaddr,
		.end = header->p_vaddr + ((header->p_memsz + MEMORY_PAGE_SIZE - 1) & ~(uint64_t)(MEMORY_PAGE_SIZE - 1)),
		.readable = true,
		.writable = header->p_flags & PF_W,
		.executable = header->p_flags & PF_X};
	mappings->count++;
	return 0;
}

/* Whether the file ends before these bytes do. */
static bool lacks(const struct core *core, uint64_t offset, uint64_t size)
{
	return size && (offset > core->size || size > core->size - offset);
}

static int cut_short(const struct core *core, const char *path, const char *where, struct error *error)
{
	return error_set(error, ERROR_FAILED,
		"core file %s cannot be used: it is cut short at byte %llu, in %s (ulimit -c, or a full disk)", path,
		(unsigned long long)core->size, where);
}

/* All that the file's headers speak of is there, also what nobody will ask for: a core is whole, or none. */
static int is_whole(const struct core *core, Elf *elf, size_t *count, const char *path, struct error *error)
{
	char where[64];
	GElf_Ehdr file;

	if (!gelf_getehdr(elf, &file))
		return error_set(error, ERROR_FAILED, "core file %s cannot be used: %s", path, elf_errmsg(-1));
	if (lacks(core, file.e_phoff, (uint64_t)file.e_phnum * file.e_phentsize))
		return cut_short(core, path, "its headers", error);
	if (elf_getphdrnum(elf, count) < 0 || !*count || *count > SEGMENTS_MOST)
		return error_set(error, ERROR_FAILED,
			"core file %s cannot be used: it has no segments, or makes no sense", path);
	for (size_t i = 0; i < *count; i++) {
		GElf_Phdr header;

		if (!gelf_getphdr(elf, (int)i, &header))
			return cut_short(core, path, "its headers", error);
		if (!lacks(core, header.p_offset, header.p_filesz))
			continue;
		snprintf(where, sizeof(where), "the memory at %#llx", (unsigned long long)header.p_vaddr);
		return cut_short(core, path, header.p_type == PT_LOAD ? where : "its notes", error);
	}
	if (lacks(core, file.e_shoff, (uint64_t)file.e_shnum * file.e_shentsize))
		return cut_short(core, path, "its last headers", error);
	return 0;
}

static int read_headers(struct core *core, Elf *elf, const char *path, struct error *error)
{
	size_t count;
	int result = 0;

	if (is_whole(core, elf, &count, path, error) < 0)
		return -1;
	core->segments = calloc(count, sizeof(*core->segments));
	core->mappings.mapping = calloc(count, sizeof(*core->mappings.mapping));
	if (!core->segments || !core->mappings.mapping)
		return error_set(error, ERROR_FAILED, "out of memory");
	for (size_t i = 0; i < count && result == 0; i++) {
		GElf_Phdr header;

		if (!gelf_getphdr(elf, (int)i, &header))
			return cut_short(core, path, "its headers", error);
		if (header.p_type == PT_NOTE)
			result = read_notes(core, &header, path, error);
		/* [vsyscall] is the kernel's. */
		else if (header.p_type == PT_LOAD && header.p_memsz && header.p_vaddr < ADDRESS_MOST)
			result = take_segment(core, &header, path, error);
	}
	if (result < 0)
		return -1;
	if (list_ranges(core) < 0 || add_files(core) < 0)
		return error_set(error, ERROR_FAILED, "out of memory");
	sort_mappings(core);
	name_mappings(core);
	return 0;
}

/* --- the heap --- */

/* A file that the search for Python would have needed. */
static const char *file_missing(const struct core *core, const struct mapping *program)
{
	const struct mapped *file = program && program->inode ? &core->files[program->inode - 1] : NULL;

	if (file && file->tried && file->fd < 0)
		return core->mappings.text + file->path;
	for (size_t i = 0; i < core->file_count; i++) {
		const char *path = core->mappings.text + core->files[i].path;

		if (core->files[i].tried && core->files[i].fd < 0 && strstr(base_name(path), "python"))
			return path;
	}
	return NULL;
}

/* What the user gave has at least to be there. */
static int check_given(const struct core *core, struct error *error)
{
	for (size_t i = 0; i < core->given_count; i++) {
		if (access(core->given[i], R_OK) < 0)
			return error_set(
				error, ERROR_FAILED, "cannot read --exe %s: %s", core->given[i], strerror(errno));
	}
	return 0;
}

static int find_python(struct core *core, struct heap *heap, const char *path, struct error *error)
{
	const struct target_origin origin = {&core->mappings, open_mapped, read_bytes, core};
	const struct mapping *program = mappings_find(&core->mappings, core->program);
	struct target *target = &heap->target;
	const char *missing;
	struct error why;

	target->process = (struct process){.pid = core->pid, .directory = -1, .memory = -1};
	snprintf(target->executable, sizeof(target->executable), "%s",
		program && program->inode ? mapping_path(&core->mappings, program) : "?");
	if (target_find(target, &origin, &why) == 0 && python_open(&heap->python, target, heap->memory, &why) == 0)
		return 0;
	missing = file_missing(core, program);
	if (missing)
		return error_set(error, ERROR_FAILED,
			"core file %s cannot be read without the program that it is of: %s is not here, or is another "
			"build now; %s",
			path, missing,
			core->given_count ? "what --exe gives is no file, or another build, too"
					  : "give it with --exe FILE");
	if (!core->file_count)
		return error_set(error, ERROR_FAILED,
			"core file %s does not say which files were mapped (it has no note NT_FILE)", path);
	return error_set(error, ERROR_FAILED, "core file %s cannot be used: %s", path, why.text);
}

static int read_heap(struct core *core, struct heap *heap, const char *path, struct error *error)
{
	struct error why;

	if (check_given(core, error) < 0 || find_python(core, heap, path, error) < 0)
		return -1;
	heap->threads = core->threads;
	heap->usdt = target_has_usdt(&heap->target);
	strcpy(heap->address_space, core->address_space);
	if (capture_from(&heap->python, heap->memory, &heap->capture, &why) == 0) {
		heap->capture.registers = core->registers;
		core->registers = (struct registers){0};
		return 0;
	}
	if (why.code == ERROR_INTERRUPTED) {
		*error = why;
		return -1;
	}
	return error_set(error, ERROR_FAILED,
		"core file %s is of a moment at which its objects cannot be counted: %s%s", path, why.text,
		why.code == ERROR_AGAIN || why.code == ERROR_COLLECTING ? "; another one may do" : "");
}

int core_read(
	struct heap *heap, int fd, const char *path, const char *const *files, size_t file_count, struct error *error)
{
	struct core *core = calloc(1, sizeof(*core));
	struct memory_source source = {read_pages, core_free, run_of_pages, core};
	struct stat status;
	Elf *elf;
	int result;

	if (!core) {
		close(fd);
		return error_set(error, ERROR_FAILED, "out of memory");
	}
	core->fd = fd;
	core->given = files;
	core->given_count = file_count;
	heap->memory = memory_new_from(&source);
	if (!heap->memory)
		// cppcheck-suppress memleak ; memory_new_from() took it over
		return error_set(error, ERROR_FAILED, "out of memory");
	core->size = fstat(fd, &status) == 0 ? (uint64_t)status.st_size : 0;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF)
		result = error_set(error, ERROR_FAILED, "core file %s cannot be used: %s", path, elf_errmsg(-1));
	else if (gelf_getclass(elf) != ELFCLASS64 || elf_getident(elf, NULL)[EI_DATA] != ELFDATA2LSB)
		result = error_set(error, ERROR_FAILED,
			"core file %s is of a 32-bit or big-endian program, which is not supported", path);
	else
		result = read_headers(core, elf, path, error);
	elf_end(elf);
	return result < 0 ? -1 : read_heap(core, heap, path, error);
}
