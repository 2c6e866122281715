// SPDX-License-Identifier: BSD-2-Clause
#include "probe_sites.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "elf_image.h"
#include "list.h"
#include "makers.h"
#include "pyobject.h"
#include "site_x86_64.h"
#include "target.h"

/* A process with more classes than this is traced by the types of its objects alone. */
#define TYPES_MOST (1u << 20)

/* Of a file's data, read at a time while types are looked for there. */
#define PIECE_WORDS 8192
/* And in all: what lies there is a program's own matter. */
#define DATA_MOST (256u << 20)

/* An interpreter's code; what is larger is a program of its own. */
#define CODE_MOST (64u << 20)

/* Of whose objects most programs make most. Classes are besides them. */
static const char *const busy_types[] = {"PyList_Type", "PyTuple_Type", "PyDict_Type", "PyFunction_Type", "PyCell_Type",
	"PyMethod_Type", "PyGen_Type", "PyFrame_Type"};
#define BUSY_TYPES (sizeof(busy_types) / sizeof(busy_types[0]))
/* One search: what it reads with, and what it has found besides sites. */
struct search {
	const struct python *python;
	struct memory *memory;
	struct mappings mappings;
	struct probe_sites *sites;
	uint64_t *fresh; /* types not seen before */
	size_t fresh_count, fresh_capacity;
	size_t votes; /* for sites->finalizes */
};

void probe_sites_free(struct probe_sites *sites)
{
	for (size_t i = 0; i < sites->count; i++)
		free(sites->site[i].path);
	free(sites->site);
	free(sites->seen);
	free(sites->data);
	*sites = (struct probe_sites){0};
}

ssize_t probe_sites_find(const struct probe_sites *sites, uint64_t address)
{
	for (size_t i = 0; i < sites->count; i++) {
		if (sites->site[i].address == address)
			return (ssize_t)i;
	}
	return -1;
}

static int compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static int begin(struct search *search, struct error *error)
{
	if (process_mappings(&search->python->target->process, &search->mappings, error) < 0)
		return -1;
	search->memory = memory_new(search->python->target->process.pid, &search->mappings);
	return search->memory ? 0 : error_set(error, ERROR_FAILED, "out of memory");
}

static void finish(struct search *search)
{
	memory_free(search->memory);
	mappings_free(&search->mappings);
	free(search->fresh);
}

/*
 * Whether a function begins there. A slot of what was no type after all may lead anywhere, and a breakpoint in the
 * middle of an instruction would end the target.
 */
static bool begins_function(int fd, uint64_t offset)
{
	int copy = dup(fd);
	struct elf_image *image = copy >= 0 ? elf_image_open(copy) : NULL;
	bool begins = image && elf_image_begins_function(image, offset);

	elf_image_close(image);
	return begins;
}

/*
 * Adds the function at this address, unless it is known, lies in no file or is no function. -1 when out of memory.
 */
static int add_function(struct search *search, uint64_t address, enum site_keeps keeps)
{
	const struct mapping *mapping = mappings_find(&search->mappings, address);
	struct probe_sites *sites = search->sites;
	unsigned char bytes[SITE_BYTES];
	char path[PATH_MAX];
	struct site site;
	uint64_t offset;
	ssize_t n;
	int fd;

	if (probe_sites_find(sites, address) >= 0 || !mapping || !mapping->executable || !mapping->inode)
		return 0;
	fd = process_open_file(&search->python->target->process, &search->mappings, mapping, path, sizeof(path));
	if (fd < 0)
		return 0;
	/* From the file: in memory there may be somebody's breakpoint. */
	offset = mapping->offset + (address - mapping->start);
	n = begins_function(fd, offset) ? pread(fd, bytes, sizeof(bytes), (off_t)offset) : 0;
	close(fd);
	if (n <= 0)
		return 0;
	if (sites->count == sites->capacity) {
		size_t capacity = sites->capacity ? sites->capacity * 2 : 64;
		struct probe_site *grown = realloc(sites->site, capacity * sizeof(*grown));

		if (!grown)
			return -1;
		sites->site = grown;
		sites->capacity = capacity;
	}
	site = site_choose_keeping(bytes, (size_t)n, keeps);
	sites->site[sites->count] = (struct probe_site){
		.address = address,
		.path = strdup(path),
		.file_offset = offset,
		.into = (uint32_t)site.offset,
		.emulated = site.emulated,
	};
	return sites->site[sites->count].path ? (sites->count++, 0) : -1;
}

