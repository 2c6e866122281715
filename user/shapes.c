// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "shapes.h"

#include <stdlib.h>
#include <string.h>

#include "index.h"
#include "layout.h"
#include "list.h"

#define BASES_MOST 100
#define WORD 8
/* Structs of C code of more words than this are looked at as far as that. */
#define WORDS_MOST 4096
#define MEMBERS_MOST 1000
#define NAME_MOST 128
/* sizeof(PyMemberDef), Include/structmember.h; its first member is the name. */
#define MEMBERDEF_SIZE 40

/* Bits that no ob_refcnt has, but most pointers: memory of others often begins with one. */
#define NO_COUNT (UINT64_C(0xffff) << 32)

struct shapes {
	const struct python *python;
	const struct layout *layout;
	struct memory *memory;
	int minor;
	uint16_t version; /* MEMBER_VERSION */
	uint64_t subtype_traverse;
	/* What was found at an address: no shape where there is no type. */
	struct known {
		uint64_t type;
		struct shape *shape;
	} * known;
	size_t count;
	struct index index; /* of known, by type */
};

static bool at(const struct shapes *shapes, uint64_t address, int32_t offset, uint64_t *value)
{
	return memory_u64(shapes->memory, address + (uint64_t)offset, value);
}

static uint64_t field(const struct shapes *shapes, uint64_t address, int32_t offset)
{
	uint64_t value;

	return at(shapes, address, offset, &value) ? value : 0;
}

/* --- the words of a struct --- */

static bool add_word(struct shape *shape, struct shape_word word)
{
	const char *name = word.name;

	for (size_t i = 0; i < shape->word_count; i++) {
		if (shape->words[i].offset == word.offset && shape->words[i].after_items == word.after_items)
			return true;
	}
	if (!list_make_room((void **)&shape->words, shape->word_count, sizeof(word)))
		return false;
	word.name = name ? strdup(name) : NULL;
	if (name && !word.name)
		return false;
	shape->words[shape->word_count++] = word;
	return true;
}

/* A PyMemberDef of a type; false at the end of the list. */
static bool read_member(
	const struct shapes *shapes, uint64_t member, char name[NAME_MOST], uint32_t *kind, uint64_t *offset)
{
	uint64_t text = field(shapes, member, 0);

	if (!text || !memory_u32(shapes->memory, member + (uint64_t)shapes->layout->attribute.member_type, kind) ||
		!at(shapes, member, shapes->layout->attribute.member_offset, offset))
		return false;
	if (!read_literal(shapes->memory, text, name, NAME_MOST))
		name[0] = 0;
	return true;
}

/* What tp_members of a type and its bases call the word; the name is put into text. */
static const char *published_name(const struct shapes *shapes, uint64_t type, uint32_t offset, char text[NAME_MOST])
{
	uint64_t member, place;
	uint32_t kind;

	for (int i = 0; type && i < BASES_MOST; i++) {
		member = field(shapes, type, shapes->layout->type.members);
		for (int k = 0; member && k < MEMBERS_MOST; k++, member += MEMBERDEF_SIZE) {
			if (!read_member(shapes, member, text, &kind, &place))
				break;
			if (place == offset && (kind == MEMBERDEF_OBJECT || kind == MEMBERDEF_OBJECT_EX) && *text)
				return text;
		}
		type = field(shapes, type, shapes->layout->type.base);
	}
	return NULL;
}

static void read_name(const struct shapes *shapes, uint64_t type, char name[NAME_MOST])
{
	name[0] = 0;
	if (!read_literal(shapes->memory, field(shapes, type, shapes->layout->type.name), name, NAME_MOST))
		name[0] = 0;
}

/* Where tp_members of a type and its bases has this name; 0: nowhere. */
static uint32_t published_offset(const struct shapes *shapes, uint64_t type, const char *name, uint32_t size)
{
	char text[NAME_MOST];

	for (uint32_t offset = 0; offset + WORD <= size && offset < WORDS_MOST * WORD; offset += WORD) {
		if (published_name(shapes, type, offset, text) && strcmp(text, name) == 0)
			return offset;
	}
	return 0;
}

static bool add_arrays(const struct shapes *shapes, struct shape *shape, const char *literal)
{
	const struct member_array *row = NULL;

	while ((row = member_array_next(literal, shapes->version, row))) {
		struct member_array array = *row;
		uint32_t first = array.after ? published_offset(shapes, shape->base, array.after, shape->base_size) : 0;

		if (array.after && !first)
			continue;
		array.array = (uint16_t)(array.array + first);
		if (array.use == MEMBER_VISITED && !shape->base_traverses)
			array.use = MEMBER_HELD;
		if (!list_make_room((void **)&shape->arrays, shape->array_count, sizeof(array)))
			return false;
		shape->arrays[shape->array_count++] = array;
	}
	return true;
}

