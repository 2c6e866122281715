"""References that an extension module lost, and others that only look lost.

argv[1]: the file; argv[2]: the folder of leaks.so (build_module). JSON: {"leaked": [{"what", "type", "addresses", "lost": references
lost of each, "tracked"}], "kept": [{"what", "type", "address", "holder"}]}: of "leaked", each object has so many references
that nobody holds; what is "kept" is held properly by somebody whom the collector does not see, "holder" null or an address.
Blocks until SIGUSR1.
"""
import gc
import json
import sys
import threading
import _thread

import oracle

sys.path.insert(0, sys.argv[2])
import leaks


class Leaked(object):
    def __init__(self):
        self.payload = [1]


class Slots(object):
    __slots__ = ("a",)


class Kept(object):
    pass


class Many(object):
    """So many that the leak stands out by its number: 200 with one reference each too many."""


def make_node():
    return Leaked()


def name(one):
    return oracle.names(type(one))[1]


def leaked(what, objects, lost):
    return {"what": what, "type": name(objects[0]), "addresses": [hex(id(one)) for one in objects], "lost": lost,
            "tracked": gc.is_tracked(objects[0])}


def by_address(what, addresses, kind, lost, tracked=True):
    return {"what": what, "type": kind, "addresses": [hex(one) for one in addresses], "lost": lost, "tracked": tracked}


def waits(only_local, lock):
    lock.acquire()
    return only_local


ALIVE, lost, kept = [], [], []


def leak():
    one, two, three = Leaked(), [1, [2]], {"k": []}
    leaks.leak_reference(one)
    for _ in range(3):
        leaks.leak_reference(two)
    for _ in range(100):
        leaks.leak_reference(three)
    ALIVE.extend((one, two, three))  # these have owners besides
    lost.append(leaked("alive, with one reference more", [one], 1))
    lost.append(leaked("alive, with three more", [two], 3))
    lost.append(leaked("alive, with a hundred more", [three], 100))
    many = [Many() for _ in range(200)]
    for each in many:
        leaks.leak_reference(each)
    ALIVE.append(many)
    lost.append(leaked("alive, 200 with one more each", many, 1))
    many = each = None
    dropped = [Leaked() for _ in range(10)]
    for each in dropped:
        leaks.leak_reference(each)
    lost.append(leaked("nobody points at them, but at what they hold", dropped, 1))
    each = None
    loop = Leaked()
    loop.itself = loop
    leaks.leak_reference(loop)
    lost.append(leaked("in a cycle of its own", [loop], 1))
    function = lambda: 0
    leaks.leak_reference(function)
    lost.append(leaked("a function", [function], 1))
    kind = type("LeakedClass", (), {})
    leaks.leak_reference(kind)
    lost.append(leaked("a class", [kind], 1))
    lost.append(by_address("instances, new", leaks.leak_new(make_node, 50), "__main__.Leaked", 1))
    lost.append(by_address("lists, new", leaks.leak_new(list, 30), "list", 1))
    lost.append(by_address("dicts, new", leaks.leak_new(lambda: {"a": []}, 20), "dict", 1))
    lost.append(by_address("slots, new", leaks.leak_new(Slots, 10), "__main__.Slots", 1))
    # "".join makes a str of its own each time: the collector sees none of them.
    lost.append(by_address("strings, new", leaks.leak_new(lambda: "".join(["le", "aked"]), 5), "str", 1, tracked=False))


def keep():
    def note(what, one, holder=None):
        kept.append({"what": what, "type": name(one), "address": hex(id(one)), "holder": holder and hex(holder)})
    one = Kept()
    leaks.keep(one)
    note("a static variable of a module", one)
    several = [Kept() for _ in range(4)]
    leaks.keep_in_array(*several)
    for one in several:
        note("a static array", one)
    one = Kept()
    leaks.keep_in_malloc(one)
    note("malloc'ed memory", one)
    seen, hidden, held = Kept(), Kept(), Kept()
    holder, opaque = leaks.Holder(seen, hidden), leaks.Opaque(held)
    ALIVE.extend((holder, opaque))
    note("visited by tp_traverse", seen, id(holder))
    note("a field that tp_traverse does not visit", hidden, id(holder))
    note("a type that is not of the collector", held, id(opaque))
    # Of the interpreter's own.
    import atexit
    import signal
    atexit.register(Kept)
    bound = Kept().__init__
    atexit.register(bound)
    note("atexit", bound)
    hook = lambda *arguments: None
    signal.signal(signal.SIGUSR2, hook)
    note("a signal's handler", hook)
    import codecs
    search = lambda encoding: None
    codecs.register(search)
    note("a codec search", search)
    only_local = Kept()
    lock = _thread.allocate_lock()
    lock.acquire()
    note("an argument of a running frame", only_local)
    threading.Thread(target=waits, args=(only_local, lock), daemon=True).start()


leak()
keep()
text = json.dumps({"leaked": lost, "kept": kept})
del lost[:], kept[:]
gc.collect()
gc.disable()
oracle.write(sys.argv[1], text)
oracle.FOR_SIGNAL[0](oracle.FOR_SIGNAL[1])
