#!/usr/bin/env bats
# What is at an address: type, size, references and a line of what it holds equal what Python says of the same object. On
# the interpreter that OGT_PYTHON names.

load helpers

@test "a zoo of objects of all kinds" {
  start zoo.py "$INNER/zoo"
  eventually test -s "$WORLD/zoo"
  eventually grep -q '^128 ' "/proc/$(innermost "$TARGET")/syscall"
  jq -r '.[].address' "$WORLD/zoo" >"$WORLD/addresses"
  # shellcheck disable=SC2046
  ogt -p "$(innermost "$TARGET")" --max-pause 10000 --full-names --format json --inspect $(cat "$WORLD/addresses")
  succeeds
  "$JUDGE" "$TESTS/judge_objects.py" "$WORLD/out" "$WORLD/zoo"
}
