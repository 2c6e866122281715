// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "interrupt.h"
#include "replace.h"
#include "snapshot.h"
#include "snapshot_format.h"
#include "stride.h"
#include "wire.h"

/* Fast: the file is waited for, and a higher level gains little. */
#define LEVEL 1
#define THREADS_MOST 4
/* Packed blocks that may wait for their turn to be written. */
#define AHEAD 32

/* --- one block --- */

struct block {
	unsigned char *bytes; /* header, list, frame */
	size_t size;
	uint64_t memory; /* bytes of the process that it stands for */
};

struct packer {
	ZSTD_CCtx *context;
	unsigned char *raw; /* what SNAPSHOT_OBJECTS holds, or the pages of SNAPSHOT_PAGES */
	unsigned char *encoded; /* these pages as stride_encode() has them */
	struct strides strides;
	struct wire list;
};

static bool packer_new(struct packer *packer)
{
	size_t objects = (size_t)SNAPSHOT_OBJECTS_MOST * SNAPSHOT_OBJECT_BYTES;
	size_t pages = (size_t)SNAPSHOT_PAGES_MOST * MEMORY_PAGE_SIZE;

	*packer = (struct packer){
		.context = ZSTD_createCCtx(),
		.raw = malloc(objects > pages ? objects : pages),
		.encoded = malloc(STRIDE_BOUND(pages)),
	};
	return packer->context && packer->raw && packer->encoded;
}

static void packer_free(struct packer *packer)
{
	ZSTD_freeCCtx(packer->context);
	free(packer->raw);
	free(packer->encoded);
	free(packer->list.bytes);
}

/* Compresses raw, puts the list before it and the header before both. False when out of memory. */
static bool pack(
	struct packer *packer, enum snapshot_kind kind, size_t count, const void *raw, size_t size, struct block *block)
{
	struct snapshot_header header = {.kind = kind, .raw = (uint32_t)size, .count = (uint32_t)count};
	size_t before = sizeof(header) + packer->list.size, frame = 0;

	if (packer->list.failed || size > SNAPSHOT_RAW_MOST)
		return false;
	block->bytes = malloc(before + ZSTD_compressBound(size));
	if (!block->bytes)
		return false;
	if (packer->list.size)
		memcpy(block->bytes + sizeof(header), packer->list.bytes, packer->list.size);
	if (size) {
		frame = ZSTD_compressCCtx(
			packer->context, block->bytes + before, ZSTD_compressBound(size), raw, size, LEVEL);
		if (ZSTD_isError(frame))
			return false;
	}
	header.list = (uint32_t)packer->list.size;
	header.stored = (uint32_t)(packer->list.size + frame);
	header.checksum = snapshot_checksum(&header, block->bytes + sizeof(header));
	memcpy(block->bytes, &header, sizeof(header));
	block->size = before + frame;
	packer->list.size = 0;
	return true;
}

/* --- what the blocks hold --- */

static void put_real(struct wire *wire, double value, double unit)
{
	wire_put_number(wire, value > 0 ? (uint64_t)llround(value / unit) : 0);
}

/* More than may be read again are not written at all: some of them would be as good as none. */
static void put_registers(struct wire *wire, const struct registers *registers)
{
	if (!registers->known || registers->count > SNAPSHOT_REGISTERS_MOST) {
		wire_put_number(wire, 0);
		return;
	}
	wire_put_number(wire, registers->count + 1);
	for (size_t i = 0; i < registers->count; i++)
		wire_put_number(wire, registers->word[i]);
}

