/* SPDX-License-Identifier: BSD-2-Clause */
/* --load: what files hold in place of a process. */
#ifndef OGT_LOAD_H
#define OGT_LOAD_H

#include "watching.h"

int load_run(struct watch *watch, struct error *error);

#endif
