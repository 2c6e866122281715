// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_snapshot   heaps in files that somebody altered, with every checksum made right again: refused, or a heap that
 * hangs together, and never a crash. The process is one of our own making: what a Python 3.8 would have in its memory,
 * in an array of this program that is called _PyRuntime.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <unistd.h>
#include <zstd.h>

#include "check.h"
#include "heap.h"
#include "inspect.h"
#include "newids.h"
#include "snapshot.h"
#include "snapshot_format.h"
#include "wire.h"

#define VERSION 0x030812f0
#define PAGES 320
#define NODES 3000
#define PID 4711
#define THREADS 3

/* The symbols by which a core's Python is found, in this program as in an interpreter. */
extern unsigned char _PyRuntime[PAGES * MEMORY_PAGE_SIZE];
extern unsigned long Py_Version;
unsigned char _PyRuntime[PAGES * MEMORY_PAGE_SIZE] __attribute__((aligned(MEMORY_PAGE_SIZE)));
unsigned long Py_Version = VERSION;

/* --- chance, the same in every run --- */

static uint64_t chance = 0x9e3779b97f4a7c15;

static uint64_t any(uint64_t below)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (chance >> 11) % below;
}

/* Numbers that a bound may have forgotten. */
static uint64_t insane(void)
{
	static const uint64_t values[] = {0, 1, 2, 7, 127, 128, 255, 4095, 4096, 65535, 65536, 65537, INT32_MAX,
		UINT32_MAX, UINT32_MAX - 1, UINT64_C(1) << 32, UINT64_C(1) << 57, INT64_MAX, UINT64_MAX,
		UINT64_MAX - 4095};

	return any(4) ? values[any(sizeof(values) / sizeof(*values))] : any(UINT64_MAX);
}

/* --- a Python --- */

static size_t used; /* bytes of the array */

static uint64_t room(size_t size)
{
	uint64_t address = (uint64_t)_PyRuntime + used;

	used += (size + 15) & ~(size_t)15;
	if (used > sizeof(_PyRuntime))
		exit(1);
	return address;
}

static void put(uint64_t address, int32_t offset, uint64_t value)
{
	memcpy((void *)(address + (uint64_t)offset), &value, sizeof(value));
}

/* An object on a list of the collector, at its end; 0: on none. */
static uint64_t make_object(const struct layout *layout, uint64_t type, size_t size, uint64_t list)
{
	uint64_t head = room((size_t)layout->gc_head.size + size), object = head + (uint64_t)layout->gc_head.size, last;

	put(object, layout->object.refcnt, 1);
	put(object, layout->object.type, type);
	if (list) {
		memcpy(&last, (void *)(list + (uint64_t)layout->gc_head.prev), sizeof(last));
		put(head, layout->gc_head.prev, last);
		put(head, layout->gc_head.next, list);
		put(last, layout->gc_head.next, head);
		put(list, layout->gc_head.prev, head);
	}
	return object;
}

static uint64_t make_type(const struct layout *layout, uint64_t meta, const char *name, uint64_t flags)
{
	uint64_t type = make_object(layout, meta, (size_t)layout->type.heap_size, 0), text = room(strlen(name) + 1);

	strcpy((char *)text, name);
	put(type, layout->type.name, text);
	put(type, layout->type.flags, flags | TPFLAGS_READY);
	put(type, layout->type.basicsize, (uint64_t)layout->object.size);
	if (!meta)
		put(type, layout->object.type, type);
	return type;
}

/* sys.__dict__, with a hexversion. */
static uint64_t make_sysdict(const struct layout *layout, uint64_t type)
{
	static const char key[] = "hexversion";
	uint64_t string = make_type(layout, type, "str", TPFLAGS_UNICODE_SUBCLASS);
	uint64_t dict = make_object(layout, string, 64, 0), keys = room(512), name = make_object(layout, string, 96, 0);
	uint64_t number = make_object(layout, type, 32, 0);
	uint64_t entry = keys + (uint64_t)layout->dict.dk_indices + 8; /* slots */

	put(name, layout->unicode.length, sizeof(key) - 1);
	put(name, layout->unicode.state,
		1u << layout->unicode.kind_shift | 1u << layout->unicode.compact_shift |
			1u << layout->unicode.ascii_shift);
	memcpy((void *)(name + (uint64_t)layout->unicode.ascii_data), key, sizeof(key));
	put(number, layout->integer.size, 1);
	put(number, layout->integer.digits, VERSION);
	put(dict, layout->dict.keys, keys);
	put(keys, layout->dict.dk_size, 8);
	put(keys, layout->dict.dk_nentries, 1);
	put(entry, 8, name);
	put(entry, 16, number);
	return dict;
}

