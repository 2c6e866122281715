// SPDX-License-Identifier: BSD-2-Clause
#include "makers.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "elf_image.h"
#include "site_x86_64.h"
#include "target.h"

/* What is read of a function; the evaluation loop has some 60 KB. */
#define CODE_MOST (256u << 10)
/* A function reads the flags of the type that it makes objects of among its first bytes. */
#define FLAGS_WITHIN 64

/* One of the interpreter's functions, or a set of them. */
struct rule {
	enum {
		ITSELF, /* the function */
		JUMPS_TO, /* what it is only a jump to: a compiler has made it one with the other */
		CALLED_WITH_TYPE, /* what it calls with `type` as the first argument, which is a type */
		CALLS_THAT_MAKE, /* those that it calls which make one object of `type`, by _PyObject_GC_New */
	} how;
	const char *function, *type; /* symbols; no type: the first argument is it */
	enum { NONE, GENERATORS, OTHERS } besides; /* see struct maker */
};

/*
 * Measured on the builds of 3.8 to 3.15 that the tests run on: no object enters two of these functions, but for those
 * of the last two rows, which most others call where their free list is empty. (What PyCMethod_New makes is of one of
 * two types: left to them.)
 */
static const struct rule rules[] = {
	{ITSELF, "PyType_GenericAlloc", NULL, NONE},
	{ITSELF, "PyList_New", "PyList_Type", NONE},
	{CALLS_THAT_MAKE, "_PyList_FromArraySteal", "PyList_Type", NONE}, /* 3.13 with LTO: a copy of PyList_New */
	{ITSELF, "PyDict_New", "PyDict_Type", NONE},
	{ITSELF, "_Py_BuildMap_StackRefSteal", "PyDict_Type", NONE}, /* 3.15 */
	{CALLS_THAT_MAKE, "_PyDict_NewPresized", "PyDict_Type", NONE}, /* LTO: new_dict, and what it became */
	{CALLS_THAT_MAKE, "PyObject_GenericGetDict", "PyDict_Type", NONE},
	{ITSELF, "PyTuple_New", "PyTuple_Type", NONE},
	{ITSELF, "_PyTuple_FromArraySteal", "PyTuple_Type", NONE}, /* 3.12+ */
	{ITSELF, "_PyTuple_FromStackRefStealOnSuccess", "PyTuple_Type", NONE}, /* 3.14+ */
	{ITSELF, "PyFunction_NewWithQualName", "PyFunction_Type", NONE},
	{JUMPS_TO, "PyFunction_New", "PyFunction_Type", NONE},
	{ITSELF, "PyMethod_New", "PyMethod_Type", NONE},
	{ITSELF, "PySlice_New", "PySlice_Type", NONE},
	{ITSELF, "PyContext_CopyCurrent", "PyContext_Type", NONE},
	{ITSELF, "PyContext_New", "PyContext_Type", NONE},
	{JUMPS_TO, "PyContext_New", "PyContext_Type", NONE},
	{ITSELF, "_Py_MakeCoro", NULL, GENERATORS}, /* 3.11+ */
	{CALLED_WITH_TYPE, "_PyEval_EvalFrameDefault", "PyGen_Type", NONE}, /* 3.11 with LTO: make_gen */
	{ITSELF, "_PyObject_GC_New", NULL, OTHERS},
	{ITSELF, "_PyObject_GC_NewVar", NULL, OTHERS},
};
#define RULES (sizeof(rules) / sizeof(rules[0]))

/* Symbols besides those of the rules. */
enum { GC_NEW, GENERIC_NEW, GENERIC_ALLOC, DICT_TYPE, MORE_SYMBOLS };
static const char *const more_symbols[MORE_SYMBOLS] = {
	[GC_NEW] = "_PyObject_GC_New",
	[GENERIC_NEW] = "PyType_GenericNew",
	[GENERIC_ALLOC] = "PyType_GenericAlloc",
	[DICT_TYPE] = "PyDict_Type",
};

