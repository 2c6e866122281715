#!/usr/bin/env bats
# What a user of the Makefile and of scripts/deps.sh sees, beyond a build that works.

load helpers

TOP=$TESTS/..

# A make of its own: not told what the make that runs the tests was told.
plain_make() {
  env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u WERROR make -C "$TOP" --no-print-directory "$@"
}

# fake NAME: a program of this name, first in PATH, whose body is standard input
fake() {
  mkdir -p "$WORLD/bin"
  { echo '#!/bin/bash'; cat; } >"$WORLD/bin/$1"
  chmod +x "$WORLD/bin/$1"
  PATH=$WORLD/bin:$PATH
}

@test "make install puts program, man page and licence under DESTDIR, make uninstall takes them away" {
  plain_make install DESTDIR="$WORLD/root" prefix=/usr
  [ -x "$WORLD/root/usr/sbin/objgraph-trace" ]
  [ -s "$WORLD/root/usr/share/man/man8/objgraph-trace.8" ]
  [ -s "$WORLD/root/usr/share/doc/objgraph-trace/LICENSE" ]
  plain_make uninstall DESTDIR="$WORLD/root" prefix=/usr
  [ -z "$(find "$WORLD/root" ! -type d)" ]
}

@test "the man page is well-formed and shows every option of --help" {
  command -v man >/dev/null || skip "no man"
  run man --warnings -l "$TOP/man/objgraph-trace.8"
  [ "$status" = 0 ]
  [[ ${output,,} != *warning* ]]
  ogt --help
  for option in $(grep -oE '(^|[ ,])--[a-z-]+' "$WORLD/out" "$WORLD/err" -h | tr -d ' ,' | sort -u); do
    echo "$option"
    sed 's/\\-/-/g' "$TOP/man/objgraph-trace.8" | grep -q -- "$option"
  done
}

@test "a missing library is named with its package" {
  fake pkg-config <<<'case $* in *libelf*) exit 1 ;; esac; exec /usr/bin/pkg-config "$@"'
  run plain_make BUILD="$WORLD/build" PROGRAM="$WORLD/build/program"
  [ "$status" != 0 ]
  [[ $output == *"libelf is missing: install libelf-dev"* ]]
  [ "$(grep -c missing <<<"$output")" = 1 ]
}

@test "a second make has nothing to do, and a changed header rebuilds what includes it" {
  mkdir "$WORLD/copy"
  cp -r "$TOP"/{Makefile,user,bpf,vmlinux} "$WORLD/copy"
  make_copy() { plain_make -C "$WORLD/copy" "$@"; }
  make_copy BUILD=out -j2 out/user/stream.o out/user/error.o out/user/calibrate.o
  run make_copy BUILD=out out/user/stream.o out/user/error.o out/user/calibrate.o
  [[ $output != *" CC "* && $output != *" BPF "* ]]
  touch "$WORLD/copy/user/site_x86_64.h"
  run make_copy BUILD=out out/user/stream.o out/user/error.o out/user/calibrate.o
  [[ $output == *"user/calibrate.c"* && $output != *"user/stream.c"* && $output != *"user/error.c"* ]]
  touch "$WORLD/copy/bpf/alloc_probe.h"
  run make_copy BUILD=out out/user/stream.o
  [[ $output == *" BPF "* && $output == *"GEN-SKEL"* && $output == *"user/stream.c"* ]]
}

@test "the BPF object builds, and is the same, where the kernel has no BTF" {
  [ "$(id -u)" = 0 ]
  plain_make BUILD="$WORLD/with" "$WORLD/with/alloc_probe.skel.h"
  export -f plain_make
  export TOP WORLD
  unshare -m bash -c 'if [ -d /sys/kernel/btf ]; then mount -t tmpfs none /sys/kernel/btf; fi
    [ ! -e /sys/kernel/btf/vmlinux ] && plain_make BUILD="$WORLD/without" "$WORLD/without/alloc_probe.skel.h"'
  cmp "$WORLD/with/alloc_probe.bpf.o" "$WORLD/without/alloc_probe.bpf.o"
}

@test "deps: nothing missing, nothing asked of apt-get" {
  fake dpkg-query <<<'for package in "${@:3}"; do echo "installed $package"; done'
  fake apt-get <<<'echo "apt-get $*" >&2; exit 1'
  run "$TOP/scripts/deps.sh" check
  [ "$status" = 0 ]
  [ -z "$output" ]
}

@test "deps: only what is missing is installed, after one update" {
  fake dpkg-query <<<'for package in "${@:3}"; do case $package in jq | gdb) ;; *) echo "installed $package" ;; esac; done; exit 1'
  fake apt-get <<<"echo \"\$*\" >>'$WORLD/calls'"
  "$TOP/scripts/deps.sh" build
  [ ! -e "$WORLD/calls" ]
  "$TOP/scripts/deps.sh" check
  [ "$(wc -l <"$WORLD/calls")" = 2 ]
  grep -q ' update$' <(head -n 1 "$WORLD/calls")
  grep -q ' install .* gdb jq$' <(tail -n 1 "$WORLD/calls")
}

@test "deps: a package that cannot be installed is an error with apt-get's own words" {
  fake dpkg-query <<<'exit 1'
  fake apt-get <<<'echo "E: Unable to locate package"; exit 100'
  run "$TOP/scripts/deps.sh" build
  [ "$status" = 1 ]
  [[ $output == *"Unable to locate package"* && $output == *"apt-get update failed"* ]]
}

@test "deps: without apt-get the packages are listed" {
  mkdir "$WORLD/bin"
  ln -s "$(command -v bash)" "$WORLD/bin/bash"
  run env PATH="$WORLD/bin" bash "$TOP/scripts/deps.sh" build
  [ "$status" = 1 ]
  [[ $output == *"no apt-get here"* && $output == *"libbpf-dev"* ]]
}

@test "deps: a newer libbpf that cannot be fetched is exit code 77 with the reason, and half of one is not kept" {
  fake apt-get <<<'. /etc/os-release
    case $* in
      indextargets*) echo "http://archive.invalid/debian/ $VERSION_CODENAME" ;;
      *) echo "E: Could not resolve it"; exit 100 ;;
    esac'
  OGT_PYTHONS=$WORLD/cache run "$TOP/scripts/deps.sh" newer-libbpf
  [ "$status" = 77 ]
  [[ $output == *"-backports cannot be reached: E: Could not resolve it"* ]]
  OGT_PYTHONS=$WORLD/cache run "$TOP/scripts/deps.sh" newer-libbpf
  [ "$status" = 77 ]
}
