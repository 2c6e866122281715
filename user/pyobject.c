// SPDX-License-Identifier: BSD-2-Clause
#include "pyobject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A dict with more entries than this is not searched. */
#define DICT_ENTRIES_MOST (1u << 17)
#define DICT_SLOTS_MOST (UINT64_C(1) << 40)
/* A key that is not found after so many slots is not there. */
#define DICT_PROBES_MOST 1000
#define PERTURB_SHIFT 5

/* Kinds of PyDictKeysObject.dk_kind, Include/internal/pycore_dict.h 3.11+. */
#define DK_GENERAL 0
#define DK_MOST 2

struct text {
	uint64_t data; /* address of the first character */
	uint64_t length; /* characters */
	uint32_t width; /* bytes a character */
	bool ascii;
};

uint64_t pyobject_type(const struct layout *layout, struct memory *memory, uint64_t object)
{
	uint64_t type;

	return memory_u64(memory, object + (uint64_t)layout->object.type, &type) ? type : 0;
}

bool pyobject_refcount(
	const struct layout *layout, struct memory *memory, uint64_t object, uint32_t *count, bool *immortal)
{
	if (!memory_u32(memory, object + (uint64_t)layout->object.refcnt, count))
		return false;
	*immortal = layout->habits.immortals && (int32_t)*count < 0;
	return true;
}

static bool text_find(const struct layout *layout, struct memory *memory, uint64_t object, struct text *text)
{
	uint64_t type = pyobject_type(layout, memory, object), flags;
	uint32_t state;

	if (!type || !memory_u64(memory, type + (uint64_t)layout->type.flags, &flags) ||
		!(flags & TPFLAGS_UNICODE_SUBCLASS))
		return false;
	if (!memory_u64(memory, object + (uint64_t)layout->unicode.length, &text->length) ||
		!memory_u32(memory, object + (uint64_t)layout->unicode.state, &state))
		return false;
	text->width = state >> layout->unicode.kind_shift & 7;
	text->ascii = state >> layout->unicode.ascii_shift & 1;
	if (text->width != 1 && text->width != 2 && text->width != 4)
		return false;
	if (!(state >> layout->unicode.compact_shift & 1))
		return memory_u64(memory, object + (uint64_t)layout->unicode.data, &text->data);
	text->data = object + (uint64_t)(text->ascii ? layout->unicode.ascii_data : layout->unicode.compact_data);
	return true;
}

