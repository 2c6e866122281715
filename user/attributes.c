// SPDX-License-Identifier: BSD-2-Clause
#include "attributes.h"

#include <string.h>

#include "kind.h"

/* T_OBJECT, T_OBJECT_EX, Include/structmember.h. */
#define T_OBJECT 6
#define T_OBJECT_EX 16
#define BASES_MOST 100
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

/* An entry of a class's dict: one of its __slots__, or anything. */
static bool visit_slot(void *context, uint64_t name, uint64_t value)
{
	struct visiting *visiting = context;
	const struct layout *layout = visiting->layout;
	uint64_t member, offset, type = pyobject_type(layout, visiting->memory, value), text, object, owner, size;
	char type_name[32];
	uint32_t kind;

	if (visiting->looked_at++ >= ENTRIES_MOST)
		return false;
	if (!at(visiting, type, layout->type.name, &text) ||
		!read_literal(visiting->memory, text, type_name, sizeof(type_name)) ||
		strcmp(type_name, "member_descriptor") != 0 ||
		!at(visiting, value, layout->attribute.descriptor_member, &member) ||
		!memory_u32(visiting->memory, member + (uint64_t)layout->attribute.member_type, &kind) ||
		(kind != T_OBJECT_EX && kind != T_OBJECT) ||
		!at(visiting, member, layout->attribute.member_offset, &offset) ||
		/* A class may have another's descriptor, which is no use to it. */
		!at(visiting, value, layout->attribute.descriptor_type, &owner) || owner != visiting->base ||
		!at(visiting, visiting->base, layout->type.basicsize, &size) || offset + sizeof(object) > size ||
		!at(visiting, visiting->object, (int32_t)offset, &object) || !object)
		return true;
	return visit_one(visiting, name, object);
}

/* Where a type says that its instances have a pointer to their dict; 0: nowhere. */
static uint64_t dict_place(const struct visiting *visiting, uint64_t type)
{
	const struct layout *layout = visiting->layout;
	uint64_t offset, size, item, basic;
	int64_t count;

	if (!at(visiting, type, layout->attribute.dictoffset, &offset) || !offset)
		return 0;
	if ((int64_t)offset > 0)
		return visiting->object + offset;
	/* Counted from the end of an object of varying size (Objects/object.c, _PyObject_GetDictPtr). */
	if (!at(visiting, visiting->object, layout->member.size, &size) ||
		!at(visiting, type, layout->type.itemsize, &item) ||
		!at(visiting, type, layout->type.basicsize, &basic))
		return 0;
	count = (int64_t)size < 0 ? -(int64_t)size : (int64_t)size;
	return visiting->object + ((basic + item * (uint64_t)count + 7) & ~UINT64_C(7)) + offset;
}

/* What stands in for its dict, and the dict if it has one; either may be 0. False when that cannot be read. */
static bool find_dict(const struct visiting *visiting, uint64_t type, uint64_t flags, uint64_t *dict, uint64_t *values)
{
	const struct layout *layout = visiting->layout;
	uint64_t place, basic, object = visiting->object;
	uint8_t valid = 0;

	*dict = *values = 0;
	if (layout->attribute.style == VALUES_DICT || !(flags & TPFLAGS_MANAGED_DICT)) {
		place = dict_place(visiting, type);
		return place && at(visiting, place, 0, dict);
	}
	if (!at(visiting, object - 24, 0, dict))
		return false;
	switch (layout->attribute.style) {
	case VALUES_POINTERS:
		return at(visiting, object - 32, 0, values);
	case VALUES_TAGGED:
		if (*dict & 1) {
			*values = *dict + 1;
			*dict = 0;
		}
		return true;
	case VALUES_INLINE:
		if (!*dict && flags & TPFLAGS_INLINE_VALUES && at(visiting, type, layout->type.basicsize, &basic) &&
			memory_read(visiting->memory, object + basic + 3, &valid, 1) && valid)
			*values = object + basic;
		return true;
	case VALUES_DICT:
		break;
	}
	return true;
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
	uint64_t flags, own, dict, values, keys;

	if (!at(&visiting, type, layout->type.flags, &own))
		return;
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
	if (visiting.over || !find_dict(&visiting, type, own, &dict, &values))
		return;
	if (values && at(&visiting, type, layout->attribute.cached_keys, &keys))
		pyobject_values_items(layout, memory, keys, values, visit_one, &visiting);
	else if (dict)
		pyobject_dict_items(layout, memory, dict, visit_one, &visiting);
}
