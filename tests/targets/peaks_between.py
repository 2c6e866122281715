"""Each SIGUSR1 makes argv[2], argv[3], ... objects, all alive at once, and drops them; three stay. Writes argv[1].K."""
import sys

import oracle


class Peaky(object):
    pass


def flash(n):
    objects = [Peaky() for _ in range(n)]
    del objects


kept = [Peaky() for _ in range(3)]
flash(10)
for step, n in enumerate(sys.argv[2:] + ["0"]):
    oracle.write("%s.%d" % (sys.argv[1], step), n)
    oracle.FOR_SIGNAL[0](oracle.FOR_SIGNAL[1])
    flash(int(n))
