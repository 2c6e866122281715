#!/usr/bin/env bats
# What watching does to the process: it is never left stopped, its C code never interrupted, and its numbers hold while
# it runs at full speed.

load helpers

# --- at full speed ---

@test "20 holds of a server of one thread that wakes every two milliseconds" {
  start_beating ticking.py
  holds 20
  beat_was_kept
  makes_progress
}

@test "20 holds of an idle process of one thread stop nothing" {
  start_at_barrier plain.py
  holds 20
  stopped_nothing
}

@test "many holds while threads come and go" {
  start_beating thread_churn.py
  holds "$(often 200)"
  beat_was_kept
  makes_progress
}

@test "many holds while classes are made and dropped" {
  start_beating class_churn.py
  holds "$(often 100)"
  stays_between Stays 777 777
  makes_progress
}

@test "a busy forked child, of a main thread and of another" {
  local who
  for who in main thread; do
    start fork.py "$INNER/beat" "$who" busy
    makes_progress 10
    TARGET=$(innermost "$TARGET")
    [ "$TARGET" != "${PIDS[-1]}" ]
    holds "$(often 50)"
    makes_progress
    end "${PIDS[-1]}"
    rm "$WORLD/beat"
  done
}

@test "a parent that waits for its busy child is read without a stop" {
  start fork.py "$INNER/beat" main busy
  makes_progress 10
  holds 20
  [ "$(json '[.[] | select(.event == "growth") | .pause_ms] | max')" = 0 ]
}

# --- C code in the same process ---

# eintr: how often a call of waiting_threads.c was interrupted; begun: how many it began
eintr() { echo $((0 + $(beats "$WORLD/counters" 1) + $(beats "$WORLD/counters" 3) + $(beats "$WORLD/counters" 5))); }
begun() { echo $((0 + $(beats "$WORLD/counters" 0) + $(beats "$WORLD/counters" 2) + $(beats "$WORLD/counters" 4))); }
three_wait() {
  [ -s "$WORLD/counters" ] && [ "$(begun)" -ge 3 ] &&
    [ "$(grep -lE '^(232|281|128|45) ' "/proc/$TARGET"/task/*/syscall 2>/dev/null | wc -l)" -ge 3 ]
}
was_interrupted() { [ "$(eintr)" -gt 0 ]; }

# Many holds beside C threads in epoll_wait, sigtimedwait and recv: none sees EINTR.
holds_beside_c_code() {
  build_waiting_threads
  start with_waiting_threads.py "$INNER/waiting_threads.so" "$INNER/counters" "$@"
  eventually three_wait
  [ "$(eintr)" = 0 ]
  holds "$(often 200)"
  [ "$(eintr)" = 0 ]
  [ "$(begun)" = 3 ]
}

# The counters work: a tracer that stops every thread is seen.
counters_work() {
  command -v strace >/dev/null || skip "no strace that would show that the counters work"
  local watched=$TARGET
  launch strace -f -p "$TARGET" -o /dev/null -e trace=none
  TARGET=$watched eventually was_interrupted
}

stopped_nothing() {
  [ "$(json '[.[] | select(.event == "growth") | .pause_ms] | max')" = 0 ]
  [ "$(json '[.[] | select(.event == "growth") | .objects] | unique == ['"$(jq .objects "$WORLD/oracle")"']')" = true ]
}

@test "many holds of a process that allocates at full speed; C code in epoll_wait, sigtimedwait and recv never sees EINTR" {
  holds_beside_c_code busy.py "$INNER/beat" 5000
  beat_was_kept
  stays_between Kept 5000 5000
  stays_between Churned 0 50000 # garbage in cycles waits for the collector
  [ "$(json '[.[] | select(.event == "growth") | .objects] | max < 2 * min and min > 5000')" = true ]
  makes_progress
  counters_work
}

@test "many holds of an idle process stop nothing, and no C code sees EINTR" {
  holds_beside_c_code plain.py "$INNER/oracle"
  stopped_nothing
  counters_work
}

@test "many holds of a server that wakes every two milliseconds; C code never sees EINTR" {
  holds_beside_c_code ticking.py "$INNER/beat"
  beat_was_kept
  makes_progress
  counters_work
}

