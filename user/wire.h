/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers and texts as bytes of a file. A number is 1 to 10 bytes, seven bits each, the lowest first, bit 7 set in all
 * but the last. A text is its length + 1 as a number and its bytes; 0 alone is no text (NULL).
 */
#ifndef OGT_WIRE_H
#define OGT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Grows as it is written to; zero-initialised is empty. Once memory was out it takes nothing more. */
struct wire {
	unsigned char *bytes; /* the caller frees them */
	size_t size, room;
	bool failed;
};

void wire_put(struct wire *wire, const void *bytes, size_t size);
void wire_put_number(struct wire *wire, uint64_t value);
void wire_put_text(struct wire *wire, const char *text);

/* What is read: bytes from at on, before end. Everything fails once it is over, or makes no sense. */
struct wire_reader {
	const unsigned char *at, *end;
};

bool wire_get_number(struct wire_reader *reader, uint64_t most, uint64_t *value);
/* Up to `most` bytes without a NUL in them, malloc'ed. False also when memory is out. */
bool wire_get_text(struct wire_reader *reader, size_t most, char **text);

#endif
