#!/usr/bin/env bats
# What --budget allows and forbids, and that the census needs none of it. How events are counted is events.bats' and
# stream.bats' matter, what they may cost unit/test_budget's.

load traced

start_dropping() {
  start drops.py "$INNER/dropped"
  eventually test -s "$WORLD/dropped"
}
dropped() { [ "$(cat "$WORLD/dropped")" = "$1" ]; }
tables() { has_lines "$1" '"event":"growth"'; }
deaths() { json '[.[] | select(.event == "growth").types[] | select(.type == "Dropped").deaths // 0] | add'; }
deaths_are() { [ "$(deaths)" = "$1" ]; }
streams() { json '[.[] | select(.event == "growth" and .seq > 0).stream] | unique | join(" ")'; }

# without_rights COMMAND...: one note at most can come of it that BPF and perf events are not for this user
without_rights() {
  command -v setpriv >/dev/null || skip "no setpriv"
  local whole=$OGT
  PATIENCE=60 OGT=setpriv ogt --bounding-set=-bpf,-perfmon,-sys_admin "$whole" "$@"
}

@test "--budget 100 counts the deaths of class instances exactly" {
  needs_bpf
  start_dropping
  start_ogt -p "$TARGET" --budget 100 --interval 0.3 --limit 0 --format json
  eventually tables 2
  [ "$(json '.[0].budget')" = 100 ]
  kill -USR1 "$TARGET"
  eventually dropped 5000
  eventually deaths_are 5000
  kill -USR1 "$TARGET"
  eventually dropped 10000
  eventually deaths_are 10000
  [ "$(streams)" = full ]
  # It did not grow, and is listed because it died. (One may be alive as a report is made.)
  [ "$(json '[.[] | select(.event == "growth" and .seq > 0).types[] | select(.type == "Dropped") | .delta | fabs] | max <= 1')" = true ]
}

@test "a budget is a percentage, fractions allowed; the first event says which" {
  local budget
  needs_bpf
  start_dropping
  for budget in 0.5 1 2.25 99.9 1e1 100; do
    echo "$budget"
    ogt -p "$TARGET" --budget "$budget" --interval 0.1 --count 2 --format json
    succeeds
    [ "$(json --argjson budget "$budget" '.[0].budget == $budget')" = true ]
    [[ $(streams) =~ ^(full|windows|"full windows")$ ]]
  done
  ogt -p "$TARGET" --interval 0.1 --count 1 --format json
  succeeds
  [ "$(json '.[0].budget')" = 1 ]
}

@test "what is no percentage is a usage error" {
  local budget
  for budget in -1 -0.001 100.001 101 1e3 x 1% nan inf '' ' ' 0x10 1,5; do
    echo "$budget"
    ogt -p 1 --budget="$budget"
    fails_with 2 budget
    [ ! -s "$WORLD/out" ]
  done
  ogt -p 1 --budget
  fails_with 2 budget
}

@test "without --budget what the target does is traced as far as 1 % allows" {
  needs_bpf
  [ "$MINOR" -ge 8 ] || skip "births are not seen on $LABEL"
  start_beating busy.py
  ogt -p "$TARGET" --interval 0.5 --count 3 --limit 0 --format json
  succeeds
  [ "$(json '.[0].budget')" = 1 ]
  [ "$(streams)" = windows ]
  grep -q 'short windows' "$WORLD/err"
}

@test "every table after the first says how it was traced, the first does not" {
  needs_bpf
  start_dropping
  ogt -p "$TARGET" --interval 0.1 --count 3 --limit 0 --budget 100 --format json
  succeeds
  [ "$(json '[.[] | select(.event == "growth") | .stream // "off"] | join(" ")')" = "off full full full" ]
}

@test "--budget 0: the census alone, with no right to anything else, and not a word of tracing" {
  local budget
  start_dropping
  for budget in 0 0.0 0e5; do
    without_rights -p "$TARGET" --budget "$budget" --interval 0.1 --count 2 --limit 0 --format json
    succeeds
    [ "$(json '.[0].budget')" = 0 ]
    [ "$(streams)" = off ]
    refuse grep -E '"(births|deaths|sites|peak|lost|traced_seconds)"' "$WORLD/out"
    refuse grep -iE 'trac(ed|ing)|BPF|CAP_|breakpoint|probe' "$WORLD/err"
  done
}

@test "--budget 0 makes no BPF system call" {
  command -v strace >/dev/null || skip "no strace"
  start_dropping
  status=0
  # LeakSanitizer, where the program is built with it, does not work under another tracer.
  export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
  timeout -k 5 "$PATIENCE" strace -f -qq -e trace=bpf,perf_event_open -o "$WORLD/calls" "$OGT" -p "$TARGET" --budget 0 \
    --interval 0.1 --count 2 >"$WORLD/out" 2>"$WORLD/err" 3>&- 4>&- || status=$?
  succeeds
  refuse grep -E 'bpf|perf_event_open' "$WORLD/calls"
  timeout -k 5 "$PATIENCE" strace -f -qq -e trace=bpf,perf_event_open -o "$WORLD/calls" "$OGT" -p "$TARGET" --budget 1 \
    --interval 0.1 --count 2 >"$WORLD/out" 2>"$WORLD/err" 3>&- 4>&- || status=$?
  grep -q bpf "$WORLD/calls"
}

@test "looks that compare nothing trace nothing" {
  start_dropping
  for mode in --types --count=0; do
    without_rights -p "$TARGET" "$mode" --budget 100 --format json
    succeeds
    [ "$(json '.[0].budget')" = 0 ]
    refuse grep -E 'not traced|CAP_' "$WORLD/err"
  done
}

@test "without the right to trace: one note, and the census goes on" {
  local budget
  start_dropping
  for budget in 1 100; do
    without_rights -p "$TARGET" --budget "$budget" --interval 0.1 --count 2 --type Dropped
    succeeds
    [ "$(grep -c 'not traced' "$WORLD/err")" = 1 ]
    grep 'not traced' "$WORLD/err" | grep -E 'CAP_(BPF|PERFMON|SYS_ADMIN)'
    grep -xE 'Dropped +1 +\+1' "$WORLD/out"
  done
}

@test "without the right to trace, JSON says that nothing was" {
  start_dropping
  without_rights -p "$TARGET" --budget 100 --interval 0.1 --count 2 --limit 0 --format json
  succeeds
  [ "$(json '.[0].budget')" = 0 ]
  [ "$(streams)" = off ]
  refuse grep -E '"(births|deaths|sites|peak)"' "$WORLD/out"
}
