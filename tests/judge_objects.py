"""judge_objects.py OUT.json EXPECTED.json: objects as --inspect --full-names --format json shows them, against what zoo.py says.

Prints every difference; exits 1 if there is one.
"""
import json
import sys

with open(sys.argv[1]) as file:
    objects = [event for event in map(json.loads, file) if event["event"] == "object"]
with open(sys.argv[2]) as file:
    expected = json.load(file)
problems = []
if len(objects) != len(expected) or len(expected) < 500:
    problems.append("%d objects, not %d" % (len(objects), len(expected)))
sizes = 0
for got, want in zip(objects, expected):
    for key in ("address", "type", "size", "repr"):
        if got[key] != want[key] and not (key == "size" and got[key] is None and want[key] is None):
            problems.append("%s %s: %s %r, not %r" % (want["type"][:30], want["repr"][:50], key, got[key], want[key]))
    sizes += want["size"] is not None
    # Others use what the interpreter has only one of, as the number 1, and go on doing so.
    if got.get("immortal"):
        if want["refcount"] < 1 << 29:
            problems.append("%s: immortal, with %d references" % (want["repr"][:50], want["refcount"]))
    elif want["refcount"] <= 3 and got["refcount"] != want["refcount"]:
        problems.append("%s %s: refcount %r, not %r" % (want["type"][:30], want["repr"][:50], got["refcount"], want["refcount"]))
if sizes < len(expected) * 0.85:
    problems.append("only %d sizes are known" % sizes)
print("%d objects" % len(objects))
print("\n".join(problems[:40]))
if len(problems) > 40:
    print("... and %d more" % (len(problems) - 40))
sys.exit(bool(problems))
