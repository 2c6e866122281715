// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "label.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "code.h"
#include "describe.h"
#include "layout.h"
#include "pyobject.h"
#include "text.h"
#include "typeresolve.h"

/* Bytes of a label. */
#define LABEL_MOST 160

static uint64_t field(const struct referents *referents, uint64_t address, int32_t offset)
{
	uint64_t value;

	return memory_u64(referents->memory, address + (uint64_t)offset, &value) ? value : 0;
}

static char *text_of(const struct referents *referents, uint64_t str)
{
	return pyobject_text(&referents->python->layout, referents->memory, str);
}

/* At most so many bytes, whole characters, and a mark where it was cut. */
static char *cut(char *text, size_t most)
{
	size_t length = text ? strlen(text) : 0;

	if (length <= most)
		return text;
	while (most && (text[most] & 0xc0) == 0x80)
		most--;
	strcpy(text + most, length - most >= 3 ? "..." : "");
	return text;
}

/* --- what an object is --- */

static char *items(const struct referents *referents, uint64_t object, int32_t offset)
{
	uint64_t count = field(referents, object, offset);

	return text_print("%" PRIu64 " item%s", count, count == 1 ? "" : "s");
}

static uint64_t code_of(const struct referents *referents, uint64_t object, const struct shape *shape)
{
	const struct layout *layout = &referents->python->layout;
	uint64_t frame = object;

	switch (shape->kind) {
	case OBJECT_CODE:
		return object;
	case OBJECT_FUNCTION:
		return field(referents, object, layout->member.function_code);
	case OBJECT_METHOD:
		return field(referents, field(referents, object, layout->member.method_function),
			layout->member.function_code);
	case OBJECT_GENERATOR:
	case OBJECT_COROUTINE:
	case OBJECT_ASYNC_GENERATOR:
		frame = layout->generator.frame_object >= 0 ? object + (uint64_t)layout->generator.frame
							    : field(referents, object, layout->generator.frame);
		break;
	case OBJECT_FRAME:
		if (layout->generator.frame_object >= 0)
			frame = field(referents, object, layout->generator.frame_object);
		break;
	default:
		return 0;
	}
	return frame ? field(referents, frame, layout->frame.code) & ~layout->frame.code_tag : 0;
}

static char *code_name(const struct referents *referents, uint64_t code)
{
	const struct layout *layout = &referents->python->layout;

	if (!code || !code_is_code(layout, referents->memory, code))
		return NULL;
	return text_of(referents,
		field(referents, code, layout->code.qualname >= 0 ? layout->code.qualname : layout->code.name));
}

/* The name that C code gave a function of its own. */
static char *builtin_name(const struct referents *referents, uint64_t object)
{
	const struct layout *layout = &referents->python->layout;
	char name[LABEL_MOST];

	if (!read_literal(referents->memory, field(referents, field(referents, object, layout->member.builtin_def), 0),
		    name, sizeof(name)))
		return NULL;
	return strdup(name);
}

char *label_module(const struct referents *referents, uint64_t module)
{
	const struct layout *layout = &referents->python->layout;
	uint64_t dict = field(referents, module, layout->member.module_dict), name = 0;

	if (!dict || pyobject_dict_get(layout, referents->memory, dict, "__name__", &name) != 1)
		return NULL;
	return text_of(referents, name);
}

static char *class_name(const struct referents *referents, uint64_t type)
{
	struct type_name name = {0};
	char *text = NULL;

	if (typeresolve(referents->python, referents->memory, type, &name))
		text = type_name_full(&name);
	type_name_free(&name);
	return text;
}