static void make_python(void)
{
	const struct layout *layout = layout_find(VERSION);
	uint64_t runtime = room((size_t)layout->runtime.size + 4096), interpreter = room((size_t)layout->interp.size);
	uint64_t thread = room((size_t)layout->tstate.size), gc = runtime + (uint64_t)layout->runtime.gc;
	uint64_t type = make_type(layout, 0, "type", TPFLAGS_TYPE_SUBCLASS), classes[3];
	int32_t lists[] = {layout->gc.generations, layout->gc.generations + layout->gc.generation_size,
		layout->gc.generations + 2 * layout->gc.generation_size, layout->gc.permanent_generation};

	put(runtime, layout->runtime.interpreters_head, interpreter);
	put(gc, layout->gc.generation0, gc + (uint64_t)layout->gc.generations);
	put(interpreter, layout->interp.tstate_head, thread);
	put(thread, layout->tstate.interp, interpreter);
	put(interpreter, layout->interp.sysdict, make_sysdict(layout, type));
	for (size_t i = 0; i < 4; i++) {
		put(gc + (uint64_t)lists[i], layout->gc_head.next, gc + (uint64_t)lists[i]);
		put(gc + (uint64_t)lists[i], layout->gc_head.prev, gc + (uint64_t)lists[i]);
	}
	classes[0] = make_type(layout, type, "shop.Node", 0);
	classes[1] = make_type(layout, type, "shop.Other", 0);
	classes[2] = make_type(layout, type, "list", 0);
	for (size_t i = 0; i < NODES; i++)
		make_object(layout, classes[i % 3 ? 0 : i % 2 + 1], 16 + 8 * (i % 5),
			gc + (uint64_t)lists[i % 40 ? 2 : i / 40 % 4]);
	/* Blocks of pages far behind, with a run of zeros between. */
	for (size_t page = used / MEMORY_PAGE_SIZE + 50; page < PAGES; page++) {
		for (size_t i = 0; i < MEMORY_PAGE_SIZE / 64; i++)
			_PyRuntime[page * MEMORY_PAGE_SIZE + 64 * i] = (unsigned char)any(256);
	}
}

/* --- its threads --- */

/* What a core says of each; vector registers of the first alone, in the larger set that has the smaller one in it. */
static struct elf_prstatus status[THREADS];
static uint64_t vectors[40];

static void make_threads(void)
{
	for (size_t i = 0; i < THREADS; i++) {
		for (size_t k = 0; k < sizeof(status[i].pr_reg) / sizeof(*status[i].pr_reg); k++)
			status[i].pr_reg[k] = insane();
		status[i].pr_fpvalid = 1;
	}
	for (size_t k = 0; k < sizeof(vectors) / sizeof(*vectors); k++)
		vectors[k] = insane();
}

/* Their registers, and the word with the flag that stands behind them in a core. */
static bool take_threads(struct registers *registers)
{
	const size_t before = offsetof(struct elf_prstatus, pr_reg);
	bool added = true;

	for (size_t i = 0; i < THREADS && added; i++) {
		added = registers_add(registers, status[i].pr_reg, sizeof(status[i]) - before) &&
			(i || registers_add(registers, vectors, sizeof(vectors)));
	}
	registers->known = added;
	return added;
}

static size_t read_python(void *context, uint64_t page, size_t count, unsigned char *bytes)
{
	uint64_t first = (uint64_t)_PyRuntime >> MEMORY_PAGE_SHIFT;

	(void)context;
	if (page < first || page >= first + PAGES)
		return 0;
	if (count > first + PAGES - page)
		count = first + PAGES - page;
	memcpy(bytes, (void *)(page << MEMORY_PAGE_SHIFT), count * MEMORY_PAGE_SIZE);
	return count;
}

static void free_nothing(void *context)
{
	(void)context;
}

/* --- files, in memory --- */

static void store(int fd, const void *bytes, size_t size)
{
	if (ftruncate(fd, 0) < 0 || pwrite(fd, bytes, size, 0) != (ssize_t)size)
		exit(1);
}

static int open_heap(int fd, struct heap *heap, struct error *error)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	*error = (struct error){0};
	return heap_open(heap, path, NULL, 0, error);
}

/* --- what holds of every heap that is not refused --- */

static bool counts_agree(const struct capture *capture)
{
	const struct census *census = &capture->census;
	size_t sum = 0, objects = 0, frozen = 0, all = 0;

	for (size_t i = 0; i < census->segment_count; i++) {
		const struct census_segment *segment = &census->segments[i];

		if (segment->first != all || segment->generation < 0 || segment->generation > GENERATION_PERMANENT)
			return false;
		all += segment->count;
		*(segment->generation == GENERATION_PERMANENT ? &frozen : &objects) += segment->count;
	}
	for (size_t i = 0; i < census->count; i++) {
		if (census->type[i] >= census->types.count)
			return false;
	}
	for (size_t i = 0; i < census->types.count; i++) {
		if (!capture->names[i].name)
			return false;
		sum += census->types.type[i].count + census->types.type[i].frozen;
	}
	return all == census->count && sum == all && objects == census->objects && frozen == census->frozen;
}

/* Asks what --new-ids and --inspect would; what is wrong shows under a sanitizer. */
static bool answers(const struct heap *heap)
{
	const struct census *census = &heap->capture.census;
	struct ids ids = {0};
	bool good = ids_of_capture(&heap->capture, &ids) == 0;

	ids_free(&ids);
	for (size_t i = 0; i < 5 && census->count && good; i++) {
		struct inspected *object = calloc(1, sizeof(*object));

		object->address = any(8) ? census->address[any(census->count)] : insane();
		good = inspect_read(&heap->python, heap->memory, object) == 0 && inspect_place(object, 1, census) == 0;
		inspect_free(object, 1);
	}
	for (uint64_t page = 0; page < PAGES + 2; page += 1 + any(5))
		memory_page(heap->memory, ((uint64_t)_PyRuntime >> MEMORY_PAGE_SHIFT) - 1 + page);
	return good;
}

