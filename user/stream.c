// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "alloc_probe.skel.h"
#include "attach.h"

/* Elements by which a list grows at first. */
#define BATCH 1024
/* In place of a process's id: a list of a process that is gone. */
#define NOBODY UINT64_MAX
#define TABLES 3

static const int table_bits[TABLES] = {
	[STREAM_LIVE] = ALLOC_PROBE_LIVE_BITS,
	[STREAM_FINALIZED] = ALLOC_PROBE_FINALIZED_BITS,
	[STREAM_CLOSING] = ALLOC_PROBE_CLOSING_BITS,
};

/* A table of objects, as the programs see it. */
struct table {
	struct alloc_probe_row *rows;
	size_t count;
};
/* Where /proc/self/ns/pid of the initial pid namespace leads (include/linux/proc_ns.h, PROC_PID_INIT_INO). */
#define INITIAL_PID_NAMESPACE "pid:[4026531836]"

struct stream {
	struct alloc_probe_bpf *probe;
	struct ring_buffer *ring, *spent;
	struct alloc_probe_process *processes; /* the maps' own memory */
	struct alloc_probe_state *states;
	struct alloc_probe_type *types;
	const uint64_t *taken; /* places in types */
	struct alloc_probe_list *lists;
	struct alloc_probe_pending *pending;
	struct table tables[TABLES];
	bool multi; /* programs are loaded for uprobe_multi: such cannot be attached in the other way */
	bool initial_pids; /* pids here are those of the initial namespace */
	struct tracee *tracees[ALLOC_PROBE_MAX_PROCESSES];
	void (*visit)(void *context, const struct alloc_probe_birth *birth); /* while draining */
	void *context;
};

struct tracee {
	struct stream *stream;
	uint32_t index;
	pid_t pid;
	struct alloc_probe_process *config;
	struct alloc_probe_state *state;
	struct attachment deaths, births;
	uint64_t births_before; /* hits when the births began to be watched */
	uint64_t frames; /* as in the config */
};

static int load_failed(struct error *error, int code)
{
	switch (code) {
	case ENOSYS:
		return error_set(error, ERROR_FAILED,
			"this kernel has no BPF (CONFIG_BPF_SYSCALL), so events cannot be counted");
	case EPERM:
	case EACCES:
		return attach_refused(error, "the kernel refuses the BPF program");
	case ENOMEM:
		return error_set(error, ERROR_FAILED, "not enough memory for the BPF maps");
	default:
		return error_set(error, ERROR_FAILED,
			"the kernel does not take the BPF program (%s), which needs Linux 5.15; OGT_DEBUG=1 shows "
			"libbpf's log",
			strerror(code));
	}
}

