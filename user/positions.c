// SPDX-License-Identifier: BSD-2-Clause
#include "positions.h"

#include <stdlib.h>
#include <string.h>

#include "index.h"
#include "list.h"
#include "pyobject.h"

/* Positions, remembered instructions: bounds for a program that makes code as it runs. */
#define TABLE_MOST (1u << 17)

/* The position, index + 1, of frames whose code was gone before it could be read. */
#define GONE 1

/* What was last read at a place in the code. The words tell whether the code object is still the same. */
struct place {
	uint64_t code, instruction;
	uint64_t words[4]; /* co_filename, co_name, line table, first line number */
	uint64_t identity; /* of the code object, as in alloc_probe_frame */
	uint32_t position; /* index + 1; 0: no code of anybody's */
	uint32_t round; /* when it was compared last */
};

struct positions {
	const struct python *python;
	struct memory *memory;
	uint32_t round;
	struct code_position **position; /* each its own, as callers keep the address */
	struct place *place;
	size_t count, places;
	struct index by_text, by_place;
};

static uint64_t mix_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = index_mix(hash, (unsigned char)*text);
	return index_mix(hash, 0x100);
}

static uint64_t hash_text(const struct code_position *position)
{
	return mix_text(mix_text(index_mix(1, position->line), position->file), position->function);
}

static uint64_t hash_position(const void *context, size_t entry)
{
	const struct positions *positions = context;

	return hash_text(positions->position[entry]);
}

/* The index + 1 of this position; takes its texts over. 0 when there is no room. */
static uint32_t intern(struct positions *positions, struct code_position *position)
{
	uint64_t at = hash_text(position);
	struct code_position *kept;
	ssize_t i;

	while ((i = index_next(&positions->by_text, &at)) >= 0) {
		const struct code_position *known = positions->position[i];

		if (known->line == position->line && strcmp(known->file, position->file) == 0 &&
			strcmp(known->function, position->function) == 0) {
			code_position_free(position);
			return (uint32_t)i + 1;
		}
	}
	kept = malloc(sizeof(*kept));
	if (!kept || positions->count >= TABLE_MOST ||
		!list_make_room((void **)&positions->position, positions->count, sizeof(*positions->position))) {
		free(kept);
		goto full;
	}
	*kept = *position;
	positions->position[positions->count] = kept;
	if (!index_add(&positions->by_text, positions->count + 1, hash_position, positions)) {
		free(kept);
		goto full;
	}
	return (uint32_t)++positions->count;
full:
	code_position_free(position);
	return 0;
}

/* Takes the place GONE: the first. */
static bool intern_gone(struct positions *positions)
{
	struct code_position position = {.file = strdup(POSITIONS_GONE), .function = strdup(POSITIONS_GONE)};

	if (position.file && position.function)
		return intern(positions, &position) == GONE;
	code_position_free(&position);
	return false;
}

static void read_words(struct positions *positions, uint64_t code, uint64_t words[4])
{
	const struct layout *layout = &positions->python->layout;
	const int32_t offsets[4] = {
		layout->code.filename, layout->code.name, layout->code.linetable, layout->code.firstlineno};

	code &= ~layout->frame.code_tag;
	for (int i = 0; i < 4; i++) {
		words[i] = 0;
		memory_u64(positions->memory, code + (uint64_t)offsets[i], &words[i]);
	}
}

static uint64_t hash_place(const struct place *place)
{
	return index_mix(index_mix(2, place->code), place->instruction);
}

static uint64_t hash_place_entry(const void *context, size_t entry)
{
	const struct positions *positions = context;

	return hash_place(&positions->place[entry]);
}

/* Forgets all places: a program that makes code as it runs has filled the table. */
static void forget_places(struct positions *positions)
{
	positions->places = 0;
	index_clear(&positions->by_place);
}

static struct place *place_at(struct positions *positions, uint64_t code, uint64_t instruction)
{
	struct place key = {.code = code, .instruction = instruction};
	uint64_t at = hash_place(&key);
	ssize_t i;

