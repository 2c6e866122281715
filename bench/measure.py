"""What bench/run and bench/references share: a target that answers, and runs of the tool."""
import collections
import json
import os
import re
import statistics
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
OGT = os.environ.get("OGT", os.path.join(HERE, "..", "objgraph-trace"))
PYTHON = os.environ.get("PYTHON", "/usr/bin/python3")
ROUNDS = int(os.environ.get("ROUNDS", "7"))
SIZES = [100_000, 1_000_000, 4_000_000]

# events: of its JSON; held: ms; seconds, cpu: of all of it; kib: its peak, or what the bench itself had when it was started
Run = collections.namedtuple("Run", "events held seconds first cpu kib")


def median(values):
    return statistics.median(values)


def python_version():
    return subprocess.run([PYTHON, "-c", "import sys; print(sys.version.split()[0])"], capture_output=True, text=True,
                          check=True).stdout.strip()


class Target:
    """heap.py with that many objects, which does what it is told."""

    def __init__(self, size, *limits):
        arguments = [str(number) for number in (size, *limits)]
        self.process = subprocess.Popen([PYTHON, os.path.join(HERE, "heap.py"), *arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        self.objects = int(self.process.stdout.readline())
        time.sleep(0.3)

    def does(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def blocked(self, command):
        """ms"""
        return self.does(command)["ms"]

    def anonymous_kib(self):
        """Pages of its anonymous memory: an upper bound of what its lists lie on."""
        with open(f"/proc/{self.pid}/status") as status:
            return int(next(line for line in status if line.startswith("RssAnon")).split()[1])

    def end(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def held_ms(events, notes):
    """Of the last event that tells, else of the note on standard error."""
    told = [event["pause_ms"] for event in events if "pause_ms" in event]
    if told:
        return told[-1]
    held = re.search(r"held for ([\d.]+) ms", notes)
    if not held and "not held" not in notes:
        raise RuntimeError(f"nothing says for how long the target was held: {notes}")
    return float(held.group(1)) if held else 0.0


def run_tool(pid, *options):
    """A whole run of the tool. Memory as wait4 tells, so of a dot that it starts as well, if that is more."""
    with tempfile.TemporaryFile("w+") as notes:
        begin = time.perf_counter()
        tool = subprocess.Popen([OGT, "-p", str(pid), *options, "--format", "json"], stdout=subprocess.PIPE, stderr=notes,
                                text=True)
        lines = [tool.stdout.readline()]
        first = time.perf_counter() - begin
        lines += tool.stdout.readlines()
        _, status, usage = os.wait4(tool.pid, 0)
        seconds = time.perf_counter() - begin
        tool.returncode = os.waitstatus_to_exitcode(status)
        tool.stdout.close()
        notes.seek(0)
        said = notes.read()
    if tool.returncode:
        raise RuntimeError(f"objgraph-trace {' '.join(options)}: {said}")
    events = [json.loads(line) for line in lines]
    return Run(events, held_ms(events, said), seconds, first, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)


def census(pid):
    """One table, the baseline of growth: what every look takes at least."""
    run = run_tool(pid, "--count", "0")
    assert run.events[0]["event"] == "attached" and run.events[-1]["event"] == "growth", run.events
    return run
