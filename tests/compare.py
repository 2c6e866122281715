"""compare.py short|full TOOL.json ORACLE.json...: one census of the tool against what the target counted itself.

Several oracle files (the interpreters of one process) are added up. Prints every difference; exits 1 if there is one.
"""

import json
import sys

form, tool_file, *oracle_files = sys.argv[1:]
expected, objects = {}, 0
for name in oracle_files:
    with open(name) as file:
        oracle = json.load(file)
    objects += oracle["objects"]
    for kind, count in oracle[form].items():
        expected[kind] = expected.get(kind, 0) + count
with open(tool_file, encoding="utf-8") as file:
    events = [json.loads(line) for line in file]

problems = []
censuses = [event for event in events if event["event"] == "types"]
if len(censuses) != 1:
    sys.exit("%d events named types, not one" % len(censuses))
census = censuses[0]
rows = [(row["type"], row["count"]) for row in census["types"]]
found = dict(rows)
if len(found) != len(rows):
    problems.append("%d types are listed twice" % (len(rows) - len(found)))
if [count for _, count in rows] != sorted((count for _, count in rows), reverse=True):
    problems.append("not sorted, most common first")
if census["objects"] != objects:
    problems.append("%d objects, the oracle counted %d" % (census["objects"], objects))
for kind in sorted(set(found) | set(expected)):
    if found.get(kind, 0) != expected.get(kind, 0):
        problems.append("%s: %d, the oracle counted %d" % (ascii(kind)[:200], found.get(kind, 0), expected.get(kind, 0)))
if not expected:
    problems.append("the oracle counted nothing")
print("\n".join(problems[:40]))
sys.exit(bool(problems))
