# For the bats files whose targets are traced: reports, what they say, and what tracers put into a target.

load helpers

export PATIENCE=$((240 * ${OGT_PATIENCE:-1})) # traced programs are slow, on a debug build more so

# shellcheck disable=SC2034
events=(--limit 0 --full-names --format json --max-pause 10000)

needs_bpf() { bpftool prog list >/dev/null 2>"$WORLD/err" || skip "no BPF here: $(head -n 1 "$WORLD/err")"; }
# Does this machine deliver hardware breakpoints? Asked without the tool.
has_breakpoints() {
  if [ -z "${HAS_BREAKPOINTS:-}" ]; then
    HAS_BREAKPOINTS=no
    if "$JUDGE" "$TESTS/breakpoints.py" >/dev/null; then HAS_BREAKPOINTS=yes; fi
    export HAS_BREAKPOINTS
  fi
  [ "$HAS_BREAKPOINTS" = yes ]
}
sees_births() { [ "$MINOR" -ge 8 ]; }
judge() { "$JUDGE" "$TESTS/judge_events.py" "$@"; }

# --- reports, of the tool that start_ogt started or in FILE ---

reports() { grep -c '"event":"growth"' "${1:-$WORLD/out}"; }
has_reports() { [ "$(reports "${2:-}")" -ge "$1" ]; }

# The second report from now on has begun after now.
two_more_reports() { eventually has_reports $(($(reports "${1:-}") + 2)) "${1:-}"; }

# sum_of TYPE KEY [FILE]: births or deaths of all reports
sum_of() {
  jq -s --arg type "$1" --arg key "$2" '[.[] | select(.event == "growth" and .seq > 0).types[] |
    select(.type == $type)[$key] // 0] | add // 0' "${3:-$WORLD/out}"
}

# born_and_died TYPE N [FILE]: exactly so many
born_and_died() {
  local births deaths
  births=$(sum_of "$1" births "${3:-}") deaths=$(sum_of "$1" deaths "${3:-}")
  echo "$1: $births births, $deaths deaths, not $2"
  if sees_births; then [ "$births" = "$2" ] || return 1; fi
  [ "$deaths" = "$2" ]
}

# How the reports after the first were traced.
streams() { json '[.[] | select(.event == "growth" and .seq > 0) | .stream] | unique | join(" ")'; }

# known_numbers.py [KIND...] through its barriers; MARKS are the numbers of reports there.
watch_known() {
  local k
  start known_numbers.py "$INNER/known" 250 "$@"
  wait_for_barrier "$WORLD/known.0"
  start_ogt -p "$TARGET" --interval 0.1 --budget 100 "${events[@]}"
  MARKS=()
  for k in 0 1 2 3 4; do
    if [ "$k" != 0 ]; then
      kill -USR1 "$TARGET"
      wait_for_barrier "$WORLD/known.$k"
    fi
    two_more_reports
    MARKS+=("$(reports)")
  done
  kill -INT "$WATCHER"
  wait_for_ogt
  [ "$status" = 130 ]
}
judge_known() { judge known "$WORLD/out" "$WORLD/known.json" "${MARKS[@]}"; }

# late_types.py through these steps, with two reports at each.
late_steps() {
  local step
  for step; do
    kill -USR1 "$TARGET"
    wait_for_barrier "$WORLD/late.$step"
    two_more_reports
    # What came just before a cut is probed after it, and counts from the cut after the next: with births, deaths follow.
    has_breakpoints || two_more_reports
  done
  kill -INT "$WATCHER"
  wait_for_ogt
}

# --- the target's memory ---

# What tracers have put into the target.
traces() { "$JUDGE" "$TESTS/traces_in.py" "$TARGET"; }
has_no_traces() { [ "$(traces)" = '{"patched": 0, "breakpoints": 0}' ]; }
is_patched() { [ "$(traces | jq .patched)" -gt 0 ]; }

# --- readers that do not read ---

# small_pipe BYTES: a fifo at $WORLD/pipe that so many fill; somebody has it open and reads nothing.
small_pipe() {
  mkfifo "$WORLD/pipe"
  "$JUDGE" -c 'import fcntl, os, sys, time
end = os.open(sys.argv[1], os.O_RDWR)
fcntl.fcntl(end, 1031, int(sys.argv[3]))  # F_SETPIPE_SZ
open(sys.argv[2], "w").close()
time.sleep(10**7)' "$WORLD/pipe" "$WORLD/pipe.ready" "$1" </dev/null >"$WORLD/log" 2>&1 3>&- 4>&- &
  WATCHERS+=($!)
  eventually test -e "$WORLD/pipe.ready"
}
