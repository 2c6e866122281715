"""What is new in the last of some files since the first and there in all between, counted by hand: no more than that.

stayed_ids.py FORM OUT IDS.json IDS.json...: an event of JSON that the tool wrote, against the ids that the target found at as
many barriers. FORM is short or full. Prints each difference.
"""
import json
import sys

form, out, *files = sys.argv[1:]


def looks(name):
    rows = {}
    with open(name) as file:
        for row in json.load(file):
            rows.setdefault(row[form == "full"], set()).update(row[2:])
    return rows


first, *between, last = map(looks, files)
with open(out, encoding="utf-8") as file:
    event = [json.loads(line) for line in file][-1]
problems, new = [], 0
rows = {row["type"]: row for row in event["types"]}
if set(rows) != set(first) | set(last):
    problems.append("other types: %s" % sorted(set(rows) ^ (set(first) | set(last)))[:20])
for name, row in rows.items():
    old, current = first.get(name, set()), last.get(name, set())
    stayed = current - old
    for look in between:
        stayed &= look.get(name, set())
    new += len(stayed)
    numbers = [len(old), len(current), len(row["ids"]), len(current) - len(old)]
    if [row[key] for key in ("old", "current", "new", "delta")] != numbers:
        problems.append("%s: %s, not %s" % (name, row, numbers))
    # Ids do not tell who came to lie where another was; stayed_objects.py does.
    others = set(int(one, 16) for one in row["ids"]) - stayed
    if others:
        problems.append("%s: %d ids are none of the %d that stayed" % (name, len(others), len(stayed)))
if not new:
    problems.append("nothing is new")
print("\n".join(problems[:30]))
sys.exit(bool(problems))
