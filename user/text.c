// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "text.h"

#include <stdint.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Decodes one code point; returns its bytes, 0 when they are no UTF-8. */
static size_t decode(const unsigned char *bytes, uint32_t *character)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = bytes[0] < 0x80	      ? 1
			: bytes[0] >> 5 == 6  ? 2
			: bytes[0] >> 4 == 14 ? 3
			: bytes[0] >> 3 == 30 ? 4
					      : 0;

	if (length < 2) {
		*character = bytes[0];
		return length;
	}
	*character = bytes[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if (bytes[i] >> 6 != 2)
			return 0;
		*character = *character << 6 | (bytes[i] & 0x3f);
	}
	if (*character < least[length] || *character > 0x10ffff || (*character >= 0xd800 && *character < 0xe000))
		return 0;
	return length;
}

static bool harmless(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return false; /* C0, DEL, C1 */
	if (c == 0xad || c == 0x61c || c == 0x180e || (c >= 0x200b && c <= 0x200f))
		return false; /* invisible, and marks of direction */
	if ((c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f))
		return false; /* line separators, embeddings, overrides, isolates */
	if (c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe0fff))
		return false; /* byte order mark, annotations, tags */
	if ((c & 0xfffe) == 0xfffe)
		return false; /* no characters: XML, and so a picture, takes none of U+FFFE and U+FFFF */
	return true;
}

char *text_printable(const char *text)
{
	enum { ESCAPE_MOST = 10 }; /* \U000e0001 */
	size_t length = strlen(text), used = 0;
	char *out = malloc(length * 4 + ESCAPE_MOST + 1), *fitting;

	if (!out)
		return NULL;
	for (size_t i = 0; i < length;) {
		uint32_t c;
		size_t n = decode((const unsigned char *)text + i, &c);

		/* No escape is longer than four times the bytes that it stands for. */
		if (n && harmless(c)) {
			memcpy(out + used, text + i, n);
			used += n;
		} else if (!n || c < 0x100) {
			const char *named = n && c == '\n'   ? "\\n"
					    : n && c == '\t' ? "\\t"
					    : n && c == '\r' ? "\\r"
							     : NULL;

			used += (size_t)(named ? sprintf(out + used, "%s", named)
					       : sprintf(out + used, "\\x%02x",
							 n ? (unsigned int)c : (unsigned char)text[i]));
		} else {
			used += (size_t)sprintf(out + used, c > 0xffff ? "\\U%08x" : "\\u%04x", (unsigned int)c);
		}
		i += n ? n : 1;
	}
	out[used] = '\0';
	fitting = realloc(out, used + 1);
	return fitting ? fitting : out;
}

bool text_is_utf8(const char *text)
{
	uint32_t c;
	size_t n;

	for (; *text; text += n) {
		n = decode((const unsigned char *)text, &c);
		if (!n)
			return false;
	}
	return true;
}

size_t text_length(const char *text)
{
	size_t length = 0;

	for (; *text; text++)
		length += ((unsigned char)*text & 0xc0) != 0x80;
	return length;
}

char *text_print(const char *format, ...)
{
	char *text;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	return text;
}
