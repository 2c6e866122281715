// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "describe.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "code.h"
#include "describe_writer.h"
#include "pyobject.h"
#include "typeresolve.h"

/* T_OBJECT, T_OBJECT_EX, Include/structmember.h. */
#define T_OBJECT 6
#define T_OBJECT_EX 16

#define BASES_MOST 100
#define NAME_MOST 256
/* Longer than any name of the kinds. */
#define LITERAL_MOST 64
/* Slots of a set that are looked at. */
#define SLOTS_MOST 4096
/* Digits of base 2**30 that are turned into decimal ones. */
#define DIGITS_MOST 512
#define DIGITS_AT_END 10

/* --- kinds --- */

static const struct {
	const char *name; /* tp_name of a static type */
	enum object_kind kind;
} kinds[] = {
	{"object", OBJECT_PLAIN},
	{"NoneType", OBJECT_NONE},
	{"NotImplementedType", OBJECT_NOT_IMPLEMENTED},
	{"ellipsis", OBJECT_ELLIPSIS},
	{"bool", OBJECT_BOOL},
	{"int", OBJECT_INT},
	{"float", OBJECT_FLOAT},
	{"complex", OBJECT_COMPLEX},
	{"str", OBJECT_STR},
	{"bytes", OBJECT_BYTES},
	{"bytearray", OBJECT_BYTEARRAY},
	{"list", OBJECT_LIST},
	{"tuple", OBJECT_TUPLE},
	{"dict", OBJECT_DICT},
	{"set", OBJECT_SET},
	{"frozenset", OBJECT_FROZENSET},
	{"function", OBJECT_FUNCTION},
	{"method", OBJECT_METHOD},
	{"builtin_function_or_method", OBJECT_BUILTIN},
	{"module", OBJECT_MODULE},
	{"type", OBJECT_TYPE},
	{"code", OBJECT_CODE},
	{"cell", OBJECT_CELL},
	{"weakref", OBJECT_WEAKREF},
	{"weakref.ReferenceType", OBJECT_WEAKREF}, /* 3.13+ */
	{"BaseException", OBJECT_EXCEPTION},
	{"generator", OBJECT_GENERATOR},
	{"coroutine", OBJECT_COROUTINE},
	{"async_generator", OBJECT_ASYNC_GENERATOR},
	{"frame", OBJECT_FRAME},
	{"range", OBJECT_RANGE},
	{"slice", OBJECT_SLICE},
	{"property", OBJECT_PROPERTY},
	{"mappingproxy", OBJECT_MAPPING_PROXY},
	{"types.SimpleNamespace", OBJECT_NAMESPACE},
	{"weakproxy", OBJECT_WEAKPROXY},
	{"weakcallableproxy", OBJECT_WEAKPROXY},
	{"weakref.ProxyType", OBJECT_WEAKPROXY}, /* 3.10+ */
	{"weakref.CallableProxyType", OBJECT_WEAKPROXY},
	{"enumerate", OBJECT_ENUMERATE},
	{"zip", OBJECT_ZIP},
	{"map", OBJECT_MAP},
};

/* Builtin types without a __sizeof__, of whose objects nothing is shown but where they are. */
static const char *const plain[] = {
	"filter",
	"reversed",
	"iterator",
	"callable_iterator",
	"list_iterator",
	"list_reverseiterator",
	"tuple_iterator",
	"str_iterator",
	"str_ascii_iterator",
	"bytes_iterator",
	"bytearray_iterator",
	"range_iterator",
	"longrange_iterator",
	"set_iterator",
	"dict_keys",
	"dict_values",
	"dict_items",
	"dict_keyiterator",
	"dict_valueiterator",
	"dict_itemiterator",
	"method-wrapper",
	"method_descriptor",
	"wrapper_descriptor",
	"classmethod_descriptor",
	"getset_descriptor",
	"member_descriptor",
	"staticmethod",
	"classmethod",
	"super",
	"traceback",
};

/*
 * Types of the library's C modules became heap types, one module after another (3.9+). A heap type that is immutable is
 * of C code all the same: no class statement makes one (Objects/typeobject.c, type_new_alloc).
 */
static const struct {
	const char *name; /* tp_name */
	enum object_kind kind;
	size_t size; /* the field of struct layout with its tp_basicsize */
} library_kinds[] = {
	{"collections.deque", OBJECT_DEQUE, offsetof(struct layout, library.deque_size)},
	{"collections.defaultdict", OBJECT_DEFAULTDICT, offsetof(struct layout, library.defaultdict_size)},
	{"collections.OrderedDict", OBJECT_ORDERED_DICT, offsetof(struct layout, library.ordered_size)},
	{"array.array", OBJECT_ARRAY, offsetof(struct layout, library.array_size)},
	{"functools.partial", OBJECT_PARTIAL, offsetof(struct layout, library.partial_size)},
};

/* A NUL-terminated literal of C code; false when it is longer than there is room. */
static bool read_literal(struct memory *memory, uint64_t address, char *text, size_t size)
{
	for (size_t length = 0; length < size;) {
		size_t piece = MEMORY_PAGE_SIZE - ((address + length) & (MEMORY_PAGE_SIZE - 1));

		if (piece > size - length)
			piece = size - length;
		if (!memory_read(memory, address + length, text + length, piece))
			return false;
		if (memchr(text + length, 0, piece))
			return true;
		length += piece;
	}
	return false;
}