static bool pack_about(struct packer *packer, const struct heap *heap, struct block *block)
{
	const struct target *target = &heap->target;
	const struct capture *capture = &heap->capture;
	const struct census *census = &capture->census;
	struct wire wire = {0};
	bool packed;

	wire_put_number(&wire, (uint64_t)target->process.pid);
	wire_put_text(&wire, heap->identity);
	wire_put_text(&wire, heap->address_space);
	wire_put_text(&wire, target->executable);
	put_real(&wire, heap->time, 1e-6);
	wire_put_number(&wire, heap->threads);
	wire_put_number(&wire, target->version);
	wire_put_number(&wire, (uint64_t)(target->debug | heap->usdt << 1));
	wire_put_number(&wire, target->bias);
	wire_put_number(&wire, target->runtime);
	wire_put_number(&wire, target->gc_generation0);
	wire_put_number(&wire, target->tstate_current);
	wire_put_number(&wire, target->interp_head);
	wire_put_number(&wire, target->gc_collecting);
	put_real(&wire, capture->pause_ms, 1e-3);
	wire_put_number(&wire, capture->stopped);
	wire_put_number(&wire, capture->stopped_all);
	wire_put_number(&wire, (unsigned char)capture->state);
	wire_put_number(&wire, capture->unnamed);
	wire_put_number(&wire, capture->missing);
	wire_put_number(&wire, census->interpreters);
	wire_put_number(&wire, census->segment_count);
	for (size_t i = 0; i < census->segment_count; i++) {
		wire_put_number(&wire, census->segments[i].interpreter);
		wire_put_number(&wire, (uint64_t)census->segments[i].generation);
		wire_put_number(&wire, census->segments[i].count);
	}
	put_registers(&wire, &capture->registers);
	packed = !wire.failed && pack(packer, SNAPSHOT_ABOUT, 1, wire.bytes, wire.size, block);
	free(wire.bytes);
	return packed;
}

static bool pack_types(struct packer *packer, const struct heap *heap, struct block *block)
{
	const struct type_table *types = &heap->capture.census.types;
	struct wire wire = {0};
	bool packed;

	for (size_t i = 0; i < types->count; i++) {
		wire_put_number(&wire, types->type[i].address);
		wire_put_text(&wire, heap->capture.names[i].name);
		wire_put_text(&wire, heap->capture.names[i].module);
	}
	packed = !wire.failed && types->count <= SNAPSHOT_TYPES_MOST &&
		 pack(packer, SNAPSHOT_TYPES, types->count, wire.bytes, wire.size, block);
	free(wire.bytes);
	return packed;
}

/* Addresses as the distance from the one before, the first of the block from 0; then the types. */
static bool pack_objects(
	struct packer *packer, const struct heap *heap, size_t first, size_t count, struct block *block)
{
	const struct census *census = &heap->capture.census;
	uint64_t *distance = (uint64_t *)packer->raw;

	distance[0] = census->address[first];
	for (size_t i = 1; i < count; i++)
		distance[i] = census->address[first + i] - census->address[first + i - 1];
	memcpy(distance + count, census->type + first, count * sizeof(uint32_t));
	return pack(packer, SNAPSHOT_OBJECTS, count, packer->raw, count * SNAPSHOT_OBJECT_BYTES, block);
}

static bool is_zero(const unsigned char *page)
{
	return !page[0] && memcmp(page, page + 1, MEMORY_PAGE_SIZE - 1) == 0;
}

/* Pages in runs of neighbours that are all zero, and then are not stored, or all not. */
static bool pack_pages(
	struct packer *packer, const struct heap *heap, const uint64_t *page, size_t count, struct block *block)
{
	uint64_t begin = 0, end = 0;
	size_t stored = 0;
	bool zeros = false;

	for (size_t i = 0; i < count; i++) {
		const unsigned char *bytes = memory_peek(heap->memory, page[i]);
		bool zero = is_zero(bytes);
		uint64_t before = end;

		if (!zero)
			memcpy(packer->raw + stored++ * MEMORY_PAGE_SIZE, bytes, MEMORY_PAGE_SIZE);
		if (i && page[i] == end && zero == zeros) {
			end++;
			continue;
		}
		if (i)
			wire_put_number(&packer->list, (end - begin) << 1 | zeros);
		begin = page[i];
		end = begin + 1;
		zeros = zero;
		wire_put_number(&packer->list, begin - before);
	}
	wire_put_number(&packer->list, (end - begin) << 1 | zeros);
	block->memory = (uint64_t)count * MEMORY_PAGE_SIZE;
	stored = stride_encode(packer->raw, stored * MEMORY_PAGE_SIZE, packer->encoded, &packer->strides);
	return pack(packer, SNAPSHOT_PAGES, count, packer->encoded, stored, block);
}

