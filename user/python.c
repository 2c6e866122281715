// SPDX-License-Identifier: BSD-2-Clause
#include "python.h"

#include <stdlib.h>
#include <string.h>

#include "list.h"
#include "pyobject.h"

#define INTERPRETERS_MOST 4096u
/* A thread is in no more functions. */
#define FRAMES_MOST 10000
#define THREAD_STATES_MOST (1u << 16)
/* ob_type leads from any object to `type` in a few steps: one for each metaclass of a metaclass. */
#define TYPE_STEPS_MOST 8
/* glibc 2.4 and later keep the id within the first kibibyte of struct pthread. */
#define PTHREAD_SEARCH 2048
/* Thread states that are asked where struct pthread keeps the id. */
#define TID_SAMPLE 16

static bool at(struct memory *memory, uint64_t base, int32_t offset, uint64_t *value)
{
	return offset >= 0 && memory_u64(memory, base + (uint64_t)offset, value);
}

void runtime_free(struct runtime *runtime)
{
	free(runtime->interpreters);
	free(runtime->threads);
	free(runtime->gils);
	*runtime = (struct runtime){0};
}

uint64_t python_generation(const struct python *python, const struct interpreter *interpreter, int generation)
{
	const struct layout *layout = &python->layout;

	if (!interpreter->gc)
		return 0;
	if (generation == GENERATION_PERMANENT)
		return layout->gc.permanent_generation == LAYOUT_ABSENT
			       ? 0
			       : interpreter->gc + (uint64_t)layout->gc.permanent_generation;
	return interpreter->gc + (uint64_t)layout->gc.generations +
	       (uint64_t)generation * (uint64_t)layout->gc.generation_size;
}

static bool read_interpreter(const struct python *python, struct memory *memory, struct interpreter *interpreter)
{
	const struct layout *layout = &python->layout;
	uint64_t id = UINT64_MAX;

	if (layout->interp.id >= 0 && !at(memory, interpreter->address, layout->interp.id, &id))
		return false;
	interpreter->id = (int64_t)id;
	if (layout->interp.gil >= 0 && !at(memory, interpreter->address, layout->interp.gil, &interpreter->gil))
		return false;
	if (layout->interp.tstate_next_unique_id >= 0 &&
		!at(memory, interpreter->address, layout->interp.tstate_next_unique_id, &interpreter->next_unique_id))
		return false;
	if (layout->interp.gc >= 0)
		interpreter->gc = interpreter->address + (uint64_t)layout->interp.gc;
	return true;
}

static int read_thread_states(const struct python *python, struct memory *memory, struct runtime *runtime,
	uint32_t index, struct error *error)
{
	const struct layout *layout = &python->layout;
	uint64_t address;

	if (!at(memory, runtime->interpreters[index].address, layout->interp.tstate_head, &address))
		return error_set(error, ERROR_AGAIN, "the list of thread states cannot be read");
	while (address) {
		struct thread_state thread = {.address = address, .interpreter = index};
		uint64_t interp, next;

		if (runtime->thread_count == THREAD_STATES_MOST)
			return error_set(error, ERROR_AGAIN, "the list of thread states does not end");
		if (!at(memory, address, layout->tstate.interp, &interp) ||
			!at(memory, address, layout->tstate.next, &next) ||
			!at(memory, address, layout->tstate.thread_id, &thread.thread_id) ||
			interp != runtime->interpreters[index].address)
			return error_set(error, ERROR_AGAIN, "a thread state does not point back to its interpreter");
		at(memory, address, layout->tstate.native_thread_id, &thread.native_id);
		if (!list_make_room((void **)&runtime->threads, runtime->thread_count, sizeof(thread)))
			return error_set(error, ERROR_FAILED, "out of memory");
		runtime->threads[runtime->thread_count++] = thread;
		address = next;
	}
	return 0;
}

/* The first interpreter of the list, 0 when there is none (yet). */
static bool interpreters_head(const struct python *python, struct memory *memory, uint64_t *head)
{
	const struct target *target = python->target;

	if (target->runtime)
		return at(memory, target->runtime, python->layout.runtime.interpreters_head, head);
	return memory_u64(memory, target->interp_head, head);
}