static enum object_kind builtin_kind(const char *name)
{
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		if (strcmp(kinds[k].name, name) == 0)
			return kinds[k].kind;
	}
	for (size_t k = 0; k < sizeof(plain) / sizeof(plain[0]); k++) {
		if (strcmp(plain[k], name) == 0)
			return OBJECT_PLAIN;
	}
	return OBJECT_OTHER;
}

static enum object_kind library_kind(
	const struct layout *layout, struct memory *memory, uint64_t type, const char *name)
{
	uint64_t basicsize;
	int32_t size;

	for (size_t k = 0; k < sizeof(library_kinds) / sizeof(library_kinds[0]); k++) {
		if (strcmp(library_kinds[k].name, name) != 0)
			continue;
		memcpy(&size, (const char *)layout + library_kinds[k].size, sizeof(size));
		if (memory_u64(memory, type + (uint64_t)layout->type.basicsize, &basicsize) &&
			basicsize == (uint64_t)size)
			return library_kinds[k].kind;
	}
	return OBJECT_OTHER;
}

enum object_kind describe_own_kind(const struct python *python, struct memory *memory, uint64_t type)
{
	const struct layout *layout = &python->layout;
	uint64_t flags, name;
	enum object_kind kind;
	char text[LITERAL_MOST];

	if (!memory_u64(memory, type + (uint64_t)layout->type.flags, &flags) ||
		(flags & TPFLAGS_HEAPTYPE && !(flags & TPFLAGS_IMMUTABLE)) ||
		!memory_u64(memory, type + (uint64_t)layout->type.name, &name) ||
		!read_literal(memory, name, text, sizeof(text)))
		return OBJECT_OTHER;
	kind = flags & TPFLAGS_HEAPTYPE ? OBJECT_OTHER : builtin_kind(text);
	return kind != OBJECT_OTHER ? kind : library_kind(layout, memory, type, text);
}

enum object_kind describe_kind(const struct python *python, struct memory *memory, uint64_t type, bool *exact)
{
	for (int i = 0; type && i < BASES_MOST; i++) {
		enum object_kind kind = describe_own_kind(python, memory, type);

		*exact = i == 0;
		if (kind != OBJECT_OTHER)
			return kind;
		if (!memory_u64(memory, type + (uint64_t)python->layout.type.base, &type))
			break;
	}
	*exact = false;
	return OBJECT_OTHER;
}

/* --- numbers --- */

/*
 * The shortest text that is read back as the same value, as float.__repr__ (Python/pystrtod.c, format code 'r'). The
 * nearest number of so many digits may be none while the next one is: floats lie further apart above a power of two
 * than below it.
 */
static void shortest(double value, char *text, size_t size)
{
	for (int precision = 0; precision < 17; precision++) {
		char *last;

		snprintf(text, size, "%.*e", precision, value);
		if (strtod(text, NULL) == value)
			return;
		last = strchr(text, 'e') - 1;
		if (*last == '9') /* one digit less */
			continue;
		++*last;
		if (strtod(text, NULL) == value)
			return;
	}
}

void write_double(struct writer *writer, double value, bool point)
{
	char text[40], digits[40];
	int exponent, count = 0;
	char *e;

	if (isnan(value) || isinf(value)) {
		fputs(isnan(value) ? "nan" : value < 0 ? "-inf" : "inf", writer->out);
		return;
	}
	shortest(value, text, sizeof(text));
	e = strchr(text, 'e');
	exponent = atoi(e + 1);
	for (const char *c = text; c < e; c++) {
		if (isdigit((unsigned char)*c))
			digits[count++] = *c;
	}
	while (count > 1 && digits[count - 1] == '0')
		count--;
	if (text[0] == '-')
		fputc('-', writer->out);
	if (exponent < -4 || exponent >= 16) {
		fprintf(writer->out, "%c%s%.*se%c%02d", digits[0], count > 1 ? "." : "", count - 1, digits + 1,
			exponent < 0 ? '-' : '+', abs(exponent));
	} else if (exponent < 0) {
		fputs("0.", writer->out);
		for (int i = exponent + 1; i < 0; i++)
			fputc('0', writer->out);
		fprintf(writer->out, "%.*s", count, digits);
	} else if (count <= exponent + 1) {
		fprintf(writer->out, "%.*s", count, digits);
		for (int i = count; i <= exponent; i++)
			fputc('0', writer->out);
		fputs(point ? ".0" : "", writer->out);
	} else {
		fprintf(writer->out, "%.*s.%.*s", exponent + 1, digits, count - exponent - 1, digits + exponent + 1);
	}
}

static void write_float(struct writer *writer, uint64_t object)
{
	double value;

	if (memory_read(writer->memory, object + (uint64_t)writer->layout->member.real, &value, sizeof(value)))
		write_double(writer, value, true);
	else
		unreadable(writer);
}

void write_complex_value(struct writer *writer, const double value[2])
{
	if (value[0] == 0 && !signbit(value[0])) {
		write_double(writer, value[1], false);
		fputc('j', writer->out);
		return;
	}
	fputc('(', writer->out);
	write_double(writer, value[0], false);
	if (!signbit(value[1]) || isnan(value[1]))
		fputc('+', writer->out);
	write_double(writer, value[1], false);
	fputs("j)", writer->out);
}

static void write_complex(struct writer *writer, uint64_t object)
{
	double value[2];

	if (memory_read(writer->memory, object + (uint64_t)writer->layout->member.complex, value, sizeof(value)))
		write_complex_value(writer, value);
	else
		unreadable(writer);
}

