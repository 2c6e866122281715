"""Which objects stayed: stayed_objects.py OUT IDS.0 IDS.1 IDS.2, an event of three files against what staying.py said at its
barriers. Prints each difference.
"""
import json
import sys

out, *files = sys.argv[1:]
first, between, last = (json.load(open(name)) for name in files)
with open(out, encoding="utf-8") as file:
    rows = {row["type"]: row for row in [json.loads(line) for line in file][-1]["types"]}
problems, reborn = [], 0
for kind, now in last.items():
    stayed = {id for id, number in now.items() if between[kind].get(id) == number and id not in first[kind]}
    reborn += len([id for id, number in now.items() if between[kind].get(id, number) != number])
    ids = set(rows[kind]["ids"])
    if ids != stayed:
        problems.append("%s: %d did not stay, %d did and are not there" % (kind, len(ids - stayed), len(stayed - ids)))
    if rows[kind]["new"] != len(ids) or not stayed:
        problems.append("%s: %d ids, %s" % (kind, len(ids), rows[kind]))
if not reborn:
    problems.append("nothing came to lie where another was")
print("\n".join(problems) or "%d came to lie where another was" % reborn)
sys.exit(bool(problems))
