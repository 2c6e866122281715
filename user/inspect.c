// SPDX-License-Identifier: BSD-2-Clause
#include "inspect.h"

#include <stdlib.h>
#include <string.h>

#include "code.h"
#include "describe.h"
#include "kind.h"
#include "list.h"
#include "pyobject.h"

#define BASES_MOST 100
/* No object is larger: a sum beyond is of bytes that mean something else. */
#define SIZE_MOST (UINT64_C(1) << 46) /* so many times 16 is no overflow */
#define POINTER 8

struct sized {
	const struct python *python;
	const struct layout *layout;
	struct memory *memory;
	uint64_t object, type, flags;
	enum object_kind kind;
};

static bool at(const struct sized *sized, uint64_t address, int32_t offset, uint64_t *value)
{
	return memory_u64(sized->memory, address + (uint64_t)offset, value);
}

/* A number that is part of a size; one that is none is too large, and so is what is made of it. */
static uint64_t field(const struct sized *sized, uint64_t address, int32_t offset)
{
	uint64_t value;

	return at(sized, address, offset, &value) && value < SIZE_MOST ? value : SIZE_MOST;
}

static uint64_t address_at(const struct sized *sized, uint64_t address, int32_t offset)
{
	uint64_t value;

	return at(sized, address, offset, &value) ? value : 0;
}

static uint64_t bounded(uint64_t value)
{
	return value < SIZE_MOST ? value : SIZE_MOST;
}

static uint64_t basicsize(const struct sized *sized)
{
	return field(sized, sized->type, sized->layout->type.basicsize);
}

/*
 * Whether a class of Python code, or a type of C code, brings a __sizeof__ of its own, before the kind's type or
 * object. Where a type shows no dict (builtin ones from 3.12 on), it is not known.
 */
static bool has_own_size(const struct sized *sized)
{
	uint64_t mro, count, type, dict, value;

	if (!at(sized, sized->type, sized->layout->type.mro, &mro) ||
		!at(sized, mro, sized->layout->member.size, &count))
		return true;
	for (uint64_t i = 0; i < count && i < BASES_MOST; i++) {
		if (!at(sized, mro + i * POINTER, sized->layout->member.tuple_items, &type))
			return true;
		if (kind_of_type_itself(sized->python, sized->memory, type) != OBJECT_OTHER)
			return false;
		/* No exception of C code has one. */
		if (sized->kind == OBJECT_EXCEPTION && !type_is_heap(sized->python, sized->memory, type))
			return false;
		if (!at(sized, type, sized->layout->type.dict, &dict) || !dict ||
			pyobject_dict_get(sized->layout, sized->memory, dict, "__sizeof__", &value) != 0)
			return true;
	}
	return true;
}

/* object.__sizeof__ (Objects/typeobject.c) */
static uint64_t generic_size(const struct sized *sized)
{
	uint64_t item = field(sized, sized->type, sized->layout->type.itemsize), size = basicsize(sized), count;

	if (item && at(sized, sized->object, sized->layout->member.size, &count))
		size += item * bounded((int64_t)count < 0 ? 0 - count : count);
	return size;
}

/* Objects/unicodeobject.c, unicode_sizeof_impl */
static uint64_t str_size(const struct sized *sized)
{
	const struct layout *layout = sized->layout;
	uint64_t length = field(sized, sized->object, layout->unicode.length), size, data, utf8, wide;
	uint32_t state, width;
	bool ascii, compact;

	if (!memory_u32(sized->memory, sized->object + (uint64_t)layout->unicode.state, &state))
		return SIZE_MOST;
	width = state >> layout->unicode.kind_shift & 7;
	ascii = state >> layout->unicode.ascii_shift & 1;
	compact = state >> layout->unicode.compact_shift & 1;
	size = (uint64_t)(!compact ? layout->unicode.data + POINTER
			  : ascii  ? layout->unicode.ascii_data
				   : layout->unicode.compact_data) +
	       (length + 1) * width;
	data = compact ? sized->object + (uint64_t)(ascii ? layout->unicode.ascii_data : layout->unicode.compact_data)
		       : address_at(sized, sized->object, layout->unicode.data);
	/* Copies in other encodings, once somebody asked for them. */
	if (!(compact && ascii)) {
		utf8 = address_at(sized, sized->object, layout->unicode.utf8);
		if (utf8 && utf8 != data)
			size += field(sized, sized->object, layout->unicode.utf8_length) + 1;
	}
	if (layout->unicode.wstr >= 0) {
		wide = address_at(sized, sized->object, layout->unicode.wstr);
		if (wide && wide != data)
			size += 4 * ((compact && ascii ? length
						       : field(sized, sized->object, layout->unicode.wstr_length)) +
					    1);
	}
	return size;
}