/* A breakpoint on each thread takes a descriptor. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static bool in_initial_pid_namespace(void)
{
	char name[64] = "";

	return readlink("/proc/self/ns/pid", name, sizeof(name) - 1) > 0 && strcmp(name, INITIAL_PID_NAMESPACE) == 0;
}

static int visit_record(void *context, void *data, size_t size)
{
	struct stream *stream = context;
	const struct alloc_probe_birth *birth = data;

	if (stream->visit && size >= sizeof(*birth) && birth->frames <= ALLOC_PROBE_FRAMES)
		stream->visit(stream->context, birth);
	return 0;
}

static int ignore_record(void *context, void *data, size_t size)
{
	(void)context, (void)data, (void)size;
	return 0;
}

static void *map_memory(const struct bpf_map *map, size_t size, bool writable)
{
	void *memory = mmap(NULL, size, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, bpf_map__fd(map), 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static void unmap(void *memory, size_t size)
{
	if (memory)
		munmap(memory, size);
}

static size_t table_size(const struct table *table)
{
	return table->count * sizeof(*table->rows);
}

static int load(struct stream *stream, struct error *error)
{
	struct bpf_program *probes[] = {stream->probe->progs.death, stream->probe->progs.making};
	const struct bpf_map *tables[TABLES] = {
		[STREAM_LIVE] = stream->probe->maps.live,
		[STREAM_FINALIZED] = stream->probe->maps.finalized,
		[STREAM_CLOSING] = stream->probe->maps.closing,
	};
	bool mapped = true;
	uint32_t type;
	int result;

	stream->multi = stream->multi && attach_has_multi(&type);
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]) && stream->multi; i++)
		bpf_program__set_expected_attach_type(probes[i], type);
	result = alloc_probe_bpf__load(stream->probe);
	if (result)
		return load_failed(error, -result);
	stream->processes =
		map_memory(stream->probe->maps.processes, sizeof(*stream->processes) * ALLOC_PROBE_MAX_PROCESSES, true);
	stream->states =
		map_memory(stream->probe->maps.states, sizeof(*stream->states) * ALLOC_PROBE_MAX_PROCESSES, true);
	stream->types = map_memory(stream->probe->maps.types, sizeof(*stream->types) * ALLOC_PROBE_MAX_TYPES, true);
	stream->taken = map_memory(stream->probe->maps.taken, sizeof(*stream->taken) * ALLOC_PROBE_MAX_TYPES, false);
	stream->lists = map_memory(stream->probe->maps.lists, sizeof(*stream->lists) * ALLOC_PROBE_MAX_LISTS, true);
	stream->pending =
		map_memory(stream->probe->maps.pending, sizeof(*stream->pending) * ALLOC_PROBE_MAX_PROCESSES, true);
	for (size_t i = 0; i < TABLES; i++) {
		stream->tables[i].count = (size_t)1 << table_bits[i];
		stream->tables[i].rows = map_memory(tables[i], table_size(&stream->tables[i]), true);
		mapped = mapped && stream->tables[i].rows;
	}
	stream->ring = ring_buffer__new(bpf_map__fd(stream->probe->maps.births), visit_record, stream, NULL);
	stream->spent = ring_buffer__new(bpf_map__fd(stream->probe->maps.spent), ignore_record, NULL, NULL);
	if (!stream->processes || !stream->states || !stream->types || !stream->taken || !stream->lists || !mapped ||
		!stream->pending || !stream->ring || !stream->spent)
		return load_failed(error, errno);
	return 0;
}

static struct stream *open_by(bool multi, struct error *error)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream) {
		error_set(error, ERROR_FAILED, "out of memory");
		return NULL;
	}
	if (!getenv("OGT_DEBUG"))
		libbpf_set_print(NULL);
	raise_descriptor_limit();
	stream->initial_pids = in_initial_pid_namespace();
	stream->multi = multi;
	stream->probe = alloc_probe_bpf__open();
	if (!stream->probe || load(stream, error) < 0) {
		if (!stream->probe)
			load_failed(error, errno);
		stream_close(stream);
		return NULL;
	}
	return stream;
}

struct stream *stream_open(struct error *error)
{
	return open_by(!getenv("OGT_PER_SITE"), error);
}

int stream_attach_one_by_one(struct stream **stream, struct error *error)
{
	if (!(*stream)->multi)
		return -1;
	stream_close(*stream);
	*stream = open_by(false, error);
	return *stream ? 0 : -1;
}

const char *stream_attached_by(const struct stream *stream)
{
	return stream->multi ? "uprobe_multi" : "uprobe";
}

bool stream_detaches_fast(const struct stream *stream)
{
	return stream->multi;
}

void stream_close(struct stream *stream)
{
	if (!stream)
		return;
	for (size_t i = 0; i < ALLOC_PROBE_MAX_PROCESSES; i++)
		tracee_free(stream->tracees[i]);
	ring_buffer__free(stream->ring);
	ring_buffer__free(stream->spent);
	unmap(stream->processes, sizeof(*stream->processes) * ALLOC_PROBE_MAX_PROCESSES);
	unmap(stream->states, sizeof(*stream->states) * ALLOC_PROBE_MAX_PROCESSES);
	unmap(stream->types, sizeof(*stream->types) * ALLOC_PROBE_MAX_TYPES);
	unmap(stream->lists, sizeof(*stream->lists) * ALLOC_PROBE_MAX_LISTS);
	unmap(stream->pending, sizeof(*stream->pending) * ALLOC_PROBE_MAX_PROCESSES);
	for (size_t i = 0; i < TABLES; i++)
		unmap(stream->tables[i].rows, table_size(&stream->tables[i]));
	unmap((void *)stream->taken, sizeof(*stream->taken) * ALLOC_PROBE_MAX_TYPES);
	alloc_probe_bpf__destroy(stream->probe);
	free(stream);
}

struct tracee *tracee_new(struct stream *stream, const struct tracee_config *config, struct error *error)
{
	const struct layout *layout = config->layout;
	struct tracee *tracee = calloc(1, sizeof(*tracee));
	uint32_t index = 0;

	while (index < ALLOC_PROBE_MAX_PROCESSES && stream->tracees[index])
		index++;
	if (!tracee || index == ALLOC_PROBE_MAX_PROCESSES) {
		error_set(error, ERROR_FAILED, "%s", tracee ? "too many processes are traced" : "out of memory");
		free(tracee);
		return NULL;
	}
	*tracee = (struct tracee){
		.stream = stream,
		.index = index,
		.pid = config->pid,
		.frames = config->frames,
		.config = &stream->processes[index],
		.state = &stream->states[index],
	};
	*tracee->config = (struct alloc_probe_process){
		.holder = config->holder,
		.young = config->young,
		.generators = {config->generators[0], config->generators[1], config->generators[2]},
		.function_code = layout->member.function_code,
		.code_flags = layout->code.flags,
		.untracked = {config->untracked[0], config->untracked[1], config->untracked[2]},
		.gc_head_size = layout->gc_head.size,
		.object_refcnt = layout->object.refcnt,
		.object_type = layout->object.type,
		.type_dealloc = layout->type.dealloc,
		.type_flags = layout->type.flags,
		.type_finalize = layout->type.finalize,
		.tstate_frame = layout->tstate.frame,
		.tstate_cframe = layout->tstate.cframe,
		.cframe_frame = layout->tstate.cframe_frame,
		.tstate_trash = layout->trash.depth,
		.trash_counts_down = layout->trash.counts_down,
		.frame_code = layout->frame.code,
		.frame_previous = layout->frame.previous,
		.frame_instruction = layout->frame.instruction,
		.code_words = layout->code.filename,
		.code_last = (uint32_t)(layout->code.linetable - layout->code.filename) / sizeof(uint64_t),
		.code_tag = layout->frame.code_tag,
	};
	stream->tracees[index] = tracee;
	return tracee;
}

static int add_object(struct stream_objects *objects, const struct alloc_probe_object *object)
{
	if (objects->count == objects->capacity) {
		size_t capacity = objects->capacity ? objects->capacity * 2 : BATCH;
		struct stream_object *grown = realloc(objects->object, capacity * sizeof(*grown));

		if (!grown)
			return -1;
		objects->object = grown;
		objects->capacity = capacity;
	}
	objects->object[objects->count++] = (struct stream_object){ALLOC_PROBE_KEY_ADDRESS(object->key), object->value};
	return 0;
}

static int by_address(const void *a, const void *b)
{
	const struct stream_object *left = a, *right = b;

	return (left->address > right->address) - (left->address < right->address);
}

static int read_objects(const struct tracee *tracee, const struct table *table, struct stream_objects *objects)
{
	objects->count = 0;
	for (size_t i = 0; i < table->count; i++) {
		for (size_t k = 0; k < ALLOC_PROBE_WAYS; k++) {
			const struct alloc_probe_object object = table->rows[i].way[k];

			if (object.value && ALLOC_PROBE_KEY_PROCESS(object.key) == tracee->index &&
				add_object(objects, &object) < 0)
				return -1;
		}
	}
	if (objects->count)
		qsort(objects->object, objects->count, sizeof(*objects->object), by_address);
	return 0;
}

/* How many places of `types` are taken. */
static size_t places_taken(const struct stream *stream)
{
	uint64_t taken = __atomic_load_n(&stream->probe->bss->types_taken, __ATOMIC_ACQUIRE);

	return taken < ALLOC_PROBE_MAX_TYPES ? taken : ALLOC_PROBE_MAX_TYPES;
}

