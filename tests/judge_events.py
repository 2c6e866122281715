"""judge_events.py COMMAND OUT.json ...: the growth events of one run with --limit 0 --full-names --format json.

  known OUT EXPECTED.json MARK...   births, deaths and counts are what known_numbers.py made; the events below the k-th
                                    MARK tell what happened before barrier k
  conserved OUT                     count = count before + births - deaths for every type, in every report
  peaks OUT TYPE PEAK COUNT         the highest peak of the run, and the count that goes with it
  rates OUT                         births_per_s and deaths_per_s are births and deaths over one time
  sites OUT EXPECTED.json           the last report's first site of each leaking type is the line of the program's own
Prints every difference; exits 1 if there is one.
"""

import json
import re
import sys

problems = []
NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_][\w-]*)+$")
# Classes of conserve.py that come and go: one that went with its last object is not there to be named, and one on its way
# out has lost its module.
PASSING = ("__main__.Made", "__main__.MadeToo", "Made", "MadeToo", "builtins.Made", "builtins.MadeToo")


# Types that the collector lets go alive: their births cannot be derived.
# Iterators whose deallocation Debian's compiler has copied to where it is called: what does not add up is unknown.
COPIED = ("builtins.list_iterator", "builtins.tuple_iterator")
UNTOLD = ("builtins.tuple", "builtins.dict", "builtins.frozenset")


def wrong(text, *values):
    problems.append(text % values)


