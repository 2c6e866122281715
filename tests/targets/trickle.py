"""Computes all the time; now and then makes and drops a few objects, and keeps one.

argv[1]: says what it has made. argv[2]: how much slower than others this machine is.
"""
import sys

import oracle


class Passing(object):
    pass


class Staying(object):
    pass


def drop():
    Passing()
    Passing()


kept, rounds, numbers = [], 0, range(8000000 // int(sys.argv[2]))
while True:
    drop()
    rounds += 1
    kept.append(Staying())
    if rounds == 3:
        oracle.write(sys.argv[1], "here")
    sum(numbers)
