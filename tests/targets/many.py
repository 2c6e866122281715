"""argv[2] objects more, of several kinds, some old and some young."""
import sys

import oracle


class Node(object):
    pass


keep = []
for i in range(int(sys.argv[2]) // 5):
    keep.append([i])
    keep.append((keep[-1], i))
    keep.append({i: keep[-1]})
    keep.append({i})
    keep.append(Node())
oracle.barrier(sys.argv[1])