/* A list of words that hangs together; what is wrong with it shows under a sanitizer. */
static bool registers_agree(const struct registers *registers)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < registers->count; i++)
		sum |= registers->word[i];
	return (registers->count || !sum) && registers->count <= SNAPSHOT_REGISTERS_MOST;
}

struct trials {
	size_t refused, good, bad;
	char why[300];
};

static void try_file(struct trials *trials, int fd, const void *bytes, size_t size)
{
	struct heap *heap = calloc(1, sizeof(*heap));
	struct error error;

	if (!heap)
		exit(1);
	store(fd, bytes, size);
	if (open_heap(fd, heap, &error) < 0) {
		trials->refused++;
		/* A refusal has a reason, and leaves nothing behind. */
		if (error.code != ERROR_FAILED || !*error.text || heap->memory || heap->capture.census.address)
			snprintf(trials->why, sizeof(trials->why), "refused without a reason: %zu", ++trials->bad);
	} else if (!counts_agree(&heap->capture) || !registers_agree(&heap->capture.registers) || !answers(heap)) {
		snprintf(trials->why, sizeof(trials->why), "a heap that does not hang together: %zu", ++trials->bad);
	} else {
		trials->good++;
	}
	heap_close(heap);
	free(heap);
}

static void tell(const struct trials *trials, const char *what, bool some_good)
{
	check(!trials->bad && trials->refused && (!some_good || trials->good), "%s: %zu refused, %zu good%s%s", what,
		trials->refused, trials->good, trials->bad ? ", " : "", trials->why);
}

/* --- snapshots --- */

struct file {
	unsigned char *bytes;
	size_t size;
};

#define BLOCKS_MOST 64

struct block {
	struct snapshot_header header;
	const unsigned char *stored;
};

static size_t split(const struct file *file, struct block blocks[BLOCKS_MOST])
{
	size_t count = 0;

	for (size_t at = SNAPSHOT_MAGIC_BYTES; at < file->size && count < BLOCKS_MOST; count++) {
		memcpy(&blocks[count].header, file->bytes + at, sizeof(blocks[count].header));
		at += sizeof(blocks[count].header);
		blocks[count].stored = file->bytes + at;
		at += blocks[count].header.stored;
	}
	return count;
}

/* What follows the header is stored_size bytes, whatever the header says. */
static void join(struct wire *out, struct snapshot_header header, const unsigned char *stored, size_t stored_size)
{
	struct snapshot_header summed = header;
	unsigned char nothing = 0;

	summed.stored = (uint32_t)stored_size;
	if (header.stored == stored_size)
		header.checksum = snapshot_checksum(&summed, stored_size ? stored : &nothing);
	wire_put(out, &header, sizeof(header));
	wire_put(out, stored, stored_size);
}

/* Some bytes of a piece of a block are others, or more, or fewer. */
static void alter(struct wire *piece)
{
	for (uint64_t times = 1 + any(3); times && piece->size; times--) {
		size_t at = any(any(3) ? (piece->size < 200 ? piece->size : 200) : piece->size);
		uint64_t value = insane();
		size_t wide = (size_t)1 << any(4);

		switch (any(5)) {
		case 0:
			piece->bytes[at] ^= (unsigned char)(1 << any(8));
			break;
		case 1:
			piece->bytes[at] = (unsigned char)insane();
			break;
		case 2:
			memcpy(piece->bytes + at, &value, wide < piece->size - at ? wide : piece->size - at);
			break;
		case 3:
			memmove(piece->bytes + at, piece->bytes + at + 1, piece->size - at - 1);
			piece->size--;
			break;
		default:
			wire_put(piece, &value, 1);
			memmove(piece->bytes + at + 1, piece->bytes + at, piece->size - at - 1);
			break;
		}
	}
}

/* A block whose contents say something else, packed as they should be. */
static void alter_contents(struct wire *out, const struct block *block)
{
	struct snapshot_header header = block->header;
	struct wire list = {0}, raw = {0};
	size_t bound;
	unsigned char *bytes = calloc(1, (size_t)header.raw + 1), *stored;

	wire_put(&list, block->stored, header.list);
	if (header.raw)
		ZSTD_decompress(bytes, header.raw, block->stored + header.list, header.stored - header.list);
	wire_put(&raw, bytes, header.raw);
	alter(list.size && any(4) ? &list : &raw);
	bound = ZSTD_compressBound(raw.size);
	stored = malloc(list.size + bound + 1);
	if (list.size)
		memcpy(stored, list.bytes, list.size);
	header.list = (uint32_t)list.size;
	header.raw = (uint32_t)raw.size;
	header.stored = header.list;
	if (raw.size)
		header.stored += (uint32_t)ZSTD_compress(stored + list.size, bound, raw.bytes, raw.size, 1);
	join(out, header, stored, header.stored);
	free(stored);
	free(bytes);
	free(list.bytes);
	free(raw.bytes);
}

