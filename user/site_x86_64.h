/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where in a function a uprobe is cheap. The only file that knows instruction bytes.
 *
 * The kernel emulates some instructions at a probe and single-steps a copy of all others, at more than ten times the
 * cost. Emulated by every kernel since 5.0 (arch/x86/kernel/uprobes.c): push of a register, nop, jmp and the
 * conditional jumps. Most functions start with one or come to one soon, after endbr64 and a few moves. There the probe
 * goes if every call passes the place exactly once and finds what it had at the entry: its arguments, the stack pointer
 * with the return address, and all memory but its own stack frame. So only instructions are passed over that are known
 * to change none of these and to go on to the next one. The first jump, taken or not, may still have the probe; what
 * follows it may not. Another way to the same place would count a call twice: it is not taken when anything in the
 * given bytes that may be a jump leads back behind the entry. A call is emulated, too, but without the shadow stack, at
 * which the process dies if it has one, so that it is never chosen.
 */
#ifndef OGT_SITE_X86_64_H
#define OGT_SITE_X86_64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How many bytes of a function site_choose() wants to see; fewer are fine when the file has no more. The site is among
 * the first 64, the rest is searched for jumps back.
 */
#define SITE_BYTES 4096

/* What a probe wants to find as it was at the entry: a set of registers, by their numbers in instructions. */
enum site_keeps {
	SITE_FIRST = 1 << 7, /* argument: rdi */
	SITE_SECOND = 1 << 6, /* rsi */
	SITE_THIRD = 1 << 2, /* rdx */
	SITE_STACK = 1 << 4, /* rsp. Every uretprobe wants it: the kernel replaces the return address there. */
	SITE_ALL = SITE_FIRST | SITE_SECOND | SITE_THIRD | SITE_STACK,
};

struct site {
	size_t offset; /* what to add to the address of the function */
	bool emulated; /* else the instruction is stepped, and offset is 0: the entry */
};

/* The cheapest site in a function, given its first bytes and what has to be kept. The less that is, the more sites. */
struct site site_choose_keeping(const uint8_t *bytes, size_t n, enum site_keeps keeps);

/* One that serves every probe. */
static inline struct site site_choose(const uint8_t *bytes, size_t n)
{
	return site_choose_keeping(bytes, n, SITE_ALL);
}

/*
 * What can be told of a function whose code is all in bytes, and lies at address. A target is only where a jump or call
 * may lead, if these bytes are one: whether a function begins there is the caller's to ask.
 */
/* The target of a function that is nothing but a jump to another; 0: it is more. */
uint64_t site_jump(const uint8_t *bytes, size_t n, uint64_t address);
/* The i-th target of its calls, and jumps that take four bytes; 0: there are no more. *at is 0 at first. */
uint64_t site_next_call(const uint8_t *bytes, size_t n, uint64_t address, size_t *at);
/* The next target that it calls with this constant as the first argument; 0: no further one. *at is 0 at first. */
uint64_t site_next_call_with(const uint8_t *bytes, size_t n, uint64_t address, uint64_t first, size_t *at);
/* Whether it reads the word at this offset of what its first argument points to. */
bool site_reads(const uint8_t *bytes, size_t n, int32_t offset);

/*
 * The next value that it compares something with: a constant, or the address of what it loads the address of just
 * before. *at is 0 at first, and then behind the byte at *where. 0: no further one.
 */
uint64_t site_next_compared(const uint8_t *bytes, size_t n, uint64_t address, size_t *at, size_t *where);

/* Whether the kernel, or a debugger, has put a breakpoint over the instruction that begins with this byte: int3. */
static inline bool site_is_breakpoint(uint8_t byte)
{
	return byte == 0xcc;
}

/* A function of this program with a site at its entry, to measure what a probe costs. */
void site_example(void *argument);

static inline size_t site_offset(const uint8_t *bytes, size_t n)
{
	return site_choose(bytes, n).offset;
}

#endif
