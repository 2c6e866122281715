// SPDX-License-Identifier: BSD-2-Clause
#include "site_x86_64.h"

#include <string.h>

/* The site is among the first bytes, so that the bits of one word say where instructions begin. */
#define SITE_MOST 64

#define ENDBR64_SIZE 4
/* call and jmp with four bytes of distance; from the load of the first argument to the end of the call at most. */
/* The longest cmp with a constant: prefix, opcode, ModRM, SIB, two times four bytes. */
#define CMP_MOST 12
#define LEA_SIZE 7
/* From the address to the comparison with it there are at most so many bytes. */
#define LEA_TO_CMP 24
#define CALL_SIZE 5
#define ARGUMENT_TO_CALL 32

/* Set in a ModRM byte that names a register, not memory. */
#define MOD_REGISTER 0xc0

/* The ABI lets a function use so many bytes below its stack pointer. */
#define RED_ZONE 128

/* No instruction below stores more bytes. */
#define STORE_MOST 8

/* What there is to know of an opcode. One without PASS and SITE may write memory or leave, or nobody looked at it. */
enum {
	PASS = 1, /* goes on to the next instruction, having written what is said below */
	SITE = 2, /* the kernel emulates it when no prefix stands before it */
	MODRM = 4, /* a ModRM byte follows */
	TO_REG = 8 | MODRM, /* writes the register in ModRM.reg */
	TO_RM = 16 | MODRM, /* writes what ModRM.rm names */
	TO_OPCODE = 32, /* writes the register in the opcode's low bits */
	IMM8 = 64, /* a byte of immediate operand or displacement */
	IMM32 = 128, /* four bytes, two after an operand-size prefix */
	IMM64 = 256, /* like IMM32, but eight after REX.W */
	GROUP = 512, /* ModRM.reg chooses the instruction, group() knows which */
};

/* add, or, adc, sbb, and, sub, xor; cmp, which writes flags only, is apart. */
#define ARITHMETIC(at)                                                                                                 \
	[(at)] = PASS | TO_RM, [(at) + 1] = PASS | TO_RM, [(at) + 2] = PASS | TO_REG, [(at) + 3] = PASS | TO_REG,      \
	[(at) + 4] = PASS | IMM8, [(at) + 5] = PASS | IMM32

static const uint16_t one_byte[256] = {
	ARITHMETIC(0x00),
	ARITHMETIC(0x08),
	ARITHMETIC(0x10),
	ARITHMETIC(0x18),
	ARITHMETIC(0x20),
	ARITHMETIC(0x28),
	ARITHMETIC(0x30),
	[0x38 ... 0x3b] = PASS | MODRM, /* cmp */
	[0x3c] = PASS | IMM8,
	[0x3d] = PASS | IMM32,
	[0x50 ... 0x57] = SITE, /* push */
	[0x63] = PASS | TO_REG, /* movslq */
	[0x69] = PASS | TO_REG | IMM32, /* imul */
	[0x6b] = PASS | TO_REG | IMM8,
	[0x70 ... 0x7f] = SITE | IMM8, /* conditional jumps */
	[0x80] = GROUP | MODRM | IMM8,
	[0x81] = GROUP | MODRM | IMM32,
	[0x83] = GROUP | MODRM | IMM8,
	[0x84 ... 0x85] = PASS | MODRM, /* test */
	[0x88 ... 0x89] = PASS | TO_RM, /* mov */
	[0x8a ... 0x8b] = PASS | TO_REG,
	[0x8d] = PASS | TO_REG, /* lea */
	[0x90] = SITE | PASS, /* nop */
	[0x98] = PASS, /* cltq writes rax */
	[0xa8] = PASS | IMM8, /* test */
	[0xa9] = PASS | IMM32,
	[0xb0 ... 0xb7] = PASS | TO_OPCODE | IMM8, /* mov */
	[0xb8 ... 0xbf] = PASS | TO_OPCODE | IMM64,
	[0xc0 ... 0xc1] = PASS | TO_RM | IMM8, /* shifts */
	[0xc6] = GROUP | MODRM | IMM8,
	[0xc7] = GROUP | MODRM | IMM32,
	[0xd0 ... 0xd3] = PASS | TO_RM, /* shifts */
	[0xe9] = SITE | IMM32, /* jmp */
	[0xeb] = SITE | IMM8,
	[0xf6 ... 0xf7] = GROUP | MODRM,
	[0xfe ... 0xff] = GROUP | MODRM,
};