static bool belongs_to(const struct tracee *tracee, const struct alloc_probe_type *type)
{
	return type->key > ALLOC_PROBE_TYPE_GONE && ALLOC_PROBE_KEY_PROCESS(type->key) == tracee->index;
}

static void forget_objects(const struct tracee *tracee, const struct table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		for (size_t k = 0; k < ALLOC_PROBE_WAYS; k++) {
			if (ALLOC_PROBE_KEY_PROCESS(table->rows[i].way[k].key) == tracee->index)
				table->rows[i].way[k] = (struct alloc_probe_object){0};
		}
	}
}

/* Interpreters come and go, and with them the lists. Nothing may be watched. */
static void forget_lists(const struct tracee *tracee)
{
	struct alloc_probe_list *lists = tracee->stream->lists;

	for (size_t i = 0; i < ALLOC_PROBE_MAX_LISTS; i++) {
		if (lists[i].watched && lists[i].process == tracee->index)
			lists[i].process_id = NOBODY;
	}
}

static bool is_alone(const struct tracee *tracee)
{
	for (size_t i = 0; i < ALLOC_PROBE_MAX_PROCESSES; i++) {
		if (tracee->stream->tracees[i] && tracee->stream->tracees[i] != tracee)
			return false;
	}
	return true;
}

