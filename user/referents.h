/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an object refers to: what its tp_traverse would visit, as gc.get_referents() tells, in the same order where that
 * is the order in memory; and besides what it holds that tp_traverse leaves out, since that keeps objects alive too.
 */
#ifndef OGT_REFERENTS_H
#define OGT_REFERENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "census.h"
#include "memory.h"
#include "python.h"
#include "shapes.h"

enum referent_kind {
	REFERENT_VISITED, /* gc.get_referents() has it */
	REFERENT_HELD, /* holds a reference all the same: the constants of a code object, names of descriptors */
	REFERENT_POSSIBLE, /* a word of a struct that is not known leads there */
};

/* By which way the object refers to it. */
enum referent_way {
	WAY_MEMBER, /* of its C struct: name, if it is known */
	WAY_ATTRIBUTE, /* its attribute: object is the name, a str */
	WAY_VALUE, /* of a dict: object is the key */
	WAY_KEY, /* it is a key of this dict */
	WAY_ITEM, /* number index of a list, tuple, deque */
	WAY_ELEMENT, /* of a set */
	WAY_LOCAL, /* of a frame: local variable number index of its code */
	WAY_STACK, /* of a frame: what its expression under way has put aside */
	WAY_TYPE, /* its type */
	WAY_STATE, /* of a module: in its C state */
	WAY_PIECE, /* of memory that its C code owns (pieces.h); name: of the member that leads to it, if known */
};

struct referent {
	uint64_t to; /* address, never 0 */
	uint64_t object; /* by way */
	uint64_t index; /* by way; WAY_MEMBER, WAY_STATE, WAY_PIECE: where the word is in the struct, bytes */
	uint32_t member; /* of WAY_PIECE: where in the object the pointer to the piece is */
	uint64_t frame; /* of WAY_LOCAL, WAY_STACK: which of an object's frames it is of, where it has not one alone */
	const char *name; /* of WAY_MEMBER; may be NULL */
	enum referent_kind kind;
	enum referent_way way;
};

/* Visits until it says false. */
typedef bool referents_visit(void *context, const struct referent *referent);

struct referents {
	const struct python *python;
	struct memory *memory;
	struct shapes *shapes;
	uint64_t general_lookup; /* to 3.10: lookdict(), once learned */
	size_t unreadable; /* pieces of objects that the memory did not have, so far */
	uint64_t *running; /* frames that threads are in, ascending, once they are known (roots_find) */
	size_t running_count;
	uint64_t *asked; /* unseen.c's: what it said last */
};

/*
 * Ready for objects of this picture. From the objects of the census it learns what no symbol tells: which function
 * visits instances of classes, which one looks up keys of any type. The census may be of an earlier moment. False when
 * out of memory. Closed with referents_close.
 */
bool referents_open(
	struct referents *referents, const struct python *python, struct memory *memory, const struct census *census);
void referents_close(struct referents *referents);

/* What the object holds. False when visit said so. shape: of its type, never NULL. */
bool referents_of(
	struct referents *referents, uint64_t object, const struct shape *shape, referents_visit *visit, void *context);

/*
 * The frame (_PyInterpreterFrame, 3.11+) that a frame object stands for which is on a stack that no thread runs on, as
 * that of a greenlet that waits: nobody but the object leads to it, and to its callers by `previous`. 0: it is none
 * such. Where it is not known which frames run, those count, too.
 */
uint64_t referents_suspended(const struct referents *referents, uint64_t object);

/* Whether a thread is known to be in this frame. */
bool referents_runs(const struct referents *referents, uint64_t frame);

/*
 * What a frame (_PyInterpreterFrame, 3.11+) holds. runs: it is one of a thread, whose stack of values is not said to
 * end anywhere: all its local variables, and then words that may be anything (REFERENT_POSSIBLE).
 */
bool referents_of_frame(struct referents *referents, uint64_t frame, bool runs, referents_visit *visit, void *context);

#endif
