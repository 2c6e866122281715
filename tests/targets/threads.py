"""200 threads, each waiting for a lock, with objects in its frames."""
import sys
import threading

import oracle

lock = threading.Lock()
lock.acquire()
ready = []


def work(number, wait=lock.acquire):
    mine = [[number], {number: ()}, set()]
    ready.append(mine)
    wait()


threading.stack_size(256 * 1024)
for i in range(200):
    threading.Thread(target=work, args=(i,), daemon=True).start()
oracle.wait_for(lambda: len(ready) == 200)
oracle.barrier(sys.argv[1])
