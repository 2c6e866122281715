/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects that the collector does not see and that hold others all the same: of types of extensions without a
 * tp_traverse, as numpy.ndarray, and tuples and dicts that hold nothing else, of which the collector has let go.
 */
#ifndef OGT_UNSEEN_H
#define OGT_UNSEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "census.h"
#include "referents.h"
#include "roots.h"

/*
 * Whether the process has such a type: among the heap types, or in the namespace of a module. Where it has none, no
 * object needs to be asked.
 */
bool unseen_types(struct referents *referents, const struct roots *roots, const struct census *census);

/*
 * Whether the object at this address is one, and holds something; but for tables of keys of dicts no page is touched
 * for it (memory_glance).
 */
bool unseen_holds(struct referents *referents, uint64_t object);

#endif
