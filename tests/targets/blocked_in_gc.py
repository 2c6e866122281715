"""Waits in the middle of a collection. argv[2]: callback (gc.callbacks) or finalizer (__del__ of a cycle)."""
import gc
import sys

import oracle


def stop(phase, info):
    oracle.barrier(sys.argv[1])


class Cycle(object):
    def __init__(self):
        self.me = self

    def __del__(self):
        oracle.barrier(sys.argv[1])


Cycle()
if sys.argv[2] == "callback":
    gc.callbacks.append(stop)
gc.collect()