static void alter_header(struct wire *out, const struct block *block)
{
	struct snapshot_header header = block->header;
	uint32_t *fields[] = {&header.kind, &header.stored, &header.raw, &header.count, &header.list,
		(uint32_t *)(void *)&header.reserved};
	uint32_t *field = fields[any(6)];

	*field = any(3) ? *field + (uint32_t)any(5) - 2 : (uint32_t)insane();
	join(out, header, block->stored, block->header.stored);
}

static void alter_stored(struct wire *out, const struct block *block)
{
	struct snapshot_header header = block->header;
	struct wire stored = {0};

	wire_put(&stored, block->stored, header.stored);
	alter(&stored);
	header.stored = (uint32_t)stored.size;
	join(out, header, stored.bytes, stored.size);
	free(stored.bytes);
}

typedef void alteration(struct wire *out, const struct block *block);

static void alter_blocks(
	int fd, const struct file *file, alteration *how, size_t times, const char *what, bool some_good)
{
	struct block blocks[BLOCKS_MOST];
	size_t count = split(file, blocks);
	struct trials trials = {0};

	for (size_t i = 0; i < times; i++) {
		struct wire out = {0};
		size_t which = any(count);

		wire_put(&out, file->bytes, SNAPSHOT_MAGIC_BYTES);
		for (size_t k = 0; k < count; k++) {
			if (k == which)
				how(&out, &blocks[k]);
			else
				join(&out, blocks[k].header, blocks[k].stored, blocks[k].header.stored);
		}
		try_file(&trials, fd, out.bytes, out.size);
		free(out.bytes);
	}
	tell(&trials, what, some_good);
}

/* --- what a snapshot says of registers --- */

/* How its block "about" ends: how many + 1, and each. */
static struct wire registers_wire(uint64_t says, const uint64_t *word, size_t count)
{
	struct wire wire = {0};

	wire_put_number(&wire, says);
	for (size_t i = 0; i < count; i++)
		wire_put_number(&wire, word ? word[i] : 0);
	return wire;
}

/* The snapshot in another version, with another end of "about". */
static struct wire with_end(const struct file *file, char version, const struct registers *had, const struct wire *end)
{
	struct wire old = registers_wire(had->count + 1, had->word, had->count), out = {0}, raw = {0};
	struct block blocks[BLOCKS_MOST];
	size_t count = split(file, blocks), bound, keep = blocks[0].header.raw - old.size;
	struct snapshot_header header = blocks[0].header;
	unsigned char *about = malloc(header.raw), *stored;

	ZSTD_decompress(about, header.raw, blocks[0].stored, header.stored);
	if (memcmp(about + keep, old.bytes, old.size) != 0) {
		check(false, "\"about\" ends with registers");
		exit(1);
	}
	wire_put(&raw, about, keep);
	wire_put(&raw, end->bytes, end->size);
	bound = ZSTD_compressBound(raw.size);
	stored = malloc(bound);
	header.raw = (uint32_t)raw.size;
	header.stored = (uint32_t)ZSTD_compress(stored, bound, raw.bytes, raw.size, 1);
	wire_put(&out, file->bytes, SNAPSHOT_MAGIC_BYTES);
	out.bytes[SNAPSHOT_VERSION_AT] = (unsigned char)version;
	join(&out, header, stored, header.stored);
	for (size_t i = 1; i < count; i++)
		join(&out, blocks[i].header, blocks[i].stored, blocks[i].header.stored);
	free(old.bytes);
	free(raw.bytes);
	free(about);
	free(stored);
	return out;
}

/* Whether that snapshot is read, and what of registers with it: of those that are refused, nothing. */
static bool reads_with_end(int fd, const struct file *file, char version, const struct registers *had, struct wire end,
	struct registers *read)
{
	struct wire out = with_end(file, version, had, &end);
	struct heap *heap = calloc(1, sizeof(*heap));
	struct error error;
	bool good;

	store(fd, out.bytes, out.size);
	good = open_heap(fd, heap, &error) == 0;
	if (!good)
		printf("# %s\n", error.text);
	*read = heap->capture.registers;
	heap->capture.registers = (struct registers){0};
	heap_close(heap);
	free(heap);
	free(out.bytes);
	free(end.bytes);
	return good;
}

static void refused_end(int fd, const struct file *file, const struct registers *had, struct wire end, const char *what)
{
	struct registers read;
	bool good = reads_with_end(fd, file, '2', had, end, &read);

	check(!good && !read.word && !read.count, "registers %s: refused", what);
	registers_free(&read);
}

