"""judge_read_ahead.py FILE: strace's of a tracer that attaches one uprobe at a time. Each byte that a uprobe is to replace was read
before, as preadv2 with RWF_NOWAIT does, which finds only what is in the page cache."""
import re
import sys

RWF_NOWAIT = 8
cached, probes, bad = set(), 0, []
for line in open(sys.argv[1]):
    call = re.search(r"preadv2\(.*, (\w+), (\w+)\) = 1$", line)
    if call and int(call[2], 0) & RWF_NOWAIT:
        cached.add(int(call[1], 0))
    # A type of perf events that is none of the kernel's own, as they are numbered: uprobes. config2 is the offset.
    call = re.search(r"perf_event_open\(\{type=(\w+).*config2=(\w+)", line)
    if call and int(call[1], 0) > 5:
        probes += 1
        if int(call[2], 0) not in cached:
            bad.append(line)
print("%d uprobes, %d bytes in the page cache, %d probes where that was not seen" % (probes, len(cached), len(bad)))
sys.stdout.writelines(bad[:5])
sys.exit(bool(bad) or probes < 20)
