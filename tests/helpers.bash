# What the bats files share: start a target, wait until it is where the test wants it, run the tool, compare, clean up.
# OGT is the program under test, OGT_PYTHON the label of the interpreter that targets run on (scripts/pythons.sh --list).
# Nothing here decides a test by time: every limit is a guard against hanging.
# A test with the tag "once" does not depend on the interpreter: tests/run runs it on the system's only.

TESTS=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
OGT=${OGT:-${TESTS%/*}/objgraph-trace}
JUDGE=/usr/bin/python3 # runs compare.py and objgraph, never a target by itself
PATIENCE=$((60 * ${OGT_PATIENCE:-1})) # seconds before a wait or the tool counts as hung

# --- the world of one test ---

# LABEL, CHROOT ("" outside of one) and PYTHON: where targets run.
choose_python() {
  local label chroot python
  LABEL=
  while IFS=$'\t' read -r label chroot python; do
    # shellcheck disable=SC2053
    if [[ $label == ${OGT_PYTHON:-system-*} ]]; then
      LABEL=$label CHROOT=${chroot#-} PYTHON=$python
      break
    fi
  done <<<"${OGT_PYTHON_LIST:-$("$TESTS/../scripts/pythons.sh" --list)}"
  [ -n "$LABEL" ] || skip "no interpreter ${OGT_PYTHON:-of the system}"
  VERSION=${LABEL#*-} VERSION=${VERSION%-dbg} # 3.11.7 or 3.15
  IFS=. read -r _ MINOR _ <<<"$VERSION"
}

setup() {
  choose_python
  WORLD=$(mktemp -d "$CHROOT/tmp/objgraph-trace.XXXXXX") # as this shell sees it
  INNER=${WORLD#"$CHROOT"}                               # as the target sees it
  PIDS=()     # what launch started
  WATCHERS=() # and what traces it
  WRAPPER=()
  LATER=() # what judge_now will compare
  RUN_PYTHON=("$PYTHON")
  if [ -n "$CHROOT" ]; then RUN_PYTHON=(chroot "$CHROOT" "$PYTHON"); fi
  chmod 755 "$WORLD"
  cp "$TESTS"/targets/*.py "$WORLD"
  export PYTHONDONTWRITEBYTECODE=1
}

teardown() {
  local i
  # Tracers first: who is traced is not gone before its tracer has heard of it.
  for ((i = ${#WATCHERS[@]} - 1; i >= 0; i--)); do end "${WATCHERS[i]}"; done
  for ((i = ${#PIDS[@]} - 1; i >= 0; i--)); do end "${PIDS[i]}"; done
  if [ -n "${WORLD:-}" ]; then
    if [ -z "${BATS_TEST_COMPLETED:-}" ]; then tail -n 20 "$WORLD"/log "$WORLD"/err 2>/dev/null || true; fi
    rm -rf --one-file-system "$WORLD"
  fi
}

# --- processes ---

# launch COMMAND...: in the background, without bats' descriptors. TARGET is its pid.
launch() {
  "$@" </dev/null >>"$WORLD/log" 2>&1 3>&- 4>&- &
  TARGET=$!
  PIDS+=("$TARGET")
}

# The children of a process, of all its threads.
children() {
  local task some all=
  for task in "/proc/$1/task"/*; do
    if read -r some 2>/dev/null <"$task/children" || [ -n "$some" ]; then all+=" $some"; fi
  done
  echo "$all"
}

# end PID: this process, which we started, and its descendants.
end() {
  local child
  kill -STOP "$1" 2>/dev/null || true
  for child in $(children "$1"); do end "$child"; done
  kill -KILL "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

# eventually COMMAND...: polls until it succeeds.
eventually() {
  local deadline=$((SECONDS + PATIENCE)) polls=0 nap=0.02
  until "$@"; do
    if [ "$SECONDS" -gt "$deadline" ]; then
      echo "waited $PATIENCE s in vain: $*"
      return 1
    fi
    polls=$((polls + 1))
    if [ "$polls" = 25 ]; then nap=0.1; fi # what takes longer should not be slowed by being asked
    sleep "$nap"
  done
}

# field_of KEY PID: the first word of this line of /proc/PID/status, without a fork of its own
field_of() {
  local key word
  while read -r key word _; do
    if [ "$key" = "$1:" ]; then echo "$word" && return; fi
  done 2>/dev/null <"/proc/$2/status"
}
state_of() { field_of State "$1"; }
tracer_of() { field_of TracerPid "$1"; }
state_is() { [ "$(state_of "$1")" = "$2" ]; }
is_traced() { [ "$(tracer_of "$1")" != 0 ]; }
is_gone() { ! kill -0 "$1" 2>/dev/null || state_is "$1" Z; }

# Does the target sleep for good (select, nanosleep, pause; 29 is pause in a 32-bit program)?
sleeps() {
  local number
  read -r number _ 2>/dev/null <"/proc/$TARGET/syscall" && [[ " 23 270 35 230 34 29 " == *" $number "* ]]
}

# Neither stopped nor traced, and no thread is. (Threads may end meanwhile.)
runs_free() {
  awk '/^Name:/ { name = $0 }
    /^State:/ { state = $2 }
    /^TracerPid:/ && !(state ~ /^[RSD]$/ && $2 == 0) { print name, "state " state, "tracer " $2; bad = 1 }
    END { exit bad }' < <(cat "/proc/$1/task"/*/status 2>/dev/null)
}

