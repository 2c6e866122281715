// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "chain.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "code.h"
#include "interrupt.h"
#include "label.h"
#include "layout.h"
#include "pyobject.h"
#include "text.h"
#include "typeresolve.h"

/* Nodes between two looks at whether to go on. */
#define STEP 65536
/* Frames between two of one stack. */
#define CALLERS_MOST 1000

/* --- a search backwards, nearest first --- */

/* A reference that is followed two steps later. */
struct deferred {
	uint32_t source, node;
};

struct search {
	struct backrefs *backrefs;
	uint32_t target;
	uint32_t *next; /* by object: the one that it leads to; NODE_NONE: not seen */
	uint32_t *queue, *later; /* so far from the target, and a step farther */
	size_t count, later_count;
	struct deferred *deferred[2]; /* from the step before, and from this one */
	size_t deferred_count[2], deferred_room[2];
	bool tables; /* the interpreter's own are roots, too */
	bool possible; /* possible references count, too */
	bool suspended; /* frames of stacks that wait are roots, too */
	struct chains *chains;
	size_t most;
	bool failed;
};

static void push(uint32_t *queue, size_t *count, struct search *search, uint32_t node, uint32_t leads_to)
{
	if (search->next[node] != NODE_NONE)
		return;
	search->next[node] = leads_to;
	queue[(*count)++] = node;
}

static void defer(struct search *search, uint32_t source, uint32_t node)
{
	if (search->deferred_count[1] == search->deferred_room[1]) {
		size_t room = search->deferred_room[1] ? search->deferred_room[1] * 2 : 64;
		struct deferred *grown = realloc(search->deferred[1], room * sizeof(*grown));

		if (!grown) {
			search->failed = true;
			return;
		}
		search->deferred[1] = grown;
		search->deferred_room[1] = room;
	}
	search->deferred[1][search->deferred_count[1]++] = (struct deferred){source, node};
}

/* Whether the source leads to the node as its namespace, which Python's expressions do not name. */
static bool is_own_dict(struct backrefs *backrefs, uint32_t source, uint32_t node)
{
	const struct shape *shape = backrefs_shape(backrefs, source), *dict = backrefs_shape(backrefs, node);
	struct referent referent = {0};

	return shape && dict && dict->kind == OBJECT_DICT && shape_has_dict(shape) &&
	       picture_referent(backrefs, source, backrefs->address[node], &referent) && referent.way == WAY_MEMBER;
}

/* A step is an attribute or an item. A frame counts twice: whoever looks for an owner wants no traceback. */
static void step(struct search *search, uint32_t source, uint32_t node)
{
	const struct shape *shape = backrefs_shape(search->backrefs, source);

	if (search->next[source] != NODE_NONE)
		return;
	if (shape && shape->kind == OBJECT_FRAME)
		defer(search, source, node);
	else if (is_own_dict(search->backrefs, source, node))
		push(search->queue, &search->count, search, source, node);
	else
		push(search->later, &search->later_count, search, source, node);
}

/* The way from the nodes before it on: through `node`, on to the target. */
static void arrive(struct search *search, const uint32_t *before, size_t count, uint32_t node)
{
	struct chains *chains = search->chains;
	size_t length = count;
	struct chain *chain;

	for (uint32_t i = node; i != search->target; i = search->next[i])
		length++;
	length++;
	/* The first step is told by the root and what it leads to. */
	for (size_t i = 0; i < chains->count; i++) {
		if (chains->chain[i].nodes[0] == before[0] && chains->chain[i].count > count &&
			chains->chain[i].nodes[count] == node)
			return;
	}
	chain = &chains->chain[chains->count];
	*chain = (struct chain){.nodes = calloc(length, sizeof(*chain->nodes)), .count = length};
	if (!chain->nodes) {
		search->failed = true;
		return;
	}
	for (size_t i = 0; i < count; i++)
		chain->nodes[i] = before[i];
	for (size_t i = count; i < length; i++, node = search->next[node])
		chain->nodes[i] = node;
	chains->count++;
}