/* Before 3.9 all interpreters share one set of lists: the first of the list stands for it. */
static bool share_lists(const struct python *python, struct memory *memory, struct runtime *runtime)
{
	const struct target *target = python->target;
	uint64_t gc = 0;

	if (python->layout.interp.gc >= 0)
		return true;
	if (python->layout.runtime.gc >= 0)
		gc = target->runtime + (uint64_t)python->layout.runtime.gc;
	else if (!memory_u64(memory, target->gc_generation0, &gc) || !gc)
		return false;
	runtime->interpreters[0].gc = gc;
	return true;
}

static bool find_gils(const struct python *python, struct runtime *runtime)
{
	if (python->layout.interp.gil < 0) {
		if (!list_make_room((void **)&runtime->gils, 0, sizeof(*runtime->gils)))
			return false;
		runtime->gils[0] = (struct gil){0};
		runtime->gil_count = 1;
		return true;
	}
	for (size_t i = 0; i < runtime->interpreter_count; i++) {
		uint64_t address = runtime->interpreters[i].gil;
		bool known = !address;

		for (size_t k = 0; k < runtime->gil_count && !known; k++)
			known = runtime->gils[k].address == address;
		if (known)
			continue;
		if (!list_make_room((void **)&runtime->gils, runtime->gil_count, sizeof(*runtime->gils)))
			return false;
		runtime->gils[runtime->gil_count++] = (struct gil){.address = address};
	}
	return true;
}

bool python_gils(const struct python *python, struct memory *memory, struct runtime *runtime)
{
	const struct layout *layout = &python->layout;
	const struct target *target = python->target;

	for (size_t i = 0; i < runtime->gil_count; i++) {
		struct gil *gil = &runtime->gils[i];
		uint64_t base = gil->address;
		uint32_t locked;

		if (!base) {
			uint64_t current = target->runtime ? target->runtime + (uint64_t)layout->runtime.tstate_current
							   : target->tstate_current;

			if (!memory_u64(memory, current, &gil->holder))
				return false;
			if (layout->runtime.gil < 0)
				continue;
			base = target->runtime + (uint64_t)layout->runtime.gil;
			if (!at(memory, base, layout->gil.switch_number, &gil->switches))
				return false;
			continue;
		}
		if (!memory_u32(memory, base + (uint64_t)layout->gil.locked, &locked) ||
			!at(memory, base, layout->gil.last_holder, &gil->holder) ||
			!at(memory, base, layout->gil.switch_number, &gil->switches))
			return false;
		if ((int32_t)locked <= 0) /* 0 free, -1 not made yet */
			gil->holder = 0;
	}
	return true;
}

uint64_t python_holder(const struct python *python, const struct interpreter *interpreter)
{
	const struct layout *layout = &python->layout;

	if (!python->target->runtime)
		return python->target->tstate_current;
	if (layout->runtime.tstate_current >= 0)
		return python->target->runtime + (uint64_t)layout->runtime.tstate_current;
	return interpreter->gil ? interpreter->gil + (uint64_t)layout->gil.last_holder : 0;
}

int python_runtime(struct python *python, struct memory *memory, struct runtime *runtime, struct error *error)
{
	uint64_t address;
	int result = 0;

	*runtime = (struct runtime){0};
	if (!interpreters_head(python, memory, &address))
		return error_set(error, ERROR_AGAIN, "the list of interpreters cannot be read");
	while (address && result == 0) {
		struct interpreter interpreter = {.address = address};

		if (runtime->interpreter_count == INTERPRETERS_MOST ||
			!read_interpreter(python, memory, &interpreter) ||
			!at(memory, address, python->layout.interp.next, &address)) {
			result = error_set(error, ERROR_AGAIN, "the list of interpreters does not end");
			break;
		}
		if (!list_make_room((void **)&runtime->interpreters, runtime->interpreter_count, sizeof(interpreter))) {
			result = error_set(error, ERROR_FAILED, "out of memory");
			break;
		}
		runtime->interpreters[runtime->interpreter_count++] = interpreter;
		result = read_thread_states(python, memory, runtime, (uint32_t)runtime->interpreter_count - 1, error);
	}
	if (result == 0 && !runtime->interpreter_count)
		result = error_set(error, ERROR_AGAIN, "it has no interpreter: it is starting up or shutting down");
	if (result == 0 && !(share_lists(python, memory, runtime) && find_gils(python, runtime) &&
				   python_gils(python, memory, runtime)))
		result = error_set(error, ERROR_AGAIN, "the GIL or the collector's lists cannot be found");
	if (result < 0)
		runtime_free(runtime);
	return result;
}