static char *name_of(const struct referents *referents, uint64_t object, const struct shape *shape)
{
	const struct layout *layout = &referents->python->layout;

	switch (shape->kind) {
	case OBJECT_MODULE:
		return label_module(referents, object);
	case OBJECT_TYPE:
		return class_name(referents, object);
	case OBJECT_FUNCTION:
		return text_of(referents, field(referents, object, layout->member.function_qualname));
	case OBJECT_METHOD:
	case OBJECT_CODE:
	case OBJECT_GENERATOR:
	case OBJECT_COROUTINE:
	case OBJECT_ASYNC_GENERATOR:
	case OBJECT_FRAME:
		return code_name(referents, code_of(referents, object, shape));
	case OBJECT_BUILTIN:
		return builtin_name(referents, object);
	case OBJECT_LIST:
	case OBJECT_TUPLE:
	case OBJECT_DEQUE:
		return items(referents, object, layout->member.size);
	case OBJECT_SET:
	case OBJECT_FROZENSET:
		return items(referents, object, layout->member.set_used);
	case OBJECT_DICT:
	case OBJECT_DEFAULTDICT:
	case OBJECT_ORDERED_DICT:
		return items(referents, object, layout->dict.used);
	case OBJECT_CELL:
		return strdup(field(referents, object, layout->member.cell_ref) ? "" : "empty");
	default:
		return NULL;
	}
}

/* "<module.Type at 0x7f... x=1>" says what the node says already, but for what comes last. */
static char *without_head(char *text, uint64_t object)
{
	char *at, *end;

	if (!text || text[0] != '<' || !(at = strstr(text, " at 0x")))
		return text;
	/* Else it is of something that the object holds. */
	if (strtoull(at + strlen(" at "), &at, 16) != object)
		return text;
	end = text + strlen(text) - 1;
	if (*end == '>')
		*end = 0;
	memmove(text, at + (*at == ' '), strlen(at + (*at == ' ')) + 1);
	return text;
}

char *label_object(const struct referents *referents, uint64_t object, const struct shape *shape)
{
	char *name = shape ? name_of(referents, object, shape) : NULL;

	if (name)
		return cut(name, LABEL_MOST);
	return cut(without_head(describe(referents->python, referents->memory, object), object), LABEL_MOST);
}

/* "file:line" where a frame is, or "function() at file:line". */
static char *frame_place(const struct referents *referents, uint64_t frame, bool named)
{
	const struct layout *layout = &referents->python->layout;
	uint64_t code = field(referents, frame, layout->frame.code) & ~layout->frame.code_tag;
	struct code_position position = {0};
	char *text;

	if (!code_position(
		    layout, referents->memory, code, field(referents, frame, layout->frame.instruction), &position))
		return NULL;
	text = named ? text_print("%s() at %s:%u", position.function, position.file, position.line)
		     : text_print("%s:%u", position.file, position.line);
	code_position_free(&position);
	return text;
}

char *label_frame(const struct referents *referents, uint64_t frame)
{
	return frame_place(referents, frame, true);
}

char *label_place(const struct referents *referents, uint64_t object, const struct shape *shape)
{
	const struct layout *layout = &referents->python->layout;
	uint64_t code = shape ? code_of(referents, object, shape) : 0;
	char *file, *place = NULL;
	uint64_t waits = shape && shape->kind == OBJECT_FRAME ? referents_suspended(referents, object) : 0;
	uint32_t line;

	/* Of a frame that waits its line, and not that of its function. */
	if (waits)
		return frame_place(referents, waits, false);
	if (!code || !code_is_code(layout, referents->memory, code) ||
		!memory_u32(referents->memory, code + (uint64_t)layout->code.firstlineno, &line))
		return NULL;
	file = text_of(referents, field(referents, code, layout->code.filename));
	if (file)
		place = text_print("%s:%u", file, line);
	free(file);
	return place;
}

/* --- how it refers to others --- */

/* Whether a word outside of quotes, followed by this, is Python as it stands here: numbers, constants, and few calls.
 */
static bool is_plain_word(const char *word, size_t length, char next)
{
	static const char *const plain[] = {"None", "True", "False", "NotImplemented", "Ellipsis", "b", "j"};
	static const char *const calls[] = {"frozenset", "range", "slice"};
	const char *const *words = next == '(' ? calls : plain;
	size_t count = next == '(' ? sizeof(calls) / sizeof(calls[0]) : sizeof(plain) / sizeof(plain[0]);

	for (size_t i = 0; i < count; i++) {
		if (strlen(words[i]) == length && strncmp(word, words[i], length) == 0)
			return true;
	}
	return false;
}