/* A type that is never freed. */
static bool is_static_type(const struct backrefs *backrefs, uint32_t node)
{
	const struct shape *shape = backrefs_shape(backrefs, node);

	return !backrefs->tracked[node] && shape && shape->kind == OBJECT_TYPE;
}

/* A frame that only what waits leads to, as a greenlet; the collector has not seen it. */
static bool is_suspended(const struct backrefs *backrefs, uint32_t node)
{
	const struct referents *referents = backrefs->referents;
	const struct shape *shape = backrefs_shape(backrefs, node);

	return shape && shape->kind == OBJECT_FRAME && !backrefs->tracked[node] &&
	       (referents->python->layout.generator.frame_object < 0
			       ? !referents_runs(referents, backrefs->address[node])
			       : referents_suspended(referents, backrefs->address[node]) != 0);
}

static void look_at_source(struct search *search, uint32_t source, uint32_t node)
{
	struct backrefs *backrefs = search->backrefs;
	const struct root_module *module;
	uint32_t before[2];

	if (source >= backrefs->objects) {
		enum root_kind kind = backrefs->roots->root[source - backrefs->objects].kind;

		if (kind == ROOT_FRAME || search->tables)
			arrive(search, &source, 1, node);
		return;
	}
	module = root_module_of_dict(backrefs->roots, backrefs->address[source]);
	before[0] = module ? backrefs_node(backrefs, module->address) : NODE_NONE;
	before[1] = source;
	if (before[0] != NODE_NONE)
		arrive(search, before, 2, node);
	else if (root_module(backrefs->roots, backrefs->address[source]) || is_static_type(backrefs, source) ||
		 (search->suspended && is_suspended(backrefs, source)))
		arrive(search, &source, 1, node);
	else
		step(search, source, node);
}

static void look_at(struct search *search, uint32_t node)
{
	const struct backrefs *backrefs = search->backrefs;

	for (uint32_t i = backrefs->first[node]; i < backrefs->first[node + 1]; i++) {
		uint32_t source = backrefs->source[i];

		/* Which words of the interpreter's tables are in use is not known: they are possible. */
		if (source & SOURCE_POSSIBLE && !search->possible &&
			!(search->tables && (source & ~SOURCE_POSSIBLE) >= backrefs->objects))
			continue;
		if (search->chains->count < search->most && !search->failed)
			look_at_source(search, source & ~SOURCE_POSSIBLE, node);
	}
}

/* What is a step farther comes next, and with it what was put off at the step before. */
static void go_on(struct search *search)
{
	uint32_t *queue = search->queue;
	struct deferred *deferred = search->deferred[0];
	size_t room = search->deferred_room[0];

	search->queue = search->later;
	search->count = search->later_count;
	search->later = queue;
	search->later_count = 0;
	for (size_t i = 0; i < search->deferred_count[0]; i++)
		push(search->queue, &search->count, search, deferred[i].source, deferred[i].node);
	search->deferred[0] = search->deferred[1];
	search->deferred_count[0] = search->deferred_count[1];
	search->deferred_room[0] = search->deferred_room[1];
	search->deferred[1] = deferred;
	search->deferred_count[1] = 0;
	search->deferred_room[1] = room;
}

static int run(struct search *search, struct error *error)
{
	struct backrefs *backrefs = search->backrefs;
	uint64_t done = 0;

	memset(search->next, 0xff, ((size_t)backrefs->objects + 1) * sizeof(*search->next));
	search->count = search->later_count = search->deferred_count[0] = search->deferred_count[1] = 0;
	push(search->queue, &search->count, search, search->target, search->target);
	while (search->count || search->deferred_count[0]) {
		for (size_t i = 0; i < search->count; i++) {
			if (done++ % STEP == 0 && interrupt_signal)
				return error_set(error, ERROR_INTERRUPTED, "interrupted");
			if (search->chains->count >= search->most || search->failed)
				return search->failed ? error_set(error, ERROR_FAILED, "out of memory") : 0;
			look_at(search, search->queue[i]);
		}
		go_on(search);
	}
	return search->failed ? error_set(error, ERROR_FAILED, "out of memory") : 0;
}

