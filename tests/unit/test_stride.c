// SPDX-License-Identifier: BSD-2-Clause
/* What stride_encode() made of memory, stride_decode() turns back, and nothing else. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "stride.h"

#define CHUNKS 6
#define SIZE (CHUNKS * (size_t)STRIDE_CHUNK)

static uint64_t number(void)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

/* Objects of `stride` words in a row: a constant, a number that goes on, one that goes on by leaps, and now and then
 * anything. */
static void fill(uint64_t *word, size_t size, unsigned int stride, unsigned int odd)
{
	for (size_t i = 0; i < size / 8; i++) {
		uint64_t object = i / stride;

		word[i] = i % stride == 0   ? 0x7f0012345678
			  : i % stride == 1 ? 0x7f0000000000 + object * 8 * stride
					    : object * 3;
		if (odd && number() % odd == 0)
			word[i] = number();
	}
}

static bool comes_back(const void *bytes, size_t size, size_t *encoded)
{
	unsigned char *out = malloc(STRIDE_BOUND(size)), *back = calloc(1, size + 1);
	struct strides strides = {{0}};
	bool same;

	*encoded = stride_encode(bytes, size, out, &strides);
	same = *encoded <= STRIDE_BOUND(size) && stride_decode(out, *encoded, back, size) &&
	       memcmp(bytes, back, size) == 0 && !stride_decode(out, *encoded - 1, back, size);
	free(out);
	free(back);
	return same;
}

static void rows_of_objects(void)
{
	uint64_t *word = malloc(SIZE);
	size_t encoded;

	for (unsigned int stride = 1; stride <= 64; stride++) {
		fill(word, SIZE, stride, 0);
		check(comes_back(word, SIZE, &encoded), "stride %u comes back", stride);
		check(encoded < SIZE / 12, "stride %u is found: %zu of %zu bytes", stride, encoded, SIZE);
		fill(word, SIZE, stride, 20);
		check(comes_back(word, SIZE, &encoded) && encoded < SIZE, "stride %u with exceptions", stride);
	}
	free(word);
}

static void anything(void)
{
	uint64_t *word = malloc(SIZE);
	size_t encoded;

	for (size_t i = 0; i < SIZE / 8; i++)
		word[i] = number();
	check(comes_back(word, SIZE, &encoded), "noise comes back");
	check(encoded == SIZE + CHUNKS, "noise stays as it is");
	/* Pages that are no whole chunk. */
	for (size_t pages = 1; pages < 8; pages++)
		check(comes_back(word, pages * 4096, &encoded), "%zu pages come back", pages);
	memset(word, 0, SIZE);
	check(comes_back(word, SIZE, &encoded) && encoded < SIZE / 50, "zeros take little");
	free(word);
}

static void hostile(void)
{
	unsigned char *in = malloc(STRIDE_BOUND(SIZE)), *back = malloc(SIZE);
	struct strides strides = {{0}};
	uint64_t *word = malloc(SIZE);
	unsigned int refused = 0;
	size_t encoded;

	fill(word, SIZE, 7, 30);
	for (int round = 0; round < 2000; round++) {
		encoded = stride_encode(word, SIZE, in, &strides);
		for (unsigned int i = 0; i < 1 + round % 5u; i++)
			in[number() % encoded] = (unsigned char)number();
		refused += !stride_decode(in, encoded - (round % 3 ? 0 : number() % encoded), back, SIZE);
	}
	check(refused > 600, "%u of 2000 altered ones are refused, the others are as long as they should be", refused);
	in[0] = 65;
	check(!stride_decode(in, encoded, back, SIZE), "a stride that there is not");
	check(!stride_decode(in, 0, back, SIZE), "nothing at all");
	free(in);
	free(back);
	free(word);
}

int main(void)
{
	rows_of_objects();
	anything();
	hostile();
	return checks_end();
}
