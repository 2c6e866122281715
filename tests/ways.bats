#!/usr/bin/env bats
# The numbers are the same whichever way there is to trace: one uprobe at a time, beside a tracer that goes the other way,
# with a place that the kernel refuses, in files that are not there any more. Where a processor has no breakpoints, what
# is left is said.

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
  [ "$(json '[.[] | select(.event == "growth").types[] | select(.deaths_derived)] | length > 0')" = true ]
  judge conserved "$WORLD/out" __main__.Plain
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

@test "without breakpoints: births at the functions that make objects, or said that none are seen; deaths are exact" {
  needs_bpf
  start drops.py "$INNER/dropped"
  eventually test -s "$WORLD/dropped"
  OGT_NO_BREAKPOINTS=1 start_ogt -p "$TARGET" --budget 100 --interval 0.1 "${events[@]}"
  two_more_reports
  kill -USR1 "$TARGET"
  eventually grep -qx 5000 "$WORLD/dropped"
  two_more_reports
  kill -INT "$WATCHER"
  wait_for_ogt
  [ "$(sum_of __main__.Dropped deaths)" = 5000 ]
  if [ "$MINOR" -ge 12 ]; then
    # A compiler may have copied the function to where it is called: what is seen is what coverage says.
    [ "$(sum_of __main__.Dropped births)" = "$(json '[.[] | select(.event == "growth").types[] |
      select(.type == "__main__.Dropped" and .deaths > 0) | .coverage * .deaths] | add')" ]
    grep 'births are seen at functions only' "$WORLD/err"
    case $LABEL in pyenv-*) born_and_died __main__.Dropped 5000 ;; esac
  elif sees_births; then
    [ "$(grep -c 'births are not seen' "$WORLD/err")" = 1 ]
    refuse grep -q '"births"' "$WORLD/out"
  fi
}
