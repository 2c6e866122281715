/*
 * A program that says it is a Python: VERSION (PY_VERSION_HEX) and FREE_THREADED in a _Py_DebugOffsets that holds
 * nothing else. It only waits. Needs no C library, so that a 32-bit one can be built anywhere.
 */
#include <stdint.h>

__attribute__((section(".PyRuntime"), used, visibility("default"))) struct {
	char cookie[8];
	uint64_t version;
	uint64_t free_threaded;
	uint64_t rest[1021];
} _PyRuntime = {{'x', 'd', 'e', 'b', 'u', 'g', 'p', 'y'}, VERSION, FREE_THREADED, {0}};

void _start(void)
{
	for (;;) {
#ifdef __i386__
		__asm__ volatile("int $0x80" ::"a"(29) : "memory");
#else
		__asm__ volatile("syscall" ::"a"(34) : "rcx", "r11", "memory");
#endif
	}
}
