// SPDX-License-Identifier: BSD-2-Clause
#include "referents.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attributes.h"
#include "code.h"
#include "layout.h"
#include "order.h"
#include "pieces.h"
#include "pyobject.h"

#define WORD 8
/* Elements that are read at once. */
#define CHUNK 512
/* A container with more elements than this is cut; its length may be garbage. */
#define ELEMENTS_MOST (UINT64_C(1) << 32)
/* Words of a module's C state. */
#define STATE_MOST (UINT64_C(1) << 16)
/* A frame with more variables and values than this is garbage. */
#define FRAME_MOST (1u << 20)
/* Frames of a stack that no thread runs on. */
#define SUSPENDED_MOST 1000

/* Type objects that something is learned from. */
#define TYPES_MOST 10000

/* Whether a chain of links goes round, which none that is read from must: Brent's cycle detection. */
struct round {
	uint64_t mark; /* a link passed */
	uint64_t steps, limit; /* since then; and when the next one is taken for it */
};

static bool goes_round(struct round *round, uint64_t link)
{
	if (link == round->mark)
		return true;
	if (round->steps++ == round->limit) {
		round->mark = link;
		round->steps = 0;
		round->limit = 2 * round->limit + 1;
	}
	return false;
}

/* One object while it is looked at. */
struct looking {
	struct referents *referents;
	const struct layout *layout;
	struct memory *memory;
	const struct shape *shape;
	uint64_t object;
	referents_visit *visit;
	void *context;
	enum referent_kind kind; /* of what its C struct refers to */
	uint32_t end; /* of that struct, if it is a type of C code: behind it lies something else; else UINT32_MAX */
	uint64_t frame; /* as struct referent has it */
};

static bool at(const struct looking *looking, uint64_t address, int32_t offset, uint64_t *value)
{
	if (memory_u64(looking->memory, address + (uint64_t)offset, value))
		return true;
	looking->referents->unreadable++;
	return false;
}

static bool one(const struct looking *looking, enum referent_way way, uint64_t to, uint64_t index, uint64_t object,
	const char *name)
{
	return !to || looking->visit(looking->context, &(struct referent){.to = to,
							       .object = object,
							       .index = index,
							       .frame = looking->frame,
							       .name = name,
							       .kind = looking->kind,
							       .way = way});
}

/* What is at `count` words from address on, in the order in which they lie. */
static bool array(const struct looking *looking, enum referent_way way, uint64_t address, uint64_t count, uint64_t tags)
{
	uint64_t words[CHUNK];

	if (count > ELEMENTS_MOST)
		count = ELEMENTS_MOST;
	for (uint64_t done = 0; done < count;) {
		size_t piece = count - done < CHUNK ? (size_t)(count - done) : CHUNK;

		if (!memory_read(looking->memory, address + done * WORD, words, piece * WORD)) {
			looking->referents->unreadable++;
			return true;
		}
		for (size_t i = 0; i < piece; i++) {
			/* All tags together tell that it is a number and no address (Py_INT_TAG). */
			uint64_t to = tags && (words[i] & tags) == tags ? 0 : words[i] & ~tags;

			if (!one(looking, way, to, done + i, 0, NULL))
				return false;
		}
		done += piece;
	}
	return true;
}

/* --- C structs --- */

static bool is_object(const struct looking *looking, uint64_t address)
{
	return shapes_of_object(looking->referents->shapes, address) != NULL;
}

static enum referent_kind kind_of_use(const struct looking *looking, enum member_use use)
{
	if (use == MEMBER_HELD && looking->kind == REFERENT_VISITED)
		return REFERENT_HELD;
	return looking->kind;
}

/* What the type calls what is at this address, if that is the frame of a stack that it keeps. */
static const char *frame_name(const struct looking *looking, uint64_t address)
{
	const struct shape *shape =
		looking->shape->frame_name ? shapes_glance(looking->referents->shapes, address) : NULL;

	return shape && shape->kind == OBJECT_FRAME ? looking->shape->frame_name : NULL;
}

/* The words of pieces that a member leads to. */
struct of_member {
	const struct looking *looking;
	const struct shape_word *word;
};

static bool visit_piece(void *context, const struct piece_word *word)
{
	const struct of_member *of = context;
	const struct looking *looking = of->looking;
	const char *frame = frame_name(looking, word->to);

	/* What C code has to find its own object by. */
	if (word->to == looking->object)
		return true;
	if (frame)
		return one(looking, WAY_MEMBER, word->to, 0, 0, frame);
	return looking->visit(looking->context, &(struct referent){.to = word->to,
							.index = word->offset,
							.member = of->word->offset,
							.name = of->word->name,
							.kind = REFERENT_POSSIBLE,
							.way = WAY_PIECE});
}

/* What is no object but memory in which a stack that waits is described. */
static bool words_of_piece(const struct looking *looking, const struct shape_word *word, uint64_t address)
{
	return pieces_words(looking->layout, looking->memory, looking->referents->shapes, address, visit_piece,
		&(struct of_member){looking, word});
}

