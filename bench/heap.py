"""A program with a known number of GC-tracked objects that never rests; `growth` or `new_ids` on its input times objgraph."""
import gc
import select
import sys
import time

sys.path.append("/usr/lib/python3/dist-packages")
import objgraph  # noqa: E402


class Node:
    def __init__(self, number):
        self.number = number
        self.items = [number]


def serve():
    peaks, ids = {}, {}
    while True:
        for number in range(200):
            Node(number)
        if select.select([sys.stdin], [], [], 0)[0]:
            command = sys.stdin.readline().strip()
            begin = time.perf_counter()
            if command == "growth":
                objgraph.growth(limit=10, peak_stats=peaks)
            elif command == "new_ids":
                objgraph.get_new_ids(limit=0, _state=ids)
            else:
                return
            print((time.perf_counter() - begin) * 1e3, flush=True)


wanted = int(sys.argv[1])
gc.disable()
kept = [Node(number) for number in range(max(0, wanted - len(gc.get_objects())) // 2)]
gc.enable()
gc.collect()
print(len(gc.get_objects()), flush=True)
serve()
