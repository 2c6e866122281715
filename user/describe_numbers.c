// SPDX-License-Identifier: BSD-2-Clause
/* Numbers as repr() has them. */
#define _GNU_SOURCE
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "describe_writer.h"

/* Digits of base 2**30 that are turned into decimal ones. */
#define DIGITS_MOST 512
#define DIGITS_AT_END 10

/*
 * The shortest text that is read back as the same value, as float.__repr__ (Python/pystrtod.c, format code 'r'). The
 * nearest number of so many digits may be none while the next one is: floats lie further apart above a power of two
 * than below it.
 */
static void shortest(double value, char *text, size_t size)
{
	for (int precision = 0; precision < 17; precision++) {
		char *last;

		snprintf(text, size, "%.*e", precision, value);
		if (strtod(text, NULL) == value)
			return;
		last = strchr(text, 'e') - 1;
		if (*last == '9') /* one digit less */
			continue;
		++*last;
		if (strtod(text, NULL) == value)
			return;
	}
}

void write_double(struct writer *writer, double value, bool point)
{
	char text[40], digits[40];
	int exponent, count = 0;
	char *e;

	if (isnan(value) || isinf(value)) {
		fputs(isnan(value) ? "nan" : value < 0 ? "-inf" : "inf", writer->out);
		return;
	}
	shortest(value, text, sizeof(text));
	e = strchr(text, 'e');
	exponent = atoi(e + 1);
	for (const char *c = text; c < e; c++) {
		if (isdigit((unsigned char)*c))
			digits[count++] = *c;
	}
	while (count > 1 && digits[count - 1] == '0')
		count--;
	if (text[0] == '-')
		fputc('-', writer->out);
	if (exponent < -4 || exponent >= 16) {
		fprintf(writer->out, "%c%s%.*se%c%02d", digits[0], count > 1 ? "." : "", count - 1, digits + 1,
			exponent < 0 ? '-' : '+', abs(exponent));
	} else if (exponent < 0) {
		fputs("0.", writer->out);
		for (int i = exponent + 1; i < 0; i++)
			fputc('0', writer->out);
		fprintf(writer->out, "%.*s", count, digits);
	} else if (count <= exponent + 1) {
		fprintf(writer->out, "%.*s", count, digits);
		for (int i = count; i <= exponent; i++)
			fputc('0', writer->out);
		fputs(point ? ".0" : "", writer->out);
	} else {
		fprintf(writer->out, "%.*s.%.*s", exponent + 1, digits, count - exponent - 1, digits + exponent + 1);
	}
}

void write_float(struct writer *writer, uint64_t object)
{
	double value;

	if (memory_read(writer->memory, object + (uint64_t)writer->layout->member.real, &value, sizeof(value)))
		write_double(writer, value, true);
	else
		unreadable(writer);
}

void write_complex_value(struct writer *writer, const double value[2])
{
	if (value[0] == 0 && !signbit(value[0])) {
		write_double(writer, value[1], false);
		fputc('j', writer->out);
		return;
	}
	fputc('(', writer->out);
	write_double(writer, value[0], false);
	if (!signbit(value[1]) || isnan(value[1]))
		fputc('+', writer->out);
	write_double(writer, value[1], false);
	fputs("j)", writer->out);
}

void write_complex(struct writer *writer, uint64_t object)
{
	double value[2];

	if (memory_read(writer->memory, object + (uint64_t)writer->layout->member.complex, value, sizeof(value)))
		write_complex_value(writer, value);
	else
		unreadable(writer);
}

/* How many digits of base 2**30 an int has, and its sign. */
static bool int_size(const struct writer *writer, uint64_t object, uint64_t *digits, bool *negative)
{
	uint64_t size;

	if (!at(writer, object, writer->layout->integer.size, &size))
		return false;
	if (writer->layout->integer.tagged) {
		*digits = (size & 3) == 1 ? 0 : size >> 3;
		*negative = (size & 3) == 2;
	} else {
		*negative = (int64_t)size < 0;
		*digits = *negative ? 0 - size : size;
	}
	return true;
}

/* Divides a number of base 2**30 by ten to the ninth, in place; the remainder. */
static uint32_t divide(uint32_t *digit, size_t count)
{
	uint64_t rest = 0;

	for (size_t i = count; i-- > 0;) {
		rest = rest << 30 | digit[i];
		digit[i] = (uint32_t)(rest / 1000000000);
		rest %= 1000000000;
	}
	return (uint32_t)rest;
}

static void write_digits(struct writer *writer, uint32_t *digit, size_t count)
{
	size_t size = count * 10 + 10, used = size - 1;
	char *text = malloc(size);

	if (!text) {
		unreadable(writer);
		return;
	}
	text[used] = 0;
	do {
		uint32_t rest = divide(digit, count);

		while (count && !digit[count - 1])
			count--;
		for (int i = 0; i < 9 && (count || rest || used == size - 1); i++) {
			text[--used] = (char)('0' + rest % 10);
			rest /= 10;
		}
	} while (count);
	if (size - 1 - used <= DESCRIBE_TEXT)
		fputs(text + used, writer->out);
	else
		fprintf(writer->out, "%.*s...%s (%zu digits)", DESCRIBE_TEXT - DIGITS_AT_END, text + used,
			text + size - 1 - DIGITS_AT_END, size - 1 - used);
	free(text);
}

void write_int(struct writer *writer, uint64_t object)
{
	uint64_t count, address = object + (uint64_t)writer->layout->integer.digits;
	uint32_t *digit = NULL, highest;
	bool negative;

	if (!int_size(writer, object, &count, &negative)) {
		unreadable(writer);
		return;
	}
	if (count > DIGITS_MOST) {
		if (count < UINT64_C(1) << 40 && memory_u32(writer->memory, address + (count - 1) * 4, &highest) &&
			highest)
			fprintf(writer->out, "%s(an int of %" PRIu64 " bits)", negative ? "-" : "",
				count * 30 - (uint64_t)(__builtin_clz(highest) - 2));
		else
			unreadable(writer);
		return;
	}
	digit = calloc(count + 1, sizeof(*digit));
	if (!digit || (count && !memory_read(writer->memory, address, digit, count * sizeof(*digit)))) {
		unreadable(writer);
	} else {
		fputs(negative ? "-" : "", writer->out);
		write_digits(writer, digit, count ? count : 1);
	}
	free(digit);
}

void write_bool(struct writer *writer, uint64_t object)
{
	uint64_t count;
	bool negative;

	if (int_size(writer, object, &count, &negative))
		fputs(count ? "True" : "False", writer->out);
	else
		unreadable(writer);
}
