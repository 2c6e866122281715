"""A prefork server: argv[2] is main or thread (who forks), argv[3] idle or busy (what the child does)."""
import os
import sys
import threading

import oracle

inherited = [[i] for i in range(500)]


def child():
    own = [{i: own_one} for i, own_one in enumerate(inherited)]
    if sys.argv[3] == "idle":
        oracle.barrier(sys.argv[1])
    page = oracle.heartbeat(sys.argv[1])
    while True:
        oracle.beat(page)
        own[0] = [{i: [i]} for i in range(100)]


def fork():
    if not os.fork():
        try:
            child()
        finally:
            os._exit(1)


if sys.argv[2] == "main":
    fork()
else:
    thread = threading.Thread(target=fork)
    thread.start()
    thread.join()
os.wait()
