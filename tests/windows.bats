#!/usr/bin/env bats
# The stream does no harm: targets end, fork and become other programs while they are traced, tracers are killed or are
# two, and nothing stays behind.

load traced

# At most a few lines of the tool's own, none twice.
no_error_storm() {
  grep '^objgraph-trace:' "$WORLD/err" >"$WORLD/said" || true
  [ "$(wc -l <"$WORLD/said")" -le 4 ] && [ -z "$(sort "$WORLD/said" | uniq -d)" ] && return
  cat "$WORLD/err"
  return 1
}

dropped() { [ "$(cat "$WORLD/dropped")" = "$1" ]; }

# --- targets that end ---

# ends HOW OPTION...: the tool says so when the target ends that way while it is traced, and ends with 3
ends() {
  local how=$1
  shift
  start ends.py "$INNER/beat" "$how"
  makes_progress 10
  TARGET=$(innermost "$TARGET")
  start_ogt -p "$TARGET" "${events[@]}" "$@"
  eventually has_reports 3
  kill -USR1 "$TARGET"
  wait_for_ogt
  fails_with 3 .
  no_error_storm
  [ "$(json '.[-1].event')" = exited ]
  [ "$(reports)" -ge 3 ]
}

@test "a target that exits while it is traced" {
  needs_bpf
  ends exit --budget 100 --interval 0.2
  ends exit --interval 0.2
}

@test "a target that is killed while it is traced" {
  needs_bpf
  ends abort --budget 100 --interval 0.2
  ends abort --interval 0.2
}

@test "a target that becomes another program while it is traced: that one runs on, untouched" {
  local options
  needs_bpf
  for options in "--budget 100" "--budget 1"; do
    # shellcheck disable=SC2086
    ends exec $options --interval 0.2
    [ "$(cat "/proc/$TARGET/comm")" = sleep ]
    eventually has_no_traces
    runs_free "$TARGET"
  done
}

@test "a target that leaves a forked child behind: the child runs on, untouched" {
  local options
  needs_bpf
  for options in "--budget 100" "--budget 1"; do
    # shellcheck disable=SC2086
    ends daemon $options --interval 0.2
    eventually test -s "$WORLD/beat.child"
    TARGET=$(cat "$WORLD/beat.child")
    PIDS+=("$TARGET")
    eventually has_no_traces
    runs_free "$TARGET"
    makes_progress
    rm "$WORLD/beat.child"
  done
}

# --- forks ---

@test "--budget 100: births and deaths in forked children are not the parent's, and the children come to no harm" {
  local step
  needs_bpf
  start forks.py "$INNER/forks" steps
  wait_for_barrier "$WORLD/forks.0"
  start_ogt -p "$TARGET" --budget 100 --interval 0.1 "${events[@]}"
  two_more_reports
  for step in 1 2; do
    kill -USR1 "$TARGET"
    wait_for_barrier "$WORLD/forks.$step"
    [ "$(cat "$WORLD/forks.$step")" = 0 ]
    two_more_reports
    born_and_died __main__.Parental $((2000 * step))
    born_and_died __main__.Childish 0
    born_and_died __main__.ChildishList 0
  done
  [ "$(json '[.[] | select(.event == "growth" and .seq > 0) | .lost] | add')" = 0 ]
  kill -INT "$WATCHER"
  wait_for_ogt
  [ "$status" = 130 ]
  no_error_storm
}

@test "a busy program that forks all the time: it, its children and the tool go on" {
  local options
  needs_bpf
  start forks.py "$INNER/beat" busy
  makes_progress 2
  for options in "--budget 100" "--budget 1"; do
    # shellcheck disable=SC2086
    ogt -p "$TARGET" $options --interval 0.5 --count 4 "${events[@]}"
    succeeds
    no_error_storm
    refuse grep -q Childish "$WORLD/out"
    makes_progress 2
  done
  eventually has_no_traces
  runs_free "$TARGET"
}

# --- tracers that end ---

