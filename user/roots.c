// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "roots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "code.h"
#include "free_lists.h"
#include "layout.h"
#include "list.h"
#include "order.h"
#include "pyobject.h"
#include "text.h"

#define WORD 8
/* A struct of the interpreter is not larger. */
#define STRUCT_MOST (UINT64_C(1) << 20)

struct finding {
	struct roots *roots;
	struct referents *referents;
	const struct layout *layout;
	struct memory *memory;
	bool failed; /* out of memory */
};

static uint64_t field(const struct finding *finding, uint64_t address, int32_t offset)
{
	uint64_t value;

	return memory_u64(finding->memory, address + (uint64_t)offset, &value) ? value : 0;
}

/* Takes the texts over. */
static void add(struct finding *finding, const struct root *root)
{
	struct roots *roots = finding->roots;

	if (!root->name || !list_make_room((void **)&roots->root, roots->count, sizeof(*roots->root))) {
		finding->failed = true;
		free(root->name);
		free(root->place);
		return;
	}
	roots->root[roots->count++] = *root;
}

/* --- frames --- */

struct of_thread {
	struct finding *finding;
	pid_t tid;
};

static bool add_frame(void *context, uint64_t frame)
{
	const struct of_thread *of = context;
	struct finding *finding = of->finding;
	const struct layout *layout = finding->layout;
	struct referents *referents = finding->referents;
	struct root root = {.kind = ROOT_FRAME, .address = frame, .tid = of->tid};
	struct code_position position = {0};
	uint64_t code = field(finding, frame, layout->frame.code), instruction;

	if (!list_make_room((void **)&referents->running, referents->running_count, sizeof(frame))) {
		finding->failed = true;
		return false;
	}
	referents->running[referents->running_count++] = frame;
	instruction = field(finding, frame, layout->frame.instruction);
	if (layout->generator.frame_object < 0)
		instruction &= UINT32_MAX;
	/* What is no function of anybody's: shims of the interpreter. */
	if (!code_position(layout, finding->memory, code, instruction, &position))
		return true;
	root.name = position.function;
	position.function = NULL;
	root.place = text_print("%s:%u", position.file, position.line);
	code_position_free(&position);
	add(finding, &root);
	return !finding->failed;
}

/* --- tables --- */

static bool add_module(void *context, uint64_t key, uint64_t value)
{
	struct finding *finding = context;
	struct roots *roots = finding->roots;
	const struct shape *shape = shapes_of_object(finding->referents->shapes, value);
	struct root_module module = {.address = value};

	if (!shape || shape->kind == OBJECT_NONE)
		return true;
	module.name = pyobject_text(finding->layout, finding->memory, key);
	if (!module.name)
		return true;
	if (shape->kind == OBJECT_MODULE)
		module.dict = field(finding, value, finding->layout->member.module_dict);
	if (!list_make_room((void **)&roots->modules, roots->module_count, sizeof(*roots->modules))) {
		free(module.name);
		finding->failed = true;
		return false;
	}
	roots->modules[roots->module_count++] = module;
	return true;
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = ((const struct root_module *)a)->address, y = ((const struct root_module *)b)->address;

	return (x > y) - (x < y);
}

static void find_modules(struct finding *finding, const struct runtime *runtime)
{
	struct roots *roots = finding->roots;
	uint64_t sys, modules;

	for (size_t i = 0; i < runtime->interpreter_count; i++) {
		sys = field(finding, runtime->interpreters[i].address, finding->layout->interp.sysdict);
		if (!sys || pyobject_dict_get(finding->layout, finding->memory, sys, "modules", &modules) != 1)
			continue;
		pyobject_dict_items(finding->layout, finding->memory, modules, add_module, finding);
	}
	if (roots->module_count)
		qsort(roots->modules, roots->module_count, sizeof(*roots->modules), by_address);
}

const struct root_module *root_module(const struct roots *roots, uint64_t address)
{
	const struct root_module wanted = {.address = address};

	return roots->module_count ? bsearch(&wanted, roots->modules, roots->module_count, sizeof(wanted), by_address)
				   : NULL;
}

const struct root_module *root_module_of_dict(const struct roots *roots, uint64_t dict)
{
	for (size_t i = 0; dict && i < roots->module_count; i++) {
		if (roots->modules[i].dict == dict)
			return &roots->modules[i];
	}
	return NULL;
}

static void add_tables(struct finding *finding, const struct runtime *runtime)
{
	for (size_t i = 0; i < runtime->interpreter_count; i++) {
		const struct interpreter *interpreter = &runtime->interpreters[i];

		add(finding, &(struct root){.kind = ROOT_INTERPRETER,
				     .address = interpreter->address,
				     .name = i ? text_print("interpreter %lld", (long long)interpreter->id)
					       : text_print("interpreter")});
	}
	for (size_t i = 0; i < runtime->thread_count; i++) {
		const struct thread_state *thread = &runtime->threads[i];

		add(finding,
			&(struct root){.kind = ROOT_THREAD,
				.address = thread->address,
				.tid = thread->tid,
				.name = thread->tid ? text_print("thread %d", thread->tid) : text_print("thread")});
	}
}

