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

/*
 * What the word at this offset of the struct of a type so called (tp_name) is in CPython 3.minor; *name, if not NULL,
 * receives what Python code calls it, or NULL.
 */
enum member_use member_use(const char *type, int minor, uint32_t offset, const char **name);

/* Structs that lead to objects by ways of their own. */
enum member_special {
	SPECIAL_NONE,
	SPECIAL_LRU_CACHE, /* a ring of links, each with key and result (Modules/_functoolsmodule.c) */
	SPECIAL_ELEMENT, /* children in an array elsewhere (Modules/_elementtree.c) */
	SPECIAL_TEE, /* an array that is filled as far as a number says (Modules/itertoolsmodule.c, teedataobject) */
	SPECIAL_FROZENDICT, /* as a dict (3.15+) */
};
/* Where their own ways begin, bytes: what has been the same in every version. */
#define LRU_NEXT 24 /* in an lru_cache and in a link: the next link */
#define LRU_KEY 40 /* of a link; its result follows */
#define TEE_COUNT 24 /* int: how many values are filled */
#define TEE_VALUES 40
#define ELEMENT_TEXT 24 /* may have its lowest bit set; so may tail, which follows */
#define ELEMENT_EXTRA 40 /* pointer to attrib, length, allocated, pointer to children */

enum member_special member_special(const char *type, int minor);

/* Whether a type with this tp_name is of CPython itself: no dot, or of a C module of its standard library. */
bool member_is_cpython(const char *type);

#endif
