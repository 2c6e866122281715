"""stop_writer.py FOLDER READY: stops who writes FOLDER/snapshot, once its temporary file is there; prints its pid.

Makes the file READY when it looks. Prints nothing when it was too late: the snapshot is there, and nobody is stopped.
"""
import os
import signal
import sys


def is_stopped(pid):
    try:
        tasks = os.listdir("/proc/%d/task" % pid)
        states = [open("/proc/%d/task/%s/stat" % (pid, task)).read().rpartition(")")[2].split()[0] for task in tasks]
    except OSError:
        return True  # as good as
    return all(state in "TtXZ" for state in states)


folder, ready = sys.argv[1:]
open(ready, "w").close()
while True:
    names = os.listdir(folder)
    if "snapshot" in names:
        sys.exit()
    for name in names:
        if not (name.startswith("snapshot.") and name.endswith(".tmp")):
            continue
        pid = int(name.split(".")[1])
        try:
            os.kill(pid, signal.SIGSTOP)
        except ProcessLookupError:
            continue
        while not is_stopped(pid):
            pass
        if os.path.exists(os.path.join(folder, name)):
            print(pid)
        else:
            os.kill(pid, signal.SIGCONT)
        sys.exit()
