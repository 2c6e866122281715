/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * objgraph's find_backref_chain(): why an object is alive, as a shortest way to it from what is there for good: a
 * module of sys.modules, a local variable of a running function, a type of C code; and only when there is none such,
 * from the interpreter's own tables; by references that are possible only; from a function that waits on a stack of its
 * own (greenlet), by such; and by such from the tables.
 */
#ifndef OGT_CHAIN_H
#define OGT_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backrefs.h"
#include "error.h"
#include "picture.h"

struct chain {
	uint32_t *nodes; /* from the root to the object */
	size_t count;
	char *expression; /* Python, as "app.cache.Store._items['k'][3].owner" */
	char *where; /* what the expression is to be read in: a running function; NULL: anywhere */
	char *waits; /* the function, as where, on a stack that no thread runs on, that the way passes; NULL: none */
	bool plain; /* Python could evaluate it; else parts of it are descriptions in angle brackets */
};

struct chains {
	struct chain *chain; /* shortest first */
	size_t count;
};

/*
 * At most `most` ways to a node that differ in their first step from the root; none when nothing was found that refers
 * to it from a root. tables: the interpreter's own are roots, too, and possible references count. 0, or -1 with
 * ERROR_FAILED (out of memory) or ERROR_INTERRUPTED. Freed with chains_free, also then.
 */
int chains_find(
	struct backrefs *backrefs, uint32_t node, size_t most, bool tables, struct chains *chains, struct error *error);
void chains_free(struct chains *chains);

/* Adds the nodes and edges of a chain to a picture; the object at its end is marked as target. */
void chain_draw(const struct chain *chain, struct picture *picture);

/* Adds an object that was asked for alone, as one that nothing leads to. */
void chain_draw_target(uint32_t node, struct picture *picture);

#endif
