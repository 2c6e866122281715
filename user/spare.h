/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How much memory may be taken without harm. A look takes a part of what the process has, a snapshot all of it; where
 * the tracer shares a machine or a container's limit with the process, taking too much would end the process.
 */
#ifndef OGT_SPARE_H
#define OGT_SPARE_H

#include <stdint.h>

#include "error.h"

/*
 * Bytes that this process may take: what the kernel calls available, and what each limit of a control group (version 1
 * or 2) that it is in leaves. UINT64_MAX when nothing tells.
 */
uint64_t spare_memory(void);

/* Bytes of a process that may be copied where so much is to spare: what is worked out of them takes its part, too. */
uint64_t spare_for_copy(uint64_t spare);

/* ERROR_FAILED, with the sentence for a copy of process pid that would take more. -1. */
int spare_error(int pid, uint64_t spare, struct error *error);

#endif
