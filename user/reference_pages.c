// SPDX-License-Identifier: BSD-2-Clause
#include "reference_pages.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index.h"
#include "interrupt.h"
#include "label.h"
#include "order.h"
#include "pyobject.h"
#include "referents.h"
#include "roots.h"
#include "unseen.h"

/* References, or objects, between two looks at whether to go on. */
#define STEP 65536
#define OBJECTS_STEP 4096
/* How often all lists are walked, until they close. */
#define GATHER_MOST 2
/* Functions within functions. */
#define CODE_DEPTH_MOST 100
/* References that are asked whether they lead to such, while the process is held: of one object, and of all. */
#define HELD_ASKED_OF_ONE 256
#define HELD_ASKED_MOST 4096
/* Of a text so many bytes, of a shared table of names so many. */
#define TEXT_MOST 256
#define NAMES_MOST 10000
/* Texts may add this share of pages, and a few. */
#define TEXTS_SHARE 16
#define TEXTS_LEAST 256
/* Lines of frames that wait: they are the same few, but each lookup takes microseconds. */
#define PLACES_MOST 20000

struct addresses {
	uint64_t *address;
	size_t count, room;
};

struct reference_pages {
	struct python *python;
	struct memory *memory;
	struct type_table *types;
	struct referents referents;
	struct census objects; /* that the rehearsal met; types are borrowed */
	struct addresses code; /* code objects, and tuples in them; some of them twice */
	/* Not tracked, but they hold others: frames of stacks that wait, and those of unseen.h; each once. */
	struct addresses holders;
	struct index holders_index;
	size_t looked; /* at so many of them */
	enum object_kind from; /* of the object that is looked at */
	uint64_t frame; /* that waits, and was looked at last */
	size_t places; /* of such frames that were looked up */
	uint32_t asked, asked_of; /* references of all objects, and of this one, while it is held */
	bool frames; /* it may lead to frames of stacks that wait */
	bool unseen; /* there may be objects that the collector does not see */
	uint64_t visited; /* references */
	size_t texts; /* pages that texts alone lie on */
	double deadline;
	const volatile bool *stop;
	bool held; /* what is not needed is not fetched any more */
	bool failed; /* out of memory */
};

static bool add(struct reference_pages *pages, struct addresses *addresses, uint64_t address)
{
	if (addresses->count == addresses->room) {
		size_t room = addresses->room ? addresses->room + addresses->room / 2 : 4096;
		uint64_t *grown = realloc(addresses->address, room * sizeof(*grown));

		if (!grown) {
			pages->failed = true;
			return false;
		}
		addresses->address = grown;
		addresses->room = room;
	}
	addresses->address[addresses->count++] = address;
	return true;
}

static bool goes_on(const struct reference_pages *pages)
{
	return !pages->failed && !interrupt_signal && !*pages->stop && !memory_is_full(pages->memory) &&
	       interrupt_now() < pages->deadline;
}

/* --- texts --- */

/*
 * A key, a name. They lie among objects of the same size, on pages that are wanted anyway; where there are very many of
 * them, or large ones, some have to do without.
 */
static void touch_text(struct reference_pages *pages, uint64_t object)
{
	const struct layout *layout = &pages->python->layout;
	size_t before = memory_touched_count(pages->memory);
	unsigned char text[TEXT_MOST];
	uint64_t data, length;

	if (pages->held || (pages->texts > TEXTS_LEAST && pages->texts > before / TEXTS_SHARE))
		return;
	/* ASCII, as names are. */
	data = object + (uint64_t)layout->unicode.ascii_data;
	if (memory_u64(pages->memory, object + (uint64_t)layout->unicode.length, &length) &&
		(data & (MEMORY_PAGE_SIZE - 1)) + TEXT_MOST > MEMORY_PAGE_SIZE)
		memory_read(pages->memory, data, text, length < TEXT_MOST ? (size_t)length : TEXT_MOST);
	pages->texts += memory_touched_count(pages->memory) - before;
}

/* The names that all instances of a class share. */
static void touch_keys(struct reference_pages *pages, uint64_t keys)
{
	struct pyobject_entries entries;
	uint64_t key;

	if (!keys || !pyobject_entries(&pages->python->layout, pages->memory, keys, &entries))
		return;
	for (uint64_t i = 0; i < entries.count && i < NAMES_MOST; i++) {
		if (!memory_u64(pages->memory, entries.first + i * entries.size + entries.key, &key))
			break;
		if (key)
			touch_text(pages, key);
	}
}

