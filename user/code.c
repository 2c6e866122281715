// SPDX-License-Identifier: BSD-2-Clause
#include "code.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "pyobject.h"

/* Line tables longer than this many bytes are not read. */
#define TABLE_MOST (1u << 24)
/* Line tables are read in pieces of so many bytes. */
#define TABLE_PIECE 512

#define CODE_UNIT 2 /* bytes */
#define NO_LINE (-1)

static uint64_t address_of(const struct layout *layout, uint64_t code)
{
	return code & ~layout->frame.code_tag;
}

/* PyCode_Type is static in every version, and its name is "code" (Objects/codeobject.c). */
static bool is_code(const struct layout *layout, struct memory *memory, uint64_t code)
{
	static const char wanted[] = "code";
	uint64_t type = pyobject_type(layout, memory, code), flags, name;
	char text[sizeof(wanted)];

	return type && memory_u64(memory, type + (uint64_t)layout->type.flags, &flags) && !(flags & TPFLAGS_HEAPTYPE) &&
	       memory_u64(memory, type + (uint64_t)layout->type.name, &name) &&
	       memory_read(memory, name, text, sizeof(text)) && memcmp(text, wanted, sizeof(text)) == 0;
}

bool code_is_code(const struct layout *layout, struct memory *memory, uint64_t code)
{
	return is_code(layout, memory, address_of(layout, code));
}

static bool read_firstlineno(const struct layout *layout, struct memory *memory, uint64_t code, int32_t *line)
{
	return memory_read(memory, code + (uint64_t)layout->code.firstlineno, line, sizeof(*line));
}

/*
 * Trampolines of 3.12 are made by _Py_MakeShimCode (Objects/codeobject.c). _Py_InitCleanup of 3.13+
 * (Python/specialize.c) is static: its three names are one string, and no compiler numbers lines from 0.
 */
static bool is_shim(const struct layout *layout, struct memory *memory, uint64_t code)
{
	uint64_t filename, name;
	int32_t line;

	if (layout->code.qualname < 0 || !memory_u64(memory, code + (uint64_t)layout->code.filename, &filename) ||
		!memory_u64(memory, code + (uint64_t)layout->code.name, &name) ||
		!read_firstlineno(layout, memory, code, &line))
		return false;
	if (filename == name && line == 0)
		return true;
	return pyobject_text_is(layout, memory, filename, "<shim>") &&
	       pyobject_text_is(layout, memory, name, "<interpreter trampoline>");
}

bool code_is_shim(const struct layout *layout, struct memory *memory, uint64_t code)
{
	code = address_of(layout, code);
	return is_code(layout, memory, code) && is_shim(layout, memory, code);
}

/* The bytes of a line table, one after another. */
struct table {
	struct memory *memory;
	uint64_t address; /* of what comes after the piece */
	uint64_t left; /* bytes there */
	unsigned char piece[TABLE_PIECE];
	size_t used, size; /* of the piece */
};

static bool table_open(struct table *table, const struct layout *layout, struct memory *memory, uint64_t code)
{
	uint64_t bytes;

	*table = (struct table){.memory = memory};
	if (!memory_u64(memory, code + (uint64_t)layout->code.linetable, &bytes) ||
		!memory_u64(memory, bytes + (uint64_t)layout->bytes.length, &table->left))
		return false;
	table->address = bytes + (uint64_t)layout->bytes.data;
	return table->left <= TABLE_MOST;
}

enum next { NEXT_BYTE, NEXT_END, NEXT_FAILED };

static enum next table_next(struct table *table, unsigned int *byte)
{
	if (table->used == table->size) {
		size_t size = table->left < TABLE_PIECE ? table->left : TABLE_PIECE;

		if (!size)
			return NEXT_END;
		if (!memory_read(table->memory, table->address, table->piece, size))
			return NEXT_FAILED;
		table->address += size;
		table->left -= size;
		table->used = 0;
		table->size = size;
	}
	*byte = table->piece[table->used++];
	return NEXT_BYTE;
}

/* A pair of bytes, the second of them signed. What ends within a pair ends before it. */
static enum next table_pair(struct table *table, unsigned int *first, int *second)
{
	enum next next = table_next(table, first);
	unsigned int byte;

	if (next == NEXT_BYTE)
		next = table_next(table, &byte);
	if (next == NEXT_BYTE)
		*second = (signed char)byte;
	return next;
}

/* Objects/lnotab_notes.txt of 3.6-3.9: each pair moves on to where its line begins. */
static bool lnotab_line(struct table *table, int64_t wanted, int64_t *line)
{
	int64_t address = 0;
	unsigned int bytes;
	enum next next;
	int lines;

	while ((next = table_pair(table, &bytes, &lines)) == NEXT_BYTE) {
		address += bytes;
		if (address > wanted)
			return true;
		*line += lines;
	}
	return next == NEXT_END;
}

/* Objects/lnotab_notes.txt of 3.10: each pair is a range, of its own line or (-128) of none. */
static bool ranges_line(struct table *table, int64_t wanted, int64_t *line)
{
	int64_t end = 0, counted = *line;
	unsigned int bytes;
	enum next next;
	int lines;

	while ((next = table_pair(table, &bytes, &lines)) == NEXT_BYTE) {
		end += bytes;
		if (lines != -128)
			counted += lines;
		if (end > wanted) {
			*line = lines == -128 ? NO_LINE : counted;
			return true;
		}
	}
	*line = NO_LINE;
	return next == NEXT_END;
}

