/* SPDX-License-Identifier: BSD-2-Clause */
/* What one event costs on this machine, now: measured on this process itself, with the programs that will run. */
#ifndef OGT_CALIBRATE_H
#define OGT_CALIBRATE_H

#include <stdbool.h>

#include "budget.h"
#include "stream.h"

/*
 * Takes a few milliseconds, with deaths about 50. What cannot be measured is taken from other machines, on the dear
 * side; without deaths, theirs is.
 */
struct hit_costs calibrate(struct stream *stream, bool deaths);

#endif
