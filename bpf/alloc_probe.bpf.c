// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Births and deaths of the objects that CPython's collector tracks, counted by type; and the Python stacks of sampled
 * births. Four programs:
 *
 *   death   a uprobe on the deallocation functions (the values of tp_dealloc slots)
 *   birth   a hardware breakpoint on the word through which every object enters the youngest generation
 *   making  a uprobe on functions that make objects: what goes where the hardware delivers no breakpoints, and the
 *           cheaper way to samples of instances where it does
 *
 * Both births and deaths happen under the GIL, so what is kept for one interpreter has one writer at a time.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "alloc_probe.h"

/* Flags in the prev word of PyGC_Head (_PyGC_PREV_MASK_*), 3.8+. */
#define GC_FINALIZED 1
#define GC_COLLECTING 2
#define GC_FLAGS 3 /* the rest is address: Debian's 3.13 has list heads on multiples of 4 */
/* _PyTrash_UNWIND_LEVEL, Py_TRASHCAN_HEADROOM. */
#define TRASHCAN_DEPTH 50
/* Py_TPFLAGS_HEAPTYPE in tp_flags: made at run time, as every class of Python code is. */
#define FLAG_HEAP_TYPE (1u << 9)
/* Py_TPFLAGS_TUPLE_SUBCLASS. Its struct sequences are tuples that never come to be on a list. */
#define FLAG_TUPLE_SUBCLASS (1u << 26)
/* Py_TPFLAGS_HAVE_GC: its objects have a record before them. Py_TPFLAGS_TYPE_SUBCLASS: its objects are types. */
#define FLAG_HAVE_GC (1u << 14)
#define FLAG_TYPE_SUBCLASS (1u << 31)

/* CO_COROUTINE, CO_ASYNC_GENERATOR in co_flags. */
#define CODE_COROUTINE 0x80
#define CODE_ASYNC_GENERATOR 0x200

struct gc_head {
	__u64 next, prev;
};

struct object {
	__u64 refcnt, type;
};

struct tracked {
	struct gc_head gc;
	struct object object;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, ALLOC_PROBE_MAX_PROCESSES);
	__type(key, __u32);
	__type(value, struct alloc_probe_process);
} processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, ALLOC_PROBE_MAX_PROCESSES);
	__type(key, __u32);
	__type(value, struct alloc_probe_state);
} states SEC(".maps");

/*
 * An open hash table, which is cheaper to look up than the kernel's, and read without a system call while the target is
 * held. Not per CPU: under the GIL there is one writer, and `highest` needs the sum.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, ALLOC_PROBE_MAX_TYPES);
	__type(key, __u32);
	__type(value, struct alloc_probe_type);
} types SEC(".maps");

/* The places of `types` that are taken, in the order in which they were. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, ALLOC_PROBE_MAX_TYPES);
	__type(key, __u32);
	__type(value, __u64);
} taken SEC(".maps");

__u64 types_taken = 0;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, ALLOC_PROBE_MAX_LISTS);
	__type(key, __u32);
	__type(value, struct alloc_probe_list);
} lists SEC(".maps");

/* Sampled births whose objects have not died since; value: when they were born. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1 << ALLOC_PROBE_LIVE_BITS);
	__type(key, __u32);
	__type(value, struct alloc_probe_row);
} live SEC(".maps");

/* Objects with a __del__ whose death was counted and may not have been one; value: ALLOC_PROBE_PASSED. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1 << ALLOC_PROBE_FINALIZED_BITS);
	__type(key, __u32);
	__type(value, struct alloc_probe_row);
} finalized SEC(".maps");

/* Generators and the like that have passed tp_dealloc: the finalizer of the last ones may be running. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1 << ALLOC_PROBE_CLOSING_BITS);
	__type(key, __u32);
	__type(value, struct alloc_probe_row);
} closing SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, ALLOC_PROBE_MAX_PROCESSES);
	__type(key, __u32);
	__type(value, struct alloc_probe_pending);
} pending SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, ALLOC_PROBE_RING_BYTES);
} births SEC(".maps");

/* A ring of its own: the other polls readable as soon as it holds anything. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} spent SEC(".maps");

static __always_inline bool read_user(void *to, __u32 size, __u64 address)
{
	return !bpf_probe_read_user(to, size, (void *)address);
}

static __always_inline void increment(__u64 *counter)
{
	__sync_fetch_and_add(counter, 1);
}

/* Counts a hit, and wakes user space when those that it allowed are spent. */
static __always_inline void hit(
	__u32 index, struct alloc_probe_process *process, const struct alloc_probe_state *state, __u64 *counter)
{
	__u64 number = index, allowed = process->spend;

	increment(counter);
	if (allowed && state->births + state->made + state->deaths >= allowed &&
		__sync_val_compare_and_swap(&process->spend, allowed, 0) == allowed)
		bpf_ringbuf_output(&spent, &number, sizeof(number), BPF_RB_FORCE_WAKEUP);
}

