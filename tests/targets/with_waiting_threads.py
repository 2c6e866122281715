"""Starts waiting_threads.so (argv[1], its counters in argv[2]), then is the target argv[3] with the rest of argv."""
import ctypes
import os
import runpy
import sys

library, counters, target = sys.argv[1:4]
if ctypes.CDLL(library).start(os.fsencode(counters)):
    sys.exit("no threads")
sys.argv[1:] = sys.argv[4:]
runpy.run_path(os.path.join(sys.path[0], target), run_name="__main__")
