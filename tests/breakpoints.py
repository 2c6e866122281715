"""breakpoints.py [N]: whether this machine delivers hardware breakpoints: 100 writes to a word of this process that is
watched, by one breakpoint or N, counted by the kernel. Prints how many each was told of; exits 0 when it was all. Knows
nothing of the code under test."""

import ctypes
import os
import struct
import sys

PERF_EVENT_OPEN, TYPE_BREAKPOINT, WRITES, LENGTH_8 = 298, 5, 2, 8
EXCLUDE_KERNEL = 1 << 5

word = ctypes.c_uint64(0)
# struct perf_event_attr: type, size, config, period, sample_type, read_format, flags, wakeup, bp_type, bp_addr, bp_len
attr = struct.pack("<IIQQQQQIIQQ", TYPE_BREAKPOINT, 72, 0, 0, 0, 0, EXCLUDE_KERNEL, 0, WRITES,
                   ctypes.addressof(word), LENGTH_8)
libc = ctypes.CDLL(None)
events = [libc.syscall(PERF_EVENT_OPEN, attr, 0, -1, -1, 0) for _ in range(int((sys.argv + ["1"])[1]))]
for i in range(100):
    word.value = i
hits = [int.from_bytes(os.read(event, 8), "little") if event >= 0 else 0 for event in events]
print(*hits)
sys.exit(set(hits) != {100})