/* How many digits of base 2**30 an int has, and its sign. */
static bool int_size(const struct writer *writer, uint64_t object, uint64_t *digits, bool *negative)
{
	uint64_t size;

	if (!at(writer, object, writer->layout->integer.size, &size))
		return false;
	if (writer->layout->integer.tagged) {
		*digits = (size & 3) == 1 ? 0 : size >> 3;
		*negative = (size & 3) == 2;
	} else {
		*negative = (int64_t)size < 0;
		*digits = *negative ? 0 - size : size;
	}
	return true;
}

/* Divides a number of base 2**30 by ten to the ninth, in place; the remainder. */
static uint32_t divide(uint32_t *digit, size_t count)
{
	uint64_t rest = 0;

	for (size_t i = count; i-- > 0;) {
		rest = rest << 30 | digit[i];
		digit[i] = (uint32_t)(rest / 1000000000);
		rest %= 1000000000;
	}
	return (uint32_t)rest;
}

static void write_digits(struct writer *writer, uint32_t *digit, size_t count)
{
	size_t size = count * 10 + 10, used = size - 1;
	char *text = malloc(size);

	if (!text) {
		unreadable(writer);
		return;
	}
	text[used] = 0;
	do {
		uint32_t rest = divide(digit, count);

		while (count && !digit[count - 1])
			count--;
		for (int i = 0; i < 9 && (count || rest || used == size - 1); i++) {
			text[--used] = (char)('0' + rest % 10);
			rest /= 10;
		}
	} while (count);
	if (size - 1 - used <= DESCRIBE_TEXT)
		fputs(text + used, writer->out);
	else
		fprintf(writer->out, "%.*s...%s (%zu digits)", DESCRIBE_TEXT - DIGITS_AT_END, text + used,
			text + size - 1 - DIGITS_AT_END, size - 1 - used);
	free(text);
}

static void write_int(struct writer *writer, uint64_t object)
{
	uint64_t count, address = object + (uint64_t)writer->layout->integer.digits;
	uint32_t *digit = NULL, highest;
	bool negative;

	if (!int_size(writer, object, &count, &negative)) {
		unreadable(writer);
		return;
	}
	if (count > DIGITS_MOST) {
		if (count < UINT64_C(1) << 40 && memory_u32(writer->memory, address + (count - 1) * 4, &highest) &&
			highest)
			fprintf(writer->out, "%s(an int of %" PRIu64 " bits)", negative ? "-" : "",
				count * 30 - (uint64_t)(__builtin_clz(highest) - 2));
		else
			unreadable(writer);
		return;
	}
	digit = calloc(count + 1, sizeof(*digit));
	if (!digit || (count && !memory_read(writer->memory, address, digit, count * sizeof(*digit)))) {
		unreadable(writer);
	} else {
		fputs(negative ? "-" : "", writer->out);
		write_digits(writer, digit, count ? count : 1);
	}
	free(digit);
}

static void write_bool(struct writer *writer, uint64_t object)
{
	uint64_t count;
	bool negative;

	if (int_size(writer, object, &count, &negative))
		fputs(count ? "True" : "False", writer->out);
	else
		unreadable(writer);
}

/* --- text --- */

/* One character within quotes, as repr() has it, but that all letters of all scripts count as printable. */
static void write_character(FILE *out, uint32_t character, char quote)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {{0x7f, 0xa0}, {0xad, 0xad}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
		{0xd800, 0xf8ff}, {0xfeff, 0xfeff}, {0xfff0, 0xffff}, {0xe0000, 0xffffffff}};
	bool printable = character >= 0x20;

	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		printable = printable && !(character >= hidden[i].first && character <= hidden[i].last);
	if (character == (unsigned char)quote || character == '\\')
		fprintf(out, "\\%c", (char)character);
	else if (character == '\n' || character == '\r' || character == '\t')
		fprintf(out, "\\%c", character == '\n' ? 'n' : character == '\r' ? 'r' : 't');
	else if (!printable)
		fprintf(out, character < 0x100 ? "\\x%02x" : character < 0x10000 ? "\\u%04x" : "\\U%08x", character);
	else if (character < 0x80)
		fputc((int)character, out);
	else if (character < 0x800)
		fprintf(out, "%c%c", (int)(0xc0 | character >> 6), (int)(0x80 | (character & 0x3f)));
	else if (character < 0x10000)
		fprintf(out, "%c%c%c", (int)(0xe0 | character >> 12), (int)(0x80 | (character >> 6 & 0x3f)),
			(int)(0x80 | (character & 0x3f)));
	else
		fprintf(out, "%c%c%c%c", (int)(0xf0 | character >> 18), (int)(0x80 | (character >> 12 & 0x3f)),
			(int)(0x80 | (character >> 6 & 0x3f)), (int)(0x80 | (character & 0x3f)));
}

/* Single quotes, unless there are such in it and no double ones. */
static char quote_for(const uint32_t *characters, size_t count)
{
	bool single = false, twice = false;

	for (size_t i = 0; i < count; i++) {
		single = single || characters[i] == '\'';
		twice = twice || characters[i] == '"';
	}
	return single && !twice ? '"' : '\'';
}

