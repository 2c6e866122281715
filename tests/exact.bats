#!/usr/bin/env bats
# The census equals what gc.get_objects() says inside the process, for every type. On the interpreter that OGT_PYTHON
# names (tests/run runs this file once for each that scripts/pythons.sh --list knows).

load helpers

@test "a plain interpreter" {
  start_at_barrier plain.py
  census_equals_oracle
}

@test "many objects, a million on some versions" {
  case $LABEL in
    system-* | pyenv-3.8.* | *-3.14 | *-3.15) start_at_barrier many.py 1000000 ;;
    *) start_at_barrier many.py 100000 ;;
  esac
  census_equals_oracle
}

@test "objects in all three generations" {
  start_at_barrier generations.py
  census_equals_oracle
}

@test "gc disabled, garbage waits" {
  start_at_barrier gc_disabled.py
  census_equals_oracle
}

@test "objects parked by gc.freeze() are left out and named in a note" {
  start_at_barrier gc_freeze.py
  census_equals_oracle
  frozen=$(jq .frozen "$WORLD/oracle")
  [ "$frozen" -gt 1234 ]
  grep -E "(^|[^0-9])$(sed -E ':a;s/^([0-9]+)([0-9]{3})/\1[ ,]?\2/;ta' <<<"$frozen")([^0-9]|$)" "$WORLD/err" | grep -i freeze
}

@test "200 threads" {
  start_at_barrier threads.py
  census_equals_oracle
}

@test "subinterpreters that share the GIL" {
  start_at_barrier subinterpreters.py shared
  census_equals_oracle
}

@test "subinterpreters with a GIL of their own" {
  start_at_barrier subinterpreters.py isolated
  census_equals_oracle
}

@test "PYTHONMALLOC=malloc" {
  PYTHONMALLOC=malloc start_at_barrier many.py 1000
  census_equals_oracle
}

@test "PYTHONMALLOC=debug" {
  PYTHONMALLOC=debug start_at_barrier many.py 1000
  census_equals_oracle
}

@test "__slots__; subclasses of builtins; exceptions with tracebacks; generators and coroutines; classes made with type()" {
  start_at_barrier together.py slots dict_subclasses tracebacks generators made_with_type
  census_equals_oracle
}

@test "names: changed ones, not of ASCII, of 64 KiB, with control characters; metaclasses that lie about them" {
  start_at_barrier together.py renamed non_ascii metaclasses long_names hostile_names
  census_equals_oracle
}

@test "asyncio tasks" {
  start_at_barrier tasks.py
  census_equals_oracle
}

# At full speed there is no barrier to compare at; but every list closes, and what lives all the time is counted exactly.
@test "20 holds while it allocates at full speed" {
  start_beating busy.py 5000
  holds 20
  beat_was_kept
  stays_between Kept 5000 5000
  stays_between Churned 0 50000 # garbage in cycles waits for the collector
  makes_progress
}

@test "a forked child" {
  start fork.py "$INNER/oracle" main idle
  wait_for_barrier "$WORLD/oracle"
  [ "$TARGET" != "${PIDS[-1]}" ]
  census_equals_oracle
}

@test "a child forked by a thread" {
  start fork.py "$INNER/oracle" thread idle
  wait_for_barrier "$WORLD/oracle"
  [ "$TARGET" != "${PIDS[-1]}" ]
  census_equals_oracle
}

@test "a process in its own mount and pid namespace" {
  WRAPPER=(unshare --fork --pid --mount)
  start_at_barrier many.py 1000
  [ "$(jq .pid "$WORLD/oracle")" = 1 ]
  census_equals_oracle
}

@test "a program that embeds libpython" {
  build_embed
  RUN_PYTHON=("${EMBED[@]}")
  start_at_barrier many.py 1000
  census_equals_oracle
}