/* --- objects --- */

/*
 * What is at the ends of the lists may be long, and lead to pages that nobody needs, which are fetched to be looked at:
 * while the process is held, that has an end.
 */
static bool may_ask(struct reference_pages *pages)
{
	return pages->asked < HELD_ASKED_MOST && pages->asked_of < HELD_ASKED_OF_ONE && ++pages->asked &&
	       ++pages->asked_of;
}

/* As backrefs.c takes them for nodes, though the collector does not track them. */
static bool is_holder(struct reference_pages *pages, uint64_t object)
{
	const struct shape *shape;

	if ((!pages->frames && !pages->unseen) || (pages->held && !may_ask(pages)))
		return false;
	shape = shapes_glance(pages->referents.shapes, object);
	if (shape && shape->kind == OBJECT_FRAME)
		return pages->frames;
	return shape && pages->unseen && unseen_holds(&pages->referents, object);
}

static bool add_holder(struct reference_pages *pages, uint64_t object)
{
	struct addresses *holders = &pages->holders;

	if (index_find_address(&pages->holders_index, holders->address, sizeof(object), object) >= 0)
		return true;
	if (add(pages, holders, object))
		pages->failed =
			!index_add_address(&pages->holders_index, holders->count, holders->address, sizeof(object));
	return !pages->failed;
}

/* Where a frame is that waits: what tells it. */
static void touch_place(struct reference_pages *pages, uint64_t frame)
{
	char *place;

	if (pages->held || frame == pages->frame || pages->places == PLACES_MOST)
		return;
	pages->frame = frame;
	pages->places++;
	place = label_frame(&pages->referents, frame);
	free(place);
}

static bool visit(void *context, const struct referent *referent)
{
	struct reference_pages *pages = context;

	if (++pages->visited % STEP == 0 && !goes_on(pages))
		return false;
	if ((kind_has_code(pages->from) || pages->from == OBJECT_CODE) && referent->way == WAY_MEMBER) {
		const struct shape *shape = shapes_of_object(pages->referents.shapes, referent->to);

		if (shape &&
			(shape->kind == OBJECT_CODE || (pages->from == OBJECT_CODE && shape->kind == OBJECT_TUPLE)))
			return add(pages, &pages->code, referent->to);
	}
	if (referent->way == WAY_VALUE && referent->object)
		touch_text(pages, referent->object);
	if (referent->frame)
		touch_place(pages, referent->frame);
	return !is_holder(pages, referent->to) || add_holder(pages, referent->to);
}

static void look_at(struct reference_pages *pages, uint64_t object, const struct shape *shape)
{
	pages->from = shape->kind;
	pages->asked_of = 0;
	/* To 3.10 a frame leads to its caller's. */
	pages->frames =
		!shape->certain || (shape->kind == OBJECT_FRAME && pages->python->layout.generator.frame_object < 0);
	referents_of(&pages->referents, object, shape, visit, pages);
}

/* Of code objects the functions in them, and what they are called and where they are. */
static bool visit_code(void *context, const struct referent *referent)
{
	struct reference_pages *pages = context;
	const struct shape *shape = shapes_of_object(pages->referents.shapes, referent->to);

	if (++pages->visited % STEP == 0 && !goes_on(pages))
		return false;
	if (shape && (shape->kind == OBJECT_CODE || shape->kind == OBJECT_TUPLE))
		return add(pages, &pages->code, referent->to);
	if (shape && shape->kind == OBJECT_STR)
		touch_text(pages, referent->to);
	return true;
}

/* Each once, from number `from` on. */
static void sort_once(struct addresses *addresses, size_t from)
{
	uint64_t *address = addresses->address + from;
	size_t kept = 0;

	if (addresses->count == from)
		return;
	qsort(address, addresses->count - from, sizeof(*address), order_u64);
	for (size_t i = 0; i < addresses->count - from; i++) {
		if (!kept || address[i] != address[kept - 1])
			address[kept++] = address[i];
	}
	addresses->count = from + kept;
}

