"""Exceptions that keep their tracebacks, and through them frames and locals."""
import sys

import oracle


def fail(depth):
    local = [depth]
    if not depth:
        raise ValueError(local)
    try:
        fail(depth - 1)
    except ValueError as error:
        raise KeyError(depth) from error


keep = []
for i in range(50):
    try:
        fail(i % 7)
    except Exception as error:
        keep.append(error)
oracle.barrier(sys.argv[1])