/* What comes after the last hit that was allowed costs as little as can be, until the probe is taken out. */
static __always_inline bool is_over(const struct alloc_probe_process *process)
{
	return process->limited && !process->spend;
}

/* The place of a type, taken when it is new; NULL when there is none. */
static struct alloc_probe_type *type_of(__u32 process, __u64 address)
{
	__u64 key = ALLOC_PROBE_KEY(process, address), nth;
	__u32 place = ALLOC_PROBE_HASH(key, ALLOC_PROBE_TYPE_BITS);

	for (int step = 0; step < ALLOC_PROBE_TYPE_STEPS; step++) {
		struct alloc_probe_type *type;
		__u64 at = place, *slot;

		type = bpf_map_lookup_elem(&types, &place);
		if (!type)
			return NULL;
		if (type->key == key)
			return type;
		if (!type->key && !__sync_val_compare_and_swap(&type->key, 0, key)) {
			nth = __sync_fetch_and_add(&types_taken, 1);
			place = (__u32)nth;
			slot = bpf_map_lookup_elem(&taken, &place);
			if (slot)
				*slot = at;
			return type;
		}
		if (type->key == key) /* another CPU was first */
			return type;
		place = (place + 1) & (ALLOC_PROBE_MAX_TYPES - 1);
	}
	return NULL;
}

/* The object's place in a row, or NULL. */
static __always_inline struct alloc_probe_object *find(void *table, int bits, __u64 key)
{
	__u32 index = ALLOC_PROBE_HASH(key, bits);
	struct alloc_probe_row *row = bpf_map_lookup_elem(table, &index);

	if (!row)
		return NULL;
#pragma unroll
	for (int i = 0; i < ALLOC_PROBE_WAYS; i++) {
		if (row->way[i].key == key && row->way[i].value)
			return &row->way[i];
	}
	return NULL;
}

/* Puts an object into its row; false when that is full and nothing may be replaced. */
static __always_inline bool put(void *table, int bits, __u64 key, __u64 value, bool replace)
{
	__u32 index = ALLOC_PROBE_HASH(key, bits);
	struct alloc_probe_row *row = bpf_map_lookup_elem(table, &index);
	struct alloc_probe_object *place = NULL;

	if (!row)
		return false;
#pragma unroll
	for (int i = 0; i < ALLOC_PROBE_WAYS; i++) {
		if (row->way[i].key == key) {
			row->way[i].value = value;
			return true;
		}
		if (!row->way[i].value)
			place = &row->way[i];
	}
	if (!place && replace)
		place = &row->way[value % ALLOC_PROBE_WAYS];
	if (!place)
		return false;
	place->key = key;
	place->value = value;
	return true;
}

static __always_inline void forget(void *table, int bits, __u64 key)
{
	struct alloc_probe_object *place = find(table, bits, key);

	if (place)
		place->value = 0;
}

/* A word of the frame that was read last. */
static __always_inline __u64 within(const struct alloc_probe_birth *birth, __u32 offset)
{
	return *(const __u64 *)&birth->scratch[offset & (ALLOC_PROBE_FRAME_BYTES - 4)];
}

/* What the code object of a frame looks like while the frame holds it. */
static __always_inline __u64 identity_of(const struct alloc_probe_process *process, __u64 code)
{
	__u64 words[ALLOC_PROBE_CODE_WORDS];

	if (!read_user(words, sizeof(words), (code & ~process->code_tag) + process->code_words))
		return 0;
	return ALLOC_PROBE_IDENTITY(words[0], words[1], process->code_last == 2 ? words[2] : words[3]);
}

