"""Makes and drops known numbers of objects of every kind between barriers.

argv: PREFIX N [KIND...]. At barrier k it has written PREFIX.k and blocks until SIGUSR1; barrier 0 comes after a round
of everything, so that what an interpreter makes once is made. PREFIX.json says what lies between barriers k and k + 1,
as {"steps": [{"n": N, "own": {type: [births, deaths]}, "alive": {type: count}, "listed": {type: [least births, births,
deaths] for each N}}]}. "own" are classes of this file, exact; of other types the interpreter itself makes some, the
same number in each step of a group: they tell by the difference between a step with N and one with 2 N.
With KINDs, only these functions run. Python 3.6 to 3.15; the collector runs when it is told to, and never otherwise.
"""
import _thread
import collections
import functools
import gc
import itertools
import json
import operator
import os
import sys
import types
import weakref

import oracle

OLD_FRAMES = sys.version_info < (3, 11)  # an instance's first attribute makes a dict
OLD_DICTS = sys.version_info < (3, 14)  # a dict is tracked once it holds something that is
DEPTH = 4  # times n: deeper than 50, where deallocation stops to recurse
DEEP = 200 if sys.version_info >= (3, 14) else DEPTH  # where it is the stack of 8 MB that ends it
generator_type, coroutine_type, traceback_type = types.GeneratorType, types.CoroutineType, types.TracebackType
function_type, cell_type = types.FunctionType, type((lambda x: lambda: x)(1).__closure__[0])
KINDS = {"A": [], "B": []}


def kind(made, group="A"):
    """made: {type: (births, deaths) or both in one number or (least births, births, deaths)} for each n."""

    def register(function):
        KINDS[group].append((function, {
            one: (k, k, k) if isinstance(k, int) else k if len(k) == 3 else (k[0],) + k for one, k in made.items()}))
        return function

    return register


def classes(names, bases=(object,), **members):
    for name in names.split():
        yield type(name, bases, dict(members, __module__="__main__"))


Plain, Threaded, Node, Cyclic, Left, Kept, Referred = classes("Plain Threaded Node Cyclic Left Kept Referred")
Slotted, SlotNode = (type(name, (object,), {"__slots__": ("next", "other"), "__module__": "__main__"})
                     for name in ("Slotted", "SlotNode"))
(List,), (Dict,), (Tuple,), (Set,), (Int,), (Error,), (Deque,), (Ref,), (Ordered,) = (
    classes(name, (base,)) for name, base in [
        ("List", list), ("Dict", dict), ("Tuple", tuple), ("Set", set), ("Int", int), ("Error", Exception),
        ("Deque", collections.deque), ("Ref", weakref.ref), ("Ordered", collections.OrderedDict)])
(Deeper,) = classes("Deeper", (Plain,))
Point = collections.namedtuple("Point", "x y")
(DeepList,), (DeepTuple,) = classes("DeepList", (list,)), classes("DeepTuple", (tuple,))
saved, late, kept = [], [], []
something = [1]


def save(self):
    saved.append(self)


def save_for_later(self):
    late.append(self)


def note(self):
    pass


Phoenix, CyclicPhoenix = classes("Phoenix CyclicPhoenix", __del__=save)
(LatePhoenix,) = classes("LatePhoenix", __del__=save_for_later)
SlotPhoenix = type("SlotPhoenix", (object,), {"__slots__": ("x",), "__module__": "__main__", "__del__": save})
(ListPhoenix,) = classes("ListPhoenix", (list,), __del__=save)
Finalized, CyclicFinalized = classes("Finalized CyclicFinalized", __del__=note)
LATE = {LatePhoenix}  # dropped one step after they were made


class Methods(object):
    def method(self):
        pass


methods = Methods()


def generate():
    yield 1
    yield 2


async def coroutine():
    pass


def close_over(x):
    return lambda: x


def throw():
    raise Error


# --- group A: everything that one turn makes is listed, tuples and dicts too ---


@kind({Plain: 1})
def instances(n):
    for _ in range(n):
        Plain()


@kind({Deeper: 1})
def instances_of_a_subclass(n):
    for _ in range(n):
        Deeper()


@kind({Slotted: 1})
def slots(n):
    for _ in range(n):
        Slotted()


@kind({list: 3})
def lists(n):
    for i in range(n):
        x = [i]
        x = []
        x = [x, x]


