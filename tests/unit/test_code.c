// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_code              line tables made here, good and hostile, in this process's own memory
 * test_code frames PID   the frames of a blocked Python's first thread, innermost first, as "file:line function"; with
 *                        TEST_CODE_WORDS set, where each frame's word points goes to stderr
 * test_code lines PID    decodes every instruction named on stdin, as tests/targets/code_lines_table.py writes them
 *
 * tests/code.bats runs them on every interpreter.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "code.h"
#include "python.h"

#define FRAMES_MOST 1000 /* of one thread */
#define OWNER_INTERPRETER 3 /* FRAME_OWNED_BY_CSTACK (3.12, 3.13), FRAME_OWNED_BY_INTERPRETER: 3.14+ has more above */

struct watched {
	struct target target;
	struct memory *memory;
	struct python python;
};

static _Noreturn void die(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(1);
}

static void watched_open(struct watched *watched, pid_t pid)
{
	struct error error;

	if (target_open(&watched->target, pid, &error) != 0)
		die(error.text);
	watched->memory = memory_new(pid, NULL);
	if (!watched->memory || python_open(&watched->python, &watched->target, watched->memory, &error) != 0)
		die(watched->memory ? error.text : "out of memory");
}

static void watched_close(struct watched *watched)
{
	memory_free(watched->memory);
	target_close(&watched->target);
}

/* ---- The frames of a thread */

static uint64_t first_frame(struct watched *watched)
{
	const struct layout *layout = &watched->python.layout;
	struct runtime runtime = {0};
	struct error error;
	uint64_t tstate, frame;

	if (python_runtime(&watched->python, watched->memory, &runtime, &error) != 0)
		die(error.text);
	tstate = runtime.threads[0].address;
	runtime_free(&runtime);
	if (layout->tstate.frame >= 0) {
		if (!memory_u64(watched->memory, tstate + (uint64_t)layout->tstate.frame, &frame))
			die("the thread's frame cannot be read");
		return frame;
	}
	if (!memory_u64(watched->memory, tstate + (uint64_t)layout->tstate.cframe, &frame) ||
		!memory_u64(watched->memory, frame + (uint64_t)layout->tstate.cframe_frame, &frame))
		die("the thread's frame cannot be read");
	return frame;
}

/* One read covers all of a frame that is wanted. */
static uint64_t print_frame(struct watched *watched, uint64_t frame)
{
	const struct layout *layout = &watched->python.layout;
	struct code_position position;
	unsigned char bytes[256];
	uint64_t code, previous, instruction = 0;

	if (layout->frame.size > (int32_t)sizeof(bytes) ||
		!memory_read(watched->memory, frame, bytes, (size_t)layout->frame.size))
		die("a frame cannot be read");
	memcpy(&code, bytes + layout->frame.code, sizeof(code));
	memcpy(&previous, bytes + layout->frame.previous, sizeof(previous));
	memcpy(&instruction, bytes + layout->frame.instruction, layout->frame.style == FRAME_POINTER ? 8 : 4);
	if (layout->frame.owner >= 0 && bytes[layout->frame.owner] >= OWNER_INTERPRETER) {
		if (code_position(layout, watched->memory, code, instruction, &position))
			printf("a frame of the interpreter's own has a position: %s:%u %s\n", position.file,
				position.line, position.function);
		return previous;
	}
	if (code_position(layout, watched->memory, code, instruction, &position)) {
		printf("%s:%u %s\n", position.file, position.line, position.function);
		if (getenv("TEST_CODE_WORDS"))
			fprintf(stderr, "%s %" PRId64 "\n", position.function,
				layout->frame.style == FRAME_POINTER
					? (int64_t)(instruction - (code & ~layout->frame.code_tag) -
						    (uint64_t)layout->code.first_instruction)
					: (int64_t)(int32_t)instruction);
		code_position_free(&position);
	} else if (!code_is_shim(layout, watched->memory, code)) {
		printf("no position at %#" PRIx64 "\n", code);
	}
	return previous;
}

static void print_frames(pid_t pid)
{
	struct watched watched;
	uint64_t frame;
	int count = 0;

	watched_open(&watched, pid);
	frame = first_frame(&watched);
	while (frame && count++ < FRAMES_MOST)
		frame = print_frame(&watched, frame);
	watched_close(&watched);
}