/* Objects/longobject.c, int___sizeof___impl */
static uint64_t int_size(const struct sized *sized)
{
	const struct layout *layout = sized->layout;
	uint64_t size = address_at(sized, sized->object, layout->integer.size), count;

	count = bounded(layout->integer.tagged ? size >> 3 : (int64_t)size < 0 ? 0 - size : size);
	if (count < (uint64_t)layout->integer.digits_least)
		count = (uint64_t)layout->integer.digits_least;
	return (layout->integer.tagged ? basicsize(sized) : (uint64_t)layout->integer.digits) + 4 * count;
}

/* Objects/typeobject.c, type___sizeof___impl */
static uint64_t class_size(const struct sized *sized)
{
	uint64_t flags = address_at(sized, sized->object, sized->layout->type.flags), keys;

	if (!(flags & TPFLAGS_HEAPTYPE))
		return (uint64_t)sized->layout->type.size;
	keys = address_at(sized, sized->object, sized->layout->attribute.cached_keys);
	return (uint64_t)sized->layout->type.heap_size +
	       (keys ? pyobject_keys_size(sized->layout, sized->memory, keys) : 0);
}

static uint64_t set_size(const struct sized *sized)
{
	uint64_t table = address_at(sized, sized->object, sized->layout->member.set_table);
	uint64_t slots = field(sized, sized->object, sized->layout->member.set_mask) + 1;
	bool inside = table == sized->object + (uint64_t)sized->layout->member.set_small;

	return basicsize(sized) + (inside ? 0 : slots * 16);
}

static uint64_t bytearray_size(const struct sized *sized)
{
	uint64_t allocated = field(sized, sized->object, sized->layout->member.bytearray_allocated);

	return basicsize(sized) + allocated + (allocated ? (uint64_t)sized->layout->member.bytearray_extra : 0);
}

/* Modules/_collectionsmodule.c, deque_sizeof: blocks that are kept to be used again do not count. */
static uint64_t deque_size(const struct sized *sized)
{
	const struct layout *layout = sized->layout;
	uint64_t length = (uint64_t)(layout->library.block_next - layout->library.block_items) / POINTER;
	uint64_t used = field(sized, sized->object, layout->library.deque_index) +
			field(sized, sized->object, layout->member.size);

	return basicsize(sized) + bounded((used + length - 1) / length * (uint64_t)layout->library.block_size);
}

/* Objects/odictobject.c, odict_sizeof */
static uint64_t ordered_size(const struct sized *sized)
{
	const struct layout *layout = sized->layout;
	uint64_t size = pyobject_dict_size(layout, sized->memory, sized->object, basicsize(sized));

	if (size >= SIZE_MOST)
		return SIZE_MOST;
	size += POINTER * field(sized, sized->object, layout->library.ordered_slots);
	if (address_at(sized, sized->object, layout->library.ordered_first))
		size += (uint64_t)layout->library.node_size * field(sized, sized->object, layout->dict.used);
	return size;
}

/* Modules/arraymodule.c, array_array___sizeof___impl */
static uint64_t array_size(const struct sized *sized)
{
	const struct layout *layout = sized->layout;
	uint64_t descr = address_at(sized, sized->object, layout->library.array_descr);
	uint32_t itemsize;

	if (!memory_u32(sized->memory, descr + (uint64_t)layout->library.descr_itemsize, &itemsize) || itemsize > 16)
		return SIZE_MOST;
	return basicsize(sized) + itemsize * field(sized, sized->object, layout->library.array_allocated);
}

static uint64_t integer(const struct sized *sized, uint64_t address, int32_t offset)
{
	uint32_t value;

	return memory_u32(sized->memory, address + (uint64_t)offset, &value) && value <= INT32_MAX ? value : SIZE_MOST;
}

/* Objects/codeobject.c, code_sizeof */
static uint64_t code_size(const struct sized *sized)
{
	const struct layout *layout = sized->layout;
	uint64_t size = (generic_size(sized) + 7) & ~UINT64_C(7), cells, extra;
	uint8_t cached;

	if (layout->code.cell2arg >= 0 && address_at(sized, sized->object, layout->code.cell2arg)) {
		cells = address_at(sized, sized->object, layout->code.cellvars);
		size += cells ? POINTER * field(sized, cells, layout->member.size) : 0;
	}
	extra = address_at(sized, sized->object, layout->code.extra);
	if (extra)
		size += (uint64_t)layout->code.extra_head + POINTER * field(sized, extra, 0);
	if (layout->code.opcache < 0 || !address_at(sized, sized->object, layout->code.opcache))
		return size;
	if (!memory_read(sized->memory, sized->object + (uint64_t)layout->code.opcache_length, &cached, 1))
		return SIZE_MOST;
	return size + (uint64_t)cached * (uint64_t)layout->code.opcache_entry +
	       field(sized, address_at(sized, sized->object, layout->code.bytecode), layout->bytes.length) / 2;
}