# --- what the tool asks of the kernel ---

# calls ARGS...: a run of the tool under strace; its system calls that could change another process are in $WORLD/calls
calls() {
  command -v strace >/dev/null || skip "no strace"
  # LeakSanitizer traces too, and would meet strace.
  ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 PATIENCE=600 OGT=strace ogt -f -o "$WORLD/calls" -e signal=none \
    -e trace=ptrace,process_vm_writev,kill,tkill,tgkill,rt_sigqueueinfo,rt_tgsigqueueinfo,pidfd_send_signal,open,openat \
    "$OGT" -p "$TARGET" --interval 0.01 --format json "$@"
  succeeds
}

@test "nothing of the target is written, no signal is sent, no register changed" {
  start_beating busy.py
  calls --count 10
  grep -q 'PTRACE_SEIZE' "$WORLD/calls"
  refuse grep -E 'PTRACE_(POKE|SET|ATTACH|KILL|CONT|SYSCALL|SINGLE)|process_vm_writev' "$WORLD/calls"
  refuse grep -E "(kill|sigqueueinfo|send_signal)\\((-)?$TARGET\\b" "$WORLD/calls"
  refuse grep -E '/mem".*(O_RDWR|O_WRONLY)' "$WORLD/calls"
}

@test "of 50 threads only the one that holds the GIL is stopped" {
  start_beating crowd.py 50
  calls --count 30
  grep -o 'PTRACE_SEIZE, [0-9]*' "$WORLD/calls" | sort | uniq -c
  [ "$(grep -o 'PTRACE_SEIZE, [0-9]*' "$WORLD/calls" | sort -u)" = "PTRACE_SEIZE, $TARGET" ]
}

@test "an idle process is not even seized" {
  start_at_barrier threads.py
  calls --count 5
  refuse grep PTRACE "$WORLD/calls"
}

# --- the tracer ends ---

# kill_tracers COUNT SPREAD COMMAND...: so many tracers, each killed after 10 ms and up to SPREAD more; the target runs
# free after each, and COMMAND succeeds.
kill_tracers() {
  local i count=$1 spread=$2
  shift 2
  for ((i = 0; i < count; i++)); do
    "$OGT" -p "$TARGET" --interval 0.001 >/dev/null 2>&1 </dev/null 3>&- 4>&- &
    WATCHER=$!
    sleep "0.0$((RANDOM % spread + 10))"
    kill -KILL "$WATCHER"
    wait "$WATCHER" 2>/dev/null || true
    runs_free "$TARGET"
    "$@"
  done
}

@test "kill -9 of the tracer at many random moments never leaves the target stopped" {
  start_beating busy.py 100000
  kill_tracers "$(often 200)" 80 makes_progress
}

@test "kill -9 of the tracer of an idle target changes nothing" {
  start_at_barrier plain.py
  kill_tracers "$(often 50)" 40 true
  census_equals_oracle
}

@test "Ctrl-C ends the run with 130, what was measured is printed" {
  start_beating busy.py
  start_ogt -p "$TARGET" --interval 3600 --format json
  eventually has_lines 1 growth
  kill -INT "$WATCHER"
  wait_for_ogt
  [ "$status" = 130 ]
  [ "$(json 'map(.event) | join(" ")')" = "attached growth" ]
  runs_free "$TARGET"
  makes_progress
}

@test "Ctrl-C at many random moments ends the tracer, the target runs" {
  local i count
  count=$(often 50)
  start_beating busy.py 100000
  for ((i = 0; i < count; i++)); do
    start_ogt -p "$TARGET" --interval 0.001
    sleep "0.0$((RANDOM % 80 + 10))"
    kill -INT "$WATCHER"
    wait_for_ogt
    [ "$status" = 130 ]
    runs_free "$TARGET"
  done
  makes_progress
}

@test "SIGTERM ends the run and leaves the target running" {
  start_beating busy.py
  start_ogt -p "$TARGET" --interval 0.01 --format json
  eventually has_lines 3 growth
  kill -TERM "$WATCHER"
  wait_for_ogt
  [ "$status" = 130 ] || [ "$status" = 143 ]
  json 'length' >/dev/null # the last line is whole
  runs_free "$TARGET"
  makes_progress
}

