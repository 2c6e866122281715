// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "interrupt.h"
#include "list.h"
#include "snapshot.h"
#include "snapshot_format.h"
#include "stride.h"
#include "wire.h"

/* Unpacked blocks that are kept. */
#define CACHED 64
#define PAGES_BYTES ((size_t)SNAPSHOT_PAGES_MOST * MEMORY_PAGE_SIZE)
#define INTERPRETERS_MOST 4096u
#define SEGMENTS_MOST (INTERPRETERS_MOST * (GENERATION_PERMANENT + 1))
#define OBJECTS_MOST (UINT64_C(1) << 31)
#define PAGE_MOST (UINT64_C(1) << (57 - MEMORY_PAGE_SHIFT))
#define TIME_MOST (UINT64_C(1) << 62)

/* Where a block of pages is in the file. */
struct stored {
	off_t at; /* of its header */
	struct snapshot_header header;
	size_t size; /* of its pages, bytes */
};

/* Neighbouring pages, in one block. */
struct run {
	uint64_t page;
	uint32_t count;
	uint32_t block;
	uint32_t index; /* of the first of them among the block's stored pages */
	bool zeros; /* of which none is stored */
};

struct reading {
	int fd;
	char version; /* of the format, as the file has it */
	ZSTD_DCtx *context;
	unsigned char *bytes; /* what follows a header */
	size_t room;
	unsigned char *encoded; /* what a block of pages unpacks to */

	struct stored *blocks;
	size_t block_count;
	struct run *runs; /* ascending */
	size_t run_count;

	uint32_t cached[CACHED]; /* block + 1 */
	unsigned char *cache[CACHED];
};

static void reading_free(void *context)
{
	struct reading *reading = context;

	for (size_t i = 0; i < CACHED; i++)
		free(reading->cache[i]);
	free(reading->blocks);
	free(reading->runs);
	free(reading->bytes);
	free(reading->encoded);
	ZSTD_freeDCtx(reading->context);
	close(reading->fd);
	free(reading);
}

/* One more element in a list that grows by doubling. */
static void *one_more(void **list, size_t *count, size_t size)
{
	if (!list_make_room(list, *count, size))
		return NULL;
	return (char *)*list + (*count)++ * size;
}

/* --- blocks --- */

enum fault { FAULT_NONE, FAULT_CUT, FAULT_CHECKSUM, FAULT_SENSE, FAULT_READ, FAULT_MEMORY };

static enum fault read_all(int fd, void *bytes, size_t size, off_t at)
{
	while (size) {
		ssize_t n = pread(fd, bytes, size, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? FAULT_READ : FAULT_CUT;
		bytes = (char *)bytes + n;
		at += n;
		size -= (size_t)n;
	}
	return FAULT_NONE;
}

static bool header_fits(const struct snapshot_header *header)
{
	static const uint32_t most[] = {
		[SNAPSHOT_ABOUT] = 1,
		[SNAPSHOT_TYPES] = SNAPSHOT_TYPES_MOST,
		[SNAPSHOT_OBJECTS] = SNAPSHOT_OBJECTS_MOST,
		[SNAPSHOT_PAGES] = SNAPSHOT_PAGES_MOST,
		[SNAPSHOT_END] = UINT32_MAX,
	};

	return header->kind >= SNAPSHOT_ABOUT && header->kind <= SNAPSHOT_END && !header->reserved &&
	       header->raw <= SNAPSHOT_RAW_MOST && header->list <= header->stored &&
	       header->stored - header->list <= ZSTD_compressBound(header->raw) &&
	       header->list <= SNAPSHOT_PAGES_MOST * 20 && header->count <= most[header->kind];
}

/* Reads a header and what follows it to reading->bytes. */
static enum fault read_block(struct reading *reading, off_t at, struct snapshot_header *header)
{
	enum fault fault = read_all(reading->fd, header, sizeof(*header), at);

