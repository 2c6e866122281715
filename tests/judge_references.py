"""judge_references.py OBJECTS.json ORACLE: what objects refer to, as --inspect --format json says it, against references.py.

OBJECTS.json may be several outputs in a row. Compares the multiset of referents of every tracked object, per type of the
object; and the ids of those that refer to 1,000 objects, out of the tool's referents turned around. "possible" ones
are not counted as found; how many of those missing are among them is said. Exits 1 below 99.9 % of recall or
precision, on any difference that is not EXPLAINED, and where more references than an object counts are said to lead to it.
"""
import collections
import json
import sys

# (type of the object, "missing" or "extra", type of the referent or "*"): why this one may differ.
EXPLAINED = {
}
LEAST, EXAMPLES, LISTED = 0.999, 3, 8


class Oracle(object):
    def __init__(self, path):
        self.referents, self.types, self.untracked, self.codes, self.referrers, self.own = {}, {}, {}, {}, {}, set()
        self.failed, self.kept, self.counts = [], 0, {}
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                what, _, rest = line.rstrip("\n").partition(" ") if line.startswith("#") else ("", "", line.rstrip("\n"))
                words = rest.split(" ")
                if what == "#failed":
                    self.failed.append(rest)
                elif what == "#kept":
                    self.kept = int(rest)
                elif what == "#own":
                    self.own.add(int(words[0], 16))
                elif what == "#other":
                    self.types[int(words[0], 16)] = words[1]
                elif what in ("#code", "#referrers"):
                    into = self.codes if what == "#code" else self.referrers
                    into[int(words[0], 16)] = self.ids(words[1:])
                else:
                    address = int(words[0], 16)
                    self.types[address] = words[1]
                    if words[2] != "-":
                        self.counts[address] = int(words[2])
                    (self.untracked if what else self.referents)[address] = self.ids(words[3:])

    @staticmethod
    def ids(words):
        if len(words) != int(words[0]) + 1:
            sys.exit("judge_references: a line of the oracle is cut off")
        return [int(word, 16) for word in words[1:]]


def read_tool(path):
    referents, possible, held, kinds = {}, {}, {}, {}
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            event = json.loads(line)
            if event.get("event") == "object" and event.get("referents") is not None:
                address = int(event["address"], 16)
                referents[address] = [int(x, 16) for x in event["referents"]]
                possible[address] = set(int(x, 16) for x in event.get("possible") or ())
                held[address] = [int(x, 16) for x in event.get("held") or ()]
                kinds[address] = event["type"]
    return referents, possible, held, kinds


def spell(ids, types):
    shown = ", ".join("%#x %s" % (one, types.get(one, "?")) for one in sorted(ids.elements())[:LISTED])
    return shown + (", ... of %d" % sum(ids.values()) if sum(ids.values()) > LISTED else "")


def explained(kind, how, ids, types):
    return all(any((of, how, to) in EXPLAINED for of in (kind, "*") for to in (types.get(one, "?"), "*")) for one in ids)


