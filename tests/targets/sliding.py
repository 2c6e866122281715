"""Drops its oldest tracked object all the time, with no collection ever: the young list never begins the same way twice."""
import collections
import gc
import sys


class Item(object):
    pass


gc.collect()
gc.disable()
window = collections.deque((Item() for _ in range(1000)), 1000)
open(sys.argv[1], "w").write("1")
while True:
    window.append(Item())
