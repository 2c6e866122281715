"""kept_and_dropped.py BEAT: of each of some types one function makes an object that stays, and another one that is gone at once; and
code that is compiled, run once and thrown away makes some that stay.
"""

import collections
import functools
import sys
import time


class Plain(object):
    pass


kept = []
same = [kept]


def keep_list(): kept.append([same])
def drop_list(): return len([same])
def keep_set(): kept.append({1, 2})
def drop_set(): return len({1, 2})
def keep_deque(): kept.append(collections.deque(same))
def drop_deque(): return len(collections.deque(same))
def keep_ordered(): kept.append(collections.OrderedDict(one=same))
def drop_ordered(): return len(collections.OrderedDict(one=same))
def keep_partial(): kept.append(functools.partial(len, same))
def drop_partial(): return functools.partial(len, same).func
def keep_plain(): kept.append(Plain())
def drop_plain(): return id(Plain())


class Typed(object):
    pass


def run_once():
    exec(compile("for _ in range(3):\n    kept.append(Typed())", "<typed>", "exec"), globals())


ways = [way for name, way in list(globals().items()) if name.startswith(("keep_", "drop_"))]
turns = 0
while True:
    for way in ways:
        way()
    run_once()
    turns += 1
    with open(sys.argv[1], "w") as beat:
        beat.write(str(turns))
    time.sleep(0.005)
