"""Starts waiting_threads.so (argv[2], counters in argv[3]), then runs the target argv[4] in this process."""
import ctypes
import os
import runpy
import sys

if ctypes.CDLL(sys.argv[2]).start(os.fsencode(sys.argv[3])):
    sys.exit("no threads")
runpy.run_path(os.path.join(sys.path[0], sys.argv[4]), run_name="__main__")