	if (fault)
		return fault;
	if (!header_fits(header))
		return FAULT_SENSE;
	if (header->stored > reading->room) {
		unsigned char *grown = realloc(reading->bytes, header->stored);

		if (!grown)
			return FAULT_MEMORY;
		reading->bytes = grown;
		reading->room = header->stored;
	}
	fault = read_all(reading->fd, reading->bytes, header->stored, at + (off_t)sizeof(*header));
	if (!fault && snapshot_checksum(header, reading->bytes) != header->checksum)
		fault = FAULT_CHECKSUM;
	return fault;
}

/* The frame behind the list, which is in reading->bytes; room for header->raw bytes. */
static bool unpack(struct reading *reading, const struct snapshot_header *header, void *raw)
{
	size_t size;

	if (!header->raw)
		return header->stored == header->list;
	size = ZSTD_decompressDCtx(
		reading->context, raw, header->raw, reading->bytes + header->list, header->stored - header->list);
	return !ZSTD_isError(size) && size == header->raw;
}

/* --- what the blocks hold --- */

static bool get_flag(struct wire_reader *reader, bool *flag)
{
	uint64_t value;
	bool got = wire_get_number(reader, 1, &value);

	*flag = value;
	return got;
}

static bool get_size(struct wire_reader *reader, uint64_t most, size_t *size)
{
	uint64_t value;
	bool got = wire_get_number(reader, most, &value);

	*size = value;
	return got;
}

static bool get_real(struct wire_reader *reader, double unit, double *real)
{
	uint64_t value;
	bool got = wire_get_number(reader, TIME_MOST, &value);

	*real = (double)value * unit;
	return got;
}

/* A text into an array of that size. */
static bool get_short(struct wire_reader *reader, char *text, size_t size)
{
	char *got = NULL;
	bool fits = wire_get_text(reader, size - 1, &got) && got;

	if (fits)
		strcpy(text, got);
	free(got);
	return fits;
}

static bool get_segments(struct wire_reader *reader, struct census *census)
{
	size_t count;

	if (!get_size(reader, INTERPRETERS_MOST, &census->interpreters) || !get_size(reader, SEGMENTS_MOST, &count) ||
		count > (size_t)(reader->end - reader->at))
		return false;
	census->segments = calloc(count + 1, sizeof(*census->segments));
	if (!census->segments)
		return false;
	for (size_t i = 0; i < count; i++) {
		struct census_segment *segment = &census->segments[i];
		uint64_t interpreter, generation;

		if (!wire_get_number(reader, UINT32_MAX, &interpreter) ||
			!wire_get_number(reader, GENERATION_PERMANENT, &generation) ||
			!get_size(reader, OBJECTS_MOST, &segment->count))
			return false;
		segment->interpreter = (uint32_t)interpreter;
		segment->generation = (int)generation;
		segment->first = census->capacity;
		census->capacity += segment->count; /* objects to come */
		if (segment->generation == GENERATION_PERMANENT)
			census->frozen += segment->count;
		else
			census->objects += segment->count;
		census->segment_count++;
	}
	return census->capacity <= OBJECTS_MOST;
}

/* How many there are + 1 (0: nobody knows), then each. */
static bool get_registers(struct wire_reader *reader, struct registers *registers)
{
	size_t count;

	if (!get_size(reader, SNAPSHOT_REGISTERS_MOST + 1, &count) || count > (size_t)(reader->end - reader->at) + 1)
		return false;
	if (!count)
		return true;
	registers->known = true;
	registers->word = calloc(count, sizeof(*registers->word));
	if (!registers->word)
		return false;
	for (; registers->count < count - 1; registers->count++) {
		if (!wire_get_number(reader, UINT64_MAX, &registers->word[registers->count]))
			return false;
	}
	return true;
}

static bool get_about(struct wire_reader *reader, char format, struct heap *heap)
{
	struct target *target = &heap->target;
	struct capture *capture = &heap->capture;
	uint64_t pid, version, flags, stopped, state;

	if (!wire_get_number(reader, INT_MAX, &pid) || !get_short(reader, heap->identity, sizeof(heap->identity)) ||
		!get_short(reader, heap->address_space, sizeof(heap->address_space)) ||
		!get_short(reader, target->executable, sizeof(target->executable)) ||
		!get_real(reader, 1e-6, &heap->time) || !get_size(reader, INT_MAX, &heap->threads) ||
		!wire_get_number(reader, UINT32_MAX, &version) || !wire_get_number(reader, 3, &flags) ||
		!wire_get_number(reader, UINT64_MAX, &target->bias) ||
		!wire_get_number(reader, UINT64_MAX, &target->runtime) ||
		!wire_get_number(reader, UINT64_MAX, &target->gc_generation0) ||
		!wire_get_number(reader, UINT64_MAX, &target->tstate_current) ||
		!wire_get_number(reader, UINT64_MAX, &target->interp_head) ||
		!wire_get_number(reader, UINT64_MAX, &target->gc_collecting) ||
		!get_real(reader, 1e-3, &capture->pause_ms) || !wire_get_number(reader, INT_MAX, &stopped) ||
		!get_flag(reader, &capture->stopped_all) || !wire_get_number(reader, CHAR_MAX, &state) ||
		!get_size(reader, SNAPSHOT_TYPES_MOST, &capture->unnamed) ||
		!get_size(reader, SIZE_MAX, &capture->missing) || !get_segments(reader, &capture->census) ||
		(format != SNAPSHOT_WITHOUT_REGISTERS && !get_registers(reader, &capture->registers)))
		return false;
	target->process.pid = (pid_t)pid;
	target->version = (uint32_t)version;
	target->debug = flags & 1;
	heap->usdt = flags & 2;
	capture->stopped = (unsigned int)stopped;
	capture->state = (char)state;
	return pid && reader->at == reader->end;
}

static bool get_types(struct wire_reader *reader, size_t count, struct capture *capture)
{
	struct type_table *types = &capture->census.types;

	capture->names = calloc(count + 1, sizeof(*capture->names));
	if (!capture->names)
		return false;
	for (; types->count < count; types->count++) {
		struct type_name *name = &capture->names[types->count];

		if (!list_make_room((void **)&types->type, types->count, sizeof(*types->type)))
			return false;
		types->type[types->count] = (struct census_type){0};
		if (!wire_get_number(reader, UINT64_MAX, &types->type[types->count].address) ||
			!wire_get_text(reader, SNAPSHOT_TEXT_MOST, &name->name) || !name->name ||
			!wire_get_text(reader, SNAPSHOT_TEXT_MOST, &name->module)) {
			type_name_free(name);
			return false;
		}
	}
	return reader->at == reader->end;
}

static bool get_objects(const unsigned char *raw, size_t count, struct census *census)
{
	const uint64_t *distance = (const uint64_t *)raw;
	uint64_t address = 0;

	for (size_t i = 0; i < count; i++)
		census->address[census->count + i] = address += distance[i];
	memcpy(census->type + census->count, distance + count, count * sizeof(*census->type));
	for (size_t i = census->count; i < census->count + count; i++) {
		if (census->type[i] >= census->types.count)
			return false;
	}
	census->count += count;
	return true;
}

/* How many of each type there are: what is counted cannot contradict what there is. */
static void count_types(struct census *census)
{
	for (size_t i = 0; i < census->segment_count; i++) {
		const struct census_segment *segment = &census->segments[i];
		bool frozen = segment->generation == GENERATION_PERMANENT;

		for (size_t k = segment->first; k < segment->first + segment->count; k++) {
			struct census_type *type = &census->types.type[census->type[k]];

			frozen ? type->frozen++ : type->count++;
		}
	}
}

static bool get_runs(
	struct wire_reader *reader, struct reading *reading, const struct snapshot_header *header, size_t *size)
{
	const struct run *last = reading->run_count ? &reading->runs[reading->run_count - 1] : NULL;
	uint64_t page = 0, least = last ? last->page + last->count : 0;
	uint32_t all = 0, stored = 0;

