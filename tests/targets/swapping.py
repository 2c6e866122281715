"""Never rests, and always holds 100000 objects of class Left and as many of class Right, give or take one of each.

Pairs swap their classes, so no link of a list ever changes, but any copy that is not of one moment shows other numbers.
argv[2]: what kind of process this is: plain; stale (a thread state whose thread has ended); forked (a child that C code
forked while another thread lived); with "-bursts" behind it, it rests between short bursts of work.
argv[1] is written once it swaps, with the pid to look at.
"""
import ctypes
import gc
import os
import sys
import threading
import time

HALF = 100000
kind, _, bursts = sys.argv[2].partition("-")


class Left(object):
    __slots__ = ("x",)


class Right(object):
    __slots__ = ("x",)


def leave_thread_state():
    # PyInterpreterState_Head() is the newest interpreter: the only one here.
    ctypes.pythonapi.PyInterpreterState_Head.restype = ctypes.c_void_p
    ctypes.pythonapi.PyThreadState_New.argtypes = [ctypes.c_void_p]
    ctypes.pythonapi.PyThreadState_New.restype = ctypes.c_void_p
    ctypes.pythonapi.PyThreadState_New(ctypes.pythonapi.PyInterpreterState_Head())


if kind == "stale":
    thread = threading.Thread(target=leave_thread_state)
    thread.start()
    thread.join()
if kind == "forked":
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    time.sleep(0.2)
    child = ctypes.PyDLL(None).fork()
    if child:
        os.waitpid(child, 0)
        os._exit(0)

# The two of a pair lie far apart: a copy that is not of one moment has the one before and the other after their swap.
lefts = [Left() for _ in range(HALF)]
pairs = list(zip(lefts, [Right() for _ in range(HALF)]))
gc.collect()
gc.disable()
with open(sys.argv[1] + ".tmp", "w") as ready:
    ready.write(str(os.getpid()))
os.rename(sys.argv[1] + ".tmp", sys.argv[1])
while True:
    for number, (one, other) in enumerate(pairs):
        one.__class__, other.__class__ = other.__class__, one.__class__
        if bursts and number % 1000 == 0:
            time.sleep(0.0002)
