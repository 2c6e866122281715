// SPDX-License-Identifier: BSD-2-Clause
/* test_wire   numbers and texts as bytes, and back; nothing is read beyond their end, and nothing believed beyond its
 * bound. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "wire.h"

/* A copy of just that size, so that a byte too many shows under a sanitizer. */
static struct wire_reader reader_of(const void *bytes, size_t size, unsigned char **copy)
{
	*copy = malloc(size ? size : 1);
	if (!*copy)
		exit(1);
	memcpy(*copy, bytes, size);
	return (struct wire_reader){*copy, *copy + size};
}

static void numbers(void)
{
	static const struct {
		uint64_t value;
		size_t size;
	} known[] = {{0, 1}, {1, 1}, {127, 1}, {128, 2}, {16383, 2}, {16384, 3}, {UINT32_MAX, 5}, {INT64_MAX, 9},
		{UINT64_C(1) << 63, 10}, {UINT64_MAX, 10}};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		uint64_t value = known[i].value, got = 7;
		struct wire wire = {0};
		unsigned char *copy;
		struct wire_reader reader;
		bool cut = false;

		wire_put_number(&wire, value);
		reader = reader_of(wire.bytes, wire.size, &copy);
		check(wire.size == known[i].size && wire_get_number(&reader, value, &got) && got == value &&
				reader.at == reader.end && !wire_get_number(&reader, UINT64_MAX, &got),
			"%llu takes %zu bytes and comes back", (unsigned long long)value, known[i].size);
		reader.at = copy;
		check(!value || !wire_get_number(&reader, value - 1, &got), "but not when that is too much");
		for (size_t size = 0; size < wire.size; size++) {
			reader = (struct wire_reader){copy + wire.size - size, copy + wire.size};
			memcpy(copy + wire.size - size, wire.bytes, size);
			cut = wire_get_number(&reader, UINT64_MAX, &got) || cut;
		}
		check(!cut, "nor when it is cut");
		free(copy);
		free(wire.bytes);
	}
}

static bool number_of(const void *bytes, size_t size, uint64_t *value)
{
	unsigned char *copy;
	struct wire_reader reader = reader_of(bytes, size, &copy);
	bool got = wire_get_number(&reader, UINT64_MAX, value);

	free(copy);
	return got;
}

static void too_long(void)
{
	uint64_t value;

	check(!number_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, &value), "65 bits are no number");
	check(number_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, &value) && value == UINT64_MAX, "64 are");
	check(!number_of("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 11, &value), "eleven bytes are no number");
}

static bool text_of(const void *bytes, size_t size, size_t most, char **text)
{
	unsigned char *copy;
	struct wire_reader reader = reader_of(bytes, size, &copy);
	bool got = wire_get_text(&reader, most, text) && reader.at == reader.end;

	free(copy);
	return got;
}

static void texts(void)
{
	struct wire wire = {0};
	struct wire_reader reader;
	char *text[4] = {0}, *one, *long_text = malloc(100001);

	if (!long_text)
		exit(1);
	memset(long_text, 'x', 100000);
	long_text[100000] = '\0';
	wire_put_text(&wire, "a name");
	wire_put_text(&wire, NULL);
	wire_put_text(&wire, "");
	wire_put_text(&wire, long_text);
	reader = (struct wire_reader){wire.bytes, wire.bytes + wire.size};
	check(wire_get_text(&reader, 6, &text[0]) && text[0] && strcmp(text[0], "a name") == 0, "a text");
	check(wire_get_text(&reader, 0, &text[1]) && !text[1], "none");
	check(wire_get_text(&reader, 0, &text[2]) && text[2] && !*text[2], "an empty one");
	check(wire_get_text(&reader, 100000, &text[3]) && text[3] && strcmp(text[3], long_text) == 0 &&
			reader.at == reader.end,
		"a long one");
	for (int i = 0; i < 4; i++)
		free(text[i]);
	check(!text_of("\4abc", 4, 2, &one) && !one, "one that is longer than allowed");
	check(!text_of("\4ab", 3, 100, &one) && !one, "one that is cut");
	check(!text_of("\4a\0c", 4, 100, &one) && !one, "one with a NUL in it");
	check(!text_of("", 0, 100, &one) && !one, "where there is nothing");
	check(!text_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, SIZE_MAX, &one) && !one,
		"one as long as can be");
	free(long_text);
	free(wire.bytes);
}

int main(void)
{
	numbers();
	too_long();
	texts();
	return checks_end();
}
