"""Objects parked by gc.freeze() (3.7+): gc.get_objects() leaves them out."""
import gc
import sys

import oracle

parked = [[i] for i in range(1234)]
if not hasattr(gc, "freeze"):
    print("no gc.freeze")
    sys.exit(77)
gc.freeze()
live = [{i: []} for i in range(567)]
oracle.barrier(sys.argv[1])
