// SPDX-License-Identifier: BSD-2-Clause
#include "check.h"
#include "site_x86_64.h"

#define OFFSET(...) site_offset((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

int main(void)
{
	check(OFFSET(0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x48, 0x89, 0xe5) == 4, "endbr64, push %%rbp: at the push");
	check(OFFSET(0xf3, 0x0f, 0x1e, 0xfa, 0x50) == 4, "endbr64, push %%rax: the first of the one-byte pushes");
	check(OFFSET(0xf3, 0x0f, 0x1e, 0xfa, 0x57) == 4, "endbr64, push %%rdi: the last of the one-byte pushes");
	check(OFFSET(0xf3, 0x0f, 0x1e, 0xfa, 0x41, 0x57, 0x41, 0x56) == 4, "endbr64, push %%r15: at the push");
	check(OFFSET(0xf3, 0x0f, 0x1e, 0xfa, 0x58, 0xc3) == 0, "endbr64, pop: at the entry");
	check(OFFSET(0xf3, 0x0f, 0x1e, 0xfa, 0x4f, 0xc3) == 0, "endbr64, a byte below the pushes: at the entry");
	check(OFFSET(0xf3, 0x0f, 0x1e, 0xfa, 0x41, 0x89, 0xf8) == 0, "endbr64, mov of %%r8: at the entry");
	check(OFFSET(0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x89, 0xf8) == 0, "endbr64, mov: at the entry");
	check(OFFSET(0x55, 0x48, 0x89, 0xe5) == 0, "push without endbr64: at the entry");
	check(OFFSET(0xf3, 0x0f, 0x1e, 0xfb, 0x55) == 0, "endbr32: at the entry");
	check(OFFSET(0xf3, 0x0f, 0x1e, 0xfa, 0x41) == 0, "a push cut in two: at the entry");
	check(OFFSET(0xf3, 0x0f, 0x1e, 0xfa) == 0, "endbr64 and no more bytes: at the entry");
	check(OFFSET(0xf3, 0x0f) == 0, "two bytes: at the entry");
	check(site_offset(NULL, 0) == 0, "no bytes: at the entry");
	return checks_end();
}
