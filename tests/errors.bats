#!/usr/bin/env bats
# What bad input gets: a sentence that says what is wrong, the documented exit code, and a process left as it was.

load helpers

# launch_program COMMAND...: until it sleeps
launch_program() {
  launch "$@"
  eventually sleeps
}

# refused PATTERN...: --types and growth tables end with 1, say so, print no table, and the target runs on
refused() {
  local mode
  for mode in --types --count=0; do
    ogt -p "$TARGET" "$mode"
    fails_with 1 "$@"
    [ ! -s "$WORLD/out" ]
    "$JUDGE" "$TESTS/check_printable.py" "$WORLD/err"
  done
  runs_free "$TARGET"
}

# usage PATTERN ARGS...: exit code 2, a sentence, nothing on stdout
usage() {
  local pattern=$1
  shift
  echo "objgraph-trace $*"
  ogt "$@"
  fails_with 2 "$pattern"
  [ ! -s "$WORLD/out" ]
}

# --- the command line ---

@test "no process named" {
  usage -- '-p'
  usage -- '-p' --types
}

@test "a PID that is no number" {
  local pid
  for pid in x '' 0 -1 1.5 1x 99999999999999999999 0x10 ' 1'; do usage -- '-p' -p "$pid"; done
}

@test "unknown options and arguments that belong to none" {
  usage nosuch -p 1 --nosuch
  usage stray -p 1 stray
  usage "'?q'?" -p 1 -q
  usage "pid|'p'" -p
  usage interval -p 1 --interval
}

@test "an interval that is none" {
  local interval
  for interval in 0 -1 x nan inf -inf 0.0 '' 1e999 1s ' ' 0x1 1,5 -0; do usage interval -p 1 --interval="$interval"; done
}

@test "a count, a limit, a pause, a budget, a format that is none" {
  local value
  for value in -1 x nan 1.5 '' 99999999999999999999; do
    usage count -p 1 --count="$value"
    usage limit -p 1 --limit="$value"
  done
  for value in 0 -1 x nan inf ''; do usage max-pause -p 1 --max-pause="$value"; done
  for value in -1 101 x nan inf ''; do usage budget -p 1 --budget="$value"; done
  for value in xml '' JSON; do usage format -p 1 --format="$value"; done
}

@test "--skip-update without --peaks" {
  usage peaks -p 1 --skip-update
}

@test "--help and --version" {
  ogt --help
  succeeds
  grep -- --interval "$WORLD/out"
  ogt --version
  succeeds
  grep -E '^objgraph-trace [0-9]' "$WORLD/out"
}

# --- not a process ---

@test "no such PID" {
  local pid
  pid=$(cat /proc/sys/kernel/pid_max) # never given out
  for mode in --types --count=0; do
    ogt -p "$pid" $mode
    fails_with 1 "$pid" 'no.* process|process.*(does not exist|not found)'
    [ ! -s "$WORLD/out" ]
  done
}

@test "a zombie" {
  # bash would collect its child now and then before it becomes the program that does not.
  launch "$JUDGE" -c 'import os, sys, time
child = os.fork()
if not child: os._exit(0)
open(sys.argv[1], "w").write(str(child))
time.sleep(1000)' "$WORLD/zombie"
  eventually test -s "$WORLD/zombie"
  local zombie
  zombie=$(cat "$WORLD/zombie")
  eventually state_is "$zombie" Z
  ogt -p "$zombie" --types
  fails_with 1 "$zombie" zombie
}

@test "a thread id: the process to name is told" {
  local thread
  start_at_barrier threads.py
  thread=$(find "/proc/$TARGET/task" -mindepth 1 -maxdepth 1 -printf '%f\n' | grep -vx "$TARGET" | tail -n 1)
  ogt -p "$thread" --types
  fails_with 1 thread "$TARGET"
  [ ! -s "$WORLD/out" ]
}

