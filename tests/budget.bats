#!/usr/bin/env bats
# What --budget adds to the census, and that the census needs none of it. How deaths are counted is stream.bats' matter.

load helpers

start_dropping() {
  start drops.py "$INNER/dropped"
  eventually test -s "$WORLD/dropped"
}
dropped() { [ "$(cat "$WORLD/dropped")" = "$1" ]; }
tables() { has_lines "$1" '"event":"growth"'; }
deaths() { json '[.[] | select(.event == "growth").types[] | select(.type == "Dropped").deaths // 0] | add'; }
deaths_are() { [ "$(deaths)" = "$1" ]; }

@test "--budget 100 counts the deaths of class instances exactly" {
  start_dropping
  start_ogt -p "$TARGET" --budget 100 --interval 0.3 --limit 0 --format json
  eventually tables 1
  if grep -q 'not traced' "$WORLD/err"; then skip "$(cat "$WORLD/err")"; fi
  [ "$(json '.[0].budget')" = 100 ]
  kill -USR1 "$TARGET"
  eventually dropped 5000
  eventually deaths_are 5000
  kill -USR1 "$TARGET"
  eventually dropped 10000
  eventually deaths_are 10000
  # It did not grow, and is listed because it died.
  [ "$(json '[.[] | select(.event == "growth" and .seq > 0).types[] | select(.type == "Dropped") | .delta] | unique | tostring')" = '[0]' ]
}

@test "without --budget 100 nothing is traced and nothing claims to be" {
  start_dropping
  ogt -p "$TARGET" --interval 0.1 --count 1 --limit 0 --format json
  succeeds
  [ "$(json '.[0].budget')" = 0 ]
  refuse grep deaths "$WORLD/out"
}

@test "without the right to trace: one note, and the census goes on" {
  local whole=$OGT
  start_dropping
  command -v setpriv >/dev/null || skip "no setpriv"
  PATIENCE=60 OGT=setpriv ogt --bounding-set=-bpf,-perfmon,-sys_admin "$whole" -p "$TARGET" --budget 100 \
    --interval 0.1 --count 2 --type Dropped
  succeeds
  [ "$(grep -c 'not traced' "$WORLD/err")" = 1 ]
  grep 'not traced' "$WORLD/err" | grep -E 'CAP_(BPF|PERFMON|SYS_ADMIN)'
  grep -xE 'Dropped +1 +\+1' "$WORLD/out"
}
