"""Grows all the time, on pages that are new to it: objects with texts of their own; dropped all at once now and then but
the last of them, so that there is always one to be found.

argv[1]: the page of the heartbeat.
"""
import gc
import sys

import oracle


class Fresh(object):
    def __init__(self, number):
        self.text = "made as number %d, and long enough to lie by itself" % number


gc.set_threshold(500, 1000)  # the newest are the first that are shown
page = oracle.heartbeat(sys.argv[1])
kept = []
while True:
    kept = kept[-100:]
    for i in range(200000):
        kept.append(Fresh(i))
        if not i % 100:
            oracle.beat(page)
