"""Some objects whose place in the collector is known. argv[1]: {"nodes": addresses in the order of gc.get_objects(), "frozen":
[one], "untracked": [one], "dead": [one]}; blocks until SIGUSR1."""
import gc
import json
import sys

import oracle


class Node(object):
    pass


class Dead(object):
    pass


frozen = [Node()]
if hasattr(gc, "freeze"):
    gc.freeze()
old = [Node() for _ in range(4)]
gc.collect()
gc.disable()
middle = [Node() for _ in range(2)]
gc.collect(0)
young = [Node() for _ in range(3)]
dead = id(Dead())
nodes = [hex(id(one)) for one in gc.get_objects() if type(one) is Node]
text = json.dumps({"nodes": nodes, "frozen": hex(id(frozen[0])), "untracked": hex(id("a text")), "dead": hex(dead),
                   "generations": {hex(id(one)): generation for generation in range(3) if (3, 8) <= sys.version_info < (3, 14)
                                   for one in gc.get_objects(generation=generation) if type(one) is Node}})
oracle.write(sys.argv[1], text)
oracle.FOR_SIGNAL[0](oracle.FOR_SIGNAL[1])
