/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What alloc_probe.bpf.c and user/stream.c share: limits and the records in the maps. */
#ifndef ALLOC_PROBE_H
#define ALLOC_PROBE_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/* Types counted at once. A process with more is not miscounted: what finds no room adds to `lost`. */
#define ALLOC_PROBE_MAX_TYPES 65536

struct alloc_probe_key {
	__u64 type; /* address of the type object in the target */
};

/* One for each key and CPU, only ever growing. */
struct alloc_probe_counts {
	__u64 deaths;
};

#endif