/* --- a way as Python writes it --- */

struct expression {
	struct backrefs *backrefs;
	struct chain *chain;
	FILE *out;
	bool plain;
	bool names_content; /* the step before is the name of a variable that is a cell: it gives what is in the cell */
	bool names_annotations; /* it is the name of a function's annotations */
};

static bool is_keyword(const char *text, size_t length)
{
	static const char *const keywords[] = {"False", "None", "True", "and", "as", "assert", "async", "await",
		"break", "class", "continue", "def", "del", "elif", "else", "except", "finally", "for", "from",
		"global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return",
		"try", "while", "with", "yield"};

	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		if (strlen(keywords[i]) == length && strncmp(text, keywords[i], length) == 0)
			return true;
	}
	return false;
}

static bool is_identifier_of(const char *text, size_t length)
{
	if (!length || isdigit((unsigned char)*text) || is_keyword(text, length))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)text[i]) && text[i] != '_' && !(text[i] & 0x80))
			return false;
	}
	return true;
}

/* Whether Python takes it for a name. */
static bool is_identifier(const char *text)
{
	return is_identifier_of(text, strlen(text));
}

/* The same of names with dots between them. */
static bool is_dotted(const char *text)
{
	size_t length = strcspn(text, ".");

	for (; text[length]; length = strcspn(text, ".")) {
		if (!is_identifier_of(text, length))
			return false;
		text += length + 1;
	}
	return is_identifier_of(text, length);
}

static void write_description(struct expression *expression, const char *what)
{
	fprintf(expression->out, "<%s>", what);
	expression->plain = false;
}

/* What a class has under this name, and what Python gives for it, are two: a staticmethod and the function in it. */
static bool is_bound_by_name(const struct referents *referents, uint64_t object)
{
	const struct shape *shape = shapes_of_object(referents->shapes, object);
	struct type_name name = {0};
	bool is = shape && typeresolve(referents->python, referents->memory, shape->type, &name) &&
		  (strcmp(name.name, "staticmethod") == 0 || strcmp(name.name, "classmethod") == 0);

	type_name_free(&name);
	return is;
}

static void write_key(struct expression *expression, uint64_t object)
{
	bool plain = false;
	char *key = label_key(expression->backrefs->referents, object, &plain);

	fprintf(expression->out, "[%s]", key ? key : "?");
	expression->plain = expression->plain && plain;
	free(key);
}

/* ".name" when the dict is the namespace of what came before, "['key']" else. */
static void write_value(struct expression *expression, const struct referent *referent, bool is_namespace)
{
	const struct referents *referents = expression->backrefs->referents;
	char *name = is_namespace && !is_bound_by_name(referents, referent->to)
			     ? pyobject_text(&referents->python->layout, referents->memory, referent->object)
			     : NULL;

	if (name && is_identifier(name)) {
		fprintf(expression->out, ".%s", name);
	} else {
		fputs(is_namespace ? ".__dict__" : "", expression->out);
		write_key(expression, referent->object);
	}
	free(name);
}

/* From 3.10 on the annotations of a function may be a tuple of names and values, which Python shows as a dict. */
static void write_annotation(struct expression *expression, uint32_t from, const struct referent *referent)
{
	struct backrefs *backrefs = expression->backrefs;
	uint64_t name;

	if (referent->index % 2 &&
		memory_u64(backrefs->referents->memory,
			backrefs->address[from] + (uint64_t)backrefs->referents->python->layout.member.tuple_items +
				(referent->index - 1) * 8,
			&name))
		write_key(expression, name);
	else
		write_description(expression, "name");
}

