/* SPDX-License-Identifier: BSD-2-Clause */
/* --save: the look that was just taken, as a snapshot. The process runs on by then. */
#ifndef OGT_SAVE_H
#define OGT_SAVE_H

#include "watching.h"

/* Whether the file may be written; before the process is touched. */
int save_check(const struct options *options, struct error *error);

/* Takes the memory that the look holds. 0, or -1 and the error; nothing is left of the file then. */
int save(struct watch *watch, struct capture *look, struct error *error);

#endif
