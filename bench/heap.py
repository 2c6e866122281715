"""A program with a known number of GC-tracked objects that never rests, and does what a line of its input names: objgraph's
functions, garbage, a collection. What it answers is a line of JSON, too: how long it was blocked, and what that took.

Usage: heap.py OBJECTS [SECONDS GIB]     (that one command may take at most: 600 and 16)
"""
import gc
import json
import os
import resource
import select
import signal
import sys
import time

sys.path.append("/usr/lib/python3/dist-packages")
import objgraph  # noqa: E402

OWNERS = 100  # of the object that many hold: each costs find_backref_chain() one walk over the heap


class Node:
    def __init__(self, number):
        self.number = number
        self.items = [number]


class Passing(Node):
    """What comes and goes, so that the newest Node is one that stays."""


class Shared:
    def __init__(self):
        self.items = []


class Owner:
    def __init__(self, shared):
        self.shared = shared


class TakesTooLong(BaseException):
    """Not an Exception: objgraph catches these."""


def chain_of(typename):
    return len(objgraph.find_backref_chain(objgraph.by_type(typename)[-1], objgraph.is_proper_module))


def make_garbage():
    """Two objects in a cycle for each hundredth of the Nodes; they wait for `collect`."""
    gc.disable()
    for number in range(len(kept) // 100):
        node = Node(number)
        node.items.append(node)


def collect():
    found = gc.collect()
    gc.enable()
    return found


peaks, ids = {}, {}
commands = {
    "growth": lambda: len(objgraph.growth(limit=10, peak_stats=peaks)),
    "new_ids": lambda: len(objgraph.get_new_ids(limit=0, _state=ids)),
    "show_backrefs": lambda: objgraph.show_backrefs(objgraph.by_type("Node")[-10:], output=nowhere),
    "find_backref_chain": lambda: chain_of("Node"),
    "find_backref_chain_shared": lambda: chain_of("Shared"),
    "get_leaking_objects": lambda: len(objgraph.get_leaking_objects()),
    "garbage": make_garbage,
    "collect": collect,
}


def kib(field):
    with open("/proc/self/status") as status:
        return int(next(line for line in status if line.startswith(field)).split()[1])


def too_long(signal_number, frame):
    raise TakesTooLong


def measured(command):
    """What it gave, for how many ms, what memory it took meanwhile, and what it failed with, if it did."""
    before, result, error = kib("VmRSS"), None, None
    with open("/proc/self/clear_refs", "w") as peak:
        peak.write("5")  # VmHWM begins anew
    resource.setrlimit(resource.RLIMIT_AS, (kib("VmSize") * 1024 + most_bytes, resource.RLIM_INFINITY))
    signal.setitimer(signal.ITIMER_REAL, most_seconds)
    begin = time.perf_counter()
    try:
        result = commands[command]()
    except BaseException as caught:  # objgraph's finally clauses may raise another one
        error = type(caught.__context__ or caught).__name__
    ms = (time.perf_counter() - begin) * 1e3
    signal.setitimer(signal.ITIMER_REAL, 0)
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return {"ms": ms, "result": result, "error": error, "kib": max(0, kib("VmHWM") - before)}


def serve():
    while True:
        for number in range(200):
            Passing(number)
        if select.select([sys.stdin], [], [], 0)[0]:
            command = sys.stdin.readline().strip()
            if not command:
                return
            print(json.dumps(measured(command)), flush=True)


wanted = int(sys.argv[1])
most_seconds, most_bytes = (float(sys.argv[2]), int(float(sys.argv[3]) * 2**30)) if len(sys.argv) > 2 else (600, 16 << 30)
nowhere = open(os.devnull, "w")
signal.signal(signal.SIGALRM, too_long)
gc.disable()
owners = [Owner(shared) for shared in [Shared()] for _ in range(OWNERS)]
kept = [Node(number) for number in range(max(0, wanted - len(gc.get_objects())) // 2)]
gc.enable()
gc.collect()
print(len(gc.get_objects()), flush=True)
serve()
