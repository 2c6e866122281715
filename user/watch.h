/* SPDX-License-Identifier: BSD-2-Clause */
/* The modes of the program: growth tables until told otherwise, and counts once. */
#ifndef OGT_WATCH_H
#define OGT_WATCH_H

#include "error.h"
#include "options.h"
#include "render.h"

/* 0 when the mode came to its end; else -1 with the reason, which the caller renders. */
int watch_run(const struct options *options, struct render *render, struct error *error);

#endif
