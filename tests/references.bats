#!/usr/bin/env bats
# What objects refer to equals what Python says of every object of a heap that has all kinds of them, in both directions. On
# the interpreter that OGT_PYTHON names.

load helpers

# As many as one command line takes.
ALL_AT_ONCE=20000

# inspect_all [LABEL]: every object that the oracle lists, of a snapshot; into $WORLD/objects
inspect_all() {
  PATIENCE=900 start_at_barrier references.py "$@"
  PATIENCE=900 ogt -p "$TARGET" --save "$WORLD/snapshot"
  succeeds
  sed -n 's/^#untracked //; s/^#code //; /^#/!p' "$WORLD/oracle" | cut -d ' ' -f 1 >"$WORLD/ids"
  [ "$(wc -l <"$WORLD/ids")" -gt 1000 ]
  split -l "$ALL_AT_ONCE" "$WORLD/ids" "$WORLD/ids."
  for ids in "$WORLD"/ids.*; do
    # shellcheck disable=SC2046
    ogt --load "$WORLD/snapshot" --format json --limit 0 --inspect $(cat "$ids")
    # Some have gone with the child that told of them: 1, with what was found.
    [ "$status" -le 1 ]
    cat "$WORLD/out"
  done >"$WORLD/objects"
}

@test "of all objects there are" {
  inspect_all
  "$JUDGE" "$TESTS/judge_references.py" "$WORLD/objects" "$WORLD/oracle"
}

@test "what is left over beside a mutex of one byte is no reference" {
  local list
  start left_over.py "$INNER/known"
  wait_for_barrier "$WORLD/known"
  list=$(jq -r .list "$WORLD/known")
  # shellcheck disable=SC2046
  ogt -p "$TARGET" --format json --inspect $(jq -r '.holders[]' "$WORLD/known")
  succeeds
  [ "$(json '[.[] | select(.event == "object")] | length')" = "$(jq '.holders | length' "$WORLD/known")" ]
  [ "$(json --arg list "$list" '[.[] | select(.event == "object") | select([.referents, .possible, .held] | flatten | index($list)) | .type] | join(" ")')" = "" ]
}