# --- other tracers ---

tracer_is() { [ "$(tracer_of "$TARGET")" = "$1" ]; }

# strace attaches to the target; one that came while the tool held it is refused, and comes again.
strace_has() { # VICTIM
  if [ -z "${STRACE:-}" ] || is_gone "$STRACE"; then
    launch strace -p "$1" -o /dev/null -e trace=none
    STRACE=$TARGET TARGET=$1
  fi
  tracer_is "$STRACE"
}

@test "a target that strace traces: who does is said" {
  local victim
  command -v strace >/dev/null || skip "no strace"
  start_beating busy.py
  victim=$TARGET
  launch strace -p "$victim" -o /dev/null -e trace=none
  TARGET=$victim
  eventually tracer_is "${PIDS[-1]}"
  ogt -p "$TARGET" --types
  fails_with 1 strace "${PIDS[-1]}"
  [ ! -s "$WORLD/out" ]
  tracer_is "${PIDS[-1]}"
  makes_progress
}

@test "a target in a debugger: who holds it is said, and it stays with it" {
  local victim
  command -v gdb >/dev/null || skip "no gdb"
  start_beating busy.py
  victim=$TARGET
  launch gdb -nx -batch -p "$victim" -ex 'shell sleep 1000'
  TARGET=$victim
  eventually tracer_is "${PIDS[-1]}"
  eventually state_is "$TARGET" t
  ogt -p "$TARGET" --types
  fails_with 1 gdb "${PIDS[-1]}"
  tracer_is "${PIDS[-1]}"
}

@test "a tracer that comes while the target is watched: tables go on when it is gone" {
  command -v strace >/dev/null || skip "no strace"
  start_beating busy.py
  start_ogt -p "$TARGET" --interval 0.05 --format json
  eventually has_lines 2 growth
  eventually strace_has "$TARGET"
  sleep 0.3
  end "$STRACE"
  local so_far
  so_far=$(grep -c growth "$WORLD/out")
  eventually has_lines $((so_far + 2)) growth
  end "$WATCHER"
  runs_free "$TARGET"
  makes_progress
}

@test "two tracers at once: both finish or one says whom it met" {
  local first second code
  start_beating busy.py 20000
  for name in first second; do
    timeout -k 5 "$PATIENCE" "$OGT" -p "$TARGET" --interval 0.001 --count 30 --format json >"$WORLD/$name" 2>"$WORLD/$name.err" \
      </dev/null 3>&- 4>&- &
    printf -v "$name" %s $!
    WATCHERS+=($!)
  done
  for name in first second; do
    code=0
    wait "${!name}" || code=$?
    if [ "$code" = 1 ]; then
      grep -E 'objgraph-trace.*[0-9]+' "$WORLD/$name.err"
    else
      [ "$code" = 0 ]
      [ "$(grep -c '"growth"' "$WORLD/$name")" -gt 0 ]
    fi
  done
  [ "$(cat "$WORLD/first" "$WORLD/second" | grep -c '"growth"')" -gt 30 ]
  runs_free "$TARGET"
  makes_progress
}

# --- the target stops, ends, becomes another ---

census_equals_oracle_of_stopped() {
  ogt -p "$TARGET" --types --format json --limit 0
  succeeds
  "$JUDGE" "$TESTS/compare.py" short "$WORLD/out" "$WORLD/oracle"
  state_is "$TARGET" T
  refuse is_traced "$TARGET"
}

@test "a target that stopped itself is read exactly and stays stopped" {
  "${RUN_PYTHON[@]}" -c 'import _signal; _signal.raise_signal' || skip "no raise_signal"
  start stops_itself.py "$INNER/oracle"
  eventually state_is "$TARGET" T
  census_equals_oracle_of_stopped
}

