// SPDX-License-Identifier: BSD-2-Clause
#include "attributes.h"

#include <string.h>

#include "kind.h"

#define BASES_MOST 100
/* An object with more items than this is none. */
#define ITEMS_MOST (UINT64_C(1) << 32)
/* Things in dicts of classes that are looked at. */
#define ENTRIES_MOST 4096

struct visiting {
	const struct python *python;
	const struct layout *layout;
	struct memory *memory;
	uint64_t object, base; /* the instance, and which of its type's bases has these __slots__ */
	uint64_t looked_at; /* things in dicts of classes */
	pyobject_visit_item *visit;
	void *context;
	bool over; /* visit said so */
};

static bool at(const struct visiting *visiting, uint64_t address, int32_t offset, uint64_t *value)
{
	return memory_u64(visiting->memory, address + (uint64_t)offset, value);
}

static bool visit_one(void *context, uint64_t name, uint64_t value)
{
	struct visiting *visiting = context;

	visiting->over = !visiting->visit(visiting->context, name, value);
	return !visiting->over;
}

uint64_t attributes_items_size(const struct layout *layout, struct memory *memory, uint64_t object, uint64_t itemsize)
{
	uint64_t count;

	if (!memory_u64(memory, object + (uint64_t)layout->member.size, &count))
		return 0;
	/* An int that is negative, to 3.11. */
	if ((int64_t)count < 0)
		count = -count;
	return count > ITEMS_MOST ? 0 : count * itemsize;
}

/* Where an instance has a pointer to its dict (Objects/object.c, _PyObject_GetDictPtr). */
static uint64_t dict_pointer(
	const struct layout *layout, struct memory *memory, uint64_t object, const struct attributes_type *type)
{
	if (type->dictoffset >= 0)
		return object + (uint64_t)type->dictoffset;
	return object +
	       ((type->basicsize + attributes_items_size(layout, memory, object, type->itemsize) + 7) & ~UINT64_C(7)) +
	       (uint64_t)type->dictoffset;
}

bool attributes_find(const struct layout *layout, struct memory *memory, uint64_t object,
	const struct attributes_type *type, struct attributes_place *place)
{
	uint8_t valid = 0;

	*place = (struct attributes_place){0};
	if (layout->attribute.style == VALUES_DICT || !(type->flags & TPFLAGS_MANAGED_DICT))
		return !type->dictoffset ||
		       memory_u64(memory, dict_pointer(layout, memory, object, type), &place->dict);
	if (!memory_u64(memory, object - 24, &place->dict))
		return false;
	switch (layout->attribute.style) {
	case VALUES_POINTERS:
		return memory_u64(memory, object - 32, &place->values);
	case VALUES_TAGGED:
		if (place->dict & 1)
			*place = (struct attributes_place){.values = place->dict + 1};
		return true;
	case VALUES_INLINE:
		if (type->flags & TPFLAGS_INLINE_VALUES &&
			memory_read(memory, object + type->basicsize + 3, &valid, 1) && valid)
			place->values = object + type->basicsize;
		return true;
	case VALUES_DICT:
		break;
	}
	return true;
}

/* An entry of a class's dict: one of its __slots__, or anything. */
static bool visit_slot(void *context, uint64_t name, uint64_t value)
{
	struct visiting *visiting = context;
	const struct layout *layout = visiting->layout;
	uint64_t member, offset, type = pyobject_type(layout, visiting->memory, value), text, object, owner, size;
	uint64_t instance = visiting->object;
	char type_name[32];
	uint32_t kind, flags;

	if (visiting->looked_at++ >= ENTRIES_MOST)
		return false;
	if (!at(visiting, type, layout->type.name, &text) ||
		!read_literal(visiting->memory, text, type_name, sizeof(type_name)) ||
		strcmp(type_name, "member_descriptor") != 0 ||
		!at(visiting, value, layout->attribute.descriptor_member, &member) ||
		!memory_u32(visiting->memory, member + (uint64_t)layout->attribute.member_type, &kind) ||
		(kind != MEMBERDEF_OBJECT_EX && kind != MEMBERDEF_OBJECT) ||
		!memory_u32(visiting->memory, member + (uint64_t)layout->attribute.member_flags, &flags) ||
		!at(visiting, member, layout->attribute.member_offset, &offset) ||
		/* A class may have another's descriptor, which is no use to it. */
		!at(visiting, value, layout->attribute.descriptor_type, &owner) || owner != visiting->base ||
		!at(visiting, visiting->base, layout->type.basicsize, &size) || offset + sizeof(object) > size)
		return true;
	if (flags & MEMBERDEF_AFTER_ITEMS && at(visiting, visiting->base, layout->type.itemsize, &size))
		instance += attributes_items_size(layout, visiting->memory, instance, size);
	if (!at(visiting, instance, (int32_t)offset, &object) || !object)
		return true;
	return visit_one(visiting, name, object);
}

void attributes_visit(const struct python *python, struct memory *memory, uint64_t object, uint64_t type,
	pyobject_visit_item *visit, void *context)
{
	const struct layout *layout = &python->layout;
	struct visiting visiting = {.python = python,
		.layout = layout,
		.memory = memory,
		.object = object,
		.visit = visit,
		.context = context};
	struct attributes_type facts;
	struct attributes_place place;
	uint64_t flags, dict, keys, offset;

	if (!at(&visiting, type, layout->type.flags, &facts.flags) ||
		!at(&visiting, type, layout->type.basicsize, &facts.basicsize) ||
		!at(&visiting, type, layout->type.itemsize, &facts.itemsize) ||
		!at(&visiting, type, layout->attribute.dictoffset, &offset))
		return;
	facts.dictoffset = (int64_t)offset;
	for (uint64_t i = 0, base = type; base && i < BASES_MOST && !visiting.over; i++) {
		if (!at(&visiting, base, layout->type.flags, &flags) || !(flags & TPFLAGS_HEAPTYPE) ||
			kind_of_type_itself(python, memory, base) != OBJECT_OTHER)
			break;
		visiting.base = base;
		if (at(&visiting, base, layout->type.dict, &dict) && dict)
			pyobject_dict_items(layout, memory, dict, visit_slot, &visiting);
		if (!at(&visiting, base, layout->type.base, &base))
			break;
	}
	if (visiting.over || !attributes_find(layout, memory, object, &facts, &place))
		return;
	if (!place.dict && place.values && at(&visiting, type, layout->attribute.cached_keys, &keys))
		pyobject_values_items(layout, memory, keys, place.values, visit_one, &visiting);
	else if (place.dict)
		pyobject_dict_items(layout, memory, place.dict, visit_one, &visiting);
}
