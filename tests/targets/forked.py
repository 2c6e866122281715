"""A child tells what is in the heap while the parent, which has the same heap at the same addresses, does nothing at all.

tell(describe, path, ...): forks and blocks until SIGUSR1; the child calls describe(path, ...), which ends with write_lines(). It is the kernel's fork, not
os.fork(): no hook runs (threading's and logging's make locks and dicts anew), and from it until the parent sits in sigwait
the GIL stays with its thread. What the parent has there that the child has not, or the other way round:

- 3.6 to 3.10: frames are objects. Those of tell() and its callers are in both, with the same locals; those of child() and
  below are the child's own: own_frames().
- Reference counts: of what the child uses itself (builtins, modules, this file's functions), and + 1 of what waits on
  the stack: sigwait, its set.
- Threads other than the one that forks do not run in the child; their frames and thread states are there as in the parent.

The parent is at its barrier (rt_sigtimedwait) only when the child has ended, and so is the file there only then.
"""
import os
import sys

import calls
import oracle

FORK, WAIT, RENAME, EXIT = map(calls.call, ("fork", "waitpid", "rename", "_exit"))
BLOCK, SIGNALS = oracle.FOR_SIGNAL
STATUS = calls.c_int()
REFERENCE = calls.byref(STATUS)
WAIT(-1, REFERENCE, 1)  # WNOHANG; whatever a first call makes is there before the fork


def child(describe, arguments):
    try:
        describe(*arguments)
    except BaseException:
        import traceback
        traceback.print_exc()
        sys.stderr.flush()
        EXIT(1)
    EXIT(0)


def tell(describe, *arguments):
    path = os.fsencode(arguments[0])
    unfinished = path + b".new"
    if not FORK():
        child(describe, arguments)
    while WAIT(-1, REFERENCE, 0) > 0:  # all of them: a local for one's pid would be another object in the child
        if STATUS.value:
            sys.exit("the child that should have told what is in the heap ended with %#x" % STATUS.value)
    RENAME(unfinished, path)
    BLOCK(SIGNALS)


def own_frames():
    """The ids of the frames that the child has beyond the parent's, of the caller and up to child()."""
    frame, own = sys._getframe(1), set()
    while frame is not None and frame.f_code is not tell.__code__:
        own.add(id(frame))
        frame = frame.f_back
    return own


def write_lines(path, lines):
    """Beside the path: it is the parent that gives them their name, when the child has ended."""
    target = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    data = memoryview("".join(lines).encode("utf-8", "backslashreplace"))
    while len(data):
        data = data[os.write(target, data):]
    os.close(target)