@test "a target stopped at a random moment is read or the message says that it is stopped; it stays stopped" {
  start_beating busy.py
  for _ in 1 2 3 4 5 6 7 8; do
    kill -STOP "$TARGET"
    eventually state_is "$TARGET" T
    ogt -p "$TARGET" --types --format json --limit 0 --type Kept
    if [ "$status" = 0 ]; then
      [ "$(json '.[] | select(.event == "types") | .types[0].count')" = 1000 ]
    else
      fails_with 1 stopped
    fi
    state_is "$TARGET" T
    refuse is_traced "$TARGET"
    kill -CONT "$TARGET"
    makes_progress
  done
}

@test "an idle target that is stopped is read and stays stopped" {
  start_at_barrier plain.py
  kill -STOP "$TARGET"
  eventually state_is "$TARGET" T
  census_equals_oracle_of_stopped
}

@test "stopped and continued while watched" {
  start_beating busy.py
  start_ogt -p "$TARGET" --interval 0.02 --format json
  eventually has_lines 2 growth
  for _ in 1 2 3; do
    kill -STOP "$TARGET"
    eventually state_is "$TARGET" T
    sleep 0.1
    eventually state_is "$TARGET" T # not only t, while the tool looks
    kill -CONT "$TARGET"
    makes_progress
  done
  local so_far
  so_far=$(grep -c growth "$WORLD/out")
  eventually has_lines $((so_far + 2)) growth
  kill -0 "$WATCHER"
}

@test "a target that exits while watched: exit code 3 and the reason" {
  start phases.py "$INNER/oracle"
  wait_for_barrier "$WORLD/oracle.0"
  start_ogt -p "$TARGET" --interval 0.05 --format json
  eventually has_lines 2 growth
  for phase in 1 2 3 4 5; do
    kill -USR1 "$TARGET"
    wait_for_barrier "$WORLD/oracle.$phase"
  done
  kill -USR1 "$TARGET"
  wait_for_ogt
  [ "$status" = 3 ]
  [ "$(json '.[-1].event')" = exited ]
  [ "$(json '.[-1].reason | length > 0')" = true ]
  grep -i "exited" "$WORLD/err"
}

@test "a target that is killed while watched: exit code 3" {
  start_beating busy.py
  start_ogt -p "$TARGET" --interval 0.001 --format json
  eventually has_lines 5 growth
  end "$TARGET"
  wait_for_ogt
  [ "$status" = 3 ]
  [ "$(json '.[-1].event')" = exited ]
}

@test "a target that ends between two tables is noticed before the next" {
  start_at_barrier plain.py
  start_ogt -p "$TARGET" --interval 3600
  eventually has_lines 10 .
  end "$TARGET"
  wait_for_ogt
  [ "$status" = 3 ]
}

@test "a target that becomes another program: exit code 3" {
  start_at_barrier execs.py
  start_ogt -p "$TARGET" --interval 0.05 --format json
  eventually has_lines 2 growth
  kill -USR1 "$TARGET"
  wait_for_ogt
  [ "$status" = 3 ]
  [ "$(json '.[-1].event')" = exited ]
  grep -i 'exec' "$WORLD/err"
  runs_free "$TARGET"
}

# --- --max-pause ---

@test "--max-pause that is too short for the heap: an error that says so, and the target runs on" {
  start_beating busy.py 1000000
  ogt -p "$TARGET" --types --max-pause 1
  fails_with 1 max-pause
  [ ! -s "$WORLD/out" ]
  runs_free "$TARGET"
  makes_progress
}

@test "no hold is longer than --max-pause" {
  start_beating busy.py 200000
  ogt -p "$TARGET" --interval 0.01 --count 20 --max-pause 400 --format json
  succeeds
  [ "$(json '[.[] | select(.event == "growth") | .pause_ms] | max > 0')" = true ]
  runs_free "$TARGET"
}

# --- in the middle of a collection ---

@test "a process that waits inside a garbage collection is not guessed at" {
  local where
  for where in callback finalizer; do
    start_at_barrier blocked_in_gc.py "$where"
    ogt -p "$TARGET" --types
    fails_with 1 collect
    [ ! -s "$WORLD/out" ]
    runs_free "$TARGET"
    end "$TARGET"
    rm "$WORLD/oracle"
  done
}
