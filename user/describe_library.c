// SPDX-License-Identifier: BSD-2-Clause
/*
 * Objects of the standard library's C modules, and of builtin types that are little more than others which they hold,
 * as their repr() has them, within the limits of user/describe.h.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "describe_writer.h"
#include "pyobject.h"

static void write_element(struct writer *writer, uint64_t address)
{
	uint64_t item;

	if (at(writer, address, 0, &item))
		write_object(writer, item);
	else
		unreadable(writer);
}

/* --- Modules/_collectionsmodule.c --- */

/* Elements lie in a chain of blocks, in the first of them from `index` on. */
static void write_blocks(struct writer *writer, uint64_t block, uint64_t index, uint64_t shown)
{
	const struct layout *layout = writer->layout;
	uint64_t length = (uint64_t)(layout->library.block_next - layout->library.block_items) / 8;

	for (uint64_t i = 0; i < shown; i++, index++) {
		fputs(i ? ", " : "", writer->out);
		if (index == length) {
			index = 0;
			if (!at(writer, block, layout->library.block_next, &block))
				block = 0;
		}
		if (!block || index > length) {
			unreadable(writer);
			return;
		}
		write_element(writer, block + (uint64_t)layout->library.block_items + index * 8);
	}
}

void write_deque(struct writer *writer, uint64_t object)
{
	const struct layout *layout = writer->layout;
	uint64_t count, block, index, most, shown;

	if (!at(writer, object, layout->member.size, &count) ||
		!at(writer, object, layout->library.deque_first, &block) ||
		!at(writer, object, layout->library.deque_index, &index) ||
		!at(writer, object, layout->library.deque_most, &most)) {
		unreadable(writer);
		return;
	}
	shown = elements_shown(writer, count);
	fputs("deque([", writer->out);
	if (enter(writer, object)) {
		write_blocks(writer, block, index, shown);
		writer->depth--;
	}
	write_rest(writer, shown, count);
	fputc(']', writer->out);
	if ((int64_t)most >= 0)
		fprintf(writer->out, ", maxlen=%" PRIu64, most);
	fputc(')', writer->out);
}

void write_defaultdict(struct writer *writer, uint64_t object)
{
	uint64_t factory;

	fputs("defaultdict(", writer->out);
	if (!at(writer, object, writer->layout->library.defaultdict_factory, &factory))
		unreadable(writer);
	else if (!factory)
		fputs("None", writer->out);
	else
		write_referred(writer, object, factory);
	fputs(", ", writer->out);
	write_dict(writer, object);
	fputc(')', writer->out);
}

/* --- Objects/odictobject.c --- */

/* One key and what the dict has for it. */
static void write_pair(struct writer *writer, uint64_t object, uint64_t node)
{
	const struct layout *layout = writer->layout;
	bool as_dict = layout->library.ordered_as_dict;
	uint64_t key, hash, value;

	if (!at(writer, node, layout->library.node_key, &key) || !at(writer, node, layout->library.node_hash, &hash)) {
		unreadable(writer);
		return;
	}
	fputs(as_dict ? "" : "(", writer->out);
	write_object(writer, key);
	fputs(as_dict ? ": " : ", ", writer->out);
	if (pyobject_dict_find(layout, writer->memory, object, key, hash, &value))
		write_object(writer, value);
	else
		unreadable(writer);
	fputs(as_dict ? "" : ")", writer->out);
}

/* Its order is that of a chain of nodes: that of the dict is another once something has been moved. */
void write_ordered_dict(struct writer *writer, uint64_t object)
{
	const struct layout *layout = writer->layout;
	const char *brackets = layout->library.ordered_as_dict ? "{}" : "[]";
	uint64_t count, node, shown = 0, most;

	if (!at(writer, object, layout->dict.used, &count) ||
		!at(writer, object, layout->library.ordered_first, &node)) {
		unreadable(writer);
		return;
	}
	fputs("OrderedDict(", writer->out);
	if (count) {
		most = elements_shown(writer, count);
		fputc(brackets[0], writer->out);
		if (enter(writer, object)) {
			while (node && shown < most) {
				fputs(shown++ ? ", " : "", writer->out);
				write_pair(writer, object, node);
				if (!at(writer, node, layout->library.node_next, &node))
					break;
			}
			writer->depth--;
		}
		write_rest(writer, shown, count);
		fputc(brackets[1], writer->out);
	}
	fputc(')', writer->out);
}