/* After 0f. An xmm register holds nothing that is asked for. */
static const uint16_t two_byte[256] = {
	[0x10] = PASS | MODRM, /* loads of xmm registers */
	[0x12] = PASS | MODRM,
	[0x16] = PASS | MODRM,
	[0x1f] = PASS | MODRM, /* nop */
	[0x28] = PASS | MODRM,
	[0x2e ... 0x2f] = PASS | MODRM, /* ucomisd, comisd */
	[0x40 ... 0x4f] = PASS | TO_REG, /* cmov */
	[0x57] = PASS | MODRM, /* xorps */
	[0x6c] = PASS | MODRM, /* punpcklqdq */
	[0x6e ... 0x6f] = PASS | MODRM, /* loads of xmm registers */
	[0x80 ... 0x8f] = SITE | IMM32, /* conditional jumps */
	[0x90 ... 0x9f] = PASS | TO_RM, /* setcc */
	[0xa3] = PASS | MODRM, /* bt */
	[0xaf] = PASS | TO_REG, /* imul */
	[0xb6 ... 0xb7] = PASS | TO_REG, /* movzx */
	[0xba] = GROUP | MODRM | IMM8,
	[0xbc ... 0xbf] = PASS | TO_REG, /* bsf, bsr, movsx */
	[0xef] = PASS | MODRM, /* pxor */
};

static bool is_endbr64(const uint8_t *bytes, size_t n)
{
	static const uint8_t endbr64[ENDBR64_SIZE] = {0xf3, 0x0f, 0x1e, 0xfa};

	return n >= ENDBR64_SIZE && memcmp(bytes, endbr64, ENDBR64_SIZE) == 0;
}

struct instruction {
	size_t size; /* 0: cut off */
	unsigned what;
	bool prefixed; /* by anything but REX */
	bool narrow; /* operand-size prefix */
	bool segment; /* fs or gs prefix */
	uint8_t rex; /* 0: none */
	uint8_t opcode; /* its last byte */
	const uint8_t *modrm; /* NULL: none */
};

/* Completes what an opcode says of itself by its ModRM.reg. */
static unsigned group(bool two_bytes, uint8_t opcode, unsigned reg)
{
	if (two_bytes) /* bt, and from 5 on bts, btr, btc */
		return reg == 4 ? PASS : reg > 4 ? PASS | TO_RM : 0;
	switch (opcode) {
	case 0xf6: /* test, test, not, neg; then mul and div, which write rdx */
		return reg == 0 ? PASS | IMM8 : reg == 2 || reg == 3 ? PASS | TO_RM : 0;
	case 0xf7:
		return reg == 0 ? PASS | IMM32 : reg == 2 || reg == 3 ? PASS | TO_RM : 0;
	case 0xfe: /* inc, dec; then call, jmp and push */
	case 0xff:
		return reg < 2 ? PASS | TO_RM : 0;
	case 0xc6: /* mov */
	case 0xc7:
		return reg == 0 ? PASS | TO_RM : 0;
	default: /* arithmetic, the last of which is cmp */
		return reg == 7 ? PASS : PASS | TO_RM;
	}
}

/* Bytes of ModRM, SIB and displacement. */
static size_t operand_size(const uint8_t *modrm, size_t n)
{
	unsigned mod = modrm[0] >> 6, rm = modrm[0] & 7;
	size_t size = 1;

	if (mod == 3)
		return 1;
	if (rm == 4) {
		if (n < 2)
			return 2; /* which does not fit either */
		rm = modrm[1] & 7;
		size = 2;
	}
	return size + (mod == 1 ? 1 : mod == 2 || rm == 5 ? 4 : 0);
}

static size_t immediate_size(const struct instruction *in)
{
	if (in->what & IMM8)
		return 1;
	if (in->what & IMM64 && in->rex & 8)
		return 8;
	return in->what & (IMM32 | IMM64) ? (in->narrow ? 2 : 4) : 0;
}

