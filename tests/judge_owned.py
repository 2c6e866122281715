"""judge_owned.py CHAINS.txt BACKREFS.json KNOWN.json: what --chain and --backrefs say of owned.py's objects.

CHAINS.txt has one line of --chain for each object of KNOWN.json, in that order. Exits 1 when a chain is not as it has to be,
or the holder does not lead to the object, in one step or through a frame, as a possible reference.
"""
import json
import re
import sys

with open(sys.argv[1]) as file:
    chains = file.read().splitlines()
edges = {}
with open(sys.argv[2]) as file:
    for event in map(json.loads, file):
        for edge in event.get("edges", []):
            edges.setdefault(edge["to"], {})[edge["from"]] = edge["kind"]
with open(sys.argv[3]) as file:
    known = json.load(file)
problems = []
if len(chains) != len(known) or not known:
    problems.append("%d chains of %d objects: %s" % (len(chains), len(known), chains))
for one, chain in zip(known, chains):
    if not re.match(one["chain"], chain):
        problems.append("%s: %s, not %s" % (one["what"], chain, one["chain"]))
    near = edges.get(one["address"], {})
    steps = [(near, one["holder"])] + [(edges.get(frame, {}), one["holder"]) for frame in near]
    if not any(found.get(holder) == "possible" for found, holder in steps):
        problems.append("%s: %s does not lead to it, but %s" % (one["what"], one["holder"], near))
print("%d objects" % len(known))
print("\n".join(problems))
sys.exit(bool(problems))