/* ---- Every instruction of many code objects */

/* The word that a frame would hold at a byte offset. */
static uint64_t word_at(const struct layout *layout, uint64_t code, int64_t offset)
{
	switch (layout->frame.style) {
	case FRAME_LASTI_BYTES:
		return (uint64_t)offset;
	case FRAME_LASTI_UNITS:
		return (uint64_t)(offset / 2);
	case FRAME_POINTER:
		break;
	}
	return code + (uint64_t)layout->code.first_instruction + (uint64_t)offset;
}

/*
 * Lines "code ADDRESS FUNCTION", "file FILE" of the same, then "OFFSET LINE" for each of its instructions. The first
 * few that differ are shown.
 */
static int check_lines(pid_t pid)
{
	unsigned long codes = 0, instructions = 0, wrong = 0;
	char text[16384], file[4096] = "", function[4096] = "";
	struct watched watched;
	uint64_t code = 0;

	watched_open(&watched, pid);
	while (fgets(text, sizeof(text), stdin)) {
		const struct layout *layout = &watched.python.layout;
		struct code_position position;
		unsigned int line;
		int64_t offset;
		bool decoded;

		text[strcspn(text, "\n")] = '\0';
		if (sscanf(text, "code %" SCNu64 " %4095[^\n]", &code, function) == 2) {
			codes++;
			continue;
		}
		if (sscanf(text, "file %4095[^\n]", file) == 1)
			continue;
		if (sscanf(text, "%" SCNd64 " %u", &offset, &line) != 2)
			die("the list of instructions has another line");
		decoded = code_position(layout, watched.memory, code, word_at(layout, code, offset), &position);
		instructions++;
		if (!decoded || position.line != line || strcmp(position.file, file) != 0 ||
			strcmp(position.function, function) != 0) {
			if (wrong++ < 5)
				printf("# %s, %s, offset %" PRId64 ": line %u, decoded as %s, %s, %u\n", file, function,
					offset, line, decoded ? position.file : "nothing",
					decoded ? position.function : "", position.line);
		}
		code_position_free(&position);
	}
	watched_close(&watched);
	check(!wrong, "%lu of %lu instructions differ, in %lu code objects", wrong, instructions, codes);
	check(codes > 300 && instructions > 20000, "%lu code objects are enough", codes);
	return checks_end();
}

/* ---- Line tables made here */

/* A code object as CPython would have it, and all that it leads to. */
static struct made {
	unsigned char code[512], type[512], table[70000], name[512];
} made;

static uint64_t address(const void *of)
{
	return (uint64_t)(uintptr_t)of;
}

static void put(void *to, int32_t offset, uint64_t value, size_t size)
{
	if (offset >= 0)
		memcpy((unsigned char *)to + offset, &value, size);
}

/* For the version of layout, with a table of so many bytes at made.table + layout->bytes.data. */
static void make(const struct layout *layout, uint64_t size)
{
	static const char name[] = "code";

	memset(made.code, 0, sizeof(made.code));
	memset(made.type, 0, sizeof(made.type));
	memset(made.name, 0, sizeof(made.name));
	put(made.code, layout->object.type, address(made.type), 8);
	put(made.code, layout->code.filename, address(made.name), 8);
	put(made.code, layout->code.name, address(made.name), 8);
	put(made.code, layout->code.qualname, address(made.name), 8);
	put(made.code, layout->code.firstlineno, 100, 4);
	put(made.code, layout->code.linetable, address(made.table), 8);
	put(made.table, layout->bytes.length, size, 8);
	/* The type serves as code's and, with the flag of str, the names' as well. */
	put(made.type, layout->type.name, address(name), 8);
	put(made.type, layout->type.flags, UINT64_C(1) << 28, 8);
	put(made.name, layout->object.type, address(made.type), 8);
	put(made.name, layout->unicode.length, 3, 8);
	put(made.name, layout->unicode.state,
		1u << layout->unicode.kind_shift | 1u << layout->unicode.compact_shift |
			1u << layout->unicode.ascii_shift,
		4);
	memcpy(made.name + layout->unicode.ascii_data, "abc", 4);
}