/* The instruction at the start of bytes. One that is not known has no PASS, no SITE and any size. */
static struct instruction decode(const uint8_t *bytes, size_t n)
{
	struct instruction in = {0};
	bool two_bytes;
	size_t at = 0;

	/* Operand size, fs and gs, which thread-local variables use, and cs, which makes a nop longer. */
	for (; at < n && (bytes[at] == 0x66 || bytes[at] == 0x64 || bytes[at] == 0x65 || bytes[at] == 0x2e); at++) {
		in.prefixed = true;
		in.narrow |= bytes[at] == 0x66;
		in.segment |= bytes[at] == 0x64 || bytes[at] == 0x65;
	}
	if (at < n && (bytes[at] & 0xf0) == 0x40)
		in.rex = bytes[at++];
	two_bytes = at < n && bytes[at] == 0x0f;
	at += two_bytes;
	if (at >= n)
		return in;
	in.opcode = bytes[at++];
	in.what = (two_bytes ? two_byte : one_byte)[in.opcode];
	if (in.what & MODRM) {
		if (at >= n)
			return in;
		in.modrm = bytes + at;
		if (in.what & GROUP)
			in.what |= group(two_bytes, in.opcode, in.modrm[0] >> 3 & 7);
		at += operand_size(in.modrm, n - at);
	}
	at += immediate_size(&in);
	in.size = at <= n ? at : 0;
	return in;
}

/*
 * push %rax..%rdi is one byte, push %r8..%r15 the same after a REX.B prefix, and jumps have no prefix at all. A jmp
 * over eight bytes is what the kernel's developers plan to know a slot by that they may write a call into.
 */
static bool is_site(const struct instruction *in, const uint8_t *bytes)
{
	bool push = in->opcode >= 0x50 && in->opcode <= 0x57;

	if (!(in->what & SITE) || in->prefixed || (in->opcode == 0xeb && bytes[1] == 8))
		return false;
	return !in->rex || (push && in->rex == 0x41);
}

/* True when writing this register, or half of what its number stands for in a byte instruction (dl, dh), matters. */
static bool is_kept(unsigned keeps, unsigned reg, bool extended)
{
	return !extended && (keeps >> reg & 1 || (reg >= 4 && keeps >> (reg - 4) & 1));
}

/*
 * True when the memory operand is of the function's own stack, frame bytes of which it has below the entry's stack
 * pointer, or of the red zone below. Nothing that an argument points to is there.
 */
static bool is_in_frame(const struct instruction *in, int64_t frame)
{
	unsigned mod = in->modrm[0] >> 6;
	int32_t at = 0;

	if ((in->modrm[0] & 7) != 4 || in->modrm[1] != 0x24 || in->rex & 3 || in->segment)
		return false; /* not based on rsp alone */
	if (mod == 1)
		at = (int8_t)in->modrm[2];
	else if (mod == 2)
		memcpy(&at, in->modrm + 2, sizeof(at));
	return at >= -RED_ZONE && at + STORE_MOST <= frame;
}

/* How much sub $n,%rsp takes of the stack; 0: it is another instruction. */
static int32_t stack_taken(const struct instruction *in)
{
	int32_t size = 0;

	if (in->prefixed || in->rex != 0x48 || !in->modrm || in->modrm[0] != 0xec)
		return 0;
	if (in->opcode == 0x83)
		size = (int8_t)in->modrm[1];
	else if (in->opcode == 0x81)
		memcpy(&size, in->modrm + 1, sizeof(size));
	return size > 0 ? size : 0;
}

static bool is_passed(const struct instruction *in, unsigned keeps, int64_t *frame)
{
	const unsigned kept = keeps | SITE_STACK;

	if (!(in->what & PASS))
		return false;
	if (!(keeps & SITE_STACK) && stack_taken(in)) {
		*frame += stack_taken(in);
		return true;
	}
	if ((in->what & TO_RM) == TO_RM) {
		if ((in->modrm[0] & MOD_REGISTER) != MOD_REGISTER)
			return is_in_frame(in, *frame);
		if (is_kept(kept, in->modrm[0] & 7, in->rex & 1))
			return false;
	}
	if ((in->what & TO_REG) == TO_REG && is_kept(kept, in->modrm[0] >> 3 & 7, in->rex & 4))
		return false;
	return !(in->what & TO_OPCODE && is_kept(kept, in->opcode & 7, in->rex & 1));
}

