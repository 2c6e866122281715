"""Objects of which is known how one gets at them: for chains from a module to an object, and for who refers to one.

argv[1]: the file, of JSON: [{"what", "type", "address", "expressions", "holder", "running", "referrers"}]. "expressions": Python's for the
object, of what sys.modules names, all equally short ones; where Python has none for the last step (a cache, a frame that
runs, C code), they are empty and "holder" is one for the last object on the way, or null: no chain from a module leads
there. "running": what runs(), which a thread is in, calls it. "referrers": the addresses that gc.get_referrers() says. Every expression was evaluated here and gives that object.
Blocks until SIGUSR1. 3.6 to 3.15; other threads wait for a lock.
"""
import gc
import sys
import types

import forked
import oracle

APP = '''
import _thread, atexit, collections, functools, sys, types, weakref
from app import cache

class Target(object):
    """What is looked for. One slot for a name: nothing of an instance is in the way."""
    __slots__ = ("owner", "__weakref__")

class Store(object):
    _items = {}

class Owner(object):
    pass

class Slots(object):
    __slots__ = ("held", "other")

class Meta(type):
    registry = []

class WithMeta(metaclass=Meta):
    class_attribute = Target()

deep = Owner()
deep.a = Owner()
deep.a.b = [1, (2, {"key": Target()})]
plain = Target()
either = Target()
alias = either
in_list = [0, Target(), 2]
in_tuple = (0, (1, Target()))
in_dict = {"text": Target(), 5: Target(), (1, "x"): Target(), 2.5: Target(), b"raw": Target(), "it's": Target(), None: Target()}
as_key = {Target(): "value"}
in_set = {1, Target()}
in_frozenset = frozenset([Target()])
slots = Slots()
slots.held = Target()
slots.other = Owner()
queue = collections.deque([1, Target(), 3])
ordered = collections.OrderedDict([("a", 1), ("b", Target())])
default = collections.defaultdict(list, {"k": [Target()]})
partial = functools.partial(print, 1, Target(), end=Target())
named = collections.namedtuple("Named", "first second")(1, Target())
weak = weakref.ref(either)
bound = deep.a.__init__
holder_of_bound = [Target(), types.MethodType(len, deep.a)]
Meta.registry.append(Target())
merged = Owner()
merged.held = Target()
merged_elsewhere = {"h": merged.__dict__}
merged_in = Owner()
merged_in.part = merged.__dict__

class Parent(object):
    inherited = Target()

class Child(Parent):
    pass

class Described(object):
    def method(self, argument=Target()):
        pass
    @property
    def value(self):
        pass
    @staticmethod
    def static(x=Target()):
        pass
    @classmethod
    def of_class(cls, *, keyword=Target()):
        pass
    value.fget.attribute = Target()

def function(a=1, b=Target(), *, c=2, d=Target()):
    pass
function.attribute = Target()

to_annotate = Target()
def annotated(plain: int, argument: to_annotate) -> None:
    pass

setattr(deep, "for", Target())
setattr(slots.other, "no name", Target())
namespace = types.SimpleNamespace(**{"class": Target()})
in_keys = {float("nan"): Target(), (1, float("-inf")): Target(), "<": Target(), (2, "it's ?" * 5): Target(),
           ("x" * 55, "y" * 55, "z" * 55): Target(), ValueError("x"): Target(), frozenset([1]): Target(), 1e-7: Target()}

def make_closure():
    captured = Target()
    def closure():
        return captured
    return closure
closure = make_closure()

def make_generator():
    local = Target()
    for i in [Target()]:
        yield i, local
generator = make_generator()
next(generator)

def make_cell_generator(argument):
    free = Target()
    def generates():
        celled = Target()
        def reads():
            return celled, argument
        yield free
        print(reads)
    return generates()
cell_generator = make_cell_generator(Target())
next(cell_generator)

async def make_coroutine():
    local = Target()
    celled = Target()
    def reads():
        return celled
    del reads
    await Forever()
    return local
class Forever(object):
    def __await__(self):
        yield
coroutine = make_coroutine()
coroutine.send(None)

@functools.lru_cache(maxsize=10)
def cached(x):
    return Target()
cached(1)

@functools.lru_cache(maxsize=None)
def cached_for_ever(x):
    return Target()
cached_for_ever(2)

try:
    raise ValueError(Target())
except ValueError as caught:
    error = caught

def fails():
    local_of_failed = Target()
    raise KeyError(1)
try:
    fails()
except KeyError as caught:
    failed = caught

ids = {}
gate = _thread.allocate_lock()
gate.acquire()
started = _thread.allocate_lock()
started.acquire()
local_storage = _thread._local()

def make_nameless(note):
    def nameless():
        deeper()
    nameless.attribute = Target()
    note("nameless", nameless.attribute)
    return nameless

def runs(note):
    celled = Target()
    note("frame_cell", celled)
    def reads():
        return celled
    del reads
    only_here = Target()
    note("frame", only_here)
    inner_list = [[Target()]]
    note("frame_list", inner_list[0][0])
    storage = Target()
    note("thread_local", storage)
    local_storage.value = storage
    del storage
    make_nameless(note)()
    return only_here, inner_list

def deeper():
    started.release()
    gate.acquire()

def only_c(note):
    """Held by C code alone."""
    hooked = Target()
    note("atexit", hooked)
    atexit.register(id, hooked)

def only_a_cycle(note):
    one, other = Owner(), Owner()
    one.other, other.one = other, one
    one.target = Target()
    note("cycle", one.target)

def only_a_generator_cycle(note):
    holder = []
    def loop():
        local = Target()
        note_local.append(id(local))
        yield local, holder
    note_local = []
    running = loop()
    holder.append(running)
    next(running)
    note("generator_cycle", running.gi_frame.f_locals["local"])
'''
OF_LIBRARY = '''
import asyncio, threading
loop = asyncio.new_event_loop()
future, waited = asyncio.Future(loop=loop), asyncio.Future(loop=loop)
future.set_result(Target())
async def waits():
    local = Target()
    await waited
    return local
task = loop.create_task(waits())
loop.call_soon(loop.stop)
loop.run_forever()

def timer_target(argument):
    pass
'''
CACHE = '''
import collections
items = {}
registry = collections.OrderedDict()
'''

