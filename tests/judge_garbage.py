"""judge_garbage.py NEW_IDS.json ORACLE: what --garbage only finds, against what garbage.py says that the collector took.

Prints every difference; exits 1 if there is one.
"""
import collections
import json
import sys

with open(sys.argv[1]) as file:
    events = [json.loads(line) for line in file]
found = {}
for event in events:
    if event["event"] == "new_ids":
        for row in event["types"]:
            for address in row["ids"]:
                found[int(address, 16)] = row["type"]
said = collections.defaultdict(dict)
with open(sys.argv[2], encoding="utf-8", errors="surrogateescape") as file:
    for line in file:
        word, rest = line.rstrip("\n").split(" ", 1)
        if word not in ("before", "after"):
            address, kind = rest.split(" ", 1)
            said[word][int(address, 16)] = kind
problems = []


def differ(what, addresses, kinds):
    count = collections.Counter(kinds.get(address, "?") for address in addresses)
    for kind, number in count.most_common(8):
        problems.append("%s: %d of %s, as 0x%x" % (what, number, kind, next(a for a in addresses if kinds.get(a, "?") == kind)))


unreachable, stayed = said["unreachable"], said["stayed"]
differ("unreachable and not found", set(unreachable) - set(found), unreachable)
differ("found, and alive", set(found) - set(unreachable), found)
# What gc.collect() then freed, but for what finalizers let go of or brought back.
freed = set(said["gone"]) | set(said["later"])
differ("found, and not freed", set(found) - set(stayed) - freed, found)
kinds = dict(said["gone"])
kinds.update(said["later"])
differ("freed by the collector, and not found", freed - set(found) - set(said["callback"]), kinds)
print("%d found, %d unreachable, %d freed, %d brought back" % (len(found), len(unreachable), len(freed), len(stayed)))
print("\n".join(problems))
sys.exit(bool(problems))
