#!/usr/bin/env bats
# make demo: the leak is on top, and the program that leaks is gone afterwards, however the demo ends.

load helpers

TOP=$TESTS/..

# The pid that the demo's command line shows.
demo_target() { sed -nE 's/.*objgraph-trace -p ([0-9]+) .*/\1/p' "$WORLD/demo"; }
demo_has_started() { [ -n "$(demo_target)" ]; }

@test "the demo shows the leaking class on top of every growth table" {
  "$TOP/scripts/demo.sh" >"$WORLD/demo" 2>"$WORLD/err" 3>&- 4>&-
  [ "$(grep -cE '^Session +[0-9]+ +\+[0-9]+$' "$WORLD/demo")" -ge 3 ]
  # Its line, under it, in one table at least, and no other line in any.
  awk '/^Session / { under = 1; next } under && /^ +[0-9]+ %/ { print; next } { under = 0 }' "$WORLD/demo" >"$WORLD/lines"
  grep -qE '^ +[0-9]+ % +leaky_web.py:53 Application.session_of <-' "$WORLD/lines"
  refuse grep -v 'leaky_web.py:53 Application.session_of <-' "$WORLD/lines"
  grep -E '^Session is on top of 3 of 3 growth tables, by [0-9]{3,} objects' "$WORLD/demo"
  tail -n 1 "$WORLD/demo" | grep -- '-p PID --interval 60'
  is_gone "$(demo_target)"
}

@test "a demo that is told to end takes its program with it" {
  launch bash -c 'exec "$0" >"$1"' "$TOP/scripts/demo.sh" "$WORLD/demo"
  eventually demo_has_started
  kill -TERM "$TARGET"
  eventually is_gone "$TARGET"
  is_gone "$(demo_target)"
}

@test "the demo's program ends by itself" {
  launch "$JUDGE" -c 'import runpy, time
real, start = time.monotonic, time.monotonic()
time.monotonic = lambda: start + (real() - start) * 100
runpy.run_path("'"$TOP"'/demo/leaky_web.py", run_name="__main__")'
  eventually is_gone "$TARGET"
  wait "$TARGET"
  grep -x serving "$WORLD/log"
}
