/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CPython runtime inside a target: its interpreters, thread states and GILs, read through a picture of memory
 * with the layout of its version. Nothing here stops anything; whoever needs a consistent answer reads while the
 * process is held (hold.h).
 */
#ifndef OGT_PYTHON_H
#define OGT_PYTHON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "layout.h"
#include "memory.h"
#include "target.h"

struct python {
	const struct target *target; /* borrowed */
	struct layout layout; /* the row, overlaid with what the target's _Py_DebugOffsets says */
	int32_t pthread_tid; /* offset of the thread id in libc's struct pthread, once known; else -1 */
};

struct interpreter {
	uint64_t address; /* of PyInterpreterState */
	int64_t id; /* -1 before 3.7 */
	uint64_t gc; /* of struct _gc_runtime_state (3.6: of generations[0]); 0 when another one's lists serve it too */
	uint64_t gil; /* of struct _gil_runtime_state, 0 before 3.12 */
	uint64_t next_unique_id; /* changes with every thread state made; 0 where not kept */
};

struct thread_state {
	uint64_t address;
	uint32_t interpreter; /* index */
	pid_t tid; /* of the process's thread that it belongs to, 0 when that is gone */
	uint64_t native_id, thread_id;
};

/* One GIL: every interpreter's until 3.11, from 3.12 on possibly one for each. */
struct gil {
	uint64_t address; /* 0 before 3.12 */
	uint64_t holder; /* PyThreadState address, 0 when free */
	uint64_t switches; /* times it went to another thread; 0 where not read */
};

/* The runtime as it was at one moment, or, read from a running process, nearly so. */
struct runtime {
	struct interpreter *interpreters;
	size_t interpreter_count;
	struct thread_state *threads;
	size_t thread_count;
	struct gil *gils;
	size_t gil_count;
};

/*
 * Chooses the layout of the target's version and proves it against the target: the interpreters' list closes, thread
 * states point back, list heads are linked, types lead to `type`, sys.hexversion is the version. ERROR_AGAIN while
 * something does not fit, which in a starting or busy process may pass; error says what.
 */
int python_open(struct python *python, const struct target *target, struct memory *memory, struct error *error);

/* Whether a type object is at this address: ready to have instances, and an instance of `type` or a subclass. */
bool python_is_type(const struct python *python, struct memory *memory, uint64_t address);

/*
 * Whether a type object is at this address, or one that was never made ready: to 3.10 some static types of C modules
 * are none, of objects that Python code hardly sees (links of an lru_cache, iterators of arrays and memoryviews).
 */
bool python_has_instances(const struct python *python, struct memory *memory, uint64_t address);

/* Reads interpreters, thread states and GILs; freed with runtime_free. ERROR_AGAIN when they do not hang together. */
int python_runtime(struct python *python, struct memory *memory, struct runtime *runtime, struct error *error);
void runtime_free(struct runtime *runtime);

/* Finds for each thread state the thread that it belongs to. Sorts the threads. */
void python_match_threads(
	struct python *python, struct memory *memory, struct runtime *runtime, struct threads *threads);

/* Reads the GILs anew; false when memory could not be read. */
bool python_gils(const struct python *python, struct memory *memory, struct runtime *runtime);

/*
 * The address at which the runtime keeps the thread state that holds the interpreter's GIL; 0 where it is not known.
 * While a thread runs Python code that is its own.
 */
uint64_t python_holder(const struct python *python, const struct interpreter *interpreter);

/* Visits the frames (struct layout, frame) that a thread state is in, innermost first, until visit says false. */
typedef bool python_visit_frame(void *context, uint64_t frame);
void python_frames(const struct python *python, struct memory *memory, uint64_t thread_state, python_visit_frame *visit,
	void *context);

/* Whether any of the interpreters is in the middle of a garbage collection; true also when that cannot be read. */
bool python_collecting(const struct python *python, struct memory *memory, const struct runtime *runtime);

/*
 * Where the main interpreter, the first of `runtime`, keeps its flag that a collection runs (an int); 0 where that is
 * not known.
 */
uint64_t python_collecting_at(const struct python *python, const struct runtime *runtime);

/* Whether this tracked object's tp_finalize was called: then it has none to come. False also when that cannot be read.
 */
bool python_is_finalized(const struct python *python, struct memory *memory, uint64_t object);

/* The address of the list head of generation 0-2, or of the permanent generation for 3; 0 where there is none. */
uint64_t python_generation(const struct python *python, const struct interpreter *interpreter, int generation);
#define GENERATION_PERMANENT LAYOUT_GENERATIONS

#endif
