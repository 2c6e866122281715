#!/usr/bin/env bats
# Who keeps objects alive: referrers, referents and chains, as graph, tree and picture, of a process and of files. On the
# interpreter that OGT_PYTHON names.

load helpers

start_owners() {
  start owners.py "$INNER/known"
  wait_for_barrier "$WORLD/known"
}
known() { jq -r "$1" "$WORLD/known"; }
address_of() { known ".[] | select(.what == \"$1\") | .address"; }

# judge_owners -p PID|--load FILE
judge_owners() {
  local addresses
  addresses=$(known '[.[].address] | join(" ")')
  # shellcheck disable=SC2086
  ogt "$@" --format json --chains 3 --chain $addresses
  succeeds
  cp "$WORLD/out" "$WORLD/chains"
  # shellcheck disable=SC2086
  ogt "$@" --format json --max-depth 1 --too-many 0 --backrefs $addresses
  succeeds
  # Whoever has no chain is a target all the same.
  [ "$(jq -s '[.[] | select(.event == "graph") | .nodes[] | select(.target)] | length' "$WORLD/chains")" = "$(known length)" ]
  "$JUDGE" "$TESTS/judge_owners.py" "$WORLD/chains" "$WORLD/out" "$WORLD/known"
}

@test "chains are expressions that Python evaluates to the object; referrers equal gc.get_referrers()" {
  start_owners
  judge_owners -p "$TARGET"
  runs_free "$TARGET"
  ogt -p "$TARGET" --save "$WORLD/heap"
  succeeds
  judge_owners --load "$WORLD/heap"
}

# bats test_tags=once
@test "of a core file, too" {
  start_owners
  gcore -o "$WORLD/core" "$TARGET" >/dev/null 2>&1
  judge_owners --load "$WORLD/core.$TARGET"
}

# bats test_tags=once
@test "a tree: who refers to it, and through what" {
  start_owners
  ogt -p "$TARGET" --backrefs "$(address_of in_list)" --max-depth 3 --merge-dicts
  succeeds
  cat "$WORLD/out"
  grep -x "Target  $(address_of in_list)" "$WORLD/out"
  grep -E '\[1\] of list  3 items' "$WORLD/out"
  grep -E '\.in_list of module  app  \(root\)' "$WORLD/out"
  # A weak reference has the address of what it leads to in its text, which is not its own.
  ogt -p "$TARGET" --backrefs ReferenceType weakref --limit 0 --max-depth 0
  grep -E '^(ReferenceType|weakref)  0x[0-9a-f]+  <weakref to <app\.Target at 0x[0-9a-f]+' "$WORLD/out"
  # The address in a text may be of what the object holds.
  ogt -p "$TARGET" --refs "$(known '.[] | select(.what == "beside_bound") | .referrers[0]')" --max-depth 1
  succeeds
  grep -E '\[1\]: method  <method <built-in len> of <app.Owner at 0x[0-9a-f]+' "$WORLD/out"
}