/* How many words of a frame are the variables and the stack of this code (frame_sizeof,
 * _PyFrame_NumSlotsForCodeObject). */
static uint64_t frame_slots(const struct sized *sized, uint64_t code)
{
	const struct layout *layout = sized->layout;
	uint64_t slots, head;

	if (layout->code.framesize >= 0) {
		slots = integer(sized, code, layout->code.framesize);
		head = (uint64_t)layout->frame.locals / POINTER;
		return slots >= head ? slots - head : SIZE_MOST;
	}
	slots = integer(sized, code, layout->code.locals) + integer(sized, code, layout->code.stacksize);
	if (layout->code.cellvars >= 0)
		slots += field(sized, address_at(sized, code, layout->code.cellvars), layout->member.size) +
			 field(sized, address_at(sized, code, layout->code.freevars), layout->member.size);
	return slots;
}

/* Objects/frameobject.c, frame_sizeof. To 3.10, one of the slots is within the type's size. */
static uint64_t frame_size(const struct sized *sized)
{
	const struct layout *layout = sized->layout;
	uint64_t frame = sized->object, code;

	if (layout->generator.frame_object >= 0)
		frame = address_at(sized, frame, layout->generator.frame_object);
	code = address_at(sized, frame, layout->frame.code);
	if (!code_is_code(layout, sized->memory, code))
		return SIZE_MOST;
	return basicsize(sized) + POINTER * bounded(frame_slots(sized, code & ~layout->frame.code_tag)) -
	       (layout->generator.frame_object >= 0 ? 0 : POINTER);
}

/* Objects/genobject.c, gen_sizeof, where a generator has its frame inside: which keeps its code when it is over */
static uint64_t generator_size(const struct sized *sized)
{
	const struct layout *layout = sized->layout;
	uint64_t code;

	if (layout->generator.state < 0)
		return generic_size(sized);
	code = address_at(sized, sized->object + (uint64_t)layout->generator.frame, layout->frame.code);
	if (!code_is_code(layout, sized->memory, code))
		return SIZE_MOST;
	return basicsize(sized) + POINTER * bounded(frame_slots(sized, code & ~layout->frame.code_tag));
}

static uint64_t own_size(const struct sized *sized)
{
	const struct layout *layout = sized->layout;

	if (has_own_size(sized))
		return INSPECT_SIZE_UNKNOWN;
	switch (sized->kind) {
	case OBJECT_CODE:
		return code_size(sized);
	case OBJECT_FRAME:
		return frame_size(sized);
	case OBJECT_GENERATOR:
	case OBJECT_COROUTINE:
	case OBJECT_ASYNC_GENERATOR:
		return generator_size(sized);
	case OBJECT_STR:
		return str_size(sized);
	case OBJECT_BOOL:
	case OBJECT_INT:
		return int_size(sized);
	case OBJECT_TYPE:
		return class_size(sized);
	case OBJECT_LIST:
		return basicsize(sized) + POINTER * field(sized, sized->object, layout->member.list_allocated);
	case OBJECT_BYTEARRAY:
		return bytearray_size(sized);
	case OBJECT_SET:
	case OBJECT_FROZENSET:
		return set_size(sized);
	case OBJECT_DEQUE:
		return deque_size(sized);
	case OBJECT_ORDERED_DICT:
		return ordered_size(sized);
	case OBJECT_ARRAY:
		return array_size(sized);
	case OBJECT_DICT:
	case OBJECT_DEFAULTDICT:
		return pyobject_dict_size(layout, sized->memory, sized->object, basicsize(sized));
	default:
		return generic_size(sized);
	}
}

/* What lies before the object: sys.getsizeof() adds it (Python/sysmodule.c). */
static uint64_t size_before(const struct sized *sized)
{
	uint64_t size = 0, flags;

	if (sized->flags & TPFLAGS_HAVE_GC)
		size += (uint64_t)sized->layout->gc_head.size;
	/* Types that are static are not tracked (Objects/typeobject.c, type_is_gc); 3.11 and 3.12 do not look. */
	if (sized->layout->attribute.style != VALUES_POINTERS && sized->layout->attribute.style != VALUES_TAGGED &&
		sized->kind == OBJECT_TYPE && at(sized, sized->object, sized->layout->type.flags, &flags) &&
		!(flags & TPFLAGS_HEAPTYPE))
		size = 0;
	if (sized->layout->attribute.style != VALUES_DICT &&
		sized->flags & (TPFLAGS_MANAGED_DICT | TPFLAGS_MANAGED_WEAKREF))
		size += 2 * POINTER;
	return size;
}

