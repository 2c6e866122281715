"""Between barriers objects come, go and stay. At barrier k the ids of all are in argv[1].k, and it blocks until SIGUSR1.

argv[2]: how many of each kind.
"""
import sys

import oracle

n = int(sys.argv[2])


class Node(object):
    pass


class Other(object):
    pass


def same_name():
    return type("Node", (Node,), {"__module__": "elsewhere"})


kept = [Node() for _ in range(n)]
others = [Other() for _ in range(n // 2)]
lists = [[i] for i in range(n)]
step = 0
while True:
    oracle.barrier("%s.%d" % (sys.argv[1], step), tell=oracle.ids)
    step += 1
    del kept[:n // 4], others[:], lists[::2]  # others are gone, their type is not
    kept.extend([Node() for _ in range(n // 2)])
    kept.extend([{"it": one} for one in kept[:n // 8]])
    lists.extend([[i, i] for i in range(n // 3)])
    Elsewhere = same_name()
    kept.extend([Elsewhere() for _ in range(step)])
    if step > 1:
        others.extend([Other() for _ in range(n)])
