"""Allocates at full speed and beats, among argv[2] threads that wait for a lock."""
import sys
import threading

import oracle

lock = threading.Lock()
lock.acquire()
for i in range(int(sys.argv[2])):
    threading.Thread(target=lock.acquire, daemon=True).start()
page = oracle.heartbeat(sys.argv[1])
while True:
    oracle.beat(page)
    passing = [[i] for i in range(100)]
