#!/usr/bin/env bats
# The event stream on real interpreters: what the BPF programs count is what the program did. The cases are in
# unit/test_stream.c.

load helpers

UNIT=${OGT_UNIT:-$TESTS/../build/unit}
AROUND=() # a command that runs the case

# case_on [--by WAY] [--kernel AGE] CASE PYTHON...: a case that cannot run because the kernel has no BPF is skipped,
# every other one counts.
case_on() {
  local code=0
  timeout -k 5 "$PATIENCE" "${AROUND[@]}" "$UNIT/test_stream" "$@" >"$WORLD/log" 2>&1 3>&- 4>&- || code=$?
  if [ "$code" = 77 ]; then skip "$(sed -n 's/.*# SKIP //p' "$WORLD/log")"; fi
  if [ "$code" != 0 ]; then cat "$WORLD/log"; fi
  return "$code"
}

# cases_on_all CASE...: on the interpreters of this machine (is_asked); what its lists do not tell it does not have to do, nor
# whatever needs breakpoints where the machine delivers none
cases_on_all() {
  local label chroot python command case code n=0 deaf=0
  while IFS=$'\t' read -r label chroot python; do
    is_asked "$label" || continue
    command=("$python")
    if [ "$chroot" != - ]; then command=(chroot "$chroot" "$python"); fi
    for case; do
      echo "$label: $case"
      code=0
      timeout -k 5 "$PATIENCE" "$UNIT/test_stream" "$case" "${command[@]}" >"$WORLD/log" 2>&1 3>&- 4>&- || code=$?
      if [ "$code" = 77 ]; then
        if grep -q 'no hardware breakpoints' "$WORLD/log"; then deaf=1 && continue; fi
        grep -q 'do not tell births' "$WORLD/log" || skip "$(sed -n 's/.*# SKIP //p' "$WORLD/log")"
        [[ $label == *-3.[67]* ]]
        continue
      fi
      if [ "$code" != 0 ]; then cat "$WORLD/log"; fi
      [ "$code" = 0 ]
      n=$((n + 1))
    done
  done < <("$TESTS/../scripts/pythons.sh" --list)
  if [ "$n$deaf" = 01 ]; then skip "this machine delivers no hardware breakpoints"; fi
  [ "$n" -gt 0 ]
}

needs_multi() { has_multi || skip "Linux $(uname -r) may be without a uprobe_multi that is used"; }

@test "where a probe is cheap is told from the first bytes of a function" {
  "$UNIT/test_site"
}

# --- what is counted ---

@test "births and deaths of a class are counted exactly, on several interpreters" {
  cases_on_all exact tail
}

@test "an instance of a subclass is counted once, as its own type, on several interpreters" {
  cases_on_all subclass
}

@test "samples have the stack that made them, and are followed until they die, on several interpreters" {
  cases_on_all samples live
}

@test "most objects alive between two reads, collections, finalizers: on every interpreter" {
  cases_on_all highest collected finalized
}

@test "rows are in order, each type has one" {
  case_on rows "${RUN_PYTHON[@]}"
}

@test "births and deaths in all threads count, in threads made later too" {
  case_on threads "${RUN_PYTHON[@]}"
}

@test "births and deaths in a forked child do not count" {
  case_on forked "${RUN_PYTHON[@]}"
}

@test "more types than the table holds: what finds no room is counted as lost" {
  case_on overflow "${RUN_PYTHON[@]}"
}

@test "a type at the address of one that is gone is another" {
  case_on lives "${RUN_PYTHON[@]}"
}

@test "births at the functions that make objects, where there are no breakpoints, on several interpreters" {
  cases_on_all made
}

@test "instances of classes are sampled before they are there, on several interpreters" {
  cases_on_all instances
}

@test "of types that grow each birth is sampled, and others cost a look, on several interpreters" {
  cases_on_all wanted
}

@test "who dies once the hits that are allowed are spent is not followed any more, on several interpreters" {
  cases_on_all spent
}

# --- samples ---

@test "a share of the births is sampled" {
  case_on share "${RUN_PYTHON[@]}"
}

@test "more samples than there is room for: the rest is counted as lost" {
  case_on full-ring "${RUN_PYTHON[@]}"
}

@test "allowed hits that are spent wake whoever waits" {
  case_on allowance "${RUN_PYTHON[@]}"
}

# --- several ---

@test "one load of the programs serves several processes, each with its own numbers" {
  case_on several "${RUN_PYTHON[@]}"
}

@test "nothing of a traced process is left for the next with its number" {
  case_on again "${RUN_PYTHON[@]}"
}

@test "more processes than a stream serves" {
  case_on too-many "${RUN_PYTHON[@]}"
}