static bool words(struct looking *looking)
{
	const struct shape *shape = looking->shape;
	enum referent_kind kind = looking->kind;
	bool go_on = true;

	for (size_t i = 0; i < shape->word_count && go_on; i++) {
		const struct shape_word *word = &shape->words[i];
		uint64_t place = looking->object + word->offset, to;

		if (word->offset >= looking->end)
			continue;
		if (word->after_items)
			place += attributes_items_size(
				looking->layout, looking->memory, looking->object, shape->itemsize);
		if (!at(looking, place, 0, &to) || !to)
			continue;
		if (!word->sure && !is_object(looking, to)) {
			if (shape->frame_name)
				go_on = words_of_piece(looking, word, to);
			continue;
		}
		/* Members of a class of Python code are sure, whatever its base is. */
		looking->kind = word->sure ? REFERENT_VISITED : kind_of_use(looking, word->use);
		go_on = one(
			looking, WAY_MEMBER, to, word->offset, 0, word->name ? word->name : frame_name(looking, to));
		looking->kind = kind;
	}
	return go_on;
}

/* The number of entries of an array, and the address of the first; false when there is none. */
static bool find_array(const struct looking *looking, const struct member_array *array, uint64_t base, uint64_t *first,
	uint64_t *count)
{
	uint32_t number;

	if (array->only_if && (!at(looking, base, array->only_if, first) || !*first))
		return false;
	if (array->through && (!at(looking, base, array->through, &base) || !base))
		return false;
	*first = base + array->array;
	if (!array->inside && (!at(looking, *first, 0, first) || !*first))
		return false;
	*count = array->fixed;
	if (array->fixed)
		return true;
	if (!array->count_is_int)
		return at(looking, base, array->count, count) && *count <= ELEMENTS_MOST;
	if (!memory_u32(looking->memory, base + array->count, &number) || (int32_t)number < 0)
		return false;
	*count = number;
	/* One that lies in a struct of a known size ends with it. */
	return !array->inside || array->through || looking->shape->var_sized ||
	       array->array + *count * WORD <= looking->shape->base_size;
}

static bool elements(struct looking *looking, const struct member_array *array, uint64_t base)
{
	uint64_t first, count, place, to, stride = array->stride ? array->stride : WORD;
	enum referent_kind kind = looking->kind;
	bool go_on = true;

	if (!find_array(looking, array, base, &first, &count))
		return true;
	looking->kind = kind_of_use(looking, array->use);
	for (uint64_t i = 0; i < count && go_on; i++) {
		place = first + i * stride;
		if ((array->to_struct && !at(looking, place, 0, &place)) || !at(looking, place, array->within, &to))
			break;
		if (to && is_object(looking, to))
			go_on = one(looking, array->fixed ? WAY_MEMBER : WAY_ITEM, to, i, 0, array->name);
	}
	looking->kind = kind;
	return go_on;
}

static bool arrays(struct looking *looking)
{
	for (size_t i = 0; i < looking->shape->array_count; i++) {
		if (!elements(looking, &looking->shape->arrays[i], looking->object))
			return false;
	}
	return true;
}

/* The words that follow a struct of varying size, which may lead to objects. */
static bool items(const struct looking *looking)
{
	const struct shape *shape = looking->shape;
	uint64_t count, to;

	if (!shape->items || !at(looking, looking->object, looking->layout->member.size, &count))
		return true;
	if ((int64_t)count < 0)
		count = -count;
	for (uint64_t i = 0; i < count && i < ELEMENTS_MOST; i++) {
		uint64_t offset = shape->base_size + i * WORD;

		if (!at(looking, looking->object, (int32_t)offset, &to))
			return true;
		if (to && is_object(looking, to) && !one(looking, WAY_MEMBER, to, offset, 0, NULL))
			return false;
	}
	return true;
}

/* --- dicts --- */

/* To 3.10, only a table that was once asked for a key that is no str has its keys visited (Objects/dictobject.c,
 * lookdict).
 */
static bool keys_are_visited(const struct looking *looking, uint64_t keys, const struct pyobject_entries *entries)
{
	uint64_t lookup;

	if (looking->layout->dict.style == DICT_KEYS_LOG2)
		return entries->general;
	return at(looking, keys, looking->layout->dict.dk_lookup, &lookup) &&
	       lookup == looking->referents->general_lookup;
}

/* Entries of {hash, key, value} or {key, value}. */
static bool combined(
	struct looking *looking, const struct pyobject_entries *entries, bool visits_keys, enum referent_way way)
{
	unsigned char bytes[CHUNK * 24];
	enum referent_kind kind = looking->kind;