/* Distance of the jump that bytes may be, from where they begin; 0 when they are none. */
static int64_t jump_distance(const uint8_t *bytes, size_t n)
{
	int32_t far;
	size_t at;

	/* conditional, loop and jrcxz, jmp */
	if (n >= 2 &&
		((bytes[0] >= 0x70 && bytes[0] <= 0x7f) || (bytes[0] >= 0xe0 && bytes[0] <= 0xe3) || bytes[0] == 0xeb))
		return 2 + (int8_t)bytes[1];
	at = n >= 2 && bytes[0] == 0x0f && bytes[1] >= 0x80 && bytes[1] <= 0x8f ? 2 : n && bytes[0] == 0xe9 ? 1 : 0;
	if (!at || n < at + sizeof(far))
		return 0;
	memcpy(&far, bytes + at, sizeof(far));
	return (int64_t)(at + sizeof(far)) + far;
}

/*
 * True when anything from the site on looks like a jump to one of the instructions that starts names, bit by bit. What
 * looks so need not be one, or be of this function: then a cheap site is lost, but never a count is wrong.
 */
static bool is_led_back(const uint8_t *bytes, size_t n, size_t site, uint64_t starts)
{
	for (size_t at = site; at < n; at++) {
		int64_t distance = jump_distance(bytes + at, n - at), target = (int64_t)at + distance;

		if (distance && target > 0 && target < SITE_MOST && starts >> target & 1)
			return true;
	}
	return false;
}

struct site site_choose_keeping(const uint8_t *bytes, size_t n, enum site_keeps keeps)
{
	const size_t entry = is_endbr64(bytes, n) ? ENDBR64_SIZE : 0;
	uint64_t starts = 0;
	int64_t frame = 0;

	for (size_t at = entry; at < n && at < SITE_MOST;) {
		struct instruction in = decode(bytes + at, n - at);

		if (!in.size)
			break;
		starts |= UINT64_C(1) << at;
		if (is_site(&in, bytes + at)) {
			/* Whoever jumps to the entry calls the function once more. */
			if (at > entry && is_led_back(bytes, n, at, starts & ~UINT64_C(1)))
				break;
			return (struct site){.offset = at, .emulated = true};
		}
		if (!is_passed(&in, keeps, &frame))
			break;
		at += in.size;
	}
	return (struct site){.offset = 0, .emulated = false};
}

uint64_t site_jump(const uint8_t *bytes, size_t n, uint64_t address)
{
	size_t at = is_endbr64(bytes, n) ? ENDBR64_SIZE : 0;

	if (at >= n || (bytes[at] != 0xe9 && bytes[at] != 0xeb))
		return 0;
	return address + at + (uint64_t)jump_distance(bytes + at, n - at);
}

uint64_t site_next_call(const uint8_t *bytes, size_t n, uint64_t address, size_t *at)
{
	for (; *at + CALL_SIZE <= n; ++*at) {
		uint64_t from = address + *at + CALL_SIZE;
		int32_t distance;

		if (bytes[*at] != 0xe8 && bytes[*at] != 0xe9)
			continue;
		memcpy(&distance, bytes + *at + 1, sizeof(distance));
		++*at;
		return from + (uint64_t)(int64_t)distance;
	}
	return 0;
}

/* Whether mov $first,%edi or lea first(%rip),%rdi stands at the start of bytes, which lie at address. */
static bool sets_first(const uint8_t *bytes, size_t n, uint64_t address, uint64_t first)
{
	static const uint8_t lea[] = {0x48, 0x8d, 0x3d};
	uint32_t constant;

	if (n >= 5 && bytes[0] == 0xbf) {
		memcpy(&constant, bytes + 1, sizeof(constant));
		return constant == first;
	}
	if (n < sizeof(lea) + sizeof(constant) || memcmp(bytes, lea, sizeof(lea)) != 0)
		return false;
	memcpy(&constant, bytes + sizeof(lea), sizeof(constant));
	return address + sizeof(lea) + sizeof(constant) + (uint64_t)(int64_t)(int32_t)constant == first;
}

