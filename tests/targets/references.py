"""A heap of everything that holds something: what each object refers to, as gc.get_referents() says.

argv[1]: the file, of lines, all ids in hexadecimal:
    id type refcount n id1 ... idn    each object of gc.get_objects(), and its referents in order (refcount "-": immortal; of what
                                      this file and the child itself use, some more than in the parent)
    #untracked id type refcount n id1 ... idn   what these lead to and the collector does not track, if it could
    #other id type                    and what it could not track: code, strings, static types
    #code id n id1 ... idn            of code objects: what they refer to at least
    #referrers id n id1 ... idn       for up to 1,000 tracked objects, gc.get_referrers()
    #own id                           a frame that only the child has which wrote this (forked.py); not among the above
    #kept n, #failed text             how many objects the zoo is of; what of it could not be made
Blocks until SIGUSR1. With argv[2], "plain": what any program has, no zoo; "untold": the zoo, and a file of no lines.
"""
import gc
import sys

import forked
import oracle
import zoo_kept

CODE = "co_consts", "co_names", "co_filename", "co_name", "co_qualname"
TRAVERSED = 1 << 14  # Py_TPFLAGS_HAVE_GC
LONGEST = 200  # of a type's name
CHOSEN, AT_ONCE = 1000, 25  # get_referrers() walks the heap once for as many as it is asked about
PROBE = [[]]
ALONE = sys.getrefcount(PROBE[0])  # of what only a list refers to
FLAGS = type.__dict__["__flags__"].__get__


def word(kind):
    return "_".join(oracle.names(kind)[1].split())[:LONGEST]


def row(one, count, names, held):
    referents = gc.get_referents(one)
    kind = type(one)
    if kind is type(sys):
        # 3.12's _asyncio visits its list of dead iterators. Who lets go of one kills it again, and the list becomes a loop.
        held.append(referents)
        referents = [referents[i] for i in range(len(referents)) if sys.getrefcount(referents[i]) > ALONE]
    if id(kind) not in names:
        names[id(kind)] = word(kind)
    return [id(one), names[id(kind)], "-" if count > 1 << 29 else str(count), list(map(id, referents))]


def refer_to(objects, places, known):
    """The ids of what refers to any of these objects."""
    return [id(one) for one in gc.get_referrers(*[objects[i] for i in places]) if id(one) in known]


def told_apart(ids, found, referents):
    """{id: those found that refer to it}. Who seems to refer to none of them counts for each: that has to be noticed."""
    out = {one: [] for one in ids}
    for referrer in found:
        for one in out.keys() & referents[referrer] or ids:
            out[one].append(referrer)
    return out


def text(row, before=""):
    return "%s%#x %s %s %d%s\n" % (before, row[0], row[1], row[2], len(row[3]), "".join(" %#x" % x for x in row[3]))


def describe(path):
    """Has no cells: they would be there."""
    objects = gc.get_objects()
    write(path, objects, forked.own_frames() if sys.version_info < (3, 11) else set())


def write(path, objects, own):
    objects[:] = [one for one in objects if id(one) not in own]
    counts = [sys.getrefcount(objects[i]) - ALONE for i in range(len(objects))]
    names, known, held, lines = {}, set(map(id, objects)), [], []
    chosen = list(range(0, len(objects), len(objects) // CHOSEN + 1))
    # Before there are the rows, which it would walk, too.
    referrers = [refer_to(objects, chosen[i:i + AT_ONCE], known) for i in range(0, len(chosen), AT_ONCE)]
    rows = [row(objects[i], counts[i], names, held) for i in range(len(objects))]
    lines.extend(map(text, rows))
    # What is not tracked, as far as tracked objects lead there.
    seen, waiting, others = set(known), list(objects), []
    while waiting:
        for one in gc.get_referents(waiting.pop()):
            if id(one) not in seen and one is not lines:
                seen.add(id(one))
                others.append(one)
                if FLAGS(type(one)) & TRAVERSED and not isinstance(one, type):
                    waiting.append(one)
        one = None
    counts = [sys.getrefcount(others[i]) - ALONE for i in range(len(others))]
    for i in range(len(others)):
        one = others[i]
        if FLAGS(type(one)) & TRAVERSED and not isinstance(one, type):
            lines.append(text(row(others[i], counts[i], names, held), "#untracked "))
        else:
            lines.append("#other %#x %s\n" % (id(one), word(type(one))))
            if type(one) is type(describe.__code__):
                parts = [id(getattr(one, name)) for name in CODE if hasattr(one, name)]
                lines.append("#code %#x %d%s\n" % (id(one), len(parts), "".join(" %#x" % x for x in parts)))
    one = None
    referents = {row[0]: row[3] for row in rows}
    for i, found in enumerate(referrers):
        for one, ids in told_apart([id(objects[k]) for k in chosen[i * AT_ONCE:(i + 1) * AT_ONCE]], found, referents).items():
            lines.append("#referrers %#x %d%s\n" % (one, len(ids), "".join(" %#x" % x for x in ids)))
    lines.extend("#own %#x\n" % one for one in own)
    lines.append("#kept %d\n" % len(zoo_kept.KEPT))
    lines.extend("#failed %s\n" % one for one in zoo_kept.FAILED)
    forked.write_lines(path, lines)


if __name__ == "__main__":
    if sys.argv[2:] != ["plain"]:
        import os
        import tempfile
        import warnings
        tempfile.tempdir = os.path.dirname(sys.argv[1])
        warnings.simplefilter("ignore")  # of what is deprecated, and of coroutines that are never awaited
        import zoo_builtin
        import zoo_running
        import zoo_library
        import zoo_modules
        import zoo_async
        zoo_kept.make_all()
    gc.disable()
    gc.collect()
    if sys.argv[2:] == ["untold"]:
        forked.tell(forked.write_lines, sys.argv[1], [])
    else:
        forked.tell(describe, sys.argv[1])
