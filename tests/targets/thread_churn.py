"""Threads that come and go, some Python and busy, each with objects of its own; the main thread beats."""
import sys
import threading

import oracle

page = oracle.heartbeat(sys.argv[1])


def work():
    return [[i] for i in range(2000)]


while True:
    threads = [threading.Thread(target=work) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
        oracle.beat(page)