/* Whether the word is the pointer to one of the arrays. */
static bool leads_to_array(const struct shape *shape, uint32_t offset)
{
	for (size_t i = 0; i < shape->array_count; i++) {
		const struct member_array *array = &shape->arrays[i];

		if (array->through ? array->through == offset : !array->inside && array->array == offset)
			return true;
	}
	return false;
}

/* What the word is called in the struct of a base that it belongs to; NULL when nobody says. */
static const char *inherited_name(const struct shapes *shapes, uint64_t type, uint32_t offset)
{
	char literal[NAME_MOST];
	const struct member *member;

	for (int i = 0; type && i < BASES_MOST; i++) {
		if (offset + WORD > field(shapes, type, shapes->layout->type.basicsize))
			break;
		read_name(shapes, type, literal);
		member = member_find(literal, shapes->version, offset, NULL);
		if (member && member->name)
			return member->name;
		type = field(shapes, type, shapes->layout->type.base);
	}
	return NULL;
}

/* One word of the struct of a type of C code. sure: it is known to hold a reference. */
static bool add_member(
	const struct shapes *shapes, struct shape *shape, const char *literal, uint32_t offset, bool sure)
{
	char text[NAME_MOST];
	const char *published = published_name(shapes, shape->base, offset, text);
	const struct member *member = member_find(literal, shapes->version, offset, published);
	enum member_use use = member ? member->use : MEMBER_VISITED;

	if (use == MEMBER_BORROWED || leads_to_array(shape, offset))
		return true;
	/* Whatever a class that derives from it visits, it is not this. */
	if (use == MEMBER_VISITED && !shape->base_traverses)
		use = MEMBER_HELD;
	if (member && member->name)
		published = member->name;
	else if (!published)
		published = inherited_name(shapes, shape->base, offset);
	if (!published && offset == field(shapes, shape->base, shapes->layout->attribute.dictoffset))
		published = "__dict__";
	return add_word(shape, (struct shape_word){.offset = offset, .use = use, .sure = sure, .name = published});
}

/* Whatever the struct of a type of C code has from `first` on. */
static bool add_struct(const struct shapes *shapes, struct shape *shape, uint32_t first)
{
	uint64_t weak = field(shapes, shape->base, shapes->layout->type.weaklistoffset);
	uint32_t end = first + WORDS_MOST * WORD < shape->base_size ? first + WORDS_MOST * WORD : shape->base_size;
	char literal[NAME_MOST];

	read_name(shapes, shape->base, literal);
	for (uint32_t offset = first; offset + WORD <= end; offset += WORD) {
		if (offset != weak && !add_member(shapes, shape, literal, offset, false))
			return false;
	}
	return true;
}

/* One word that is known to hold a reference; none where the version has no such. */
static bool add_known(struct shape *shape, int32_t offset, const char *name)
{
	return offset < 0 ||
	       add_word(shape, (struct shape_word){.offset = (uint32_t)offset, .sure = true, .name = name});
}

/* The __slots__ of one class, which lie behind its type object (Objects/typeobject.c, traverse_slots). */
static bool add_slots(const struct shapes *shapes, struct shape *shape, uint64_t class)
{
	const struct layout *layout = shapes->layout;
	uint64_t count = field(shapes, class, layout->member.size), meta = field(shapes, class, layout->object.type);
	uint64_t member = class + field(shapes, meta, layout->type.basicsize), offset;
	char name[NAME_MOST];
	uint32_t kind, flags;

	for (uint64_t i = 0; i < count && i < WORDS_MOST; i++, member += MEMBERDEF_SIZE) {
		if (!read_member(shapes, member, name, &kind, &offset) ||
			!memory_u32(shapes->memory, member + (uint64_t)layout->attribute.member_flags, &flags))
			break;
		if (kind == MEMBERDEF_OBJECT_EX && offset < UINT32_MAX && offset + WORD <= shape->basicsize &&
			!add_word(shape, (struct shape_word){.offset = (uint32_t)offset,
						 .sure = true,
						 .after_items = flags & MEMBERDEF_AFTER_ITEMS,
						 .name = name}))
			return false;
	}
	return true;
}

/* --- the kinds of C code --- */