static bool field(const struct search *search, uint64_t type, int32_t offset, uint64_t *value)
{
	return memory_u64(search->memory, type + (uint64_t)offset, value);
}

/* Looks at one type, once. -1 when out of memory. */
static int add_type(struct search *search, uint64_t type)
{
	const struct layout *layout = &search->python->layout;
	struct probe_sites *sites = search->sites;
	uint64_t flags, dealloc, finalize;
	ssize_t known;

	if (sites->seen_count && bsearch(&type, sites->seen, sites->seen_count, sizeof(type), compare))
		return 0;
	if (search->fresh_count == search->fresh_capacity) {
		size_t capacity = search->fresh_capacity ? search->fresh_capacity * 2 : 256;
		uint64_t *grown = realloc(search->fresh, capacity * sizeof(*grown));

		if (!grown)
			return -1;
		search->fresh = grown;
		search->fresh_capacity = capacity;
	}
	search->fresh[search->fresh_count++] = type;
	if (!python_is_type(search->python, search->memory, type) || !field(search, type, layout->type.flags, &flags) ||
		!(flags & TPFLAGS_HAVE_GC) || !field(search, type, layout->type.dealloc, &dealloc))
		return 0;
	/* Nearly all classes share subtype_dealloc: a majority vote finds it. */
	if (flags & TPFLAGS_HEAPTYPE) {
		if (!search->votes) {
			sites->finalizes = dealloc;
			field(search, type, layout->type.alloc, &sites->allocates);
		}
		search->votes += dealloc == sites->finalizes ? 1 : (size_t)-1;
	}
	if (add_function(search, dealloc, SITE_FIRST) < 0)
		return -1;
	known = probe_sites_find(sites, dealloc);
	if (known >= 0 && !(flags & TPFLAGS_HEAPTYPE) && field(search, type, layout->type.finalize, &finalize))
		sites->site[known].closes = sites->site[known].closes || finalize;
	return 0;
}

/* The types among the words of a piece of data: their ob_type is `type`. */
static int add_types_in(struct search *search, uint64_t address, const uint64_t *words, size_t n, uint64_t metatype)
{
	const uint64_t to_type = (uint64_t)search->python->layout.object.type;
	int result = 0;

	for (size_t i = 0; i < n && result == 0; i++) {
		uint64_t type = address + i * sizeof(*words) - to_type, flags;

		/* Who else keeps a pointer to `type` has no such flags; and what lies in a file was not made at run
		 * time. */
		if (words[i] == metatype && field(search, type, search->python->layout.type.flags, &flags) &&
			flags & TPFLAGS_READY && !(flags & TPFLAGS_HEAPTYPE))
			result = add_type(search, type);
	}
	return result;
}

/* Whether this range of a file's data was looked at before; from now on it was. */
static int remember_data(struct probe_sites *sites, const struct mapping *mapping, bool *known)
{
	const uint64_t key = mapping->start ^ mapping->inode << 48;

	*known = false;
	for (size_t i = 0; i < sites->data_count && !*known; i++)
		*known = sites->data[i] == key;
	if (*known)
		return 0;
	if (!list_make_room((void **)&sites->data, sites->data_count, sizeof(*sites->data)))
		return -1;
	sites->data[sites->data_count++] = key;
	return 0;
}

/*
 * The types that lie in files (static ones), which have no other mark than that they are objects of `type`: before the
 * first instance of one is made, nothing leads there that all versions keep. Data is what a process has for itself of a
 * file, and the zeroed memory behind it.
 */
