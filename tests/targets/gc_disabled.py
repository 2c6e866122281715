"""Nothing is ever collected: every cycle that was dropped is still on the youngest list."""
import gc
import sys

import oracle

gc.disable()
for i in range(5000):
    cycle = []
    cycle.append(cycle)
oracle.barrier(sys.argv[1])
