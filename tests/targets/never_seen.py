"""Between two barriers makes and drops 3,000 objects of each of some types of which there was none when it began to be watched.

argv[1]: PREFIX of the files that say where it is.
"""
import collections
import sys

import oracle


class Never(object):
    pass


class Nothing(list):
    pass


def wait(step):
    oracle.write("%s.%d" % (sys.argv[1], step), "here")
    oracle.FOR_SIGNAL[0](oracle.FOR_SIGNAL[1])


wait(0)
for _ in range(3000):
    collections.deque()
    collections.OrderedDict()
    Never()
    Nothing()
wait(1)