/* --- all blocks, packed by several threads, written in order --- */

struct writing {
	const struct heap *heap;
	struct page_set pages;
	size_t object_blocks, blocks;
	struct block *block;
	atomic_size_t next; /* to be packed */

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	bool *packed; /* each block */
	size_t written;
	bool failed, over;
};

static bool pack_one(const struct writing *writing, struct packer *packer, size_t i, struct block *block)
{
	size_t first, left;

	if (i < writing->object_blocks) {
		first = i * SNAPSHOT_OBJECTS_MOST;
		left = writing->heap->capture.census.count - first;
		return pack_objects(packer, writing->heap, first,
			left < SNAPSHOT_OBJECTS_MOST ? left : SNAPSHOT_OBJECTS_MOST, block);
	}
	first = (i - writing->object_blocks) * SNAPSHOT_PAGES_MOST;
	left = writing->pages.count - first;
	return pack_pages(packer, writing->heap, writing->pages.page + first,
		left < SNAPSHOT_PAGES_MOST ? left : SNAPSHOT_PAGES_MOST, block);
}

static void *pack_blocks(void *argument)
{
	struct writing *writing = argument;
	struct packer packer;
	bool good = packer_new(&packer);

	for (;;) {
		size_t i = atomic_fetch_add(&writing->next, 1);

		if (i >= writing->blocks)
			break;
		pthread_mutex_lock(&writing->lock);
		while (i >= writing->written + AHEAD && !writing->over)
			pthread_cond_wait(&writing->changed, &writing->lock);
		good = good && !writing->over;
		pthread_mutex_unlock(&writing->lock);
		good = good && pack_one(writing, &packer, i, &writing->block[i]);
		pthread_mutex_lock(&writing->lock);
		writing->packed[i] = true;
		writing->failed = writing->failed || !good;
		pthread_cond_broadcast(&writing->changed);
		pthread_mutex_unlock(&writing->lock);
		if (!good)
			break;
	}
	packer_free(&packer);
	return NULL;
}

/* 0, or an errno. */
static int write_all(int fd, const unsigned char *bytes, size_t size)
{
	while (size) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno != EINTR)
			return errno;
		if (n > 0) {
			bytes += n;
			size -= (size_t)n;
		}
		if (interrupt_signal)
			return EINTR;
	}
	return 0;
}

static int write_in_order(struct writing *writing, int fd, snapshot_progress *progress, void *context)
{
	uint64_t done = 0, all = (uint64_t)writing->pages.count * MEMORY_PAGE_SIZE;
	int reason = 0;

	for (size_t i = 0; i < writing->blocks && !reason; i++) {
		pthread_mutex_lock(&writing->lock);
		while (!writing->packed[i] && !writing->failed)
			pthread_cond_wait(&writing->changed, &writing->lock);
		reason = writing->failed ? ENOMEM : 0;
		pthread_mutex_unlock(&writing->lock);
		if (!reason)
			reason = write_all(fd, writing->block[i].bytes, writing->block[i].size);
		free(writing->block[i].bytes);
		writing->block[i].bytes = NULL;
		done += writing->block[i].memory;
		if (!reason && !progress(context, done, all))
			reason = EINTR;
		pthread_mutex_lock(&writing->lock);
		writing->written = i + 1;
		pthread_cond_broadcast(&writing->changed);
		pthread_mutex_unlock(&writing->lock);
	}
	return reason;
}