void write_text(struct writer *writer, const uint32_t *characters, size_t count, uint64_t length)
{
	char quote = quote_for(characters, count);

	fputc(quote, writer->out);
	for (size_t i = 0; i < count; i++)
		write_character(writer->out, characters[i], quote);
	fputc(quote, writer->out);
	if (length > count)
		fprintf(writer->out, "... (%" PRIu64 " characters)", length);
}

static void write_str(struct writer *writer, uint64_t object)
{
	uint32_t characters[DESCRIBE_TEXT];
	uint64_t length;
	size_t count;

	if (pyobject_characters(writer->layout, writer->memory, object, characters, DESCRIBE_TEXT, &count, &length))
		write_text(writer, characters, count, length);
	else
		unreadable(writer);
}

static void write_byte_string(struct writer *writer, uint64_t data, uint64_t length)
{
	size_t count = length < DESCRIBE_TEXT ? (size_t)length : DESCRIBE_TEXT;
	uint32_t characters[DESCRIBE_TEXT] = {0};
	unsigned char bytes[DESCRIBE_TEXT] = {0};
	char quote;

	if (!memory_read(writer->memory, data, bytes, count)) {
		unreadable(writer);
		return;
	}
	for (size_t i = 0; i < count; i++)
		characters[i] = bytes[i];
	quote = quote_for(characters, count);
	fprintf(writer->out, "b%c", quote);
	for (size_t i = 0; i < count; i++) {
		if (bytes[i] < 0x7f)
			write_character(writer->out, bytes[i], quote);
		else
			fprintf(writer->out, "\\x%02x", bytes[i]);
	}
	fputc(quote, writer->out);
	if (length > count)
		fprintf(writer->out, "... (%" PRIu64 " bytes)", length);
}

static void write_bytes(struct writer *writer, uint64_t object)
{
	uint64_t length;

	if (at(writer, object, writer->layout->bytes.length, &length))
		write_byte_string(writer, object + (uint64_t)writer->layout->bytes.data, length);
	else
		unreadable(writer);
}

static void write_bytearray(struct writer *writer, uint64_t object)
{
	uint64_t length, start = 0;

	fputs("bytearray(", writer->out);
	if (at(writer, object, writer->layout->member.size, &length) &&
		at(writer, object, writer->layout->member.bytearray_start, &start))
		write_byte_string(writer, start, length);
	else
		unreadable(writer);
	fputc(')', writer->out);
}

void write_name(struct writer *writer, uint64_t str)
{
	uint32_t characters[NAME_MOST / 4];
	uint64_t length;
	size_t count;

	if (!pyobject_characters(writer->layout, writer->memory, str, characters, NAME_MOST / 4, &count, &length)) {
		unreadable(writer);
		return;
	}
	for (size_t i = 0; i < count; i++)
		write_character(writer->out, characters[i], '\\');
	if (length > count)
		fputs("...", writer->out);
}

static void write_type_name(struct writer *writer, uint64_t type)
{
	struct type_name name;
	char *full;

	typeresolve(writer->python, writer->memory, type, &name);
	full = name.name ? type_name_full(&name) : NULL;
	if (full && strlen(full) > NAME_MOST + strlen("...")) {
		size_t length = NAME_MOST;

		while (length && (full[length] & 0xc0) == 0x80) /* not within a character */
			length--;
		strcpy(full + length, "...");
	}
	fputs(!full ? "?" : strncmp(full, "builtins.", 9) == 0 ? full + 9 : full, writer->out);
	free(full);
	type_name_free(&name);
}

/* --- containers --- */

void write_referred(struct writer *writer, uint64_t object, uint64_t referred)
{
	if (enter(writer, object)) {
		write_object(writer, referred);
		writer->depth--;
	} else {
		fputs("...", writer->out);
	}
}

void write_rest(struct writer *writer, uint64_t shown, uint64_t all)
{
	if (all > shown)
		fprintf(writer->out, "%s... of %" PRIu64, shown ? ", " : "", all);
}

static void write_array(struct writer *writer, uint64_t items, uint64_t count, const char *brackets, uint64_t object)
{
	uint64_t shown = elements_shown(writer, count), item;

	fputc(brackets[0], writer->out);
	if (enter(writer, object)) {
		for (uint64_t i = 0; i < shown; i++) {
			fputs(i ? ", " : "", writer->out);
			if (at(writer, items + i * 8, 0, &item))
				write_object(writer, item);
			else
				unreadable(writer);
		}
		writer->depth--;
	}
	if (brackets[0] == '(' && count == 1 && shown == 1)
		fputc(',', writer->out);
	write_rest(writer, shown, count);
	fputc(brackets[1], writer->out);
}

static void write_list(struct writer *writer, uint64_t object)
{
	uint64_t count, items;

	if (at(writer, object, writer->layout->member.size, &count) &&
		at(writer, object, writer->layout->member.list_items, &items))
		write_array(writer, items, count, "[]", object);
	else
		unreadable(writer);
}

void write_tuple(struct writer *writer, uint64_t object)
{
	uint64_t count;

	if (at(writer, object, writer->layout->member.size, &count))
		write_array(writer, object + (uint64_t)writer->layout->member.tuple_items, count, "()", object);
	else
		unreadable(writer);
}

struct shown_items {
	struct writer *writer;
	uint64_t shown, most;
};

static bool write_item(void *context, uint64_t key, uint64_t value)
{
	struct shown_items *items = context;

	if (items->shown == items->most)
		return false;
	fputs(items->shown++ ? ", " : "", items->writer->out);
	write_object(items->writer, key);
	fputs(": ", items->writer->out);
	write_object(items->writer, value);
	return items->shown < items->most;
}

