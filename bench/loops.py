"""The loops of bench/stream: loops.py KIND COUNTERS runs until its input ends.

After each round it writes to the file COUNTERS when that was, its CPU time, both in ns, and the number of rounds.
"""
import json
import mmap
import os
import sys
import threading
import time

ROUND = 100  # objects of each kind that one round makes: less than a millisecond


class Node:
    def __init__(self, number):
        self.number = number


class Slots:
    __slots__ = ()


def allocate():
    for number in range(ROUND):
        Node(number)
        [number, number]


def instances():
    for _ in range(ROUND):
        Slots()


def lists():
    for number in range(ROUND):
        [number]


def dicts():
    for number in range(ROUND):
        {number: number}


def functions():
    for _ in range(ROUND):
        lambda: None


def make_document():
    return json.dumps([{"id": number, "name": "customer %d" % number, "active": number % 3 == 0,
                        "tags": ["red", "green", "blue"][: number % 4], "score": number / 7,
                        "address": {"street": "Long Road", "number": number, "city": "Anywhere"}}
                       for number in range(330)])


document = make_document()


def parse():
    json.dumps(json.loads(document))


def leave_at_end_of_input():
    sys.stdin.read()
    os._exit(0)  # what a profiler would still write is of no interest


loop = {"allocate": allocate, "json": parse, "instances": instances, "lists": lists, "dicts": dicts,
        "functions": functions}[sys.argv[1]]
with open(sys.argv[2], "r+b") as file:
    counters = memoryview(mmap.mmap(file.fileno(), 4096)).cast("Q")
threading.Thread(target=leave_at_end_of_input, daemon=True).start()
print(json.dumps({"version": sys.version.split()[0], "document": len(document)}), flush=True)
while True:
    loop()
    counters[0], counters[1] = time.monotonic_ns(), time.thread_time_ns()
    counters[2] += 1