static int write_blocks(struct writing *writing, int fd, snapshot_progress *progress, void *context)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t thread[THREADS_MOST];
	size_t threads = 0, want = online < 1 ? 1 : online > THREADS_MOST ? THREADS_MOST : (size_t)online;
	sigset_t all, before;
	int reason = ENOMEM;

	writing->block = calloc(writing->blocks + 1, sizeof(*writing->block));
	writing->packed = calloc(writing->blocks + 1, sizeof(*writing->packed));
	pthread_mutex_init(&writing->lock, NULL);
	pthread_cond_init(&writing->changed, NULL);
	if (writing->block && writing->packed) {
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		while (threads < want && pthread_create(&thread[threads], NULL, pack_blocks, writing) == 0)
			threads++;
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		if (threads)
			reason = write_in_order(writing, fd, progress, context);
		pthread_mutex_lock(&writing->lock);
		writing->over = true;
		pthread_cond_broadcast(&writing->changed);
		pthread_mutex_unlock(&writing->lock);
		while (threads)
			pthread_join(thread[--threads], NULL);
	}
	for (size_t i = 0; writing->block && i < writing->blocks; i++)
		free(writing->block[i].bytes);
	free(writing->block);
	free(writing->packed);
	pthread_cond_destroy(&writing->changed);
	pthread_mutex_destroy(&writing->lock);
	return reason;
}

/* --- the file --- */

static int write_block(int fd, bool packed, struct block *block)
{
	int reason = packed ? write_all(fd, block->bytes, block->size) : ENOMEM;

	free(block->bytes);
	*block = (struct block){0};
	return reason;
}

static int write_file(struct writing *writing, int fd, snapshot_progress *progress, void *context)
{
	const unsigned char magic[SNAPSHOT_MAGIC_BYTES] = SNAPSHOT_MAGIC;
	struct block block = {0};
	struct packer packer;
	int reason = packer_new(&packer) ? write_all(fd, magic, sizeof(magic)) : ENOMEM;

	if (!reason)
		reason = write_block(fd, pack_about(&packer, writing->heap, &block), &block);
	if (!reason)
		reason = write_block(fd, pack_types(&packer, writing->heap, &block), &block);
	if (!reason)
		reason = write_blocks(writing, fd, progress, context);
	if (!reason)
		reason = write_block(fd, pack(&packer, SNAPSHOT_END, writing->blocks + 2, NULL, 0, &block), &block);
	packer_free(&packer);
	return reason;
}

int snapshot_write(const struct heap *heap, const char *path, bool replace, snapshot_progress *progress, void *context,
	uint64_t *size, struct error *error)
{
	struct writing writing = {.heap = heap};
	struct replacement replacement;
	struct stat status;
	int reason;

	if (replace_begin(&replacement, "snapshot", path, 0600, error) < 0)
		return -1;
	replacement.keep = !replace;
	if (memory_held(heap->memory, &writing.pages) < 0) {
		reason = ENOMEM;
	} else {
		writing.object_blocks =
			(heap->capture.census.count + SNAPSHOT_OBJECTS_MOST - 1) / SNAPSHOT_OBJECTS_MOST;
		writing.blocks =
			writing.object_blocks + (writing.pages.count + SNAPSHOT_PAGES_MOST - 1) / SNAPSHOT_PAGES_MOST;
		reason = write_file(&writing, replacement.fd, progress, context);
	}
	free(writing.pages.page);
	*size = fstat(replacement.fd, &status) == 0 ? (uint64_t)status.st_size : 0;
	/* Some file systems find out only now that there is no room. */
	if (close(replacement.fd) < 0 && !reason)
		reason = errno;
	if (reason == EINTR && interrupt_signal) {
		replace_done(&replacement, 0, reason, NULL);
		return error_set(error, ERROR_INTERRUPTED, "interrupted");
	}
	return replace_done(&replacement, !reason, reason, error);
}