void write_dict(struct writer *writer, uint64_t object)
{
	struct shown_items items = {writer, 0, writer->depth < DESCRIBE_DEPTH ? DESCRIBE_ELEMENTS : 0};
	uint64_t count;

	if (!at(writer, object, writer->layout->dict.used, &count)) {
		unreadable(writer);
		return;
	}
	fputc('{', writer->out);
	if (enter(writer, object)) {
		if (items.most && !pyobject_dict_items(writer->layout, writer->memory, object, write_item, &items))
			unreadable(writer);
		writer->depth--;
	}
	write_rest(writer, items.shown, count);
	fputc('}', writer->out);
}

static void write_set(struct writer *writer, uint64_t object, bool frozen)
{
	uint64_t count, mask, table, shown = 0, most = writer->depth < DESCRIBE_DEPTH ? DESCRIBE_ELEMENTS : 0;

	if (!at(writer, object, writer->layout->member.set_used, &count) ||
		!at(writer, object, writer->layout->member.set_mask, &mask) ||
		!at(writer, object, writer->layout->member.set_table, &table)) {
		unreadable(writer);
		return;
	}
	fputs(frozen ? "frozenset(" : count ? "" : "set(", writer->out);
	if (count)
		fputc('{', writer->out);
	if (enter(writer, object)) {
		for (uint64_t i = 0; i <= mask && i < SLOTS_MOST && shown < most && shown < count; i++) {
			uint64_t key, hash;

			if (!at(writer, table + i * 16, 0, &key) || !at(writer, table + i * 16, 8, &hash)) {
				unreadable(writer);
				break;
			}
			/* What was removed leaves an entry with hash -1 (Objects/setobject.c, dummy). */
			if (!key || hash == UINT64_MAX)
				continue;
			fputs(shown++ ? ", " : "", writer->out);
			write_object(writer, key);
		}
		writer->depth--;
	}
	write_rest(writer, shown, count);
	fputs(count ? "}" : "", writer->out);
	fputs(frozen || !count ? ")" : "", writer->out);
}

/* --- code and what holds it --- */

static void write_place(struct writer *writer, uint64_t code)
{
	uint64_t file;
	uint32_t line;

	if (!at(writer, code, writer->layout->code.filename, &file) ||
		!memory_u32(writer->memory, code + (uint64_t)writer->layout->code.firstlineno, &line)) {
		unreadable(writer);
		return;
	}
	write_name(writer, file);
	fprintf(writer->out, ":%" PRIu32, line);
}

static void write_code(struct writer *writer, uint64_t object)
{
	uint64_t name, file;
	uint32_t line;

	fputs("<code object ", writer->out);
	if (!at(writer, object, writer->layout->code.name, &name) ||
		!at(writer, object, writer->layout->code.filename, &file) ||
		!memory_u32(writer->memory, object + (uint64_t)writer->layout->code.firstlineno, &line)) {
		unreadable(writer);
	} else {
		write_name(writer, name);
		fprintf(writer->out, " at 0x%" PRIx64 ", file \"", object);
		write_name(writer, file);
		fprintf(writer->out, "\", line %" PRId32, line ? (int32_t)line : -1);
	}
	fputc('>', writer->out);
}

/* "file:line" of the instruction that a frame is at. */
static void write_position(struct writer *writer, uint64_t frame)
{
	struct code_position position;
	uint64_t code, instruction;

	if (!at(writer, frame, writer->layout->frame.code, &code) ||
		!at(writer, frame, writer->layout->frame.instruction, &instruction) ||
		!code_position(writer->layout, writer->memory, code, instruction, &position)) {
		unreadable(writer);
		return;
	}
	fprintf(writer->out, "%s:%u", position.file, position.line);
	code_position_free(&position);
}

/* How a generator stands, and where its frame is; 0 when it is over. */
static const char *generator_state(const struct writer *writer, uint64_t object, uint64_t *frame)
{
	const struct layout *layout = writer->layout;
	uint32_t last;
	int8_t state;

	*frame = 0;
	if (layout->generator.state >= 0) {
		if (!memory_read(writer->memory, object + (uint64_t)layout->generator.state, &state, 1))
			return NULL;
		if (state >= layout->generator.completed)
			return "finished";
		*frame = object + (uint64_t)layout->generator.frame;
		return state == layout->generator.created     ? "not started"
		       : state == layout->generator.executing ? "running"
							      : "suspended";
	}
	if (!at(writer, object, layout->generator.frame, frame))
		return NULL;
	if (!*frame)
		return "finished";
	if (!memory_u32(writer->memory, *frame + (uint64_t)layout->frame.instruction, &last) ||
		!memory_read(writer->memory,
			layout->generator.old_state >= 0 ? *frame + (uint64_t)layout->generator.old_state
							 : object + (uint64_t)layout->generator.running,
			&state, 1))
		return NULL;
	if (layout->generator.old_state >= 0 ? state == layout->generator.executing : state)
		return "running";
	return last == UINT32_MAX ? "not started" : "suspended";
}

static void write_generator(struct writer *writer, uint64_t object, const char *what)
{
	const char *state;
	uint64_t name, frame;

	fprintf(writer->out, "<%s ", what);
	if (at(writer, object, writer->layout->generator.qualname, &name))
		write_name(writer, name);
	else
		unreadable(writer);
	state = generator_state(writer, object, &frame);
	fprintf(writer->out, " %s", state ? state : "?");
	if (frame) {
		fputs(" at ", writer->out);
		write_position(writer, frame);
	}
	fputc('>', writer->out);
}