@test "two tracers see the same, and neither minds when the other ends" {
  needs_shared_breakpoints
  case_on two-streams "${RUN_PYTHON[@]}"
}

@test "a killed tracer leaves the process running and the way free for the next" {
  case_on killed "${RUN_PYTHON[@]}"
}

# --- ways to attach ---

@test "through uprobe_multi all counts are right" {
  local case
  needs_multi
  for case in exact threads forked subclass several refused-sites made ended no-such-file; do
    echo "$case"
    case_on --by uprobe_multi "$case" "${RUN_PYTHON[@]}"
  done
}

@test "one by one they are the same" {
  local case
  AROUND=(env OGT_PER_SITE=1)
  for case in exact threads forked subclass several refused-sites made ended no-such-file killed; do
    echo "$case"
    case_on --by uprobe "$case" "${RUN_PYTHON[@]}"
  done
}

@test "a kernel without uprobe_multi is told, and the older way taken" {
  case_on --kernel without-multi --by uprobe exact "${RUN_PYTHON[@]}"
}

@test "a kernel whose uprobe_multi lets in one thread only is told, and the older way taken" {
  case_on --kernel first-multi --by uprobe threads "${RUN_PYTHON[@]}"
}

@test "a kernel without BTF will do" {
  # shellcheck disable=SC2016
  AROUND=(unshare -m bash -c 'if [ -d /sys/kernel/btf ]; then mount -t tmpfs none /sys/kernel/btf; fi
    [ ! -e /sys/kernel/btf/vmlinux ] && exec "$@"' -)
  case_on exact "${RUN_PYTHON[@]}"
}

@test "in a pid namespace, where the kernel's own numbers are not seen, counts are the same" {
  local case
  AROUND=(unshare -p -f --mount-proc --kill-child)
  for case in exact threads live; do
    echo "$case"
    case_on "$case" "${RUN_PYTHON[@]}"
  done
}

@test "built with a newer libbpf it counts the same" {
  local folder code=0 library tool
  if pkg-config --exists 'libbpf >= 1.3'; then skip "this machine's own is new"; fi
  case $UNIT in */asan/*) skip "what it builds is without sanitizers, as in make check" ;; esac
  folder=$("$TESTS/../scripts/deps.sh" newer-libbpf 2>"$WORLD/err" 3>&- 4>&-) || code=$?
  if [ "$code" = 77 ]; then skip "$(tail -n 1 "$WORLD/err")"; fi
  [ "$code" = 0 ]
  export PKG_CONFIG_PATH=$folder/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
  library=$(pkg-config --variable=libdir libbpf)
  tool=$(find "$folder/usr" -name bpftool -type f -perm -u+x -print -quit)
  UNIT=$BATS_TEST_TMPDIR/newer/unit
  env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u CC make -C "$TESTS/.." --no-print-directory -j2 WERROR=1 \
    BUILD="${UNIT%/unit}" BPFTOOL="$tool" LDFLAGS="-Wl,-rpath,$library" "$UNIT/test_stream" >"$WORLD/log" 2>&1 3>&- 4>&-
  ldd "$UNIT/test_stream" | grep -F "$library/libbpf"
  case_on exact "${RUN_PYTHON[@]}"
  case_on live "${RUN_PYTHON[@]}"
  case_on no-capabilities "${RUN_PYTHON[@]}"
}

# --- what cannot be ---

@test "sites that the kernel does not take are named, and the others count" {
  case_on refused-sites "${RUN_PYTHON[@]}"
}

@test "a kernel without BPF is named" {
  case_on no-bpf "${RUN_PYTHON[@]}"
}

@test "a container's refusal is told from a missing capability" {
  case_on forbidden-bpf "${RUN_PYTHON[@]}"
  case_on forbidden-breakpoints "${RUN_PYTHON[@]}"
}

@test "missing capabilities are named: both" {
  case_on no-capabilities "${RUN_PYTHON[@]}"
}

@test "missing capabilities are named: CAP_PERFMON" {
  case_on only-cap-bpf "${RUN_PYTHON[@]}"
}

@test "missing capabilities are named: CAP_BPF" {
  case_on only-cap-perfmon "${RUN_PYTHON[@]}"
}

@test "breakpoints that are all taken, or not there, are named, and those of others stay" {
  case_on taken-breakpoints "${RUN_PYTHON[@]}"
  case_on no-breakpoints "${RUN_PYTHON[@]}"
}

@test "a process that has ended is told from one that cannot be traced" {
  case_on ended "${RUN_PYTHON[@]}"
}

@test "what was counted of a process stays when it ends" {
  case_on ends "${RUN_PYTHON[@]}"
}

@test "a site in a file that cannot be opened is an error" {
  case_on no-such-file "${RUN_PYTHON[@]}"
}
