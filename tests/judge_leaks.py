"""judge_leaks.py LEAKS.json KNOWN.json: what --leaks reports, against what leaks.py lost and what it only hid.

A place that leads to an object may hide a leak (memory that was freed keeps its words): of all references together 3 of 4
have to be told, of 20 and more in one place half of them, and of no object more than it lost. Exits 1 when that is not so.
"""
import json
import sys

with open(sys.argv[1]) as file:
    report = [event for event in map(json.loads, file) if event["event"] == "leaks"][0]
with open(sys.argv[2]) as file:
    known = json.load(file)
missing = {int(leak["address"], 16): leak["refcount"] - leak["accounted"] for leak in report["objects"]}
kinds = {int(leak["address"], 16): leak["type"] for leak in report["objects"]}
problems, expected, all_lost, all_told = [], {}, 0, 0
for group in known["leaked"]:
    if not group["tracked"]:
        continue
    addresses = [int(address, 16) for address in group["addresses"]]
    told = [address for address in addresses if address in missing]
    lost = sum(missing[address] for address in told)
    expected.update((address, group["lost"]) for address in addresses)
    print("%-50s %3d of %3d objects, %3d of %3d references" % (
        group["what"], len(told), len(addresses), lost, group["lost"] * len(addresses)))
    all_lost += group["lost"] * len(addresses)
    all_told += lost
    if lost < 0.5 * group["lost"] * len(addresses) and len(addresses) * group["lost"] >= 20:
        problems.append("%s: %d of %d references" % (group["what"], lost, group["lost"] * len(addresses)))
for address, count in missing.items():
    if address not in expected and kinds[address] == "builtins.module" and int(sys.argv[3]) <= 8:
        continue  # see leaks.bats
    if address not in expected:
        problems.append("0x%x: a %s was not leaked" % (address, kinds[address]))
    elif count > expected[address]:
        problems.append("0x%x: a %s lost %d, not %d" % (address, kinds[address], expected[address], count))
print("%d of %d references" % (all_told, all_lost))
if all_told < 0.75 * all_lost:
    problems.append("%d of %d references are told" % (all_told, all_lost))
rows = {row["type"]: row for row in report["types"]}
if sum(row["unreferenced"] for row in rows.values()) < 50:
    problems.append("of those that nobody points at few are told: %s" % rows)
for kind in ("__main__.Many", "__main__.Leaked"):
    if not any(name == kind or kind.endswith("." + name) for name in rows):
        problems.append("no row of " + kind)
print("\n".join(problems))
sys.exit(bool(problems))
