/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a BPF program gets to run when a process does something: uprobes (by uprobe_multi, or one by one) and hardware
 * breakpoints. Everything attached is a file descriptor: when this program ends, however it ends, the kernel detaches.
 */
#ifndef OGT_ATTACH_H
#define OGT_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

struct bpf_program;

/* What is attached: empty when zeroed. */
struct attachment {
	int *fds;
	size_t count, capacity;
	bool uprobes; /* among them are uprobes */
};

/* Where a uprobe goes. */
struct attach_site {
	const char *path; /* opens the ELF file */
	uint64_t file_offset; /* of the instruction in it */
	uint64_t cookie; /* that the program sees */
};

/*
 * Whether this kernel attaches many uprobes at once, and rightly. Asked once; the answer is kept by the caller. The
 * expected attach type that such programs are loaded with is written to *type.
 */
bool attach_has_multi(uint32_t *type);

/*
 * Attaches the program (by its descriptor) at all sites. Sites that the kernel does not take are marked in refused (one
 * for each site, may be NULL). multi: the program was loaded for uprobe_multi; without it, what was attached last is
 * detached first. Number of sites refused; -1 with ERROR_TARGET_ENDED, or with ERROR_FAILED when all were refused.
 *
 * The kernel leaves a breakpoint behind in the target when who attaches or detaches is killed meanwhile. So both are
 * done by a short-lived process that shares memory and descriptors: a kill -9 of this one comes too late for it.
 */
int attach_uprobes(struct attachment *attachment, int program, bool multi, pid_t pid, const struct attach_site *sites,
	size_t count, bool *refused, struct error *error);

/*
 * Runs the program (of type perf_event) whenever a thread of the process has written the 8 bytes at one of these
 * addresses. -1 with a reason.
 *
 * most 0: threads that are made later are included, children are not. A thread that starts at the same time may be
 * watched twice. Takes some milliseconds. Else for the threads that are there, and the kernel ends it after so many
 * hits of a thread, if the program returns 1.
 */
int attach_breakpoints(struct attachment *attachment, int program, pid_t pid, const uint64_t *addresses, size_t count,
	unsigned int most, struct error *error);

/*
 * How often the breakpoints were hit, in all threads: the kernel counts this itself, and also where it could not run
 * the program.
 */
uint64_t attachment_hits(const struct attachment *attachment);

/* Detaches; returns when no program runs any more (uprobes: up to 0.1 s). */
void attachment_release(struct attachment *attachment);

/* The sentence for a refusal with EPERM or EACCES: names the missing capability. -1. */
int attach_refused(struct error *error, const char *what);

#endif