uint64_t site_next_call_with(const uint8_t *bytes, size_t n, uint64_t address, uint64_t first, size_t *at)
{
	for (; *at < n; ++*at) {
		size_t end = *at + ARGUMENT_TO_CALL < n ? *at + ARGUMENT_TO_CALL : n, call = *at;
		uint64_t target;

		if (!sets_first(bytes + *at, n - *at, address + *at, first))
			continue;
		target = site_next_call(bytes, end, address, &call);
		++*at;
		if (target)
			return target;
	}
	return 0;
}

/* The constant of cmp $constant, with a register or a word of memory; false for any other instruction. */
static bool compares_constant(const uint8_t *bytes, size_t n, uint64_t *value)
{
	int32_t constant;
	size_t end;

	if (n < CMP_MOST || (bytes[0] & 0xf8) != 0x48)
		return false;
	if (bytes[1] == 0x3d) {
		end = 2;
	} else if (bytes[1] == 0x81 && (bytes[2] >> 3 & 7) == 7) {
		unsigned int mode = bytes[2] >> 6, base = bytes[2] & 7;

		end = 3 + (mode != 3 && base == 4);
		end += mode == 1 ? 1 : mode == 2 || (mode == 0 && base == 5) ? 4 : 0;
	} else {
		return false;
	}
	memcpy(&constant, bytes + end, sizeof(constant));
	*value = (uint64_t)(int64_t)constant;
	return true;
}

/* The target of lea target(%rip),%register, where a cmp with that register follows closely. */
static bool compares_address(const uint8_t *bytes, size_t n, uint64_t address, uint64_t *value)
{
	int32_t distance;
	unsigned int loaded;

	if (n < LEA_SIZE || (bytes[0] & 0xfb) != 0x48 || bytes[1] != 0x8d || (bytes[2] & 0xc7) != 0x05)
		return false;
	memcpy(&distance, bytes + 3, sizeof(distance));
	*value = address + LEA_SIZE + (uint64_t)(int64_t)distance;
	loaded = (bytes[2] >> 3 & 7) | (bytes[0] & 4) << 1;
	for (size_t at = LEA_SIZE; at + 3 <= n && at < LEA_SIZE + LEA_TO_CMP; at++) {
		unsigned int prefix = bytes[at], mode = bytes[at + 2];

		if ((prefix & 0xf8) != 0x48 || (bytes[at + 1] != 0x39 && bytes[at + 1] != 0x3b))
			continue;
		if (((mode >> 3 & 7) | (prefix & 4) << 1) == loaded ||
			(mode >> 6 == 3 && ((mode & 7) | (prefix & 1) << 3) == loaded))
			return true;
	}
	return false;
}

uint64_t site_next_compared(const uint8_t *bytes, size_t n, uint64_t address, size_t *at, size_t *where)
{
	uint64_t value;

	for (; *at < n; ++*at) {
		*where = *at;
		if (compares_constant(bytes + *at, n - *at, &value) ||
			compares_address(bytes + *at, n - *at, address + *at, &value)) {
			++*at;
			if (value)
				return value;
		}
	}
	return 0;
}

bool site_reads(const uint8_t *bytes, size_t n, int32_t offset)
{
	int32_t displacement;

	for (size_t at = 0; at + 1 + sizeof(displacement) <= n; at++) {
		/* A ModRM byte of memory at rdi and four bytes, whatever the register. */
		memcpy(&displacement, bytes + at + 1, sizeof(displacement));
		if ((bytes[at] & 0xc7) == 0x87 && displacement == offset)
			return true;
	}
	return false;
}

__asm__(".pushsection .text\n"
	".globl site_example\n"
	".type site_example, @function\n"
	"site_example:\n"
	"	push %rbp\n"
	"	pop %rbp\n"
	"	ret\n"
	".size site_example, . - site_example\n"
	".popsection\n");
