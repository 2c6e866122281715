#!/usr/bin/env bats
# What is printed is of one moment: a process that changes all the time, without ever changing a link, is never seen
# half-way. Also when it cannot be told which thread a thread state belongs to.

load helpers

# looks_whole LABEL KIND: some looks at a program that swaps classes, on that interpreter.
looks_whole() {
  local i
  OGT_PYTHON=$1
  choose_python
  rm -f "$WORLD/swapping"
  launch "$PYTHON" "$WORLD/swapping.py" "$WORLD/swapping" "$2" # outside of chroots
  eventually test -s "$WORLD/swapping"
  for ((i = $(often 15); i > 0; i--)); do
    ogt -p "$(cat "$WORLD/swapping")" --types --limit 0 --format json
    [ "$status" -eq 0 ]
    jq -se '[.[] | select(.event == "types").types[] | select(.type == "Left" or .type == "Right").count]
      | length == 2 and add == 200000 and min >= 99999' "$WORLD/out"
  done
  end "$TARGET"
}

# on_pyenv KIND: on the interpreters that stand outside of chroots.
on_pyenv() {
  local label any=
  for label in $("$TESTS/../scripts/pythons.sh" --list | awk -F '\t' '$2 == "-" { print $1 }'); do
    is_asked "$label" || continue
    echo "# $label $1"
    any=1
    looks_whole "$label" "$1"
  done
  [ -n "$any" ]
}

@test "a busy program is never seen half-way" { on_pyenv plain; }

@test "nor one that works in bursts" { on_pyenv plain-bursts; }

@test "nor one with a thread state that a dead thread left behind" { on_pyenv stale; }

@test "nor such a one that works in bursts" { on_pyenv stale-bursts; }

@test "nor a child that C code forked beside a thread" { on_pyenv forked; }

@test "nor such a child that works in bursts" { on_pyenv forked-bursts; }

@test "a 3.6 without the symbols that show a collection is refused" {
  local prefix
  OGT_PYTHON=$("$TESTS/../scripts/pythons.sh" --list | awk -F '\t' '$1 ~ /^pyenv-3\.6\./ { print $1; exit }')
  [ -n "$OGT_PYTHON" ] || skip "no 3.6"
  choose_python
  prefix=${PYTHON%/bin/*}
  mkdir "$WORLD/lib"
  strip -o "$WORLD/lib/libpython3.6m.so.1.0" "$prefix"/lib/libpython3.6m.so.1.0
  launch env LD_LIBRARY_PATH="$WORLD/lib" "$PYTHON" "$WORLD/swapping.py" "$WORLD/swapping" plain
  eventually test -s "$WORLD/swapping"
  if ! grep -q "$WORLD/lib/libpython" "/proc/$TARGET/maps"; then skip "this 3.6 finds its own library first"; fi
  ogt -p "$TARGET" --types
  [ "$status" -eq 1 ]
  grep -q "stripped" "$WORLD/err"
  [ ! -s "$WORLD/out" ]
}

@test "Ctrl-Z stops the tracer only between two holds" {
  local i
  launch "${RUN_PYTHON[@]}" "$INNER/swapping.py" "$INNER/swapping" plain
  eventually test -s "$WORLD/swapping"
  for ((i = $(often 30); i > 0; i--)); do
    # A process group of its own, whose parent lives in another of the same session: else SIGTSTP would be ignored.
    launch "$JUDGE" -c 'import os, sys; os.setpgid(0, 0); os.execv(sys.argv[1], sys.argv[1:])' \
      "$OGT" -p "$(cat "$WORLD/swapping")" --interval 0.001 --count 100000
    watcher=$TARGET
    eventually grep -qx objgraph-trace "/proc/$watcher/comm" # in its group by then
    sleep "0.0$((RANDOM % 90 + 10))"
    kill -TSTP "$watcher"
    eventually grep -qE '^State:.[TZ]' "/proc/$watcher/status"
    grep -E '^State:.[RS]' "/proc/$(cat "$WORLD/swapping")/status"
    end "$watcher"
  done
}

@test "a program whose oldest object is dropped all the time is known for a Python" {
  launch "${RUN_PYTHON[@]}" "$INNER/sliding.py" "$INNER/sliding"
  eventually test -s "$WORLD/sliding"
  for _ in 1 2 3 4 5; do
    ogt -p "$TARGET" --types --limit 0 --format json
    [ "$status" -eq 0 ]
    jq -se '[.[] | select(.event == "types").types[] | select(.type == "Item").count] | . == [1000] or . == [1001]' "$WORLD/out"
  done
}
