/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a PID to a CPython: which mapped file holds the interpreter, where in memory its runtime is, and which
 * version and build it is. What is inside the runtime is python.h's matter.
 */
#ifndef OGT_TARGET_H
#define OGT_TARGET_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "process.h"

struct target {
	struct process process;
	char executable[PATH_MAX]; /* as the process's mount namespace sees it */
	char file[PATH_MAX]; /* path by which we can open the file that holds the interpreter, now or later */
	uint64_t bias; /* runtime address minus linked address in that file */

	uint32_t version; /* PY_VERSION_HEX */
	char version_text[24]; /* "3.11.7", "3.15.0rc1" */
	bool debug; /* built with Py_DEBUG or Py_REF_DEBUG */

	/* Addresses in the process, 0 where this build has no such symbol. */
	uint64_t runtime; /* _PyRuntime, 3.7+ */
	uint64_t gc_generation0; /* _PyGC_generation0, 3.6 */
	uint64_t tstate_current; /* _PyThreadState_Current, 3.6 */
	uint64_t interp_head; /* interp_head, 3.6 when not stripped */
	uint64_t gc_collecting; /* gcmodule.c's collecting, 3.6 when not stripped */
};

/*
 * Opens process pid and finds its CPython. ERROR_FAILED, with a sentence, for everything that cannot be watched: not
 * Python, PyPy, Python 2, free-threaded, 32-bit, a version without a layout. Closed by target_close.
 */
int target_open(struct target *target, pid_t pid, struct error *error);
void target_close(struct target *target);

/* Where a process that is no more, in a core file, is read from. */
struct target_origin {
	const struct mappings *mappings;
	/* Opens what a mapping was of; opened (may be NULL) receives a path to do so again. -1 when it is not to be
	 * had. */
	int (*open_file)(void *context, const struct mapping *mapping, char *opened, size_t size);
	/* Copies what there is from address on; bytes copied, -1 for none. */
	ssize_t (*read)(void *context, uint64_t address, void *buffer, size_t size);
	void *context;
};

/* The same search there; target->process.pid and target->executable are the caller's to fill in, before. */
int target_find(struct target *target, const struct target_origin *origin, struct error *error);

/* Fills in target->version_text from target->version. */
void target_version_text(struct target *target);

/*
 * Looks symbols up in the interpreter's file: fills in their addresses in the process (0 where it does not define one).
 * Returns how many were found.
 */
struct elf_symbol;
size_t target_symbols(const struct target *target, struct elf_symbol *symbols, size_t count);

/*
 * Whether the interpreter was built with static probes (--with-dtrace): python:gc__start and others, of which none
 * tells a birth or a death.
 */
bool target_has_usdt(const struct target *target);

#endif