static void look_at_code(struct reference_pages *pages)
{
	size_t from = 0;

	for (int depth = 0; depth < CODE_DEPTH_MOST && from < pages->code.count && goes_on(pages); depth++) {
		size_t end;

		sort_once(&pages->code, from);
		end = pages->code.count;
		for (; from < end && !pages->failed; from++) {
			uint64_t object = pages->code.address[from];
			const struct shape *shape = shapes_of_object(pages->referents.shapes, object);

			if (shape && (shape->kind == OBJECT_CODE || shape->kind == OBJECT_TUPLE))
				referents_of(&pages->referents, object, shape, visit_code, pages);
		}
	}
}

/* What was met of these, and what they lead to. The head of each is touched as well, by which it is told. */
static void look_at_holders(struct reference_pages *pages)
{
	int32_t head = pages->python->layout.gc_head.size;

	for (; pages->looked < pages->holders.count && !pages->failed && !*pages->stop; pages->looked++) {
		uint64_t object = pages->holders.address[pages->looked], next;
		const struct shape *shape = shapes_of_object(pages->referents.shapes, object);

		if (pages->looked % OBJECTS_STEP == 0 && !goes_on(pages))
			break;
		if (!shape)
			continue;
		if (shape->has_gc)
			memory_u64(pages->memory, object - (uint64_t)head, &next);
		look_at(pages, object, shape);
	}
}

void reference_pages_of(struct reference_pages *pages, uint64_t object)
{
	const struct shape *shape = shapes_of_object(pages->referents.shapes, object);

	if (shape)
		look_at(pages, object, shape);
	look_at_holders(pages);
}

/* --- roots --- */

/* Closes with what runs now; what will run then nobody knows. */
static void find_roots(struct reference_pages *pages, struct roots *roots)
{
	if (roots_find(roots, &pages->referents, &pages->objects) < 0)
		pages->failed = true;
	pages->referents.running_count = 0;
}

static void look_at_roots(struct reference_pages *pages, const struct roots *roots)
{
	pages->from = OBJECT_OTHER;
	pages->frames = false;
	for (size_t i = 0; i < roots->count; i++)
		root_referents(&roots->root[i], &pages->referents, visit, pages);
	for (size_t i = 0; i < roots->static_type_count; i++)
		reference_pages_of(pages, roots->static_types[i]);
}

static bool look_at_frame(void *context, uint64_t frame)
{
	struct reference_pages *pages = context;

	pages->from = OBJECT_FRAME;
	pages->frames = false;
	if (pages->python->layout.generator.frame_object >= 0)
		referents_of_frame(&pages->referents, frame, true, visit, pages);
	else
		reference_pages_of(pages, frame);
	look_at_holders(pages);
	return !*pages->stop;
}

/* --- all of it --- */

static bool gather(void *context, uint64_t object, uint32_t type)
{
	struct reference_pages *pages = context;
	struct census *objects = &pages->objects;

	if (objects->count == objects->capacity) {
		size_t capacity = objects->capacity ? objects->capacity + objects->capacity / 2 : 16384;
		uint64_t *address = realloc(objects->address, capacity * sizeof(*address));
		uint32_t *types;

		if (address)
			objects->address = address;
		types = address ? realloc(objects->type, capacity * sizeof(*types)) : NULL;
		if (!types) {
			pages->failed = true;
			return false;
		}
		objects->type = types;
		objects->capacity = capacity;
	}
	objects->address[objects->count] = object;
	objects->type[objects->count++] = type;
	return true;
}

static void look_at_objects(struct reference_pages *pages)
{
	const struct type_table *types = pages->types;
	const struct shape **shapes = shapes_of_types(pages->referents.shapes, types);

	pages->failed = !shapes;
	for (size_t i = 0; i < types->count && !pages->failed; i++) {
		if (shapes[i])
			touch_keys(pages, shapes[i]->keys);
	}
	for (size_t i = 0; i < pages->objects.count && !pages->failed; i++) {
		if (i % OBJECTS_STEP == 0 && !goes_on(pages))
			break;
		if (shapes[pages->objects.type[i]])
			look_at(pages, pages->objects.address[i], shapes[pages->objects.type[i]]);
	}
	free((void *)shapes);
}

static void forget_objects(struct reference_pages *pages)
{
	free(pages->objects.address);
	free(pages->objects.type);
	free(pages->code.address);
	free(pages->holders.address);
	index_free(&pages->holders_index);
	pages->holders = (struct addresses){0};
	pages->looked = 0;
	pages->objects = (struct census){0};
	pages->code = (struct addresses){0};
}

