// SPDX-License-Identifier: BSD-2-Clause
#include "site_x86_64.h"

#include <stdbool.h>
#include <string.h>

static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};

/* push %rax..%rdi is one byte, push %r8..%r15 the same after a REX.B prefix. */
static bool is_push(const uint8_t *bytes, size_t n)
{
	if (n >= 2 && bytes[0] == 0x41)
		bytes++;
	else if (n < 1)
		return false;
	return bytes[0] >= 0x50 && bytes[0] <= 0x57;
}

size_t site_offset(const uint8_t *bytes, size_t n)
{
	if (n < sizeof(endbr64) || memcmp(bytes, endbr64, sizeof(endbr64)) != 0)
		return 0;
	return is_push(bytes + sizeof(endbr64), n - sizeof(endbr64)) ? sizeof(endbr64) : 0;
}
