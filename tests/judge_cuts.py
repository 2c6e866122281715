"""judge_cuts.py TOOL GOOD CUT AT...: the tool refuses GOOD when it is cut after AT bytes, for each AT, and says where, and nothing else.

CUT is the name of the file that is cut, made here. Of a snapshot the offset may be before the cut, of a core it is the cut. What is
shorter than the head of either is neither.
"""
import re
import shutil
import subprocess
import sys

tool, good, cut, *places = sys.argv[1:]
with open(good, "rb") as file:
    is_core = file.read(4) == b"\x7fELF"
head = 64 if is_core else 20
shutil.copyfile(good, cut)
for at in sorted(map(int, places), reverse=True):
    with open(cut, "r+b") as file:
        file.truncate(at)
    run = subprocess.run([tool, "--load", cut, "--types"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    said = run.stderr.decode("utf-8", "replace").strip()
    if at < head:
        named = "neither a snapshot" in said
    elif is_core:
        named = "cut short at byte %d," % at in said
    else:
        offset = re.search(r"at byte (\d+)$", said)
        named = "cut short" in said and offset and int(offset[1]) <= at
    if run.returncode != 1 or run.stdout or cut not in said or not named:
        sys.exit("cut at %d: exit code %d, %s" % (at, run.returncode, said))