static void write_frame(struct writer *writer, uint64_t object)
{
	uint64_t frame = object, code, name;

	fputs("<frame ", writer->out);
	if (writer->layout->generator.frame_object >= 0 &&
		!at(writer, object, writer->layout->generator.frame_object, &frame))
		frame = 0;
	if (frame && at(writer, frame, writer->layout->frame.code, &code) &&
		at(writer, code & ~writer->layout->frame.code_tag, writer->layout->code.name, &name))
		write_name(writer, name);
	else
		unreadable(writer);
	fputs(" at ", writer->out);
	if (frame)
		write_position(writer, frame);
	else
		unreadable(writer);
	fputc('>', writer->out);
}

void write_callable(struct writer *writer, uint64_t function)
{
	uint64_t type = pyobject_type(writer->layout, writer->memory, function), name, code;
	bool exact;

	if (describe_kind(writer->python, writer->memory, type, &exact) != OBJECT_FUNCTION) {
		write_object(writer, function);
		return;
	}
	if (!at(writer, function, writer->layout->member.function_qualname, &name) ||
		!at(writer, function, writer->layout->member.function_code, &code)) {
		unreadable(writer);
		return;
	}
	write_name(writer, name);
	fputc(' ', writer->out);
	write_place(writer, code);
}

static void write_method(struct writer *writer, uint64_t object)
{
	uint64_t function, self;

	if (!at(writer, object, writer->layout->member.method_function, &function) ||
		!at(writer, object, writer->layout->member.method_self, &self)) {
		unreadable(writer);
		return;
	}
	fputs("<method ", writer->out);
	if (enter(writer, object)) {
		write_callable(writer, function);
		fputs(" of ", writer->out);
		write_object(writer, self);
		writer->depth--;
	}
	fputc('>', writer->out);
}

static void write_builtin(struct writer *writer, uint64_t object)
{
	uint64_t definition, name, self;
	char text[NAME_MOST];
	bool exact;

	if (!at(writer, object, writer->layout->member.builtin_def, &definition) || !at(writer, definition, 0, &name) ||
		!read_literal(writer->memory, name, text, sizeof(text)) ||
		!at(writer, object, writer->layout->member.builtin_self, &self)) {
		unreadable(writer);
		return;
	}
	fprintf(writer->out, "<built-in %s", text);
	/* A module's function has the module as its self. */
	if (self &&
		describe_kind(writer->python, writer->memory, pyobject_type(writer->layout, writer->memory, self),
			&exact) != OBJECT_MODULE &&
		enter(writer, object)) {
		fputs(" of ", writer->out);
		write_object(writer, self);
		writer->depth--;
	}
	fputc('>', writer->out);
}

static void write_module(struct writer *writer, uint64_t object)
{
	uint64_t dict, name;

	fputs("<module ", writer->out);
	if (!at(writer, object, writer->layout->member.module_dict, &dict) || !dict ||
		pyobject_dict_get(writer->layout, writer->memory, dict, "__name__", &name) != 1) {
		unreadable(writer);
	} else {
		write_referred(writer, object, name); /* it may be anything, the module itself included */
	}
	fputc('>', writer->out);
}

static void write_cell(struct writer *writer, uint64_t object)
{
	uint64_t referent;

	fputs("<cell ", writer->out);
	if (!at(writer, object, writer->layout->member.cell_ref, &referent))
		unreadable(writer);
	else if (!referent)
		fputs("empty", writer->out);
	else
		write_referred(writer, object, referent);
	fputc('>', writer->out);
}

/* One whose object is gone refers to None. */
static void write_weak(struct writer *writer, uint64_t object, const char *what)
{
	uint64_t referent;
	bool exact;

	fprintf(writer->out, "<%s to ", what);
	if (!at(writer, object, writer->layout->member.weakref_object, &referent) || !referent)
		unreadable(writer);
	else if (describe_kind(writer->python, writer->memory, pyobject_type(writer->layout, writer->memory, referent),
			 &exact) == OBJECT_NONE)
		fputs("what is gone", writer->out);
	else
		write_referred(writer, object, referent);
	fputc('>', writer->out);
}

static void write_weakref(struct writer *writer, uint64_t object)
{
	write_weak(writer, object, "weakref");
}

static void write_weakproxy(struct writer *writer, uint64_t object)
{
	write_weak(writer, object, "weakproxy");
}

/* --- instances --- */

struct attributes {
	struct writer *writer;
	uint64_t shown, all;
	uint64_t within, base; /* the instance, and which of its type's bases has these __slots__ */
	uint64_t looked_at; /* things in dicts of classes */
};

static bool write_attribute(void *context, uint64_t name, uint64_t value)
{
	struct attributes *attributes = context;

	if (attributes->all++ < DESCRIBE_ELEMENTS) {
		fputc(' ', attributes->writer->out);
		write_name(attributes->writer, name);
		fputc('=', attributes->writer->out);
		write_object(attributes->writer, value);
		attributes->shown++;
	}
	return attributes->all < SLOTS_MOST;
}

