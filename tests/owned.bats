#!/usr/bin/env bats
# Objects that only memory of C code holds: arrays of numpy, stacks of greenlets that wait, structs of extensions. On the
# system's interpreter, which has these modules.

load helpers

# Enough that what is copied is found by the rehearsal, and not all that there is.
OTHER_MB=64

# start_owned KIND: with its objects in $WORLD/known
start_owned() {
  start owned.py "$INNER/known" "$1" "$INNER" "$OTHER_MB"
  wait_for_barrier "$WORLD/known"
}

build_owned() {
  local prefix name
  find_headers
  gcc -w -shared -fPIC -I "$CHROOT$prefix/include/$name" -I "$WORLD/include" -o "$WORLD/owned.so" "$TESTS/targets/owned.c"
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

@test "a struct behind a pointer, one behind that, a vector: of types that the collector knows, and of others" {
  build_owned
  start_owned extension
  judge_both
}

@test "arrays of numpy that hold objects, wherever they are kept" {
  start_owned numpy
  judge_both
}

@test "edges are told by where the pointers are" {
  build_owned
  start_owned extension
  ogt -p "$TARGET" --max-depth 1 --backrefs "$(jq -r '.[0].address' "$WORLD/known")" "$(jq -r '.[1].address' "$WORLD/known")"
  succeeds
  grep -E '\? \+0x18 -> \+0x8 of Box' "$WORLD/out"
  grep -E '\? \+0x10 -> \+0x18 -> \+0x8 of Deep' "$WORLD/out"
}

@test "greenlets that wait: a chain says which variable of which function, and at which line" {
  start_owned greenlet
  judge_both
}

@test "gevent: who waits is told, though nobody that is there for good leads to it" {
  start_owned gevent
  judge_both
}