/* --- Modules/arraymodule.c --- */

union number {
	unsigned char bytes[16];
	int8_t b;
	uint8_t B;
	int16_t h;
	uint16_t H;
	int32_t i;
	uint32_t I;
	int64_t q;
	uint64_t Q;
	float f, Zf[2];
	double d, Zd[2];
};

/* IEEE 754 binary16 */
static double half(uint16_t bits)
{
	int exponent = bits >> 10 & 31, fraction = bits & 1023;
	double value = exponent == 31 ? (fraction ? (double)NAN : (double)INFINITY)
		       : exponent     ? ldexp(fraction + 1024, exponent - 25)
				      : ldexp(fraction, -24);

	return bits >> 15 ? -value : value;
}

static void write_number(struct writer *writer, const char *code, const union number *number)
{
	FILE *out = writer->out;

	switch (code[0]) {
	case 'b':
		fprintf(out, "%d", number->b);
		break;
	case 'B':
		fprintf(out, "%d", number->B);
		break;
	case 'h':
		fprintf(out, "%d", number->h);
		break;
	case 'H':
		fprintf(out, "%d", number->H);
		break;
	case 'i':
		fprintf(out, "%" PRId32, number->i);
		break;
	case 'I':
		fprintf(out, "%" PRIu32, number->I);
		break;
	case 'l':
	case 'q':
		fprintf(out, "%" PRId64, number->q);
		break;
	case 'L':
	case 'Q':
		fprintf(out, "%" PRIu64, number->Q);
		break;
	case 'e':
		write_double(writer, half(number->H), true);
		break;
	case 'f':
		write_double(writer, (double)number->f, true);
		break;
	case 'd':
		write_double(writer, number->d, true);
		break;
	case 'Z':
		write_complex_value(writer, code[1] == 'd' ? number->Zd : (double[2]){number->Zf[0], number->Zf[1]});
		break;
	}
}

/* Type codes and how many bytes an element has; 3.13 brought w, 3.15 e and the complex ones. */
static const struct {
	char code[3];
	uint8_t size;
} numbers[] = {{"b", 1}, {"B", 1}, {"u", 4}, {"w", 4}, {"h", 2}, {"H", 2}, {"i", 4}, {"I", 4}, {"l", 8}, {"L", 8},
	{"q", 8}, {"Q", 8}, {"e", 2}, {"f", 4}, {"d", 8}, {"Zf", 8}, {"Zd", 16}};

/* The type code of an array whose elements are known; NULL: of no such. */
static const char *array_code(const struct writer *writer, uint64_t object, size_t *size)
{
	const struct layout *layout = writer->layout;
	uint64_t descr;
	uint32_t itemsize;
	char code[sizeof(numbers[0].code)];

	if (!at(writer, object, layout->library.array_descr, &descr) ||
		!memory_u32(writer->memory, descr + (uint64_t)layout->library.descr_itemsize, &itemsize) ||
		!memory_read(writer->memory, descr + (uint64_t)layout->library.descr_code, code, sizeof(code)))
		return NULL;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		*size = numbers[i].size;
		if (itemsize == *size && strncmp(code, numbers[i].code, sizeof(code)) == 0)
			return numbers[i].code;
	}
	return NULL;
}

static void write_numbers(struct writer *writer, const char *code, uint64_t items, uint64_t shown, size_t size)
{
	for (uint64_t i = 0; i < shown; i++) {
		union number number = {.bytes = {0}};

		fputs(i ? ", " : "", writer->out);
		if (memory_read(writer->memory, items + i * size, number.bytes, size))
			write_number(writer, code, &number);
		else
			unreadable(writer);
	}
}

