"""What objgraph itself says of new ids: the reference of newids.bats.

objgraph_new_ids.py FORM SORT LIMIT OUT OLD.json CURRENT.json: objgraph.get_new_ids, fed with the ids that the target found at
two barriers, against what the tool wrote: a table, which has to be objgraph's to the character, or an event of JSON, whose ids
have to be the same sets. FORM is short or full; OLD may be - for none. Prints each difference.
"""
import io
import json
import sys
import types

import objgraph

form, sort, limit, out, *files = sys.argv[1:]
limit = int(limit) or None


def objects(name):
    if name == "-":
        return []
    with open(name) as file:
        return [(row[form == "full"], one) for row in json.load(file) for one in row[2:]]


# An object is (name, id) here.
objgraph.id = lambda one: one[1]
objgraph._short_typename = objgraph._long_typename = lambda one: one[0]
state, printed = {}, io.StringIO()
for name, file, rows in [(files[0], io.StringIO(), 0), (files[1], printed, limit)]:
    objgraph.gc = types.SimpleNamespace(collect=lambda: 0, get_objects=lambda name=name: objects(name))
    expected = objgraph.get_new_ids(limit=rows, sortby=sort, shortnames=form == "short", file=file, _state=state)
with open(out, encoding="utf-8") as file:
    found = file.read()
problems = []
if found.startswith("{"):
    event = [json.loads(line) for line in found.splitlines()][-1]
    rows = {row["type"]: row for row in event["types"]}
    lines = [line.split() for line in printed.getvalue().splitlines()[3:-1]]
    if [row["type"] for row in event["types"]] != [line[0] for line in lines]:
        problems.append("types in another order, or others")
    for name, *numbers in lines:
        row = rows.get(name)
        if row and [row[key] for key in ("old", "current", "new", "delta")] != [int(number) for number in numbers]:
            problems.append("%s: %s, not %s" % (name, row, numbers))
        if row and {int(one, 16) for one in row["ids"]} != expected[name] or row and len(row["ids"]) != len(expected[name]):
            problems.append("%s: %d ids are not the %d of objgraph" % (name, len(row["ids"]), len(expected[name])))
else:
    for line, (ours, its) in enumerate(zip(found.splitlines() + [""], printed.getvalue().splitlines() + [""])):
        if ours != its:
            problems.append("line %d: %r, not %r" % (line, ours, its))
    if len(found.splitlines()) != len(printed.getvalue().splitlines()):
        problems.append("%d lines, not %d" % (len(found.splitlines()), len(printed.getvalue().splitlines())))
if not printed.getvalue():
    problems.append("objgraph found nothing")
print("\n".join(problems[:30]))
sys.exit(bool(problems))
