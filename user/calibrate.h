/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one event costs on this machine, now, and whether it is delivered at all: measured on this process itself, with
 * the programs that will run. A call that attaches a probe and succeeds proves nothing: some hypervisors take hardware
 * breakpoints that never fire.
 */
#ifndef OGT_CALIBRATE_H
#define OGT_CALIBRATE_H

#include <stdbool.h>

#include "budget.h"
#include "error.h"
#include "stream.h"

struct calibration {
	struct hit_costs costs; /* of what was not delivered: other machines', on the dear side */
	bool breakpoints; /* each write to a watched word was seen, and counted under the right type */
	bool uprobes; /* so was each call of a function with a probe */
	struct error no_breakpoints; /* why not, where they are not: a sentence */
	struct error no_uprobes;
};

/* Takes some 50 milliseconds: most of it is the kernel's, until it is sure that no uprobe runs any more. */
struct calibration calibrate(struct stream *stream);

#endif