static void write_characters(struct writer *writer, uint64_t items, uint64_t length)
{
	size_t count = length < DESCRIBE_TEXT ? (size_t)length : DESCRIBE_TEXT;
	uint32_t characters[DESCRIBE_TEXT] = {0};

	if (memory_read(writer->memory, items, characters, count * sizeof(characters[0])))
		write_text(writer, characters, count, length);
	else
		unreadable(writer);
}

void write_library_array(struct writer *writer, uint64_t object)
{
	const struct layout *layout = writer->layout;
	uint64_t count, items, shown;
	size_t size = 0;
	const char *code = array_code(writer, object, &size);

	if (!code || !at(writer, object, layout->member.size, &count) ||
		!at(writer, object, layout->library.array_items, &items)) {
		fputs("array(?)", writer->out);
		return;
	}
	fprintf(writer->out, "array('%s'", code);
	if (count)
		fputs(", ", writer->out);
	if (count && (code[0] == 'u' || code[0] == 'w')) {
		write_characters(writer, items, count);
	} else if (count) {
		shown = elements_shown(writer, count);
		fputc('[', writer->out);
		write_numbers(writer, code, items, shown, size);
		write_rest(writer, shown, count);
		fputc(']', writer->out);
	}
	fputc(')', writer->out);
}

/* --- what is called with keywords --- */

struct arguments {
	struct writer *writer;
	uint64_t shown, most;
};

static bool write_keyword(void *context, uint64_t key, uint64_t value)
{
	struct arguments *arguments = context;

	if (arguments->shown == arguments->most)
		return false;
	fputs(arguments->shown++ ? ", " : "", arguments->writer->out);
	write_name(arguments->writer, key);
	fputc('=', arguments->writer->out);
	write_object(arguments->writer, value);
	return true;
}

/* Arguments of a call: `count` from a tuple, `more` from a dict. */
static void write_arguments(
	struct writer *writer, uint64_t object, uint64_t positional, uint64_t count, uint64_t keywords, uint64_t more)
{
	const struct layout *layout = writer->layout;
	uint64_t all = count > UINT64_MAX - more ? UINT64_MAX : count + more;
	struct arguments arguments = {writer, 0, elements_shown(writer, all)};

	if (enter(writer, object)) {
		for (; arguments.shown < count && arguments.shown < arguments.most; arguments.shown++) {
			fputs(arguments.shown ? ", " : "", writer->out);
			write_element(writer, positional + (uint64_t)layout->member.tuple_items + arguments.shown * 8);
		}
		if (arguments.shown < arguments.most)
			pyobject_dict_items(layout, writer->memory, keywords, write_keyword, &arguments);
		writer->depth--;
	}
	write_rest(writer, arguments.shown, all);
}

/* Modules/_functoolsmodule.c */
void write_partial(struct writer *writer, uint64_t object)
{
	const struct layout *layout = writer->layout;
	uint64_t function, positional, keywords, count, more;

	fputs("functools.partial(", writer->out);
	if (!at(writer, object, layout->library.partial_function, &function) ||
		!at(writer, object, layout->library.partial_arguments, &positional) ||
		!at(writer, object, layout->library.partial_keywords, &keywords) ||
		!at(writer, positional, layout->member.size, &count) ||
		!at(writer, keywords, layout->dict.used, &more)) {
		unreadable(writer);
	} else {
		write_referred(writer, object, function);
		fputs(count || more ? ", " : "", writer->out);
		write_arguments(writer, object, positional, count, keywords, more);
	}
	fputc(')', writer->out);
}