/* Where the struct ends whose kind is known: of the first base that has it. */
static uint32_t known_size(const struct shapes *shapes, const struct shape *shape)
{
	uint64_t type = shape->base;

	for (int i = 0; type && i < BASES_MOST; i++) {
		if (kind_of_type_itself(shapes->python, shapes->memory, type) == shape->kind)
			return (uint32_t)field(shapes, type, shapes->layout->type.basicsize);
		type = field(shapes, type, shapes->layout->type.base);
	}
	return shape->base_size;
}

/* Objects/typeobject.c, type_traverse */
static bool add_type(const struct shapes *shapes, struct shape *shape)
{
	const struct layout *layout = shapes->layout;

	return add_known(shape, layout->type.dict, "__dict__") && add_known(shape, layout->type.cache, NULL) &&
	       add_known(shape, layout->type.mro, "__mro__") && add_known(shape, layout->type.bases, "__bases__") &&
	       add_known(shape, layout->type.base, "__base__") && add_known(shape, layout->attribute.ht_module, NULL) &&
	       add_struct(shapes, shape, (uint32_t)layout->type.heap_size);
}

/* What a PyFrameObject has besides variables. */
static bool add_frame(const struct shapes *shapes, struct shape *shape)
{
	const int32_t *held = shapes->layout->frame.held;
	char literal[NAME_MOST];

	read_name(shapes, shape->base, literal);
	for (size_t i = 0; held[i]; i++) {
		if (!add_member(shapes, shape, literal, (uint32_t)held[i], true))
			return false;
	}
	return true;
}

/*
 * Objects/structseq.c: fields that only their names lead to. From 3.8 on it has a tp_traverse, which visits them; that
 * of tuple does not.
 */
static bool add_tail(const struct shapes *shapes, struct shape *shape)
{
	const struct layout *layout = shapes->layout;
	uint64_t member = field(shapes, shape->base, layout->type.members), offset, end = 0;
	uint64_t tuple = field(shapes, shape->base, layout->type.base);
	char name[NAME_MOST];
	uint32_t kind;

	for (int k = 0; member && k < MEMBERS_MOST; k++, member += MEMBERDEF_SIZE) {
		if (!read_member(shapes, member, name, &kind, &offset))
			break;
		if (kind == MEMBERDEF_OBJECT && offset % WORD == 0 && offset < WORDS_MOST * WORD && offset + WORD > end)
			end = offset + WORD;
	}
	if (end > (uint64_t)layout->member.tuple_items)
		shape->tail = (uint32_t)(end - (uint64_t)layout->member.tuple_items) / WORD;
	shape->tail_use =
		field(shapes, shape->base, layout->type.traverse) == field(shapes, tuple, layout->type.traverse)
			? MEMBER_HELD
			: MEMBER_VISITED;
	return true;
}

static bool add_members(const struct shapes *shapes, struct shape *shape)
{
	const struct layout *layout = shapes->layout;
	uint32_t first = (uint32_t)layout->object.size + (shape->var_sized ? WORD : 0);

	switch (shape->kind) {
	case OBJECT_TYPE:
		return add_type(shapes, shape);
	case OBJECT_MODULE:
		return add_known(shape, layout->member.module_dict, "__dict__") &&
		       add_struct(shapes, shape, known_size(shapes, shape));
	case OBJECT_WEAKREF:
	case OBJECT_WEAKPROXY:
		return add_known(shape, layout->member.weakref_object + WORD, "__callback__") &&
		       add_struct(shapes, shape, known_size(shapes, shape));
	case OBJECT_TUPLE:
		return add_tail(shapes, shape);
	case OBJECT_FRAME:
		return add_frame(shapes, shape);
	case OBJECT_LIST:
	case OBJECT_SET:
	case OBJECT_FROZENSET:
	case OBJECT_DEQUE:
		return add_struct(shapes, shape, known_size(shapes, shape));
	case OBJECT_DICT:
	case OBJECT_DEFAULTDICT:
	case OBJECT_ORDERED_DICT:
		return add_struct(shapes, shape, (uint32_t)(layout->dict.values + WORD));
	case OBJECT_GENERATOR:
	case OBJECT_COROUTINE:
	case OBJECT_ASYNC_GENERATOR:
		/* From 3.11 on the frame ends it. */
		if (layout->generator.frame_object >= 0)
			shape->base_size = (uint32_t)layout->generator.frame;
		return add_struct(shapes, shape, (uint32_t)layout->object.size);
	default:
		return add_struct(shapes, shape, first);
	}
}

/* --- one shape --- */

static bool is_class(const struct shapes *shapes, uint64_t type)
{
	return shapes->subtype_traverse &&
	       field(shapes, type, shapes->layout->type.traverse) == shapes->subtype_traverse;
}

