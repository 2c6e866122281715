"""What objgraph itself says of new ids: the reference of newids.bats.

objgraph_new_ids.py FORM SORT LIMIT OUT OLD.json CURRENT.json [-- FORM ...]...: objgraph.get_new_ids, fed with the ids that the
target found at two barriers, against what the tool wrote: a table, which has to be objgraph's to the character, or an event of
JSON, whose ids have to be the same sets. FORM is short or full; OLD may be - for none. Several comparisons are one run's work.
Prints each difference.
"""
import io
import json
import sys
import types

import objgraph

looks = {}


def objects(name, form):
    if name == "-":
        return []
    if name not in looks:
        with open(name) as file:
            looks[name] = json.load(file)
    return [(row[form == "full"], one) for row in looks[name] for one in row[2:]]


# An object is (name, id) here.
objgraph.id = lambda one: one[1]
objgraph._short_typename = objgraph._long_typename = lambda one: one[0]


def compare(form, sort, limit, out, *files):
    """What differs."""
    state, printed = {}, io.StringIO()
    for name, file, rows in [(files[0], io.StringIO(), 0), (files[1], printed, int(limit) or None)]:
        objgraph.gc = types.SimpleNamespace(collect=lambda: 0, get_objects=lambda name=name: objects(name, form))
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
    return ["%s %s %s %s: %s" % (form, sort, limit, out, problem) for problem in problems]


differences, rest = [], sys.argv[1:]
while rest:
    end = rest.index("--") if "--" in rest else len(rest)
    differences += compare(*rest[:end])
    rest = rest[end + 1:]
print("\n".join(differences[:30]))
sys.exit(bool(differences))
