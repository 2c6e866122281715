// SPDX-License-Identifier: BSD-2-Clause
#include "sites.h"

#include <stdlib.h>
#include <string.h>

#include "contents.h"
#include "elf_image.h"
#include "index.h"
#include "list.h"
#include "positions.h"
#include "target.h"

/* Stacks that agree in so many innermost frames are one site; the first of them shows the frames beyond. */
#define FRAMES_COMPARED 5
/* Samples kept at once; with more, every second one is given up, as if it had never been taken. */
#define SAMPLES_MOST 49152
/* Where little happens, some time will do: ns. */
#define FOLLOWERS_FEW 2
#define TIME_ENOUGH 5000000
/* Fewer survivors than this may be none, and so may fewer that are certain. */
#define SURVIVORS_LEAST 1.0
#define CERTAIN_LEAST 2
/* So many samples of a type say whether its objects can be told from each other by what they hold. */
#define TOLD_APART_LEAST 8
/* Words of an object that tell it from others: behind ob_type, and before the collector's record (3.11+: its dict). */
#define LOOKS_AFTER 4
#define LOOKS_BEFORE 2
/* Stacks: a bound for a program that makes code as it runs. */
#define TABLE_MOST (1u << 17)

struct stack {
	uint64_t type;
	uint32_t position[ALLOC_PROBE_FRAMES]; /* as positions.h counts them */
	uint32_t frames;
	uint64_t alive, sampled;
	uint64_t certain; /* of those alive */
	uint64_t left; /* of those sampled: nobody saw them die before their windows closed */
	uint64_t replaced; /* others lie there, in the window that is open: whether their deaths are seen is told at its
			      end */
	uint64_t pending; /* samples born after the last check */
};

struct sample {
	uint64_t object, type, time;
	uint64_t number; /* of the hit */
	uint64_t looks; /* hash of its first words when its window closed */
	uint64_t contents; /* and what it held */
	uint32_t stack; /* index */
	bool settled; /* its window has closed */
	bool followed; /* until it dies */
};

struct sites {
	const struct python *python;
	struct memory *memory;
	uint32_t round;
	uint32_t made_room; /* in this round */
	uint64_t refused; /* samples without a stack */
	bool followed; /* at the last check: who died is known */
	void (*dropped)(void *context, const struct stream_object *object);
	void *context;
	struct positions *positions; /* of frames */
	struct stack *stack;
	struct sample *sample;
	size_t stacks, samples;
	uint64_t generators[3]; /* types of those that are made in a frame of their own function */
	struct index by_stack, by_object;
};

static void find_generators(struct sites *sites)
{
	struct elf_symbol symbols[] = {{.name = "PyGen_Type"}, {.name = "PyCoro_Type"}, {.name = "PyAsyncGen_Type"}};

	target_symbols(sites->python->target, symbols, 3);
	for (size_t i = 0; i < 3; i++)
		sites->generators[i] = symbols[i].address;
}

static bool is_generator(const struct sites *sites, uint64_t type)
{
	return type == sites->generators[0] || type == sites->generators[1] || type == sites->generators[2];
}

void sites_begin(struct sites *sites)
{
	memory_forget(sites->memory);
	positions_begin(sites->positions);
	sites->round++;
}

void sites_free(struct sites *sites)
{
	if (!sites)
		return;
	positions_free(sites->positions);
	free(sites->stack);
	free(sites->sample);
	index_free(&sites->by_stack);
	index_free(&sites->by_object);
	memory_free(sites->memory);
	free(sites);
}

struct sites *sites_new(
	const struct python *python, void (*dropped)(void *context, const struct stream_object *object), void *context)
{
	struct sites *sites = calloc(1, sizeof(*sites));

	if (!sites)
		return NULL;
	sites->python = python;
	sites->dropped = dropped;
	sites->context = context;
	if (python->layout.habits.generators_inside)
		find_generators(sites);
	sites->memory = memory_new(python->target->process.pid, NULL);
	sites->positions = sites->memory ? positions_new(python, sites->memory) : NULL;
	if (!sites->positions) {
		sites_free(sites);
		return NULL;
	}
	return sites;
}

static uint64_t hash_stack(const struct stack *stack)
{
	uint64_t hash = index_mix(3, stack->type);

	for (uint32_t i = 0; i < FRAMES_COMPARED && i < stack->frames; i++)
		hash = index_mix(hash, stack->position[i]);
	return hash;
}