def read(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Run:
    """The growth events; for each the rows by type, and the counts before and after, also of types that it leaves out."""

    def __init__(self, path):
        events = read(path)
        attached = [event for event in events if event["event"] == "attached"]
        self.refused = ()
        self.minor = int(attached[0]["python"].split(".")[1])
        self.growth = [event for event in events if event["event"] == "growth"]
        self.rows, self.after = [], []
        for k, event in enumerate(self.growth):
            if event["seq"] != k:
                wrong("event %d has seq %d", k, event["seq"])
            rows = {row["type"]: row for row in event["types"]}
            if len(rows) != len(event["types"]):
                wrong("report %d lists a type twice", k)
            self.rows.append(rows)
            self.after.append(dict(self.after[-1] if k else {}, **{one: row["count"] for one, row in rows.items()}))
        # Births were not all seen: this machine delivers no breakpoints.
        self.derives = any(row.get("births_derived") for rows in self.rows for row in rows.values())
        if len(self.growth) < 2:
            wrong("%d reports are too few to judge", len(self.growth))

    def alone(self, one):
        """Whether one type has this name: peaks of several cannot be added."""
        return one.startswith("__main__.") and one not in PASSING

    def before(self, k, one):
        return self.after[k - 1].get(one, 0)


def may_be_untracked(run, one, row):
    """Types whose instances the collector lets go, or never gets."""
    return (one in ("builtins.tuple", "builtins.frame") or one == "builtins.dict" and run.minor < 14
            or one == "builtins.frozenset" and run.minor >= 15
            or one in ("os.stat_result", "posix.stat_result", "time.struct_time") or "_result" in one)


def on_its_way(run, one):
    """Types of which a cut may find one object between two states: a __del__ that is about to bring it back has taken it
    off the collector's list; from 3.14 on, the trashcan has, for what was put aside."""
    return 1 if one.endswith("Phoenix") or (run.minor >= 14 and one == "builtins.list") else 0


def check_derived(run, where, one, row, before):
    """Births that are growth and deaths together: exact; coverage says how many of them were seen, and a peak is known where
    all were."""
    now, births, deaths, coverage = row["count"], row.get("births"), row["deaths"], row.get("coverage")
    if row.get("untracked") or row.get("deaths_derived") or not isinstance(births, int) or births < 0:
        wrong("%s: derived births in %s", where, row)
    elif now != before + births - deaths:
        wrong("%s: %d + %d - %d is not %d", where, before, births, deaths, now)
    elif (coverage is not None) != (births > 0):
        wrong("%s: %d births, coverage %s", where, births, coverage)
    elif coverage is not None and not 0 <= coverage <= 1.0001:
        wrong("%s: coverage %s", where, coverage)
    elif "peak" in row and (births and abs(coverage - 1) > 0.0001 or not max(now, before) <= row["peak"] <= before + births):
        wrong("%s: peak %d; from %d to %d with %d births of which %s were seen", where, row["peak"], before, now, births,
              coverage)
    elif "peak" not in row and births and coverage == 1 and run.alone(one):
        wrong("%s: all births were seen, and no peak", where)


def check_report(run, k):
    """What has to be true within one report whose stream ran all the time."""
    event = run.growth[k]
    if event.get("stream") != "full":
        wrong("report %d has stream %s", k, event.get("stream"))
        return
    if event.get("lost") != 0:
        wrong("report %d lost %s", k, event.get("lost"))
    for one, row in run.rows[k].items():
        if one in PASSING:
            continue
        now, before, where = row["count"], run.before(k, one), "report %d, %s" % (k, one)
        deaths = row.get("deaths")
        if row.get("deaths_derived"):
            # From births and counts: for a new type, or where no probe can be.
            if "coverage" in row or "peak" in row:
                wrong("%s: derived deaths, and %s", where, row)
            if now != before + row["births"] - deaths:
                wrong("%s: %d + %d - %d is not %d", where, before, row["births"], deaths, now)
            continue
        if deaths is None and (one in run.refused or run.derives and one in COPIED):
            continue
        if run.minor < 8 and deaths is None:  # a new type: no births to derive them from
            continue
        if not isinstance(deaths, int) or deaths < -on_its_way(run, one):
            wrong("%s: deaths %r", where, deaths)
            continue
        if run.minor < 8:
            for key in ("births", "coverage"):
                if key in row:
                    wrong("%s: has %s", where, key)
            continue
        births, peak = row.get("births"), row.get("peak")
        if row.get("births_derived"):
            check_derived(run, where, one, row, before)
            continue
        if run.derives and births is None and row.get("untracked"):  # who was let go is in no count to derive them from
            if not may_be_untracked(run, one, row) or "coverage" in row or "peak" in row:
                wrong("%s: no births, and %s", where, row)
            continue
        if not isinstance(births, int) or births < 0 or not isinstance(peak, int):
            wrong("%s: births %r, peak %r", where, births, peak)
            continue
        true = now - before + deaths
        if row.get("untracked"):  # who was let go is not in the count
            if not may_be_untracked(run, one, row):
                wrong("%s: is said to be untracked", where)
        else:
            if ("coverage" in row) != (true > 0) and abs(true) > on_its_way(run, one):
                wrong("%s: %d -> %d, %d deaths: coverage %s", where, before, now, deaths, row.get("coverage", "absent"))
            elif "coverage" in row and abs(row["coverage"] - births / true) > 0.001:
                wrong("%s: coverage %s is not %d / %d", where, row["coverage"], births, true)
            if abs(now - (before + births - deaths)) > on_its_way(run, one):
                wrong("%s: %d + %d - %d = %d, not %d", where, before, births, deaths, before + births - deaths, now)
            if not max(now, before) <= peak <= before + births + on_its_way(run, one):
                wrong("%s: peak %d; from %d to %d with %d births", where, peak, before, now, births)


def compare(what, found, expected):
    if found != expected:
        wrong("%s: %d, not %d", what, found, expected)


def known(out, expected_file, *marks):
    run = Run(out)
    with open(expected_file) as file:
        expected = json.load(file)
    marks, sums = list(map(int, marks)), []
    for k in range(1, len(run.growth)):
        check_report(run, k)
    for step, (first, end) in zip(expected["steps"], zip(marks, marks[1:])):
        total = {"births": {}, "deaths": {}}
        for rows in run.rows[first:end]:
            for one, row in rows.items():
                for key, into in total.items():
                    into[one] = into.get(one, 0) + row.get(key, 0)
        sums.append(total)
        for one, (births, deaths) in step["own"].items():
            where = "step %s with n = %d, %s: " % (step["group"], step["n"], one)
            found = total["deaths"].get(one, 0)
            compare(where + "deaths", deaths if abs(found - deaths) <= 2 * on_its_way(run, one) else found, deaths)
            if run.minor >= 8:
                found, slack = total["births"].get(one, 0), 2 * on_its_way(run, one) if run.derives else 0
                compare(where + "births", births if abs(found - births) <= slack else found, births)
            compare(where + "alive", run.after[end - 1].get(one, 0), step["alive"][one])
    if len(sums) != len(expected["steps"]):
        wrong("%d steps, not %d", len(sums), len(expected["steps"]))
    # What the interpreter makes besides is the same in both steps of a group.
    for a, b, one_step, two in zip(expected["steps"], expected["steps"][1:], sums, sums[1:]):
        if a["group"] != b["group"]:
            continue
        n = b["n"] - a["n"]
        for one, (least, births, deaths) in b["listed"].items():
            if run.derives and one in COPIED and any("deaths" not in rows.get(one, {"deaths": 0}) for rows in run.rows[1:]):
                continue
            where = "group %s, %s: %d more turns, more " % (a["group"], one, n)
            compare(where + "deaths", two["deaths"].get(one, 0) - one_step["deaths"].get(one, 0), deaths * n)
            if run.minor >= 8 and not (run.derives and one in UNTOLD):
                more = two["births"].get(one, 0) - one_step["births"].get(one, 0)
                if not least * n <= more <= births * n:
                    wrong("%sbirths: %d, not %d%s", where, more, least * n, " to %d" % (births * n) * (least != births))


def conserved(out, *steady):
    """With "refused" for a type, one whose deaths no probe counts may be unknown in all reports."""
    run = Run(out)
    if "refused" in steady and run.derives:
        unknown = {one for rows in run.rows[1:] for one, row in rows.items() if "deaths" not in row}
        if len(unknown) > 2:
            wrong("more than one probe's types are unknown: %s", sorted(unknown))
        run.refused = unknown
    steady = [one for one in steady if one != "refused"]
    for k in range(1, len(run.growth)):
        check_report(run, k)
        for one in run.rows[k]:
            if not NAME.match(one) and not one.startswith("Made"):  # classes that go have no module any more
                wrong("report %d: no type has the name %s", k, ascii(one))
    for one in steady:  # the test is of no use when nothing happens
        if sum(rows.get(one, {}).get("deaths", 0) for rows in run.rows[1:]) < 100:
            wrong("%s hardly dies", one)
    # The whole run, in one: what each report leaves out would show here.
    last = len(run.growth) - 1
    for one in run.after[last] if run.minor >= 8 else ():
        rows = [rows[one] for rows in run.rows[1:] if one in rows]
        change = sum(row.get("births", 0) - row.get("deaths", 0) for row in rows)
        if one not in PASSING and not any(row.get("untracked") or "deaths" not in row for row in rows):
            compare("all reports, %s" % one, run.after[last][one] - run.after[0].get(one, 0), change)


def peaks(out, one, peak, count):
    run = Run(out)
    rows = [rows[one] for rows in run.rows[1:] if one in rows]
    if not rows:
        wrong("no report lists %s", one)
        return
    highest = max(rows, key=lambda row: row.get("peak", 0))
    compare("highest peak", highest.get("peak", 0), int(peak))
    compare("count with it", highest["count"], int(count))


def rates(out):
    run = Run(out)
    seen = 0
    for k in range(1, len(run.growth)):
        times = []
        for one, row in run.rows[k].items():
            for key in ("births", "deaths"):
                rate = row.get(key + "_per_s")
                if (key in row) != (rate is not None) or (row.get(key, 0) > 0) != ((rate or 0) > 0):
                    wrong("report %d, %s: %s %s, per second %s", k, one, key, row.get(key), rate)
                elif row.get(key, 0) >= 100:
                    times.append(row[key] / rate)
        seen += len(times)
        if times and max(times) > 1.05 * min(times):
            wrong("report %d: rates are over %f to %f s", k, min(times), max(times))
    if not seen:
        wrong("no rates")


def sites(out, expected_file, *streams):
    """The streams that reports may have; those of the first may be anything."""
    run = Run(out)
    with open(expected_file) as file:
        expected = json.load(file)["leaks"]
    last, found = run.rows[-1], [event.get("stream") for event in run.growth[1:]]
    if not set(found[1:]) <= set(streams):
        wrong("streams %s, not %s", found, " or ".join(streams))
    for one, row in last.items():
        for site in row.get("sites") or []:
            if any(frame["line"] < 1 for frame in site["frames"]):
                wrong("%s: a line that is none: %s", one, site["frames"])
    for one, leak in expected.items():
        where = "%s (%s)" % (one, leak["kind"])
        if one not in last:
            wrong("%s does not grow in the last report", where)
            continue
        rows = last[one].get("sites") or []
        if not rows:
            wrong("%s has no sites", where)
            continue
        # Where windows left deaths unseen, a survivor counts for the share of its line's samples that are alive.
        alive = [site["alive"] * (site["alive"] / site["sampled"] if found[-1] == "windows" else 1) for site in rows]
        if alive != sorted(alive, reverse=True):
            wrong("%s: not most survivors first: %s", where, [(site["alive"], site["sampled"]) for site in rows])
        for site in rows:
            if not (isinstance(site["alive"], int) and 0 <= site["alive"] <= site["sampled"] and site["frames"]):
                wrong("%s: %s", where, site)
        top = rows[0]["frames"]
        got = [(frame["file"], frame["line"], frame["function"]) for frame in top]
        want = [tuple(frame) for frame in leak["frames"]]
        if run.minor < 11:
            want = [(file, line, function.rpartition(".")[2]) for file, line, function in want]
        if got[:len(want)] != want:
            wrong("%s: %d of %d alive: %s, not %s", where, alive[0], rows[0]["sampled"], got, want)


command, *arguments = sys.argv[1:]
{"known": known, "conserved": conserved, "peaks": peaks, "rates": rates, "sites": sites}[command](*arguments)
print("\n".join(problems[:60]))
if len(problems) > 60:
    print("... and %d more" % (len(problems) - 60))
sys.exit(bool(problems))