# --- targets ---

# start TARGET.py ARGS...: with the interpreter under test.
start() {
  local script=$1
  shift
  launch "${WRAPPER[@]}" "${RUN_PYTHON[@]}" "$INNER/$script" "$@"
}

# Is every thread of the process in the system call it waits in for good? 128 rt_sigtimedwait (a barrier), 230, 270 and 23
# (sleep), 202 (a lock), 61 (wait4), 281, 232, 45 (epoll_wait and recv of waiting_threads)
waits() {
  local task number
  for task in "/proc/$1/task"/*; do
    read -r number _ 2>/dev/null <"$task/syscall" || return 1
    case $number in
      128) ;;
      230 | 270 | 23 | 202 | 61 | 281 | 232 | 45 | 7) [ "$task" != "/proc/$1/task/$1" ] || return 1 ;;
      *) return 1 ;;
    esac
  done
}

# The process at the barrier: PID itself, or the descendant that a wrapper started.
innermost() {
  local pid=$1 next
  while next=$(children "$pid"); [ -n "${next// /}" ]; do read -r pid _ <<<"$next"; done
  echo "$pid"
}

at_barrier() {
  if is_gone "${PIDS[-1]}"; then
    local code=0
    wait "${PIDS[-1]}" || code=$?
    PIDS=()
    if [ "$code" = 77 ]; then skip "$(tail -n 1 "$WORLD/log")"; fi
    cat "$WORLD/log"
    echo "the target ended with exit code $code before its barrier"
    exit 1
  fi
  [ -e "$1" ] && waits "$(innermost "${PIDS[-1]}")"
}

# Until the target counted into this file and blocks; TARGET becomes the pid of who blocks.
wait_for_barrier() {
  eventually at_barrier "$1"
  TARGET=$(innermost "${PIDS[-1]}")
}

# start_at_barrier TARGET.py ARGS...: what the target counted is in $WORLD/oracle
start_at_barrier() {
  local script=$1
  shift
  start "$script" "$INNER/oracle" "$@"
  wait_for_barrier "$WORLD/oracle"
}

# The three numbers of a heartbeat: beats, longest gap (ns), time of the last beat (ns).
beats() { od -A n -t u8 -j $((8 * ${2:-0})) -N 8 "${1:-$WORLD/beat}" 2>/dev/null | tr -d ' '; }
beats_more_than() { [ "$(beats)" -gt "$1" ] 2>/dev/null; }

# start_beating TARGET.py ARGS...: the target keeps a heartbeat in $WORLD/beat
start_beating() {
  local script=$1
  shift
  start "$script" "$INNER/beat" "$@"
  makes_progress 10
}

# The target does at least N beats more, from now on.
makes_progress() {
  local now
  now=$(beats)
  eventually beats_more_than $((${now:-0} + ${1:-1}))
}

# A process that becomes the same Python anew at SIGUSR1, and then sleeps.
start_that_execs() {
  launch "${RUN_PYTHON[@]}" -c 'import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
signal.sigwait([signal.SIGUSR1])
os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(1000)"])'
  TARGET=$(innermost "$TARGET")
  eventually awaits_signal "$TARGET"
}

# --- the barriers of new_ids.py ---

# start_ids [N]: at barrier 0; the ids of all objects are in $WORLD/ids.0
start_ids() {
  start new_ids.py "$INNER/ids" "${1:-1000}"
  wait_for_ids 0
}
wait_for_ids() {
  eventually test -s "$WORLD/ids.$1"
  TARGET=$(innermost "$TARGET")
  eventually awaits_signal "$TARGET"
}

# judge_later FORM SORT LIMIT OLD CURRENT keeps $WORLD/out to be compared with what objgraph says of two
# barriers, judge_now compares all that was kept, in one run.
judge_later() {
  local kept=$WORLD/kept.${#LATER[@]}
  cp "$WORLD/out" "$kept"
  LATER+=(-- "$1" "$2" "$3" "$kept" "$4" "$5")
}
judge_now() {
  "$JUDGE" "$TESTS/objgraph_new_ids.py" "${LATER[@]:1}" || return 1
  LATER=()
}
awaits_signal() { [ "$(state_of "$1")" = S ] && grep -q '^128 ' "/proc/$1/syscall"; } # rt_sigtimedwait
next_step() { # NUMBER
  kill -USR1 "$TARGET"
  wait_for_ids "$1"
}

# --- the tool ---

# Does the kernel put in and take out all probes at once? From 6.10 on its pid filter is known to be right; before, it depends on
# what was backported.
has_multi() { [ -z "${OGT_PER_SITE:-}" ] && printf '%s\n' 6.10 "$(uname -r)" | sort -V -C; }

# Of several breakpoints at one address QEMU's emulation tells one. (Who has none at all is another matter.)
needs_shared_breakpoints() {
  "$JUDGE" "$TESTS/breakpoints.py" >/dev/null || return 0
  "$JUDGE" "$TESTS/breakpoints.py" 2 >/dev/null || skip "of two breakpoints at one address this machine delivers one"
}

# ogt ARGS...: with a guard against hanging. Exit code in $status, output in $WORLD/out, messages in $WORLD/err.
ogt() {
  status=0
  timeout -k 5 "$PATIENCE" "$OGT" "$@" >"$WORLD/out" 2>"$WORLD/err" 3>&- 4>&- || status=$?
}

# start_ogt ARGS...: in the background. WATCHER is its pid.
start_ogt() {
  : >"$WORLD/out"
  env --default-signal=INT "$OGT" "$@" >"$WORLD/out" 2>"$WORLD/err" </dev/null 3>&- 4>&- &
  WATCHER=$!
  WATCHERS+=("$WATCHER")
}

# The exit code of the tool that start_ogt started.
wait_for_ogt() {
  eventually is_gone "$WATCHER"
  status=0
  wait "$WATCHER" || status=$?
}

# refuse COMMAND...: it must fail (a plain "! command" would not end a test)
refuse() {
  if "$@"; then
    echo "should fail: $*"
    return 1
  fi
}

succeeds() {
  [ "$status" = 0 ] && return
  echo "exit code $status"
  cat "$WORLD/err"
  return 1
}

# fails_with CODE PATTERN...: this exit code and one sentence on stderr that holds each (egrep) pattern
fails_with() {
  local code=$1 pattern
  shift
  if [ "$status" != "$code" ]; then
    echo "exit code $status, not $code"
    cat "$WORLD/err"
    return 1
  fi
  for pattern; do
    if ! grep -Eqi -- "$pattern" "$WORLD/err"; then
      echo "the message does not say: $pattern"
      cat "$WORLD/err"
      return 1
    fi
  done
  [ -s "$WORLD/err" ]
}

# json FILTER: jq over all events of the tool
json() { jq -s -r "$@" "$WORLD/out"; }

# has_lines N PATTERN: so many lines of the output so far match
has_lines() { [ "$(grep -Ec -- "$2" "$WORLD/out")" -ge "$1" ]; }

# types_equal_oracle -p PID|--load FILE: for every type, under short and full names. ORACLES are the files that tell.
types_equal_oracle() {
  local form flag
  ORACLES=("$WORLD"/oracle "$WORLD"/oracle.[0-9])
  [ -e "${ORACLES[1]}" ] || ORACLES=("$WORLD"/oracle)
  for form in short full; do
    flag=
    if [ $form = full ]; then flag=--full-names; fi
    ogt "$@" --types --format json --limit 0 $flag
    succeeds
    "$JUDGE" "$TESTS/compare.py" "$form" "$WORLD/out" "${ORACLES[@]}"
  done
}

# The census equals the oracle.
census_equals_oracle() {
  types_equal_oracle -p "${1:-$TARGET}"
  runs_free "${1:-$TARGET}"
}

# Is this interpreter among those that a test runs on by itself? Where some are named (OGT_PYTHONS_TO_TEST) those are; all with
# OGT_EVERY; else one of each way that births are seen.
is_asked() {
  case ${OGT_PYTHONS_TO_TEST:+named}${OGT_EVERY:+every} in
    named*) [[ " $OGT_PYTHONS_TO_TEST " == *" $1 "* ]] ;;
    every) ;;
    *) case $1 in pyenv-3.6.* | pyenv-3.8.* | system-* | sid-3.15) ;; *) false ;; esac ;;
  esac
}

# often N: how many times something that chance decides is tried: N times in `make soak`, a tenth of that in `make check`, which
# comes more often (OGT_OFTEN, in percent)
often() { echo $((($1 * ${OGT_OFTEN:-10} + 99) / 100)); }

# --- many holds in a row ---

# holds N ARGS...: so many tables in a row, as fast as they come
holds() {
  local count=$1
  shift
  PATIENCE=$((600 * ${OGT_PATIENCE:-1})) ogt -p "$TARGET" --interval 0.001 --count "$count" --format json --limit 0 "$@"
  succeeds
  [ "$(json '[.[] | select(.event == "growth")] | length')" = "$((count + 1))" ]
  runs_free "$TARGET"
}

# Between the first and the last of the holds the target went on, and never missed its beat by much more than the tool
# says that it held it. (The second is for the machine, not for the tool.)
beat_was_kept() {
  local longest
  longest=$(json '[.[] | select(.event == "growth") | .pause_ms] | max | ceil')
  echo "longest gap between two beats $(($(beats "$WORLD/beat" 1) / 1000)) us, longest hold $longest ms"
  [ "$(($(beats "$WORLD/beat" 1) / 1000000))" -le "$((longest + 5000))" ]
}

# Types and the least and the most there can be of them, in every table of the run that lists the type
stays_between() {
  [ "$(json --arg type "$1" --argjson least "$2" --argjson most "$3" '[.[] | select(.event == "growth") | .types[] |
    select(.type == $type) | .count] | length > 0 and all(. >= $least and . <= $most)')" = true ]
}

# --- cores ---

# save_core: gcore's of the target, at $CORE
save_core() {
  command -v gcore >/dev/null || skip "no gcore"
  gcore -o "$WORLD/core" "$TARGET" >"$WORLD/gcore" 2>&1 3>&- 4>&- || { cat "$WORLD/gcore"; return 1; }
  CORE=$WORLD/core.$TARGET
}

# From now on programs leave a core in $WORLD when they abort.
dumps_core() {
  case $(cat /proc/sys/kernel/core_pattern) in core | core.%p) ;; *) skip "core_pattern is $(cat /proc/sys/kernel/core_pattern)" ;; esac
  # shellcheck disable=SC2016
  WRAPPER=(bash -c 'cd "$1" && ulimit -c unlimited && shift && exec "$@"' - "$WORLD")
}

# The target aborts; its core is at $CORE.
abort_target() {
  kill -ABRT "$TARGET"
  eventually is_gone "${PIDS[-1]}"
  CORE=$(find "$WORLD" -maxdepth 1 -name 'core' -o -name "core.$TARGET" | head -n 1)
  [ -n "$CORE" ]
}

# --- things that are built for a test ---

# prefix, and name, the folder of the headers of the interpreter under test in include; $WORLD/include is for what these include.
find_headers() {
  local flavour=
  command -v gcc >/dev/null || skip "no gcc"
  prefix=/usr
  case $LABEL in *-dbg) flavour=d ;; pyenv-*) prefix=${PYTHON%/bin/*} ;; esac
  name=python3.$MINOR$flavour
  if [ -d "$prefix/include/${name}m" ]; then name=${name}m; fi
  [ -e "$CHROOT$prefix/include/$name/Python.h" ] || skip "no headers of $LABEL"
  mkdir -p "$WORLD/include"
  ln -sfn "$CHROOT/usr/include/x86_64-linux-gnu" "$WORLD/include/x86_64-linux-gnu"
}

# build_module NAME [FLAG...]: the extension module in NAME.c for the interpreter under test, at $WORLD/NAME.so
build_module() {
  local module=$1 prefix name
  shift
  find_headers
  gcc -w "$@" -shared -fPIC -I "$CHROOT$prefix/include/$name" -I "$WORLD/include" -o "$WORLD/$module.so" \
    "$TESTS/targets/$module.c"
}

# build_embed: EMBED is a command like python3 SCRIPT ARGS, of a program that embeds the libpython under test.
build_embed() {
  local prefix name library
  find_headers
  library=$(find "$CHROOT$prefix/lib" -maxdepth 2 -name "lib$name.so" -print -quit)
  [ -n "$library" ] || skip "no libpython to link with of $LABEL"
  # A chroot's libpython may want a newer C library than the host's: the chroot has it when the program runs there.
  gcc -w -I "$CHROOT$prefix/include/$name" -I "$WORLD/include" -o "$WORLD/embed" "$TESTS/targets/embed.c" \
    "$library" -Wl,--allow-shlib-undefined -Wl,-rpath,"$prefix/lib"
  EMBED=(env PYTHONHOME="$prefix" "$INNER/embed")
  if [ -n "$CHROOT" ]; then EMBED=(chroot "$CHROOT" "${EMBED[@]}"); fi
}

# build_waiting_threads: the library of C threads whose EINTRs are counted, at $WORLD/waiting_threads.so
build_waiting_threads() {
  command -v gcc >/dev/null || skip "no gcc"
  gcc -shared -fPIC -pthread -o "$WORLD/waiting_threads.so" "$TESTS/targets/waiting_threads.c"
}

# build_fake VERSION_HEX FREE_THREADED NAME [GCC OPTION...]: a program that claims to be this Python, at $WORLD/NAME
build_fake() {
  local version=$1 free=$2 name=$3
  shift 3
  command -v gcc >/dev/null || skip "no gcc"
  gcc -nostdlib -static -ffreestanding -fno-stack-protector -DVERSION="$version" -DFREE_THREADED="$free" "$@" \
    -o "$WORLD/$name" "$TESTS/targets/fake_python.c" || skip "this gcc cannot build it: $*"
}