static bool same_stack(const struct stack *a, const struct stack *b)
{
	if (a->type != b->type)
		return false;
	for (uint32_t i = 0; i < FRAMES_COMPARED; i++) {
		if (i >= a->frames || i >= b->frames)
			return a->frames == b->frames;
		if (a->position[i] != b->position[i])
			return false;
	}
	return true;
}

static uint64_t hash_stack_entry(const void *context, size_t entry)
{
	const struct sites *sites = context;

	return hash_stack(&sites->stack[entry]);
}

/*
 * Gives up the stacks of which no sample is left, and then the positions that are in no stack: a program that recurses,
 * or makes its code as it runs, has any number of them.
 */
static void forget_stacks(struct sites *sites)
{
	uint32_t *moved = calloc(sites->stacks + 1, sizeof(*moved)); /* new index + 1 */
	size_t kept = 0;

	for (size_t i = 0; moved && i < sites->samples; i++)
		moved[sites->sample[i].stack] = 1;
	for (size_t i = 0; moved && i < sites->stacks; i++) {
		if (moved[i]) {
			sites->stack[kept++] = sites->stack[i];
			moved[i] = (uint32_t)kept;
		}
	}
	for (size_t i = 0; moved && i < sites->samples; i++)
		sites->sample[i].stack = moved[sites->sample[i].stack] - 1;
	if (moved)
		sites->stacks = kept;
	free(moved);
	index_clear(&sites->by_stack);
}

/* Gives up the positions that are in no stack any more. */
static void forget_positions(struct sites *sites)
{
	uint32_t *moved = calloc(positions_end(sites->positions), sizeof(*moved));

	if (!moved)
		return;
	for (size_t i = 0; i < sites->stacks; i++) {
		for (uint32_t k = 0; k < sites->stack[i].frames; k++)
			moved[sites->stack[i].position[k]] = 1;
	}
	positions_keep(sites->positions, moved);
	for (size_t i = 0; i < sites->stacks; i++) {
		for (uint32_t k = 0; k < sites->stack[i].frames; k++)
			sites->stack[i].position[k] = moved[sites->stack[i].position[k]];
	}
	free(moved);
}

static void make_room(struct sites *sites)
{
	sites->made_room = sites->round;
	forget_stacks(sites);
	if (positions_are_many(sites->positions))
		forget_positions(sites);
	index_add(&sites->by_stack, sites->stacks, hash_stack_entry, sites);
}

static ssize_t stack_index(struct sites *sites, const struct stack *stack)
{
	uint64_t at = hash_stack(stack);
	ssize_t i;

	while ((i = index_next(&sites->by_stack, &at)) >= 0) {
		if (same_stack(&sites->stack[i], stack))
			return i;
	}
	if (sites->stacks >= TABLE_MOST ||
		!list_make_room((void **)&sites->stack, sites->stacks, sizeof(*sites->stack)))
		return -1;
	sites->stack[sites->stacks] = *stack;
	if (!index_add(&sites->by_stack, sites->stacks + 1, hash_stack_entry, sites))
		return -1;
	return (ssize_t)sites->stacks++;
}

static uint64_t hash_object(uint64_t object)
{
	return index_mix(4, object);
}

static uint64_t hash_sample(const void *context, size_t entry)
{
	const struct sites *sites = context;

	return hash_object(sites->sample[entry].object);
}

/* Never fails where there were as many before. */
static void index_samples(struct sites *sites)
{
	index_clear(&sites->by_object);
	index_add(&sites->by_object, sites->samples, hash_sample, sites);
}

static void drop(struct sites *sites, const struct sample *sample)
{
	if (sample->followed)
		sites->dropped(sites->context, &(struct stream_object){sample->object, sample->time});
}

/* Gives up every second sample, as if it had never been taken. */
static void thin_out(struct sites *sites)
{
	size_t kept = 0;

	for (size_t i = 0; i < sites->samples; i++) {
		if (i & 1) {
			struct stack *stack = &sites->stack[sites->sample[i].stack];

			stack->sampled--;
			stack->left -= sites->sample[i].settled;
			drop(sites, &sites->sample[i]);
		} else {
			sites->sample[kept++] = sites->sample[i];
		}
	}
	sites->samples = kept;
	index_samples(sites);
}