/* Takes out of the maps what they hold of this process, so that the next with its number starts afresh. */
static void clear(struct tracee *tracee)
{
	tracee_forget_types(tracee);
	*tracee->state = (struct alloc_probe_state){0};
	for (size_t i = 0; i < TABLES; i++)
		forget_objects(tracee, &tracee->stream->tables[i]);
	forget_lists(tracee);
}

bool tracee_is_crowded(const struct tracee *tracee)
{
	return places_taken(tracee->stream) > ALLOC_PROBE_MAX_TYPES / 4 * 3;
}

void tracee_forget_types(struct tracee *tracee)
{
	struct stream *stream = tracee->stream;
	size_t n = places_taken(stream);
	bool alone = is_alone(tracee);

	for (size_t i = 0; i < n; i++) {
		struct alloc_probe_type *type = &stream->types[stream->taken[i] % ALLOC_PROBE_MAX_TYPES];

		/* The place stays taken while others may lie behind it. */
		if (alone)
			*type = (struct alloc_probe_type){0};
		else if (belongs_to(tracee, type))
			*type = (struct alloc_probe_type){.key = ALLOC_PROBE_TYPE_GONE};
	}
	if (alone)
		__atomic_store_n(&stream->probe->bss->types_taken, 0, __ATOMIC_RELEASE);
}

void tracee_forget_all(struct tracee *tracee)
{
	for (size_t i = 0; i < TABLES; i++)
		forget_objects(tracee, &tracee->stream->tables[i]);
	tracee->state->finalized = tracee->state->closing = 0;
}

void tracee_free(struct tracee *tracee)
{
	if (!tracee)
		return;
	tracee_unwatch_births(tracee);
	tracee_untrace_deaths(tracee);
	clear(tracee);
	*tracee->config = (struct alloc_probe_process){0};
	tracee->stream->tracees[tracee->index] = NULL;
	free(tracee);
}

/* Of a function that makes objects, what the program is to know (ALLOC_PROBE_MAKES_...). */
static uint64_t what_it_makes(const struct tracee *tracee, const struct stream_site *site)
{
	uint64_t *makes = (uint64_t *)tracee->config->makes;

	for (uint64_t i = 0; site->makes && i < ALLOC_PROBE_MAKES; i++) {
		if (!makes[i])
			makes[i] = site->makes;
		if (makes[i] == site->makes)
			return ALLOC_PROBE_MAKES_ONE + i;
	}
	if (site->makes_generators)
		return ALLOC_PROBE_MAKES_GENERATORS;
	return site->makes_others ? ALLOC_PROBE_MAKES_OTHERS : ALLOC_PROBE_MAKES_ARGUMENT;
}