/* The line of an instruction; -1 when there is no position. */
static long decode(const struct layout *layout, int64_t offset)
{
	struct memory *memory = memory_new(getpid(), NULL);
	struct code_position position;
	long line = -1;

	if (!memory)
		die("out of memory");
	if (code_position(layout, memory, address(made.code), word_at(layout, address(made.code), offset), &position)) {
		line = position.line;
		if (strcmp(position.file, "abc") != 0 || strcmp(position.function, "abc") != 0)
			die("another text");
		code_position_free(&position);
	} else if (position.file || position.function || position.line) {
		die("a position that is none is not empty");
	}
	memory_free(memory);
	return line;
}

static void expect(
	const struct layout *layout, const char *table, size_t size, int64_t offset, long line, const char *what)
{
	long seen;

	memcpy(made.table + layout->bytes.data, table, size);
	make(layout, size);
	seen = decode(layout, offset);
	check(seen == line, "3.%u: %s: %ld is %ld", layout->first >> 16 & 0xff, what, line, seen);
}

#define EXPECT(layout, table, ...) expect(layout, table, sizeof(table) - 1, __VA_ARGS__)

static const struct layout *row(unsigned int minor)
{
	return layout_find(3u << 24 | minor << 16 | 0xf0);
}

static void test_formats(void)
{
	const struct layout *lnotab = row(9), *ranges = row(10), *locations = row(12);

	EXPECT(lnotab, "\x02\x01\x04\xfe", 0, 100, "before the first entry");
	EXPECT(lnotab, "\x02\x01\x04\xfe", 4, 101, "on");
	EXPECT(lnotab, "\x02\x01\x04\xfe", 6, 99, "back");
	EXPECT(lnotab, "\x02\x01\x04\xfe", 60, 99, "the last goes on");
	EXPECT(lnotab, "\x02\x01\x04\xfe\x02", 60, 99, "half an entry");
	EXPECT(lnotab, "\x00\x7f\x00\x7f\xff\x00\x01\x80", 256, 226, "more than a byte says");
	EXPECT(lnotab, "\x00\x01", -1, 100, "not begun");
	EXPECT(lnotab, "\x00\x80", 0, 0, "a line before the first of the file");

	EXPECT(ranges, "\x04\x01\x02\x80\x04\xfe", 2, 101, "on");
	EXPECT(ranges, "\x04\x01\x02\x80\x04\xfe", 4, 0, "no line");
	EXPECT(ranges, "\x04\x01\x02\x80\x04\xfe", 6, 99, "back");
	EXPECT(ranges, "\x04\x01\x02\x80\x04\xfe", 10, 0, "after the end");
	EXPECT(ranges, "\x04\x01", -2, 100, "not begun");

	EXPECT(locations, "\x80\x00", 0, 100, "short form");
	EXPECT(locations, "\x81\x00\xd8\x01\x02", 4, 101, "one line");
	EXPECT(locations, "\x80\x00\xe8\x03", 2, 99, "no columns, back");
	EXPECT(locations, "\x80\x00\xf0\x60\x1f\x01\x01\x01", 2, 100 + 31 * 32 + 16, "long form");
	EXPECT(locations, "\x80\x00\xf8\x80\x00", 2, 0, "no line");
	EXPECT(locations, "\x80\x00\xf8\x80\x00", 4, 100, "after no line");
	EXPECT(locations, "\x80\x00", 2, 0, "after the end");
	EXPECT(locations, "\x80\x00", -2, 100, "not begun");
}