/* "2.5e", "None", "app.Key": from here on; a number may have letters in it. */
static size_t word_length(const char *text)
{
	size_t length = 0;

	while (isalnum((unsigned char)text[length]) || text[length] == '_' || text[length] == '.' ||
		text[length] & 0x80)
		length++;
	return length;
}

/* Whether a repr is one that Python reads: not nan, nothing that is cut or described: "<app.Key at 0x...", "'abc'...".
 */
static bool is_plain(const char *text)
{
	char quote = 0;

	for (; *text; text++) {
		size_t length = quote ? 0 : word_length(text);

		if (quote && *text == '\\' && text[1])
			text++;
		else if (quote)
			quote = *text == quote ? 0 : quote;
		else if (*text == '\'' || *text == '"')
			quote = *text;
		else if (*text == '<' || *text == '?' || strncmp(text, "...", 3) == 0)
			return false;
		else if (length && !isdigit((unsigned char)*text) && !is_plain_word(text, length, text[length]))
			return false;
		text += length ? length - 1 : 0;
	}
	return !quote;
}

char *label_key(const struct referents *referents, uint64_t key, bool *plain)
{
	char *text = describe(referents->python, referents->memory, key);

	*plain = text && *text && strlen(text) <= LABEL_MOST && is_plain(text);
	return cut(text, LABEL_MOST);
}

char *label_local(const struct referents *referents, uint64_t code, uint64_t number)
{
	const struct layout *layout = &referents->python->layout;
	const int32_t tuples[] = {layout->code.varnames, layout->code.cellvars, layout->code.freevars};

	if (!code_is_code(layout, referents->memory, code))
		return NULL;
	for (size_t i = 0; i < sizeof(tuples) / sizeof(tuples[0]) && tuples[i] >= 0; i++) {
		uint64_t names = field(referents, code, tuples[i]), count;

		count = names ? field(referents, names, layout->member.size) : 0;
		if (number < count)
			return text_of(referents, field(referents, names + number * 8, layout->member.tuple_items));
		/* To 3.10 variables, cells and free variables have a tuple each. */
		number -= count;
	}
	return NULL;
}

bool label_is_cell(const struct referents *referents, uint64_t code, uint64_t number)
{
	const struct layout *layout = &referents->python->layout;
	uint64_t names = field(referents, code, layout->code.varnames), count, kinds;
	uint8_t kind;

	count = names ? field(referents, names, layout->member.size) : 0;
	/* To 3.10 the variables that are no cells come first, and have a tuple of their own. */
	if (layout->code.kinds < 0)
		return number >= count;
	kinds = field(referents, code, layout->code.kinds);
	return number < count && kinds &&
	       memory_read(referents->memory, kinds + (uint64_t)layout->bytes.data + number, &kind, 1) &&
	       kind & (KIND_CELL | KIND_FREE);
}

/* The code of the function whose __closure__ a tuple is; 0 when it is none's. */
static uint64_t closure_code(struct backrefs *backrefs, uint64_t tuple)
{
	uint32_t node = backrefs_node(backrefs, tuple);

	if (node == NODE_NONE)
		return 0;
	for (uint32_t i = backrefs->first[node]; i < backrefs->first[node + 1]; i++) {
		uint32_t source = backrefs->source[i] & ~SOURCE_POSSIBLE;
		const struct shape *shape = source < backrefs->objects ? backrefs_shape(backrefs, source) : NULL;

		if (shape && shape->kind == OBJECT_FUNCTION)
			return code_of(backrefs->referents, backrefs->address[source], shape);
	}
	return 0;
}