/* Whether a heap type of C code has its tp_traverse from a static one, which visits no type. */
static bool traverses_as_static(const struct shapes *shapes, uint64_t type)
{
	uint64_t traverse = field(shapes, type, shapes->layout->type.traverse);

	for (int i = 0; type && i < BASES_MOST; i++) {
		if (field(shapes, type, shapes->layout->type.traverse) != traverse)
			return false;
		if (!(field(shapes, type, shapes->layout->type.flags) & TPFLAGS_HEAPTYPE))
			return true;
		type = field(shapes, type, shapes->layout->type.base);
	}
	return false;
}

/* Objects/typeobject.c, subtype_traverse; from 3.9 on a heap type's C code is to visit the type (bpo-40217). */
static enum member_use type_use(const struct shapes *shapes, const struct shape *shape, const char *literal)
{
	bool heap = field(shapes, shape->base, shapes->layout->type.flags) & TPFLAGS_HEAPTYPE;
	const struct member *member;

	if (!heap)
		return shape->base == shape->type ? MEMBER_BORROWED : MEMBER_VISITED;
	if (shapes->minor < 9 || !shape->base_traverses)
		return shape->base == shape->type ? MEMBER_HELD : MEMBER_VISITED;
	if (traverses_as_static(shapes, shape->base))
		return MEMBER_HELD;
	member = member_find(literal, shapes->version, (uint32_t)shapes->layout->object.type, NULL);
	return member ? member->use : MEMBER_VISITED;
}

/* Whether words may lie behind the struct: of those that are known not to, not one is looked at. */
static bool has_items(const struct shapes *shapes, const struct shape *shape, const char *literal)
{
	const struct member *member = member_find(literal, shapes->version, shape->base_size, NULL);

	return field(shapes, shape->base, shapes->layout->type.itemsize) == WORD &&
	       !(member && member->use == MEMBER_BORROWED) && !shape->array_count;
}

static const char *frame_name(const struct shapes *shapes, uint64_t type)
{
	const char *name = NULL;
	char literal[NAME_MOST];

	for (int i = 0; type && i < BASES_MOST && !name; i++) {
		read_name(shapes, type, literal);
		name = member_frame(literal);
		type = field(shapes, type, shapes->layout->type.base);
	}
	return name;
}

static bool add_base(const struct shapes *shapes, struct shape *shape)
{
	const struct layout *layout = shapes->layout;
	char literal[NAME_MOST];
	bool exact;

	read_name(shapes, shape->base, literal);
	shape->base_size = (uint32_t)field(shapes, shape->base, layout->type.basicsize);
	shape->var_sized = field(shapes, shape->base, layout->type.itemsize) != 0;
	shape->kind = kind_of_type(shapes->python, shapes->memory, shape->base, &exact);
	shape->certain = member_is_cpython(literal);
	shape->frame_name = shape->certain ? NULL : frame_name(shapes, shape->base);
	shape->special = member_special(literal, shapes->version);
	if (shape->special == SPECIAL_FROZENDICT)
		shape->kind = OBJECT_DICT;
	shape->type_use = type_use(shapes, shape, literal);
	if (!add_arrays(shapes, shape, literal))
		return false;
	shape->items = has_items(shapes, shape, literal);
	return add_members(shapes, shape);
}

static bool fill(const struct shapes *shapes, struct shape *shape)
{
	const struct layout *layout = shapes->layout;
	uint64_t base = shape->type, own;

	shape->flags = field(shapes, shape->type, layout->type.flags);
	shape->has_gc = shape->flags & TPFLAGS_HAVE_GC;
	shape->basicsize = (uint32_t)field(shapes, shape->type, layout->type.basicsize);
	shape->itemsize = (uint32_t)field(shapes, shape->type, layout->type.itemsize);
	shape->managed = layout->attribute.style != VALUES_DICT && shape->flags & TPFLAGS_MANAGED_DICT;
	shape->keys = shape->flags & TPFLAGS_HEAPTYPE ? field(shapes, shape->type, layout->attribute.cached_keys) : 0;
	for (int i = 0; i < BASES_MOST && is_class(shapes, base); i++) {
		shape->is_class = true;
		if (!add_slots(shapes, shape, base))
			return false;
		base = field(shapes, base, layout->type.base);
	}
	shape->base = base;
	shape->base_traverses = field(shapes, base, layout->type.traverse) != 0;
	own = field(shapes, shape->type, layout->attribute.dictoffset);
	if (!shape->managed && own != field(shapes, base, layout->attribute.dictoffset))
		shape->dictoffset = (int64_t)own;
	return add_base(shapes, shape);
}

