#!/usr/bin/env bats
# Where a Python can live: deleted and replaced files, programs that embed it, other namespaces. The interpreters in
# chroots are in exact.bats.

load helpers

# copy_python: the interpreter under test, with its shared library if it has one, at $WORLD/bin/python
copy_python() {
  local prefix=${PYTHON%/bin/*} library
  mkdir "$WORLD/bin"
  cp -L "$CHROOT$PYTHON" "$WORLD/bin/python"
  RUN_PYTHON=(env PYTHONHOME="$prefix" LD_LIBRARY_PATH="$INNER/bin" "$INNER/bin/python")
  for library in "$CHROOT$prefix"/lib/libpython3.*.so.1.0; do
    if [ -e "$library" ]; then cp "$library" "$WORLD/bin"; fi
  done
}

mapped() { grep -q -- "$1" "/proc/$TARGET/maps"; }

@test "an executable that was deleted" {
  copy_python
  start_at_barrier many.py 1000
  rm "$WORLD"/bin/*
  mapped "$INNER/bin/python (deleted)"
  census_equals_oracle
}

@test "an executable that was replaced by an upgrade" {
  copy_python
  start_at_barrier many.py 1000
  cp /bin/sleep "$WORLD/new"
  mv "$WORLD/new" "$WORLD/bin/python"
  census_equals_oracle
}

@test "a shared libpython that was deleted or replaced" {
  OGT_PYTHON=$("$TESTS/../scripts/pythons.sh" --list | sed -n 's/^\(pyenv-[^\t]*\).*/\1/p' | tail -n 1)
  [ -n "$OGT_PYTHON" ] || skip "no interpreter with a shared libpython"
  choose_python
  copy_python
  start_at_barrier many.py 1000
  mapped "$INNER/bin/libpython3"
  rm "$WORLD"/bin/*
  mapped "$INNER/bin/libpython3.*(deleted)"
  census_equals_oracle
  cp /bin/sleep "$WORLD/bin/$(cd "$(dirname "$PYTHON")/../lib" && basename libpython3.*.so.1.0)"
  census_equals_oracle
}

@test "the folder that it lies in was renamed, and its name is hostile" {
  copy_python
  mkdir "$WORLD/sub"
  mv "$WORLD/bin/python" "$WORLD/sub/py thon (deleted) "$'\n\x1b[31m'
  RUN_PYTHON=("${RUN_PYTHON[@]:0:3}" "$INNER/sub/py thon (deleted) "$'\n\x1b[31m')
  start_at_barrier many.py 1000
  mv "$WORLD/sub" "$WORLD/moved"
  census_equals_oracle
  "$JUDGE" "$TESTS/check_printable.py" "$WORLD/out" "$WORLD/err"
}

@test "a process in its own mount and pid namespace, with its own /proc and /tmp" {
  WRAPPER=(unshare --fork --pid --mount-proc --mount -- bash -c 'mount --bind "$0" /mnt && exec "$@"' "$WORLD")
  INNER=/mnt
  start_at_barrier threads.py
  [ "$(jq .pid "$WORLD/oracle")" = 1 ]
  census_equals_oracle
}

@test "two pid namespaces deep" {
  WRAPPER=(unshare --fork --pid --mount-proc unshare --fork --pid --mount-proc)
  start_at_barrier many.py 1000
  [ "$(grep -c . <<<"$(sed -n 's/^NSpid:\t//p' "/proc/$TARGET/status" | tr '\t' '\n')")" = 3 ]
  census_equals_oracle
}

@test "a process of another user in a user namespace" {
  unshare --user --map-root-user true || skip "no user namespaces"
  chmod 777 "$WORLD"
  WRAPPER=(setpriv --reuid=65534 --regid=65534 --clear-groups unshare --user --map-root-user)
  start_at_barrier many.py 1000
  census_equals_oracle
}

@test "gdb's own Python" {
  command -v gdb >/dev/null || skip "no gdb"
  gdb -nx -batch -ex 'python print(1)' 2>/dev/null | grep -qx 1 || skip "this gdb has no Python"
  launch gdb -nx -batch -ex "python import sys; sys.path.insert(0, '$WORLD'); sys.argv = ['', '$WORLD/oracle', '1000']" \
    -ex "python import many"
  wait_for_barrier "$WORLD/oracle"
  mapped gdb
  census_equals_oracle
}

@test "a program that embeds libpython statically and was stripped" {
  local archive
  archive=$(find /usr/lib/python3.11 -name 'libpython3.11-pic.a' -print -quit 2>/dev/null)
  [ "$LABEL" = system-3.11 ] && [ -n "$archive" ] && [ -e /usr/include/python3.11/Python.h ] || skip "no libpython3.11-pic.a"
  gcc -w -I /usr/include/python3.11 -pie -fPIE -o "$WORLD/embed" "$TESTS/targets/embed.c" "$archive" -Wl,-E -lz -lexpat -lm -ldl -s ||
    skip "libpython3.11-pic.a cannot be linked here"
  [ "$(nm "$WORLD/embed" 2>/dev/null | wc -l)" = 0 ]
  RUN_PYTHON=("$WORLD/embed")
  start_at_barrier many.py 1000
  refuse mapped libpython
  census_equals_oracle
}

@test "libpython under another name, loaded late, as a plugin does" {
  build_embed
  mkdir "$WORLD/plugins"
  cp -L "$(ldd "$WORLD/embed" | awk '/libpython/ { print $3 }')" "$WORLD/plugins/plugin.so"
  cat >"$WORLD/host.c" <<'EOF'
#include <dlfcn.h>
#include <stdio.h>
#include <wchar.h>
int main(int argc, char **argv)
{
	void *plugin = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
	wchar_t *(*decode)(const char *, void *);
	wchar_t *wide[32];
	int i;
	if (!plugin)
		return puts(dlerror()), 1;
	decode = dlsym(plugin, "Py_DecodeLocale");
	for (i = 2; i < argc && i < 32; i++)
		wide[i - 2] = decode(argv[i], NULL);
	((void (*)(void))dlsym(plugin, "Py_Initialize"))();
	((void (*)(int, wchar_t **, int))dlsym(plugin, "PySys_SetArgvEx"))(argc - 2, wide, 1);
	return ((int (*)(FILE *, const char *))dlsym(plugin, "PyRun_SimpleFile"))(fopen(argv[2], "r"), argv[2]);
}
EOF
  gcc -w -o "$WORLD/host" "$WORLD/host.c" -ldl
  RUN_PYTHON=(env PYTHONHOME=/usr "$WORLD/host" "$WORLD/plugins/plugin.so")
  start_at_barrier many.py 1000
  mapped "plugins/plugin.so"
  census_equals_oracle
}

@test "8 GB of memory that holds no objects costs nothing" {
  cat >"$WORLD/big.py" <<'EOF'
import mmap, sys, oracle
big = mmap.mmap(-1, 8 << 30)
for offset in range(0, 8 << 30, 1 << 26):
    big[offset] = 1
oracle.barrier(sys.argv[1])
EOF
  start_at_barrier big.py
  census_equals_oracle
  if grep -q __asan_init "$OGT"; then return; fi # it reserves terabytes
  status=0
  (ulimit -v 2000000 && timeout -k 5 "$PATIENCE" "$OGT" -p "$TARGET" --types >"$WORLD/out" 2>"$WORLD/err") || status=$?
  succeeds
}

# limited_group MEGABYTES: a control group of either version with this limit on memory, at $GROUP; or skips
limited_group() {
  local file=memory.max
  GROUP=/sys/fs/cgroup/objgraph-trace.$$
  if [ -d /sys/fs/cgroup/memory ]; then GROUP=/sys/fs/cgroup/memory/objgraph-trace.$$ file=memory.limit_in_bytes; fi
  mkdir "$GROUP" 2>/dev/null || skip "no control group can be made here"
  if ! [ -e "$GROUP/$file" ] || ! echo $(($1 << 20)) >"$GROUP/$file"; then
    rmdir "$GROUP"
    skip "no limit on memory can be set here"
  fi
}

@test "a control group with too little memory for the copy: refused, and nobody is ended" {
  local look
  start_at_barrier many.py 700000
  limited_group 48
  for look in --types "--save $WORLD/heap" "--new-ids --wait 0.1"; do
    status=0
    # shellcheck disable=SC2086
    timeout -k 5 "$PATIENCE" bash -c "echo \$\$ >$GROUP/cgroup.procs; exec \"\$@\"" bash "$OGT" -p "$TARGET" $look \
      >"$WORLD/out" 2>"$WORLD/err" 3>&- 4>&- || status=$?
    [ "$status" = 1 ] || break
    grep -q 'more memory than can be had: 4[0-9] MB\|more memory than can be had: 50 MB' "$WORLD/err" || break
  done
  rmdir "$GROUP"
  fails_with 1 'more memory than can be had'
  [ ! -e "$WORLD/heap" ]
  runs_free "$TARGET"
  census_equals_oracle
}