static bool write_slot(void *context, uint64_t name, uint64_t value)
{
	struct attributes *attributes = context;
	struct writer *writer = attributes->writer;
	const struct layout *layout = writer->layout;
	uint64_t member, offset, type = pyobject_type(layout, writer->memory, value), text, object, owner, size;
	char type_name[32];
	uint32_t kind;

	if (attributes->looked_at++ >= SLOTS_MOST)
		return false;
	if (!at(writer, type, layout->type.name, &text) ||
		!read_literal(writer->memory, text, type_name, sizeof(type_name)) ||
		strcmp(type_name, "member_descriptor") != 0 ||
		!at(writer, value, layout->attribute.descriptor_member, &member) ||
		!memory_u32(writer->memory, member + (uint64_t)layout->attribute.member_type, &kind) ||
		(kind != T_OBJECT_EX && kind != T_OBJECT) ||
		!at(writer, member, layout->attribute.member_offset, &offset) ||
		/* A class may have another's descriptor, which is no use to it. */
		!at(writer, value, layout->attribute.descriptor_type, &owner) || owner != attributes->base ||
		!at(writer, attributes->base, layout->type.basicsize, &size) || offset + sizeof(object) > size ||
		!at(writer, attributes->within, (int32_t)offset, &object) || !object)
		return true;
	return write_attribute(attributes, name, object);
}

/* Where a type says that its instances have a pointer to their dict; 0: nowhere. */
static uint64_t dict_place(const struct writer *writer, uint64_t object, uint64_t type)
{
	const struct layout *layout = writer->layout;
	uint64_t offset, size, item, basic;
	int64_t count;

	if (!at(writer, type, layout->attribute.dictoffset, &offset) || !offset)
		return 0;
	if ((int64_t)offset > 0)
		return object + offset;
	/* Counted from the end of an object of varying size (Objects/object.c, _PyObject_GetDictPtr). */
	if (!at(writer, object, layout->member.size, &size) || !at(writer, type, layout->type.itemsize, &item) ||
		!at(writer, type, layout->type.basicsize, &basic))
		return 0;
	count = (int64_t)size < 0 ? -(int64_t)size : (int64_t)size;
	return object + ((basic + item * (uint64_t)count + 7) & ~UINT64_C(7)) + offset;
}

static void write_dict_attributes(
	struct writer *writer, uint64_t object, uint64_t type, uint64_t flags, struct attributes *attributes)
{
	const struct layout *layout = writer->layout;
	uint64_t dict = 0, values = 0, keys, place, basic;
	uint8_t valid = 0;

	if (layout->attribute.style == VALUES_DICT || !(flags & TPFLAGS_MANAGED_DICT)) {
		place = dict_place(writer, object, type);
		if (!place || !at(writer, place, 0, &dict))
			return;
	} else if (!at(writer, object - 24, 0, &dict)) {
		return;
	}
	if (flags & TPFLAGS_MANAGED_DICT) {
		switch (layout->attribute.style) {
		case VALUES_POINTERS:
			if (!at(writer, object - 32, 0, &values))
				return;
			break;
		case VALUES_TAGGED:
			if (dict & 1) {
				values = dict + 1;
				dict = 0;
			}
			break;
		case VALUES_INLINE:
			if (!dict && flags & TPFLAGS_INLINE_VALUES &&
				at(writer, type, layout->type.basicsize, &basic) &&
				memory_read(writer->memory, object + basic + 3, &valid, 1) && valid)
				values = object + basic;
			break;
		case VALUES_DICT:
			break;
		}
	}
	if (values && at(writer, type, layout->attribute.cached_keys, &keys))
		pyobject_values_items(layout, writer->memory, keys, values, write_attribute, attributes);
	else if (dict)
		pyobject_dict_items(layout, writer->memory, dict, write_attribute, attributes);
}

/* " name=value" for each attribute that is set: __slots__ of the class and its bases, then the rest. */
static void write_attributes(struct writer *writer, uint64_t object, uint64_t type)
{
	struct attributes attributes = {.writer = writer, .within = object};
	const struct layout *layout = writer->layout;
	uint64_t flags, dict, own;

	if (writer->depth >= DESCRIBE_DEPTH || !at(writer, type, layout->type.flags, &own) ||
		!(own & TPFLAGS_HEAPTYPE) || !enter(writer, object))
		return;
	for (uint64_t i = 0, base = type; base && i < BASES_MOST; i++) {
		if (!at(writer, base, layout->type.flags, &flags) || !(flags & TPFLAGS_HEAPTYPE) ||
			describe_own_kind(writer->python, writer->memory, base) != OBJECT_OTHER)
			break;
		attributes.base = base;
		if (at(writer, base, layout->type.dict, &dict) && dict)
			pyobject_dict_items(layout, writer->memory, dict, write_slot, &attributes);
		if (!at(writer, base, layout->type.base, &base))
			break;
	}
	write_dict_attributes(writer, object, type, own, &attributes);
	writer->depth--;
	if (attributes.all > attributes.shown)
		fprintf(writer->out, " ... of %" PRIu64, attributes.all);
}

/* --- any object --- */

static void write_exception(struct writer *writer, uint64_t object, uint64_t type)
{
	uint64_t arguments, count, shown, item;

	write_type_name(writer, type);
	fputc('(', writer->out);
	if (at(writer, object, writer->layout->member.exception_args, &arguments) &&
		at(writer, arguments, writer->layout->member.size, &count)) {
		shown = elements_shown(writer, count);
		if (enter(writer, object)) {
			for (uint64_t i = 0; i < shown; i++) {
				fputs(i ? ", " : "", writer->out);
				if (at(writer, arguments + i * 8, writer->layout->member.tuple_items, &item))
					write_object(writer, item);
				else
					unreadable(writer);
			}
			writer->depth--;
		}
		write_rest(writer, shown, count);
	} else {
		unreadable(writer);
	}
	fputc(')', writer->out);
}

