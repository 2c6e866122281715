#!/usr/bin/env bats
# A code object and an instruction lead to file, function and line exactly as traceback has them, on every interpreter
# of this machine (or on the one that OGT_PYTHON names). The program is unit/test_code.c.

load helpers

UNIT=${OGT_UNIT:-$TESTS/../build/unit}
ONLY=${OGT_PYTHON:-}

# everywhere COMMAND...: in a world of its own for each interpreter
everywhere() {
  local n=0
  for OGT_PYTHON in ${ONLY:-$("$TESTS/../scripts/pythons.sh" --list | cut -f 1)}; do
    teardown >/dev/null
    setup
    echo "$LABEL"
    "$@"
    n=$((n + 1))
  done
  [ "$n" -gt 0 ]
}

frames_are_the_tracebacks() {
  start_at_barrier code_lines.py "$@"
  [ "$(wc -l <"$WORLD/oracle")" -gt 150 ]
  timeout -k 5 "$PATIENCE" "$UNIT/test_code" frames "$TARGET" >"$WORLD/out" 3>&- 4>&-
  diff -u "$WORLD/oracle" "$WORLD/out" | head -n 40
  cmp "$WORLD/oracle" "$WORLD/out"
}

lines_are_the_instructions() {
  start_at_barrier code_lines_table.py
  timeout -k 5 "$PATIENCE" "$UNIT/test_code" lines "$TARGET" <"$WORLD/oracle" 3>&- 4>&-
}

@test "line tables of any bytes have an answer" {
  "$UNIT/test_code"
}

@test "the frames of a process are those of traceback: file, line and function" {
  everywhere frames_are_the_tracebacks
}

frames_of_the_jit() {
  case $MINOR in 13 | 14 | 15) ;; *) return 0 ;; esac
  "${RUN_PYTHON[@]}" -c 'import sys; sys.exit(not sys._jit.is_available())' 2>/dev/null || return 0
  compiled=1
  PYTHON_JIT=1 frames_are_the_tracebacks 10000
}

@test "the frames of a process with a JIT are those of traceback" {
  everywhere frames_of_the_jit
  [ -n "${compiled:-}" ] || skip "no interpreter with a JIT"
}

@test "every instruction of the standard library has the line that dis says" {
  everywhere lines_are_the_instructions
}