static void ends_of_about(int fd, const struct file *file, const struct registers *had)
{
	struct registers read;
	struct wire end = registers_wire(had->count + 1, had->word, had->count);

	check(reads_with_end(fd, file, '1', had, (struct wire){0}, &read) && !read.known && !read.count,
		"a snapshot of version 1 is read, and does not have the registers");
	registers_free(&read);
	check(reads_with_end(fd, file, '2', had, registers_wire(0, NULL, 0), &read) && !read.known && !read.count,
		"one that says so does not have them");
	registers_free(&read);
	check(reads_with_end(fd, file, '2', had, registers_wire(1, NULL, 0), &read) && read.known && !read.count,
		"of a process that was not stopped there are none, and that is known");
	registers_free(&read);
	check(reads_with_end(fd, file, '2', had,
		      registers_wire(SNAPSHOT_REGISTERS_MOST + 1, NULL, SNAPSHOT_REGISTERS_MOST), &read) &&
			read.known && read.count == SNAPSHOT_REGISTERS_MOST,
		"as many as may be are read");
	registers_free(&read);
	check(!reads_with_end(fd, file, '1', had, end, &read), "version 1 with registers: refused");
	registers_free(&read);
	refused_end(fd, file, had, (struct wire){0}, "missing");
	refused_end(fd, file, had, registers_wire(had->count + 2, had->word, had->count), "one fewer than told");
	refused_end(fd, file, had, registers_wire(had->count, had->word, had->count), "one more than told");
	refused_end(fd, file, had, registers_wire(0, had->word, had->count), "that are there and not known");
	refused_end(fd, file, had, registers_wire(SNAPSHOT_REGISTERS_MOST + 2, NULL, SNAPSHOT_REGISTERS_MOST + 1),
		"too many by one");
	refused_end(fd, file, had, registers_wire(UINT64_MAX, had->word, had->count), "of an insane number");
	for (size_t cut = 1; cut < 20; cut++) {
		end = registers_wire(had->count + 1, had->word, had->count);
		end.size -= cut * end.size / 20;
		refused_end(fd, file, had, end, "cut");
	}
	end = registers_wire(2, NULL, 0);
	wire_put(&end, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10);
	refused_end(fd, file, had, end, "of more than 64 bits");
}

/* Blocks missing, twice, or in another order; the last one says how many there are by then. */
static void move_blocks(int fd, const struct file *file, size_t times)
{
	struct block blocks[BLOCKS_MOST];
	size_t count = split(file, blocks);
	struct trials trials = {0};

	for (size_t i = 0; i < times; i++) {
		struct block moved[BLOCKS_MOST + 1], block;
		size_t n = count, a = any(count), b = any(count);
		struct wire out = {0};

		memcpy(moved, blocks, count * sizeof(*blocks));
		block = moved[a];
		switch (any(3)) {
		case 0:
			moved[a] = moved[b];
			moved[b] = block;
			break;
		case 1:
			memmove(moved + a, moved + a + 1, (--n - a) * sizeof(*moved));
			break;
		default:
			memmove(moved + b + 1, moved + b, (n++ - b) * sizeof(*moved));
			moved[b] = block;
			break;
		}
		wire_put(&out, file->bytes, SNAPSHOT_MAGIC_BYTES);
		for (size_t k = 0; k < n; k++) {
			if (moved[k].header.kind == SNAPSHOT_END && any(8))
				moved[k].header.count = (uint32_t)k;
			join(&out, moved[k].header, moved[k].stored, moved[k].header.stored);
		}
		try_file(&trials, fd, out.bytes, out.size);
		free(out.bytes);
	}
	tell(&trials, "blocks moved, missing or twice", true);
}

/* Without the checksum made right nothing at all is believed. */
static void flip_bits(int fd, const struct file *file)
{
	unsigned char *bytes = malloc(file->size);
	struct trials trials = {0};

	for (size_t at = 0; at < file->size; at += at < 400 ? 1 : 1 + any(file->size / 1500)) {
		memcpy(bytes, file->bytes, file->size);
		bytes[at] ^= (unsigned char)(1 << any(8));
		try_file(&trials, fd, bytes, file->size);
	}
	check(!trials.bad && !trials.good && trials.refused > 1000, "one bit altered: %zu refused, %zu not%s",
		trials.refused, trials.good, trials.why);
	free(bytes);
}

static void cut(int fd, const struct file *file, const char *what)
{
	struct trials trials = {0};

	for (size_t size = 0; size < file->size; size += size < 400 ? 1 : 1 + any(file->size / 1000))
		try_file(&trials, fd, file->bytes, size);
	try_file(&trials, fd, file->bytes, file->size - 1);
	check(!trials.bad && !trials.good && trials.refused > 500, "%s cut: %zu refused, %zu not%s", what,
		trials.refused, trials.good, trials.why);
}

static bool go_on(void *context, uint64_t done, uint64_t all)
{
	*(uint64_t *)context = done <= all ? done : 0;
	return true;
}

static bool stop(void *context, uint64_t done, uint64_t all)
{
	(void)context;
	(void)done;
	(void)all;
	return false;
}

/* Fills in a heap that was never in a file. */
static bool take_heap(struct heap *heap)
{
	const struct memory_source source = {.read = read_python, .free = free_nothing};
	struct error error;

	*heap = (struct heap){.threads = THREADS, .time = 1.6e9, .memory = memory_new_from(&source)};
	heap->target.process.pid = PID;
	strcpy(heap->target.executable, "/usr/bin/python3.8");
	strcpy(heap->identity, "boot 1 of process 2");
	strcpy(heap->address_space, "vector 3");
	heap->target.version = VERSION;
	heap->target.runtime = (uint64_t)_PyRuntime;
	target_version_text(&heap->target);
	if (!check(heap->memory && python_open(&heap->python, &heap->target, heap->memory, &error) == 0,
		    "a Python of our own making"))
		return false;
	if (!check(capture_from(&heap->python, heap->memory, &heap->capture, &error) == 0, "and its objects"))
		return false;
	if (!take_threads(&heap->capture.registers))
		exit(1);
	for (uint64_t page = 0; page < PAGES; page++)
		memory_page(heap->memory, ((uint64_t)_PyRuntime >> MEMORY_PAGE_SHIFT) + page);
	return check(heap->capture.census.count == NODES && heap->capture.census.frozen &&
			     heap->capture.census.types.count == 3 && counts_agree(&heap->capture),
		"%zu objects", heap->capture.census.count);
}