static void look_at_all(struct reference_pages *pages)
{
	struct roots roots = {0};

	find_roots(pages, &roots);
	pages->unseen = !pages->failed && unseen_types(&pages->referents, &roots, &pages->objects);
	if (!pages->failed)
		look_at_objects(pages);
	if (!pages->failed)
		look_at_roots(pages, &roots);
	if (!pages->failed)
		look_at_holders(pages);
	if (!pages->failed)
		look_at_code(pages);
	roots_free(&roots);
}

struct reference_pages *reference_pages_find(struct python *python, struct memory *memory, struct type_table *types,
	double deadline, bool *closed, struct error *error)
{
	static const volatile bool never;
	struct reference_pages *pages = calloc(1, sizeof(*pages));

	if (!pages) {
		error_set(error, ERROR_FAILED, "out of memory");
		return NULL;
	}
	*pages = (struct reference_pages){
		.python = python, .memory = memory, .types = types, .deadline = deadline, .stop = &never};
	*closed = false;
	for (int i = 0; i < GATHER_MOST && !*closed && !pages->failed && goes_on(pages); i++) {
		pages->objects.count = 0;
		memory_forget(memory);
		*closed = census_rehearse(python, memory, deadline, types, gather, pages);
	}
	/* Not changed by anybody who reads it. */
	pages->objects.types = *types;
	if (pages->failed || !referents_open(&pages->referents, python, memory, &pages->objects))
		pages->failed = true;
	if (*closed && !pages->failed)
		look_at_all(pages);
	forget_objects(pages);
	if (!pages->failed && !interrupt_signal)
		return pages;
	error_set(error, interrupt_signal ? ERROR_INTERRUPTED : ERROR_FAILED, "%s",
		interrupt_signal ? "interrupted" : "out of memory");
	reference_pages_free(pages);
	return NULL;
}

void reference_pages_free(struct reference_pages *pages)
{
	if (!pages)
		return;
	forget_objects(pages);
	referents_close(&pages->referents);
	free(pages);
}

void reference_pages_hold(struct reference_pages *pages, const volatile bool *stop)
{
	struct runtime runtime;

	pages->stop = stop;
	pages->deadline = HUGE_VAL;
	pages->held = true;
	memory_glance_no_farther(pages->memory);
	/* What was said before may not be so any more. */
	free(pages->referents.asked);
	pages->referents.asked = NULL;
	if (python_runtime(pages->python, pages->memory, &runtime, NULL) < 0)
		return;
	for (size_t i = 0; i < runtime.thread_count && !*stop; i++)
		python_frames(pages->python, pages->memory, runtime.threads[i].address, look_at_frame, pages);
	runtime_free(&runtime);
}

static bool visit_nothing(void *context, const struct referent *referent)
{
	(void)context;
	(void)referent;
	return true;
}

/* Of a stack that waits, its frames. */
static bool visit_stack(void *context, const struct referent *referent)
{
	struct referents *referents = context;
	const struct shape *shape = shapes_glance(referents->shapes, referent->to);

	return !shape || shape->kind != OBJECT_FRAME ||
	       referents_of(referents, referent->to, shape, visit_nothing, NULL);
}

int64_t reference_pages_missing(
	const struct python *python, struct memory *memory, const struct census *census, struct error *error)
{
	const struct shape **shapes = NULL;
	struct referents referents;
	size_t missing;

	if (referents_open(&referents, python, memory, census))
		shapes = shapes_of_types(referents.shapes, &census->types);
	if (!shapes) {
		referents_close(&referents);
		return error_set(error, ERROR_FAILED, "out of memory");
	}
	for (size_t i = 0; i < census->count && !interrupt_signal; i++) {
		const struct shape *shape = shapes[census->type[i]];

		if (shape)
			referents_of(&referents, census->address[i], shape,
				shape->certain ? visit_nothing : visit_stack, &referents);
		else
			referents.unreadable++;
	}
	missing = referents.unreadable;
	referents_close(&referents);
	free((void *)shapes);
	return interrupt_signal ? error_set(error, ERROR_INTERRUPTED, "interrupted") : (int64_t)missing;
}