/* A function's code. */
struct code {
	uint64_t address;
	uint8_t *bytes;
	size_t n; /* 0: no function begins there */
};

/* One search. */
struct making {
	const struct python *python;
	const struct mappings *mappings;
	struct maker *makers;
	size_t count;
	uint64_t gc_new;
};

/* The code of the function that begins at this address, from its file. */
static struct code read_code(const struct python *python, const struct mappings *mappings, uint64_t address)
{
	const struct mapping *mapping = mappings_find(mappings, address);
	struct code code = {.address = address};
	struct elf_image *image;
	uint64_t offset, size;
	char path[PATH_MAX];
	int fd, copy;
	ssize_t n;

	if (!address || !mapping || !mapping->executable || !mapping->inode)
		return code;
	fd = process_open_file(&python->target->process, mappings, mapping, path, sizeof(path));
	copy = fd >= 0 ? dup(fd) : -1;
	image = copy >= 0 ? elf_image_open(copy) : NULL;
	offset = mapping->offset + (address - mapping->start);
	size = image ? elf_image_function_size(image, offset) : 0;
	size = size > CODE_MOST ? CODE_MOST : size;
	code.bytes = size ? malloc(size) : NULL;
	n = code.bytes ? pread(fd, code.bytes, size, (off_t)offset) : 0;
	code.n = n > 0 ? (size_t)n : 0;
	elf_image_close(image);
	if (fd >= 0)
		close(fd);
	return code;
}

static bool begins_function(const struct making *making, uint64_t address)
{
	struct code code = read_code(making->python, making->mappings, address);

	free(code.bytes);
	return code.n != 0;
}

static void add(struct making *making, uint64_t address, uint64_t makes, int besides)
{
	for (size_t i = 0; i < making->count; i++) {
		if (making->makers[i].address == address)
			return;
	}
	if (address && making->count < MAKERS_MOST)
		making->makers[making->count++] =
			(struct maker){address, makes, besides == GENERATORS, besides == OTHERS};
}

/* Whether a function makes an object of this type, by _PyObject_GC_New, and is so known to make no other. */
static bool makes(const struct making *making, uint64_t address, uint64_t type)
{
	struct code code = read_code(making->python, making->mappings, address);
	size_t at = 0;
	bool found = code.n && site_next_call_with(code.bytes, code.n, address, type, &at) == making->gc_new;

	free(code.bytes);
	return found && making->gc_new;
}

static void add_calls_that_make(struct making *making, const struct code *code, uint64_t type)
{
	uint64_t target;
	size_t at = 0;

	while ((target = site_next_call(code->bytes, code->n, code->address, &at))) {
		if (makes(making, target, type))
			add(making, target, type, NONE);
	}
}

static void follow(struct making *making, const struct rule *rule, uint64_t function, uint64_t type)
{
	struct code code;
	uint64_t target;
	size_t at = 0;

	if (!function || (rule->type && !type))
		return;
	if (rule->how == ITSELF) {
		add(making, function, type, rule->besides);
		return;
	}
	code = read_code(making->python, making->mappings, function);
	switch (code.n ? rule->how : ITSELF) {
	case JUMPS_TO:
		target = site_jump(code.bytes, code.n, function);
		if (target && begins_function(making, target))
			add(making, target, type, rule->besides);
		break;
	case CALLED_WITH_TYPE:
		target = site_next_call_with(code.bytes, code.n, function, type, &at);
		if (target && target != making->gc_new && begins_function(making, target))
			add(making, target, 0, rule->besides);
		break;
	case CALLS_THAT_MAKE:
		add_calls_that_make(making, &code, type);
		break;
	default:
		break;
	}
	free(code.bytes);
}

/*
 * PyType_GenericNew is tp_alloc(type, 0); where a compiler saw that this mostly is PyType_GenericAlloc, it calls that
 * one's own copy, as all that makes instances does: the only function that it calls, with its argument. 0: it does not.
 */
