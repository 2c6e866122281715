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

static size_t read_set(pid_t tid, int set, uint64_t *words)
{
	struct iovec vector = {.iov_base = words, .iov_len = SET_MOST};

	if (ptrace(PTRACE_GETREGSET, tid, (void *)(uintptr_t)set, &vector) < 0)
		return 0;
	return vector.iov_len / sizeof(*words);
}

int registers_read(struct registers *registers, pid_t tid, struct error *error)
{
	const size_t most = SET_MOST / sizeof(uint64_t);
	uint64_t *grown = realloc(registers->word, (registers->count + 2 * most) * sizeof(*grown));
	size_t count;

	if (!grown)
		return error_set(error, ERROR_FAILED, "out of memory");
	registers->word = grown;
	count = read_set(tid, NT_PRSTATUS, grown + registers->count);
	if (!count)
		return error_set(error, ERROR_AGAIN, "the registers of a thread cannot be read: %s", strerror(errno));
	registers->count += count;
	/* memmove() and the like hold pointers in vector registers. */
	count = read_set(tid, NT_X86_XSTATE, grown + registers->count);
	if (!count)
		count = read_set(tid, NT_PRFPREG, grown + registers->count);
	registers->count += count;
	return 0;
}

void registers_free(struct registers *registers)
{
	free(registers->word);
	*registers = (struct registers){0};
}
