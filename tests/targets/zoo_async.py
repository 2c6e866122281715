"""asyncio, contexts, threads that wait and futures, for references.py. None of the threads runs at the barrier: each waits for a lock."""
import _thread
import asyncio
import concurrent.futures
import sys
import threading
import time

from zoo_builtin import Text, closure
from zoo_kept import KEPT, kept, run, since
from zoo_running import counts


# --- asyncio ---

class FutureWithAttributes(asyncio.Future):
    pass


class TaskWithAttributes(asyncio.Task):
    pass


async def sleeper(n, *held):
    local = [n, held]
    await asyncio.sleep(1000 + n)
    return local


async def awaits(future):
    local = [future]
    return [await future, local]


async def fails():
    raise ValueError([1])


async def locks_and_queues(made):
    lock, queue, full = asyncio.Lock(), asyncio.Queue(), asyncio.Queue(1)
    await lock.acquire()
    await full.put([1])
    event = asyncio.Event()
    made.extend((lock, queue, full, event, asyncio.Condition(), asyncio.Semaphore(2)))
    made.extend(asyncio.ensure_future(one) for one in (lock.acquire(), queue.get(), full.put([2]), event.wait()))


async def streams(made):
    async def connected(reader, writer):
        made.extend((reader, writer))
        await reader.read(1)
    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    made.extend((server, reader, writer, writer.transport))
    writer.write(b"x")


async def main(made):
    loop = asyncio.get_event_loop()
    pure_future, pure_task = asyncio.futures._PyFuture, asyncio.tasks._PyTask
    for kind in (asyncio.Future, pure_future, FutureWithAttributes):
        pending, done, failed, cancelled = (kind(loop=loop) for _ in range(4))
        for one in (pending, done):
            one.add_done_callback(closure)
            one.add_done_callback([].append)
        single = kind(loop=loop)
        single.add_done_callback(closure)
        done.set_result([1])
        failed.set_exception(ValueError([2]))
        cancelled.cancel()
        made.extend((pending, done, failed, cancelled, single, iter(pending), iter(kind(loop=loop))))
        waiting = iter(kind(loop=loop))
        made.append((waiting, next(waiting)))
        if kind is FutureWithAttributes:
            pending.attribute = [pending]
    for kind in (asyncio.Task, pure_task, TaskWithAttributes):
        futures = [asyncio.Future(loop=loop) for _ in range(3)]
        tasks = [kind(awaits(one), loop=loop) for one in futures]
        tasks += [kind(sleeper(i, KEPT), loop=loop) for i in range(3)] + [kind(fails(), loop=loop), kind(sleeper(0), loop=loop)]
        tasks[0].add_done_callback(closure)
        await asyncio.sleep(0)
        tasks[-1].cancel()
        futures[1].set_result([3])
        if kind is TaskWithAttributes:
            tasks[2].attribute = tasks
        await asyncio.sleep(0)
        made.append((futures, tasks))
    future = loop.create_future()
    made.append(asyncio.gather(sleeper(1), sleeper(2), future))
    made.append([asyncio.ensure_future(one) for one in (
        asyncio.wait_for(loop.create_future(), 500), awaits(asyncio.shield(future)),
        asyncio.wait([asyncio.ensure_future(sleeper(3)), loop.create_future()]))])
    made.extend((loop.call_later(500, closure, [1]), loop.call_soon(len, [2]), asyncio.as_completed([loop.create_future()])))
    made[-2].cancel()
    executor = concurrent.futures.ThreadPoolExecutor(1)
    made.append((executor, await loop.run_in_executor(executor, len, [])))
    await locks_and_queues(made)
    await streams(made)
    process_like = asyncio.Event()
    made.append(asyncio.ensure_future(process_like.wait()))
    if sys.version_info >= (3, 11):
        await run("""
import asyncio
async def group(made):
    async def inner():
        async with asyncio.TaskGroup() as group:
            made.append(group)
            group.create_task(sleeper(7))
            async with asyncio.timeout(900):
                await sleeper(8)
    made.append(asyncio.ensure_future(inner()))
    made.extend((asyncio.Barrier(2), asyncio.Runner(), asyncio.timeout(5)))
""", sleeper=sleeper)["group"](made)
    if sys.version_info >= (3, 12):
        made.append(asyncio.Task(sleeper(9), loop=loop, eager_start=True, name=Text("name")))
    await asyncio.sleep(0.01)
    made.append(asyncio.ensure_future(asyncio.sleep(0)))  # ready, never run


