/* SPDX-License-Identifier: BSD-2-Clause */
/* A graph as dot text, and as a picture that graphviz makes of it. */
#ifndef OGT_DRAWING_H
#define OGT_DRAWING_H

#include <stdbool.h>
#include <stdio.h>

#include "error.h"
#include "graph.h"

enum drawing_format { DRAWING_NONE, DRAWING_DOT, DRAWING_SVG, DRAWING_PNG, DRAWING_PDF };

/* What the extension of a file's name asks for (path may be NULL); DRAWING_NONE: no picture. */
enum drawing_format drawing_format(const char *path);

/*
 * Writes dot text; whatever the texts of the graph hold, it is one graph with these nodes and edges, n0 and on, and one
 * node more, moreN, for each node N with hidden neighbours. Long texts are cut. out tells whether it was written.
 */
void drawing_dot(const struct graph *graph, FILE *out);

/*
 * Writes the picture to path. For DRAWING_DOT graphviz is not needed; for the others `dot` is run, which reads the text
 * and is given no shell. 0, or -1 with ERROR_FAILED: that graphviz is missing (and what to do), what it said, or that
 * the file cannot be written; then no half of a file is left, and a file that was there stays as it was.
 * ERROR_INTERRUPTED when Ctrl-C came first: graphviz is ended.
 *
 * /dev/stdout, a pipe or a device is written into and stays what it is; a reader that has gone is no error.
 */
int drawing_write(const struct graph *graph, const char *path, enum drawing_format format, struct error *error);

#endif