static void test_hostile(void)
{
	const struct layout *locations = row(12);
	struct memory *memory = memory_new(getpid(), NULL);
	struct code_position position;

	EXPECT(locations, "\x00\x00", 0, -1, "an entry without its bit");
	EXPECT(locations, "\xe8\x40\x40\x40\x40\x40\x40\x40\x40\x01", 0, -1, "a number that does not end");
	EXPECT(locations, "\xe8", 0, -1, "no number");
	EXPECT(locations, "\xe8\x40", 0, -1, "half a number");
	EXPECT(locations, "\xe8\x7e\x7f\x7f\x7f\x7f\x3f", 0, 0, "lines beyond all");

	for (unsigned int minor = 9; minor <= 15; minor++) {
		const struct layout *layout = row(minor);

		make(layout, UINT64_MAX);
		check(decode(layout, 1 << 30) == -1, "3.%u: a table as long as memory", minor);
		make(layout, 1 << 24);
		check(decode(layout, 1 << 30) == -1, "3.%u: a table that goes on where no memory is", minor);
		make(layout, 2);
		put(made.code, layout->code.linetable, 8, 8);
		check(decode(layout, 0) == -1, "3.%u: no table", minor);
		make(layout, 2);
		put(made.code, layout->code.filename, 0, 8);
		put(made.code, layout->code.qualname, 0, 8);
		check(decode(layout, -2) == -1, "3.%u: no file", minor);
		make(layout, 2);
		put(made.type, layout->type.name, address("code object"), 8);
		check(decode(layout, -2) == -1, "3.%u: another type", minor);
		make(layout, 2);
		put(made.type, layout->type.flags, UINT64_C(1) << 28 | 1 << 9, 8);
		check(decode(layout, -2) == -1, "3.%u: a class named code", minor);
		make(layout, 2);
		check(decode(layout, -2) == 100, "3.%u: and all of it in order", minor);
		make(layout, 2);
		put(made.code, layout->code.firstlineno, 0, 4);
		check(decode(layout, -2) == (minor >= 11 ? -1 : 0), "3.%u: what waits for __init__", minor);
		check(!code_position(layout, memory, 0, 0, &position) && !code_is_code(layout, memory, UINT64_MAX),
			"3.%u: no address", minor);
	}
	memory_free(memory);
}

/* More bytes than any program's table has are not read, though they are there. */
static void test_long_table(void)
{
	enum { SIZE = (1 << 24) + 4096 };
	const struct layout *layout = row(9);
	void *table = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (table == MAP_FAILED)
		die("out of memory");
	make(layout, 0);
	put(made.code, layout->code.linetable, address(table), 8);
	put(table, layout->bytes.length, 1000, 8);
	check(decode(layout, 2) == 100, "a table that changes nothing");
	put(table, layout->bytes.length, (1 << 24) + 2, 8);
	check(decode(layout, 2) == -1, "a table that is too long");
	munmap(table, SIZE);
}

/* Whatever the bytes, there is an answer. */
static void test_random(void)
{
	uint32_t state = 12345;
	int answers = 0;

	for (int i = 0; i < 3000; i++) {
		const struct layout *layout = row(9 + i % 4);
		size_t size = state >> 8 & 0x3ff;

		for (size_t k = 0; k < size; k++) {
			state = state * 1664525 + 1013904223;
			made.table[(size_t)layout->bytes.data + k] = (unsigned char)(state >> 24);
		}
		make(layout, size);
		answers += decode(layout, state >> 20) != -1;
	}
	check(answers > 1000, "%d of 3000 tables of any bytes have a line", answers);
}

/* Texts are cut, and not within a character. */
static void test_long_text(void)
{
	static unsigned char text[100 + 2 * 5000];
	const struct layout *layout = row(12);
	struct memory *memory = memory_new(getpid(), NULL);
	struct code_position position;
	const uint16_t character = 0x4e2d; /* three bytes in UTF-8 */

	make(layout, 0);
	memcpy(text, made.name, sizeof(made.name) < 100 ? sizeof(made.name) : 100);
	put(text, layout->unicode.length, 5000, 8);
	put(text, layout->unicode.state, 2u << layout->unicode.kind_shift | 1u << layout->unicode.compact_shift, 4);
	for (int i = 0; i < 5000; i++)
		put(text, layout->unicode.compact_data + 2 * i, character, 2);
	put(made.code, layout->code.filename, address(text), 8);
	if (check(code_position(layout, memory, address(made.code), word_at(layout, address(made.code), -2), &position),
		    "a long file name is one")) {
		size_t length = strlen(position.file);

		check(length <= CODE_TEXT_MOST && length > CODE_TEXT_MOST - 6 && length % 3 == 0 &&
				strcmp(position.file + length - 6, "\xe4\xb8\xad...") == 0,
			"it is cut: %zu bytes", length);
		code_position_free(&position);
	}
	memory_free(memory);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "frames") == 0) {
		print_frames(atoi(argv[2]));
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "lines") == 0)
		return check_lines(atoi(argv[2]));
	test_formats();
	test_hostile();
	test_long_table();
	test_random();
	test_long_text();
	return checks_end();
}