static int add_static_types(struct search *search)
{
	struct elf_symbol type = {.name = "PyType_Type"};
	uint64_t *piece = malloc(PIECE_WORDS * sizeof(*piece)), all = 0;
	int result = piece ? 0 : -1;
	bool data = false;

	target_symbols(search->python->target, &type, 1);
	for (size_t i = 0; i < search->mappings.count && result == 0 && type.address; i++) {
		const struct mapping *mapping = &search->mappings.mapping[i];
		bool known;

		data = mapping->readable && mapping->writable && !mapping->shared &&
		       (mapping->inode || (data && mapping->start == mapping[-1].end));
		if (!data || remember_data(search->sites, mapping, &known) < 0 || known)
			continue;
		for (uint64_t at = mapping->start; at < mapping->end && result == 0 && all < DATA_MOST;) {
			uint64_t size = mapping->end - at;

			if (size > PIECE_WORDS * sizeof(*piece))
				size = PIECE_WORDS * sizeof(*piece);
			if (memory_read(search->memory, at, piece, size))
				result = add_types_in(search, at, piece, size / sizeof(*piece), type.address);
			at += size;
			all += size;
		}
	}
	free(piece);
	return result;
}

/* The classes among the objects: their type is a subclass of `type`. */
static int add_classes(struct search *search, const struct census *census)
{
	bool *meta = calloc(census->types.count + 1, sizeof(*meta));
	size_t classes = 0;
	int result = meta ? 0 : -1;

	for (size_t i = 0; meta && i < census->types.count; i++) {
		uint64_t flags;

		meta[i] = field(search, census->types.type[i].address, search->python->layout.type.flags, &flags) &&
			  flags & TPFLAGS_TYPE_SUBCLASS;
	}
	for (size_t i = 0; meta && i < census->count && result == 0 && classes < TYPES_MOST; i++) {
		if (meta[census->type[i]]) {
			classes++;
			result = add_type(search, census->address[i]);
		}
	}
	free(meta);
	return result;
}

static int remember_types(struct search *search)
{
	struct probe_sites *sites = search->sites;
	uint64_t *grown = realloc(sites->seen, (sites->seen_count + search->fresh_count + 1) * sizeof(*grown));

	if (!grown)
		return -1;
	sites->seen = grown;
	if (search->fresh_count)
		memcpy(&grown[sites->seen_count], search->fresh, search->fresh_count * sizeof(*grown));
	sites->seen_count += search->fresh_count;
	qsort(sites->seen, sites->seen_count, sizeof(*sites->seen), compare);
	return 0;
}

static void mark_busy(struct search *search)
{
	struct elf_symbol symbols[BUSY_TYPES] = {0};
	struct probe_sites *sites = search->sites;
	ssize_t site;

	for (size_t i = 0; i < BUSY_TYPES; i++)
		symbols[i].name = busy_types[i];
	target_symbols(search->python->target, symbols, BUSY_TYPES);
	for (size_t i = 0; i < BUSY_TYPES; i++) {
		uint64_t dealloc;

		if (symbols[i].address &&
			field(search, symbols[i].address, search->python->layout.type.dealloc, &dealloc) &&
			(site = probe_sites_find(sites, dealloc)) >= 0)
			sites->site[site].busy = true;
	}
	site = sites->finalizes ? probe_sites_find(sites, sites->finalizes) : -1;
	if (site >= 0)
		sites->site[site].busy = true;
}

/* The bytes of a function that lies in this mapping. */
static uint64_t function_size(struct elf_image *image, const struct mapping *mapping, uint64_t address)
{
	return elf_image_function_size(image, mapping->offset + (address - mapping->start));
}

/*
 * Compilers that know what a program does mostly put copies of functions to where they are called through a pointer:
 * `if it is this one, do that, else call it`. Who dies there passes no probe. The function that frees instances of
 * classes is compared by those that look for a base's, and in its own code the trashcan compares.
 */
static void mark_copied_in(
	struct search *search, const struct mapping *mapping, const uint8_t *code, size_t n, struct elf_image *image)
{
	struct probe_sites *sites = search->sites;
	size_t at = 0, where;
	uint64_t value;

	while ((value = site_next_compared(code, n, mapping->start, &at, &where))) {
		uint64_t from = mapping->start + where;
		ssize_t site;

		if (value < mapping->start || value >= mapping->end || value == sites->finalizes ||
			(site = probe_sites_find(sites, value)) < 0)
			continue;
		if (from < value || from >= value + function_size(image, mapping, value))
			sites->site[site].copied = true;
	}
}