/* Attaches one program of the skeleton at functions of the tracee. */
static int attach(struct tracee *tracee, struct attachment *attachment, const struct bpf_program *program,
	const struct stream_site *sites, size_t count, bool *refused, struct error *error)
{
	struct attach_site *places = calloc(count ? count : 1, sizeof(*places));
	int result;

	if (!places)
		return error_set(error, ERROR_FAILED, "out of memory");
	for (size_t i = 0; i < count; i++)
		places[i] = (struct attach_site){
			.path = sites[i].path,
			.file_offset = sites[i].file_offset + sites[i].into,
			.cookie = ALLOC_PROBE_COOKIE(
				tracee->index, sites[i].into, what_it_makes(tracee, &sites[i]), sites[i].closes),
		};
	result = attach_uprobes(attachment, bpf_program__fd(program), tracee->stream->multi, tracee->pid, places, count,
		refused, error);
	free(places);
	return result;
}

int tracee_trace_deaths(
	struct tracee *tracee, const struct stream_site *sites, size_t count, bool *refused, struct error *error)
{
	return attach(tracee, &tracee->deaths, tracee->stream->probe->progs.death, sites, count, refused, error);
}

void tracee_untrace_deaths(struct tracee *tracee)
{
	attachment_release(&tracee->deaths);
}

void tracee_scrub(struct tracee *tracee, const struct stream_site *sites, size_t count)
{
	struct attach_site *places = calloc(count + 1, sizeof(*places));
	struct attachment attachment = {0};

	for (size_t i = 0; places && i < count; i++)
		places[i] = (struct attach_site){
			.path = sites[i].path,
			.file_offset = sites[i].file_offset + sites[i].into,
			.cookie = UINT32_MAX, /* of no process: the program does nothing */
		};
	if (places)
		attach_uprobes(&attachment, bpf_program__fd(tracee->stream->probe->progs.death), tracee->stream->multi,
			tracee->pid, places, count, NULL, NULL);
	attachment_release(&attachment);
	free(places);
}

int tracee_trace_births(struct tracee *tracee, const struct stream_site *sites, size_t count, enum stream_making making,
	bool *refused, struct error *error)
{
	struct alloc_probe_process *config = tracee->config;

	memset(config->makes, 0, sizeof(config->makes));
	/* As if it had a function of its own: others leave it out. */
	config->makes[0] = tracee->frames;
	for (size_t i = 0; i < count; i++) {
		if (sites[i].makes_generators)
			memcpy(&config->makes[1], config->generators, sizeof(config->generators));
	}
	config->counts_made = making & STREAM_COUNTS;
	config->samples_made = making & STREAM_SAMPLES;
	config->classes_only = making & STREAM_CLASSES;
	config->limited = (making & STREAM_LIMITED) != 0;
	/* Whatever was pending when that ended last has been forgotten by now. */
	tracee->stream->pending[tracee->index].birth.type = 0;
	return attach(tracee, &tracee->births, tracee->stream->probe->progs.making, sites, count, refused, error);
}

void tracee_want(struct tracee *tracee, const uint64_t *types, size_t count)
{
	for (size_t i = 0; i < ALLOC_PROBE_WANTED; i++)
		tracee->config->wanted[i] = i < count ? types[i] : 0;
}

void tracee_set_young(struct tracee *tracee, uint64_t young)
{
	tracee->config->young = young;
}

/* The place of a watched address: its own, or a free one. */
static struct alloc_probe_list *list_of(const struct tracee *tracee, uint64_t watched)
{
	struct alloc_probe_list *lists = tracee->stream->lists, *free_place = NULL;