void python_frames(const struct python *python, struct memory *memory, uint64_t thread_state, python_visit_frame *visit,
	void *context)
{
	const struct layout *layout = &python->layout;
	uint64_t holder = thread_state, frame;
	bool there = layout->tstate.cframe < 0 || at(memory, thread_state, layout->tstate.cframe, &holder);

	there = there &&
		at(memory, holder, layout->tstate.cframe < 0 ? layout->tstate.frame : layout->tstate.cframe_frame,
			&frame);
	for (int i = 0; there && frame && i < FRAMES_MOST && visit(context, frame); i++)
		there = at(memory, frame, layout->frame.previous, &frame);
}

bool python_collecting(const struct python *python, struct memory *memory, const struct runtime *runtime)
{
	const struct target *target = python->target;
	uint32_t collecting;

	if (!target->runtime) /* 3.6: a variable of its own */
		return !memory_u32(memory, target->gc_collecting, &collecting) || collecting;
	for (size_t i = 0; i < runtime->interpreter_count; i++) {
		uint64_t gc = runtime->interpreters[i].gc;

		if (gc && (!memory_u32(memory, gc + (uint64_t)python->layout.gc.collecting, &collecting) || collecting))
			return true;
	}
	return false;
}

uint64_t python_collecting_at(const struct python *python, const struct runtime *runtime)
{
	uint64_t gc;

	if (!python->target->runtime)
		return python->target->gc_collecting;
	gc = runtime->interpreter_count ? runtime->interpreters[0].gc : 0;
	return gc ? gc + (uint64_t)python->layout.gc.collecting : 0;
}

bool python_is_finalized(const struct python *python, struct memory *memory, uint64_t object)
{
	uint64_t flags;

	return at(memory, object - (uint64_t)python->layout.gc_head.size, python->layout.gc_head.finalized, &flags) &&
	       flags & 1;
}

static int compare_inner(const void *a, const void *b)
{
	pid_t x = ((const struct thread *)a)->inner, y = ((const struct thread *)b)->inner;

	return (x > y) - (x < y);
}

/* threads: ascending by inner id. */
static pid_t tid_of(const struct threads *threads, uint64_t inner)
{
	struct thread key = {.inner = (pid_t)inner}, *found;

	if (inner == 0 || inner > INT32_MAX)
		return 0;
	found = bsearch(&key, threads->thread, threads->count, sizeof(key), compare_inner);
	return found ? found->tid : 0;
}

/* The thread that struct pthread at thread_id names at offset; 0 when it names none that lives. */
static pid_t pthread_owner(
	struct memory *memory, const struct threads *threads, const struct thread_state *thread, int32_t offset)
{
	uint32_t inner;

	if (offset < 0 || !thread->thread_id || !memory_u32(memory, thread->thread_id + (uint64_t)offset, &inner))
		return 0;
	return tid_of(threads, inner);
}

/*
 * How many of the first thread states lead to a thread of their own when struct pthread keeps the id at offset. Some
 * may not: their thread ended, or was left behind by a fork.
 */
static size_t tid_offset_matches(
	struct memory *memory, const struct runtime *runtime, const struct threads *threads, int32_t offset)
{
	pid_t seen[TID_SAMPLE];
	size_t matched = 0;

	for (size_t i = 0; i < runtime->thread_count && matched < TID_SAMPLE && i < 4 * TID_SAMPLE; i++) {
		pid_t tid = pthread_owner(memory, threads, &runtime->threads[i], offset);

		for (size_t k = 0; k < matched && tid; k++) {
			/* One thread may have states in several interpreters, but different threads differ. */
			if (seen[k] == tid)
				tid = 0;
		}
		if (tid)
			seen[matched++] = tid;
	}
	return matched;
}

