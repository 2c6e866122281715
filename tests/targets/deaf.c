/*
 * For LD_PRELOAD, in a tracer: a machine that takes breakpoints or uprobes, as DEAF names them ("breakpoints",
 * "uprobes", "uprobe_multi"), and never delivers one. What is asked for becomes an event that does not happen.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#define UPROBE_MULTI 48

static int is_deaf_to(const char *what)
{
	const char *all = getenv("DEAF"), *at = all ? strstr(all, what) : NULL;
	size_t n = strlen(what);

	return at && (at == all || at[-1] == ' ') && (at[n] == ' ' || !at[n]);
}

/* bpf(BPF_LINK_CREATE) reads: program, target, attach type, flags, path, offsets, ref_ctr_offsets, cookies, count, ...
 */
struct multi {
	uint32_t program, target, attach_type, flags;
	uint64_t path, offsets, counters, cookies;
	uint32_t count, multi_flags, pid, padding;
};

long syscall(long number, ...)
{
	long (*next)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall"), word[6];
	struct perf_event_attr attr;
	struct multi multi;
	va_list words;

	va_start(words, number);
	for (int i = 0; i < 6; i++)
		word[i] = va_arg(words, long);
	va_end(words);
	if (number == SYS_perf_event_open) {
		memcpy(&attr, (void *)word[0], sizeof(attr));
		if (attr.type == PERF_TYPE_BREAKPOINT && is_deaf_to("breakpoints")) {
			attr.bp_type = attr.bp_addr = attr.bp_len = 0;
			attr.type = PERF_TYPE_SOFTWARE;
			attr.config = PERF_COUNT_SW_DUMMY;
			word[0] = (long)&attr;
		} else if (attr.type >= PERF_TYPE_MAX && attr.config2 && is_deaf_to("uprobes")) {
			word[1] = 1; /* of another process */
		}
	} else if (number == SYS_bpf && word[0] == BPF_LINK_CREATE &&
		   ((struct multi *)word[1])->attach_type == UPROBE_MULTI &&
		   word[2] >= (long)offsetof(struct multi, padding) && ((struct multi *)word[1])->count &&
		   is_deaf_to("uprobe_multi") && (int32_t)((struct multi *)word[1])->pid > 0) {
		memcpy(&multi, (void *)word[1], offsetof(struct multi, padding));
		multi.padding = 0;
		multi.pid = 1;
		word[1] = (long)&multi;
	}
	return next(number, word[0], word[1], word[2], word[3], word[4], word[5]);
}
