/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A Linux process as /proc shows it: whether it is still the one that was opened, its threads, its mappings and the
 * files behind them. Knows nothing of Python.
 */
#ifndef OGT_PROCESS_H
#define OGT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

struct mapping {
	uint64_t start, end; /* addresses, bytes */
	uint64_t offset; /* in the file, bytes */
	uint64_t inode; /* 0: anonymous */
	bool readable, writable, executable, shared;
	uint32_t path; /* index into mappings.text */
};

/* Ascending by address. */
struct mappings {
	struct mapping *mapping;
	size_t count;
	char *text; /* the paths, as the kernel writes them */
};

struct process {
	pid_t pid;
	int directory; /* of /proc/PID: goes on meaning this process when the number is used again */
	int memory; /* /proc/PID/mem: goes on meaning this program when the process executes another */
};

struct thread {
	pid_t tid; /* as this process sees it */
	pid_t inner; /* as its own pid namespace sees it */
};

struct threads {
	struct thread *thread;
	size_t count;
};

/* What one thread has done so far: two equal samples mean that it ran no instruction in between. */
struct thread_sample {
	pid_t tid;
	bool asleep; /* it is there, and neither runs nor is about to */
	uint64_t run_time; /* ns on a CPU */
	uint64_t switches; /* times put on a CPU */
};

/*
 * Opens process pid. Errors, each with its reason: no such process, a zombie, a thread's id, no permission (naming
 * the capability). The caller closes it.
 */
int process_open(struct process *process, pid_t pid, struct error *error);
void process_close(struct process *process);

/* 0 while it lives and runs the program that it was opened with; else -1 with ERROR_TARGET_ENDED and the reason. */
int process_check(const struct process *process, struct error *error);

/* The single-letter state, as in /proc/PID/stat (R S D T t Z ...), of the main thread or of any; 0 when it is gone. */
char process_state(const struct process *process);
char thread_state_letter(const struct process *process, pid_t tid);

/*
 * The sentence for a process that was stopped (state T) at a moment that does not suit, for the reason given:
 * ERROR_FAILED. -1.
 */
int process_stopped_error(pid_t pid, const char *reason, struct error *error);

/* A number that changes when a child of the process comes or goes; 0: it has none, or the kernel does not say. */
uint64_t process_children_hash(const struct process *process);

/* Its children that run the same program file: the first `most` of them, and how many there are. */
size_t process_children_alike(const struct process *process, pid_t *children, size_t most);

/*
 * Text that no other process has, of this boot of the machine or another, nor this one once it has become another
 * program: which boot it was, when in it the process started, and where the program's stack begins. "" when that cannot
 * be told.
 */
#define PROCESS_IDENTITY_BYTES 96
void process_identity(const struct process *process, char identity[PROCESS_IDENTITY_BYTES]);

/*
 * Text that tells this run of a program from others where nothing else does, as in a core file: which places of its
 * memory the kernel drew for it. A child has its parent's. "" when that cannot be told.
 */
void process_address_space(const struct process *process, char text[PROCESS_IDENTITY_BYTES]);
/* The same of the bytes of an auxiliary vector (auxv). */
void process_address_space_of(const void *vector, size_t size, char text[PROCESS_IDENTITY_BYTES]);

/* Seconds since the process was started; 0 when that cannot be told. */
double process_age(const struct process *process);

/* 0 when nobody else ptraces the thread; else -1 with ERROR_BUSY and a sentence that names who does. */
int process_untraced(const struct process *process, pid_t tid, struct error *error);

/* Absolute path of the executable as its own mount namespace sees it; "?" when it cannot be read. */
void process_executable(const struct process *process, char *path, size_t size);

/* All threads. The caller frees threads->thread. */
int process_threads(const struct process *process, struct threads *threads, struct error *error);

void process_sample(const struct process *process, pid_t tid, struct thread_sample *sample);
/* True when both samples are of a thread that slept all the time between. */
bool process_slept(const struct thread_sample *before, const struct thread_sample *after);

/* All mappings. The caller frees them with mappings_free. */
int process_mappings(const struct process *process, struct mappings *mappings, struct error *error);
void mappings_free(struct mappings *mappings);
/* The mapping that contains address, or NULL. */
const struct mapping *mappings_find(const struct mappings *mappings, uint64_t address);
const char *mapping_path(const struct mappings *mappings, const struct mapping *mapping);

/*
 * Opens the file behind a mapping for reading: through map_files (also right when it was deleted or replaced), else
 * by its path inside the process's root when that still is the same inode. -1 with errno when neither works.
 * opened (may be NULL) receives a path by which the caller can open it again.
 */
int process_open_file(const struct process *process, const struct mappings *mappings, const struct mapping *mapping,
	char *opened, size_t opened_size);

#endif
