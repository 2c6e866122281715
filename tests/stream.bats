#!/usr/bin/env bats
# The event stream on real interpreters: what the BPF program counts is what the program did. The cases are in
# unit/test_stream.c.

load helpers

UNIT=${OGT_UNIT:-$TESTS/../build/unit}
AROUND=() # a command that runs the case

# case_on CASE PYTHON...: a case that cannot run because the kernel has no BPF is skipped, every other one counts.
case_on() {
  local code=0
  timeout -k 5 "$PATIENCE" "${AROUND[@]}" "$UNIT/test_stream" "$@" >"$WORLD/log" 2>&1 3>&- 4>&- || code=$?
  if [ "$code" = 77 ]; then skip "$(sed -n 's/.*# SKIP //p' "$WORLD/log")"; fi
  if [ "$code" != 0 ]; then cat "$WORLD/log"; fi
  return "$code"
}

@test "where a probe is cheap is told from the first bytes of a function" {
  "$UNIT/test_site"
}

@test "deaths of a class are counted exactly, on every interpreter of this machine" {
  local label chroot python n=0
  while IFS=$'\t' read -r label chroot python; do
    echo "$label"
    if [ "$chroot" = - ]; then
      case_on exact "$python"
    else
      case_on exact chroot "$chroot" "$python"
    fi
    n=$((n + 1))
  done < <("$TESTS/../scripts/pythons.sh" --list)
  [ "$n" -gt 0 ]
}

@test "an instance of a subclass of a builtin is counted once, as its own type" {
  case_on subclass "${RUN_PYTHON[@]}"
}

@test "deaths in all threads count, in threads born later too" {
  case_on threads "${RUN_PYTHON[@]}"
}

@test "deaths in a forked child do not count" {
  case_on forked "${RUN_PYTHON[@]}"
}

@test "more types than the table holds: what finds no room is counted as lost" {
  case_on overflow "${RUN_PYTHON[@]}"
}

@test "a kernel that cannot read maps in batches gives the same counts" {
  case_on no-batches "${RUN_PYTHON[@]}"
}

@test "a kernel without BPF is named" {
  case_on no-bpf "${RUN_PYTHON[@]}"
}

@test "a kernel without BTF will do" {
  # shellcheck disable=SC2016
  AROUND=(unshare -m bash -c 'if [ -d /sys/kernel/btf ]; then mount -t tmpfs none /sys/kernel/btf; fi
    [ ! -e /sys/kernel/btf/vmlinux ] && exec "$@"' -)
  case_on exact "${RUN_PYTHON[@]}"
}

@test "a container's refusal is told from a missing capability" {
  case_on forbidden-bpf "${RUN_PYTHON[@]}"
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

@test "a process that has ended is told from one that cannot be traced" {
  case_on ended "${RUN_PYTHON[@]}"
}

@test "a site beyond the end of the file is an error" {
  case_on beyond-the-file "${RUN_PYTHON[@]}"
}

@test "a site in a file that cannot be opened is an error" {
  case_on no-such-file "${RUN_PYTHON[@]}"
}

@test "a killed tracer leaves the process running and the way free for the next" {
  case_on killed "${RUN_PYTHON[@]}"
}