# What it is: expressions, all of the same length, or of the least in what they pass.
EVALUABLE = {
    "store": ["app.Store._items['k'][3].owner"],
    "submodule": ["app.cache.items['deep'][0]['x']"],
    "deep": ["app.deep.a.b[1][1]['key']", "app.bound.__self__.b[1][1]['key']"],
    "plain": ["app.plain"],
    "either": ["app.either", "app.alias"],
    "in_list": ["app.in_list[1]"],
    "in_tuple": ["app.in_tuple[1][1]"],
    "beside_bound": ["app.holder_of_bound[0]"],
    "key_str": ["app.in_dict['text']"],
    "key_int": ["app.in_dict[5]"],
    "key_tuple": ["app.in_dict[(1, 'x')]"],
    "key_float": ["app.in_dict[2.5]"],
    "key_bytes": ["app.in_dict[b'raw']"],
    "key_quote": ["app.in_dict[\"it's\"]"],
    "key_none": ["app.in_dict[None]"],
    "slots": ["app.slots.held"],
    "merged": ["app.merged.held"],
    "queue": ["app.queue[1]"],
    "ordered": ["app.ordered['b']"],
    "default": ["app.default['k'][0]"],
    "partial": ["app.partial.args[1]"],
    "partial_keyword": ["app.partial.keywords['end']"],
    "named": ["app.named[1]", "app.named.second"],
    "registry": ["app.Meta.registry[0]"],
    "class_attribute": ["app.WithMeta.class_attribute"],
    "inherited": ["app.Parent.inherited"],
    "default_argument": ["app.function.__defaults__[1]"],
    "keyword_default": ["app.function.__kwdefaults__['d']"],
    "keyword": ["app.deep.__dict__['for']"],
    "no_name": ["app.slots.other.__dict__['no name']"],
    "keyword_namespace": ["app.namespace.__dict__['class']"],
    "key_lesser": ["app.in_keys['<']"],
    "key_long": ["app.in_keys[(2, \"%s\")]" % ("it's ?" * 5)],
    "key_frozenset": ["app.in_keys[frozenset({1})]"],
    "key_exponent": ["app.in_keys[1e-07]"],
    "function_attribute": ["app.function.attribute"],
    "method_default": ["app.Described.method.__defaults__[0]"],
    "static_default": ["app.Described.__dict__['static'].__func__.__defaults__[0]", "app.Described.static.__defaults__[0]"],
    "class_method_default": ["app.Described.__dict__['of_class'].__func__.__kwdefaults__['keyword']",
                             "app.Described.of_class.__kwdefaults__['keyword']"],
    "property_attribute": ["app.Described.value.fget.attribute"],
    "closure": ["app.closure.__closure__[0].cell_contents"],
    "generator_local": ["app.generator.gi_frame.f_locals['local']"],
    "generator_other": ["app.generator.gi_frame.f_locals['i']"],
    "generator_cell": ["app.cell_generator.gi_frame.f_locals['celled']"],
    "generator_free": ["app.cell_generator.gi_frame.f_locals['free']"],
    "coroutine_cell": ["app.coroutine.cr_frame.f_locals['celled']"],
    "coroutine_local": ["app.coroutine.cr_frame.f_locals['local']"],
    "error_argument": ["app.error.args[0]"],
    "failed_frame": ["app.failed.__traceback__.tb_next.tb_frame.f_locals['local_of_failed']"],
}
EVALUABLE_OF_LIBRARY = {
    "future_result": ["app.future._result"],
    "task_local": ["app.task._coro.cr_frame.f_locals['local']"],
}
# The same, of what only comes to be in build(), or is not evaluated before.
LATER = {"annotation": ["app.annotated.__annotations__['argument']"], "static_type": ["list.held"], "main": ["__main__.of_main"]}
HOLDERS = {  # what has no expression, and one for the last object on the way that has
    "as_key": "app.as_key", "in_set": "app.in_set", "in_frozenset": "app.in_frozenset", "cached": "app.cached",
    "cached_for_ever": "app.cached_for_ever", "weakly": "app.either",
    "thread_local": "app.local_storage",
    "key_nan": "app.in_keys[nan]", "key_inf": "app.in_keys[(1, -inf)]", "key_cut": "app.in_keys[('xxx",
    "unnamed_type": "<function>",
    "key_exception": "app.in_keys[ValueError('x'", "module": '<my.mod-ule"<>',
    "context": None,  # of the main thread's context: app.variable has it in its cache, and does not own it
    "atexit": None, "frame": None, "frame_list": None, "frame_cell": None, "cycle": None, "generator_cycle": None,
    "nameless": None,  # of a function that nothing but its running frame and its caller's stack have
}
RUNNING = {"frame": "only_here", "frame_list": "inner_list[0][0]", "frame_cell": "celled"}  # in runs()