	for (uint64_t done = 0; done < entries->count;) {
		size_t piece = entries->count - done < CHUNK ? (size_t)(entries->count - done) : CHUNK;

		if (!memory_read(
			    looking->memory, entries->first + done * entries->size, bytes, piece * entries->size)) {
			looking->referents->unreadable++;
			return true;
		}
		for (size_t i = 0; i < piece; i++) {
			uint64_t pair[2]; /* key, value */

			memcpy(pair, bytes + i * entries->size + entries->key, sizeof(pair));
			if (!pair[0] || !pair[1])
				continue;
			if (!one(looking, way, pair[1], done + i, pair[0], NULL))
				return false;
			looking->kind = visits_keys ? kind : REFERENT_HELD;
			if (!one(looking, WAY_KEY, pair[0], done + i, 0, NULL))
				return false;
			looking->kind = kind;
		}
		done += piece;
	}
	return true;
}

/* An array of values that has its keys elsewhere, shared with others. */
static bool split(const struct looking *looking, uint64_t keys, uint64_t values, enum referent_way way)
{
	struct pyobject_entries entries;

	if (!pyobject_entries(looking->layout, looking->memory, keys, &entries)) {
		looking->referents->unreadable++;
		return true;
	}
	values += (uint64_t)looking->layout->attribute.values_first;
	for (uint64_t i = 0; i < entries.count; i++) {
		uint64_t value, key = 0;

		if (!at(looking, values, (int32_t)(i * WORD), &value))
			return true;
		if (!value)
			continue;
		memory_u64(looking->memory, entries.first + i * entries.size + entries.key, &key);
		if (!one(looking, way, value, i, key, NULL))
			return false;
	}
	return true;
}

/* Whether an instance that has a dict visits that one, and not the values in itself. */
static bool visits_dict_first(const struct looking *looking)
{
	return looking->referents->python->target->version >= looking->layout->attribute.dict_first;
}

/* Objects/dictobject.c, dict_traverse */
static bool dict(struct looking *looking)
{
	const struct layout *layout = looking->layout;
	struct pyobject_entries entries;
	uint64_t keys, values;
	uint8_t embedded = 0;

	if (!at(looking, looking->object, layout->dict.keys, &keys) ||
		!at(looking, looking->object, layout->dict.values, &values))
		return true;
	if (values) {
		/* Values that lie in an instance are its own (struct _dictvalues, embedded), in releases that visit
		 * them there. */
		if (layout->attribute.style == VALUES_INLINE && !visits_dict_first(looking) &&
			(!memory_read(looking->memory, values + 2, &embedded, 1) || embedded))
			return true;
		return split(looking, keys, values, WAY_VALUE);
	}
	if (!pyobject_entries(layout, looking->memory, keys, &entries)) {
		looking->referents->unreadable++;
		return true;
	}
	return combined(looking, &entries, keys_are_visited(looking, keys, &entries), WAY_VALUE);
}

/* Objects/odictobject.c, odict_traverse: the keys of its own chain of nodes, too. */
static bool ordered_dict(struct looking *looking)
{
	struct round round = {0};
	const struct layout *layout = looking->layout;
	uint64_t node, key;

	if (!dict(looking))
		return false;
	if (!at(looking, looking->object, layout->library.ordered_first, &node))
		return true;
	for (uint64_t i = 0; node && !goes_round(&round, node); i++) {
		if (!at(looking, node, layout->library.node_key, &key) || !one(looking, WAY_KEY, key, i, 0, NULL) ||
			!at(looking, node, layout->library.node_next, &node))
			return false;
	}
	return true;
}

/* --- other containers --- */

static bool list(const struct looking *looking)
{
	uint64_t count, address;

	return !at(looking, looking->object, looking->layout->member.size, &count) ||
	       !at(looking, looking->object, looking->layout->member.list_items, &address) ||
	       array(looking, WAY_ITEM, address, count, 0);
}

static bool tuple(struct looking *looking)
{
	const struct shape *shape = looking->shape;
	uint64_t count, first = looking->object + (uint64_t)looking->layout->member.tuple_items;
	enum referent_kind kind = looking->kind;
	bool go_on;

	if (!at(looking, looking->object, looking->layout->member.size, &count))
		return true;
	go_on = array(looking, WAY_ITEM, first, count, 0);
	if (!go_on || shape->tail <= count)
		return go_on;
	looking->kind = kind_of_use(looking, shape->tail_use);
	go_on = array(looking, WAY_ITEM, first + count * WORD, shape->tail - count, 0);
	looking->kind = kind;
	return go_on;
}

/* Objects/setobject.c, set_traverse: a removed element has the hash -1. */
static bool set(const struct looking *looking)
{
	uint64_t mask, table, entries[CHUNK][2]; /* key, hash */

	if (!at(looking, looking->object, looking->layout->member.set_mask, &mask) ||
		!at(looking, looking->object, looking->layout->member.set_table, &table) || mask >= ELEMENTS_MOST)
		return true;
	for (uint64_t done = 0; done <= mask;) {
		size_t piece = mask + 1 - done < CHUNK ? (size_t)(mask + 1 - done) : CHUNK;

		if (!memory_read(
			    looking->memory, table + done * sizeof(entries[0]), entries, piece * sizeof(entries[0]))) {
			looking->referents->unreadable++;
			return true;
		}
		for (size_t i = 0; i < piece; i++) {
			if (entries[i][1] != UINT64_MAX && !one(looking, WAY_ELEMENT, entries[i][0], done + i, 0, NULL))
				return false;
		}
		done += piece;
	}
	return true;
}

