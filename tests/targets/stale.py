"""Lists and a dict that nothing leads to but a reference that was lost, made of memory that free lists had: their entries
stay in the interpreter (to 3.13). argv[1] gets the addresses of what they hold, JSON. Blocks until SIGUSR1."""
import gc
import sys

import calls
import oracle


class Held(object):
    pass


LOSE = calls.call("Py_IncRef", None, [calls.py_object])


def lose():
    """What is lost, and what each of it holds, as addresses."""
    taken = [[] for _ in range(30)]
    del taken
    lost = [[Held()] for _ in range(20)] + [{"k": Held()}]
    for one in lost:
        LOSE(one)
    return [(hex(id(one)), hex(id(one[0] if type(one) is list else one["k"]))) for one in lost]


if __name__ == "__main__":
    import json
    text = json.dumps([held for _, held in lose()])
    gc.collect()
    oracle.write(sys.argv[1], text)
    oracle.FOR_SIGNAL[0](oracle.FOR_SIGNAL[1])
