#!/usr/bin/env bats
# What the tool puts into a process goes out again: when it is killed at the worst moment, in copies that forks took along,
# while nobody reads what it prints.

load traced

setup_file() { bpftool prog list >/dev/null 2>&1 || skip "no BPF here"; }

@test "kill -9 in the middle of detaching: nothing stays" {
  local delay
  start_at_barrier plain.py
  for delay in 0 .001 .002 .004 .006 .008 .01 .012 .015 .02 .025 .03 .04; do
    start_ogt -p "$TARGET" --budget 100 --interval 0.1 "${events[@]}"
    eventually is_patched
    kill -INT "$WATCHER"
    sleep "$delay"
    kill -KILL "$WATCHER" 2>/dev/null || true
    eventually is_gone "$WATCHER"
    eventually has_no_traces
  done
  runs_free "$TARGET"
}

@test "kill -9 in the middle of attaching: nothing stays" {
  local i
  start_at_barrier plain.py
  for ((i = $(often 50); i > 0; i--)); do
    start_ogt -p "$TARGET" --budget 100 --interval 0.1 "${events[@]}"
    sleep "0.$((RANDOM % 170 + 40))"
    kill -KILL "$WATCHER" 2>/dev/null || true
    eventually is_gone "$WATCHER"
    eventually has_no_traces
  done
  runs_free "$TARGET"
}

@test "a child that became a daemon is rid of the breakpoints that its copy of the code came with" {
  local budget
  for budget in 100 1; do
    start daemons.py "$INNER/daemon"
    eventually test -e "$WORLD/daemon.ready"
    local parent=$TARGET
    start_ogt -p "$TARGET" --budget "$budget" --interval 0.3 "${events[@]}"
    eventually is_patched
    kill -USR1 "$TARGET"
    eventually test -s "$WORLD/daemon"
    TARGET=$(cat "$WORLD/daemon")
    PIDS+=("$TARGET")
    eventually has_no_traces
    TARGET=$parent
    eventually is_patched
    kill -INT "$WATCHER"
    wait_for_ogt
    [ "$status" = 130 ]
    rm "$WORLD/daemon" "$WORLD/daemon.ready"
  done
}

# A reader that reads when it is told to: CAT is its pid.
is_writing() {
  local number
  read -r number _ <"/proc/$1/syscall" && [ "$number" = 1 ]
}

@test "a reader that stops reading just as everything begins to be traced: the budget is kept" {
  local reader
  [ "$MINOR" -ge 8 ] || skip "no births on $LABEL"
  start busy_quiet_busy.py "$INNER/beat"
  makes_progress 2
  small_pipe 16384
  cat "$WORLD/pipe" >"$WORLD/out" 3>&- 4>&- &
  reader=$!
  WATCHERS+=("$reader")
  "$OGT" -p "$TARGET" --interval 0.3 "${events[@]}" >"$WORLD/pipe" 2>"$WORLD/err" </dev/null 3>&- 4>&- &
  WATCHER=$!
  WATCHERS+=("$WATCHER")
  eventually has_reports 2
  refuse grep -q '"stream":"full"' "$WORLD/out"
  # Quiet now: at some report everything begins to be traced. The reader sleeps from before that one on.
  kill -STOP "$reader"
  kill -USR1 "$TARGET"
  eventually is_patched
  eventually is_writing "$WATCHER"
  is_patched
  kill -USR1 "$TARGET"
  eventually has_no_traces
  makes_progress
}