static struct sample *sample_of(const struct sites *sites, uint64_t object)
{
	uint64_t at = hash_object(object);
	ssize_t i;

	while ((i = index_next(&sites->by_object, &at)) >= 0) {
		if (sites->sample[i].object == object)
			return &sites->sample[i];
	}
	return NULL;
}

/* NULL when there is no room. */
static struct sample *new_sample(struct sites *sites, uint64_t object)
{
	if (sites->samples >= SAMPLES_MOST)
		thin_out(sites);
	if (!list_make_room((void **)&sites->sample, sites->samples, sizeof(*sites->sample)))
		return NULL;
	sites->sample[sites->samples].object = object;
	if (!index_add(&sites->by_object, sites->samples + 1, hash_sample, sites))
		return NULL;
	return &sites->sample[sites->samples++];
}

/* There is no room for it. */
static void refuse(struct sites *sites, const struct alloc_probe_birth *birth)
{
	sites->refused++;
	if (birth->followed)
		sites->dropped(sites->context, &(struct stream_object){birth->object, birth->time});
}

uint64_t sites_refused(struct sites *sites)
{
	uint64_t refused = sites->refused;

	sites->refused = 0;
	return refused;
}

void sites_add(struct sites *sites, const struct alloc_probe_birth *birth)
{
	struct stack stack = {.type = birth->type};
	struct sample *old, *sample;
	ssize_t i;

	if ((sites->stacks >= TABLE_MOST || positions_are_full(sites->positions)) && sites->made_room != sites->round)
		make_room(sites);
	/* A generator's own frame tells no more than its name: who called it is asked for. */
	for (uint32_t k = is_generator(sites, birth->type); k < birth->frames; k++) {
		uint32_t position = positions_of(sites->positions, &birth->frame[k]);

		if (position)
			stack.position[stack.frames++] = position;
	}
	i = stack_index(sites, &stack);
	if (i < 0) {
		refuse(sites, birth);
		return;
	}
	sites->stack[i].sampled++;
	old = sample_of(sites, birth->object);
	sample = old ? old : new_sample(sites, birth->object);
	if (!sample) {
		sites->stack[i].sampled--;
		refuse(sites, birth);
		return;
	}
	/* One that was sampled at this address before is dead, and if nobody sees such deaths, others may be. */
	if (old && !old->settled)
		*(old->followed ? &sites->stack[old->stack].replaced : &sites->stack[old->stack].left) += 1;
	*sample = (struct sample){
		.object = birth->object,
		.type = birth->type,
		.time = birth->time,
		.number = birth->number,
		.stack = (uint32_t)i,
		.followed = birth->followed != 0,
	};
}

/* A hash of the first words of an object, as far as they are its own; 0 when they cannot be read. */
static uint64_t looks_of(struct sites *sites, const struct sample *sample)
{
	const struct layout *layout = &sites->python->layout;
	uint64_t hash = 5, word, basicsize, itemsize, flags, end;

	if (!memory_u64(sites->memory, sample->type + (uint64_t)layout->type.basicsize, &basicsize) ||
		!memory_u64(sites->memory, sample->type + (uint64_t)layout->type.itemsize, &itemsize) ||
		!memory_u64(sites->memory, sample->type + (uint64_t)layout->type.flags, &flags))
		return 0;
	end = basicsize + (itemsize ? sizeof(word) : 0);
	if (flags & TPFLAGS_INLINE_VALUES)
		end += LOOKS_AFTER * sizeof(word);
	for (uint64_t i = 0; i < LOOKS_AFTER; i++) {
		uint64_t offset = (uint64_t)layout->object.size + i * sizeof(word);

		if (offset + sizeof(word) > end)
			break;
		if (!memory_u64(sites->memory, sample->object + offset, &word))
			return 0;
		hash = index_mix(hash, word);
	}
	for (uint64_t i = 1; i <= LOOKS_BEFORE && flags & TPFLAGS_MANAGED_DICT; i++) {
		uint64_t offset = (uint64_t)layout->gc_head.size + i * sizeof(word);

		if (!memory_u64(sites->memory, sample->object - offset, &word))
			return 0;
		hash = index_mix(hash, word);
	}
	return hash | 1;
}