/* Describes a birth, and walks the stack of the thread that holds the GIL. */
static __always_inline void describe(struct alloc_probe_birth *birth, __u32 index,
	const struct alloc_probe_process *process, const struct alloc_probe_state *state, __u64 type, __u64 holder)
{
	__u64 tstate, frame;

	birth->process = index;
	birth->type = type;
	birth->number = state->births + state->made;
	birth->tid = (__u32)bpf_get_current_pid_tgid();
	birth->frames = 0;
	/* Whoever touches an object holds the GIL: the holder's thread state is that of this thread. */
	if (!holder || !read_user(&tstate, sizeof(tstate), holder) || !tstate)
		return;
	if (process->tstate_cframe >= 0) {
		if (!read_user(&tstate, sizeof(tstate), tstate + process->tstate_cframe) ||
			!read_user(&frame, sizeof(frame), tstate + process->cframe_frame))
			return;
	} else if (!read_user(&frame, sizeof(frame), tstate + process->tstate_frame)) {
		return;
	}
#pragma unroll
	for (int i = 0; i < ALLOC_PROBE_FRAMES; i++) {
		/* In one read, where all of it can be read: the last frame may lie at the end of its memory. */
		if (!frame)
			break;
		if (!bpf_probe_read_user(birth->scratch, ALLOC_PROBE_FRAME_BYTES, (void *)frame)) {
			birth->frame[i].code = within(birth, process->frame_code);
			birth->frame[i].instruction = within(birth, process->frame_instruction);
			frame = within(birth, process->frame_previous);
		} else if (!read_user(&birth->frame[i].code, sizeof(__u64), frame + process->frame_code) ||
			   !read_user(
				   &birth->frame[i].instruction, sizeof(__u64), frame + process->frame_instruction) ||
			   !read_user(&frame, sizeof(frame), frame + process->frame_previous)) {
			break;
		}
		birth->frame[i].identity = i < ALLOC_PROBE_IDENTIFIED ? identity_of(process, birth->frame[i].code) : 0;
		birth->frames = i + 1;
	}
}

/* Takes the stack of a birth. */
static __always_inline void record(__u32 index, const struct alloc_probe_process *process,
	struct alloc_probe_state *state, __u64 address, __u64 type, __u64 holder)
{
	struct alloc_probe_birth *birth;
	__u64 time = bpf_ktime_get_ns();

	birth = bpf_ringbuf_reserve(&births, sizeof(*birth), 0);
	if (!birth) {
		increment(&state->lost_samples);
		return;
	}
	if (process->follow && !put(&live, ALLOC_PROBE_LIVE_BITS, ALLOC_PROBE_KEY(index, address), time, false)) {
		bpf_ringbuf_discard(birth, BPF_RB_NO_WAKEUP);
		increment(&state->lost_samples);
		return;
	}
	birth->object = address;
	birth->time = time;
	birth->followed = process->follow;
	describe(birth, index, process, state, type, holder);
	bpf_ringbuf_submit(birth, BPF_RB_NO_WAKEUP);
}

/* Reads anew what may change in a type, once in an epoch. */
static __always_inline bool refresh(
	struct alloc_probe_type *type, const struct alloc_probe_process *process, __u64 address)
{
	__u64 finalize;

	if (type->epoch == process->epoch && type->dealloc)
		return true;
	if (!read_user(&type->dealloc, sizeof(type->dealloc), address + process->type_dealloc) ||
		!read_user(&finalize, sizeof(finalize), address + process->type_finalize))
		return false;
	type->finalizes = finalize != 0;
	type->highest = type->births - type->deaths;
	type->epoch = process->epoch;
	return true;
}

/* Whatever was known of this address was another object. */
static __always_inline void forget_all(
	const struct alloc_probe_process *process, const struct alloc_probe_state *state, __u64 key)
{
	if (process->follow)
		forget(&live, ALLOC_PROBE_LIVE_BITS, key);
	if (state->finalized)
		forget(&finalized, ALLOC_PROBE_FINALIZED_BITS, key);
	if (state->closing)
		forget(&closing, ALLOC_PROBE_CLOSING_BITS, key);
}