int inspect_read(const struct python *python, struct memory *memory, struct inspected *inspected)
{
	struct sized sized = {
		.python = python, .layout = &python->layout, .memory = memory, .object = inspected->address};
	bool exact;

	type_name_free(&inspected->type);
	free(inspected->repr);
	free(inspected->referents);
	free(inspected->possible);
	free(inspected->held);
	*inspected = (struct inspected){.address = inspected->address, .generation = -1};
	sized.type = pyobject_type(sized.layout, memory, sized.object);
	if (!sized.type || inspected->address % POINTER || !python_has_instances(python, memory, sized.type) ||
		!at(&sized, sized.type, sized.layout->type.flags, &sized.flags) ||
		!pyobject_refcount(sized.layout, memory, sized.object, &inspected->refcount, &inspected->immortal) ||
		!inspected->refcount)
		return 0;
	inspected->is_object = true;
	sized.kind = kind_of_type(python, memory, sized.type, &exact);
	inspected->size = own_size(&sized);
	if (inspected->size != INSPECT_SIZE_UNKNOWN)
		inspected->size =
			inspected->size < SIZE_MOST ? inspected->size + size_before(&sized) : INSPECT_SIZE_UNKNOWN;
	typeresolve(python, memory, sized.type, &inspected->type);
	inspected->repr = describe(python, memory, inspected->address);
	return inspected->type.name && inspected->repr ? 0 : -1;
}

struct gathered {
	struct inspected *inspected;
	bool failed;
};

static bool add_address(uint64_t **list, size_t *count, uint64_t address)
{
	if (!list_make_room((void **)list, *count, sizeof(**list)))
		return false;
	(*list)[(*count)++] = address;
	return true;
}

static bool gather(void *context, const struct referent *referent)
{
	struct gathered *gathered = context;
	struct inspected *inspected = gathered->inspected;

	if (referent->kind == REFERENT_VISITED)
		gathered->failed = !add_address(&inspected->referents, &inspected->referent_count, referent->to);
	else if (referent->kind == REFERENT_HELD)
		gathered->failed = !add_address(&inspected->held, &inspected->held_count, referent->to);
	else
		gathered->failed = !add_address(&inspected->possible, &inspected->possible_count, referent->to);
	return !gathered->failed;
}

int inspect_referents(struct referents *referents, struct inspected *inspected)
{
	const struct shape *shape = shapes_of_object(referents->shapes, inspected->address);
	struct gathered gathered = {inspected, false};

	if (shape)
		referents_of(referents, inspected->address, shape, gather, &gathered);
	return gathered.failed ? -1 : 0;
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = (*(struct inspected *const *)a)->address, y = (*(struct inspected *const *)b)->address;

	return (x > y) - (x < y);
}

int inspect_place(struct inspected *inspected, size_t count, const struct census *census)
{
	struct inspected **sorted = calloc(count + 1, sizeof(struct inspected *)), one, *key = &one;

	if (!sorted)
		return -1;
	for (size_t i = 0; i < count; i++)
		sorted[i] = &inspected[i];
	if (count)
		qsort(sorted, count, sizeof(*sorted), by_address);
	for (size_t i = 0; i < census->segment_count && count; i++) {
		const struct census_segment *segment = &census->segments[i];
		bool frozen = segment->generation == GENERATION_PERMANENT;

		for (size_t k = segment->first; k < segment->first + segment->count; k++) {
			struct inspected **found;

			one.address = census->address[k];
			found = bsearch(&key, sorted, count, sizeof(*sorted), by_address);
			if (!found)
				continue;
			/* An address may have been asked for more than once. */
			while (found > sorted && found[-1]->address == one.address)
				found--;
			for (; found < sorted + count && (*found)->address == one.address; found++) {
				(*found)->frozen = frozen;
				(*found)->generation = frozen ? -1 : segment->generation;
			}
		}
	}
	free(sorted);
	return 0;
}

void inspect_free(struct inspected *inspected, size_t count)
{
	for (size_t i = 0; inspected && i < count; i++) {
		type_name_free(&inspected[i].type);
		free(inspected[i].repr);
		free(inspected[i].referents);
		free(inspected[i].possible);
		free(inspected[i].held);
	}
	free(inspected);
}
