/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event stream: BPF programs that count births and deaths by type and take the Python stacks of sampled births.
 * One stream (one load of the programs) serves many processes; each is a tracee.
 *
 * The target's memory is only read, but every event costs the target a trap. All of it ends with the tracer, however
 * that ends: the kernel takes probes and breakpoints out.
 */
#ifndef OGT_STREAM_H
#define OGT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "alloc_probe.h"
#include "error.h"
#include "layout.h"

struct stream;
struct tracee;

/*
 * Loads the programs. NULL and ERROR_FAILED, with the missing capability or kernel feature (BPF cookies, Linux 5.15) in
 * its sentence, when this kernel or user cannot trace. The census needs none of it and may go on.
 */
struct stream *stream_open(struct error *error);
/*
 * Loads them anew, for uprobes that are attached one by one: where uprobe_multi is there and does not do what it says.
 * -1 when that is the way already, or as stream_open; then *stream is NULL or as it was. Nothing may be traced.
 */
int stream_attach_one_by_one(struct stream **stream, struct error *error);
/* Also closes what is left of its tracees. NULL is fine. Takes until the kernel is sure that no probe runs any more. */
void stream_close(struct stream *stream);

/* "uprobe_multi" where the kernel has it (6.6, once its pid filter lets all threads in), else "uprobe". */
const char *stream_attached_by(const struct stream *stream);
/* Whether deaths are detached in a moment; uprobes one by one take some 40 ms for each site. */
bool stream_detaches_fast(const struct stream *stream);

struct tracee_config {
	pid_t pid; /* as this program's pid namespace numbers it; all of its threads count */
	const struct layout *layout;
	uint64_t holder; /* address of the pointer to the thread state that holds the GIL; 0: no stacks */
	uint64_t young; /* see tracee_set_young */
	uint64_t frames; /* the type of frames, of which nobody knows when they are put on a list; 0: not known */
	uint64_t generators[3]; /* the types of generators, coroutines, asynchronous generators */
	uint64_t untracked[3]; /* types whose objects the collector takes off its lists alive; 0: none */
};

/* NULL when the stream serves as many as it can, or out of memory. */
struct tracee *tracee_new(struct stream *stream, const struct tracee_config *config, struct error *error);
/* Detaches all. NULL is fine. */
void tracee_free(struct tracee *tracee);

/* One function of the target. */
struct stream_site {
	const char *path; /* opens the ELF file that holds it: /proc/PID/map_files/..., /proc/PID/root/... */
	uint64_t file_offset; /* of the function in that file */
	uint32_t into; /* bytes into the function where the probe goes (site_x86_64.h) */
	bool closes; /* of deaths: it calls a finalizer that is C code */
	/* Of births, what it makes: objects of this type; 0: of the type that is its first argument. */
	uint64_t makes;
	bool makes_generators; /* of the kind that the function is for which is its first argument */
	bool makes_others; /* unless another of the sites makes objects of that type: that one may have called it */
};

/*
 * Counts deaths at these tp_dealloc functions from here on, besides those attached before. What the kernel does not
 * take is left out and marked in refused (may be NULL; one for each site). Number of sites refused; -1 with
 * ERROR_TARGET_ENDED when the process is gone, ERROR_FAILED when no site could be attached: the sentence says why.
 */
int tracee_trace_deaths(
	struct tracee *tracee, const struct stream_site *sites, size_t count, bool *refused, struct error *error);
void tracee_untrace_deaths(struct tracee *tracee);
/*
 * Takes breakpoints at these sites out where nobody is attached any more, by attaching there and detaching: the kernel
 * then looks through all processes that have the file mapped. Copies that forked children have of a traced process's
 * code, and what a killed tracer left behind.
 */
void tracee_scrub(struct tracee *tracee, const struct stream_site *sites, size_t count);

/* A list that is watched, or will be. */
struct stream_list {
	uint64_t watched; /* address of the head's prev */
	uint64_t holder; /* as in the config, of the interpreter that the list belongs to */
};

/*
 * Counts births from here on, with a hardware breakpoint on each address of `watched`: the prev words of the
 * youngest generations' heads. most 0: in all threads, also in those to come; else in those that are there, and the
 * kernel ends it by itself after so many writes of a thread to one of these words. Until tails are set
 * (tracee_set_tail) the first birth of each may be missed. -1 with ERROR_FAILED where the processor, its hypervisor or
 * the kernel offers none, or all are taken.
 */
int tracee_watch_births(
	struct tracee *tracee, const struct stream_list *lists, size_t count, unsigned int most, struct error *error);
/* Ends both ways to see births. */
void tracee_unwatch_births(struct tracee *tracee);
/* The value of the word at watched, for as long as no birth has shown it; 0: it is not known. */
int tracee_set_tail(struct tracee *tracee, const struct stream_list *list, uint64_t tail, struct error *error);

/* What a probe on functions that make objects is for. */
enum stream_making {
	STREAM_COUNTS = 1, /* births by type */
	STREAM_SAMPLES = 2, /* their stacks */
	STREAM_CLASSES = 4, /* samples of types that were made at run time alone */
	STREAM_LIMITED = 8, /* no more than tracee_allow allows: each further hit costs as little as can be */
};

