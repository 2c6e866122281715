// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "registers.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

/* Those of AVX-512 and AMX tiles are 11 KiB. */
#define SET_MOST 16384u

/* Bytes of a set of registers, at most SET_MOST; 0: there is none such. */
static size_t read_set(pid_t tid, int type, unsigned char *set)
{
	struct iovec vector = {.iov_base = set, .iov_len = SET_MOST};

	return ptrace(PTRACE_GETREGSET, tid, (void *)(uintptr_t)type, &vector) < 0 ? 0 : vector.iov_len;
}

bool registers_add(struct registers *registers, const void *set, size_t size)
{
	size_t count = size / sizeof(uint64_t);
	uint64_t *grown;

	if (!count)
		return true;
	grown = reallocarray(registers->word, registers->count + count, sizeof(*grown));
	if (!grown)
		return false;
	memcpy(grown + registers->count, set, count * sizeof(*grown));
	registers->word = grown;
	registers->count += count;
	return true;
}

int registers_read(struct registers *registers, pid_t tid, struct error *error)
{
	unsigned char set[SET_MOST];
	size_t size = read_set(tid, NT_PRSTATUS, set);
	bool added;

	if (!size)
		return error_set(error, ERROR_AGAIN, "the registers of a thread cannot be read: %s", strerror(errno));
	added = registers_add(registers, set, size);
	/* memmove() and the like hold pointers in vector registers. */
	size = read_set(tid, NT_X86_XSTATE, set);
	if (!size)
		size = read_set(tid, NT_PRFPREG, set);
	added = added && registers_add(registers, set, size);
	return added ? 0 : error_set(error, ERROR_FAILED, "out of memory");
}

void registers_free(struct registers *registers)
{
	free(registers->word);
	*registers = (struct registers){0};
}
