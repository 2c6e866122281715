"""Garbage that waits for a collector which is off: what gc.collect() would take, as a forked child that calls it tells.

argv[1]: the file; argv[2]: cycles, finalizers, weakrefs, resurrecting, asyncio, extensions, clean or mixed. Lines:
    unreachable id type   tracked, and nothing but such objects refers to it, by reference counts as the collector does it
    gone id type          tracked, and no more after gc.collect()
    later id type         and no more only after another gc.collect()
    stayed id type        unreachable and still there after both: a __del__ stored it, or what leads to it
    callback id type      gone or later, and not unreachable: a finalizer or a callback of a weak reference let go of it, or, as of
                          the weak references in the subclasses of a class, what the collector does not visit
    untracked id type     a tuple or dict that was reachable and is no more tracked; most are alive. Not in "gone" and "later"
    resurrects id type    has a __del__ that stores its object
    garbage id type       in gc.garbage
    before type n, after type n   how many there are, and after both, of the types of all these
Blocks until SIGUSR1. Up to 3.8 a collection in which anything is resurrected frees nothing at all: all is in "later" then.
An address that the collection freed and gave out again is told by its type; the child makes nothing tracked in between.
"""
import gc
import sys

import forked
import oracle

PROBE = [[]]
ALONE = sys.getrefcount(PROBE[0])  # of what only a list refers to
RESURRECTING = []  # (id, type): pairs of atoms


def short(kind):
    return oracle.names(kind)[1].replace(" ", "_")


def unreachable(objects):
    """The indices of those that only each other refer to."""
    counts = [sys.getrefcount(objects[i]) - ALONE for i in range(len(objects))]
    index, edges, held = {}, [], []
    for i in range(len(objects)):
        index[id(objects[i])] = i
    for i in range(len(objects)):
        referents = gc.get_referents(objects[i])
        if type(objects[i]) is type(sys):
            held.append(referents)  # see references.py
        edges.append([index[id(one)] for one in referents if id(one) in index])
    referents = one = None
    for targets in edges:
        for target in targets:
            counts[target] -= 1
    reached = bytearray(len(objects))
    waiting = [i for i in range(len(counts)) if counts[i] > 0]
    while waiting:
        i = waiting.pop()
        if not reached[i]:
            reached[i] = 1
            waiting.extend(edges[i])
    return [i for i in range(len(objects)) if not reached[i]]


def look(into):
    for one in gc.get_objects():
        into[id(one)] = short(type(one))


def describe(path):
    """Has no cells: they would be there."""
    objects = gc.get_objects()
    write(path, objects, forked.own_frames() if sys.version_info < (3, 11) else ())


def write(path, objects, own):
    rows = [(id(objects[i]), short(type(objects[i]))) for i in range(len(objects))]
    alone = {rows[i] for i in unreachable(objects)}
    del objects[:]
    first, second = {}, {}  # there before the collection: neither takes a freed address
    first[0] = second[0] = None
    gc.collect()
    look(first)
    gc.collect()
    look(second)
    rows = [row for row in rows if row[0] not in own]
    gone = [row for row in rows if first.get(row[0]) != row[1]]
    later = [row for row in rows if first.get(row[0]) == row[1] and second.get(row[0]) != row[1]]
    stayed = [row for row in rows if row in alone and second.get(row[0]) == row[1]]
    lines = []
    untracked = [row for row in gone + later if row not in alone and row[1] in ("builtins.tuple", "builtins.dict")]
    gone, later = ([row for row in some if row not in untracked] for some in (gone, later))
    for what, some in (("unreachable", [row for row in rows if row in alone]), ("gone", gone), ("later", later), ("stayed", stayed),
                       ("callback", [row for row in gone + later if row not in alone]), ("untracked", untracked), ("resurrects", RESURRECTING),
                       ("garbage", [(id(x), short(type(x))) for x in gc.garbage])):
        lines.extend("%s %#x %s\n" % (what, row[0], row[1]) for row in some)
    kinds = {row[1] for row in gone + later + stayed}
    counts = {}
    for address, kind in rows:
        count = counts.setdefault(kind, [0, 0])
        count[0] += 1
        count[1] += second.get(address) == kind
    for kind in sorted(kinds):
        lines.append("before %s %d\nafter %s %d\n" % (kind, counts[kind][0], kind, counts[kind][1]))
    forked.write_lines(path, lines)


if __name__ == "__main__":
    import warnings

    import garbage_kinds
    warnings.simplefilter("ignore")  # coroutines that are never awaited
    gc.collect()
    gc.disable()
    garbage_kinds.make(sys.argv[2], RESURRECTING)
    forked.tell(describe, sys.argv[1])
