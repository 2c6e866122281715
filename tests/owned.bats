#!/usr/bin/env bats
# Objects that only memory of C code holds: arrays of numpy, stacks of greenlets that wait. On the system's interpreter,
# which has these modules.

load helpers

# Enough that what is copied is found by the rehearsal, and not all that there is.
OTHER_MB=64

# start_owned KIND: with its objects in $WORLD/known
start_owned() {
  start owned.py "$INNER/known" "$1" "$OTHER_MB"
  wait_for_barrier "$WORLD/known"
}

# judge_owned -p PID|--load FILE
judge_owned() {
  local addresses address
  addresses=$(jq -r '[.[].address] | join(" ")' "$WORLD/known")
  for address in $addresses; do
    ogt "$@" --chain "$address"
    succeeds
    head -n 1 "$WORLD/out"
  done >"$WORLD/chains"
  # shellcheck disable=SC2086
  ogt "$@" --format json --max-depth 2 --too-many 0 --backrefs $addresses
  succeeds
  "$JUDGE" "$TESTS/judge_owned.py" "$WORLD/chains" "$WORLD/out" "$WORLD/known"
}

# In a process, of which what matters alone is copied, and in a snapshot of it; and none of it is taken for a leak, or for
# garbage. (Extensions may lose references of their own.)
judge_both() {
  judge_owned -p "$TARGET"
  runs_free "$TARGET"
  ogt -p "$TARGET" --save "$WORLD/heap"
  succeeds
  judge_owned --load "$WORLD/heap"
  ogt -p "$TARGET" --leaks --format json --limit 0
  succeeds
  [ "$(json '[.[] | select(.event == "leaks") | .types[] | select(.type == "Held" or .type == "Owner")] | length')" = 0 ]
  ogt -p "$TARGET" --types --garbage only --format json
  succeeds
  [ "$(json '[.[] | select(.event == "types") | .types[] | select(.type == "Held")] | length')" = 0 ]
}

@test "arrays of numpy that hold objects, wherever they are kept" {
  start_owned numpy
  judge_both
}

@test "who holds it is told by its place in the array; arrays of numbers hold nothing" {
  start_owned numpy
  ogt -p "$TARGET" --max-depth 1 --backrefs "$(jq -r '.[0].address' "$WORLD/known")"
  succeeds
  grep -E '\? \[14\] of ndarray' "$WORLD/out"
  ogt -p "$TARGET" --max-depth 1 --too-many 0 --format json --backrefs NotInArrays
  succeeds
  [ "$(json '[.[] | select(.event == "graph") | .nodes[] | select(.type == "NotInArrays")] | length')" = 3 ]
  [ "$(json '[.[] | select(.event == "graph") | .nodes[] | select(.type == "ndarray")] | length')" = 0 ]
}

@test "greenlets that wait: a chain says which variable of which function, and at which line" {
  start_owned greenlet
  judge_both
}

@test "gevent: who waits is told, though nobody that is there for good leads to it" {
  start_owned gevent
  judge_both
}
