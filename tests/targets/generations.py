"""Objects of one class in each generation."""
import gc
import sys

import oracle


class Aged(object):
    pass


gc.disable()
old = [Aged() for i in range(300)]
gc.collect()
middle = [Aged() for i in range(200)]
gc.collect(0)
young = [Aged() for i in range(100)]
oracle.barrier(sys.argv[1])