static size_t encode(uint32_t character, char *to)
{
	if (character == 0)
		return (size_t)sprintf(to, "\\x00");
	if ((character >= 0xd800 && character < 0xe000) || character > 0x10ffff)
		return (size_t)sprintf(to, character > 0xffff ? "\\U%08x" : "\\u%04x", character);
	if (character < 0x80) {
		to[0] = (char)character;
		return 1;
	}
	if (character < 0x800) {
		to[0] = (char)(0xc0 | character >> 6);
		to[1] = (char)(0x80 | (character & 0x3f));
		return 2;
	}
	if (character < 0x10000) {
		to[0] = (char)(0xe0 | character >> 12);
		to[1] = (char)(0x80 | (character >> 6 & 0x3f));
		to[2] = (char)(0x80 | (character & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | character >> 18);
	to[1] = (char)(0x80 | (character >> 12 & 0x3f));
	to[2] = (char)(0x80 | (character >> 6 & 0x3f));
	to[3] = (char)(0x80 | (character & 0x3f));
	return 4;
}

/* A character of raw text. */
static uint32_t character_at(const unsigned char *raw, size_t i, uint32_t width)
{
	uint32_t character = 0;

	memcpy(&character, raw + i * width, width); /* little-endian, as all that is supported */
	return character;
}

bool pyobject_characters(const struct layout *layout, struct memory *memory, uint64_t object, uint32_t *characters,
	size_t most, size_t *count, uint64_t *length)
{
	unsigned char raw[512];
	struct text text;

	if (!text_find(layout, memory, object, &text))
		return false;
	*length = text.length;
	*count = text.length < most ? (size_t)text.length : most;
	if (*count * text.width > sizeof(raw))
		*count = sizeof(raw) / text.width;
	if (!memory_read(memory, text.data, raw, *count * text.width))
		return false;
	for (size_t i = 0; i < *count; i++)
		characters[i] = character_at(raw, i, text.width);
	return true;
}

char *pyobject_text(const struct layout *layout, struct memory *memory, uint64_t object)
{
	enum { ENCODED_MOST = 10 };
	struct text text;
	unsigned char *raw;
	char *utf8, *fitting;
	size_t used = 0;

	if (!text_find(layout, memory, object, &text) || text.length > PYOBJECT_STRING_MOST)
		return NULL;
	raw = malloc(text.length * text.width + 1);
	utf8 = malloc(text.length * (text.ascii ? 4 : ENCODED_MOST) + ENCODED_MOST + 1);
	if (!raw || !utf8 || !memory_read(memory, text.data, raw, text.length * text.width)) {
		free(raw);
		free(utf8);
		return NULL;
	}
	for (size_t i = 0; i < text.length; i++) {
		uint32_t character = character_at(raw, i, text.width);

		if (text.ascii && character > 0x7f)
			character = 0xfffd; /* no str of CPython: says it is ASCII and is not */
		used += encode(character, utf8 + used);
	}
	utf8[used] = '\0';
	free(raw);
	fitting = realloc(utf8, used + 1);
	return fitting ? fitting : utf8;
}

bool pyobject_text_is(const struct layout *layout, struct memory *memory, uint64_t object, const char *wanted)
{
	size_t length = strlen(wanted);
	struct text text;
	char bytes[64];

	return length < sizeof(bytes) && text_find(layout, memory, object, &text) && text.ascii &&
	       text.length == length && memory_read(memory, text.data, bytes, length) &&
	       memcmp(bytes, wanted, length) == 0;
}

struct dict_entries {
	uint64_t first; /* address */
	uint64_t count;
	uint64_t room; /* entries that the keys object has place for */
	uint64_t shared; /* values that an instance has place for whose keys these are */
	uint64_t slots; /* of the hash table before them, each the number of an entry, or negative */
	uint32_t width; /* bytes a slot */
	uint32_t size; /* bytes an entry */
	uint32_t key; /* offset of the key; the value follows it */
	bool general; /* dk_kind says so */
};

/* Objects/dictobject.c, USABLE_FRACTION */
static uint64_t usable(uint64_t slots)
{
	return (slots << 1) / 3;
}

static bool keys_entries(
	const struct layout *layout, struct memory *memory, uint64_t keys, struct dict_entries *entries)
{
	if (!keys || !memory_u64(memory, keys + (uint64_t)layout->dict.dk_nentries, &entries->count))
		return false;
	entries->size = 24;
	entries->key = 8;
	entries->general = false;
	if (layout->dict.style == DICT_KEYS_SIZE) {
		uint64_t size;

		if (!memory_u64(memory, keys + (uint64_t)layout->dict.dk_size, &size) || !size ||
			size > DICT_SLOTS_MOST)
			return false;
		/* Objects/dictobject.c, DK_IXSIZE: the narrowest integer that can number the slots. */
		entries->width = size <= 0xff ? 1 : size <= 0xffff ? 2 : 4;
		entries->slots = size;
	} else {
		uint8_t log2[2], kind; /* dk_log2_size, dk_log2_index_bytes */

		if (!memory_read(memory, keys + (uint64_t)layout->dict.dk_size, &log2[0], 1) ||
			!memory_read(memory, keys + (uint64_t)layout->dict.dk_log2_index_bytes, &log2[1], 1) ||
			!memory_read(memory, keys + (uint64_t)layout->dict.dk_kind, &kind, 1) || log2[0] > 40 ||
			log2[1] > 40 || kind > DK_MOST)
			return false;
		entries->slots = UINT64_C(1) << log2[0];
		entries->width = log2[1] >= log2[0] && log2[1] - log2[0] <= 3 ? 1u << (log2[1] - log2[0]) : 0;
		entries->general = kind == DK_GENERAL;
		if (kind != DK_GENERAL) {
			entries->size = 16;
			entries->key = 0;
		}
	}
	entries->room = entries->shared = usable(entries->slots);
	/* 3.11+ keep less room, as much as was asked for (shared_keys_usable_size): dk_usable lies before dk_nentries.
	 */
	if (layout->dict.style == DICT_KEYS_LOG2) {
		if (!memory_u64(
			    memory, keys + (uint64_t)layout->dict.dk_nentries - sizeof(uint64_t), &entries->shared) ||
			entries->shared > entries->room || entries->count > entries->room)
			return false;
		entries->shared += entries->count;
	}
	entries->first = keys + (uint64_t)layout->dict.dk_indices + entries->slots * entries->width;
	return entries->width != 0;
}

bool pyobject_entries(
	const struct layout *layout, struct memory *memory, uint64_t keys, struct pyobject_entries *entries)
{
	struct dict_entries found;

	if (!keys_entries(layout, memory, keys, &found))
		return false;
	*entries = (struct pyobject_entries){.first = found.first,
		.count = found.count < found.room ? found.count : found.room,
		.size = found.size,
		.key = found.key,
		.general = found.general};
	return true;
}

uint64_t pyobject_keys_size(const struct layout *layout, struct memory *memory, uint64_t keys)
{
	struct dict_entries entries;

	return keys_entries(layout, memory, keys, &entries) ? entries.first - keys + entries.room * entries.size : 0;
}

/* Objects/dictobject.c, _PyDict_SizeOf */
uint64_t pyobject_dict_size(const struct layout *layout, struct memory *memory, uint64_t dict, uint64_t basicsize)
{
	uint64_t keys, values, size = basicsize, references;
	struct dict_entries entries;

	if (!memory_u64(memory, dict + (uint64_t)layout->dict.keys, &keys) ||
		!memory_u64(memory, dict + (uint64_t)layout->dict.values, &values) ||
		!keys_entries(layout, memory, keys, &entries) || !memory_u64(memory, keys, &references))
		return UINT64_MAX;
	if (values)
		size += entries.shared * sizeof(values);
	/* Keys that several share are their type's. */
	if (references == 1)
		size += pyobject_keys_size(layout, memory, keys);
	return size;
}

/*
 * Which of the shared keys were set, in the order in which they were (Include/internal/pycore_dict.h,
 * _PyDictValues_AddToInsertionOrder): their number, or -1 where values keep no order of their own (to 3.10).
 */
static int insertion_order(
	const struct layout *layout, struct memory *memory, uint64_t values, unsigned char order[256])
{
	unsigned char head[2], size, backwards[256];

	switch (layout->attribute.style) {
	case VALUES_DICT:
		break;
	case VALUES_POINTERS:
	case VALUES_TAGGED: /* before the values: how many, and backwards before that, which */
		if (!memory_read(memory, values - 2, &size, 1) ||
			!memory_read(memory, values - 2 - size, backwards, size))
			return -1;
		for (int i = 0; i < size; i++)
			order[i] = backwards[size - 1 - i];
		return size;
	case VALUES_INLINE: /* capacity and size first, which behind the values */
		if (!memory_read(memory, values, head, sizeof(head)) ||
			!memory_read(memory, values + (uint64_t)layout->attribute.values_first + 8 * (uint64_t)head[0],
				order, head[1]))
			return -1;
		return head[1];
	}
	return -1;
}

/* values: what a split table or an instance without a dict has, 0: the entries hold them. */
static bool visit_entries(const struct layout *layout, struct memory *memory, uint64_t keys, uint64_t values,
	pyobject_visit_item *visit, void *context, bool *cut)
{
	unsigned char order[256];
	int ordered = values ? insertion_order(layout, memory, values, order) : -1;
	struct dict_entries entries;
	uint64_t count;

	if (!keys_entries(layout, memory, keys, &entries))
		return false;
	count = ordered >= 0 ? (uint64_t)ordered : entries.count < entries.room ? entries.count : entries.room;
	/* Of what has been removed there may be any number. */
	*cut = count > DICT_ENTRIES_MOST;
	if (*cut)
		count = DICT_ENTRIES_MOST;
	if (values)
		values += (uint64_t)layout->attribute.values_first;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t number = ordered >= 0 ? order[i] : i, entry = entries.first + number * entries.size, key,
			 value;

		if (number >= entries.room || !memory_u64(memory, entry + entries.key, &key) ||
			!memory_u64(memory,
				values ? values + number * sizeof(value) : entry + entries.key + sizeof(key), &value))
			return false;
		if (key && value && !visit(context, key, value))
			return true;
	}
	return true;
}

bool pyobject_values_items(const struct layout *layout, struct memory *memory, uint64_t keys, uint64_t values,
	pyobject_visit_item *visit, void *context)
{
	bool cut;

	return visit_entries(layout, memory, keys, values, visit, context, &cut);
}

static bool visit_dict(const struct layout *layout, struct memory *memory, uint64_t dict, pyobject_visit_item *visit,
	void *context, bool *cut)
{
	uint64_t keys, values;

	return memory_u64(memory, dict + (uint64_t)layout->dict.keys, &keys) &&
	       memory_u64(memory, dict + (uint64_t)layout->dict.values, &values) &&
	       visit_entries(layout, memory, keys, values, visit, context, cut);
}

bool pyobject_dict_items(
	const struct layout *layout, struct memory *memory, uint64_t dict, pyobject_visit_item *visit, void *context)
{
	bool cut;

	return visit_dict(layout, memory, dict, visit, context, &cut);
}

/* The number of the entry in a slot; negative: of none. */
static bool read_slot(const struct layout *layout, struct memory *memory, uint64_t keys,
	const struct dict_entries *entries, uint64_t slot, int32_t *number)
{
	unsigned char raw[4] = {0};

	if (!memory_read(memory, keys + (uint64_t)layout->dict.dk_indices + slot * entries->width, raw, entries->width))
		return false;
	if (entries->width == 1)
		*number = (int8_t)raw[0];
	else if (entries->width == 2)
		*number = (int16_t)(raw[0] | raw[1] << 8);
	else
		memcpy(number, raw, sizeof(*number));
	return true;
}

/* Objects/dictobject.c, lookdict */
bool pyobject_dict_find(
	const struct layout *layout, struct memory *memory, uint64_t dict, uint64_t key, uint64_t hash, uint64_t *value)
{
	uint64_t keys, slot = hash, perturb = hash, found;
	struct dict_entries entries;
	int32_t number;

	if (!memory_u64(memory, dict + (uint64_t)layout->dict.keys, &keys) ||
		!keys_entries(layout, memory, keys, &entries) || entries.width > sizeof(number))
		return false;
	for (int i = 0; i < DICT_PROBES_MOST; i++) {
		slot &= entries.slots - 1;
		if (!read_slot(layout, memory, keys, &entries, slot, &number) || number == -1)
			return false;
		if (number >= 0 && (uint64_t)number < entries.room) {
			uint64_t entry = entries.first + (uint64_t)number * entries.size + entries.key;

			if (!memory_u64(memory, entry, &found))
				return false;
			if (found == key)
				return memory_u64(memory, entry + sizeof(key), value) && *value;
		}
		perturb >>= PERTURB_SHIFT;
		slot = slot * 5 + perturb + 1;
	}
	return false;
}

struct wanted {
	const struct layout *layout;
	struct memory *memory;
	const char *key;
	uint64_t *value;
	bool found;
};

static bool is_wanted(void *context, uint64_t key, uint64_t value)
{
	struct wanted *wanted = context;

	wanted->found = pyobject_text_is(wanted->layout, wanted->memory, key, wanted->key);
	if (wanted->found)
		*wanted->value = value;
	return !wanted->found;
}

int pyobject_dict_get(
	const struct layout *layout, struct memory *memory, uint64_t dict, const char *key, uint64_t *value)
{
	struct wanted wanted = {layout, memory, key, value, false};
	bool cut;

	if (!visit_dict(layout, memory, dict, is_wanted, &wanted, &cut) || (cut && !wanted.found))
		return -1;
	return wanted.found;
}

bool pyobject_small_int(const struct layout *layout, struct memory *memory, uint64_t object, uint32_t *value)
{
	uint64_t size;

	if (!memory_u64(memory, object + (uint64_t)layout->integer.size, &size) ||
		!memory_u32(memory, object + (uint64_t)layout->integer.digits, value))
		return false;
	/* lv_tag: digits << 3 | sign (0 positive, 1 zero, 2 negative), Include/internal/pycore_long.h 3.12+. */
	return layout->integer.tagged ? (size >> 3) == 1 && (size & 3) == 0 : size == 1;
}
