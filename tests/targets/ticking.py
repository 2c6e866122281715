"""A server that is almost always asleep: wakes every 2 ms, makes a few objects, beats, sleeps again."""
import sys
import time

import oracle

page = oracle.heartbeat(sys.argv[1])
while True:
    oracle.beat(page)
    passing = [[i] for i in range(20)]
    time.sleep(0.002)