	while (reader->at < reader->end) {
		uint64_t gap, length;
		struct run *run;

		if (!wire_get_number(reader, PAGE_MOST, &gap) ||
			!wire_get_number(reader, 2 * SNAPSHOT_PAGES_MOST + 1, &length))
			return false;
		page += gap;
		if (page < least || page + (length >> 1) > PAGE_MOST || length < 2)
			return false;
		run = one_more((void **)&reading->runs, &reading->run_count, sizeof(*run));
		if (!run)
			return false;
		*run = (struct run){.page = page,
			.count = (uint32_t)(length >> 1),
			.block = (uint32_t)reading->block_count,
			.index = stored,
			.zeros = length & 1};
		all += run->count;
		stored += run->zeros ? 0 : run->count;
		page += run->count;
		least = page;
	}
	*size = (size_t)stored * MEMORY_PAGE_SIZE;
	return all == header->count && header->raw <= STRIDE_BOUND(*size);
}

static enum fault take_pages(struct reading *reading, const struct snapshot_header *header, off_t at)
{
	struct wire_reader reader = {reading->bytes, reading->bytes + header->list};
	struct stored *stored;
	size_t size;

	if (!get_runs(&reader, reading, header, &size))
		return FAULT_SENSE;
	stored = one_more((void **)&reading->blocks, &reading->block_count, sizeof(*stored));
	if (!stored)
		return FAULT_MEMORY;
	*stored = (struct stored){at, *header, size};
	return FAULT_NONE;
}

static enum fault take_objects(struct reading *reading, const struct snapshot_header *header, struct census *census)
{
	unsigned char *raw;
	bool good;

