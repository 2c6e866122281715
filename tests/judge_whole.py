"""judge_whole.py OUT.json COUNT: the objects of a process that never rests, as --inspect shows them: all there and whole.

COUNT objects; type, size, references, generation and text of each; among the texts three at most in which something could not be
read, as one list may be half made, or grow, and be shown within those that hold it; 300 of class Kept, as Python names them.
Prints what is wrong.
"""
import json
import re
import sys

UNREAD = re.compile(r"(^|[\[({, ])[?]($|[\])},: ])")
KEPT = re.compile(r"<__main__\.Kept at 0x[0-9a-f]+>")
with open(sys.argv[1], encoding="utf-8") as file:
    objects = [event for event in map(json.loads, file) if event["event"] == "object"]


def is_whole(one):
    known = all(one.get(key) is not None for key in ("repr", "size", "type", "generation"))
    return known and (one.get("refcount") is not None or one.get("immortal"))


problems = []
if len(objects) != int(sys.argv[2]):
    problems.append("%d objects, not %s" % (len(objects), sys.argv[2]))
problems += ["not whole: %s" % one for one in objects if not is_whole(one)]
unread = ["could not be read: %s" % one for one in objects if UNREAD.search(one.get("repr") or "")]
if len(unread) > 3:
    problems += unread
kept = [one["repr"] for one in objects if one["type"] == "Kept"]
if len(kept) != 300 or not all(KEPT.fullmatch(text or "") for text in kept):
    problems.append("%d Kept: %s" % (len(kept), kept[:3]))
print("\n".join(problems[:30]))
sys.exit(bool(problems))