	for (size_t i = 0; i < ALLOC_PROBE_MAX_LISTS; i++) {
		if (!lists[i].watched || lists[i].process_id == NOBODY)
			free_place = free_place ? free_place : &lists[i];
		else if (lists[i].watched == watched && lists[i].process == tracee->index)
			return &lists[i];
		if (!lists[i].watched)
			break;
	}
	return free_place;
}

int tracee_set_tail(struct tracee *tracee, const struct stream_list *watched, uint64_t tail, struct error *error)
{
	struct alloc_probe_list *list = list_of(tracee, watched->watched);
	__u64 unknown = 0;

	if (!list)
		return error_set(error, ERROR_FAILED, "too many interpreters are watched");
	list->process = tracee->index;
	list->holder = watched->holder;
	/* What the program has seen meanwhile is newer than what was read. */
	if (!tail)
		__atomic_store_n(&list->tail, 0, __ATOMIC_RELAXED);
	else
		__atomic_compare_exchange_n(&list->tail, &unknown, tail, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	list->process_id = tracee->stream->initial_pids ? (uint64_t)tracee->pid : 0;
	list->watched = watched->watched;
	return 0;
}

int tracee_watch_births(
	struct tracee *tracee, const struct stream_list *lists, size_t count, unsigned int most, struct error *error)
{
	uint64_t *addresses = calloc(count + 1, sizeof(*addresses));
	int result = addresses ? 0 : error_set(error, ERROR_FAILED, "out of memory");

	forget_lists(tracee);
	for (size_t i = 0; i < count && result == 0; i++) {
		addresses[i] = lists[i].watched;
		result = tracee_set_tail(tracee, &lists[i], 0, error);
	}
	tracee->births_before = tracee_state(tracee).births;
	tracee->config->limited = most != 0;
	if (result == 0)
		result = attach_breakpoints(&tracee->births, bpf_program__fd(tracee->stream->probe->progs.birth),
			tracee->pid, addresses, count, most, error);
	free(addresses);
	return result;
}

void tracee_unwatch_births(struct tracee *tracee)
{
	attachment_release(&tracee->births);
	tracee->stream->pending[tracee->index].birth.type = 0;
	tracee->config->limited = 0;
}

void tracee_sample(struct tracee *tracee, double share, bool follow)
{
	tracee->config->follow = follow;
	tracee->config->sample_below = share <= 0 ? 0 : share >= 1 ? UINT32_MAX : (uint32_t)(share * UINT32_MAX);
}

void tracee_allow(struct tracee *tracee, uint64_t hits)
{
	const volatile struct alloc_probe_state *state = tracee->state;

	tracee->config->spend = hits ? state->births + state->made + state->deaths + hits : 0;
}

bool tracee_allow_more(struct tracee *tracee, uint64_t hits)
{
	const volatile struct alloc_probe_state *state = tracee->state;
	__u64 allowed = *(volatile __u64 *)&tracee->config->spend;

	return allowed && __sync_bool_compare_and_swap(
				  &tracee->config->spend, allowed, state->births + state->made + state->deaths + hits);
}

void tracee_set_finalizers(struct tracee *tracee, uint64_t dealloc, uint64_t collecting)
{
	tracee->config->collecting = collecting;
	tracee->config->with_finalizers = dealloc;
}

uint64_t tracee_missed(const struct tracee *tracee)
{
	/* What is not handed to a program of uprobes is a hit of no other kind, either. */
	uint64_t hits = tracee->births.uprobes ? 0 : attachment_hits(&tracee->births);
	uint64_t seen = tracee_state(tracee).births - tracee->births_before;

	return hits > seen ? hits - seen : 0;
}

struct alloc_probe_state tracee_state(const struct tracee *tracee)
{
	return *(volatile struct alloc_probe_state *)tracee->state;
}

static int add_count(const struct alloc_probe_type *type, uint32_t epoch, struct stream_counts *counts)
{
	if (counts->n == counts->capacity) {
		size_t capacity = counts->capacity ? counts->capacity * 2 : BATCH;
		struct stream_count *rows = realloc(counts->rows, capacity * sizeof(*rows));

		if (!rows)
			return -1;
		counts->rows = rows;
		counts->capacity = capacity;
	}
	counts->rows[counts->n++] = (struct stream_count){
		.type = ALLOC_PROBE_KEY_ADDRESS(type->key),
		.births = type->births,
		.deaths = type->deaths,
		.life = type->life,
		.highest = type->epoch == epoch ? type->highest : (int64_t)(type->births - type->deaths),
	};
	return 0;
}

static int by_type(const void *a, const void *b)
{
	const struct stream_count *left = a, *right = b;

	return (left->type > right->type) - (left->type < right->type);
}

int tracee_read(struct tracee *tracee, struct stream_counts *counts, struct error *error)
{
	const struct stream *stream = tracee->stream;
	size_t n = places_taken(stream);

	counts->n = 0;
	for (size_t i = 0; i < n; i++) {
		const struct alloc_probe_type *type = &stream->types[stream->taken[i] % ALLOC_PROBE_MAX_TYPES];

		if (belongs_to(tracee, type) && add_count(type, tracee->config->epoch, counts) < 0)
			return error_set(error, ERROR_FAILED, "out of memory");
	}
	tracee->config->epoch++;
	if (counts->n)
		qsort(counts->rows, counts->n, sizeof(counts->rows[0]), by_type);
	return 0;
}

const struct stream_count *stream_counts_find(const struct stream_counts *counts, uint64_t type)
{
	struct stream_count key = {.type = type};

	return counts->n ? bsearch(&key, counts->rows, counts->n, sizeof(key), by_type) : NULL;
}

void stream_counts_free(struct stream_counts *counts)
{
	free(counts->rows);
	*counts = (struct stream_counts){0};
}

/* Takes an object out of a table, unless something else is known of it by now: the target runs meanwhile. */
static void forget(const struct tracee *tracee, const struct table *table, int bits, const struct stream_object *object)
{
	__u64 key = ALLOC_PROBE_KEY(tracee->index, object->address), expected;
	struct alloc_probe_row *row = &table->rows[ALLOC_PROBE_HASH(key, bits)];

	for (size_t k = 0; k < ALLOC_PROBE_WAYS; k++) {
		expected = object->value;
		if (row->way[k].key == key)
			__atomic_compare_exchange_n(
				&row->way[k].value, &expected, 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	}
}

const struct stream_object *stream_objects_find(const struct stream_objects *objects, uint64_t address)
{
	struct stream_object key = {.address = address};

	return objects->count ? bsearch(&key, objects->object, objects->count, sizeof(key), by_address) : NULL;
}

void stream_objects_sort(struct stream_objects *objects)
{
	if (objects->count)
		qsort(objects->object, objects->count, sizeof(*objects->object), by_address);
}

void stream_objects_free(struct stream_objects *objects)
{
	free(objects->object);
	*objects = (struct stream_objects){0};
}

int tracee_objects(struct tracee *tracee, enum stream_table table, struct stream_objects *objects, struct error *error)
{
	const volatile struct alloc_probe_state *state = tracee->state;

	/* Spares the search where there never was any. */
	if ((table == STREAM_FINALIZED && !state->finalized) || (table == STREAM_CLOSING && !state->closing)) {
		objects->count = 0;
		return 0;
	}
	if (read_objects(tracee, &tracee->stream->tables[table], objects) < 0)
		return error_set(error, ERROR_FAILED, "out of memory");
	return 0;
}

void tracee_forget(struct tracee *tracee, enum stream_table table, const struct stream_object *object)
{
	forget(tracee, &tracee->stream->tables[table], table_bits[table], object);
}

void stream_drain(
	struct stream *stream, void (*visit)(void *context, const struct alloc_probe_birth *birth), void *context)
{
	stream->visit = visit;
	stream->context = context;
	ring_buffer__consume(stream->ring);
	stream->visit = NULL;
}

void stream_rest(struct stream *stream)
{
	ring_buffer__consume(stream->spent);
}

int stream_wakeup(const struct stream *stream)
{
	return ring_buffer__epoll_fd(stream->spent);
}
