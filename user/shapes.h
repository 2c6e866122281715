/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the objects of a type are made of, as far as references go: worked out once for each type, from the type object
 * and from what is known of CPython's own structs (layout.h, members.h).
 */
#ifndef OGT_SHAPES_H
#define OGT_SHAPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "census.h"
#include "kind.h"
#include "members.h"
#include "memory.h"
#include "python.h"

/* One word that may hold a reference. */
struct shape_word {
	uint32_t offset; /* bytes from the object's address */
	enum member_use use;
	bool sure; /* it does, unless it is 0; else whether it leads to an object has to be looked at */
	bool after_items; /* offset does not count the items of a var-sized object, 3.15+ */
	const char *name; /* what Python code calls it; NULL: nothing that is known. The shape's */
};

struct shape {
	uint64_t type;
	uint64_t base; /* the type whose C code makes the objects: the first that is no class of Python code */
	uint64_t flags; /* tp_flags of type */
	enum object_kind kind; /* of base or of what it derives from */
	enum member_special special; /* of base */
	bool has_gc; /* its objects have a tp_traverse: gc.get_referents() asks them */
	bool is_class; /* of Python code */
	bool certain; /* the C code is CPython's own */
	bool base_traverses; /* base has a tp_traverse */
	bool var_sized; /* has an ob_size */
	bool items; /* words follow the struct, as many as ob_size says */
	enum member_use type_use; /* how objects refer to their type */
	uint32_t basicsize; /* of type */
	uint32_t base_size; /* of base */
	uint32_t itemsize; /* of type */
	uint32_t tail; /* of a structseq: items, with those that its length does not count; else 0 */
	enum member_use tail_use;
	int64_t dictoffset; /* where the class added a dict to what base has; 0: nowhere */
	bool managed; /* dict and values lie before the object, 3.11+ */
	uint64_t keys; /* ht_cached_keys */
	struct shape_word *words;
	size_t word_count;
	const char *frame_name; /* as member_frame has it, of base or of what it derives from */
	struct member_array *arrays;
	size_t array_count;
};

/* Whether objects have a __dict__, which belongs to them. */
static inline bool shape_has_dict(const struct shape *shape)
{
	return shape->managed || shape->dictoffset || shape->kind == OBJECT_TYPE || shape->kind == OBJECT_MODULE;
}

struct shapes;

/* NULL when out of memory. Borrows both; freed with shapes_free. */
struct shapes *shapes_new(const struct python *python, struct memory *memory);
void shapes_free(struct shapes *shapes);

/*
 * subtype_traverse of this interpreter (Objects/typeobject.c): the tp_traverse that most of these heap types have.
 * Before any shape of a class is asked for; `types` are addresses of type objects.
 */
void shapes_learn(struct shapes *shapes, const uint64_t *types, size_t count);

/* The shape of a type; NULL when no type is there, or out of memory. Valid until shapes_free. */
const struct shape *shapes_of(struct shapes *shapes, uint64_t type);

/* One for each type of a census, NULL where it has none; malloc'ed, the shapes are not the caller's. NULL when out of
 * memory. */
const struct shape **shapes_of_types(struct shapes *shapes, const struct type_table *types);

/* The shape of the type of an object, if an object seems to be at this address; else NULL. */
const struct shape *shapes_of_object(struct shapes *shapes, uint64_t object);

/* The same at any word, of which no page but the type's is touched (memory_glance). */
const struct shape *shapes_glance(struct shapes *shapes, uint64_t word);

#endif