void sites_close_window(struct sites *sites, uint64_t births, uint64_t after, uint64_t now)
{
	size_t kept = 0;

	memory_forget(sites->memory);
	for (size_t i = 0; i < sites->samples; i++) {
		struct sample *sample = &sites->sample[i];

		if (!sample->settled && !sample->followed) {
			uint64_t followers = births - sample->number;

			if (followers < after && (followers < FOLLOWERS_FEW || now < sample->time + TIME_ENOUGH)) {
				sites->stack[sample->stack].sampled--;
				continue;
			}
			sample->looks = looks_of(sites, sample);
			sample->contents = contents_of(sites->python, sites->memory, sample->object, sample->type);
			sample->settled = true;
			sites->stack[sample->stack].left++;
		}
		sites->sample[kept++] = *sample;
	}
	if (kept != sites->samples) {
		sites->samples = kept;
		index_samples(sites);
	}
}

/*
 * Goes through the segments of one interpreter, old generations or the youngest. Samples that are there under their own
 * type are found. The time of its sample's birth bounds the birth of whatever lies at an address now: *latest is the
 * latest such bound so far.
 */
static void find_in_segment(const struct sites *sites, const struct census *census,
	const struct census_segment *segment, uint64_t *latest, unsigned char *found)
{
	for (size_t i = segment->first; i < segment->first + segment->count; i++) {
		const struct sample *sample = sample_of(sites, census->address[i]);

		if (!sample)
			continue;
		/*
		 * The youngest list is in the order of births, and all that is on the older ones was born before. What
		 * lies behind a later birth than its own sample's is not the object that was sampled.
		 */
		if ((segment->generation != 0 || sample->time >= *latest) &&
			sample->type == census->types.type[census->type[i]].address)
			found[sample - sites->sample] = 1;
		if (sample->time > *latest)
			*latest = sample->time;
	}
}

/* One byte for each sample: whether the census has it, under the type that it was born with, and in its place. */
static unsigned char *in_census(const struct sites *sites, const struct census *census)
{
	unsigned char *found = calloc(sites->samples + 1, 1);

	for (uint32_t k = 0; found && sites->samples && k < census->interpreters; k++) {
		uint64_t latest = 0;

		for (int youngest = 0; youngest <= 1; youngest++) {
			for (size_t i = 0; i < census->segment_count; i++) {
				const struct census_segment *segment = &census->segments[i];

				if (segment->interpreter == k && (segment->generation == 0) == youngest)
					find_in_segment(sites, census, segment, &latest, found);
			}
		}
	}
	return found;
}

static bool is_alive(struct sites *sites, const struct sample *sample, const struct stream_objects *live)
{
	const struct stream_object *found;

	if (sample->followed) {
		found = live ? stream_objects_find(live, sample->object) : NULL;
		return found && found->value == sample->time;
	}
	return !sample->settled || (sample->looks && looks_of(sites, sample) == sample->looks);
}

/* What samples of a type held. */
struct held {
	uint64_t type, contents;
};

static int compare_held(const void *a, const void *b)
{
	const struct held *x = a, *y = b;

	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	return (x->contents > y->contents) - (x->contents < y->contents);
}

/* All samples that were looked at when their windows closed, alive or not, in order; *count of them. NULL: no memory.
 */
static struct held *held_by_samples(const struct sites *sites, size_t *count)
{
	struct held *held = calloc(sites->samples + 1, sizeof(*held));

	*count = 0;
	for (size_t i = 0; held && i < sites->samples; i++) {
		const struct sample *sample = &sites->sample[i];

		if (sample->settled && sample->contents)
			held[(*count)++] = (struct held){sample->type, sample->contents};
	}
	if (held)
		qsort(held, *count, sizeof(*held), compare_held);
	return held;
}