/* An object is born where a type was: whatever is counted at this address from now on is another type's. */
static __always_inline void begin_life(__u32 index, __u64 address)
{
	__u64 key = ALLOC_PROBE_KEY(index, address);
	__u32 place = ALLOC_PROBE_HASH(key, ALLOC_PROBE_TYPE_BITS);

	for (int step = 0; step < ALLOC_PROBE_TYPE_STEPS; step++) {
		struct alloc_probe_type *type = bpf_map_lookup_elem(&types, &place);

		if (!type || !type->key)
			return;
		if (type->key == key) {
			type->births = type->deaths = type->dealloc = 0;
			type->highest = 0;
			type->life++;
			return;
		}
		place = (place + 1) & (ALLOC_PROBE_MAX_TYPES - 1);
	}
}

/* One more of this type; whether it has a finalizer. */
static __always_inline bool count_by_type(
	__u32 index, const struct alloc_probe_process *process, struct alloc_probe_state *state, __u64 type)
{
	struct alloc_probe_type *found = type_of(index, type);
	__s64 alive;

	if (!found || !refresh(found, process, type)) {
		increment(&state->lost_counts);
		return false;
	}
	increment(&found->births);
	alive = found->births - found->deaths;
	if (alive > found->highest)
		found->highest = alive;
	return found->finalizes;
}

/* An object of this type was born at address. */
static __always_inline void count_birth(__u32 index, const struct alloc_probe_process *process,
	struct alloc_probe_state *state, __u64 address, __u64 type, __u64 holder)
{
	forget_all(process, state, ALLOC_PROBE_KEY(index, address));
	begin_life(index, address);
	count_by_type(index, process, state, type);
	if (process->sample_below && bpf_get_prandom_u32() <= process->sample_below)
		record(index, process, state, address, type, holder);
}

/*
 * Whether the write to the list's prev that made `now` the tail put a new object on the list. The tail is also written
 * when the last object leaves (its own prev is then the new tail, or its next is 0 already), when a collection empties
 * the list (the tail is the head), and when it shuffles the list (PREV_MASK_COLLECTING is set on the old tail). Looks
 * only at words of the old tail, which adding an object does not change: compilers order the stores as they like.
 */
static __always_inline bool is_addition(__u64 head, __u64 before, __u64 now)
{
	struct gc_head old;

	if (now == head || now == before || !before)
		return false;
	if (before == head)
		return true;
	if (!read_user(&old, sizeof(old), before))
		return false;
	return old.next && !(old.prev & GC_COLLECTING) && (old.prev & ~(__u64)GC_FLAGS) != now;
}

/* The list whose head's prev is at this address, of this process. */
static __always_inline struct alloc_probe_list *list_of(__u64 watched)
{
	__u64 id = bpf_get_current_pid_tgid() >> 32;

	for (__u32 i = 0; i < ALLOC_PROBE_MAX_LISTS; i++) {
		__u32 place = i;
		struct alloc_probe_list *list = bpf_map_lookup_elem(&lists, &place);

		if (!list || !list->watched)
			break;
		if (list->watched == watched && (!list->process_id || list->process_id == id))
			return list;
	}
	return NULL;
}

/* A write to the word that is watched. */
static __always_inline void watch(const struct bpf_perf_event_data *ctx, struct alloc_probe_list *list,
	struct alloc_probe_process *process, struct alloc_probe_state *state, __u32 index)
{
	__u64 watched = ctx->addr, before, now;
	struct object object;

	/* prev is the second word of PyGC_Head. */
	if (!read_user(&now, sizeof(now), watched)) {
		increment(&state->lost_counts);
		return;
	}
	now &= ~(__u64)GC_FLAGS;
	before = list->tail;
	list->tail = now;
	if (!is_addition(watched - sizeof(__u64), before, now))
		return;
	now += process->gc_head_size;
	if (!read_user(&object, sizeof(object), now + process->object_refcnt)) {
		increment(&state->lost_counts);
		return;
	}
	/* tp_dealloc puts an object back on the list, without references, while its finalizer runs. */
	if ((__u32)object.refcnt)
		count_birth(index, process, state, now, object.type, list->holder);
}

SEC("perf_event")
int birth(struct bpf_perf_event_data *ctx)
{
	struct alloc_probe_list *list = list_of(ctx->addr);
	struct alloc_probe_process *process;
	struct alloc_probe_state *state;
	__u32 index;

	if (!list)
		return 0;
	index = (__u32)list->process;
	process = bpf_map_lookup_elem(&processes, &index);
	state = bpf_map_lookup_elem(&states, &index);
	if (!process || !state)
		return 0;
	hit(index, process, state, &state->births);
	watch(ctx, list, process, state, index);
	/* The kernel counts down the hits that are allowed, and disables the breakpoint after the last. */
	return process->limited != 0;
}

