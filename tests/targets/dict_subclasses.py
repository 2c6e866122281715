"""Subclasses of builtins and the containers of collections."""
import collections
import sys

import oracle

kinds = [type(base.__name__.title() + "Sub", (base,), {}) for base in (dict, list, set, int, str, Exception)]
kinds += [collections.OrderedDict, collections.deque, collections.Counter, collections.ChainMap]
kinds += [lambda: collections.defaultdict(list), lambda: collections.namedtuple("Point", "x y")(1, [])]
keep = [make() for make in kinds for i in range(30)]
oracle.barrier(sys.argv[1])
