/* SPDX-License-Identifier: BSD-2-Clause */
/* Graphviz's program `dot`, run to make a picture of a text. */
#ifndef OGT_GRAPHVIZ_H
#define OGT_GRAPHVIZ_H

#include "error.h"

/*
 * The picture, as an unlinked file in memory that the caller closes, of the dot text in the file `text` (read from its
 * start; its offset moves). format is what -T takes. Looks for dot in PATH's absolute folders alone: what lies in the
 * current directory is not run. -1 with ERROR_FAILED: graphviz is missing, or what it said; ERROR_INTERRUPTED when
 * Ctrl-C came first. No process is left in either case. Every descriptor of this process but 0 to 2 is made
 * close-on-exec.
 */
int graphviz_run(int text, const char *format, struct error *error);

#endif
