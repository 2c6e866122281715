"""What gc.get_objects() says at a barrier: the numbers that a census from outside must equal exactly.

barrier(path) writes {"short": {name: count}, "full": {module.name: count}, ...} to path and blocks until SIGUSR1. What
lives while it counts is what lives while it blocks: both happen in one frame, by calls that take no argument tuple,
with the collector off, after a round of counting and writing that changed nothing. The file holds while the process
sits in sigwait (rt_sigtimedwait), not before. Python 3.6 to 3.15, no module from elsewhere, no code of a counted class.
"""

import _signal
import gc
import os
import sys
import time

if not sys.flags.no_site:
    import json  # before anybody counts; of a small process (corpus.py) it would be a large part, until it is asked

NAME, MODULE = (type.__dict__[slot].__get__ for slot in ("__name__", "__module__"))
FOR_SIGNAL = (_signal.sigwait, {_signal.SIGUSR1})
FOREVER = (time.sleep, 10**7)
_signal.pthread_sigmask(_signal.SIG_BLOCK, FOR_SIGNAL[1])


def text(string):
    """As the tool shows a str: what UTF-8 cannot say, and U+0000, as escapes."""
    return str.encode(string, "utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def names(kind):
    """(short, full) as objgraph has them: the full name of a class without a module is the short one."""
    name = text(NAME(kind))
    try:
        module = MODULE(kind)
    except AttributeError:
        return name, name
    if not issubclass(type(module), str) or not str.__len__(module):
        return name, name
    return name, text(module) + "." + name


def tally(objects):
    import json
    counts, kinds, short, full = {}, {}, {}, {}
    for one in objects:
        kind = type(one)
        key = id(kind)
        counts[key] = counts.get(key, 0) + 1
        kinds[key] = kind
    for key, count in counts.items():
        name, long_name = names(kinds[key])
        short[name] = short.get(name, 0) + count
        full[long_name] = full.get(long_name, 0) + count
    return json.dumps({
        "pid": os.getpid(),
        "python": sys.version.split()[0],
        "objects": len(objects),
        "frozen": gc.get_freeze_count() if hasattr(gc, "get_freeze_count") else 0,
        "short": short,
        "full": full,
    }, sort_keys=True)


def ids(objects):
    """[short name, full name, id of the first, ...] for each type."""
    import json
    rows = {}
    for one in objects:
        rows.setdefault(id(type(one)), [*names(type(one))]).append(id(one))
    return json.dumps(list(rows.values()))


def write(path, string):
    with open(path + ".new", "w") as file:
        file.write(string)
    os.rename(path + ".new", path)


def barrier(path, until=FOR_SIGNAL, tell=tally):
    collecting = gc.isenabled()
    gc.disable()
    block, argument = until
    before = now = None
    rounds = 0
    while rounds < 2 or now != before:
        if rounds > 50:
            sys.exit("oracle: counting itself changes the counts")
        rounds += 1
        before = now
        now = tell(gc.get_objects())
        write(path, now)
    block(argument)
    if collecting:
        gc.enable()


def wait_for(condition):
    while not condition():
        time.sleep(0.005)


def others_sleep():
    """Every other thread of this process sits in select or nanosleep (FOREVER)."""
    for tid in os.listdir("/proc/self/task"):
        if int(tid) != os.getpid():
            with open("/proc/self/task/%s/syscall" % tid) as file:
                if file.read().split()[0] not in ("23", "270", "35", "230"):
                    return False
    return True


def heartbeat(path):
    """A shared page at path for beat(): the number of beats, the longest gap in ns, the time of the last one."""
    import mmap
    with open(path, "w+b") as file:
        file.truncate(4096)
        return mmap.mmap(file.fileno(), 4096)


def beat(page, state=[0, 0, 0]):
    now = int(time.monotonic() * 1e9)
    if state[0]:
        state[1] = max(state[1], now - state[2])
    state[0] += 1
    state[2] = now
    page[0:24] = b"".join(value.to_bytes(8, "little") for value in state)