@test "a kernel thread" {
  local pid
  pid=$(awk '$1 == "PPid:" && $2 == 2 { split(FILENAME, part, "/"); print part[3]; exit }' /proc/[0-9]*/status 2>/dev/null) || true
  [ -n "$pid" ] || skip "no kernel thread to be seen"
  ogt -p "$pid" --types
  fails_with 1 "$pid"
}

@test "itself" {
  ogt -p "$$" --types
  fails_with 1 Python
  status=0
  bash -c 'exec "$0" -p $$ --types' "$OGT" >"$WORLD/out" 2>"$WORLD/err" || status=$?
  fails_with 1 Python
}

# --- not a Python that can be watched ---

@test "not Python" {
  launch_program sleep 1000
  refused Python
}

@test "a program called python that is none" {
  cp /bin/sleep "$WORLD/python3.11"
  launch_program "$WORLD/python3.11" 1000
  refused Python
}

@test "PyPy" {
  command -v pypy3 >/dev/null || skip "no pypy3"
  launch_program pypy3 -c 'import time; time.sleep(1000)'
  refused PyPy
}

@test "Python 2.7" {
  local python
  # Not what stands in PATH first: that may be a shim of pyenv's, which starts nothing.
  python=$(ls "${PYENV_ROOT:-$HOME/.pyenv}"/versions/2.7.*/bin/python2.7 /usr/bin/python2.7 2>/dev/null | head -n 1) || true
  [ -n "$python" ] || skip "no Python 2.7"
  launch_program "$python" -c 'import time; time.sleep(1000)'
  refused 'Python 2(\.7)?' '3\.6'
}

@test "a version that is not known: named and refused" {
  build_fake 0x036300f0 0 python3.99
  launch_program "$WORLD/python3.99"
  refused '3\.99' '3\.15'
}

@test "a known version that is not what it says: no numbers" {
  local version
  for version in 0x030d00f0 0x030e00f0 0x030f00f0; do
    build_fake $version 0 python3.fake
    launch_program "$WORLD/python3.fake"
    refused Python
    end "$TARGET"
  done
}

@test "a free-threaded build" {
  build_fake 0x030d00f0 1 python3.13t
  launch_program "$WORLD/python3.13t"
  refused 'free-threaded'
}

@test "a 32-bit build" {
  build_fake 0x030d00f0 0 python3.13 -m32
  "$WORLD/python3.13" &
  local try=$!
  sleep 0.1
  kill -KILL $try 2>/dev/null || skip "this kernel runs no 32-bit programs"
  wait $try || true
  launch_program "$WORLD/python3.13"
  refused '32.bit'
}

@test "a Python that has not started yet, or is about to end, is an error or a number, never a hang" {
  local i
  for ((i = $(often 50); i > 0; i--)); do
    start plain.py "$INNER/oracle"
    sleep "0.0$((RANDOM % 5))"
    ogt -p "$TARGET" --types --format json
    [ "$status" = 0 ] || [ "$status" = 1 ] || [ "$status" = 3 ]
    if [ "$status" != 0 ]; then [ -s "$WORLD/err" ]; fi
    end "$TARGET"
  done
}

# --- not allowed ---

# as_nobody ARGS...: the tool without any capability
as_nobody() {
  local folder
  folder=$(mktemp -d /tmp/objgraph-trace.XXXXXX)
  chmod 755 "$folder"
  cp "$OGT" "$folder/objgraph-trace"
  status=0
  timeout -k 5 "$PATIENCE" setpriv --reuid=65534 --regid=65534 --clear-groups "$folder/objgraph-trace" "$@" \
    >"$WORLD/out" 2>"$WORLD/err" 3>&- 4>&- || status=$?
  rm -r "$folder"
}

@test "no permission: the capability is named" {
  [ "$(id -u)" = 0 ] || skip "not root"
  start_at_barrier plain.py
  as_nobody -p "$TARGET" --types
  fails_with 1 CAP_SYS_PTRACE
  [ ! -s "$WORLD/out" ]
}

