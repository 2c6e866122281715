/* SPDX-License-Identifier: BSD-2-Clause */
/* What is rendered to, and how: what user/render*.c share. */
#ifndef OGT_RENDER_WRITER_H
#define OGT_RENDER_WRITER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "render.h"

/* Of a terminal; only where render.colour is set. */
#define BOLD "\033[1m"
#define YELLOW "\033[33m"
#define PLAIN "\033[0m"

struct render {
	FILE *file;
	bool own; /* opened here */
	bool json;
	bool colour;
	pid_t pid;
	size_t frozen; /* number of frozen objects last mentioned */
	double budget; /* percent */
	double pause_ms; /* of the look that questions about references are answered from */
	double time; /* of what is shown, seconds since the epoch; 0: now */
	double watched; /* seconds since the baseline */
	unsigned long hinted; /* number of the table after which a missing line was explained */
	bool separate; /* a table was printed: the next one stands apart */
	int failure; /* errno of the first write that failed */
	const char *path;
};

/* Writes text of this program's own, and names that text_printable() made fit. A failure is kept. */
void put(struct render *render, const char *format, ...) __attribute__((format(printf, 2, 3)));
void flush(struct render *render);
/* Keeps the reason, an errno, of the first failure. */
void failed(struct render *render, int reason);

/* An event with the fields that all have. NULL when out of memory, which jansson's setters take without harm. */
json_t *event(const struct render *render, const char *name);
/* Text of any bytes as a JSON string: what is no UTF-8 is escaped. */
json_t *json_text(const char *text);
/* Milliseconds, of a precision that makes sense. */
json_t *json_ms(double ms);
/* Writes one line and gives the event up. Printable ASCII only: no terminal takes harm from any name. */
void emit(struct render *render, json_t *object);

#endif