/* Modules/_collectionsmodule.c, deque_traverse */
static bool deque(const struct looking *looking)
{
	struct round round = {0};
	const struct layout *layout = looking->layout;
	uint64_t length = (uint64_t)(layout->library.block_next - layout->library.block_items) / WORD;
	uint64_t count, block, index;

	if (!at(looking, looking->object, layout->member.size, &count) ||
		!at(looking, looking->object, layout->library.deque_first, &block) ||
		!at(looking, looking->object, layout->library.deque_index, &index) || index >= length)
		return true;
	for (uint64_t done = 0; done < count && !goes_round(&round, block);) {
		uint64_t piece = length - index < count - done ? length - index : count - done, items[CHUNK];

		if (piece > CHUNK ||
			!memory_read(looking->memory, block + (uint64_t)layout->library.block_items + index * WORD,
				items, piece * WORD)) {
			looking->referents->unreadable++;
			return true;
		}
		for (uint64_t i = 0; i < piece; i++) {
			if (!one(looking, WAY_ITEM, items[i], done + i, 0, NULL))
				return false;
		}
		done += piece;
		index = 0;
		if (done < count && !at(looking, block, layout->library.block_next, &block))
			return true;
	}
	return true;
}

/* What the C code of a module keeps: where, how long, and what the tables of members call it. */
struct module_state {
	uint64_t address, size;
	char type[64];
};

/* Objects/moduleobject.c, module_traverse; false when there is no state that it visits. */
static bool find_state(const struct looking *looking, struct module_state *state)
{
	const struct layout *layout = looking->layout;
	uint64_t from = looking->object, traverse, name;
	char *text;

	if (layout->member.module_def >= 0 &&
		(!at(looking, looking->object, layout->member.module_def, &from) || !from))
		return false;
	if (!at(looking, looking->object, layout->member.module_state, &state->address) ||
		!at(looking, from, layout->member.module_traverse, &traverse) || !traverse ||
		!at(looking, from, layout->member.module_state_size, &state->size))
		return false;
	text = at(looking, looking->object, layout->member.module_name, &name) && name
		       ? pyobject_text(layout, looking->memory, name)
		       : NULL;
	snprintf(state->type, sizeof(state->type), MODULE_STATE "%s", text ? text : "");
	free(text);
	return true;
}

/* One word of it: names, and numbers that happen to be addresses, are not visited, unless it is known that they are. */
static bool state_word(
	struct looking *looking, const struct module_state *state, uint16_t version, uint64_t offset, uint64_t to)
{
	const struct shape *shape = shapes_of_object(looking->referents->shapes, to);
	enum referent_kind kind = looking->kind;
	const struct member *member;
	enum member_use use;
	bool go_on;

	if (!shape)
		return true;
	member = member_find(state->type, version, (uint32_t)offset, NULL);
	use = member						       ? member->use
	      : shape->kind == OBJECT_INT || shape->kind == OBJECT_STR ? MEMBER_HELD
								       : MEMBER_VISITED;
	if (use == MEMBER_BORROWED)
		return true;
	looking->kind = kind_of_use(looking, use);
	go_on = one(looking, WAY_STATE, to, offset, 0, NULL);
	looking->kind = kind;
	return go_on;
}

static bool module(struct looking *looking)
{
	uint16_t version = (uint16_t)(looking->referents->python->target->version >> 8);
	const struct member_array *array = NULL;
	struct module_state state;
	const struct member *type;
	uint64_t to;

	if (!find_state(looking, &state))
		return true;
	/* "module NAME" is the module itself: some visit the type. */
	state.type[sizeof(MODULE_STATE) - 2] = ' ';
	type = member_find(state.type, version, (uint32_t)looking->layout->object.type, NULL);
	if (type && at(looking, looking->object, looking->layout->object.type, &to) &&
		!one(looking, WAY_TYPE, to, 0, 0, NULL))
		return false;
	state.type[sizeof(MODULE_STATE) - 2] = ':';
	if (!state.address)
		return true;
	for (uint64_t i = 0; i < state.size / WORD && i < STATE_MOST; i++) {
		if (!at(looking, state.address, (int32_t)(i * WORD), &to))
			break;
		if (to && !state_word(looking, &state, version, i * WORD, to))
			return false;
	}
	while ((array = member_array_next(state.type, version, array))) {
		if (!elements(looking, array, state.address))
			return false;
	}
	return true;
}

