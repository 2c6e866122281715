// SPDX-License-Identifier: BSD-2-Clause
#include "stride.h"

#include <stdint.h>
#include <string.h>

#define WORDS (STRIDE_CHUNK / 8)
#define STRIDE_MOST 64u /* words: the largest objects that an allocator keeps in rows are of 512 bytes */
/* Where it is tried how well a stride fits, and with how many words. */
#define COARSE_AT (WORDS / 2)
#define COARSE_WORDS 64u
#define FINE_AT (2 * STRIDE_MOST)
#define FINE_WORDS 256u
#define FINE_MOST (2 * FINE_WORDS)
/* So many have to be as expected before no other stride is looked for, and for the chunk to be encoded at all. */
#define GOOD (FINE_MOST * 3 / 4)
#define USEFUL (FINE_MOST * 7 / 10)

/* How many words are as expected; there are two strides before them. */
static unsigned int fitting(const uint64_t *word, unsigned int count, unsigned int stride)
{
	const uint64_t *before = word - stride, *first = before - stride;
	unsigned int fit = 0;

	for (unsigned int i = 0; i < count; i++)
		fit += word[i] - before[i] == before[i] - first[i];
	return fit;
}

static unsigned int fitting_fine(const uint64_t *word, unsigned int stride)
{
	return fitting(word + FINE_AT, FINE_WORDS, stride) + fitting(word + WORDS - FINE_WORDS, FINE_WORDS, stride);
}

static void remember(struct strides *strides, unsigned int stride)
{
	unsigned int i = 0;

	while (i < STRIDES_RECENT - 1 && strides->recent[i] != stride)
		i++;
	memmove(strides->recent + 1, strides->recent, i);
	strides->recent[0] = (unsigned char)stride;
}

/* The stride of a chunk; 0: it has none. */
static unsigned int find_stride(const uint64_t *word, struct strides *strides)
{
	unsigned int best = 0, stride = 0, coarse = 0, candidate = 0;

	for (unsigned int i = 0; i < STRIDES_RECENT && strides->recent[i]; i++) {
		unsigned int fit = fitting_fine(word, strides->recent[i]);

		if (fit > best) {
			best = fit;
			stride = strides->recent[i];
		}
	}
	if (best < GOOD) {
		for (unsigned int i = 1; i <= STRIDE_MOST; i++) {
			unsigned int fit = fitting(word + COARSE_AT, COARSE_WORDS, i);

			if (fit > coarse) {
				coarse = fit;
				candidate = i;
			}
		}
		if (candidate && fitting_fine(word, candidate) > best) {
			best = fitting_fine(word, candidate);
			stride = candidate;
		}
	}
	if (best < USEFUL)
		return 0;
	remember(strides, stride);
	return stride;
}

/* What word i is expected to be, of those before it. */
static uint64_t expected(const uint64_t *word, unsigned int i, unsigned int stride)
{
	uint64_t before, first;

	if (i < stride)
		return 0;
	before = word[i - stride];
	first = i < 2 * stride ? before : word[i - 2 * stride];
	return 2 * before - first;
}

/* For each eight words a byte that says which are not as expected, and after all these bytes by how much. */
static unsigned char *encode_chunk(const uint64_t *word, unsigned int stride, unsigned char *out)
{
	unsigned char *which = out, *rest = out + WORDS / 8;

	for (unsigned int i = 0; i < WORDS; i += 8) {
		unsigned int bits = 0;

		for (unsigned int k = 0; k < 8; k++) {
			uint64_t off = word[i + k] - expected(word, i + k, stride);

			if (!off)
				continue;
			bits |= 1u << k;
			memcpy(rest, &off, sizeof(off));
			rest += sizeof(off);
		}
		*which++ = (unsigned char)bits;
	}
	return rest;
}

size_t stride_encode(const void *bytes, size_t size, void *out, struct strides *strides)
{
	unsigned char *to = out;

	for (size_t at = 0; at < size; at += STRIDE_CHUNK) {
		size_t n = size - at < STRIDE_CHUNK ? size - at : STRIDE_CHUNK;
		uint64_t word[WORDS];
		unsigned int stride = 0;

		if (n == STRIDE_CHUNK) {
			memcpy(word, (const char *)bytes + at, n);
			stride = find_stride(word, strides);
		}
		*to++ = (unsigned char)stride;
		if (stride) {
			to = encode_chunk(word, stride, to);
		} else {
			memcpy(to, (const char *)bytes + at, n);
			to += n;
		}
	}
	return (size_t)(to - (unsigned char *)out);
}

/* NULL when what is left does not suffice. */
static const unsigned char *decode_chunk(
	const unsigned char *in, const unsigned char *end, unsigned int stride, uint64_t *word)
{
	const unsigned char *which = in, *rest = in + WORDS / 8;

	if ((size_t)(end - in) < WORDS / 8)
		return NULL;
	for (unsigned int i = 0; i < WORDS; i++) {
		uint64_t off = 0;

		if (which[i / 8] >> (i % 8) & 1) {
			if ((size_t)(end - rest) < sizeof(off))
				return NULL;
			memcpy(&off, rest, sizeof(off));
			rest += sizeof(off);
		}
		word[i] = expected(word, i, stride) + off;
	}
	return rest;
}

bool stride_decode(const void *in, size_t in_size, void *bytes, size_t size)
{
	const unsigned char *from = in, *end = from + in_size;

	for (size_t at = 0; at < size; at += STRIDE_CHUNK) {
		size_t n = size - at < STRIDE_CHUNK ? size - at : STRIDE_CHUNK;
		uint64_t word[WORDS];
		unsigned int stride;

		if (from == end)
			return false;
		stride = *from++;
		if (!stride) {
			if ((size_t)(end - from) < n)
				return false;
			memcpy((char *)bytes + at, from, n);
			from += n;
			continue;
		}
		if (stride > STRIDE_MOST || n != STRIDE_CHUNK)
			return false;
		from = decode_chunk(from, end, stride, word);
		if (!from)
			return false;
		memcpy((char *)bytes + at, word, n);
	}
	return from == end;
}