/* An item of what has numbers for them. */
static void write_item(struct expression *expression, uint32_t from, const struct shape *shape,
	const struct referent *referent, bool names_annotations)
{
	if (names_annotations && shape && shape->kind == OBJECT_TUPLE)
		write_annotation(expression, from, referent);
	else if (shape && (shape->kind == OBJECT_LIST || shape->kind == OBJECT_TUPLE || shape->kind == OBJECT_DEQUE))
		fprintf(expression->out, "[%" PRIu64 "]", referent->index);
	else if (shape && shape->special == SPECIAL_NDARRAY)
		fprintf(expression->out, ".flat[%" PRIu64 "]", referent->index);
	else
		write_description(expression, "item");
}

/* Of an instance that has no dict for it as yet; what is no name in Python is found in the dict that it then gets. */
static void write_attribute(struct expression *expression, const struct referent *referent)
{
	const struct referents *referents = expression->backrefs->referents;
	char *name = pyobject_text(&referents->python->layout, referents->memory, referent->object);

	if (name && is_identifier(name)) {
		fprintf(expression->out, ".%s", name);
	} else {
		fputs(".__dict__", expression->out);
		write_key(expression, referent->object);
	}
	free(name);
}

/* ".f_back" for each frame between the one that a frame object stands for and the one that a variable is of. */
static void write_callers(struct expression *expression, uint64_t object, uint64_t frame)
{
	const struct referents *referents = expression->backrefs->referents;
	const struct layout *layout = &referents->python->layout;
	uint64_t at = frame ? referents_suspended(referents, object) : 0, code;

	for (int i = 0; at && at != frame && i < CALLERS_MOST; i++) {
		/* What is no function of anybody's has no frame in Python. */
		if (!memory_u64(referents->memory, at + (uint64_t)layout->frame.code, &code))
			break;
		code &= ~layout->frame.code_tag;
		if (code_is_code(layout, referents->memory, code) && !code_is_shim(layout, referents->memory, code))
			fputs(".f_back", expression->out);
		if (!memory_u64(referents->memory, at + (uint64_t)layout->frame.previous, &at))
			break;
	}
}

/* What Python calls the variables of a frame of an object; NULL: those of a running function go by their names. */
static const char *variables_of(const struct shape *shape)
{
	return !shape				 ? NULL
	       : shape->kind == OBJECT_FRAME	 ? ".f_locals"
	       : shape->kind == OBJECT_COROUTINE ? ".cr_frame.f_locals"
	       : shape->kind == OBJECT_GENERATOR ? ".gi_frame.f_locals"
						 : ".ag_frame.f_locals";
}

static void write_local(struct expression *expression, uint32_t from, const struct referent *referent, bool is_last)
{
	struct backrefs *backrefs = expression->backrefs;
	const struct referents *referents = backrefs->referents;
	bool is_object = from < backrefs->objects;
	const struct shape *shape = is_object ? backrefs_shape(backrefs, from) : NULL;
	uint64_t address =
		is_object ? backrefs->address[from] : backrefs->roots->root[from - backrefs->objects].address;
	char *name = label_variable(referents, address, shape, referent);
	const char *frame = variables_of(shape);
	const struct shape *to = shapes_of_object(referents->shapes, referent->to);

	expression->names_content =
		name && to && to->kind == OBJECT_CELL &&
		label_is_cell(referents, label_variable_code(referents, address, shape, referent), referent->index);
	if (expression->names_content && is_last) {
		/* Nothing in Python names the cell itself. */
		fprintf(expression->out, "%s ", name);
		write_description(expression, "cell");
	} else if (name && frame && from != expression->chain->nodes[0]) {
		write_callers(expression, address, referent->frame);
		fprintf(expression->out, "%s['%s']", frame, name);
	} else if (name) {
		fputs(name, expression->out);
		expression->plain = expression->plain && is_identifier(name);
	} else {
		write_description(expression, "local variable");
	}
	free(name);
}

static bool is_generator(const struct shape *shape)
{
	return shape && (shape->kind == OBJECT_GENERATOR || shape->kind == OBJECT_COROUTINE ||
				shape->kind == OBJECT_ASYNC_GENERATOR);
}