/* A word of the list, an address. */
static __always_inline bool read_link(__u64 *to, __u64 address)
{
	if (!read_user(to, sizeof(*to), address))
		return false;
	*to &= ~(__u64)GC_FLAGS;
	return true;
}

/*
 * The object that was pending, 0 when it is gone. It was put on the list right behind the last record of then, which
 * may have left since, and lie in another place by now; so may the ones before it. Nobody made another of its type
 * meanwhile, as that would have come by here: what is first behind one of these records, is none of them itself, and is
 * of that type, is it. A collection may have put records in another order: then the list begins with another one.
 */
static __noinline __u64 find_pending(
	const struct alloc_probe_process *process, const struct alloc_probe_pending *pending)
{
	__u64 first;

	if (!read_link(&first, process->young) || (pending->first != process->young && pending->first != first))
		return 0;
#pragma unroll
	for (int i = 0; i < ALLOC_PROBE_PREDECESSORS; i++) {
		__u64 before = pending->before[i], next, type;
		struct gc_head record;

		if (!before || !read_link(&next, before))
			continue;
		/* Who left the list has no next, or is memory of another's, to which nothing points back. */
		if (!next || next == process->young || !read_user(&record, sizeof(record), next) ||
			(record.prev & ~(__u64)GC_FLAGS) != before)
			continue;
			/* It was behind that one, and is gone. */
#pragma unroll
		for (int k = 0; k < i; k++)
			if (next == pending->before[k])
				return 0;
		if (read_user(&type, sizeof(type), next + process->gc_head_size + process->object_type) &&
			type == pending->birth.type)
			return next + process->gc_head_size;
	}
	return 0;
}

/* The last records of the youngest list, or its head where it has fewer. */
static __always_inline void remember_list(
	const struct alloc_probe_process *process, struct alloc_probe_pending *pending)
{
	__u64 at = process->young;

	pending->first = 0;
	if (at)
		read_link(&pending->first, at);
	for (int i = 0; i < ALLOC_PROBE_PREDECESSORS; i++) {
		__u64 prev;

		pending->before[i] = 0;
		if (!at || !read_link(&prev, at + sizeof(__u64)))
			continue;
		at = prev;
		pending->before[i] = at;
		if (at == process->young)
			at = 0;
	}
}

/* Looks for the object that was about to be made when `making` ran last, and hands it over with its stack. */
static __noinline int settle_pending(__u32 index, const struct alloc_probe_process *process,
	struct alloc_probe_state *state, struct alloc_probe_pending *last)
{
	__u64 object, key;

	if (!process || !state || !last)
		return 0;
	object = find_pending(process, last);
	if (object) {
		key = ALLOC_PROBE_KEY(index, object);
		if (process->counts_made || process->follow) {
			forget_all(process, state, key);
			begin_life(index, object);
		}
		last->birth.object = object;
		last->birth.followed = process->follow;
		if (last->sampled &&
			((process->follow && !put(&live, ALLOC_PROBE_LIVE_BITS, key, last->birth.time, false)) ||
				bpf_ringbuf_output(&births, &last->birth, sizeof(last->birth), BPF_RB_NO_WAKEUP))) {
			if (process->follow)
				forget(&live, ALLOC_PROBE_LIVE_BITS, key);
			increment(&state->lost_samples);
		}
	}
	last->birth.type = 0;
	return 0;
}

/* Interpreters with GILs of their own may meet here: one of them does without. */
static __always_inline bool take_pending(struct alloc_probe_pending *last)
{
	return !__sync_lock_test_and_set(&last->taken, 1);
}

static __always_inline void give_back_pending(struct alloc_probe_pending *last)
{
	__sync_lock_test_and_set(&last->taken, 0);
}

/* What calling a Python function with such a code object makes. */
static __always_inline __u64 generator_type(const struct alloc_probe_process *process, __u64 function)
{
	__u64 code;
	__u32 flags;

	if (!read_user(&code, sizeof(code), function + process->function_code) ||
		!read_user(&flags, sizeof(flags), code + process->code_flags))
		return 0;
	return process->generators[flags & CODE_COROUTINE ? 1 : flags & CODE_ASYNC_GENERATOR ? 2 : 0];
}

