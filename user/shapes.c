// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "shapes.h"

#include <stdlib.h>
#include <string.h>

#include "layout.h"

#define BASES_MOST 100
#define WORD 8
/* Structs of C code of more words than this are looked at as far as that. */
#define WORDS_MOST 4096
#define MEMBERS_MOST 1000
#define NAME_MOST 128
/* sizeof(PyMemberDef), Include/structmember.h; its first member is the name. */
#define MEMBERDEF_SIZE 40
/* T_OBJECT, T_OBJECT_EX, Include/structmember.h. */
#define T_OBJECT 6
#define T_OBJECT_EX 16

struct shapes {
	const struct python *python;
	const struct layout *layout;
	struct memory *memory;
	int minor;
	uint64_t subtype_traverse;
	/* Open addressing; an address without a shape is known to be no type. */
	struct slot {
		uint64_t type;
		struct shape *shape;
	} * slots;
	size_t room, used;
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

static bool add_word(struct shape *shape, uint32_t offset, enum member_use use, const char *name, bool sure)
{
	struct shape_word *word;

	for (size_t i = 0; i < shape->word_count; i++) {
		if (shape->words[i].offset == offset)
			return true;
	}
	/* Room for a power of two of words. */
	if (!(shape->word_count & (shape->word_count - 1))) {
		size_t room = shape->word_count ? 2 * shape->word_count : 1;
		void *grown = realloc(shape->words, room * sizeof(*shape->words));

		if (!grown)
			return false;
		shape->words = grown;
	}
	word = &shape->words[shape->word_count];
	*word = (struct shape_word){.offset = offset, .use = use, .sure = sure, .name = name ? strdup(name) : NULL};
	if (name && !word->name)
		return false;
	shape->word_count++;
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
			if (place == offset && (kind == T_OBJECT || kind == T_OBJECT_EX) && *text)
				return text;
		}
		type = field(shapes, type, shapes->layout->type.base);
	}
	return NULL;
}

/* Whatever the struct of a type of C code has from `first` on, up to `end`. */
static bool add_struct_until(const struct shapes *shapes, struct shape *shape, uint32_t first, uint32_t end)
{
	const struct layout *layout = shapes->layout;
	uint64_t weak = field(shapes, shape->base, layout->type.weaklistoffset);
	uint64_t dict = field(shapes, shape->base, layout->attribute.dictoffset);
	char literal[NAME_MOST] = "", text[NAME_MOST];
	uint32_t most = first + WORDS_MOST * WORD;

	if (most > end)
		most = end;
	read_literal(shapes->memory, field(shapes, shape->base, layout->type.name), literal, sizeof(literal));
	for (uint32_t offset = first; offset + WORD <= most; offset += WORD) {
		const char *name;
		enum member_use use = member_use(literal, shapes->minor, offset, &name);

		if (offset == weak || use == MEMBER_BORROWED)
			continue;
		if (!name)
			name = offset == dict ? "__dict__" : published_name(shapes, shape->base, offset, text);
		if (!add_word(shape, offset, use, name, false))
			return false;
	}
	return true;
}

static bool add_struct(const struct shapes *shapes, struct shape *shape, uint32_t first)
{
	return add_struct_until(shapes, shape, first, shape->base_size);
}

/* One word that is known to hold a reference; none where the version has no such. */
static bool add_known(struct shape *shape, int32_t offset, const char *name)
{
	return offset < 0 || add_word(shape, (uint32_t)offset, MEMBER_VISITED, name, true);
}

/* The __slots__ of one class, which lie behind its type object (Objects/typeobject.c, traverse_slots). */
static bool add_slots(const struct shapes *shapes, struct shape *shape, uint64_t class)
{
	const struct layout *layout = shapes->layout;
	uint64_t count = field(shapes, class, layout->member.size), meta = field(shapes, class, layout->object.type);
	uint64_t member = class + field(shapes, meta, layout->type.basicsize), offset;
	char name[NAME_MOST];
	uint32_t kind;

	for (uint64_t i = 0; i < count && i < WORDS_MOST; i++, member += MEMBERDEF_SIZE) {
		if (!read_member(shapes, member, name, &kind, &offset))
			break;
		if (kind == T_OBJECT_EX && offset < UINT32_MAX && offset + WORD <= shape->basicsize &&
			!add_word(shape, (uint32_t)offset, MEMBER_VISITED, name, true))
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
	case OBJECT_LIST:
	case OBJECT_TUPLE:
	case OBJECT_SET:
	case OBJECT_FROZENSET:
	case OBJECT_DEQUE:
	case OBJECT_FRAME:
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
		return add_struct(shapes, shape, first);
	default:
		if (shape->special == SPECIAL_TEE)
			return add_struct_until(shapes, shape, first, TEE_VALUES);
		return add_struct(shapes, shape, first);
	}
}

