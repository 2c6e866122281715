/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the structs of CPython's C code have in them that their bytes do not tell. Whether a word leads to an object can
 * be seen; whether its type's tp_traverse visits it, and whether it holds a reference at all, cannot. Most do both:
 * here are the others, by type and version, and names of members that no tp_members has.
 */
#ifndef OGT_MEMBERS_H
#define OGT_MEMBERS_H

#include <stdbool.h>
#include <stdint.h>

enum member_use {
	MEMBER_VISITED, /* holds a reference, which tp_traverse visits */
	MEMBER_HELD, /* holds a reference that tp_traverse leaves out */
	MEMBER_BORROWED, /* is no reference, though it may lead to an object */
};

/* What the state of a module is called in the tables, with its name. */
#define MODULE_STATE "module:"

/* A release as one number. */
#define MEMBER_VERSION(minor, micro) ((minor) << 8 | (micro))

/* Words of the struct of a type, in releases from ... to ...: from offset `first` up to `end`, bytes. */
struct member {
	const char *type; /* tp_name; "module:NAME": the state of a module, "module NAME": a module itself */
	uint16_t from, to;
	uint16_t first, end; /* both UINT16_MAX: what tp_members calls `name` */
	enum member_use use;
	const char *name; /* what Python code calls it; may be NULL */
};

/* References in an array. Offsets in bytes; 0 in the optional ones means that there is no such thing. */
struct member_array {
	const char *type; /* as above */
	uint16_t from, to;
	enum member_use use;
	const char *after; /* offsets count from the member that tp_members calls so */
	uint16_t only_if; /* this word is not 0 */
	uint16_t through; /* this word leads to a struct that the following are in */
	uint16_t array; /* where the pointer to the array is */
	bool inside; /* the array itself is there */
	uint16_t count; /* where the number of entries is, */
	bool count_is_int; /* in 32 bits, */
	uint16_t fixed; /* if it is not this */
	uint16_t stride; /* from one entry to the next; 0: 8 */
	uint16_t within; /* where in an entry the reference is */
	bool to_struct; /* an entry is a pointer to the struct that `within` is in */
	const char *name;
};

/* The row for a word that tp_members calls `published` (may be NULL); NULL: there is none. */
const struct member *member_find(const char *type, uint16_t version, uint32_t offset, const char *published);

/* The arrays of a type, one after the other: last is NULL for the first; NULL after the last. */
const struct member_array *member_array_next(const char *type, uint16_t version, const struct member_array *last);

/* Structs that lead to objects by ways of their own. */
enum member_special {
	SPECIAL_NONE,
	SPECIAL_LRU_CACHE, /* a ring of links, each with key and result (Modules/_functoolsmodule.c) */
	SPECIAL_LRU_LINKS, /* the links of this ring are what is visited */
	SPECIAL_ELEMENT, /* words with tags (Modules/_elementtree.c) */
	SPECIAL_SQLITE_CACHE, /* a chain of nodes (Modules/_sqlite/cache.c) */
	SPECIAL_FROZENDICT, /* as a dict (3.15+) */
	SPECIAL_NDARRAY, /* an array elsewhere, of as many as its dimensions say (numpy) */
};
/* Where their own ways begin, bytes: what has been the same in every version. */
#define LRU_NEXT 24 /* in an lru_cache and in a link: the next link */
#define LRU_KEY 40 /* of a link; its result follows */
#define ELEMENT_TEXT 24 /* may have its lowest bit set; so may tail, which follows */
#define ELEMENT_EXTRA 40
#define CACHE_FIRST 40 /* the first node */
#define NODE_NEXT 48
/* numpy/core/include/numpy/ndarraytypes.h, PyArrayObject_fields and PyArray_Descr, the same from 1.7 to 2.x. */
#define NDARRAY_DATA 16
#define NDARRAY_ND 24 /* int: dimensions */
#define NDARRAY_ND_MOST 64
#define NDARRAY_DIMENSIONS 32
#define NDARRAY_BASE 48 /* whose memory it is; NULL: its own */
#define NDARRAY_DESCR 56
#define NDARRAY_FLAGS 64 /* int */
#define NDARRAY_C_ORDER 1u /* NPY_ARRAY_C_CONTIGUOUS: as it is counted by .flat */
#define DESCR_KIND 24 /* char */
#define DESCR_OF_OBJECTS 'O'

enum member_special member_special(const char *type, uint16_t version);

/*
 * What Python code calls the frame of a stack that objects of an extension's type keep while nobody runs on it,
 * wherever they keep it: the one frame that they lead to. NULL: nothing is known of it.
 */
const char *member_frame(const char *type);

/* Whether a type with this tp_name is of CPython itself: no dot, or of a C module of its standard library. */
bool member_is_cpython(const char *type);

#endif