/* The name of a free variable: they are the last that code has names for. */
static char *free_variable(const struct referents *referents, uint64_t code, uint64_t tuple, uint64_t number)
{
	const struct layout *layout = &referents->python->layout;
	uint64_t closure = field(referents, tuple, layout->member.size), names;

	if (layout->code.freevars >= 0) {
		names = field(referents, code, layout->code.freevars);
		return text_of(referents, field(referents, names + number * 8, layout->member.tuple_items));
	}
	names = field(referents, field(referents, code, layout->code.varnames), layout->member.size);
	return names >= closure ? label_local(referents, code, names - closure + number) : NULL;
}

static char *item_way(struct backrefs *backrefs, uint64_t from, const struct shape *shape, uint64_t index, uint64_t to)
{
	const struct shape *held = shapes_of_object(backrefs->referents->shapes, to);
	uint64_t code = shape && shape->kind == OBJECT_TUPLE && held && held->kind == OBJECT_CELL
				? closure_code(backrefs, from)
				: 0;
	char *name = code ? free_variable(backrefs->referents, code, from, index) : NULL, *text;

	text = name ? text_print("cell %s", name) : text_print("[%" PRIu64 "]", index);
	free(name);
	return text;
}

uint64_t label_variable_code(
	const struct referents *referents, uint64_t from, const struct shape *shape, const struct referent *referent)
{
	const struct layout *layout = &referents->python->layout;
	uint64_t frame = referent->frame ? referent->frame : from;

	return shape && !referent->frame ? code_of(referents, from, shape)
					 : field(referents, frame, layout->frame.code) & ~layout->frame.code_tag;
}

char *label_variable(
	const struct referents *referents, uint64_t from, const struct shape *shape, const struct referent *referent)
{
	return label_local(referents, label_variable_code(referents, from, shape, referent), referent->index);
}

/* Of one frame of several, which. */
static char *in_frame(const struct referents *referents, const struct referent *referent, const char *what)
{
	char *frame = referent->frame ? label_frame(referents, referent->frame) : NULL,
	     *text = frame ? text_print("%s in %s", what, frame) : strdup(what);

	free(frame);
	return text;
}

static char *local_way(
	const struct referents *referents, uint64_t from, const struct shape *shape, const struct referent *referent)
{
	char *name = label_variable(referents, from, shape, referent),
	     *local = name ? text_print("local %s", name) : strdup("local"),
	     *text = local ? in_frame(referents, referent, local) : NULL;

	free(name);
	free(local);
	return text;
}

char *label_member(const struct referent *referent)
{
	return referent->name ? text_print(".%s", referent->name)
			      : text_print("+0x%" PRIx64,
					referent->way == WAY_PIECE ? (uint64_t)referent->member : referent->index);
}

static char *piece_way(const struct referent *referent)
{
	char *member = label_member(referent),
	     *text = member ? text_print("%s -> +0x%" PRIx64, member, referent->index) : NULL;

	free(member);
	return text;
}

char *label_way(struct backrefs *backrefs, uint64_t from, const struct shape *shape, const struct referent *referent)
{
	const struct referents *referents = backrefs->referents;
	char *name = NULL, *text;
	bool plain;

	switch (referent->way) {
	case WAY_MEMBER:
		/* Of the interpreter's structs a number says nothing. */
		return referent->name || (shape && referent->kind == REFERENT_POSSIBLE) ? label_member(referent) : NULL;
	case WAY_PIECE:
		return piece_way(referent);
	case WAY_ATTRIBUTE:
		name = text_of(referents, referent->object);
		text = name ? text_print(".%s", name) : NULL;
		break;
	case WAY_VALUE:
		name = label_key(referents, referent->object, &plain);
		text = name ? text_print("[%s]", name) : NULL;
		break;
	case WAY_KEY:
		return strdup("key");
	case WAY_ITEM:
		return item_way(backrefs, from, shape, referent->index, referent->to);
	case WAY_ELEMENT:
		return strdup("element");
	case WAY_LOCAL:
		return local_way(referents, from, shape, referent);
	case WAY_STACK:
		return in_frame(referents, referent, "value under way");
	case WAY_TYPE:
		return strdup(".__class__");
	case WAY_STATE:
		return strdup("C state");
	default:
		return NULL;
	}
	free(name);
	return cut(text, LABEL_MOST);
}