static void write_class(struct writer *writer, uint64_t object)
{
	fputs("<class ", writer->out);
	write_type_name(writer, object);
	fputc('>', writer->out);
}

static void write_function(struct writer *writer, uint64_t object)
{
	fputs("<function ", writer->out);
	write_callable(writer, object);
	fputc('>', writer->out);
}

static void (*const writers[])(struct writer *writer, uint64_t object) = {
	[OBJECT_BOOL] = write_bool,
	[OBJECT_INT] = write_int,
	[OBJECT_FLOAT] = write_float,
	[OBJECT_COMPLEX] = write_complex,
	[OBJECT_STR] = write_str,
	[OBJECT_BYTES] = write_bytes,
	[OBJECT_BYTEARRAY] = write_bytearray,
	[OBJECT_LIST] = write_list,
	[OBJECT_TUPLE] = write_tuple,
	[OBJECT_DICT] = write_dict,
	[OBJECT_FUNCTION] = write_function,
	[OBJECT_METHOD] = write_method,
	[OBJECT_BUILTIN] = write_builtin,
	[OBJECT_MODULE] = write_module,
	[OBJECT_TYPE] = write_class,
	[OBJECT_CODE] = write_code,
	[OBJECT_CELL] = write_cell,
	[OBJECT_WEAKREF] = write_weakref,
	[OBJECT_FRAME] = write_frame,
	[OBJECT_RANGE] = write_range,
	[OBJECT_SLICE] = write_slice,
	[OBJECT_PROPERTY] = write_property,
	[OBJECT_MAPPING_PROXY] = write_mapping_proxy,
	[OBJECT_NAMESPACE] = write_namespace,
	[OBJECT_WEAKPROXY] = write_weakproxy,
	[OBJECT_ENUMERATE] = write_enumerate,
	[OBJECT_ZIP] = write_zip,
	[OBJECT_MAP] = write_map,
	[OBJECT_DEQUE] = write_deque,
	[OBJECT_DEFAULTDICT] = write_defaultdict,
	[OBJECT_ORDERED_DICT] = write_ordered_dict,
	[OBJECT_ARRAY] = write_library_array,
	[OBJECT_PARTIAL] = write_partial,
};

/* What an object of a known kind holds. */
static void write_content(struct writer *writer, uint64_t object, enum object_kind kind)
{
	switch (kind) {
	case OBJECT_NONE:
		fputs("None", writer->out);
		break;
	case OBJECT_NOT_IMPLEMENTED:
		fputs("NotImplemented", writer->out);
		break;
	case OBJECT_ELLIPSIS:
		fputs("Ellipsis", writer->out);
		break;
	case OBJECT_SET:
	case OBJECT_FROZENSET:
		write_set(writer, object, kind == OBJECT_FROZENSET);
		break;
	case OBJECT_GENERATOR:
		write_generator(writer, object, "generator");
		break;
	case OBJECT_COROUTINE:
		write_generator(writer, object, "coroutine");
		break;
	case OBJECT_ASYNC_GENERATOR:
		write_generator(writer, object, "async_generator");
		break;
	default:
		if ((size_t)kind < sizeof(writers) / sizeof(writers[0]) && writers[kind])
			writers[kind](writer, object);
	}
}

/* Whether there is more to objects of this kind than attributes. */
static bool has_content(enum object_kind kind)
{
	return kind != OBJECT_OTHER && kind != OBJECT_PLAIN;
}

void write_object(struct writer *writer, uint64_t object)
{
	uint64_t type = pyobject_type(writer->layout, writer->memory, object);
	enum object_kind kind;
	bool exact;

	for (int i = 0; i < writer->depth; i++) {
		if (writer->path[i] == object) {
			fprintf(writer->out, "<cycle to 0x%" PRIx64 ">", object);
			return;
		}
	}
	if (ftell(writer->out) > DESCRIBE_BYTES) {
		fputs("...", writer->out);
		return;
	}
	if (!type || !python_is_type(writer->python, writer->memory, type)) {
		unreadable(writer);
		return;
	}
	kind = describe_kind(writer->python, writer->memory, type, &exact);
	if (kind == OBJECT_EXCEPTION) {
		write_exception(writer, object, type);
		return;
	}
	if (kind == OBJECT_TYPE || (exact && has_content(kind))) {
		write_content(writer, object, kind);
		return;
	}
	fputc('<', writer->out);
	write_type_name(writer, type);
	fprintf(writer->out, " at 0x%" PRIx64, object);
	/* What a namespace holds is its attributes. */
	if (has_content(kind) && kind != OBJECT_NAMESPACE) {
		fputc(' ', writer->out);
		write_content(writer, object, kind);
	}
	write_attributes(writer, object, type);
	fputc('>', writer->out);
}

char *describe(const struct python *python, struct memory *memory, uint64_t object)
{
	struct writer writer = {.python = python, .layout = &python->layout, .memory = memory};
	char *text = NULL;
	size_t size;

	writer.out = open_memstream(&text, &size);
	if (!writer.out)
		return NULL;
	write_object(&writer, object);
	if (fclose(writer.out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