static void find_tid_offset(
	struct python *python, struct memory *memory, const struct runtime *runtime, const struct threads *threads)
{
	const int32_t glibc = 720; /* x86-64 and aarch64 since 2.4: wins when it fits as well as any other */
	size_t best = tid_offset_matches(memory, runtime, threads, glibc);

	python->pthread_tid = best ? glibc : LAYOUT_ABSENT;
	if (best)
		return;
	for (int32_t offset = 0; offset < PTHREAD_SEARCH; offset += 4) {
		size_t matched = tid_offset_matches(memory, runtime, threads, offset);

		if (matched > best) {
			best = matched;
			python->pthread_tid = offset;
		}
	}
}

void python_match_threads(
	struct python *python, struct memory *memory, struct runtime *runtime, struct threads *threads)
{
	qsort(threads->thread, threads->count, sizeof(*threads->thread), compare_inner);
	/*
	 * libc's own record comes first: native_thread_id may be the parent's in a forked child (3.11, 3.12), while
	 * libc renews its record in fork(). An offset that once led somewhere is forgotten only when it leads nowhere
	 * any more.
	 */
	if (python->pthread_tid < 0 || !tid_offset_matches(memory, runtime, threads, python->pthread_tid))
		find_tid_offset(python, memory, runtime, threads);
	for (size_t i = 0; i < runtime->thread_count; i++) {
		struct thread_state *thread = &runtime->threads[i];

		thread->tid = pthread_owner(memory, threads, thread, python->pthread_tid);
		if (!thread->tid)
			thread->tid = tid_of(threads, thread->native_id);
	}
}

/* Follows ob_type from an object until a type is its own type; true when that one is called "type". */
static bool leads_to_type(const struct python *python, struct memory *memory, uint64_t object)
{
	uint64_t type = pyobject_type(&python->layout, memory, object);

	for (int i = 0; type && i < TYPE_STEPS_MOST; i++) {
		uint64_t above = pyobject_type(&python->layout, memory, type), name;
		char text[5];

		if (above == type)
			return at(memory, type, python->layout.type.name, &name) &&
			       memory_read(memory, name, text, sizeof(text)) && memcmp(text, "type", sizeof(text)) == 0;
		type = above;
	}
	return false;
}

bool python_is_type(const struct python *python, struct memory *memory, uint64_t address)
{
	uint64_t flags, meta;

	return at(memory, address, python->layout.type.flags, &flags) && flags & TPFLAGS_READY &&
	       at(memory, address, python->layout.object.type, &meta) &&
	       at(memory, meta, python->layout.type.flags, &flags) && flags & TPFLAGS_TYPE_SUBCLASS &&
	       leads_to_type(python, memory, address);
}

/* What PyType_Ready() fills in is empty, and all that its source says is there. */
static bool is_unready(const struct python *python, struct memory *memory, uint64_t address)
{
	const struct layout *layout = &python->layout;
	uint64_t flags, name, dealloc, traverse, dict, mro, cache;

	return at(memory, address, layout->type.flags, &flags) &&
	       (flags & ~(TPFLAGS_BASETYPE | TPFLAGS_VERSION_TAG)) == TPFLAGS_HAVE_GC &&
	       at(memory, address, layout->type.name, &name) && name &&
	       at(memory, address, layout->type.dealloc, &dealloc) && dealloc &&
	       at(memory, address, layout->type.traverse, &traverse) && traverse &&
	       at(memory, address, layout->type.dict, &dict) && !dict && at(memory, address, layout->type.mro, &mro) &&
	       !mro && at(memory, address, layout->type.cache, &cache) && !cache;
}

bool python_has_instances(const struct python *python, struct memory *memory, uint64_t address)
{
	return python_is_type(python, memory, address) || is_unready(python, memory, address);
}

/* Whether the first record of a list points back to its head and, unless it is the head itself, belongs to an object.
 */
static bool head_is_linked(const struct python *python, struct memory *memory, uint64_t head, bool *object)
{
	const struct layout *layout = &python->layout;
	uint64_t next, prev;

	if (!at(memory, head, layout->gc_head.next, &next))
		return false;
	next &= ~layout->gc_head.next_flags;
	if (!at(memory, next, layout->gc_head.prev, &prev) || (prev & ~layout->gc_head.prev_flags) != head)
		return false;
	*object = next != head;
	return !*object || leads_to_type(python, memory, next + (uint64_t)layout->gc_head.size);
}

