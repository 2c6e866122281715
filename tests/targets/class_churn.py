"""Makes classes, makes objects of them and drops both, for ever: a type can be gone when its name is asked for."""
import sys

import oracle


class Stays(object):
    pass


page = oracle.heartbeat(sys.argv[1])
kept = [Stays() for i in range(777)]
number = 0
while True:
    number += 1
    kinds = [type("Passing%d_%d" % (number, i), (), {}) for i in range(20)]
    passing = [kind() for kind in kinds for i in range(20)]
    oracle.beat(page)