static uint64_t copy_of_alloc(const struct python *python, const struct mappings *mappings, uint64_t generic_new)
{
	struct code code = read_code(python, mappings, generic_new), called;
	uint64_t target, found = 0;
	size_t at = 0;

	while (code.n && (target = site_next_call(code.bytes, code.n, generic_new, &at))) {
		called = read_code(python, mappings, target);
		if (called.n && (found && found != target)) /* which of them? */
			code.n = 0, found = 0;
		else if (called.n && site_reads(called.bytes, called.n < FLAGS_WITHIN ? called.n : FLAGS_WITHIN,
					     python->layout.type.flags))
			found = target;
		free(called.bytes);
	}
	free(code.bytes);
	return found;
}

static bool calls(const struct making *making, uint64_t function, uint64_t callee)
{
	struct code code = read_code(making->python, making->mappings, function);
	uint64_t target;
	bool found = false;
	size_t at = 0;

	while (code.n && !found && (target = site_next_call(code.bytes, code.n, function, &at)))
		found = target == callee;
	free(code.bytes);
	return found;
}

/* Another function with PyType_GenericAlloc's first argument. That one is left out where it calls this. */
static void add_alloc(struct making *making, uint64_t address, uint64_t generic_alloc)
{
	if (!address || address == generic_alloc || !begins_function(making, address))
		return;
	if (making->count && making->makers[0].address == generic_alloc && calls(making, generic_alloc, address))
		making->makers[0].address = address;
	else
		add(making, address, 0, NONE);
}

uint64_t makers_of_instances(const struct python *python, const struct mappings *mappings, uint64_t tp_alloc)
{
	struct elf_symbol symbols[MORE_SYMBOLS] = {0};
	uint64_t copy;

	for (size_t i = 0; i < MORE_SYMBOLS; i++)
		symbols[i].name = more_symbols[i];
	target_symbols(python->target, symbols, MORE_SYMBOLS);
	copy = tp_alloc && tp_alloc == symbols[GENERIC_ALLOC].address
		       ? copy_of_alloc(python, mappings, symbols[GENERIC_NEW].address)
		       : 0;
	return copy ? copy : tp_alloc;
}

size_t makers_find(const struct python *python, const struct mappings *mappings, struct memory *memory,
	struct maker makers[MAKERS_MOST])
{
	struct elf_symbol symbols[2 * RULES + MORE_SYMBOLS] = {0};
	struct making making = {.python = python, .mappings = mappings, .makers = makers};
	uint64_t generic_alloc, dict_alloc;

	for (size_t i = 0; i < RULES; i++) {
		symbols[i].name = rules[i].function;
		symbols[RULES + i].name = rules[i].type ? rules[i].type : "";
	}
	for (size_t i = 0; i < MORE_SYMBOLS; i++)
		symbols[2 * RULES + i].name = more_symbols[i];
	target_symbols(python->target, symbols, 2 * RULES + MORE_SYMBOLS);
	making.gc_new = symbols[2 * RULES + GC_NEW].address;
	for (size_t i = 0; i < RULES; i++)
		follow(&making, &rules[i], symbols[i].address, symbols[RULES + i].address);
	generic_alloc = symbols[2 * RULES + GENERIC_ALLOC].address;
	add_alloc(&making, copy_of_alloc(python, mappings, symbols[2 * RULES + GENERIC_NEW].address), generic_alloc);
	/* dict's tp_alloc is the same without tracking (3.11+, _PyType_AllocNoTrack). */
	if (symbols[2 * RULES + DICT_TYPE].address &&
		memory_u64(memory, symbols[2 * RULES + DICT_TYPE].address + (uint64_t)python->layout.type.alloc,
			&dict_alloc))
		add_alloc(&making, dict_alloc, generic_alloc);
	return making.count;
}
