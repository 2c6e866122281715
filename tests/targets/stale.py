"""Lists and a dict that nothing leads to but a reference that was lost, made of memory that free lists had: their entries
stay in the interpreter (to 3.13). argv[1] gets the addresses of what they hold, JSON. Blocks until SIGUSR1."""
import ctypes
import gc
import json
import sys

import oracle


class Held(object):
    pass


def lose():
    taken = [[] for _ in range(30)]
    del taken
    lost = [[Held()] for _ in range(20)] + [{"k": Held()}]
    for one in lost:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(one))
    return [hex(id(one[0] if type(one) is list else one["k"])) for one in lost]


text = json.dumps(lose())
gc.collect()
oracle.write(sys.argv[1], text)
oracle.FOR_SIGNAL[0](oracle.FOR_SIGNAL[1])