# What the tracer has of the kernel's: "prog_id 17" and the like.
kernel_ids() {
  sed -nE 's/^(prog|map|link)_id:[[:space:]]*([0-9]+)$/\1 \2/p' "/proc/$WATCHER/fdinfo"/* 2>/dev/null | sort -u
}

is_listed() { bpftool "$1" show id "$2" >/dev/null 2>&1; }
none_is_listed() {
  local what id
  while read -r what id; do if is_listed "$what" "$id"; then return 1; fi; done <"$WORLD/ids"
}

# killed OPTION...: the tracer is killed, and nothing of it stays
killed() {
  start_ogt -p "$TARGET" --interval 0.2 "${events[@]}" "$@"
  eventually has_reports 3
  if [ "$*" = "--budget 100" ]; then eventually is_patched; fi # has_no_traces would see one
  kernel_ids >"$WORLD/ids"
  grep -q '^prog ' "$WORLD/ids"
  refuse none_is_listed
  kill -KILL "$WATCHER"
  eventually is_gone "$WATCHER"
  eventually has_no_traces
  eventually none_is_listed
  refuse grep -E "^pid $WATCHER " <(bpftool perf show)
  makes_progress
  runs_free "$TARGET"
}

@test "kill -9 of the tracer: no probe and no breakpoint stays, and the target runs on" {
  needs_bpf
  start_beating busy.py
  TARGET=$(innermost "$TARGET")
  has_no_traces
  for _ in 1 2 3; do
    killed --budget 100
    killed --budget 1
  done
  ogt -p "$TARGET" --budget 100 --interval 0.1 --count 1 "${events[@]}"
  succeeds
}

@test "a tracer that is done or interrupted takes everything with it" {
  local options
  needs_bpf
  start_beating busy.py
  TARGET=$(innermost "$TARGET")
  for options in "--budget 100" "--budget 1"; do
    # shellcheck disable=SC2086
    ogt -p "$TARGET" --interval 0.2 --count 2 "${events[@]}" $options
    succeeds
    has_no_traces
    # shellcheck disable=SC2086
    start_ogt -p "$TARGET" --interval 0.2 "${events[@]}" $options
    eventually has_reports 2
    kill -TERM "$WATCHER"
    wait_for_ogt
    [ "$status" = 143 ]
    has_no_traces
  done
  runs_free "$TARGET"
  makes_progress
}

@test "kill -9 of the tracer while the target forks: the children come to no harm" {
  needs_bpf
  start forks.py "$INNER/beat" busy
  makes_progress 2
  for _ in 1 2 3 4 5; do
    start_ogt -p "$TARGET" --interval 0.1 "${events[@]}" --budget 100
    eventually has_reports 2
    kill -KILL "$WATCHER"
    eventually is_gone "$WATCHER"
    makes_progress 2
  done
  eventually has_no_traces
  runs_free "$TARGET"
}

@test "two tracers of one process count alike, and both end" {
  local first second file step
  needs_bpf
  needs_shared_breakpoints
  start drops.py "$INNER/dropped"
  eventually test -s "$WORLD/dropped"
  TARGET=$(innermost "$TARGET")
  start_ogt -p "$TARGET" --budget 100 --interval 0.2 "${events[@]}"
  eventually has_reports 2
  first=$WATCHER
  mv "$WORLD/out" "$WORLD/first"
  mv "$WORLD/err" "$WORLD/err.first"
  start_ogt -p "$TARGET" --budget 100 --interval 0.2 "${events[@]}"
  eventually has_reports 2
  second=$WATCHER
  for step in 1 2; do
    kill -USR1 "$TARGET"
    eventually dropped $((5000 * step))
    for file in first out; do two_more_reports "$WORLD/$file"; done
  done
  for file in first out; do
    echo "$file"
    born_and_died __main__.Dropped 10000 "$WORLD/$file"
  done
  kill -INT "$first"
  WATCHER=$first
  wait_for_ogt
  [ "$status" = 130 ]
  # What one takes away the other keeps.
  kill -USR1 "$TARGET"
  eventually dropped 15000
  two_more_reports
  born_and_died __main__.Dropped 15000
  WATCHER=$second
  kill -INT "$second"
  wait_for_ogt
  [ "$status" = 130 ]
  has_no_traces
}

# --- what cannot be ---

@test "a budget that is none is a usage error" {
  local budget
  start_at_barrier plain.py
  for budget in 101 -1 abc 100.5 1x '' nan inf 1e9 0x10 ' '; do
    ogt -p "$TARGET" --budget "$budget" --count 0
    echo "--budget '$budget': exit code $status"
    [ "$status" = 2 ]
    [ ! -s "$WORLD/out" ]
    grep -q budget "$WORLD/err"
  done
}

@test "without the right to trace: said once, and the census goes on" {
  local whole=$OGT budget
  start_at_barrier plain.py
  command -v setpriv >/dev/null || skip "no setpriv"
  for budget in 100 1; do
    OGT=setpriv ogt --bounding-set=-bpf,-perfmon,-sys_admin "$whole" -p "$TARGET" --budget "$budget" \
      --interval 0.1 --count 3 "${events[@]}"
    succeeds
    [ "$(grep -cE 'CAP_(BPF|PERFMON|SYS_ADMIN)' "$WORLD/err")" = 1 ]
    [ "$(streams)" = off ]
    [ "$(json '[.[] | select(.event == "growth")] | length')" = 4 ]
    refuse grep -E '"(births|deaths|coverage|peak|sites)"' "$WORLD/out"
  done
}

# The lines under a type in all reports so far, innermost function first.
functions_of() { jq -r --arg type "$1" 'select(.event == "growth").types[] | select(.type == $type).sites // [] | .[].frames[0].function' <"$WORLD/judged"; }
has_line_of() {
  grep '}$' "$WORLD/out" >"$WORLD/judged"
  [ -n "$(functions_of "$1")" ]
}

@test "a service that waits most of the time and keeps one object in hundreds: its line, at the default budget" {
  needs_bpf
  sees_births || skip "no births on $LABEL"
  start quiet_service.py "$INNER/serves"
  eventually test -s "$WORLD/serves"
  start_ogt -p "$TARGET" --interval 3 "${events[@]}"
  eventually has_line_of __main__.Kept
  [ "$(functions_of __main__.Kept | sort -u)" = keep ]
  echo "after $(reports) reports"
  kill -INT "$WATCHER"
  wait_for_ogt
  [ "$status" = 130 ]
}

@test "a program that makes twenty objects at a time and keeps one: the line that made it and no other, at the default budget" {
  needs_bpf
  sees_births || skip "no births on $LABEL"
  start gathered.py "$INNER/gathers"
  eventually test -s "$WORLD/gathers"
  start_ogt -p "$TARGET" --interval 3 "${events[@]}"
  eventually has_line_of __main__.Job
  two_more_reports
  has_line_of __main__.Job
  echo "in $(reports) reports:"
  functions_of __main__.Job | sort | uniq -c
  [ "$(functions_of __main__.Job | sort -u)" = staying ]
  kill -INT "$WATCHER"
  wait_for_ogt
  [ "$status" = 130 ]
}

@test "of two functions that make the same type, one of which keeps nothing, the other has the line; nor has who runs code that is gone" {
  local kind
  needs_bpf
  sees_births || skip "no births on $LABEL"
  start kept_and_dropped.py "$INNER/turns"
  eventually test -s "$WORLD/turns"
  start_ogt -p "$TARGET" --interval 3 "${events[@]}"
  for kind in __main__.Plain __main__.Typed collections.deque; do eventually has_line_of $kind; done
  two_more_reports
  kill -INT "$WATCHER"
  wait_for_ogt
  [ "$status" = 130 ]
  grep '}$' "$WORLD/out" >"$WORLD/judged"
  echo "in $(reports) reports:"
  for kind in __main__.Plain collections.deque collections.OrderedDict functools.partial builtins.list builtins.set; do
    functions_of $kind | sort | uniq -c
  done | tee "$WORLD/functions"
  refuse grep drop_ "$WORLD/functions"
  functions_of __main__.Typed | sort | uniq -c | tee "$WORLD/functions"
  refuse grep -vE ' (<module>|\?)$' "$WORLD/functions"
}

@test "a type that grows and has no line: why, in the first table" {
  local lineless
  needs_bpf
  start gathered.py "$INNER/gathers"
  eventually test -s "$WORLD/gathers"
  ogt -p "$TARGET" --budget 0.000001 --interval 4 --count 1
  succeeds
  # The table, without the baseline before it. A line may have been seen when the tool learned how much goes on.
  sed '1,/^$/d' "$WORLD/out" >"$WORLD/table"
  lineless=$(awk '/ alive\)$/ { n -= last; last = 0; next } { last = $3 >= 100; n += last } END { print n + 0 }' "$WORLD/table")
  cat "$WORLD/table"
  [ "$(grep -cE '^objgraph-trace: no line yet for (Job|list): births were traced for [0-9.e-]+ of the last [0-9.]+ seconds.*--budget 5' "$WORLD/err")" = $((lineless > 0)) ]
}

@test "types and libraries that appear later are counted from the report after" {
  local kind
  needs_bpf
  start late_types.py "$INNER/late"
  wait_for_barrier "$WORLD/late.0"
  start_ogt -p "$TARGET" --budget 100 --interval 0.1 "${events[@]}"
  two_more_reports
  late_steps 1 2 3
  # One of each stays, made when nobody knew of them.
  for kind in __main__.Late xml.etree.ElementTree.TreeBuilder; do
    [ "$(json --arg type "$kind" '[.[] | select(.event == "growth").types[] | select(.type == $type).count] | last')" = 1 ]
    [ "$(sum_of "$kind" deaths)" = 2000 ]
    if sees_births; then [ "$(sum_of "$kind" births)" -ge 2000 ] && [ "$(sum_of "$kind" births)" -le 2001 ]; fi
  done
}

# The target goes on to its next barrier while the tool stands still, so that no report falls in between.
next_step() { # NUMBER
  kill -STOP "$WATCHER"
  kill -USR1 "$TARGET"
  wait_for_barrier "$WORLD/many.$1"
  kill -CONT "$WATCHER"
  two_more_reports
}

@test "more types than the maps hold: what is not counted is in lost, and said; once they are gone others are counted" {
  local births deaths lost
  needs_bpf
  sees_births || skip "no births on $LABEL"
  start many_types.py "$INNER/many" 40000
  wait_for_barrier "$WORLD/many.0"
  start_ogt -p "$TARGET" --budget 100 --interval 0.5 "${events[@]}"
  two_more_reports
  next_step 1
  births=$(sum_of __main__.Made births) deaths=$(sum_of __main__.Made deaths)
  lost=$(json '[.[] | select(.event == "growth" and .seq > 0) | .lost] | add')
  echo "$births births, $deaths deaths, $lost lost"
  [ "$births" -gt 0 ] && [ "$births" -le 40000 ] && [ "$deaths" -le 40000 ]
  [ $((births + deaths + lost)) -ge 80000 ]
  grep 'not counted' "$WORLD/err"
  next_step 2
  next_step 3
  kill -INT "$WATCHER"
  wait_for_ogt
  born_and_died __main__.Fresh 1000
  [ "$(json '[.[] | select(.event == "growth")] | last | .lost')" = 0 ]
}

@test "a forked child is rid of the breakpoints that its copy of the code came with" {
  needs_bpf
  has_multi || skip "one by one attached, they stay until the child runs into them"
  start forks_late.py "$INNER/child"
  eventually sleeps
  start_ogt -p "$TARGET" --budget 100 --interval 0.3 "${events[@]}"
  eventually is_patched
  kill -USR1 "$TARGET"
  eventually test -s "$WORLD/child"
  local parent=$TARGET
  TARGET=$(cat "$WORLD/child")
  eventually refuse is_patched
  TARGET=$parent
  is_patched
}

@test "a tracer that is stopped by Ctrl-Z takes everything out first, and goes on when it is continued" {
  needs_bpf
  start_beating ends.py exit
  start_ogt -p "$TARGET" --budget 100 --interval 0.3 "${events[@]}"
  eventually is_patched
  kill -TSTP "$WATCHER"
  eventually state_is "$WATCHER" T
  has_no_traces
  makes_progress
  kill -CONT "$WATCHER"
  eventually is_patched
  two_more_reports
  kill -INT "$WATCHER"
  wait_for_ogt
  [ "$status" = 130 ]
}

# It waits in write(2) for a reader.
is_writing() {
  local number
  read -r number _ <"/proc/$1/syscall" && [ "$number" = 1 ]
}

@test "while nobody reads the output the budget is kept all the same" {
  needs_bpf
  sees_births || skip "no births on $LABEL"
  start busy_later.py "$INNER/beat"
  eventually sleeps
  small_pipe 8192
  "$OGT" -p "$TARGET" --interval 0.05 "${events[@]}" >"$WORLD/pipe" 2>"$WORLD/err" </dev/null 3>&- 4>&- &
  local tool=$!
  WATCHERS+=("$tool")
  eventually is_patched
  eventually is_writing "$tool"
  is_patched
  kill -USR1 "$TARGET"
  eventually has_no_traces
  makes_progress
}