	while ((i = index_next(&positions->by_place, &at)) >= 0) {
		if (positions->place[i].code == code && positions->place[i].instruction == instruction)
			return &positions->place[i];
	}
	if (positions->places >= TABLE_MOST)
		forget_places(positions);
	if (!list_make_room((void **)&positions->place, positions->places, sizeof(*positions->place)))
		return NULL;
	positions->place[positions->places] = key;
	if (!index_add(&positions->by_place, positions->places + 1, hash_place_entry, positions))
		return NULL;
	return &positions->place[positions->places++];
}

static uint32_t known_or_gone(uint32_t position)
{
	return position ? position : GONE; /* there is no room for one more */
}

/* What the words of a code object read now lead to. */
static uint32_t read_position(
	struct positions *positions, const struct alloc_probe_frame *frame, const uint64_t words[4])
{
	const struct layout *layout = &positions->python->layout;
	struct code_position position;
	uint64_t type;

	if (code_position(layout, positions->memory, frame->code, frame->instruction, &position)) {
		if (!position.line) /* as in a function's prologue */
			position.line = (uint32_t)words[3];
		return known_or_gone(intern(positions, &position));
	}
	/*
	 * Frames of the interpreter's own have a code object that is no code of anybody's, or None. What is no object
	 * any more was a code object, and there may be another object in its place: its identity will tell.
	 */
	if (code_is_code(layout, positions->memory, frame->code))
		return code_is_shim(layout, positions->memory, frame->code) ? 0 : GONE;
	if (!layout->habits.frames_without_code)
		return GONE;
	type = pyobject_type(layout, positions->memory, frame->code & ~layout->frame.code_tag);
	return type && python_is_type(positions->python, positions->memory, type) ? 0 : GONE;
}

/* File, function and line of a frame: index + 1, 0 when it is no code of anybody's. */
uint32_t positions_of(struct positions *positions, const struct alloc_probe_frame *frame)
{
	struct place *place = place_at(positions, frame->code, frame->instruction);
	uint64_t words[4];

	if (!place)
		return 0;
	if (place->round != positions->round) {
		read_words(positions, frame->code, words);
		if (!place->round || memcmp(words, place->words, sizeof(words)) != 0)
			place->position = read_position(positions, frame, words);
		memcpy(place->words, words, sizeof(words));
		place->identity = ALLOC_PROBE_IDENTITY(words[0], words[1], words[2]);
		place->round = positions->round;
	}
	/* It was another code object that ran then. */
	if (frame->identity && frame->identity != place->identity)
		return GONE;
	return place->position;
}

struct positions *positions_new(const struct python *python, struct memory *memory)
{
	struct positions *positions = calloc(1, sizeof(*positions));

	if (!positions)
		return NULL;
	positions->python = python;
	positions->memory = memory;
	if (!intern_gone(positions)) {
		positions_free(positions);
		return NULL;
	}
	return positions;
}

void positions_free(struct positions *positions)
{
	if (!positions)
		return;
	for (size_t i = 0; i < positions->count; i++) {
		code_position_free(positions->position[i]);
		free(positions->position[i]);
	}
	free(positions->position);
	free(positions->place);
	index_free(&positions->by_text);
	index_free(&positions->by_place);
	free(positions);
}

void positions_begin(struct positions *positions)
{
	positions->round++;
}

const struct code_position *positions_at(const struct positions *positions, uint32_t position)
{
	return positions->position[position - 1];
}

bool positions_are_full(const struct positions *positions)
{
	return positions->count >= TABLE_MOST;
}

bool positions_are_many(const struct positions *positions)
{
	return positions->count >= TABLE_MOST / 4 * 3;
}

uint32_t positions_end(const struct positions *positions)
{
	return (uint32_t)positions->count + 1;
}

void positions_keep(struct positions *positions, uint32_t *marks)
{
	size_t kept = 0;

	marks[GONE] = 1;
	for (size_t i = 0; i < positions->count; i++) {
		if (marks[i + 1]) {
			positions->position[kept++] = positions->position[i];
			marks[i + 1] = (uint32_t)kept;
		} else {
			code_position_free(positions->position[i]);
			free(positions->position[i]);
		}
	}
	positions->count = kept;
	index_clear(&positions->by_text);
	index_add(&positions->by_text, positions->count, hash_position, positions);
	forget_places(positions);
}