/* A signed number in pieces of six bits, the lowest first and its sign in the lowest bit. */
static enum next table_svarint(struct table *table, int64_t *number)
{
	enum { SHIFT_MOST = 30 };
	uint64_t value = 0;
	unsigned int byte = 0;

	for (unsigned int shift = 0; shift <= SHIFT_MOST; shift += 6) {
		enum next next = table_next(table, &byte);

		if (next != NEXT_BYTE)
			return NEXT_FAILED;
		value |= (uint64_t)(byte & 0x3f) << shift;
		if (!(byte & 0x40)) {
			*number = value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
			return NEXT_BYTE;
		}
	}
	return NEXT_FAILED;
}

/* Objects/locations.md (3.11-3.13), InternalDocs/code_objects.md: kinds of entries that are not one byte's columns. */
enum {
	LOCATION_ONE_LINE = 10, /* and 11, 12: as many lines on */
	LOCATION_NO_COLUMNS = 13,
	LOCATION_LONG = 14,
	LOCATION_NONE = 15,
};

/* Each entry begins with a byte whose highest bit is set: kind, and code units less one. No other byte has that bit. */
static bool locations_line(struct table *table, int64_t wanted, int64_t *line)
{
	int64_t end = 0, counted = *line;
	unsigned int byte;
	enum next next;

	*line = NO_LINE;
	next = table_next(table, &byte);
	while (next == NEXT_BYTE) {
		unsigned int kind = byte >> 3 & 0xf;
		int64_t lines = 0;

		if (!(byte & 0x80))
			return false;
		end += CODE_UNIT * ((byte & 7) + 1);
		if (kind == LOCATION_NO_COLUMNS || kind == LOCATION_LONG) {
			if (table_svarint(table, &lines) != NEXT_BYTE)
				return false;
		} else if (kind >= LOCATION_ONE_LINE && kind < LOCATION_NO_COLUMNS) {
			lines = kind - LOCATION_ONE_LINE;
		}
		counted += lines;
		if (end > wanted) {
			*line = kind == LOCATION_NONE ? NO_LINE : counted;
			return true;
		}
		while ((next = table_next(table, &byte)) == NEXT_BYTE && !(byte & 0x80))
			;
	}
	return next == NEXT_END;
}

/* The byte offset that CPython computes from the frame's word: negative in a frame that has not begun. */
static int64_t offset_of(const struct layout *layout, uint64_t code, uint64_t instruction)
{
	switch (layout->frame.style) {
	case FRAME_LASTI_BYTES:
		return (int32_t)(uint32_t)instruction;
	case FRAME_LASTI_UNITS:
		return CODE_UNIT * (int64_t)(int32_t)(uint32_t)instruction;
	case FRAME_POINTER:
		break;
	}
	return (int64_t)(instruction - (code + (uint64_t)layout->code.first_instruction));
}

/* PyCode_Addr2Line (Objects/codeobject.c). */
static bool line_of(
	const struct layout *layout, struct memory *memory, uint64_t code, int64_t offset, unsigned int *number)
{
	struct table table;
	int32_t first;
	int64_t line;
	bool fits = false;

	if (!read_firstlineno(layout, memory, code, &first) || !table_open(&table, layout, memory, code))
		return false;
	line = first;
	switch (layout->code.style) {
	case LINES_LNOTAB:
		fits = offset < 0 || lnotab_line(&table, offset, &line);
		break;
	case LINES_RANGES:
		fits = offset < 0 || ranges_line(&table, offset, &line);
		break;
	case LINES_LOCATIONS:
		fits = offset < 0 || locations_line(&table, offset, &line);
		break;
	}
	*number = line > 0 && line <= INT_MAX ? (unsigned int)line : 0;
	return fits;
}

/* The text of a str that a member points at, cut where it is too long and a character begins. */
static char *text_at(const struct layout *layout, struct memory *memory, uint64_t address)
{
	static const char cut[] = "...";
	uint64_t object;
	char *text;

	if (!memory_u64(memory, address, &object))
		return NULL;
	text = pyobject_text(layout, memory, object);
	if (text && strlen(text) > CODE_TEXT_MOST) {
		size_t end = CODE_TEXT_MOST - (sizeof(cut) - 1);

		while (end && (text[end] & 0xc0) == 0x80)
			end--;
		memcpy(text + end, cut, sizeof(cut));
	}
	return text;
}

bool code_position(const struct layout *layout, struct memory *memory, uint64_t code, uint64_t instruction,
	struct code_position *position)
{
	int32_t name = layout->code.qualname >= 0 ? layout->code.qualname : layout->code.name;

	*position = (struct code_position){0};
	code = address_of(layout, code);
	if (!is_code(layout, memory, code) || is_shim(layout, memory, code) ||
		!line_of(layout, memory, code, offset_of(layout, code, instruction), &position->line)) {
		position->line = 0;
		return false;
	}
	position->file = text_at(layout, memory, code + (uint64_t)layout->code.filename);
	position->function = text_at(layout, memory, code + (uint64_t)name);
	if (position->file && position->function)
		return true;
	code_position_free(position);
	return false;
}

void code_position_free(struct code_position *position)
{
	free(position->file);
	free(position->function);
	*position = (struct code_position){0};
}
