"""judge_owners.py CHAINS.json BACKREFS.json KNOWN.json: why objects are alive and who refers to them, against owners.py.

A chain has to be one of the shortest expressions that Python evaluated to that object, or begin with what holds the object where
Python has no expression for it. A local variable of a running function may be a shorter way, which owners.py does not
list: then "where" says so. What claims to be plain has to be Python at least, also of further chains. Prints every difference; exits 1 if there is one.
"""
import json
import sys

with open(sys.argv[1]) as file:
    chains = {event["address"]: event for event in map(json.loads, file) if event["event"] == "chains"}
sources = {}
with open(sys.argv[2]) as file:
    for event in map(json.loads, file):
        for edge in event.get("edges", []):
            sources.setdefault(edge["to"], set()).add(edge["from"])
with open(sys.argv[3]) as file:
    known = json.load(file)
problems, exact, running = [], 0, 0
for one in known:
    got = chains.get(one["address"], {"chains": [], "garbage": None})
    texts = [chain["expression"] for chain in got["chains"]]
    if one["expressions"]:
        if texts and texts[0] in one["expressions"]:
            exact += 1
        elif texts and got["chains"][0]["where"] and got["chains"][0]["plain"]:
            running += 1
        else:
            problems.append("%s: %s, not %s" % (one["what"], texts, one["expressions"]))
    elif one["holder"] and not (texts and texts[0].startswith(one["holder"])):
        problems.append("%s: %s does not begin with %s" % (one["what"], texts, one["holder"]))
    elif texts and not got["chains"][0]["where"] and got["chains"][0]["plain"]:
        problems.append("%s: %s is nothing that Python evaluates" % (one["what"], texts))
    if one["running"] and not (texts and texts[0] == one["running"] and got["chains"][0]["where"].startswith("runs()")):
        problems.append("%s: %s is not %s" % (one["what"], texts, one["running"]))
    for chain in got["chains"]:
        try:
            chain["plain"] and compile(chain["expression"], one["what"], "eval")
        except SyntaxError:
            problems.append("%s: %s is no Python" % (one["what"], chain["expression"]))
    if "cycle" in one["what"] and not got["garbage"]:
        problems.append("%s is garbage" % one["what"])
    found = {source for source in sources.get(one["address"], ()) if not source.startswith("root:")}
    if found != set(one["referrers"]):
        problems.append("%s: referrers %s missing, %s too many" % (
            one["what"], set(one["referrers"]) - found, found - set(one["referrers"])))
if exact < 20 or running > 3:
    problems.append("only %d expressions are equal, %d are of running functions" % (exact, running))
print("%d objects, %d expressions" % (len(known), exact))
print("\n".join(problems))
sys.exit(bool(problems))