static void shape_free(struct shape *shape)
{
	for (size_t i = 0; shape && i < shape->word_count; i++)
		free((char *)shape->words[i].name);
	if (shape) {
		free(shape->words);
		free(shape->arrays);
	}
	free(shape);
}

/* --- all of them --- */

struct shapes *shapes_new(const struct python *python, struct memory *memory)
{
	struct shapes *shapes = calloc(1, sizeof(*shapes));

	if (!shapes)
		return NULL;
	*shapes = (struct shapes){.python = python,
		.layout = &python->layout,
		.memory = memory,
		.minor = (int)(python->target->version >> 16 & 0xff),
		.version = (uint16_t)(python->target->version >> 8)};
	return shapes;
}

void shapes_free(struct shapes *shapes)
{
	if (!shapes)
		return;
	for (size_t i = 0; i < shapes->count; i++)
		shape_free(shapes->known[i].shape);
	free(shapes->known);
	index_free(&shapes->index);
	free(shapes);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void shapes_learn(struct shapes *shapes, const uint64_t *types, size_t count)
{
	uint64_t *traverse = calloc(count + 1, sizeof(*traverse));
	size_t found = 0, best = 0;

	for (size_t i = 0; traverse && i < count; i++) {
		uint64_t function = field(shapes, types[i], shapes->layout->type.traverse);

		if (function && field(shapes, types[i], shapes->layout->type.flags) & TPFLAGS_HEAPTYPE)
			traverse[found++] = function;
	}
	if (found)
		qsort(traverse, found, sizeof(*traverse), by_value);
	for (size_t i = 0, run; i < found; i += run) {
		for (run = 1; i + run < found && traverse[i + run] == traverse[i]; run++)
			;
		if (run > best) {
			best = run;
			shapes->subtype_traverse = traverse[i];
		}
	}
	free(traverse);
}

/* NULL when there is no type at this address, or out of memory. */
static struct shape *make_shape(struct shapes *shapes, uint64_t type)
{
	struct shape *shape;

	if (!python_has_instances(shapes->python, shapes->memory, type))
		return NULL;
	shape = calloc(1, sizeof(*shape));
	if (!shape)
		return NULL;
	shape->type = type;
	if (fill(shapes, shape))
		return shape;
	shape_free(shape);
	return NULL;
}

const struct shape *shapes_of(struct shapes *shapes, uint64_t type)
{
	struct known *known;
	ssize_t i;

	if (!type || type % WORD)
		return NULL;
	i = index_find_address(&shapes->index, shapes->known, sizeof(*known), type);
	if (i >= 0)
		return shapes->known[i].shape;
	if (!list_make_room((void **)&shapes->known, shapes->count, sizeof(*known)))
		return NULL;
	known = &shapes->known[shapes->count];
	*known = (struct known){.type = type};
	if (!index_add_address(&shapes->index, shapes->count + 1, shapes->known, sizeof(*known)))
		return NULL;
	shapes->count++;
	known->shape = make_shape(shapes, type);
	return known->shape;
}

const struct shape **shapes_of_types(struct shapes *shapes, const struct type_table *types)
{
	const struct shape **found = calloc(types->count + 1, sizeof(*found));

	for (size_t i = 0; found && i < types->count; i++)
		found[i] = shapes_of(shapes, types->type[i].address);
	return found;
}

/* Whether ob_refcnt may be this. */
static bool is_count(uint64_t count)
{
	return (uint32_t)count && !(count & NO_COUNT);
}

const struct shape *shapes_of_object(struct shapes *shapes, uint64_t object)
{
	uint64_t type, count;

	if (object % WORD || !at(shapes, object, shapes->layout->object.type, &type) ||
		!at(shapes, object, shapes->layout->object.refcnt, &count) || !is_count(count))
		return NULL;
	return shapes_of(shapes, type);
}

const struct shape *shapes_glance(struct shapes *shapes, uint64_t word)
{
	const struct layout *layout = shapes->layout;
	uint64_t type, count, flags;
	ssize_t i;

	if (!memory_glance(shapes->memory, word + (uint64_t)layout->object.type, &type) ||
		!memory_glance(shapes->memory, word + (uint64_t)layout->object.refcnt, &count) || !is_count(count))
		return NULL;
	i = index_find_address(&shapes->index, shapes->known, sizeof(*shapes->known), type);
	if (i >= 0)
		return shapes->known[i].shape;
	/* Where nothing is to be read there is no type, and nothing to be remembered. */
	return memory_glance(shapes->memory, type + (uint64_t)layout->type.flags, &flags) ? shapes_of(shapes, type)
											  : NULL;
}
