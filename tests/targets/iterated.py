"""Between two barriers makes and drops 5,000 iterators of lists and of tuples by iter(), and goes through as many by `for`.

argv[1]: PREFIX of the files that say where it is.
"""
import sys

import oracle


def wait(step):
    oracle.write("%s.%d" % (sys.argv[1], step), "here")
    oracle.FOR_SIGNAL[0](oracle.FOR_SIGNAL[1])


wait(0)
kept, pair = [1], (1,)
for _ in range(5000):
    iter(kept)
    iter(pair)
    for one in kept:
        pass
    for one in pair:
        pass
wait(1)