/* What a generator waits for lies on its stack, and has a name; but there may be others. */
static void write_awaited(struct expression *expression, const struct shape *shape, uint64_t to)
{
	expression->plain = false;
	if (is_generator(shape) && is_generator(shapes_of_object(expression->backrefs->referents->shapes, to)))
		fputs(shape->kind == OBJECT_GENERATOR	  ? ".gi_yieldfrom"
			: shape->kind == OBJECT_COROUTINE ? ".cr_await"
							  : ".ag_await",
			expression->out);
	else
		write_description(expression, "value under way");
}

/* Memory of C code: by numbers in brackets, as of an array. */
static void write_piece(struct expression *expression, const struct referent *referent)
{
	char *member = label_member(referent);

	write_description(expression, member ? member : "C memory");
	fprintf(expression->out, "[%" PRIu64 "]", referent->index / 8);
	free(member);
}

/* A C struct's: that of a frame is none of Python's where nothing names the frame, nor is the function of one ever. */
static void write_member(struct expression *expression, uint32_t from, const struct shape *shape,
	const struct referent *referent, bool names_content)
{
	bool in_frame = (shape && shape->kind == OBJECT_FRAME) || is_generator(shape);

	if (names_content && shape && shape->kind == OBJECT_CELL)
		return;
	if (!referent->name)
		write_description(expression, "C member");
	else if (from >= expression->backrefs->objects || !is_identifier(referent->name) ||
		 (in_frame && (from == expression->chain->nodes[0] || strcmp(referent->name, "function") == 0)))
		write_description(expression, referent->name);
	else if (is_generator(shape) && strcmp(referent->name, "f_locals") == 0)
		fputs(variables_of(shape), expression->out);
	else
		fprintf(expression->out, ".%s", referent->name);
}

static void write_step(
	struct expression *expression, uint32_t from, const struct referent *referent, bool is_namespace, bool is_last)
{
	const struct shape *shape =
		from < expression->backrefs->objects ? backrefs_shape(expression->backrefs, from) : NULL;
	bool names_content = expression->names_content, names_annotations = expression->names_annotations;

	expression->names_content = false;
	expression->names_annotations = shape && shape->kind == OBJECT_FUNCTION && referent->way == WAY_MEMBER &&
					referent->name && strcmp(referent->name, "__annotations__") == 0;
	switch (referent->way) {
	case WAY_VALUE:
		write_value(expression, referent, is_namespace);
		break;
	case WAY_ATTRIBUTE:
		write_attribute(expression, referent);
		break;
	case WAY_MEMBER:
		write_member(expression, from, shape, referent, names_content);
		break;
	case WAY_ITEM:
		write_item(expression, from, shape, referent, names_annotations);
		break;
	case WAY_TYPE:
		fputs(".__class__", expression->out);
		break;
	case WAY_LOCAL:
		write_local(expression, from, referent, is_last);
		break;
	case WAY_KEY:
		write_description(expression, "key");
		break;
	case WAY_ELEMENT:
		write_description(expression, "element");
		break;
	case WAY_STACK:
		write_awaited(expression, shape, referent->to);
		break;
	case WAY_STATE:
		write_description(expression, "C state");
		break;
	case WAY_PIECE:
		write_piece(expression, referent);
		break;
	}
}

/* What a frame that waits is of; from 3.11 on the frame that the way begins in tells it (struct chain, waits). */
static void write_suspended(struct expression *expression, uint32_t node)
{
	struct backrefs *backrefs = expression->backrefs;
	const struct shape *shape = backrefs_shape(backrefs, node);
	struct referent referent = {0};
	char *name, *place;

	if (expression->chain->count > 1 &&
		picture_referent(backrefs, node, backrefs->address[expression->chain->nodes[1]], &referent) &&
		referent.frame)
		return;
	name = label_object(backrefs->referents, backrefs->address[node], shape);
	place = label_place(backrefs->referents, backrefs->address[node], shape);
	expression->chain->waits = text_print("%s() at %s", name ? name : "?", place ? place : "?");
	free(name);
	free(place);
}