def make_module(name, source):
    module = types.ModuleType(name)
    sys.modules[name] = module
    if "." in name:
        parent, _, own = name.rpartition(".")
        setattr(sys.modules[parent], own, module)
    exec(compile(source, name + ".py", "exec"), module.__dict__)
    return module


def build(addresses, with_library=True):
    """addresses: {what: id}; ids alone, so that nothing is held by them. with_library: also what asyncio and threading hold."""
    if with_library:
        import asyncio, json, threading  # first: their objects are not the youngest
    app = types.ModuleType("app")
    sys.modules["app"] = app
    make_module("app.cache", CACHE)
    exec(compile(APP, "app.py", "exec"), app.__dict__)
    if with_library:
        exec(compile(OF_LIBRARY, "library.py", "exec"), app.__dict__)
        EVALUABLE.update(EVALUABLE_OF_LIBRARY)
    item = app.Owner()
    item.owner = app.Target()
    app.Store._items["k"] = [0, 1, 2, item]
    app.cache.items["deep"] = [{"x": app.Target()}]

    def note(what, one):
        addresses[what] = id(one)
    for what, expressions in EVALUABLE.items():
        for expression in expressions:
            one = eval(expression, sys.modules)
            if not isinstance(one, app.Target) or addresses.setdefault(what, id(one)) != id(one):
                sys.exit("owners: %s is not what it should be" % expression)
    one = None
    note("as_key", next(iter(app.as_key)))
    note("in_set", next(one for one in app.in_set if one != 1))
    note("in_frozenset", next(iter(app.in_frozenset)))
    for key in app.in_keys:
        which = ("key_nan" if key != key else "key_exception" if isinstance(key, ValueError) else
                 "key_inf" if key == (1, float("-inf")) else "key_cut" if isinstance(key, tuple) and len(key) == 3 else None)
        if which:
            note(which, app.in_keys[key])
    key = None
    module = make_module('my_mod-ule"<', "from app import Target; target = Target()")
    sys.modules['my.mod-ule"<'] = sys.modules.pop('my_mod-ule"<')
    note("module", module.target)
    module = None
    # From 3.12 on the interpreter has the namespaces of these, and not they.
    for what, one in (("static_type", list), ("unnamed_type", types.FunctionType)) if sys.version_info < (3, 12) else ():
        target = app.Target()
        gc.get_referents(one.__dict__)[0]["held"] = target
        note(what, target)
        target = None
    sys.modules["__mp_main__"] = sys.modules["__main__"]  # as multiprocessing does
    sys.modules["1cache"] = sys.modules["app.cache"]
    sys.modules["__main__"].of_main = app.Target()
    note("main", sys.modules["__main__"].of_main)
    note("cached", app.cached(1))
    note("cached_for_ever", app.cached_for_ever(2))
    if sys.version_info >= (3, 7):
        import contextvars
        app.variable = contextvars.ContextVar("variable")
        target = app.Target()
        note("context", target)
        app.variable.set(target)
        target = None
    for what, expressions in LATER.items():
        if what != "annotation" and what in addresses and id(eval(expressions[0], dict(sys.modules))) != addresses[what]:
            sys.exit("owners: %s is not what it should be" % expressions[0])
    note("annotation", app.to_annotate)
    # Who asks makes a dict of a tuple (3.10 to 3.13); later ones make them when they are asked.
    if sys.version_info >= (3, 14) and app.annotated.__annotations__["argument"] is not app.to_annotate:
        sys.exit("owners: the annotation is not what it should be")
    del app.to_annotate
    app.only_c(note), app.only_a_cycle(note), app.only_a_generator_cycle(note)
    if with_library:
        app.threading.Thread(target=app.runs, args=(note,), name="worker", daemon=True).start()
    else:
        app._thread.start_new_thread(app.runs, (note,))
    app.started.acquire()
    if with_library:
        hold_in_timer(app, note)