/* How many samples of the type held something; no more than TOLD_APART_LEAST are counted. */
static size_t count_of_type(const struct held *held, size_t count, uint64_t type)
{
	const struct held key = {type, 0};
	size_t from = 0, to = count, n = 0;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (compare_held(&held[middle], &key) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	while (n < TOLD_APART_LEAST && from + n < count && held[from + n].type == type)
		n++;
	return n;
}

/*
 * Whether the object that lies there is the one that was sampled beyond doubt: it holds what that one held, and no
 * other sample of its type did.
 */
static bool is_certain(struct sites *sites, const struct sample *sample, const struct held *held, size_t count)
{
	const struct held key = {sample->type, sample->contents};
	const struct held *found;

	if (!sample->settled || !sample->contents || count_of_type(held, count, sample->type) < TOLD_APART_LEAST)
		return false;
	found = bsearch(&key, held, count, sizeof(*held), compare_held);
	if (!found || (found > held && compare_held(found - 1, &key) == 0) ||
		(found + 1 < held + count && compare_held(found + 1, &key) == 0))
		return false;
	return contents_of(sites->python, sites->memory, sample->object, sample->type) == sample->contents;
}

int sites_check(struct sites *sites, const struct capture *capture, const struct stream_objects *live, uint64_t cut)
{
	unsigned char *found = in_census(sites, &capture->census);
	size_t kept = 0, held_count;
	struct held *held = held_by_samples(sites, &held_count);

	if (!found || !held) {
		free(found);
		free(held);
		return -1;
	}
	memory_forget(sites->memory);
	sites->followed = live != NULL;
	for (size_t i = 0; i < sites->stacks; i++)
		sites->stack[i].alive = sites->stack[i].certain = sites->stack[i].pending = 0;
	for (size_t i = 0; i < sites->samples; i++) {
		const struct sample sample = sites->sample[i];

		if (sample.time > cut) {
			sites->stack[sample.stack].pending++;
		} else if (found[i] && is_alive(sites, &sample, live)) {
			sites->stack[sample.stack].alive++;
			sites->stack[sample.stack].certain += is_certain(sites, &sample, held, held_count);
		} else {
			drop(sites, &sample);
			continue;
		}
		sites->sample[kept++] = sample;
	}
	free(found);
	free(held);
	if (kept != sites->samples) {
		sites->samples = kept;
		index_samples(sites);
	}
	return 0;
}

void sites_unfollow(struct sites *sites, const struct stream_objects *live, uint64_t births, uint64_t after,
	uint64_t now, bool (*seen)(void *context, uint64_t type), void *context)
{
	size_t kept = 0;

	for (size_t i = 0; i < sites->samples; i++) {
		struct sample *sample = &sites->sample[i];

		if (sample->followed && !is_alive(sites, sample, live))
			continue;
		sample->followed = false;
		sites->sample[kept++] = *sample;
	}
	for (size_t i = 0; i < sites->stacks; i++) {
		struct stack *stack = &sites->stack[i];

		if (stack->replaced && !seen(context, stack->type))
			stack->left += stack->replaced;
		stack->replaced = 0;
	}
	sites->samples = kept;
	index_samples(sites);
	sites_close_window(sites, births, after, now);
}

int sites_compare(const void *a, const void *b)
{
	const struct allocation_site *x = a, *y = b;

	if (x->survivors != y->survivors)
		return x->survivors < y->survivors ? 1 : -1;
	return (x->sampled > y->sampled) - (x->sampled < y->sampled);
}

/* Of a stack whose samples were not followed. */
static double survivors_of(const struct stack *stack)
{
	uint64_t certain = stack->certain < CERTAIN_LEAST ? 0 : stack->certain,
		 left = stack->left > stack->alive ? stack->left : stack->alive;

	return (double)certain + (double)(stack->alive - certain) * (double)stack->alive / (double)left;
}

ssize_t sites_of(const struct sites *sites, uint64_t type, struct allocation_site **found)
{
	size_t count = 0;

	*found = NULL;
	for (size_t i = 0; i < sites->stacks; i++) {
		const struct stack *stack = &sites->stack[i];
		struct allocation_site *site;

		if (stack->type != type || !stack->alive || !stack->frames)
			continue;
		if (!list_make_room((void **)found, count, sizeof(**found))) {
			free(*found);
			*found = NULL;
			return -1;
		}
		site = &(*found)[count++];
		*site = (struct allocation_site){
			.frames = stack->frames,
			.alive = stack->alive,
			.sampled = stack->sampled - stack->pending,
			.survivors = (double)stack->alive,
		};
		if (!sites->followed)
			site->survivors = survivors_of(stack);
		/* A few that are mistaken for alive, of many that have died, are no survivors. */
		if (site->survivors < SURVIVORS_LEAST) {
			count--;
			continue;
		}
		for (uint32_t k = 0; k < stack->frames; k++)
			site->frame[k] = positions_at(sites->positions, stack->position[k]);
	}
	if (!count) {
		free(*found);
		*found = NULL;
		return 0;
	}
	qsort(*found, count, sizeof(**found), sites_compare);
	return (ssize_t)count;
}