/* --- one shape --- */

static bool is_class(const struct shapes *shapes, uint64_t type)
{
	return shapes->subtype_traverse &&
	       field(shapes, type, shapes->layout->type.traverse) == shapes->subtype_traverse;
}

static bool add_base(const struct shapes *shapes, struct shape *shape)
{
	const struct layout *layout = shapes->layout;
	char literal[NAME_MOST] = "";
	bool exact, heap;

	shape->base_size = (uint32_t)field(shapes, shape->base, layout->type.basicsize);
	shape->var_sized = field(shapes, shape->base, layout->type.itemsize) != 0;
	shape->items = field(shapes, shape->base, layout->type.itemsize) == WORD;
	shape->kind = kind_of_type(shapes->python, shapes->memory, shape->base, &exact);
	read_literal(shapes->memory, field(shapes, shape->base, layout->type.name), literal, sizeof(literal));
	shape->certain = member_is_cpython(literal);
	shape->special = member_special(literal, shapes->minor);
	if (shape->special == SPECIAL_FROZENDICT)
		shape->kind = OBJECT_DICT;
	heap = field(shapes, shape->base, layout->type.flags) & TPFLAGS_HEAPTYPE;
	if (shape->base != shape->type && (shapes->minor < 9 || !shape->base_traverses || !heap))
		shape->type_use = MEMBER_VISITED;
	else if (!heap)
		shape->type_use = shape->base == shape->type ? MEMBER_BORROWED : MEMBER_HELD;
	else
		shape->type_use = shapes->minor < 9 || !shape->base_traverses
					  ? MEMBER_HELD
					  : member_use(literal, shapes->minor, (uint32_t)layout->object.type, NULL);
	return add_members(shapes, shape);
}

static bool fill(const struct shapes *shapes, struct shape *shape)
{
	const struct layout *layout = shapes->layout;
	uint64_t base = shape->type, own;

	shape->flags = field(shapes, shape->type, layout->type.flags);
	shape->has_gc = shape->flags & TPFLAGS_HAVE_GC;
	shape->basicsize = (uint32_t)field(shapes, shape->type, layout->type.basicsize);
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
	if (shape)
		free(shape->words);
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
		.room = 1024};
	shapes->slots = calloc(shapes->room, sizeof(*shapes->slots));
	if (!shapes->slots) {
		free(shapes);
		return NULL;
	}
	return shapes;
}

void shapes_free(struct shapes *shapes)
{
	if (!shapes)
		return;
	for (size_t i = 0; i < shapes->room; i++)
		shape_free(shapes->slots[i].shape);
	free(shapes->slots);
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

static struct slot *find(struct slot *slots, size_t room, uint64_t type)
{
	size_t i = (size_t)(type * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (room - 1);

	while (slots[i].type && slots[i].type != type)
		i = (i + 1) & (room - 1);
	return &slots[i];
}

static bool make_room(struct shapes *shapes)
{
	size_t room = shapes->room * 2;
	struct slot *slots;

	if (shapes->used * 2 < shapes->room)
		return true;
	slots = calloc(room, sizeof(*slots));
	if (!slots)
		return false;
	for (size_t i = 0; i < shapes->room; i++) {
		if (shapes->slots[i].type)
			*find(slots, room, shapes->slots[i].type) = shapes->slots[i];
	}
	free(shapes->slots);
	shapes->slots = slots;
	shapes->room = room;
	return true;
}

const struct shape *shapes_of(struct shapes *shapes, uint64_t type)
{
	struct slot *slot;

	if (!type || type % WORD)
		return NULL;
	slot = find(shapes->slots, shapes->room, type);
	if (slot->type)
		return slot->shape;
	if (!make_room(shapes))
		return NULL;
	slot = find(shapes->slots, shapes->room, type);
	slot->type = type;
	shapes->used++;
	if (!python_is_type(shapes->python, shapes->memory, type))
		return NULL;
	slot->shape = calloc(1, sizeof(*slot->shape));
	if (!slot->shape)
		return NULL;
	slot->shape->type = type;
	if (!fill(shapes, slot->shape)) {
		shape_free(slot->shape);
		slot->shape = NULL;
	}
	return slot->shape;
}

const struct shape *shapes_of_object(struct shapes *shapes, uint64_t object)
{
	uint64_t type, count;

	if (object % WORD || !at(shapes, object, shapes->layout->object.type, &type) ||
		!at(shapes, object, shapes->layout->object.refcnt, &count) || !(uint32_t)count)
		return NULL;
	return shapes_of(shapes, type);
}
