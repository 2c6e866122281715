#!/usr/bin/env bats
# The reference count audit: references that C code lost are told, and none else. On the interpreter that OGT_PYTHON names.

load helpers

@test "no false alarm on a program with half of the standard library" {
  start references.py "$INNER/oracle" untold
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
  build_module leaks
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

# --- registers ---

start_in_register() {
  build_module in_register -O2
  start in_register.py "$INNER/known" "$INNER"
  eventually grep -qs '^+' "$WORLD/known"
  TARGET=$(innermost "$TARGET")
}

# lost NUMBERS ARGS...: the answer is that of objects 30 to 34, of which 32 is in a register, these are lost
lost() {
  local numbers=$1 number hidden
  shift
  ogt "$@" --max-pause 10000 --leaks --format json --limit 0
  succeeds
  json '.[] | select(.event == "leaks") | .objects[].address' >"$WORLD/lost"
  for number in {30..34}; do
    hidden=$(sed -n "$((number + 2))p" "$WORLD/known")
    if grep -qx "$(printf '0x%x' $((~0x$hidden)))" "$WORLD/lost"; then echo "$number"; fi
  done >"$WORLD/told"
  echo "$*: $(wc -l <"$WORLD/lost") are lost, of 30 to 34 $(tr '\n' ' ' <"$WORLD/told")"
  [ "$(tr '\n' ' ' <"$WORLD/told")" = "$numbers " ]
}

@test "an object that only a register leads to is not lost: in the process, a snapshot and gcore's core" {
  start_in_register
  lost "30 31 33 34" -p "$TARGET"
  runs_free "$TARGET"
  ogt -p "$TARGET" --max-pause 10000 --save "$WORLD/heap"
  succeeds
  lost "30 31 33 34" --load "$WORLD/heap"
  refuse grep registers "$WORLD/err"
  save_core
  lost "30 31 33 34" --load "$CORE"
  refuse grep registers "$WORLD/err"
}

# bats test_tags=once
@test "and in the kernel's core" {
  dumps_core
  start_in_register
  abort_target
  lost "30 31 33 34" --load "$CORE"
  refuse grep registers "$WORLD/err"
}

# bats test_tags=once
@test "a core without the registers of its threads: that is said" {
  start_in_register
  save_core
  # Notes NT_PRSTATUS (1) become ones that nobody knows.
  "$JUDGE" - "$CORE" <<'END'
import re
import sys
with open(sys.argv[1], "r+b") as file:
    altered = re.sub(rb"(\x05\0{3}.{4})\x01\0{3}(CORE\0)", rb"\1www\0\2", file.read(), flags=re.DOTALL)
    file.seek(0)
    file.write(altered)
END
  lost "30 31 32 33 34" --load "$CORE"
  grep "does not have the threads' registers" "$WORLD/err"
}
