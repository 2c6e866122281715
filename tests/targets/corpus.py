"""A small heap of many kinds, for the snapshots of tests/corpus. Run as python -I -S corpus.py FOLDER.

FOLDER gets what Python says of it: census (oracle.py), references (references.py), zoo (zoo.py), owners (owners.py), garbage
(garbage.py), and rest, JSON: "nodes": addresses of all Nodes in the order of gc.get_objects(), "generations": of each (3.8 to
3.13), "wanted": what two containers and a running function have, "lost": [address, address of what it holds], "zoo_size".
Each is told by a child of a child, which has the same heap (forked.py), so that none sees what another one made. FOLDER/done
is there when all are. Blocks until SIGUSR1.
"""
import sys

sys.path.insert(0, __file__.rpartition("/")[0])

import gc
import os
import warnings

import forked
import garbage
import garbage_basic
import oracle
import owners
import references
import stale
import zoo
import zoo_builtin
import zoo_kept

# What takes much memory itself, or modules that do.
LARGE = "huge_dict", "huge_set", "subclasses", "enums_and_abstract", "generic_class", "annotations"


class Node(object):
    pass


class Wanted(object):
    pass


def own_frames():
    return forked.own_frames() if sys.version_info < (3, 11) else ()


def tell_census(path):
    objects = gc.get_objects()
    write_census(path, objects, own_frames())


def write_census(path, objects, own):
    objects[:] = [one for one in objects if id(one) not in own]
    forked.write_lines(path, [oracle.tally(objects)])


def tell_zoo(path):
    forked.write_lines(path, [zoo.told(ZOO)])


def tell_rest(path):
    nodes = [hex(id(one)) for one in gc.get_objects() if type(one) is Node]
    generations = {hex(id(one)): generation for generation in range(3) if (3, 8) <= sys.version_info < (3, 14)
                   for one in gc.get_objects(generation=generation) if type(one) is Node}
    import json
    forked.write_lines(path, [json.dumps({"nodes": nodes, "generations": generations, "wanted": hex(id(a[0])), "lost": LOST})])


def tell_all(path):
    """Makes nothing between two of its children that the second could see."""
    for i in range(len(PARTS)):
        if not forked.FORK():
            forked.child(PARTS[i][0], PARTS[i][1])
        forked.WAIT(-1, forked.REFERENCE, 0)
        if forked.STATUS.value:
            sys.exit("no %s" % PARTS[i][1][0])
    for _, arguments in PARTS:
        os.rename(arguments[0] + ".new", arguments[0])
    forked.write_lines(path, [])


def hold(local):
    forked.tell(tell_all, sys.argv[1] + "/done")


warnings.simplefilter("ignore")  # of what is deprecated, and of coroutines that are never awaited
FOUND = {}
PARTS = [(what, (sys.argv[1] + "/" + name,) + more) for what, name, more in (
    (tell_census, "census", ()), (references.describe, "references", ()), (tell_zoo, "zoo", ()), (owners.describe, "owners", (FOUND,)),
    (tell_rest, "rest", ()), (garbage.describe, "garbage", ()))]
ZOO = zoo.made(zoo.SMALL)
for _ in range(1100):  # 3.8 to 3.10 make code larger that was called so often, as the child does
    zoo.content(1, int, ())
zoo_kept.make_all(LARGE)
nodes = [Node() for _ in range(4)]
gc.collect()
gc.disable()
nodes += [Node() for _ in range(2)]
gc.collect(0)
nodes += [Node() for _ in range(3)]
owners.build(FOUND, with_library=False)
a = [Wanted()]
b = {"k": a[0]}
LOST = stale.lose()
garbage_basic.TIMES = 2
garbage_basic.plain_cycles(), garbage_basic.function_cycles(), garbage_basic.frame_cycles(), garbage_basic.classes()
garbage_basic.finalizers(), garbage_basic.weak_references(), garbage_basic.resurrect(garbage.RESURRECTING)
hold(a[0])
