/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory in which alike objects lie side by side, in the form that compresses well: an allocator puts objects of one
 * size in a row, and of those that were made one after the other each word is what it was in the object before, or has
 * gone on by as much as last time. So each word is told from what two words before it, one and two strides away, make
 * expected; most words are as expected then, and cost a bit. Memory without such a stride stays as it is.
 */
#ifndef OGT_STRIDE_H
#define OGT_STRIDE_H

#include <stdbool.h>
#include <stddef.h>

/* What is looked at as one, bytes. */
#define STRIDE_CHUNK 16384u
/* Bytes that size bytes may take. */
#define STRIDE_BOUND(size) ((size) + (size) / STRIDE_CHUNK * (1 + STRIDE_CHUNK / 64) + 1)
#define STRIDES_RECENT 4

/* Strides that were found last, in words: the next chunk is likely to have one of them. All 0 at first. */
struct strides {
	unsigned char recent[STRIDES_RECENT];
};

/* Encodes size bytes; out has room for STRIDE_BOUND(size). Returns how many were written. */
size_t stride_encode(const void *bytes, size_t size, void *out, struct strides *strides);

/* The inverse: fills size bytes. False when in is not what stride_encode() made of as many. */
bool stride_decode(const void *in, size_t in_size, void *bytes, size_t size);

#endif