def compare(wanted, got, possible, types, what):
    """wanted and got: {address: ids}. Prints by type of the address what differs; returns whether it is good."""
    by_type = collections.defaultdict(lambda: [0, 0, 0, 0, 0, 0])  # objects, differing, wanted, found, extra, possible
    examples, unexplained, absent = collections.defaultdict(list), 0, 0
    for address, ids in wanted.items():
        kind = types.get(address, "?")
        row = by_type[kind]
        row[0] += 1
        row[2] += len(ids)
        absent += address not in got
        if sorted(ids) == sorted(got.get(address, ())):
            row[3] += len(ids)
            continue
        want, have = collections.Counter(ids), collections.Counter(got.get(address, ()))
        missing, extra = want - have, have - want
        row[3] += sum((want & have).values())
        extra_known = explained(kind, "extra", extra, types)
        row[4] += 0 if extra_known else sum(extra.values())
        row[5] += sum(number for one, number in missing.items() if one in possible.get(address, ()))
        if missing or extra:
            row[1] += 1
            if not (explained(kind, "missing", missing, types) and extra_known):
                unexplained += 1
                if len(examples[kind]) < EXAMPLES:
                    examples[kind].append((address, missing, extra))
    total = [sum(row[i] for row in by_type.values()) for i in range(6)]
    recall = total[3] / max(total[2], 1)
    precision = total[3] / max(total[3] + total[4], 1)
    print("%s: %d objects of %d types, %d references; recall %.4f %%, precision %.4f %%; %d objects differ, %d without a reason; "
          "the tool has %d of them not at all; %d of %d missing are possible ones" %
          (what, total[0], len(by_type), total[2], 100 * recall, 100 * precision, total[1], unexplained, absent, total[5],
           total[2] - total[3]))
    for kind, row in sorted(by_type.items(), key=lambda item: (-item[1][1], item[0])):
        if row[1]:
            print("  %-40s %6d of %d differ: %d missing (%d possible), %d extra" %
                  (kind, row[1], row[0], row[2] - row[3], row[5], row[4]))
            for address, missing, extra in examples[kind]:
                print("      %#x%s%s" % (address, "  missing " + spell(missing, types) if missing else "",
                                         "  extra " + spell(extra, types) if extra else ""))
    return recall >= LEAST and precision >= LEAST and not unexplained


def counts_are_kept(oracle, got, held, types):
    """Nothing is referred to more often than its reference count says, visited and held together."""
    known = collections.Counter()
    for references in got, held:
        for ids in references.values():
            known.update(ids)
    over = {address: known[address] - count for address, count in oracle.counts.items() if known[address] > count}
    print("counts: %d of %d references known, %d objects have too many" %
          (sum(min(known[address], count) for address, count in oracle.counts.items()), sum(oracle.counts.values()), len(over)))
    for address in sorted(over)[:EXAMPLES]:
        sources = collections.Counter(types.get(one, "?") for references in (got, held) for one in references
                                      if address in references[one])
        print("      %#x %s  %d too many, of %s" % (address, types.get(address, "?"), over[address], dict(sources)))
    return not over


def main():
    oracle = Oracle(sys.argv[2])
    got, possible, held, kinds = read_tool(sys.argv[1])
    types = dict(kinds)
    types.update(oracle.types)
    good = compare(oracle.referents, got, possible, types, "tracked")
    # Those of objects that the collector does not track, as far as the tool was asked about them.
    asked = {address: ids for address, ids in oracle.untracked.items() if address in got}
    if asked:
        good = compare(asked, got, possible, types, "untracked") and good
    good = counts_are_kept(oracle, got, held, types) and good
    codes = {address: ids for address, ids in oracle.codes.items() if address in got}
    lacking = [address for address, ids in codes.items() if set(ids) - set(held[address])]
    if codes:
        print("code: %d objects, %d lack a part" % (len(codes), len(lacking)))
        for address in lacking[:EXAMPLES]:
            print("      %#x  missing %s" % (address, spell(collections.Counter(set(oracle.codes[address]) - set(held[address])), types)))
        good = good and not lacking
    inverted = collections.defaultdict(set)
    for address in oracle.referents:
        for one in got.get(address, ()):
            inverted[one].add(address)
    # gc.get_referrers() overlooks some: the C code of a few types drops what a visit returns (3.6's _asyncio.Task of
    # what its future holds, 3.13.0's futures of their dict). gc.get_referents() of these says it.
    told = collections.defaultdict(set)
    for address, ids in oracle.referents.items():
        for one in ids:
            told[one].add(address)
    wanted = {address: told[address] | set(ids) for address, ids in oracle.referrers.items()}
    print("get_referrers() overlooked %d" % sum(len(ids - set(oracle.referrers[address])) for address, ids in wanted.items()))
    good = compare(wanted, {address: inverted.get(address, ()) for address in wanted}, {}, types, "referrers") and good
    good = len(wanted) > 0 and good
    print("zoo of %d%s" % (oracle.kept, "".join("\nnot made: " + one for one in oracle.failed)))
    sys.exit(not good or bool(oracle.failed))


if __name__ == "__main__":
    main()