@kind({dict: 1, list: 1})
def dicts_with_containers(n):
    for i in range(n):
        x = {i: []}


@kind({dict: (0, 0, 1) if OLD_DICTS else 1})
def dicts_of_atoms(n):
    for i in range(n):
        x = {i: i}


@kind({tuple: (1, 2, 2)})  # one that 3.15 need not track
def tuples(n):
    for i in range(n):
        x = (i, something)
        x = (i, i)


@kind({set: 1})
def sets(n):
    for i in range(n):
        x = {i}


@kind({function_type: 1})
def functions(n):
    for _ in range(n):
        x = lambda: 0


@kind({function_type: 1, cell_type: 1, tuple: 1})
def closures(n):
    for i in range(n):
        close_over(i)


@kind({generator_type: 3})
def generators(n):
    for _ in range(n):
        for _ in generate():
            pass
        for _ in generate():
            break
        generate()


@kind({coroutine_type: 1})
def coroutines(n):
    for _ in range(n):
        coroutine().close()


@kind({types.MethodType: 1} if sys.version_info >= (3, 7) else {})  # 3.6 makes one for each __del__ that it calls
def bound_methods(n):
    for _ in range(n):
        x = methods.method


@kind({Error: 1, ValueError: 1})
def exceptions(n):
    for _ in range(n):
        try:
            throw()
        except Error:
            pass
        try:
            raise ValueError
        except ValueError:
            pass


@kind({collections.deque: 1})
def deques(n):
    for _ in range(n):
        collections.deque()


@kind({List: 1, Dict: 1, Tuple: 1, Set: 1, Int: 1, Deque: 1, Ordered: 1})
def instances_of_subclasses_of_builtins(n):
    for _ in range(n):
        List()
        Dict()
        Tuple()
        Set()
        Int()
        Deque()
        Ordered()


@kind({list: DEEP})
def deep_lists(n):
    x = None
    for _ in range(n * DEEP):
        x = [x]


@kind({tuple: DEPTH})
def deep_tuples(n):
    x = something
    for _ in range(n * DEPTH):
        x = (x,)


@kind({dict: DEPTH})
def deep_dicts(n):
    x = something
    for _ in range(n * DEPTH):
        x = {0: x}


@kind({Node: DEPTH, dict: DEPTH if OLD_FRAMES else 0})
def deep_instances(n):
    x = something
    for _ in range(n * DEPTH):
        node = Node()
        node.next = x
        x = node


@kind({SlotNode: DEPTH})
def deep_slots(n):
    x = None
    for _ in range(n * DEPTH):
        node = SlotNode()
        node.next = x
        x = node


@kind({DeepList: DEPTH, tuple: DEPTH})
def deep_lists_of_a_subclass(n):
    x = None
    for _ in range(n * DEPTH):
        node = DeepList()
        node += (x,)
        x = node


@kind({Finalized: 1})
def finalized(n):
    for _ in range(n):
        Finalized()


@kind({Phoenix: 1, SlotPhoenix: 1, ListPhoenix: 1})
def resurrected(n):
    for _ in range(n):
        Phoenix()
        SlotPhoenix()
        ListPhoenix()
    del saved[:]


@kind({LatePhoenix: 1})
def resurrected_for_later(n):
    del late[:]
    for _ in range(n):
        LatePhoenix()


@kind({Cyclic: 1, CyclicFinalized: 1, CyclicPhoenix: 1, list: 1, dict: 3 if OLD_FRAMES else 0})
def cycles(n):
    for _ in range(n):
        x = Cyclic()
        x.me = x
        x = CyclicFinalized()
        x.me = x
        x = CyclicPhoenix()
        x.me = x
        x = []
        x.append(x)
    x = None
    gc.collect()
    del saved[:]
    gc.collect()


@kind({Threaded: 4, list: 4})
def four_threads(n):
    locks = [_thread.allocate_lock(), _thread.allocate_lock(), _thread.allocate_lock(), _thread.allocate_lock()]
    for lock in locks:
        lock.acquire()
        _thread.start_new_thread(work, (n, lock))
    for lock in locks:
        lock.acquire()
    while _thread._count():  # a chroot may have no /proc
        pass


def work(n, lock):
    for i in range(n):
        Threaded()
        x = [i]
    x = None
    lock.release()


@kind({Kept: (1, 0), Left: 1})
def kept_ones(n):
    for _ in range(n):
        kept.append(Kept())
        Left()


