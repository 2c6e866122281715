"""A service that waits most of the time: twenty requests a second, ten objects each, and one object in forty requests is kept.

argv[1] is written when it serves.
"""
import sys
import time

import oracle


class Passing(object):
    pass


class Kept(object):
    pass


def answer():
    return [Passing() for _ in range(10)]


def keep(cache):
    cache.append(Kept())


cache, served = [], 0
oracle.write(sys.argv[1], "serves")
while True:
    answer()
    served += 1
    if served % 40 == 0:
        keep(cache)
    time.sleep(0.05)