	if (header->raw != header->count * SNAPSHOT_OBJECT_BYTES || header->count > census->capacity - census->count)
		return FAULT_SENSE;
	/* Only now: the file holds as much as it said. */
	if (!census->address) {
		census->address = malloc(census->capacity * sizeof(*census->address));
		census->type = malloc(census->capacity * sizeof(*census->type));
	}
	raw = malloc(header->raw + 1);
	good = raw && census->address && census->type;
	if (!good) {
		free(raw);
		return FAULT_MEMORY;
	}
	good = unpack(reading, header, raw) && get_objects(raw, header->count, census);
	free(raw);
	return good ? FAULT_NONE : FAULT_SENSE;
}

/* ABOUT and TYPES. */
static enum fault take_facts(struct reading *reading, const struct snapshot_header *header, struct heap *heap)
{
	unsigned char *raw = malloc(header->raw + 1);
	struct wire_reader reader;
	bool good;

	if (!raw)
		return FAULT_MEMORY;
	reader = (struct wire_reader){raw, raw + header->raw};
	good = !header->list && unpack(reading, header, raw) &&
	       (header->kind == SNAPSHOT_ABOUT ? get_about(&reader, reading->version, heap)
					       : get_types(&reader, header->count, &heap->capture));
	free(raw);
	return good ? FAULT_NONE : FAULT_SENSE;
}

/* Blocks come in the order of their kinds, ABOUT and TYPES once each. */
static enum fault take_block(struct reading *reading, const struct snapshot_header *header, off_t at, uint32_t before,
	size_t blocks, struct heap *heap)
{
	bool once = header->kind == SNAPSHOT_ABOUT || header->kind == SNAPSHOT_TYPES;

	if (header->kind < before || (once && header->kind != before + 1) || (!once && before < SNAPSHOT_TYPES))
		return FAULT_SENSE;
	switch (header->kind) {
	case SNAPSHOT_OBJECTS:
		return take_objects(reading, header, &heap->capture.census);
	case SNAPSHOT_PAGES:
		return take_pages(reading, header, at);
	case SNAPSHOT_END:
		return header->count == blocks && !header->stored &&
				       heap->capture.census.count == heap->capture.census.capacity
			       ? FAULT_NONE
			       : FAULT_SENSE;
	default:
		return take_facts(reading, header, heap);
	}
}

/* Reads all blocks; *at is where it ended. */
static enum fault read_blocks(struct reading *reading, struct heap *heap, off_t *at)
{
	uint32_t before = 0;
	unsigned char more;

	*at = SNAPSHOT_MAGIC_BYTES;
	for (size_t blocks = 0; before != SNAPSHOT_END && !interrupt_signal; blocks++) {
		struct snapshot_header header;
		enum fault fault = read_block(reading, *at, &header);

		if (!fault)
			fault = take_block(reading, &header, *at, before, blocks, heap);
		if (fault)
			return fault;
		before = header.kind;
		*at += (off_t)(sizeof(header) + header.stored);
	}
	return read_all(reading->fd, &more, 1, *at) == FAULT_CUT ? FAULT_NONE : FAULT_SENSE;
}

/* --- pages --- */

/* Unpacked pages of a block; NULL when the file is not what it was any more. */
static const unsigned char *block_pages(struct reading *reading, uint32_t block)
{
	const struct stored *stored = &reading->blocks[block];
	size_t place = block % CACHED;
	struct snapshot_header header;

	if (reading->cached[place] == block + 1)
		return reading->cache[place];
	reading->cached[place] = 0;
	if (!reading->cache[place])
		reading->cache[place] = malloc(PAGES_BYTES);
	if (!reading->encoded)
		reading->encoded = malloc(STRIDE_BOUND(PAGES_BYTES));
	if (!reading->cache[place] || !reading->encoded || read_block(reading, stored->at, &header) != FAULT_NONE ||
		memcmp(&header, &stored->header, sizeof(header)) != 0 || !unpack(reading, &header, reading->encoded) ||
		!stride_decode(reading->encoded, header.raw, reading->cache[place], stored->size))
		return NULL;
	reading->cached[place] = block + 1;
	return reading->cache[place];
}

static const struct run *find_run(const struct reading *reading, uint64_t page)
{
	size_t low = 0, high = reading->run_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (reading->runs[middle].page + reading->runs[middle].count <= page)
			low = middle + 1;
		else
			high = middle;
	}
	return low < reading->run_count && reading->runs[low].page <= page ? &reading->runs[low] : NULL;
}