static bool same_census(const struct capture *a, const struct capture *b)
{
	const struct census *x = &a->census, *y = &b->census;
	bool same = x->count == y->count && x->types.count == y->types.count && x->segment_count == y->segment_count &&
		    memcmp(x->address, y->address, x->count * sizeof(*x->address)) == 0 &&
		    memcmp(x->type, y->type, x->count * sizeof(*x->type)) == 0;

	for (size_t i = 0; same && i < x->types.count; i++)
		same = x->types.type[i].address == y->types.type[i].address &&
		       x->types.type[i].count == y->types.type[i].count &&
		       x->types.type[i].frozen == y->types.type[i].frozen &&
		       strcmp(a->names[i].name, b->names[i].name) == 0;
	return same;
}

static bool same_registers(const struct registers *x, const struct registers *y)
{
	return x->known == y->known && x->count == y->count &&
	       memcmp(x->word, y->word, x->count * sizeof(*x->word)) == 0;
}

static void same_heap(int fd, const struct heap *heap, const char *what)
{
	struct heap *read = calloc(1, sizeof(*read));
	struct error error;
	size_t pages = 0;

	if (!check(read && open_heap(fd, read, &error) == 0, "%s is read", what)) {
		printf("# %s\n", error.text);
		exit(1);
	}
	check(same_census(&heap->capture, &read->capture), "the objects of %s", what);
	check(read->target.process.pid == PID && read->target.version == VERSION && read->threads == heap->threads &&
			read->target.runtime == heap->target.runtime,
		"what %s says of the process", what);
	check(same_registers(&read->capture.registers, &heap->capture.registers), "%zu words of registers of %s",
		read->capture.registers.count, what);
	for (uint64_t page = 0; page < PAGES; page++) {
		const unsigned char *bytes =
			memory_page(read->memory, ((uint64_t)_PyRuntime >> MEMORY_PAGE_SHIFT) + page);

		pages += bytes && memcmp(bytes, _PyRuntime + page * MEMORY_PAGE_SIZE, MEMORY_PAGE_SIZE) == 0;
	}
	check(pages == PAGES, "%zu pages of %s are as they were", pages, what);
	check(answers(read), "%s answers", what);
	heap_close(read);
	free(read);
}

static struct file write_snapshot(const struct heap *heap)
{
	char folder[] = "/tmp/objgraph-trace.XXXXXX", path[64];
	struct error error = {0};
	struct file file = {0};
	uint64_t size = 0, done = 0;
	bool written;
	FILE *stream;

	if (!mkdtemp(folder))
		exit(1);
	snprintf(path, sizeof(path), "%s/snapshot", folder);
	check(snapshot_write(heap, path, false, stop, NULL, &size, &error) < 0 && access(path, F_OK) < 0 && *error.text,
		"writing can be stopped");
	written = snapshot_write(heap, path, false, go_on, &done, &size, &error) == 0;
	check(written, "written: %llu bytes", (unsigned long long)size);
	check(done == (uint64_t)PAGES * MEMORY_PAGE_SIZE, "told of %llu bytes", (unsigned long long)done);
	stream = fopen(path, "r");
	file.size = size;
	file.bytes = malloc(size);
	if (!stream || fread(file.bytes, 1, size, stream) != size)
		exit(1);
	check(fgetc(stream) == EOF, "no byte more than that");
	fclose(stream);
	check(snapshot_write(heap, path, false, go_on, &done, &size, &error) < 0 && strstr(error.text, "kept"),
		"a file that is there is kept");
	unlink(path);
	check(rmdir(folder) == 0, "nothing else is left");
	return file;
}

/* More registers than a file may have. */
static void too_many_registers(int fd, struct heap *heap)
{
	struct registers had = heap->capture.registers;
	struct heap *read = calloc(1, sizeof(*read));
	struct error error;
	struct file file;

	heap->capture.registers = (struct registers){.word = calloc(SNAPSHOT_REGISTERS_MOST + 1, sizeof(*had.word)),
		.count = SNAPSHOT_REGISTERS_MOST + 1,
		.known = true};
	if (!heap->capture.registers.word)
		exit(1);
	file = write_snapshot(heap);
	store(fd, file.bytes, file.size);
	check(open_heap(fd, read, &error) == 0 && !read->capture.registers.known,
		"too many registers are left out, and said to be");
	heap_close(read);
	free(read);
	free(file.bytes);
	registers_free(&heap->capture.registers);
	heap->capture.registers = had;
}

