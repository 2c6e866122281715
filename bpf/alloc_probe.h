/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What alloc_probe.bpf.c and user/stream.c share: limits and the records in the maps. */
#ifndef ALLOC_PROBE_H
#define ALLOC_PROBE_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/* Processes that one load serves; their numbers are the keys of `processes` and the cookies of their uprobes. */
#define ALLOC_PROBE_MAX_PROCESSES 64
/*
 * Places for types. A process with more is not miscounted: what finds no room within so many steps from its own place
 * adds to lost_counts.
 */
#define ALLOC_PROBE_MAX_TYPES 16384
#define ALLOC_PROBE_TYPE_STEPS 32
/*
 * Tables of objects: rows of a few places each, the row a matter of the object's address. All tables are arrays that
 * user space maps: a system call on the kernel's own hashes keeps programs off its CPU for as long as it lasts, and
 * were the caller preempted in it, the target's events there would go unseen.
 */
#define ALLOC_PROBE_WAYS 4
/* Sampled births that are followed until they die; one that finds no place is not followed, nor sampled. */
#define ALLOC_PROBE_LIVE_BITS 14
/* Objects with a __del__ that have passed tp_dealloc since the last report. */
#define ALLOC_PROBE_FINALIZED_BITS 15
/* Of the objects whose finalizer is C code, the last that have passed tp_dealloc. */
#define ALLOC_PROBE_CLOSING_BITS 8
/* Interpreters whose youngest generation is watched. */
#define ALLOC_PROBE_MAX_LISTS 64
/* Frames of one stack, innermost first. */
#define ALLOC_PROBE_FRAMES 8
/* Of a frame, from its begin: what holds all fields that are read. */
#define ALLOC_PROBE_FRAME_BYTES 128
#define ALLOC_PROBE_RING_BYTES (4u << 20)
/* Types that have a function of their own to make them. */
#define ALLOC_PROBE_MAKES 16
/* Types that are asked for, where not all are. */
#define ALLOC_PROBE_WANTED 16
/*
 * A uprobe's cookie: the process's number; how many bytes into the function the probe sits; of a function that makes
 * objects, what it makes; of one at which they die, whether it calls a finalizer that is C code.
 */
#define ALLOC_PROBE_COOKIE(process, into, makes, closes)                                                               \
	((__u64)(closes) << 63 | (__u64)(makes) << 48 | (__u64)(into) << 32 | (process))
#define ALLOC_PROBE_COOKIE_INTO(cookie) ((cookie) >> 32 & 0xffff)
#define ALLOC_PROBE_COOKIE_MAKES(cookie) ((cookie) >> 48 & 0xff)
#define ALLOC_PROBE_COOKIE_CLOSES(cookie) ((cookie) >> 63)
/*
 * What a function makes: the type that is its first argument; the same unless that type has a function of its own,
 * which may have called this one; the kind of generator that the Python function is for which is its first argument;
 * from ALLOC_PROBE_MAKES_ONE on the types in `makes`.
 */
#define ALLOC_PROBE_MAKES_ARGUMENT 0
#define ALLOC_PROBE_MAKES_OTHERS 1
#define ALLOC_PROBE_MAKES_GENERATORS 2
#define ALLOC_PROBE_MAKES_ONE 3

/* What user space says of a process. Offsets in bytes; a negative one says that this version has no such field. */
struct alloc_probe_process {
	__u64 holder; /* address of the pointer to the thread state that holds the GIL; 0: no stacks */
	__u64 with_finalizers; /* tp_dealloc of types whose tp_finalize may be Python code (subtype_dealloc); 0: none */
	__u64 collecting; /* address of an int: the collector runs; 0: births tell who is at an address */
	/* Types whose objects the collector takes off its lists alive (tuple, dict, frozenset); 0: none. */
	__u64 untracked[3];
	__u64 young; /* the head of the main interpreter's youngest list, for `making` */
	__u64 spend; /* hits after which user space wants to be woken, cumulative; 0: never, or it was */
	__u64 makes[ALLOC_PROBE_MAKES]; /* types; 0: none */
	__u64 wanted[ALLOC_PROBE_WANTED]; /* `making` looks at these types alone; the first 0: at all */
	__u64 generators[3]; /* the types of generators, coroutines, asynchronous generators */
	__s32 function_code, code_flags; /* in a function, in its code object */
	__u32 limited; /* what is watched ends by itself: each hit counts towards that */
	__u32 counts_made; /* `making` counts births by type */
	__u32 samples_made; /* and takes samples */
	__u32 classes_only; /* of types that were made at run time */
	__u32 sample_below; /* a birth gets a stack when a random number is below: 0 never, ~0 always */
	__s32 gc_head_size; /* from the record before an object to the object */
	__s32 object_refcnt, object_type;
	__s32 type_dealloc, type_finalize;
	__s32 tstate_frame, tstate_cframe, cframe_frame;
	__s32 tstate_trash; /* how deep deallocations are nested, int; negative: no second calls of tp_dealloc */
	__u32 trash_counts_down;
	__s32 frame_code, frame_previous, frame_instruction;
	__s32 code_words; /* in a code object, ALLOC_PROBE_CODE_WORDS pointers: co_filename, co_name, ... */
	__u32 code_last; /* which of them, after the first two, is co_lnotab or co_linetable */
	__u64 code_tag; /* bits of the word at frame_code that are no address */
	__s32 type_flags;
	__u32 follow; /* sampled objects are followed until they die */
	__u32 epoch; /* counts up with every report */
};