static size_t read_pages(void *context, uint64_t page, size_t count, unsigned char *bytes)
{
	size_t i = 0;

	for (; i < count; i++) {
		const struct run *run = find_run(context, page + i);
		const unsigned char *pages = run && !run->zeros ? block_pages(context, run->block) : NULL;

		if (!run || (!run->zeros && !pages))
			break;
		if (run->zeros)
			memset(bytes + i * MEMORY_PAGE_SIZE, 0, MEMORY_PAGE_SIZE);
		else
			memcpy(bytes + i * MEMORY_PAGE_SIZE,
				pages + (run->index + (page + i - run->page)) * MEMORY_PAGE_SIZE, MEMORY_PAGE_SIZE);
	}
	return i;
}

static bool run_of_pages(void *context, size_t i, uint64_t *page, uint64_t *count)
{
	const struct reading *reading = context;

	if (i >= reading->run_count)
		return false;
	*page = reading->runs[i].page;
	*count = reading->runs[i].count;
	return true;
}

/* --- the file --- */

bool snapshot_is_one(int fd)
{
	char first[SNAPSHOT_VERSION_AT];

	return read_all(fd, first, sizeof(first), 0) == FAULT_NONE && memcmp(first, SNAPSHOT_MAGIC, sizeof(first)) == 0;
}

static int refuse(const char *path, enum fault fault, off_t at, struct error *error)
{
	if (interrupt_signal)
		return error_set(error, ERROR_INTERRUPTED, "interrupted");
	if (fault == FAULT_MEMORY)
		return error_set(error, ERROR_FAILED, "out of memory");
	return error_set(error, ERROR_FAILED, "snapshot %s cannot be used: %s at byte %lld", path,
		fault == FAULT_CUT	  ? "it is cut short in the block"
		: fault == FAULT_CHECKSUM ? "it was altered (the checksum differs) in the block"
		: fault == FAULT_READ	  ? strerror(errno)
					  : "what it says makes no sense",
		(long long)at);
}

/* What the file says of the Python is proved against its memory, as with a process. */
static int settle(struct heap *heap, const char *path, struct error *error)
{
	struct error why;

	target_version_text(&heap->target);
	heap->target.process.directory = heap->target.process.memory = -1;
	if (python_open(&heap->python, &heap->target, heap->memory, &why) == 0)
		return 0;
	return error_set(error, ERROR_FAILED, "snapshot %s cannot be used: %s", path, why.text);
}

static bool is_known(const char magic[SNAPSHOT_MAGIC_BYTES])
{
	char known[SNAPSHOT_MAGIC_BYTES] = SNAPSHOT_MAGIC;

	if (magic[SNAPSHOT_VERSION_AT] == SNAPSHOT_WITHOUT_REGISTERS)
		known[SNAPSHOT_VERSION_AT] = SNAPSHOT_WITHOUT_REGISTERS;
	return memcmp(magic, known, sizeof(known)) == 0;
}

int snapshot_read(struct heap *heap, int fd, const char *path, struct error *error)
{
	struct reading *reading = calloc(1, sizeof(*reading));
	struct memory_source source = {read_pages, reading_free, run_of_pages, reading};
	char magic[SNAPSHOT_MAGIC_BYTES];
	enum fault fault;
	off_t at = 0;

	if (!reading) {
		close(fd);
		return error_set(error, ERROR_FAILED, "out of memory");
	}
	reading->fd = fd;
	reading->context = ZSTD_createDCtx();
	heap->memory = memory_new_from(&source);
	if (!heap->memory)
		// cppcheck-suppress memleak ; memory_new_from() took it over
		return error_set(error, ERROR_FAILED, "out of memory");
	fault = reading->context ? read_all(fd, magic, sizeof(magic), 0) : FAULT_MEMORY;
	if (!fault && !is_known(magic))
		// cppcheck-suppress memleak
		return error_set(error, ERROR_FAILED,
			"snapshot %s has a version that is not known here: a newer objgraph-trace may read it", path);
	if (!fault) {
		reading->version = magic[SNAPSHOT_VERSION_AT];
		fault = read_blocks(reading, heap, &at);
	}
	if (fault || interrupt_signal)
		return refuse(path, fault, at, error);
	count_types(&heap->capture.census);
	return settle(heap, path, error);
}
