"""judge_picture.py REFERENCES GRAPH.json PICTURE.dot [GRAPH.json PICTURE.dot]...: a graph as dot text has the objects and references of
the same as JSON, and these are what references.py says. Of what was asked for and refers to anything shown, all it refers to is there.

Prints every difference; exits 1 if there is one.
"""
import json
import re
import sys

from judge_references import Oracle


def judge(graph, dot, oracle, referents):
    problems = []
    drawn = dict(re.findall(r'^\t(n\d+) \[.*tooltip="(0x[0-9a-f]+)  ', dot, re.MULTILINE))
    arrows = {(drawn.get(source), drawn.get(to)) for source, to in re.findall(r"^\t(n\d+) -> (n\d+) ", dot, re.MULTILINE)}
    objects = {node["id"] for node in graph["nodes"] if node["id"].startswith("0x")}
    edges = [edge for edge in graph["edges"] if {edge["from"], edge["to"]} <= objects]
    arrows = {arrow for arrow in arrows if None not in arrow}
    if set(drawn.values()) != objects:
        problems.append("objects of one alone: %s" % sorted(set(drawn.values()) ^ objects)[:8])
    if arrows != {(edge["from"], edge["to"]) for edge in edges}:
        problems.append("references of one alone: %s" % sorted(arrows ^ {(edge["from"], edge["to"]) for edge in edges})[:8])
    shown, whole = {}, 0
    for edge in edges:
        source, to = int(edge["from"], 16), int(edge["to"], 16)
        shown.setdefault(source, set()).add(to)
        # To 3.8 instances do not visit their class.
        if edge["kind"] == "strong" and edge["label"] != ".__class__" and to not in referents.get(source, [to]):
            problems.append("%#x does not refer to %#x" % (source, to))
    for node in graph["nodes"]:
        address = int(node["id"], 16) if node["id"] in objects else 0
        if node["target"] and address in shown and address in referents:
            whole += 1
            more = set(referents[address]) & set(oracle.referents) - shown[address]
            if more:
                problems.append("%s refers to more: %s" % (node["id"], [hex(one) for one in more]))
    print("%d objects, %d references, %d whole" % (len(objects), len(edges), whole))
    if len(objects) < 15 or len(edges) < 15:
        problems.append("too few")
    return problems


def main():
    oracle = Oracle(sys.argv[1])
    referents = dict(oracle.untracked)
    referents.update(oracle.referents)
    problems = []
    for graph, dot in zip(sys.argv[2::2], sys.argv[3::2]):
        with open(graph) as file:
            graph = [event for event in map(json.loads, file) if event["event"] == "graph"][0]
        with open(dot, encoding="utf-8") as file:
            problems += judge(graph, file.read(), oracle, referents)
    print("\n".join(problems))
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