/* lru_cache_tp_traverse: keys and results of a ring of links, and the type of each link, a heap type from 3.10 on. */
static bool lru_cache(const struct looking *looking)
{
	struct round round = {0};
	uint64_t link, key, result, type;
	const struct shape *shape;

	if (!at(looking, looking->object, LRU_NEXT, &link))
		return true;
	for (uint64_t i = 0; link && link != looking->object && !goes_round(&round, link); i++) {
		if (!at(looking, link, LRU_KEY, &key) || !at(looking, link, LRU_KEY + WORD, &result) ||
			!at(looking, link, looking->layout->object.type, &type))
			return true;
		shape = shapes_of(looking->referents->shapes, type);
		if (!one(looking, WAY_ITEM, key, i, 0, NULL) || !one(looking, WAY_ITEM, result, i, 0, NULL) ||
			(shape && shape->flags & TPFLAGS_HEAPTYPE && !one(looking, WAY_TYPE, type, 0, 0, NULL)) ||
			!at(looking, link, LRU_NEXT, &link))
			return false;
	}
	return true;
}

/* To 3.6 it is the links that are visited, as objects. */
static bool lru_links(const struct looking *looking)
{
	struct round round = {0};
	uint64_t link;

	if (!at(looking, looking->object, LRU_NEXT, &link))
		return true;
	for (uint64_t i = 0; link && link != looking->object && !goes_round(&round, link); i++) {
		if (!one(looking, WAY_ITEM, link, i, 0, NULL))
			return false;
		if (!at(looking, link, LRU_NEXT, &link))
			break;
	}
	return true;
}

/* pysqlite_Cache: it holds each node, besides its mapping. */
static bool sqlite_cache(const struct looking *looking)
{
	struct round round = {0};
	uint64_t node;

	if (!at(looking, looking->object, CACHE_FIRST, &node))
		return true;
	for (uint64_t i = 0; node && !goes_round(&round, node); i++) {
		if (!one(looking, WAY_ITEM, node, i, 0, NULL))
			return false;
		if (!at(looking, node, NODE_NEXT, &node))
			break;
	}
	return true;
}

/* element_gc_traverse: text and tail, where they have a tag. */
static bool element(const struct looking *looking)
{
	uint64_t to;

	for (int32_t offset = ELEMENT_TEXT; offset < ELEMENT_EXTRA; offset += WORD) {
		if (at(looking, looking->object, offset, &to) && to & 1 &&
			!one(looking, WAY_MEMBER, to - 1, 0, 0, offset == ELEMENT_TEXT ? "text" : "tail"))
			return false;
	}
	return true;
}

/* numpy's array of one that owns it and is of objects, in the order of memory. */
static bool ndarray(const struct looking *looking)
{
	uint64_t base, type, dimensions, data, length, count = 1;
	uint32_t dimension_count, flags;
	uint8_t kind;

	if (!at(looking, looking->object, NDARRAY_BASE, &base) || base ||
		!at(looking, looking->object, NDARRAY_DESCR, &type) ||
		!memory_read(looking->memory, type + DESCR_KIND, &kind, 1) || kind != DESCR_OF_OBJECTS ||
		!memory_u32(looking->memory, looking->object + NDARRAY_ND, &dimension_count) ||
		!memory_u32(looking->memory, looking->object + NDARRAY_FLAGS, &flags) ||
		!at(looking, looking->object, NDARRAY_DIMENSIONS, &dimensions) ||
		!at(looking, looking->object, NDARRAY_DATA, &data))
		return true;
	for (uint32_t i = 0; i < dimension_count; i++) {
		if (i == NDARRAY_ND_MOST || !at(looking, dimensions, (int32_t)i * WORD, &length) ||
			length > ELEMENTS_MOST || count * length > ELEMENTS_MOST)
			return true;
		count *= length;
	}
	return array(looking, flags & NDARRAY_C_ORDER ? WAY_ITEM : WAY_ELEMENT, data, count, 0);
}

static bool special(const struct looking *looking)
{
	switch (looking->shape->special) {
	case SPECIAL_NDARRAY:
		return ndarray(looking);
	case SPECIAL_LRU_CACHE:
		return lru_cache(looking);
	case SPECIAL_LRU_LINKS:
		return lru_links(looking);
	case SPECIAL_SQLITE_CACHE:
		return sqlite_cache(looking);
	case SPECIAL_ELEMENT:
		return element(looking);
	default:
		return items(looking);
	}
}

/* --- frames --- */

/* Local variables, cells among them, that code has room for (co_nlocalsplus; to 3.10 the sum of three). */
static uint64_t variables(const struct looking *looking, uint64_t code)
{
	const struct layout *layout = looking->layout;
	uint64_t cells, count;
	uint32_t locals = 0;

	if (!memory_u32(looking->memory, code + (uint64_t)layout->code.locals, &locals) || locals > FRAME_MOST)
		return 0;
	count = locals;
	if (layout->code.cellvars >= 0) {
		if (at(looking, code, layout->code.cellvars, &cells) &&
			at(looking, cells, layout->member.size, &cells) && cells <= FRAME_MOST)
			count += cells;
		if (at(looking, code, layout->code.freevars, &cells) &&
			at(looking, cells, layout->member.size, &cells) && cells <= FRAME_MOST)
			count += cells;
	}
	return count;
}

static bool variables_and_values(
	const struct looking *looking, uint64_t first, uint64_t locals, uint64_t count, uint64_t tags)
{
	if (count > FRAME_MOST)
		return true;
	if (locals > count)
		locals = count;
	return array(looking, WAY_LOCAL, first, locals, tags) &&
	       array(looking, WAY_STACK, first + locals * WORD, count - locals, tags);
}