@kept
def loops():
    made = []
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.set_exception_handler(lambda *a: None)
    loop.set_task_factory(None)
    loop.run_until_complete(main(made))
    loop.call_soon_threadsafe(closure, [1])
    yield made, loop
    debugging = asyncio.new_event_loop()
    debugging.set_debug(True)
    debugging.run_until_complete(asyncio.sleep(0))
    yield debugging, asyncio.Future(loop=debugging), debugging.create_task(sleeper(1))
    handles = debugging.call_soon(closure, [1])
    yield handles
    closed = asyncio.new_event_loop()
    closed.close()
    yield closed
    sys.set_asyncgen_hooks(firstiter=lambda g: None, finalizer=lambda g: None)
    async def hooked():
        yield [1]
    one = hooked()
    try:
        one.asend(None).send(None)
    except StopIteration:
        pass
    yield one
    sys.set_asyncgen_hooks(None, None)


# --- contexts ---

def hamt_hash(one):
    value = hash(one) & (1 << 64) - 1
    return (value ^ value >> 32) & 0xffffffff


def colliding_variables():
    """Two variables with the same hash, as contexts have it: 32 bits."""
    import contextvars
    seen = {}
    for i in range(2000000):
        one = contextvars.ContextVar("v%d" % i)
        other = seen.setdefault(hamt_hash(one), one)
        if other is not one:
            return [one, other]


@since(3, 7)
def contexts():
    import contextvars
    variables = [contextvars.ContextVar("variable%d" % i, default=[i]) for i in range(1000)]
    colliding = colliding_variables()
    yield variables[:3], colliding, contextvars.ContextVar("bare")
    for count in (0, 1, 15, 17, 33, 1000):
        context = contextvars.Context()
        tokens = [context.run(one.set, [one]) for one in variables[:count]]
        yield context, tokens[-3:]
        for one in variables[:count:2]:
            context.run(one.reset, tokens[variables.index(one)]) if count < 100 else None
    collided = contextvars.Context()
    for one in colliding + variables[:2]:
        collided.run(one.set, [one])
    yield collided, collided.copy(), iter(collided), collided.items(), collided.keys(), collided.values(), iter(collided.items())
    midway = iter(context.items())
    next(midway), next(midway)
    yield midway, contextvars.copy_context(), contextvars.Token.MISSING
    token = variables[0].set([1])
    again = variables[0].set([2])
    yield token, again
    variables[0].reset(again)
    inside = []
    def within():
        inside.append(contextvars.copy_context())
        variables[1].set([3])
    context.run(within)
    yield inside


# --- threads ---

GATE = _thread.allocate_lock()
GATE.acquire()
LOCAL = threading.local()


class Local(threading.local):
    def __init__(self, *arguments):
        self.made = [arguments]


MANY = Local([1], [2])


def blocked(n, started):
    local = [n]
    LOCAL.value, MANY.other = [n], {n: local}
    def inner(*more):
        generator = counts([local])
        next(generator)
        for x in generator:
            started.release()
            GATE.acquire()
    try:
        raise KeyError([n])
    except KeyError as error:
        inner(error, {"a": [n]})


@kept
def threads():
    started = threading.Semaphore(0)
    LOCAL.value = [0]
    for i in range(3):
        thread = threading.Thread(target=blocked, args=(i, started), name="thread%d" % i, daemon=True)
        thread.start()
        started.acquire()
        yield thread
    _thread.start_new_thread(blocked, (3, started))
    started.acquire()
    yield LOCAL, MANY, GATE, started
    kinds = threading.Lock(), threading.RLock(), threading.Condition(), threading.Event(), threading.Barrier(2), threading.BoundedSemaphore()
    kinds[1].acquire()
    yield kinds, threading._RLock(), threading.Timer(100, closure, [[1]]), threading.current_thread(), threading.main_thread()
    ended = threading.Thread(target=len, args=([],))
    ended.start()
    ended.join()
    yield ended


@kept
def executors():
    executor = concurrent.futures.ThreadPoolExecutor(2)
    done = executor.submit(lambda: [1])
    failed = executor.submit(lambda: 1 // 0)
    done.result(), failed.exception()
    waiting = [executor.submit(GATE.acquire) for _ in range(4)]
    waiting[3].cancel()
    bare = concurrent.futures.Future()
    bare.add_done_callback(closure)
    while not waiting[1].running():
        time.sleep(0.001)
    yield executor, done, failed, waiting, bare, concurrent.futures.as_completed(waiting)
    time.sleep(0.05)  # those threads are in acquire() now: until then, the barrier is not reached anyway