/* Types of C code that have objects, and their bases. */
static int find_static_types(struct roots *roots, struct referents *referents, const struct census *census)
{
	const struct layout *layout = &referents->python->layout;
	uint64_t type, flags;

	roots->static_types = calloc(census->types.count * 2 + 1, sizeof(*roots->static_types));
	if (!roots->static_types)
		return -1;
	for (size_t i = 0; i < census->types.count; i++) {
		type = census->types.type[i].address;
		for (int k = 0; k < 2 && type; k++) {
			if (memory_u64(referents->memory, type + (uint64_t)layout->type.flags, &flags) &&
				!(flags & TPFLAGS_HEAPTYPE))
				roots->static_types[roots->static_type_count++] = type;
			if (!memory_u64(referents->memory, type + (uint64_t)layout->type.base, &type))
				break;
		}
	}
	return 0;
}

int roots_find(struct roots *roots, struct referents *referents, const struct census *census)
{
	struct python python = *referents->python;
	struct finding finding = {
		.roots = roots, .referents = referents, .layout = &python.layout, .memory = referents->memory};
	struct runtime runtime;

	*roots = (struct roots){0};
	referents->running_count = 0;
	if (find_static_types(roots, referents, census) < 0)
		return -1;
	if (python_runtime(&python, referents->memory, &runtime, NULL) < 0)
		return 0;
	find_modules(&finding, &runtime);
	for (size_t i = 0; i < runtime.thread_count; i++)
		python_frames(&python, referents->memory, runtime.threads[i].address, add_frame,
			&(struct of_thread){&finding, runtime.threads[i].tid});
	if (referents->running_count)
		qsort(referents->running, referents->running_count, sizeof(*referents->running), order_u64);
	add_tables(&finding, &runtime);
	runtime_free(&runtime);
	return finding.failed ? -1 : 0;
}

void roots_free(struct roots *roots)
{
	for (size_t i = 0; i < roots->count; i++) {
		free(roots->root[i].name);
		free(roots->root[i].place);
	}
	for (size_t i = 0; i < roots->module_count; i++)
		free(roots->modules[i].name);
	free(roots->root);
	free(roots->modules);
	free(roots->static_types);
	*roots = (struct roots){0};
}

/* --- what they refer to --- */

/* Every word of a struct of the interpreter that leads to an object, but for those in `dead`. */
static bool struct_words(struct referents *referents, uint64_t address, uint64_t size, const struct dead_range *dead,
	int dead_count, referents_visit *visit, void *context)
{
	for (uint64_t offset = 0; offset + WORD <= size && offset < STRUCT_MOST; offset += WORD) {
		uint64_t to;

		while (dead_count && dead->end <= address + offset) {
			dead++;
			dead_count--;
		}
		if (dead_count && dead->start <= address + offset)
			continue;
		if (!memory_u64(referents->memory, address + offset, &to)) {
			/* On to the next page. */
			offset |= (MEMORY_PAGE_SIZE - 1) & ~(uint64_t)(WORD - 1);
			continue;
		}
		if (to && shapes_of_object(referents->shapes, to) &&
			!visit(context,
				&(struct referent){
					.to = to, .index = offset, .kind = REFERENT_POSSIBLE, .way = WAY_MEMBER}))
			return false;
	}
	return true;
}

static bool interpreter_words(
	const struct root *root, struct referents *referents, referents_visit *visit, void *context)
{
	const struct layout *layout = &referents->python->layout;
	struct dead_range rest[FREE_LISTS_MOST];
	int count = free_lists_rest(layout, referents->memory, root->address, rest);

	return struct_words(referents, root->address, (uint64_t)layout->interp.size, rest, count, visit, context);
}

struct without_frames {
	struct referents *referents;
	referents_visit *visit;
	void *context;
};

static bool skip_frames(void *context, const struct referent *referent)
{
	const struct without_frames *without = context;
	const struct shape *shape =
		referent->way == WAY_MEMBER ? shapes_of_object(without->referents->shapes, referent->to) : NULL;

	return (shape && shape->kind == OBJECT_FRAME) || without->visit(without->context, referent);
}

/*
 * To 3.10 a frame is an object, but mostly none that is tracked while it runs: it stands for what it holds. Its
 * caller's frame is a root by itself.
 */
static bool old_frame(const struct root *root, struct referents *referents, referents_visit *visit, void *context)
{
	const struct shape *shape = shapes_of_object(referents->shapes, root->address);
	struct without_frames without = {referents, visit, context};

	return !shape || referents_of(referents, root->address, shape, skip_frames, &without);
}

bool root_referents(const struct root *root, struct referents *referents, referents_visit *visit, void *context)
{
	const struct layout *layout = &referents->python->layout;

	switch (root->kind) {
	case ROOT_FRAME:
		if (layout->generator.frame_object < 0)
			return old_frame(root, referents, visit, context);
		return referents_of_frame(referents, root->address, true, visit, context);
	case ROOT_THREAD:
		return struct_words(referents, root->address, (uint64_t)layout->tstate.size, NULL, 0, visit, context);
	case ROOT_INTERPRETER:
		return interpreter_words(root, referents, visit, context);
	}
	return true;
}
