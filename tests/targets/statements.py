"""Between two barriers runs statements as an interactive interpreter does: each is compiled, run once and thrown away.

argv[1]: PREFIX of the files that say where it is.
"""
import code
import sys

import oracle

STATEMENTS = (
    "for i in range(700): kept.append(Typed())", "for i in range(300): Typed()", "for i in range(200): kept.append({i})",
    "for i in range(500): collections.deque()", "few = [Typed() for i in range(60)]", "del few",
    "several = [lambda: 1 for i in range(50)]")


def wait(step):
    oracle.write("%s.%d" % (sys.argv[1], step), "here")
    oracle.FOR_SIGNAL[0](oracle.FOR_SIGNAL[1])


console = code.InteractiveConsole()
for line in ("import collections", "kept = []", "class Typed: pass", ""):
    console.push(line)
wait(0)
for statement in STATEMENTS:
    console.push(statement)
    console.push("")
wait(1)