/* The type of what a function is about to make, 0 when nothing that the collector tracks. */
static __always_inline __u64 made_type(
	const struct pt_regs *ctx, __u64 cookie, const struct alloc_probe_process *process, __u32 *flags)
{
	__u64 makes = ALLOC_PROBE_COOKIE_MAKES(cookie), type = PT_REGS_PARM1(ctx);

	*flags = 0;
	if (makes == ALLOC_PROBE_MAKES_GENERATORS)
		return generator_type(process, type);
	if (makes >= ALLOC_PROBE_MAKES_ONE)
		return process->makes[(makes - ALLOC_PROBE_MAKES_ONE) & (ALLOC_PROBE_MAKES - 1)];
	if (!read_user(flags, sizeof(*flags), type + process->type_flags) || !(*flags & FLAG_HAVE_GC))
		return 0;
	if (makes == ALLOC_PROBE_MAKES_OTHERS) {
		if (*flags & FLAG_TUPLE_SUBCLASS)
			return 0;
#pragma unroll
		for (int i = 0; i < ALLOC_PROBE_MAKES; i++)
			if (type == process->makes[i])
				return 0;
	}
	return type;
}

static __always_inline bool is_wanted(const struct alloc_probe_process *process, __u64 type)
{
	if (!process->wanted[0])
		return true;
#pragma unroll
	for (int i = 0; i < ALLOC_PROBE_WANTED; i++)
		if (type == process->wanted[i])
			return true;
	return false;
}

/*
 * The function knows the type of what it will make, but there is no object yet: a return probe would have it, and may
 * harm, as the kernel loses track where the function runs other code that switches stacks. So it is looked for when
 * the next one is made or dies.
 */
SEC("uprobe")
int making(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx), type;
	__u32 index = (__u32)cookie, flags;
	struct alloc_probe_process *process = bpf_map_lookup_elem(&processes, &index);
	struct alloc_probe_state *state = bpf_map_lookup_elem(&states, &index);
	struct alloc_probe_pending *last = bpf_map_lookup_elem(&pending, &index);
	bool forgets = false, wanted, sampled;

	if (!process || !state || !last)
		return 0;
	hit(index, process, state, &state->made);
	if (is_over(process) || !(process->samples_made | process->counts_made))
		return 0;
	type = made_type(ctx, cookie, process, &flags);
	wanted = type && is_wanted(process, type);
	/* No type: it may be the very object that is pending, on its way through a function of many types, not there.
	 */
	if (!type || (!wanted && !last->birth.type)) {
		increment(&state->passed);
		return 0;
	}
	if (wanted && process->counts_made)
		forgets = count_by_type(index, process, state, type);
	if (!take_pending(last))
		return 0;
	if (last->birth.type)
		settle_pending(index, process, state, last);
	sampled = wanted && process->samples_made && (flags & FLAG_HEAP_TYPE || !process->classes_only) &&
		  process->sample_below && bpf_get_prandom_u32() <= process->sample_below;
	/* Where another type was, or an object that had been finalized, it must not be taken for that. */
	if (sampled || forgets || (wanted && flags & FLAG_TYPE_SUBCLASS)) {
		last->sampled = sampled;
		last->birth.time = bpf_ktime_get_ns();
		if (sampled)
			describe(&last->birth, index, process, state, type, process->holder);
		last->birth.type = type;
		remember_list(process, last);
	}
	give_back_pending(last);
	return 0;
}

/* Whether tp_dealloc will put this object aside: it is called for it a second time. */
static __always_inline bool goes_to_trashcan(const struct alloc_probe_process *process)
{
	__u64 tstate;
	__s32 depth;

	if (process->tstate_trash < 0 || !process->holder || !read_user(&tstate, sizeof(tstate), process->holder) ||
		!read_user(&depth, sizeof(depth), tstate + process->tstate_trash))
		return false;
	return process->trash_counts_down ? depth <= TRASHCAN_DEPTH : depth >= TRASHCAN_DEPTH;
}

/*
 * Whether this death was counted before: the object went through tp_dealloc, and its __del__ brought it back. The
 * collector sets the same flag when it calls the finalizers of a cycle, so a first pass is remembered.
 */
