// SPDX-License-Identifier: BSD-2-Clause
#include "wire.h"

#include <stdlib.h>
#include <string.h>

void wire_put(struct wire *wire, const void *bytes, size_t size)
{
	if (wire->failed)
		return;
	if (size > wire->room - wire->size) {
		size_t room = wire->room ? wire->room * 2 : 256;
		unsigned char *grown;

		while (room < wire->size + size)
			room *= 2;
		grown = realloc(wire->bytes, room);
		if (!grown) {
			wire->failed = true;
			return;
		}
		wire->bytes = grown;
		wire->room = room;
	}
	if (size)
		memcpy(wire->bytes + wire->size, bytes, size);
	wire->size += size;
}

void wire_put_number(struct wire *wire, uint64_t value)
{
	unsigned char bytes[10];
	size_t size = 0;

	do {
		bytes[size++] = (unsigned char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
	} while (value >>= 7);
	wire_put(wire, bytes, size);
}

void wire_put_text(struct wire *wire, const char *text)
{
	wire_put_number(wire, text ? strlen(text) + 1 : 0);
	if (text)
		wire_put(wire, text, strlen(text));
}

bool wire_get_number(struct wire_reader *reader, uint64_t most, uint64_t *value)
{
	unsigned int byte, shift = 0;

	*value = 0;
	do {
		if (reader->at == reader->end || shift > 63)
			return false;
		byte = *reader->at++;
		if (shift == 63 && byte > 1)
			return false;
		*value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	return *value <= most;
}

bool wire_get_text(struct wire_reader *reader, size_t most, char **text)
{
	uint64_t length;

	*text = NULL;
	if (!wire_get_number(reader, most + 1, &length) || length > (size_t)(reader->end - reader->at) + 1)
		return false;
	if (!length)
		return true;
	if (memchr(reader->at, 0, length - 1))
		return false;
	*text = malloc(length);
	if (!*text)
		return false;
	memcpy(*text, reader->at, length - 1);
	(*text)[length - 1] = 0;
	reader->at += length - 1;
	return true;
}