/* What a frame runs on that nobody says the end of: its variables, and then words that may be anything. */
static bool running(struct looking *looking, uint64_t frame, uint64_t code, uint64_t locals)
{
	const struct layout *layout = looking->layout;
	uint64_t first = frame + (uint64_t)layout->frame.locals, to;
	enum referent_kind kind = looking->kind;
	uint32_t values = 0;
	bool go_on = array(looking, WAY_LOCAL, first, locals, layout->frame.code_tag);

	if (!memory_u32(looking->memory, code + (uint64_t)layout->code.stacksize, &values) || values > FRAME_MOST)
		return go_on;
	looking->kind = REFERENT_POSSIBLE;
	for (uint64_t i = 0; i < values && go_on; i++) {
		if (!at(looking, first, (int32_t)((locals + i) * WORD), &to))
			break;
		to &= ~layout->frame.code_tag;
		if (to && is_object(looking, to))
			go_on = one(looking, WAY_STACK, to, i, 0, NULL);
	}
	looking->kind = kind;
	return go_on;
}

/* What Python code calls the frame object, and the code, of what has a frame in it. */
static const struct frame_names {
	const char *frame, *code;
} frame_names = {"frame", "f_code"}, generator_names = {"gi_frame", "gi_code"},
  coroutine_names = {"cr_frame", "cr_code"}, async_generator_names = {"ag_frame", "ag_code"};

/* Objects/frameobject.c, _PyFrame_Traverse (3.11+), in the order of that. */
static bool inner_frame(struct looking *looking, uint64_t frame, bool runs, const struct frame_names *names)
{
	const struct layout *layout = looking->layout;
	uint64_t first = frame + (uint64_t)layout->frame.locals, code, to, end, locals;
	uint32_t count = 0;

	if (!at(looking, frame, layout->frame.object, &to) ||
		(to != looking->object && !one(looking, WAY_MEMBER, to, 0, 0, names->frame)) ||
		!at(looking, frame, layout->frame.names, &to) || !one(looking, WAY_MEMBER, to, 0, 0, "f_locals") ||
		!at(looking, frame, layout->frame.function, &to) ||
		!one(looking, WAY_MEMBER, to & ~layout->frame.code_tag, 0, 0, "function") ||
		!at(looking, frame, layout->frame.code, &code))
		return false;
	code &= ~layout->frame.code_tag;
	if (!one(looking, WAY_MEMBER, code, 0, 0, names->code))
		return false;
	locals = variables(looking, code);
	if (layout->frame.stack_style == STACK_COUNT) {
		memory_u32(looking->memory, frame + (uint64_t)layout->frame.stack, &count);
		if ((int32_t)count < 0)
			return !runs || running(looking, frame, code, locals);
		return variables_and_values(looking, first, locals, count, 0);
	}
	if (runs)
		return running(looking, frame, code, locals);
	if (!at(looking, frame, layout->frame.stack, &end) || end < first)
		return true;
	return variables_and_values(looking, first, locals, (end - first) / WORD, layout->frame.code_tag);
}

/* To 3.10 (Objects/frameobject.c, frame_traverse). Variables are the last member of the struct. */
static bool old_frame(const struct looking *looking)
{
	const struct layout *layout = looking->layout;
	uint64_t first = looking->object + looking->shape->base_size - WORD, values, end, count = 0, code;
	uint32_t depth;

	if (!at(looking, looking->object, layout->frame.code, &code) ||
		!array(looking, WAY_LOCAL, first, variables(looking, code), 0))
		return false;
	if (!at(looking, looking->object, layout->frame.value_stack, &values))
		return true;
	if (layout->frame.stack_style == STACK_DEPTH) {
		if (memory_u32(looking->memory, looking->object + (uint64_t)layout->frame.stack, &depth) &&
			(int32_t)depth > 0)
			count = depth;
	} else if (at(looking, looking->object, layout->frame.stack, &end) && end > values) {
		count = (end - values) / WORD;
	}
	return count > FRAME_MOST || array(looking, WAY_STACK, values, count, 0);
}

bool referents_runs(const struct referents *referents, uint64_t frame)
{
	return referents->running_count &&
	       bsearch(&frame, referents->running, referents->running_count, sizeof(frame), order_u64);
}

/* Whether a frame that a generator owns is under way, as are those that it called. */
static bool generator_runs(const struct referents *referents, uint64_t frame)
{
	const struct layout *layout = &referents->python->layout;
	uint64_t generator = frame - (uint64_t)layout->generator.frame;
	int8_t state;

	return memory_read(referents->memory, generator + (uint64_t)layout->generator.state, &state, 1) &&
	       state == layout->generator.executing;
}

