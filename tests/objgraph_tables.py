"""What objgraph itself prints for a series of censuses: the reference of growth.bats.

objgraph_tables.py FORM LIMIT TOOL.txt ORACLE.json...: objgraph.show_growth, fed with the counts that the target made
of itself, against the tables that the tool printed. FORM is short, full, or types (show_most_common_types, short).
objgraph leaves open how types with equal numbers follow each other; nothing else may differ. Prints each difference.
"""

import io
import json
import re
import sys

import objgraph

form, limit, tool_file, *oracle_files = sys.argv[1:]
limit = int(limit) or None


def rank(row):
    """What a table is sorted by: the last number of a row."""
    return -int(row.split()[-1])


def tables():
    peaks = {}
    for name in oracle_files:
        with open(name) as file:
            stats = json.load(file)["full" if form == "full" else "short"]
        objgraph.typestats = lambda *args, **kwargs: dict(stats)
        out = io.StringIO()
        if form == "types":
            objgraph.show_most_common_types(limit=limit, file=out)
        else:
            objgraph.show_growth(limit=limit, peak_stats=peaks, file=out)
        yield out.getvalue().splitlines()


with open(tool_file, encoding="utf-8") as file:
    found = [block.splitlines() for block in file.read().split("\n\n") if block.strip()]
expected = [table for table in tables() if table]
problems = []
if len(found) != len(expected):
    problems.append("%d tables, objgraph prints %d" % (len(found), len(expected)))
for number, (ours, theirs) in enumerate(zip(found, expected)):
    ranks = [rank(row) for row in ours]
    if ranks != [rank(row) for row in theirs]:
        problems.append("table %d: not the same numbers in the same order" % number)
    # A cut in the middle of equal numbers may fall on other types: those rows, and with them the width, are open.
    sure = [set(ours), set(theirs)]
    if limit and len(ours) == limit:
        sure = [{re.sub(" +", " ", row) for row in rows if rank(row) != ranks[-1]} for rows in sure]
    for row in sorted(sure[0] - sure[1]):
        problems.append("table %d: only here:     %r" % (number, row))
    for row in sorted(sure[1] - sure[0]):
        problems.append("table %d: only objgraph: %r" % (number, row))
print("\n".join(problems[:40]))
sys.exit(bool(problems))