static void snapshots(int fd, const struct heap *heap)
{
	struct file file = write_snapshot(heap);
	struct block blocks[BLOCKS_MOST];

	store(fd, file.bytes, file.size);
	same_heap(fd, heap, "the snapshot");
	check(split(&file, blocks) >= 7, "it has several blocks of pages");
	ends_of_about(fd, &file, &heap->capture.registers);
	flip_bits(fd, &file);
	cut(fd, &file, "a snapshot");
	alter_blocks(fd, &file, alter_stored, 1000, "what is stored altered", false);
	alter_blocks(fd, &file, alter_header, 1500, "headers altered", false);
	alter_blocks(fd, &file, alter_contents, 4000, "contents altered", true);
	move_blocks(fd, &file, 1000);
	free(file.bytes);
}

/* --- cores --- */

#define RANGES_MOST 32

/* This program, as a core would have it: what it has mapped of its file, and the rest of its variables. */
struct mapped_range {
	uint64_t start, end, offset;
	bool writable, of_file;
};

static size_t own_mappings(struct mapped_range *range, char *program, size_t size)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long long start, end, offset;
	char line[4200], flags[5], path[4096];
	size_t count = 0;
	ssize_t n = readlink("/proc/self/exe", program, size - 1);

	if (!maps || n < 0)
		exit(1);
	program[n] = '\0';
	while (fgets(line, sizeof(line), maps) && count < RANGES_MOST) {
		int fields = sscanf(line, "%llx-%llx %4s %llx %*s %*s %4095s", &start, &end, flags, &offset, path);
		bool of_file = fields == 5 && strcmp(path, program) == 0;
		bool variables = fields == 4 && count && range[count - 1].end == start && flags[1] == 'w';

		if (of_file || variables)
			range[count++] = (struct mapped_range){start, end, offset, flags[1] == 'w', of_file};
	}
	fclose(maps);
	return count;
}

static void put_note(struct wire *out, uint32_t type, const void *bytes, size_t size)
{
	Elf64_Nhdr header = {5, (uint32_t)size, type};

	wire_put(out, &header, sizeof(header));
	wire_put(out, "CORE\0\0\0", 8);
	wire_put(out, bytes, size);
	wire_put(out, "\0\0\0", -size % 4);
}

static void put_files(struct wire *out, const struct mapped_range *range, size_t count, const char *program)
{
	uint64_t head[2] = {0, MEMORY_PAGE_SIZE};
	struct wire files = {0};

	for (size_t i = 0; i < count; i++)
		head[0] += range[i].of_file;
	wire_put(&files, head, sizeof(head));
	for (size_t i = 0; i < count; i++) {
		uint64_t one[3] = {range[i].start, range[i].end, range[i].offset / MEMORY_PAGE_SIZE};

		if (range[i].of_file)
			wire_put(&files, one, sizeof(one));
	}
	for (size_t i = 0; i < head[0]; i++)
		wire_put(&files, program, strlen(program) + 1);
	put_note(out, NT_FILE, files.bytes, files.size);
	free(files.bytes);
}

static void put_notes(struct wire *out, const struct mapped_range *range, size_t count, const char *program)
{
	uint64_t vector[] = {
		AT_PHDR, getauxval(AT_PHDR), AT_RANDOM, 0x7ffe1230, AT_SYSINFO_EHDR, 0x7ffe3000, AT_NULL, 0};
	struct elf_prpsinfo info = {.pr_pid = PID};

	put_note(out, NT_PRSTATUS, &status[0], sizeof(status[0]));
	put_note(out, NT_PRPSINFO, &info, sizeof(info));
	put_note(out, NT_AUXV, vector, sizeof(vector));
	put_files(out, range, count, program);
	put_note(out, NT_PRFPREG, vectors, sizeof(vectors) / 2);
	put_note(out, NT_X86_XSTATE, vectors, sizeof(vectors));
	for (size_t i = 1; i < THREADS; i++)
		put_note(out, NT_PRSTATUS, &status[i], sizeof(status[i]));
}

/* Not as this program reads it: there are bytes between its variables that ASan forbids it. */
static void put_memory(struct wire *out, uint64_t address, size_t size)
{
	int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	unsigned char *bytes = malloc(size + 1);

	if (memory < 0 || !bytes || pread(memory, bytes, size, (off_t)address) != (ssize_t)size)
		exit(1);
	wire_put(out, bytes, size);
	free(bytes);
	close(memory);
}

/* *head is where the memory begins. */
static struct file make_core(size_t *head)
{
	struct mapped_range range[RANGES_MOST];
	char program[4096];
	size_t count = own_mappings(range, program, sizeof(program)), at;
	struct wire notes = {0}, out = {0};
	Elf64_Ehdr file = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(file),
		.e_ehsize = sizeof(file),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = (Elf64_Half)(count + 1)};
	Elf64_Phdr note = {.p_type = PT_NOTE, .p_offset = sizeof(file) + (count + 1) * sizeof(Elf64_Phdr)};

	put_notes(&notes, range, count, program);
	note.p_filesz = notes.size;
	at = *head = note.p_offset + notes.size;
	wire_put(&out, &file, sizeof(file));
	wire_put(&out, &note, sizeof(note));
	for (size_t i = 0; i < count; i++) {
		Elf64_Phdr load = {.p_type = PT_LOAD,
			.p_flags = PF_R | (range[i].writable ? PF_W : PF_X),
			.p_offset = at,
			.p_vaddr = range[i].start,
			.p_memsz = range[i].end - range[i].start};

		load.p_filesz = range[i].writable ? load.p_memsz : i ? 0 : MEMORY_PAGE_SIZE;
		at += load.p_filesz;
		wire_put(&out, &load, sizeof(load));
	}
	wire_put(&out, notes.bytes, notes.size);
	free(notes.bytes);
	for (size_t i = 0; i < count; i++)
		put_memory(&out, range[i].start,
			range[i].writable ? range[i].end - range[i].start
			: i		  ? 0
					  : MEMORY_PAGE_SIZE);
	if (out.failed)
		exit(1);
	return (struct file){out.bytes, out.size};
}