uint64_t referents_suspended(const struct referents *referents, uint64_t object)
{
	const struct layout *layout = &referents->python->layout;
	uint64_t frame;
	uint8_t owner;

	if (layout->generator.frame_object < 0 ||
		!memory_u64(referents->memory, object + (uint64_t)layout->generator.frame_object, &frame) ||
		!memory_read(referents->memory, frame + (uint64_t)layout->frame.owner, &owner, 1) ||
		referents_runs(referents, frame))
		return 0;
	return owner == FRAME_OWNED_BY_THREAD || (owner == FRAME_OWNED_BY_GENERATOR && generator_runs(referents, frame))
		       ? frame
		       : 0;
}

/* The frame, and those of its callers, of a stack that waits. What is on it is held; but who says that it waits? */
static bool suspended(struct looking *looking, uint64_t frame)
{
	const struct layout *layout = looking->layout;
	enum referent_kind kind = looking->kind;
	struct round round = {0};
	bool go_on = true;
	uint64_t code;

	looking->kind = REFERENT_POSSIBLE;
	for (int i = 0; frame && i < SUSPENDED_MOST && go_on && !goes_round(&round, frame); i++) {
		if (referents_runs(looking->referents, frame) || !at(looking, frame, layout->frame.code, &code))
			break;
		looking->frame = frame;
		/* Others are the interpreter's own: between C code and Python (3.12+). */
		if (code_is_code(layout, looking->memory, code & ~layout->frame.code_tag))
			go_on = inner_frame(looking, frame, true, &frame_names);
		if (!at(looking, frame, layout->frame.previous, &frame))
			break;
	}
	looking->frame = 0;
	looking->kind = kind;
	return go_on;
}

static bool frame_object(struct looking *looking)
{
	const struct layout *layout = looking->layout;
	uint64_t frame;
	uint8_t owner;

	if (layout->generator.frame_object < 0)
		return old_frame(looking);
	/* Others own it while it runs. */
	if (!at(looking, looking->object, layout->generator.frame_object, &frame) ||
		!memory_read(looking->memory, frame + (uint64_t)layout->frame.owner, &owner, 1))
		return true;
	if (owner == FRAME_OWNED_BY_FRAME_OBJECT)
		return inner_frame(looking, frame, false, &frame_names);
	return suspended(looking, referents_suspended(looking->referents, looking->object));
}

/* Of one that is over, the code is what stays of the frame, 3.12+. */
static bool code_of_over(struct looking *looking, uint64_t frame, const char *name)
{
	const struct layout *layout = looking->layout;
	enum referent_kind kind = looking->kind;
	uint64_t code;
	bool go_on;

	if (!layout->generator.keeps_code || !at(looking, frame, layout->frame.code, &code))
		return true;
	looking->kind = kind_of_use(looking, layout->generator.visits_code ? MEMBER_VISITED : MEMBER_HELD);
	go_on = one(looking, WAY_MEMBER, code & ~layout->frame.code_tag, 0, 0, name);
	looking->kind = kind;
	return go_on;
}

/* Objects/genobject.c, gen_traverse */
static bool generator(struct looking *looking, const struct frame_names *names)
{
	const struct layout *layout = looking->layout;
	uint64_t frame = looking->object + (uint64_t)layout->generator.frame;
	int8_t state;

	if (layout->generator.frame_object < 0 ||
		!memory_read(looking->memory, looking->object + (uint64_t)layout->generator.state, &state, 1))
		return true;
	if (state >= layout->generator.completed)
		return code_of_over(looking, frame, names->code);
	return inner_frame(looking, frame, false, names);
}

bool referents_of_frame(struct referents *referents, uint64_t frame, bool runs, referents_visit *visit, void *context)
{
	struct looking looking = {.referents = referents,
		.layout = &referents->python->layout,
		.memory = referents->memory,
		.object = frame,
		.visit = visit,
		.context = context};

	return inner_frame(&looking, frame, runs, &frame_names);
}

/* --- instances of classes --- */

/* Objects/dictobject.c, PyObject_VisitManagedDict; 3.11 and older Objects/typeobject.c, subtype_traverse */
static bool attributes(const struct looking *looking)
{
	const struct shape *shape = looking->shape;
	struct attributes_place place;

	if (!shape->managed && !shape->dictoffset)
		return true;
	if (!attributes_find(looking->layout, looking->memory, looking->object,
		    &(struct attributes_type){shape->flags, shape->basicsize, shape->itemsize, shape->dictoffset},
		    &place)) {
		looking->referents->unreadable++;
		return true;
	}
	/* Values in the instance are visited in place of a dict that has them, or the dict is. */
	if (place.values && !(place.dict && visits_dict_first(looking)))
		return split(looking, shape->keys, place.values, WAY_ATTRIBUTE);
	return one(looking, WAY_MEMBER, place.dict, 0, 0, "__dict__");
}

/* --- all of it --- */