@test "one's own process needs no capability" {
  [ "$(id -u)" = 0 ] || skip "not root"
  [ "$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null || echo 0)" = 0 ] || skip "yama"
  chmod 777 "$WORLD"
  WRAPPER=(setpriv --reuid=65534 --regid=65534 --clear-groups)
  start_at_barrier plain.py
  as_nobody -p "$TARGET" --types --format json --limit 0
  succeeds
  "$JUDGE" "$TESTS/compare.py" short "$WORLD/out" "$WORLD/oracle"
}

# --- files ---

@test "an output that cannot be written" {
  start_at_barrier plain.py
  ogt -p "$TARGET" --types -o "$WORLD/no/such/folder/file"
  fails_with 1 "$WORLD/no/such/folder/file"
  ogt -p "$TARGET" --types -o "$WORLD"
  fails_with 1 "$WORLD"
  runs_free "$TARGET"
}

@test "a full disk" {
  start_at_barrier plain.py
  ogt -p "$TARGET" --types -o /dev/full
  fails_with 1 /dev/full
  status=0
  "$OGT" -p "$TARGET" --types >/dev/full 2>"$WORLD/err" || status=$?
  fails_with 1 'standard output|space'
}

@test "a closed standard output" {
  start_at_barrier plain.py
  status=0
  timeout -k 5 "$PATIENCE" bash -c 'exec "$@" >&-' - "$OGT" -p "$TARGET" --types 2>"$WORLD/err" || status=$?
  fails_with 1 .
}

# --- a process that lies about its memory ---

# damaged PATTERN: the ways of corrupt.py to damage an object graph whose names match
damaged() {
  [ "$MINOR" = 11 ] || skip "corrupt.py is written for 3.11"
  "${RUN_PYTHON[@]}" "$INNER/corrupt.py" "" list | grep -E -- "$1" >"$WORLD/ways"
}

@test "collector's lists damaged in any way: an error, no number, no hang" {
  local way i=0 code tools=()
  damaged '^(next|prev|a closed ring)'
  [ "$(wc -l <"$WORLD/ways")" -ge 8 ]
  while IFS= read -r way <&5; do # all at once: the tool does not give up at the first look
    start corrupt.py "$INNER/beat.$i" "$way"
    eventually test -s "$WORLD/beat.$i"
    timeout -k 5 "$PATIENCE" "$OGT" -p "$TARGET" --types --format json >"$WORLD/out.$i" 2>"$WORLD/err.$i" \
      </dev/null 3>&- 4>&- 5<&- &
    WATCHERS+=($!)
    i=$((i + 1))
  done 5<"$WORLD/ways"
  i=0
  while IFS= read -r way <&5; do
    echo "$way"
    status=0
    wait "${WATCHERS[i]}" || status=$?
    cp "$WORLD/err.$i" "$WORLD/err"
    fails_with 1 .
    "$JUDGE" "$TESTS/check_printable.py" "$WORLD/err"
    refuse grep '"types":' "$WORLD/out.$i"
    runs_free "${PIDS[i]}"
    cp "$WORLD/beat.$i" "$WORLD/before"
    eventually refuse cmp -s "$WORLD/beat.$i" "$WORLD/before"
    i=$((i + 1))
  done 5<"$WORLD/ways"
}

@test "types and names damaged in any way: an error or a mark, the others right" {
  local way
  damaged '^(type|tp_name|name|dict|keys)'
  [ "$(wc -l <"$WORLD/ways")" -ge 12 ]
  while IFS= read -r way <&5; do
    echo "$way"
    start_beating corrupt.py "$way"
    ogt -p "$TARGET" --types --format json --limit 0
    "$JUDGE" "$TESTS/check_printable.py" "$WORLD/err"
    if [ "$status" = 0 ]; then
      [ "$(json '.[] | select(.event == "types") | .types[] | select(.type == "Other") | .count')" = 1 ]
      [ "$(json '.[] | select(.event == "types") | .objects - (.types | map(.count) | add)')" = 0 ]
    else
      fails_with 1 .
    fi
    runs_free "$TARGET"
    makes_progress
    end "$TARGET"
    rm "$WORLD/beat"
  done 5<"$WORLD/ways"
}