/* Bits, bytes or whole fields of the headers and notes are others. */
static void alter_core(int fd, const struct file *file, size_t head, size_t times)
{
	unsigned char *bytes = malloc(file->size);
	struct trials trials = {0};

	for (size_t i = 0; i < times; i++) {
		memcpy(bytes, file->bytes, file->size);
		for (uint64_t k = 1 + any(3); k; k--) {
			size_t at = any(any(2) ? head : 512), wide = (size_t)1 << any(4);
			uint64_t value = insane();

			if (any(2))
				bytes[at] ^= (unsigned char)(1 << any(8));
			else
				memcpy(bytes + (at & ~(wide - 1)), &value, wide);
		}
		try_file(&trials, fd, bytes, file->size);
	}
	tell(&trials, "a core's headers and notes altered", true);
	free(bytes);
}

/* The notes are somewhere else in the file: nothing in them lies where it should. */
static void shift_notes(int fd, const struct file *file)
{
	unsigned char *bytes = malloc(file->size);
	Elf64_Phdr *note = (Elf64_Phdr *)(void *)(bytes + sizeof(Elf64_Ehdr));
	struct trials trials = {0};

	for (size_t i = 1; i < 200; i++) {
		memcpy(bytes, file->bytes, file->size);
		note->p_offset += i;
		note->p_filesz = any(note->p_filesz + 100);
		try_file(&trials, fd, bytes, file->size);
	}
	tell(&trials, "a core's notes shifted", false);
	free(bytes);
}

/* Where the description of the nth note of that type is in a core. */
static unsigned char *find_note(const struct file *file, uint32_t type, size_t n, Elf64_Nhdr **header)
{
	const Elf64_Phdr *note = (const Elf64_Phdr *)(const void *)(file->bytes + sizeof(Elf64_Ehdr));

	for (unsigned char *at = file->bytes + note->p_offset; at < file->bytes + note->p_offset + note->p_filesz;) {
		*header = (Elf64_Nhdr *)(void *)at;
		at += sizeof(**header) + 8;
		if ((*header)->n_type == type && n-- == 0)
			return at;
		at += ((*header)->n_descsz + 3) & ~3u;
	}
	exit(1);
}

/* A thread without registers, vector registers of the smaller set alone, and a note that goes on behind the last one.
 */
static void cores_without(int fd, const struct file *file, const struct heap *heap)
{
	const size_t before = offsetof(struct elf_prstatus, pr_reg), words = heap->capture.registers.count;
	struct heap *read = calloc(1, sizeof(*read));
	const struct registers *registers = &read->capture.registers;
	struct error error;
	Elf64_Nhdr *header;

	find_note(file, NT_X86_XSTATE, 0, &header);
	header->n_type = NT_PRXFPREG;
	store(fd, file->bytes, file->size);
	check(open_heap(fd, read, &error) == 0 && registers->known &&
			registers->count == words - sizeof(vectors) / sizeof(*vectors) / 2,
		"where there is no larger set of vector registers, the smaller one is taken");
	heap_close(read);
	find_note(file, NT_PRSTATUS, THREADS - 1, &header);
	header->n_descsz = (uint32_t)before;
	store(fd, file->bytes, file->size);
	check(open_heap(fd, read, &error) == 0 && !registers->known && read->threads == THREADS,
		"a thread without registers: they are not known");
	heap_close(read);
	header->n_descsz = UINT32_MAX;
	store(fd, file->bytes, file->size);
	check(open_heap(fd, read, &error) == 0 && read->threads == THREADS - 1,
		"a thread's note that is longer than all of them is none");
	heap_close(read);
	free(read);
}

static void cores(int fd, const struct heap *heap)
{
	size_t head;
	struct file file = make_core(&head);

	store(fd, file.bytes, file.size);
	same_heap(fd, heap, "the core");
	cut(fd, &file, "a core");
	alter_core(fd, &file, head, 1500);
	shift_notes(fd, &file);
	cores_without(fd, &file, heap);
	free(file.bytes);
}

int main(void)
{
	struct heap *heap = calloc(1, sizeof(*heap));
	int fd = memfd_create("heap", MFD_CLOEXEC);

	if (!heap || fd < 0)
		return 1;
	make_python();
	make_threads();
	if (take_heap(heap)) {
		snapshots(fd, heap);
		too_many_registers(fd, heap);
		cores(fd, heap);
	}
	heap_close(heap);
	free(heap);
	close(fd);
	return checks_end();
}
