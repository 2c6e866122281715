#!/usr/bin/env bats
# Which objects wait for a collection: what --garbage finds in a copy equals what gc.collect() then takes. On the interpreter
# that OGT_PYTHON names.

load helpers

# start_garbage KIND: a heap with that kind of garbage, in a process that waits
start_garbage() {
  start garbage.py "$INNER/oracle" "$1"
  wait_for_barrier "$WORLD/oracle"
}

# The ids of what --garbage only finds are what the collector takes.
finds_garbage() {
  start_garbage "$1"
  rm -f "$WORLD/state"
  ogt -p "$TARGET" --new-ids --state "$WORLD/state" --ids --garbage only --format json --limit 0
  succeeds
  runs_free "$TARGET"
  "$JUDGE" "$TESTS/judge_garbage.py" "$WORLD/out" "$WORLD/oracle"
}

# Each kind by itself on one interpreter, all of them together on each.

# bats test_tags=once
@test "cycles" { finds_garbage cycles; }
# bats test_tags=once
@test "finalizers" { finds_garbage finalizers; }
# bats test_tags=once
@test "weak references with callbacks" { finds_garbage weakrefs; }
# bats test_tags=once
@test "finalizers that bring objects back" {
  finds_garbage resurrecting
  grep 'have a finalizer that was not called yet' "$WORLD/err"
}
# bats test_tags=once
@test "tasks and futures" { finds_garbage asyncio; }
# bats test_tags=once
@test "types of the library's C modules" { finds_garbage extensions; }
@test "a heap without garbage" { finds_garbage clean; }
@test "all of them" { finds_garbage mixed; }

# bats test_tags=once
@test "without, with, alone: the tables add up, in a snapshot, too" {
  local with without only file
  start_garbage cycles
  ogt -p "$TARGET" --save "$WORLD/heap"
  succeeds
  for file in "-p $TARGET" "--load $WORLD/heap"; do
    # shellcheck disable=SC2086
    total() { ogt $file --types --format json --limit 0 --garbage "$1" && succeeds && json '[.[] | select(.event == "types") | .types[].count] | add'; }
    with=$(total include) without=$(total exclude) only=$(total only)
    echo "$with = $without + $only"
    [ "$only" -gt 1000 ]
    [ "$with" = "$((without + only))" ]
  done
}

# bats test_tags=once
@test "growth of what is alive: garbage comes and goes, and is no growth" {
  start_garbage cycles
  ogt -p "$TARGET" --interval 0.05 --count 2 --format json --limit 0 --garbage exclude
  succeeds
  [ "$(json '[.[] | select(.event == "growth" and .seq > 0) | .types[]] | length')" = 0 ]
  ogt -p "$TARGET" --backrefs list --garbage only
  fails_with 2 'garbage goes with tables'
}