# more_at_depth DEPTH [CONDITION]: nodes of this depth, and no others, have neighbours that were not looked at
more_at_depth() {
  [ "$(json "[.[] | select(.event == \"graph\") | .nodes[] | select(.more and .depth == $1 and (${2:-true}))] | length")" -ge 1 ]
  [ "$(json "[.[] | select(.event == \"graph\") | .nodes[] | select(.more and .depth != $1)] | length")" = 0 ]
}

# edges_to ID: "label of type" of each referrer in the graph
edges_to() {
  json --arg to "$1" '.[] | select(.event == "graph") | .nodes as $nodes | .edges[] | select(.to == $to) | .from as $from |
    .label + " of " + ($nodes[] | select(.id == $from) | .type)' | sort
}

@test "a dict that is merged: who else refers to it refers to what it is part of" {
  local owner expected
  expected=$(printf '%s\n' ".__dict__ as ['h'] of dict" '.__dict__ as .part of Owner' '.merged of module' | sort)
  start_owners
  ogt -p "$TARGET" --backrefs "$(address_of merged)" --merge-dicts --max-depth 2 --format json
  succeeds
  more_at_depth 2 '.type == "dict"'
  owner=$(json '.[] | select(.event == "graph") | .edges[] | select(.label == ".held") | .from')
  diff <(edges_to "$owner") <(echo "$expected")
  ogt -p "$TARGET" --backrefs "$owner" --merge-dicts --max-depth 1 --format json
  succeeds
  diff <(edges_to "$owner") <(echo "$expected")
  ogt -p "$TARGET" --backrefs "$owner" --merge-dicts --max-depth 1 --too-many 2 --format json
  succeeds
  [ "$(json '[.[] | select(.event == "graph") | .nodes[] | select(.target) | .hidden] | .[0]')" = 1 ]
}

# bats test_tags=once
@test "what an object refers to, strings and numbers among it" {
  start_owners
  ogt -p "$TARGET" --refs app.Store --max-depth 2 --format json
  fails_with 1 'no object that the collector tracks is a app.Store'
  ogt -p "$TARGET" --refs "$(address_of deep)" "$(known '.[] | select(.what == "in_list") | .referrers[0]')" --max-depth 1 --too-many 0 --format json
  cat "$WORLD/err"
  more_at_depth 1 '.type == "type"'
  [ "$(json '[.[] | select(.event == "graph") | .nodes[] | select(.type == "int" or .type == "str" or .type == "float")] | length')" -ge 2 ]
}

# bats test_tags=once
@test "a limit of neighbours, of depth, of types, and reference counts" {
  start_owners
  ogt -p "$TARGET" --backrefs type --limit 1 --max-depth 1 --too-many 2 --refcounts --format json
  succeeds
  [ "$(json '[.[] | select(.event == "graph") | .nodes[]] | length')" -le 3 ]
  [ "$(json '[.[] | select(.event == "graph") | .nodes[] | select(.target) | .refcount] | .[0] > 2')" = true ]
  ogt -p "$TARGET" --backrefs Target --limit 0 --max-depth 0 --format json
  succeeds
  [ "$(json '[.[] | select(.event == "graph") | .edges[]] | length')" = 0 ]
  [ "$(json '[.[] | select(.event == "graph") | .nodes[] | select(.target)] | length')" -ge 30 ]
  ogt -p "$TARGET" --backrefs Target --limit 0 --max-depth 1 --filter 'li*' --format json
  succeeds
  [ "$(json '[.[] | select(.event == "graph") | .nodes[] | select(.target | not) | .type] | unique | join(" ")')" = list ]
}

@test "several chains do not share their first step; a running function's variable is a way" {
  start two_ways.py "$INNER/known"
  wait_for_barrier "$WORLD/known"
  ogt -p "$TARGET" --chain "$(cat "$WORLD/known")" --chains 5 --format json
  succeeds
  grep 'objgraph-trace: 3 of 5 ways: there are no more that differ in their first step from the root' "$WORLD/err"
  json -c '[.[] | select(.event == "chains") | .chains[]]'
  [ "$(json '[.[] | select(.event == "chains") | .chains[] | select(.where == null) | .expression] | sort | join(" ")')" = "__main__.a[0] __main__.b['k']" ]
  [ "$(json '[.[] | select(.event == "chains") | .chains[] | select(.where != null) | .expression] | join(" ")')" = local ]
  json '.[] | select(.event == "chains") | .chains[] | select(.where != null) | .where' | grep -E '^hold\(\) at .*two_ways.py:15'
  ogt -p "$TARGET" --chain Wanted
  succeeds
  ! grep 'ways' "$WORLD/err" || false
  grep -E '^local    in hold\(\) at .*two_ways.py:15' "$WORLD/out"
}

@test "what the interpreter's free lists left behind leads to nothing" {
  start stale.py "$INNER/lost"
  wait_for_barrier "$WORLD/lost"
  # shellcheck disable=SC2046
  ogt -p "$TARGET" --format json --chain $(jq -r '.[]' "$WORLD/lost")
  succeeds
  [ "$(json '[.[] | select(.event == "chains")] | length')" = 21 ]
  [ "$(json '[.[] | select(.event == "chains") | .chains[]] | length')" = 0 ]
}

# bats test_tags=once
@test "pictures: dot, svg, png, pdf; a file that is there stays as it was when one cannot be made" {
  local kind
  start_owners
  for kind in dot svg png pdf; do
    ogt -p "$TARGET" --backrefs "$(address_of deep)" -o "$WORLD/picture.$kind"
    succeeds
    [ -s "$WORLD/picture.$kind" ]
    [ ! -s "$WORLD/out" ]
  done
  grep -q '^digraph' "$WORLD/picture.dot"
  grep -q '<svg' "$WORLD/picture.svg"
  [ "$(head -c 4 "$WORLD/picture.png" | tail -c 3)" = PNG ]
  [ "$(head -c 4 "$WORLD/picture.pdf")" = %PDF ]
  ogt -p "$TARGET" --chain "$(address_of deep)" -o "$WORLD/chain.svg"
  succeeds
  grep -q '<svg' "$WORLD/chain.svg"
  grep -xE "app\.(deep\.a|bound\.__self__)\.b\[1\]\[1\]\['key'\]" "$WORLD/out"
  cp "$WORLD/picture.svg" "$WORLD/before"
  PATH=/nowhere status=0
  PATH=/nowhere /usr/bin/env -i PATH=/nowhere "$OGT" -p "$TARGET" --backrefs Target -o "$WORLD/picture.svg" >"$WORLD/out" 2>"$WORLD/err" || status=$?
  PATH=/usr/bin:/bin:/usr/sbin:/sbin
  fails_with 1 graphviz
  cmp "$WORLD/picture.svg" "$WORLD/before"
  ogt -p "$TARGET" --backrefs Target -o "$WORLD/no/such/folder.svg"
  fails_with 1 'no/such/folder.svg'
}

# bats test_tags=once
@test "nothing of that name: the nearest are told; an address where nothing is; one of a million" {
  start_owners
  ogt -p "$TARGET" --backrefs Tarjet
  fails_with 1 'there are: Target' '1 of 1 were not found'
  ogt -p "$TARGET" --backrefs 0x1000 "$(address_of deep)"
  fails_with 1 '0x1000: no object is there' '1 of 2'
  grep -q Target "$WORLD/out"
  ogt -p "$TARGET" --backrefs function --limit 2 --max-depth 0
  succeeds
  grep -E '[0-9]+ objects are a function: 2 of the youngest are shown' "$WORLD/err"
}

# bats test_tags=once
@test "a graph that is too large is cut, and says so" {
  start_owners
  ogt -p "$TARGET" --refs "$(address_of deep)" --max-depth 20 --too-many 0 -o "$WORLD/large.dot"
  succeeds
  ogt -p "$TARGET" --refs function --limit 0 --max-depth 6 --too-many 0 --format json
  succeeds
  [ "$(json '[.[] | select(.event == "graph") | .nodes[]] | length')" = 1000 ]
  ogt -p "$TARGET" --backrefs function --limit 0 --max-depth 0
  succeeds
  grep 'a function: 100 of the youngest are shown (no more at a time)' "$WORLD/err"
  ogt -p "$TARGET" --refs function --limit 0 --max-depth 6 --too-many 0 --format json
  [ "$(json '[.[] | select(.event == "graph") | .left_out] | .[0] > 0')" = true ]
  # Not of depth alone.
  [ "$(json '[.[] | select(.event == "graph") | .nodes[] | select(.more and .depth < 6)] | length > 0')" = true ]
  [ "$(json '[.[] | select(.event == "graph") | .nodes[] | select(.type == "str" and .more)] | length')" = 0 ]
  ogt -p "$TARGET" --refs function --limit 0 --max-depth 6 --too-many 0 -o "$WORLD/cut.dot"
  succeeds
  grep -E 'cut\.dot: 1000 objects, [0-9]+ references, cut at 1000 objects: at least [0-9]+ more are not shown' "$WORLD/err"
  grep -E 'at least [0-9]+ more objects are not shown: a graph has no more than 1000' "$WORLD/cut.dot"
  ogt -p "$TARGET" --refs function --limit 0 --max-depth 6 --too-many 0
  succeeds
  grep -E 'at least [0-9]+ more objects are not shown: a graph has no more than 1000' "$WORLD/err"
}

# bats test_tags=once
@test "a list of a million objects: the first are shown, the others counted" {
  local list
  start_at_barrier many.py 1000000
  ogt -p "$TARGET" --backrefs Node --limit 1 --max-depth 1 --format json
  succeeds
  list=$(json '[.[] | select(.event == "graph") | .nodes[] | select(.type == "list") | .id] | .[0]')
  ogt -p "$TARGET" --refs "$list" --max-depth 1 --too-many 3 --format json
  succeeds
  [ "$(json '[.[] | select(.event == "graph") | .nodes[] | select(.target) | .hidden] | .[0]')" = 999997 ]
}

# bats test_tags=once
@test "options that do not go together, or name nothing" {
  local what
  ogt -p 1 --backrefs A --refs B
  fails_with 2 'at a time'
  ogt -p 1 --types --max-depth 2
  fails_with 2 'max-depth'
  ogt -p 1 --backrefs A --chains 2
  fails_with 2 'chains'
  ogt -p 1 --types --garbage some
  fails_with 2 "not 'some'"
  for what in --inspect --backrefs --refs --chain '--backrefs A'; do
    # shellcheck disable=SC2086
    ogt -p 1 $what ''
    fails_with 2 "an address or the name of a type, not ''"
  done
}