static bool contents(struct looking *looking)
{
	switch (looking->shape->kind) {
	case OBJECT_LIST:
		return list(looking);
	case OBJECT_TUPLE:
		return tuple(looking);
	case OBJECT_DICT:
	case OBJECT_DEFAULTDICT:
		return dict(looking);
	case OBJECT_ORDERED_DICT:
		return ordered_dict(looking);
	case OBJECT_SET:
	case OBJECT_FROZENSET:
		return set(looking);
	case OBJECT_DEQUE:
		return deque(looking);
	case OBJECT_MODULE:
		return module(looking);
	case OBJECT_FRAME:
		return frame_object(looking);
	case OBJECT_GENERATOR:
		return generator(looking, &generator_names);
	case OBJECT_COROUTINE:
		return generator(looking, &coroutine_names);
	case OBJECT_ASYNC_GENERATOR:
		return generator(looking, &async_generator_names);
	case OBJECT_TYPE:
		return true;
	default:
		return special(looking);
	}
}

bool referents_of(
	struct referents *referents, uint64_t object, const struct shape *shape, referents_visit *visit, void *context)
{
	struct looking looking = {.referents = referents,
		.layout = &referents->python->layout,
		.memory = referents->memory,
		.shape = shape,
		.object = object,
		.visit = visit,
		.context = context,
		.end = UINT32_MAX};
	uint64_t flags;
	bool held = !shape->has_gc;

	/* Types of C code are not tracked (Objects/typeobject.c, type_is_gc), and no PyHeapTypeObject. */
	if (shape->kind == OBJECT_TYPE && at(&looking, object, looking.layout->type.flags, &flags) &&
		!(flags & TPFLAGS_HEAPTYPE)) {
		held = true;
		looking.end = (uint32_t)looking.layout->type.size;
	}
	looking.kind = held ? REFERENT_HELD : REFERENT_VISITED;
	if (!attributes(&looking))
		return false;
	if (!shape->certain)
		looking.kind = REFERENT_POSSIBLE;
	if (!words(&looking) || !arrays(&looking) || !contents(&looking))
		return false;
	if (shape->type_use == MEMBER_BORROWED)
		return true;
	/* The type is held in any case, whatever the C code visits. */
	looking.kind = held || shape->type_use == MEMBER_HELD ? REFERENT_HELD : REFERENT_VISITED;
	return one(&looking, WAY_TYPE, shape->type, 0, 0, NULL);
}

/* --- what has to be learned --- */

/* Whether this dict has a key that is no str, and so its lookup function is the one for any. */
static bool learn_lookup(struct referents *referents, uint64_t object)
{
	const struct layout *layout = &referents->python->layout;
	struct pyobject_entries entries;
	uint64_t keys, key, flags, lookup;

	if (!memory_u64(referents->memory, object + (uint64_t)layout->dict.keys, &keys) ||
		!pyobject_entries(layout, referents->memory, keys, &entries) || !entries.count ||
		!memory_u64(referents->memory, entries.first + entries.key, &key) || !key ||
		!memory_u64(referents->memory,
			pyobject_type(layout, referents->memory, key) + (uint64_t)layout->type.flags, &flags) ||
		flags & TPFLAGS_UNICODE_SUBCLASS ||
		!memory_u64(referents->memory, keys + (uint64_t)layout->dict.dk_lookup, &lookup))
		return false;
	referents->general_lookup = lookup;
	return true;
}

/* Types of the census whose objects have these bits of tp_flags. */
static bool *types_with(const struct referents *referents, const struct census *census, uint64_t bits)
{
	bool *with = calloc(census->types.count + 1, sizeof(*with));
	uint64_t flags;

	for (size_t i = 0; with && i < census->types.count; i++)
		with[i] = memory_u64(referents->memory,
				  census->types.type[i].address + (uint64_t)referents->python->layout.type.flags,
				  &flags) &&
			  flags & bits;
	return with;
}

static bool learn(struct referents *referents, const struct census *census)
{
	bool *is_type = types_with(referents, census, TPFLAGS_TYPE_SUBCLASS);
	bool *is_dict = types_with(referents, census, TPFLAGS_DICT_SUBCLASS);
	bool wants_lookup = referents->python->layout.dict.style == DICT_KEYS_SIZE;
	uint64_t *types = calloc(TYPES_MOST, sizeof(*types));
	size_t count = 0;

	for (size_t i = 0; is_type && is_dict && types && i < census->count; i++) {
		if (is_type[census->type[i]] && count < TYPES_MOST)
			types[count++] = census->address[i];
		else if (wants_lookup && is_dict[census->type[i]])
			wants_lookup = !learn_lookup(referents, census->address[i]);
	}
	if (is_type && is_dict && types)
		shapes_learn(referents->shapes, types, count);
	free(types);
	free(is_dict);
	free(is_type);
	return is_type && is_dict && types;
}

bool referents_open(
	struct referents *referents, const struct python *python, struct memory *memory, const struct census *census)
{
	*referents = (struct referents){.python = python, .memory = memory, .shapes = shapes_new(python, memory)};
	if (referents->shapes && learn(referents, census))
		return true;
	referents_close(referents);
	return false;
}

void referents_close(struct referents *referents)
{
	shapes_free(referents->shapes);
	free(referents->running);
	free(referents->asked);
	*referents = (struct referents){0};
}
