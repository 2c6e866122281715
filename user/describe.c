// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "describe.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attributes.h"
#include "code.h"
#include "describe_writer.h"
#include "pyobject.h"
#include "typeresolve.h"

#define NAME_MOST 256
/* Slots of a set, and attributes, that are looked at. */
#define SLOTS_MOST 4096

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

	if (kind_of_type(writer->python, writer->memory, type, &exact) != OBJECT_FUNCTION) {
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
		kind_of_type(writer->python, writer->memory, pyobject_type(writer->layout, writer->memory, self),
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
	else if (kind_of_type(writer->python, writer->memory, pyobject_type(writer->layout, writer->memory, referent),
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

/* " name=value" for each attribute that is set: __slots__ of the class and its bases, then the rest. */
static void write_attributes(struct writer *writer, uint64_t object, uint64_t type)
{
	struct attributes attributes = {.writer = writer};

	if (writer->depth >= DESCRIBE_DEPTH || !type_is_heap(writer->python, writer->memory, type) ||
		!enter(writer, object))
		return;
	attributes_visit(writer->python, writer->memory, object, type, write_attribute, &attributes);
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
	kind = kind_of_type(writer->python, writer->memory, type, &exact);
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
