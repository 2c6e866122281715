// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Deaths per type, counted at one deallocation function of CPython (a value of tp_dealloc slots, usually
 * subtype_dealloc) of one process. The loader sets the constants, attaches the program and reads the map.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "alloc_probe.h"

const volatile __u32 object_type_offset = 8; /* ob_type in PyObject */
const volatile __u32 type_dealloc_offset = 48; /* tp_dealloc in PyTypeObject */
const volatile __u64 site_address = 0; /* of the probed function, in the target */

/* Deaths that were seen and could not be put to a type: no room in the map, or memory that would not be read. */
__u64 lost = 0;

/*
 * Preallocated, as a hit may come where the kernel cannot allocate. Per CPU, as a death on one core must not wait for
 * the cache line of another.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, ALLOC_PROBE_MAX_TYPES);
	__type(key, struct alloc_probe_key);
	__type(value, struct alloc_probe_counts);
} counts SEC(".maps");

static struct alloc_probe_counts *counts_of(__u64 type)
{
	struct alloc_probe_key key = {.type = type};
	struct alloc_probe_counts zero = {};
	struct alloc_probe_counts *found;

	found = bpf_map_lookup_elem(&counts, &key);
	if (found)
		return found;
	/* Fails where another CPU was first (the second look finds its entry) or the map is full (it finds none). */
	bpf_map_update_elem(&counts, &key, &zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(&counts, &key);
}

/* Atomic although per CPU: the program may be preempted by a task that hits the same type. */
static void increment(__u64 *counter)
{
	__sync_fetch_and_add(counter, 1);
}

SEC("uprobe")
int death(struct pt_regs *ctx)
{
	__u64 object = PT_REGS_PARM1(ctx), type, dealloc;
	struct alloc_probe_counts *found;

	if (bpf_probe_read_user(&type, sizeof(type), (void *)(object + object_type_offset)) ||
		bpf_probe_read_user(&dealloc, sizeof(dealloc), (void *)(type + type_dealloc_offset))) {
		increment(&lost);
		return 0;
	}
	/* An instance of a subclass of a builtin comes by twice: at its own type's site, then at the base's. */
	if (dealloc != site_address)
		return 0;
	found = counts_of(type);
	increment(found ? &found->deaths : &lost);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
