#!/usr/bin/env bats
# The event stream on real interpreters: what the BPF program counts is what the program did. The cases are in
# unit/test_stream.c.

load helpers

UNIT=${OGT_UNIT:-$TESTS/../build/unit}
AROUND=() # a command that runs the case

# case_on [--per-site] [--by WAY] CASE PYTHON...: a case that cannot run because the kernel has no BPF is skipped, every
# other one counts.
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

# exact_everywhere [OPTION...]: on every interpreter of this machine
exact_everywhere() {
  local label chroot python n=0
  while IFS=$'\t' read -r label chroot python; do
    echo "$label"
    if [ "$chroot" = - ]; then
      case_on "$@" exact "$python"
    else
      case_on "$@" exact chroot "$chroot" "$python"
    fi
    n=$((n + 1))
  done < <("$TESTS/../scripts/pythons.sh" --list)
  [ "$n" -gt 0 ]
}

# UNIT becomes the folder of a test_stream built with a libbpf that has uprobe_multi: this machine's own, or one that is
# unpacked next to it.
newer_unit() {
  local folder code=0 library tool reason=$BATS_FILE_TMPDIR/reason
  if pkg-config --exists 'libbpf >= 1.3'; then return; fi
  if [ -s "$reason" ]; then skip "$(cat "$reason")"; fi
  folder=$("$TESTS/../scripts/deps.sh" newer-libbpf 2>"$WORLD/err" 3>&- 4>&-) || code=$?
  if [ "$code" = 77 ]; then
    tail -n 1 "$WORLD/err" | tee "$reason"
    skip "$(cat "$reason")"
  fi
  [ "$code" = 0 ]
  export PKG_CONFIG_PATH=$folder/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
  library=$(pkg-config --variable=libdir libbpf)
  tool=$(find "$folder/usr" -name bpftool -type f -perm -u+x -print -quit)
  UNIT=$BATS_FILE_TMPDIR/newer/unit
  env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u CC make -C "$TESTS/.." --no-print-directory -j2 WERROR=1 \
    BUILD="${UNIT%/unit}" BPFTOOL="$tool" LDFLAGS="-Wl,-rpath,$library" "$UNIT/test_stream" >"$WORLD/log" 2>&1 3>&- 4>&-
  ldd "$UNIT/test_stream" | grep -F "$library/libbpf"
}

# From 6.10 on the pid filter is known to be right; before, it depends on what was backported.
needs_multi() {
  printf '%s\n' 6.10 "$(uname -r)" | sort -V -C || skip "Linux $(uname -r) may be without a uprobe_multi that is used"
}

@test "deaths of a class are counted exactly, on every interpreter of this machine" {
  exact_everywhere
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

@test "a kernel without uprobe_multi gives the same counts" {
  case_on no-multi "${RUN_PYTHON[@]}"
}

@test "with a libbpf that has uprobe_multi, deaths are counted through it, on every interpreter" {
  needs_multi
  newer_unit
  exact_everywhere --by uprobe_multi
}

@test "through uprobe_multi: all threads, no child, no subclass twice, nothing in the way of the next" {
  local case
  needs_multi
  newer_unit
  for case in threads forked subclass overflow killed; do
    echo "$case"
    case_on --by uprobe_multi "$case" "${RUN_PYTHON[@]}"
  done
}

@test "through uprobe_multi: errors have the same names" {
  local case
  newer_unit
  for case in no-bpf forbidden-bpf no-capabilities only-cap-bpf only-cap-perfmon ended beyond-the-file no-such-file; do
    echo "$case"
    case_on "$case" "${RUN_PYTHON[@]}"
  done
}

@test "with a libbpf that has uprobe_multi, the older way gives the same counts" {
  local case
  newer_unit
  for case in exact threads forked subclass overflow no-batches ended killed; do
    echo "$case"
    case_on --per-site --by uprobe "$case" "${RUN_PYTHON[@]}"
  done
  case_on no-multi "${RUN_PYTHON[@]}"
}

# They look at the file before the pid, and at the pid not at all: a directory is what they always complain about.
@test "a kernel whose uprobe_multi lets in one thread only is told, and the older way taken" {
  newer_unit
  gcc -shared -fPIC -Wall -Werror -x c -o "$WORLD/first_kernels.so" - <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>

int bpf_link_create(int program, int target, int type, const void *options)
{
	int (*real)(int, int, int, const void *) = dlsym(RTLD_NEXT, "bpf_link_create");

	return type == 48 /* BPF_TRACE_UPROBE_MULTI */ ? -EBADF : real(program, target, type, options);
}
END
  AROUND=(env LD_PRELOAD="$WORLD/first_kernels.so")
  case_on --by uprobe threads "${RUN_PYTHON[@]}"
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