/* Of several names that a module goes by, the one of a program, and else one that Python can read. */
static const char *module_name(const struct roots *roots, uint64_t address)
{
	const char *name = root_module(roots, address)->name;

	for (size_t i = 0; i < roots->module_count; i++) {
		const struct root_module *module = &roots->modules[i];

		if (module->address == address && strcmp(module->name, "__main__") == 0)
			return module->name;
		if (module->address == address && !is_dotted(name))
			name = module->name;
	}
	return name;
}

/* Any text may be a key of sys.modules. */
static void write_module(struct expression *expression, uint64_t address)
{
	const char *name = module_name(expression->backrefs->roots, address);

	if (is_dotted(name))
		fputs(name, expression->out);
	else
		write_description(expression, name);
}

/* Whether a type is what its module has under its name: that of functions is none of builtins. */
static bool is_found_by_name(
	const struct backrefs *backrefs, uint64_t type, const char *module, size_t length, const char *name)
{
	const struct referents *referents = backrefs->referents;
	uint64_t found;

	for (size_t i = 0; i < backrefs->roots->module_count; i++) {
		const struct root_module *one = &backrefs->roots->modules[i];

		if (strlen(one->name) == length && strncmp(one->name, module, length) == 0)
			return one->dict &&
			       pyobject_dict_get(
				       &referents->python->layout, referents->memory, one->dict, name, &found) == 1 &&
			       found == type;
	}
	return false;
}

/* A type of C code, which is there for good. */
static void write_static_type(struct expression *expression, uint32_t node)
{
	struct backrefs *backrefs = expression->backrefs;
	uint64_t address = backrefs->address[node];
	char *name = label_object(backrefs->referents, address, backrefs_shape(backrefs, node));
	const char *dot = name ? strrchr(name, '.') : NULL;
	bool is_builtin = dot && strncmp(name, "builtins.", 9) == 0;

	if (dot && is_found_by_name(backrefs, address, name, (size_t)(dot - name), dot + 1))
		fputs(is_builtin ? dot + 1 : name, expression->out);
	else
		write_description(expression, is_builtin ? dot + 1 : name ? name : "?");
	free(name);
}

static void write_root(struct expression *expression, struct chain *chain)
{
	struct backrefs *backrefs = expression->backrefs;
	uint32_t node = chain->nodes[0];
	const struct root *root;

	if (node >= backrefs->objects) {
		root = &backrefs->roots->root[node - backrefs->objects];
		if (root->kind != ROOT_FRAME)
			write_description(expression, root->name);
		else if (asprintf(&chain->where, root->tid ? "%s() at %s, thread %d" : "%s() at %s", root->name,
				 root->place ? root->place : "?", root->tid) < 0)
			chain->where = NULL;
		return;
	}
	if (is_suspended(backrefs, node)) {
		write_suspended(expression, node);
		return;
	}
	if (root_module(backrefs->roots, backrefs->address[node])) {
		write_module(expression, backrefs->address[node]);
		return;
	}
	write_static_type(expression, node);
}

/* Whether this step leads from an object to its namespace, which the next one names something in. */
static bool is_to_namespace(
	struct backrefs *backrefs, const struct chain *chain, size_t i, const struct referent *referent)
{
	struct referent next = {0};

	return referent->way == WAY_MEMBER && referent->name && strcmp(referent->name, "__dict__") == 0 &&
	       i + 2 < chain->count &&
	       picture_referent(backrefs, chain->nodes[i + 1], backrefs->address[chain->nodes[i + 2]], &next) &&
	       next.way == WAY_VALUE;
}