static __always_inline bool was_finalized(
	const struct alloc_probe_process *process, struct alloc_probe_state *state, __u64 key, __u64 type, bool flag)
{
	__u32 collecting;

	/* Who dies while the collector runs, which has finalized it, is another where no birth could tell. */
	if (flag && process->collecting && read_user(&collecting, sizeof(collecting), process->collecting) &&
		collecting)
		return false;
	if (flag)
		return find(&finalized, ALLOC_PROBE_FINALIZED_BITS, key) != NULL;
	if (put(&finalized, ALLOC_PROBE_FINALIZED_BITS, key, ALLOC_PROBE_PASSED(type, process->epoch), false))
		increment(&state->finalized);
	else
		increment(&state->lost_finalized);
	return false;
}

/* The object with the record before it, in one read where they lie together (3.8+). */
static __noinline bool read_tracked(struct tracked *tracked, const struct alloc_probe_process *process, __u64 address)
{
	__u64 words[3];

	if (process->gc_head_size == sizeof(tracked->gc) &&
		read_user(tracked, sizeof(*tracked), address - sizeof(tracked->gc)))
		return true;
	/* {next, prev, refs} to 3.7. What cannot be read is no record: another type may share the function. */
	tracked->gc = (struct gc_head){.next = 1};
	if (process->gc_head_size > (__s32)sizeof(tracked->gc) &&
		read_user(words, sizeof(words), address - process->gc_head_size))
		tracked->gc = (struct gc_head){.next = words[0], .prev = words[2] & GC_FINALIZED};
	return read_user(&tracked->object, sizeof(tracked->object), address + process->object_refcnt);
}

SEC("uprobe")
int death(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx), address = PT_REGS_PARM1(ctx), type, key;
	__u64 site = PT_REGS_IP(ctx) - ALLOC_PROBE_COOKIE_INTO(cookie);
	__u32 index = (__u32)cookie;
	struct alloc_probe_process *process = bpf_map_lookup_elem(&processes, &index);
	struct alloc_probe_state *state = bpf_map_lookup_elem(&states, &index);
	struct alloc_probe_pending *last = bpf_map_lookup_elem(&pending, &index);
	struct alloc_probe_type *found;
	struct tracked tracked;

	if (!process || !state || !last)
		return 0;
	hit(index, process, state, &state->deaths);
	if (is_over(process)) {
		/* Its address may become another's before the probe is taken out: it counts for nothing from here on.
		 */
		if (process->follow)
			forget(&live, ALLOC_PROBE_LIVE_BITS, ALLOC_PROBE_KEY(index, address));
		return 0;
	}
	/* While it is there: who dies may be the very one, or the last one that it can be found behind. */
	if (last->birth.type && take_pending(last)) {
		if (last->birth.type)
			settle_pending(index, process, state, last);
		give_back_pending(last);
	}
	if (!read_tracked(&tracked, process, address)) {
		increment(&state->lost_counts);
		return 0;
	}
	type = tracked.object.type;
	key = ALLOC_PROBE_KEY(index, address);
	found = type_of(index, type);
	if (!found || !refresh(found, process, type)) {
		increment(&state->lost_counts);
		return 0;
	}
	/* An instance of a subclass of a builtin comes by twice: at its own type's site, then at the base's. */
	if (found->dealloc != site)
		return 0;
	/*
	 * tuple, dict (to 3.13) and frozenset (3.15) may be on no list although they were born; each dies at its last
	 * call. An object of any other type that is on no list was never born for the collector (a frame that nobody
	 * asked for), or the trashcan had put it aside and now comes back with it.
	 */
	if (type == process->untracked[0] || type == process->untracked[1] || type == process->untracked[2]) {
		if (goes_to_trashcan(process))
			return 0;
	} else if (!tracked.gc.next) {
		return 0;
	}
	if (found->finalizes && site == process->with_finalizers &&
		was_finalized(process, state, key, type, tracked.gc.prev & GC_FINALIZED))
		return 0;
	if (process->follow)
		forget(&live, ALLOC_PROBE_LIVE_BITS, key);
	if (ALLOC_PROBE_COOKIE_CLOSES(cookie)) {
		put(&closing, ALLOC_PROBE_CLOSING_BITS, key, ALLOC_PROBE_PASSED(type, process->epoch), true);
		increment(&state->closing);
	}
	increment(&found->deaths);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
