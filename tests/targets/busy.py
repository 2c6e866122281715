"""Allocates at full speed and beats. argv[1]: the page of the heartbeat; argv[2]: so many objects live all the time."""
import sys

import oracle


class Kept(object):
    pass


class Churned(object):
    pass


page = oracle.heartbeat(sys.argv[1])
kept = [Kept() for i in range(int(sys.argv[2]) if len(sys.argv) > 2 else 1000)]
while True:
    oracle.beat(page)
    passing = [[Churned(), {i: (i,)}, [passing for passing in "ab"]] for i in range(50)]
    passing.append(passing)