static bool write_chain(struct expression *expression, struct chain *chain)
{
	struct backrefs *backrefs = expression->backrefs;
	bool is_namespace = false;
	struct referent referent = {0};

	write_root(expression, chain);
	for (size_t i = 0; i + 1 < chain->count; i++) {
		uint32_t from = chain->nodes[i], to = chain->nodes[i + 1];

		if (!picture_referent(backrefs, from, backrefs->address[to], &referent))
			return false;
		if (referent.frame && !chain->waits)
			chain->waits = label_frame(backrefs->referents, referent.frame);
		if (!is_namespace && is_to_namespace(backrefs, chain, i, &referent)) {
			is_namespace = true;
			continue;
		}
		write_step(expression, from, &referent, is_namespace, i + 2 == chain->count);
		is_namespace = false;
	}
	return true;
}

static bool express(struct backrefs *backrefs, struct chain *chain)
{
	struct expression expression = {.backrefs = backrefs, .chain = chain, .plain = true};
	size_t size;

	expression.out = open_memstream(&chain->expression, &size);
	if (!expression.out)
		return false;
	write_chain(&expression, chain);
	chain->plain = expression.plain;
	return fclose(expression.out) == 0;
}

/* What is tried, one after the other, until something is found; the first alone where tables are no roots. */
static const struct {
	bool tables, possible, suspended;
} rounds[] = {{true, false, false}, {false, true, false}, {false, true, true}, {true, true, false}};

int chains_find(
	struct backrefs *backrefs, uint32_t node, size_t most, bool tables, struct chains *chains, struct error *error)
{
	struct search search = {.backrefs = backrefs, .target = node, .chains = chains, .most = most};
	const uint32_t none = NODE_NONE;
	int result = 0;

	*chains = (struct chains){.chain = calloc(most + 1, sizeof(*chains->chain))};
	search.next = calloc((size_t)backrefs->objects + 1, sizeof(*search.next));
	search.queue = calloc((size_t)backrefs->objects + 1, sizeof(*search.queue));
	search.later = calloc((size_t)backrefs->objects + 1, sizeof(*search.later));
	if (!chains->chain || !search.next || !search.queue || !search.later)
		result = error_set(error, ERROR_FAILED, "out of memory");
	/* What is asked for may be a root itself. */
	else if (root_module(backrefs->roots, backrefs->address[node]) || is_static_type(backrefs, node))
		arrive(&search, &none, 0, node);
	for (size_t i = 0; i < sizeof(rounds) / sizeof(rounds[0]) && result == 0 && !chains->count; i++) {
		if (!tables && i)
			break;
		search.tables = tables && rounds[i].tables;
		search.possible = rounds[i].possible;
		search.suspended = rounds[i].suspended;
		result = run(&search, error);
	}
	for (size_t i = 0; i < chains->count && result == 0; i++) {
		if (!express(backrefs, &chains->chain[i]))
			result = error_set(error, ERROR_FAILED, "out of memory");
	}
	free(search.next);
	free(search.queue);
	free(search.later);
	free(search.deferred[0]);
	free(search.deferred[1]);
	return result;
}

void chains_free(struct chains *chains)
{
	for (size_t i = 0; i < chains->count; i++) {
		free(chains->chain[i].nodes);
		free(chains->chain[i].expression);
		free(chains->chain[i].where);
		free(chains->chain[i].waits);
	}
	free(chains->chain);
	*chains = (struct chains){0};
}

void chain_draw(const struct chain *chain, struct picture *picture)
{
	size_t index = GRAPH_NONE;

	for (size_t i = chain->count; i-- > 0;) {
		index = picture_node(picture, chain->nodes[i], (int)(chain->count - 1 - i));
		if (index != GRAPH_NONE && i + 1 == chain->count)
			picture->graph->nodes[index].target = true;
		if (i + 1 < chain->count)
			picture_edge(picture, chain->nodes[i], chain->nodes[i + 1]);
	}
	/* What the way begins with, whatever it is. */
	if (index != GRAPH_NONE)
		picture->graph->nodes[index].root = true;
}

void chain_draw_target(uint32_t node, struct picture *picture)
{
	size_t index = picture_node(picture, node, 0);

	if (index != GRAPH_NONE)
		picture->graph->nodes[index].target = true;
}