def hold_in_timer(app, note):
    target = app.Target()
    note("timer", target)
    timer = app.threading.Timer(10**6, app.timer_target, (target,))
    timer.daemon = True
    timer.start()
    while not timer.ident:
        pass
    EVALUABLE["timer"] = ["threading._active[%d].args[0]" % timer.ident]
    if eval(EVALUABLE["timer"][0], sys.modules) is not target:
        sys.exit("owners: the timer has it elsewhere")


def describe(path, addresses):
    """Has no cells: they would be there."""
    objects = gc.get_objects()
    write(path, addresses, objects, forked.own_frames() if sys.version_info < (3, 11) else set())


def write(path, addresses, tracked, own):
    objects = {id(one): one for one in tracked}
    del tracked[:]
    known = set(objects) - own
    rows = []
    for what in sorted(addresses):
        address = addresses[what]
        referrers = [hex(id(x)) for x in gc.get_referrers(objects[address]) if id(x) in known]
        rows.append({"what": what, "type": oracle.names(type(objects[address]))[1], "address": hex(address),
                     "expressions": EVALUABLE.get(what, LATER.get(what, [])), "holder": HOLDERS.get(what),
                     "running": RUNNING.get(what), "referrers": referrers})
    import json
    forked.write_lines(path, [json.dumps(rows)])


if __name__ == "__main__":
    FOUND = {}
    gc.collect()
    gc.disable()
    build(FOUND)
    forked.tell(describe, sys.argv[1], FOUND)
