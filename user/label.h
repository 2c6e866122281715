/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects and references in words: what objgraph writes into a node and beside an edge. Texts are as the target has
 * them, malloc'ed; NULL when out of memory or where there is nothing to say.
 */
#ifndef OGT_LABEL_H
#define OGT_LABEL_H

#include <stdbool.h>
#include <stdint.h>

#include "backrefs.h"
#include "referents.h"
#include "shapes.h"

/* What an object is, besides its type: a name, a number of items, a short repr. "" where that says nothing. */
char *label_object(const struct referents *referents, uint64_t object, const struct shape *shape);

/* "file:line" where a function, code object, generator or frame is; NULL for others. */
char *label_place(const struct referents *referents, uint64_t object, const struct shape *shape);

/* "function() at file:line" of a frame (_PyInterpreterFrame, 3.11+) that waits: the line of its call. */
char *label_frame(const struct referents *referents, uint64_t frame);

/* How `from`, of this shape (NULL: a running frame), leads to a referent; see struct graph_edge. */
char *label_way(struct backrefs *backrefs, uint64_t from, const struct shape *shape, const struct referent *referent);

/* The member of a C struct that leads on, by WAY_MEMBER or WAY_PIECE: ".name", "+0x18". */
char *label_member(const struct referent *referent);

/* A key of a dict as it is written in Python; *plain: it is, and not a description. */
char *label_key(const struct referents *referents, uint64_t key, bool *plain);

/* The name of the variable that a referent by WAY_LOCAL is of; `from` and shape as label_way has them. */
char *label_variable(
	const struct referents *referents, uint64_t from, const struct shape *shape, const struct referent *referent);

/* The code object whose variable that is; 0 when it is not known. */
uint64_t label_variable_code(
	const struct referents *referents, uint64_t from, const struct shape *shape, const struct referent *referent);

/* Whether a variable of a code object is a cell, or a free variable: its name gives what the cell holds. */
bool label_is_cell(const struct referents *referents, uint64_t code, uint64_t number);

/* The name of a local variable, or of a cell, of a code object; by its number in a frame. */
char *label_local(const struct referents *referents, uint64_t code, uint64_t number);

/* The name of a module: that of its __name__; NULL when it has none. */
char *label_module(const struct referents *referents, uint64_t module);

#endif