/*
 * Probes functions that make objects, at their entry, until tracee_unwatch_births: what goes without breakpoints, and
 * the cheaper way to samples of instances. The object of a sample is found when the next one is made or dies at a site;
 * the last one is left out, and whose predecessors on the collector's list are all gone by then. Errors as
 * tracee_trace_deaths.
 */
int tracee_trace_births(struct tracee *tracee, const struct stream_site *sites, size_t count, enum stream_making making,
	bool *refused, struct error *error);
/*
 * The head of the youngest list, on which the objects of these samples are looked for: that of the only interpreter. 0:
 * there are several, and which one an object belongs to is not known, so that there are no samples.
 */
void tracee_set_young(struct tracee *tracee, uint64_t young);
/* Forgets all objects in the tables: deaths were not seen for a while. */
void tracee_forget_all(struct tracee *tracee);

/* Whether the table of types is nearly full, as of a program that makes classes all the time. */
bool tracee_is_crowded(const struct tracee *tracee);
/* Forgets all counts, so that they begin at 0; nothing may be attached meanwhile. */
void tracee_forget_types(struct tracee *tracee);

/* From the next tracee_trace_births on only objects of these types, some 16 at most, are counted and sampled; of none:
 * of all. */
void tracee_want(struct tracee *tracee, const uint64_t *types, size_t count);

/* The share of births that get a stack, 0 to 1, and whether their objects are followed until they die. */
void tracee_sample(struct tracee *tracee, double share, bool follow);
/* Makes stream_wakeup readable once this many hits more have happened; 0: never. */
void tracee_allow(struct tracee *tracee, uint64_t hits);
/* So many from now on, unless those that were allowed are spent, and hits passed unseen: then false. */
bool tracee_allow_more(struct tracee *tracee, uint64_t hits);
/*
 * An object that its __del__ brought back dies once. The tp_dealloc of classes written in Python, 0 as long as none has
 * turned up, and where births are not seen the address of the flag that a collection runs, or 0: a birth would tell
 * that there is another object at an address.
 */
void tracee_set_finalizers(struct tracee *tracee, uint64_t dealloc, uint64_t collecting);

/*
 * Births that the hardware reported since they are watched and the kernel could not hand to the program, as another was
 * running on that CPU. They are in no count.
 */
uint64_t tracee_missed(const struct tracee *tracee);

/* Hits and losses so far; see alloc_probe.h. */
struct alloc_probe_state tracee_state(const struct tracee *tracee);

/* Deaths are those of objects on the collector's lists, but for the types in `untracked`. */
struct stream_count {
	uint64_t type; /* address of the type object */
	uint64_t births, deaths; /* since tracee_new */
	int64_t highest; /* of births - deaths since the last read */
	uint32_t life; /* changes when another type comes to be at this address: all counts begin anew */
};

/* Ascending by type. */
struct stream_counts {
	struct stream_count *rows;
	size_t n, capacity;
};

/*
 * Reads all counts and begins a new epoch for `highest`. They are one cut in time only while nothing in the target
 * runs. A type object that was freed leaves its row behind, with another `life`. The caller owns
 * counts->rows, also after an error, and gives them back with stream_counts_free(); *counts must be zeroed or the
 * result of an earlier read, whose rows are used again.
 */
int tracee_read(struct tracee *tracee, struct stream_counts *counts, struct error *error);
const struct stream_count *stream_counts_find(const struct stream_counts *counts, uint64_t type);
void stream_counts_free(struct stream_counts *counts);

/* Objects and what is known of each: ascending by object. Freed with stream_objects_free. */
struct stream_object {
	uint64_t address, value;
};
struct stream_objects {
	struct stream_object *object;
	size_t count, capacity;
};
const struct stream_object *stream_objects_find(const struct stream_objects *objects, uint64_t address);
void stream_objects_sort(struct stream_objects *objects);
void stream_objects_free(struct stream_objects *objects);

/* Tables of objects that the programs keep. */
enum stream_table {
	STREAM_LIVE, /* sampled objects that are followed and have not died; value: time of birth */
	/*
	 * Objects with a __del__ that were counted as dead and may have been brought back; value: ALLOC_PROBE_PASSED.
	 * Those that are dead are to be forgotten; who is alive is not dead, and will not be counted when it really
	 * dies.
	 */
	STREAM_FINALIZED,
	/* The same of those whose finalizer is C code and may be running: the last of them. */
	STREAM_CLOSING,
};

/* Reads a table. A birth at an object's address takes it out. -1 when out of memory. */
int tracee_objects(struct tracee *tracee, enum stream_table table, struct stream_objects *objects, struct error *error);
/* Takes an object out, unless its value is another one by now. */
void tracee_forget(struct tracee *tracee, enum stream_table table, const struct stream_object *object);

/* Hands over the births recorded so far, oldest first; visit may be NULL. */
void stream_drain(
	struct stream *stream, void (*visit)(void *context, const struct alloc_probe_birth *birth), void *context);

/* A descriptor that polls readable from when allowed hits are spent to when that was taken note of: stream_rest(). */
int stream_wakeup(const struct stream *stream);
void stream_rest(struct stream *stream);

#endif