/* In the file that holds the function which frees instances, the interpreter; read from there, as in memory there are
 * probes. */
static void mark_copied(struct search *search, size_t before)
{
	struct probe_sites *sites = search->sites;
	const struct mapping *mapping = sites->finalizes ? mappings_find(&search->mappings, sites->finalizes) : NULL;
	struct elf_image *image = NULL;
	char path[PATH_MAX];
	uint8_t *code;
	ssize_t n = 0;
	bool fresh = false;
	int fd, copy;

	for (size_t i = before; mapping && i < sites->count && !fresh; i++)
		fresh = sites->site[i].address >= mapping->start && sites->site[i].address < mapping->end;
	if (!fresh || !mapping->executable || !mapping->inode || mapping->end - mapping->start > CODE_MOST)
		return;
	fd = process_open_file(&search->python->target->process, &search->mappings, mapping, path, sizeof(path));
	copy = fd >= 0 ? dup(fd) : -1;
	image = copy >= 0 ? elf_image_open(copy) : NULL;
	code = image ? malloc(mapping->end - mapping->start) : NULL;
	if (code)
		n = pread(fd, code, mapping->end - mapping->start, (off_t)mapping->offset);
	if (n > 0)
		mark_copied_in(search, mapping, code, (size_t)n, image);
	free(code);
	elf_image_close(image);
	if (fd >= 0)
		close(fd);
}

static int by_file(const void *a, const void *b)
{
	const struct probe_site *left = a, *right = b;
	int files = strcmp(left->path, right->path);

	return files ? files : (left->file_offset > right->file_offset) - (left->file_offset < right->file_offset);
}

ssize_t probe_sites_of_deaths(const struct python *python, const struct type_table *types, const struct census *census,
	struct probe_sites *sites, struct error *error)
{
	struct search search = {.python = python, .sites = sites};
	size_t before = sites->count;
	int result = begin(&search, error);

	if (result < 0) {
		finish(&search);
		return -1;
	}
	/* Whoever won the vote before has the first say. */
	search.votes = sites->finalizes ? sites->seen_count : 0;
	for (size_t i = 0; i < types->count && result == 0; i++)
		result = add_type(&search, types->type[i].address);
	if (result == 0)
		result = add_static_types(&search);
	if (result == 0 && census)
		result = add_classes(&search, census);
	if (result == 0)
		result = remember_types(&search);
	if (result == 0) {
		mark_busy(&search);
		mark_copied(&search, before);
	}
	finish(&search);
	if (result < 0)
		return error_set(error, ERROR_FAILED, "out of memory");
	qsort(&sites->site[before], sites->count - before, sizeof(*sites->site), by_file);
	return (ssize_t)(sites->count - before);
}

int probe_sites_of_instances(
	const struct python *python, uint64_t allocates, struct probe_sites *sites, struct error *error)
{
	struct search search = {.python = python, .sites = sites};
	int result = begin(&search, error);

	if (result == 0 &&
		add_function(&search, makers_of_instances(python, &search.mappings, allocates), SITE_FIRST) < 0)
		result = error_set(error, ERROR_FAILED, "out of memory");
	finish(&search);
	return result;
}

ssize_t probe_sites_of_births(const struct python *python, struct probe_sites *sites, struct error *error)
{
	struct search search = {.python = python, .sites = sites};
	size_t before = sites->count, count = 0;
	struct maker makers[MAKERS_MOST];
	int result = begin(&search, error);

	if (result == 0)
		count = makers_find(python, &search.mappings, search.memory, makers);
	for (size_t i = 0; i < count && result == 0; i++) {
		size_t known = sites->count;

		if (add_function(&search, makers[i].address, makers[i].makes ? 0 : SITE_FIRST) < 0)
			result = error_set(error, ERROR_FAILED, "out of memory");
		if (sites->count > known) {
			sites->site[known].makes = makers[i].makes;
			sites->site[known].makes_generators = makers[i].generators;
			sites->site[known].makes_others = makers[i].others;
		}
	}
	finish(&search);
	if (result < 0)
		return -1;
	qsort(&sites->site[before], sites->count - before, sizeof(*sites->site), by_file);
	return (ssize_t)(sites->count - before);
}
