"""Every order of up to four births in one request, each kept or dropped at once, so that one object comes to lie where
another was a moment ago: for each order functions of their own, keep_... that keep what they make and drop_... that do not.

argv[1]: the file that says that it goes on; argv[2]: "instance" (a class for each order), "list" or "context".
"""
import contextvars
import itertools
import sys
import time

ready, kind = sys.argv[1:3]
kept = []
MAKES = {"instance": "{name}()", "list": "[turn]", "context": "contextvars.Context()"}[kind]
requests = []
for length in range(1, 5):
    for order in itertools.product("kd", repeat=length):
        if "k" not in order:
            continue
        name = "".join(order)
        lines = []
        for i, one in enumerate(name):
            make = MAKES.format(name="Made_" + name)
            lines.append("def %s_%s_%d(turn):" % ("keep" if one == "k" else "drop", name, i))
            lines.append("    kept.append(%s)" % make if one == "k" else "    %s" % make)
        lines.append("class Made_%s(object):" % name)
        lines.append("    pass")
        lines.append("def request_%s(turn):" % name)
        for i, one in enumerate(name):
            lines.append("    %s_%s_%d(turn)" % ("keep" if one == "k" else "drop", name, i))
        exec(compile("\n".join(lines), "orders.py", "exec"))
        requests.append(globals()["request_" + name])
open(ready, "w").write("going on")
turn = 0
while True:
    turn += 1
    for request in requests:
        request(turn)
    if turn % 5 == 0:
        time.sleep(0.005)
    if turn % 4000 == 0:
        del kept[: len(kept) // 2]