/* What the programs say of a process. All but the first four are 0 as long as everything goes well. */
struct alloc_probe_state {
	__u64 births, made, deaths; /* hits of `birth`, `making` and `death`, whether they counted or not */
	__u64 passed; /* those of `made` that nobody had asked for, and that cost little */
	__u64 lost_counts; /* events in no row of `counts` */
	__u64 lost_samples; /* births without a stack for want of room */
	__u64 lost_finalized; /* deaths of objects with a __del__ that a resurrection could not be told from */
	__u64 finalized, closing; /* entries made in these tables */
};

/*
 * A type, in an open hash table: the place is a matter of the key. Counts are cumulative. One writer at a time, as both
 * births and deaths happen under the GIL; atomic where there are several interpreters.
 */
struct alloc_probe_type {
	__u64 key; /* ALLOC_PROBE_KEY; 0: free, ALLOC_PROBE_TYPE_GONE: of a process that is gone */
	__u64 births, deaths;
	__s64 highest; /* of births - deaths in this epoch */
	__u64 dealloc; /* tp_dealloc, as read in this epoch */
	__u32 epoch;
	__u32 life; /* counts up when another type object is born at this address */
	__u32 finalizes; /* its tp_finalize is set, as read in this epoch */
	__u32 unused;
};

/* Of types and objects. Addresses in user space have 47 bits. */
#define ALLOC_PROBE_KEY(process, address) ((__u64)((process) + 1) << 48 | (address))
#define ALLOC_PROBE_KEY_PROCESS(key) ((__u32)((key) >> 48) - 1)
#define ALLOC_PROBE_KEY_ADDRESS(key) ((key)&0xffffffffffff)
#define ALLOC_PROBE_HASH(key, bits) ((__u32)((key)*0x9e3779b97f4a7c15ull >> (64 - (bits))))
#define ALLOC_PROBE_TYPE_GONE 1
#define ALLOC_PROBE_TYPE_BITS 14

/* An interpreter's youngest generation, found by the address that the hardware watches. */
struct alloc_probe_list {
	__u64 watched; /* address of the list head's prev; 0: a free place, and the end */
	__u64 process_id; /* tgid, as the initial pid namespace numbers it; 0: not known here */
	__u64 process;
	__u64 holder; /* address of the pointer to the thread state that holds this interpreter's GIL; 0: no stacks */
	__u64 tail; /* the last record of the list, as of the last write; 0: not known yet */
};

struct alloc_probe_object {
	__u64 key; /* ALLOC_PROBE_KEY */
	__u64 value; /* 0: the place is free */
};

struct alloc_probe_row {
	struct alloc_probe_object way[ALLOC_PROBE_WAYS];
};

/* What `finalized` and `closing` say of an object: its type, and the epoch (15 bits) in which it passed tp_dealloc. */
#define ALLOC_PROBE_PASSED(type, epoch) ((__u64)(epoch) << 49 | 1ull << 48 | (type))
#define ALLOC_PROBE_PASSED_TYPE(value) ((value)&0xffffffffffff)

#define ALLOC_PROBE_CODE_WORDS 4
/* Of so many frames, innermost first, as each read of the target's memory has its price. */
#define ALLOC_PROBE_IDENTIFIED 3
/* Tells a code object from another that comes to be at its address: three pointers of it, in one number. */
#define ALLOC_PROBE_IDENTITY(filename, name, table)                                                                    \
	(((filename)*0x9e3779b97f4a7c15ull ^ (name)) * 0x9e3779b97f4a7c15ull ^ (table))

struct alloc_probe_frame {
	__u64 code; /* f_code or f_executable, with its tag bits */
	__u64 instruction; /* f_lasti (low 32 bits), prev_instr or instr_ptr */
	__u64 identity; /* of the code object then; 0: not read */
};

/* A record of the ring `births`. That of the ring `spent`, which wakes who polls it, is a process's number alone. */
struct alloc_probe_birth {
	__u64 process;
	__u64 object, type;
	__u64 time; /* CLOCK_MONOTONIC, ns; the same in `live` */
	__u64 number; /* of the hit: births + made of alloc_probe_state at that time */
	__u32 tid, frames;
	__u64 followed; /* its object is in `live` */
	struct alloc_probe_frame frame[ALLOC_PROBE_FRAMES];
	__u8 scratch[ALLOC_PROBE_FRAME_BYTES + sizeof(__u64)]; /* the program's own: a frame as it was read */
};

/* The last objects of a list before one more is made. */
#define ALLOC_PROBE_PREDECESSORS 5

/* What `making` keeps of an object until it can be found: it is called before there is one. */
struct alloc_probe_pending {
	__u32 taken; /* by a program that runs now */
	__u32 sampled; /* else it is looked for only to forget what was known of its address */
	__u64 first; /* record of the list: another one, and the collector may have been there */
	__u64 before[ALLOC_PROBE_PREDECESSORS]; /* records of the list, youngest first */
	struct alloc_probe_birth birth; /* its type 0: none */
};

#endif
