#!/usr/bin/env bats
# The numbers are the same whichever way there is to trace: one uprobe at a time, beside a tracer that goes the other way,
# with a place that the kernel refuses, in files that are not there any more. What a machine takes and does not deliver is
# found out.

load traced

# The tool, one uprobe at a time.
one_by_one() { OGT_PER_SITE=1 "$@"; }

@test "one uprobe at a time: births and deaths of every kind of object are the known numbers" {
  needs_bpf
  one_by_one watch_known
  judge_known
}

# Of two tracers of one process both see everything, each its own way, and what one takes out the other keeps.
@test "two tracers, one uprobe at a time and all at once" {
  local first step file
  needs_bpf
  needs_shared_breakpoints
  start drops.py "$INNER/dropped"
  eventually test -s "$WORLD/dropped"
  one_by_one start_ogt -p "$TARGET" --budget 100 --interval 0.2 "${events[@]}"
  eventually has_reports 2
  first=$WATCHER
  mv "$WORLD/out" "$WORLD/first"
  start_ogt -p "$TARGET" --budget 100 --interval 0.2 "${events[@]}"
  eventually has_reports 2
  kill -USR1 "$TARGET"
  eventually grep -qx 5000 "$WORLD/dropped"
  for file in first out; do
    two_more_reports "$WORLD/$file"
    born_and_died __main__.Dropped 5000 "$WORLD/$file"
  done
  kill -INT "$WATCHER"
  wait_for_ogt
  kill -USR1 "$TARGET"
  eventually grep -qx 10000 "$WORLD/dropped"
  two_more_reports "$WORLD/first"
  born_and_died __main__.Dropped 10000 "$WORLD/first"
  WATCHER=$first
  kill -INT "$WATCHER"
  wait_for_ogt
  eventually has_no_traces
}

@test "a place that the kernel refuses: said once, and all others count" {
  needs_bpf
  command -v gcc >/dev/null || skip "no gcc"
  case ${OGT_ASAN:+y}$(ldd "$OGT") in *libasan* | y*) skip "a preloaded library comes before the sanitizers'" ;; esac
  gcc -shared -fPIC -o "$WORLD/refuses.so" "$TESTS/targets/refuses_uprobe.c" -ldl
  start_beating conserve.py
  one_by_one env LD_PRELOAD="$WORLD/refuses.so" "$OGT" -p "$TARGET" --interval 0.5 --count 5 --budget 100 "${events[@]}" \
    >"$WORLD/out" 2>"$WORLD/err" 3>&- 4>&-
  [ "$(grep -c 'refuses 1 of [0-9]* probes: deaths there are not counted' "$WORLD/err")" = 1 ]
  # What is not counted there follows from births, or, where these are not all seen, is unknown.
  [ "$(json '[.[] | select(.event == "growth" and .seq > 0).types[] | select(.deaths_derived or .deaths == null)] | length > 0')" = true ]
  judge conserved "$WORLD/out" __main__.Plain refused
  makes_progress
}

@test "an extension module whose file is gone is traced" {
  local file
  needs_bpf
  file=$("${RUN_PYTHON[@]}" -c 'import _elementtree; print(_elementtree.__file__)') || skip "it is built in"
  mkdir "$WORLD/modules"
  cp "$CHROOT$file" "$WORLD/modules"
  PYTHONPATH=$INNER/modules start late_types.py "$INNER/late"
  wait_for_barrier "$WORLD/late.0"
  kill -USR1 "$TARGET"
  wait_for_barrier "$WORLD/late.1"
  grep -q "$INNER/modules/_elementtree" "/proc/$TARGET/maps"
  rm -r "$WORLD/modules"
  start_ogt -p "$TARGET" --budget 100 --interval 0.1 "${events[@]}"
  two_more_reports
  late_steps 2 3
  born_and_died xml.etree.ElementTree.TreeBuilder 2000
}