# --- group B: types whose instances come with tuples and the like ---

# One of each builtin type lives all the time: deaths are counted from the report on that knows the type.
witnesses = [
    functools.partial(len), itertools.chain(), map(len, []), zip(), enumerate([]), reversed([]), iter([]), iter({}),
    iter(set()), staticmethod(len), classmethod(len), property(), types.SimpleNamespace(), operator.itemgetter(1),
    super(json.JSONEncoder, json.JSONEncoder()), itertools.count(), collections.defaultdict(), frozenset([1]),
    types.MappingProxyType({}), {}.items()]
B_TYPES = {type(one): 1 for one in witnesses}
if sys.version_info >= (3, 15):
    B_TYPES[frozenset] = (0, 1, 1)  # not tracked when it holds no container
B_TYPES[type(iter([]))] = 5  # map, zip, enumerate and frozenset take one each
witnesses += [
    generate(), coroutine(), methods.method, close_over(1), collections.deque(), collections.OrderedDict(), ValueError(), {1}]


@kind(B_TYPES, "B")
def many_types(n):
    d, s, x = {1: 1}, {1}, Deeper()
    for i in range(n):
        functools.partial(len)
        itertools.chain(something)
        map(len, something)
        zip(something)
        enumerate(something)
        reversed(something)
        iter(something)
        iter(d)
        iter(s)
        staticmethod(len)
        classmethod(len)
        property()
        types.SimpleNamespace()
        operator.itemgetter(i)
        super(Deeper, x)
        itertools.count()
        collections.defaultdict()
        frozenset(something)
        types.MappingProxyType(d)
        d.items()


@kind({Ref: 1, Referred: 1, Point: 1}, "B")
def references_and_points(n):
    for i in range(n):
        Ref(Referred())
        Point(i, something)


@kind({DeepTuple: DEPTH}, "B")
def deep_tuples_of_a_subclass(n):
    x = something
    for _ in range(n * DEPTH):
        x = DeepTuple((x,))


@kind({Error: 3}, "B")
def chained_exceptions(n):
    for _ in range(n):
        try:
            try:
                throw()
            except Error as error:
                raise Error(error)
        except Error as error:
            error.__traceback__.tb_frame
            try:
                raise Error from error
            except Error:
                pass


# --- the run ---


def name(one):
    return oracle.names(one)[1]


def write(path, data):
    """Always the same objects, however often."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    os.write(file, data)
    os.close(file)


def main():
    prefix, n, chosen = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    groups = {group: [(function, made) for function, made in kinds if not chosen or function.__name__ in chosen]
              for group, kinds in KINDS.items()}
    plan = [("A", 1), ("A", 2), ("B", 1), ("B", 2)]
    steps, alive, before = [], {}, {"A": 1, "B": 1}
    for first, (group, times) in [(True, one) for one in plan[::2]] + [(False, one) for one in plan]:
        own, listed = {}, {}
        for function, made in groups[group]:
            for one, (least, births, deaths) in made.items():
                into = own if one.__module__ == "__main__" else listed
                had = into.get(name(one), (0, 0, 0))
                if into is own:
                    least, births, deaths = (k * n * times for k in (least, births, deaths))
                    if one in LATE:
                        deaths = 0 if first else births // times * before[group]
                    alive[name(one)] = alive.get(name(one), 0) + births - deaths
                into[name(one)] = tuple(map(sum, zip(had, (least, births, deaths))))
        before[group] = times
        if not first:
            steps.append({"group": group, "n": n * times, "own": {one: k[1:] for one, k in own.items()},
                          "listed": listed, "alive": {one: alive[one] for one in own}})
    with open(prefix + ".json", "w") as file:
        json.dump({"python": sys.version.split()[0], "steps": steps, "classes": sorted(alive)}, file, indent=1)

    functions = {group: [function for function, _ in kinds] for group, kinds in groups.items()}
    paths = [("%s.%d" % (prefix, k)) for k in range(len(plan) + 1)]
    wait, signals = oracle.FOR_SIGNAL
    gc.collect()
    gc.disable()
    for group in ("A", "B"):
        for function in functions[group]:
            function(n)
    for path, (group, times) in zip(paths, plan + [(None, 0)]):
        write(path, b"here")
        wait(signals)
        if group:
            for function in functions[group]:
                function(n * times)


main()