/* Objects/namespaceobject.c */
void write_namespace(struct writer *writer, uint64_t object)
{
	uint64_t dict, count;

	fputs("namespace(", writer->out);
	if (at(writer, object, writer->layout->member.namespace_dict, &dict) &&
		at(writer, dict, writer->layout->dict.used, &count))
		write_arguments(writer, object, 0, 0, dict, count);
	else
		unreadable(writer);
	fputc(')', writer->out);
}

/* --- what holds one to three objects, which may be any --- */

static void write_held(struct writer *writer, uint64_t object, int32_t offset)
{
	uint64_t held;

	if (at(writer, object, offset, &held) && held)
		write_referred(writer, object, held);
	else
		unreadable(writer);
}

/* Objects/rangeobject.c */
void write_range(struct writer *writer, uint64_t object)
{
	const struct layout *layout = writer->layout;
	uint32_t step;
	uint64_t address;

	fputs("range(", writer->out);
	write_held(writer, object, layout->member.range_start);
	fputs(", ", writer->out);
	write_held(writer, object, layout->member.range_stop);
	if (!at(writer, object, layout->member.range_step, &address) ||
		!pyobject_small_int(layout, writer->memory, address, &step) || step != 1) {
		fputs(", ", writer->out);
		write_held(writer, object, layout->member.range_step);
	}
	fputc(')', writer->out);
}

/* Objects/sliceobject.c */
void write_slice(struct writer *writer, uint64_t object)
{
	fputs("slice(", writer->out);
	write_held(writer, object, writer->layout->member.slice_start);
	fputs(", ", writer->out);
	write_held(writer, object, writer->layout->member.slice_stop);
	fputs(", ", writer->out);
	write_held(writer, object, writer->layout->member.slice_step);
	fputc(')', writer->out);
}

/* Objects/descrobject.c */
void write_mapping_proxy(struct writer *writer, uint64_t object)
{
	fputs("mappingproxy(", writer->out);
	write_held(writer, object, writer->layout->member.proxy_mapping);
	fputc(')', writer->out);
}

/* What a member leads to, written as a part of the object. */
static void write_part(
	struct writer *writer, uint64_t object, int32_t offset, void (*write)(struct writer *writer, uint64_t part))
{
	uint64_t part;

	if (!at(writer, object, offset, &part)) {
		unreadable(writer);
	} else if (enter(writer, object)) {
		write(writer, part);
		writer->depth--;
	} else {
		fputs("...", writer->out);
	}
}

/* Objects/descrobject.c: what reads it tells it from others. */
void write_property(struct writer *writer, uint64_t object)
{
	uint64_t getter;

	fputs("<property ", writer->out);
	if (at(writer, object, writer->layout->member.property_get, &getter) && !getter)
		fputs("None", writer->out);
	else
		write_part(writer, object, writer->layout->member.property_get, write_callable);
	fputc('>', writer->out);
}

/* --- what iterates over others --- */

/* Objects/enumobject.c: the number of the next one; one beyond 2**63 is elsewhere. */
void write_enumerate(struct writer *writer, uint64_t object)
{
	uint64_t index;

	fputs("<enumerate from ", writer->out);
	if (at(writer, object, writer->layout->member.enumerate_index, &index) && index != INT64_MAX)
		fprintf(writer->out, "%" PRId64, (int64_t)index);
	else
		unreadable(writer);
	fputs(" of ", writer->out);
	write_held(writer, object, writer->layout->member.enumerate_iterator);
	fputc('>', writer->out);
}

/* Python/bltinmodule.c */
void write_zip(struct writer *writer, uint64_t object)
{
	fputs("<zip of ", writer->out);
	write_part(writer, object, writer->layout->member.zip_iterators, write_tuple);
	fputc('>', writer->out);
}

/* Python/bltinmodule.c */
void write_map(struct writer *writer, uint64_t object)
{
	fputs("<map ", writer->out);
	write_held(writer, object, writer->layout->member.map_function);
	fputs(" of ", writer->out);
	write_part(writer, object, writer->layout->member.map_iterators, write_tuple);
	fputc('>', writer->out);
}