@test "without breakpoints: said once; births are growth and deaths together, exact, and lines are seen all the same" {
  local line
  needs_bpf
  sees_births || skip "no births on $LABEL"
  start drops.py "$INNER/dropped"
  eventually test -s "$WORLD/dropped"
  OGT_NO_BREAKPOINTS=1 start_ogt -p "$TARGET" --budget 100 --interval 0.1 "${events[@]}"
  two_more_reports
  kill -USR1 "$TARGET"
  eventually grep -qx 5000 "$WORLD/dropped"
  two_more_reports
  kill -INT "$WATCHER"
  wait_for_ogt
  [ "$(grep -c 'births are growth and deaths together' "$WORLD/err")" = 1 ]
  born_and_died __main__.Dropped 5000
  [ "$(json '[.[] | select(.event == "growth").types[] | select(.type == "__main__.Dropped" and .births > 0) |
    .births_derived == true and .coverage == 1] | length > 0 and all')" = true ]
}

# The tool on a machine that takes breakpoints which never fire, or uprobes: a preloaded library is that machine.
on_deaf_machine() { # WHAT ARGS...
  local what=$1
  shift
  command -v gcc >/dev/null || skip "no gcc"
  case ${OGT_ASAN:+y}$(ldd "$OGT") in *libasan* | y*) skip "a preloaded library comes before the sanitizers'" ;; esac
  gcc -shared -fPIC -o "$WORLD/deaf.so" "$TESTS/targets/deaf.c" -ldl
  status=0
  DEAF=$what LD_PRELOAD="$WORLD/deaf.so" timeout -k 5 "$PATIENCE" "$OGT" "$@" >"$WORLD/out" 2>"$WORLD/err" 3>&- 4>&- || status=$?
}

@test "breakpoints that are taken and never fire are found out, and no number rests on them" {
  needs_bpf
  sees_births || skip "no births on $LABEL"
  start_beating conserve.py
  on_deaf_machine breakpoints -p "$TARGET" --interval 0.5 --count 4 --budget 100 "${events[@]}"
  succeeds
  [ "$(grep -c 'does not deliver hardware breakpoints' "$WORLD/err")" = 1 ]
  [ "$(json '[.[] | select(.event == "growth").types[] | select(.births_derived)] | length > 0')" = true ]
  judge conserved "$WORLD/out" __main__.Plain
}

@test "uprobe_multi that attaches and counts nothing is found out: one uprobe at a time is tried" {
  needs_bpf
  sees_births || skip "no births on $LABEL"
  start_beating conserve.py
  on_deaf_machine uprobe_multi -p "$TARGET" --interval 0.5 --count 4 --budget 100 "${events[@]}"
  succeeds
  [ "$(streams)" = full ]
  judge conserved "$WORLD/out" __main__.Plain
}

@test "uprobes that attach and count nothing are found out: the census goes on alone" {
  needs_bpf
  start_beating conserve.py
  on_deaf_machine "breakpoints uprobe_multi uprobes" -p "$TARGET" --interval 0.2 --count 3 --budget 100 "${events[@]}"
  succeeds
  [ "$(grep -c 'does not deliver uprobes' "$WORLD/err")" = 1 ]
  [ "$(streams)" = off ]
  refuse grep -E '"(births|deaths|coverage|peak|sites)"' "$WORLD/out"
}

# bats test_tags=once
@test "where a probe goes, the file's bytes are in the page cache before the kernel is asked" {
  needs_bpf
  command -v strace >/dev/null || skip "no strace"
  start_beating conserve.py
  # LeakSanitizer traces too, and would meet strace.
  ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 OGT_PER_SITE=1 OGT=strace ogt -f -o "$WORLD/calls" \
    -v -X raw -e trace=perf_event_open,preadv2 "$OGT" -p "$TARGET" --interval 0.5 --count 1 --budget 100 "${events[@]}"
  succeeds
  "$JUDGE" "$TESTS/judge_read_ahead.py" "$WORLD/calls"
}