/*
 * Whether the lists' heads are where the layout says. The process runs meanwhile: where the oldest object of a list is
 * dropped all the time, that list may never be seen linked, so one that holds objects is enough. The rest is left to
 * the census, which checks every link while nothing changes.
 */
static bool heads_are_linked(const struct python *python, struct memory *memory, const struct interpreter *interpreter)
{
	const struct layout *layout = &python->layout;
	uint64_t generation0;
	bool object, any = false;

	if (layout->gc.generation0 >= 0 && (!at(memory, interpreter->gc, layout->gc.generation0, &generation0) ||
						   generation0 != python_generation(python, interpreter, 0)))
		return false;
	/* All of them may have been parked by gc.freeze(). */
	for (int generation = 0; generation <= GENERATION_PERMANENT; generation++) {
		uint64_t head = python_generation(python, interpreter, generation);

		if (head && head_is_linked(python, memory, head, &object) && object)
			any = true;
	}
	return any;
}

static bool shows_version(
	const struct python *python, struct memory *memory, const struct interpreter *interpreter, uint32_t *found)
{
	uint64_t sysdict, value;

	*found = 0;
	return at(memory, interpreter->address, python->layout.interp.sysdict, &sysdict) && sysdict &&
	       pyobject_dict_get(&python->layout, memory, sysdict, "hexversion", &value) == 1 &&
	       pyobject_small_int(&python->layout, memory, value, found) && *found == python->target->version;
}

static int prove(struct python *python, struct memory *memory, struct error *error)
{
	struct runtime runtime;
	uint32_t version;
	int result = 0;

	if (python_runtime(python, memory, &runtime, error) < 0)
		return -1;
	for (size_t i = 0; i < runtime.interpreter_count && result == 0; i++) {
		const struct interpreter *interpreter = &runtime.interpreters[i];

		if (interpreter->gc && !heads_are_linked(python, memory, interpreter))
			result = error_set(error, ERROR_AGAIN, "the collector's lists are not where they should be");
		if (result == 0 && interpreter->address && !shows_version(python, memory, interpreter, &version))
			result = error_set(error, ERROR_AGAIN, "sys.hexversion reads as 0x%08x, not 0x%08x", version,
				python->target->version);
	}
	runtime_free(&runtime);
	return result;
}

/* Takes one row for granted, with what the target says of itself laid over it, and lets the target disprove it. */
static int try_row(struct python *python, const struct target *target, const struct layout *row, struct memory *memory,
	struct error *error)
{
	unsigned char head[LAYOUT_DEBUG_OFFSETS_SIZE];

	*python = (struct python){.target = target, .layout = *row, .pthread_tid = LAYOUT_ABSENT};
	memory_forget(memory);
	if (target->runtime && memory_read(memory, target->runtime, head, sizeof(head)) &&
		layout_from_debug_offsets(&python->layout, head, sizeof(head), error) < 0)
		return -1;
	if (target->debug)
		layout_of_debug_build(&python->layout);
	return prove(python, memory, error);
}

int python_open(struct python *python, const struct target *target, struct memory *memory, struct error *error)
{
	const struct layout *row = layout_find(target->version);
	int result = error_set(error, ERROR_FAILED, "no layout for Python %s", target->version_text);

	if (!target->runtime && (!target->gc_generation0 || !target->tstate_current))
		return error_set(error, ERROR_FAILED, "Python %s lacks the symbols that its lists are found by",
			target->version_text);
	if (!target->runtime && (!target->gc_collecting || !target->interp_head))
		return error_set(error, ERROR_FAILED,
			"this Python %s was stripped of the symbols that tell whether a garbage collection is running; "
			"without them no count of a 3.6 is certain",
			target->version_text);
	for (; row && result < 0; row = layout_other(row, target->version)) {
		struct error why;

		result = try_row(python, target, row, memory, &why);
		/* A reason that may pass counts for more than a row that can never fit. */
		if (result < 0 && (error->code != ERROR_AGAIN || why.code == ERROR_AGAIN))
			*error = why;
	}
	return result;
}
