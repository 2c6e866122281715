#!/usr/bin/env bats
# The reference count audit: references that C code lost are told, and none else. On the interpreter that OGT_PYTHON names.

load helpers

@test "no false alarm on a program with half of the standard library" {
  start references.py "$INNER/oracle"
  wait_for_barrier "$WORLD/oracle"
  ogt -p "$TARGET" --leaks --format json --limit 0 --full-names
  succeeds
  runs_free "$TARGET"
  json -c '[.[] | select(.event == "leaks") | .types[]]'
  # To 3.8 Python loses one itself: what _PyWarnings_Init() returns, the module _warnings (Python/pylifecycle.c).
  if [ "$MINOR" -le 8 ]; then
    [ "$(json -c '[.[] | select(.event == "leaks") | .types[]]')" = '[{"type":"builtins.module","objects":1,"missing":1,"unreferenced":0}]' ]
    ogt -p "$TARGET" --inspect "$(json '.[] | select(.event == "leaks") | .objects[].address')"
    grep "<module '_warnings'" "$WORLD/out"
  else
    [ "$(json '[.[] | select(.event == "leaks") | .objects[]] | length')" = 0 ]
  fi
}

@test "what an extension module leaked: by type and number, and nothing that is only held in hidden places" {
  build_leaks
  start leaks.py "$INNER/known" "$INNER"
  wait_for_barrier "$WORLD/known"
  ogt -p "$TARGET" --leaks --format json --limit 0 --full-names
  succeeds
  runs_free "$TARGET"
  "$JUDGE" "$TESTS/judge_leaks.py" "$WORLD/out" "$WORLD/known" "$MINOR"
  ogt -p "$TARGET" --save "$WORLD/heap"
  succeeds
  ogt --load "$WORLD/heap" --leaks --format json --limit 0 --full-names
  succeeds
  "$JUDGE" "$TESTS/judge_leaks.py" "$WORLD/out" "$WORLD/known" "$MINOR"
}
