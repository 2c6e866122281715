#!/usr/bin/env bats
# A heap in a file, a snapshot of --save or a core, says what the process itself said at that moment; what was cut or altered
# says nothing. On the interpreter that OGT_PYTHON names.

load helpers

# --- files ---

# save FILE [PID]: a snapshot of the target
save() {
  ogt -p "${2:-$TARGET}" --max-pause 10000 --save "$1" --format json
  succeeds
  [ -s "$1" ]
  runs_free "${2:-$TARGET}"
}

# save_core: gcore's of the target, at $CORE
save_core() {
  command -v gcore >/dev/null || skip "no gcore"
  gcore -o "$WORLD/core" "$TARGET" >"$WORLD/gcore" 2>&1 3>&- 4>&- || { cat "$WORLD/gcore"; return 1; }
  CORE=$WORLD/core.$TARGET
}

start_zoo() {
  start zoo.py "$INNER/zoo"
  eventually test -s "$WORLD/zoo"
  TARGET=$(innermost "$TARGET")
  eventually awaits_signal "$TARGET"
  jq -r '.[].address' "$WORLD/zoo" >"$WORLD/addresses"
}

# The target is no more: what is said from now on comes from files.
end_target() {
  end "${PIDS[-1]}"
  refuse kill -0 "$TARGET" 2>/dev/null
}

# ask NAME ARGS...: answers of all kinds about a process or a file, in $WORLD/NAME, less what tells one look from another
ask() {
  local name=$1 questions
  shift
  questions=("--types --limit 0" "--types --limit 0 --full-names" "--inspect list dict function type --limit 50"
    "--inspect module tuple cell --full-names --limit 0" "--inspect $(tr '\n' ' ' <"$WORLD/addresses") --full-names")
  : >"$WORLD/$name"
  for question in "${questions[@]}"; do
    # shellcheck disable=SC2086
    ogt "$@" --max-pause 10000 --format json $question
    succeeds
    json -S -c '.[] | select(.event != "attached") | del(.time, .pause_ms)' >>"$WORLD/$name"
  done
  for question in list builtins.dict Nobody; do
    ogt "$@" --count-of "$question"
    succeeds
    cat "$WORLD/out" >>"$WORLD/$name"
  done
}

same_answers() { # NAME NAME
  [ "$(grep -c '"event":"object"' "$WORLD/$1")" -gt 500 ]
  diff "$WORLD/$1" "$WORLD/$2" >"$WORLD/differences" || { head -c 3000 "$WORLD/differences"; return 1; }
}

judge_zoo() { # FILE
  # shellcheck disable=SC2046
  ogt --load "$1" --full-names --format json --inspect $(cat "$WORLD/addresses")
  succeeds
  "$JUDGE" "$TESTS/judge_objects.py" "$WORLD/out" "$WORLD/zoo"
}

# The file's census equals what the target counted, for every type, under short and full names.
file_equals_oracle() {
  local form flag oracles
  oracles=("$WORLD"/oracle "$WORLD"/oracle.[0-9])
  [ -e "${oracles[1]}" ] || oracles=("$WORLD"/oracle)
  for form in short full; do
    flag=
    if [ $form = full ]; then flag=--full-names; fi
    ogt --load "$1" --types --format json --limit 0 $flag
    succeeds
    "$JUDGE" "$TESTS/compare.py" "$form" "$WORLD/out" "${oracles[@]}"
  done
  [ "$(json '.[-1].frozen')" = "$(jq -s 'map(.frozen) | add' "${oracles[@]}")" ]
}

# --- the same answers ---

@test "process, snapshot and gcore's core: the same answers about a zoo of objects, from the files alone, too" {
  start_zoo
  ask live -p "$TARGET"
  save "$WORLD/snapshot"
  save_core
  end_target
  ask saved --load "$WORLD/snapshot"
  same_answers live saved
  ask dumped --load "$CORE"
  same_answers live dumped
  judge_zoo "$WORLD/snapshot"
  judge_zoo "$CORE"
}

@test "the counts of the target itself, for every type, from a snapshot and a core" {
  start_at_barrier many.py 1000
  save "$WORLD/snapshot"
  save_core
  end_target
  file_equals_oracle "$WORLD/snapshot"
  file_equals_oracle "$CORE"
}

@test "objects parked by gc.freeze()" {
  start_at_barrier gc_freeze.py
  save "$WORLD/snapshot"
  save_core
  [ "$(json '.[-1].frozen')" -gt 1234 ]
  end_target
  file_equals_oracle "$WORLD/snapshot"
  grep -i freeze "$WORLD/err"
  file_equals_oracle "$CORE"
}

# of_interpreters KIND: three of them in one process
of_interpreters() {
  start_at_barrier subinterpreters.py "$1"
  save "$WORLD/snapshot"
  save_core
  end_target
  file_equals_oracle "$WORLD/snapshot"
  [ "$MINOR" -lt 9 ] || [ "$(json '.[0].interpreters')" = 3 ]
  file_equals_oracle "$CORE"
}

@test "several interpreters that share the GIL" { of_interpreters shared; }

@test "several interpreters with a GIL of their own" { of_interpreters isolated; }

@test "PYTHONMALLOC=malloc" {
  PYTHONMALLOC=malloc start_at_barrier many.py 1000
  save "$WORLD/snapshot"
  save_core
  end_target
  file_equals_oracle "$WORLD/snapshot"
  file_equals_oracle "$CORE"
}

# --- a process that never rests ---

census_of_err() { sed -n 's/.*: \([0-9]* objects of [0-9]* types\).*/\1/p' "$WORLD/err"; }

# saved_and_loaded: the file holds the census that was told while it was saved
saved_and_loaded() {
  local told objects
  rm -f "$WORLD/snapshot"
  save "$WORLD/snapshot"
  told=$(census_of_err) objects=$(json '.[-1] | select(.event == "saved") | "\(.objects) \(.frozen)"')
  [ -n "$told" ]
  ogt --load "$WORLD/snapshot" --types --limit 0 --format json
  succeeds
  [ "$(census_of_err)" = "$told" ]
  [ "$(json '.[-1] | "\(.objects) \(.frozen)"')" = "$objects" ]
  [ "$(json '.[-1] | .objects - (.types | map(.count) | add)')" = 0 ]
}

@test "a process that never rests: each file is of one moment" {
  start swapping.py "$INNER/swapping" plain
  eventually test -s "$WORLD/swapping"
  TARGET=$(innermost "$TARGET")
  for _ in 1 2 3 4 5 6; do
    saved_and_loaded
    json -e '[.[-1].types[] | select(.type == "Left" or .type == "Right").count] | length == 2 and add == 200000 and min >= 99999'
  done
}

@test "a process that allocates all the time: objects are whole in each file" {
  local i
  start_beating busy.py 2000
  TARGET=$(innermost "$TARGET")
  for i in {1..10}; do
    saved_and_loaded
    [ "$(json '.[-1].types[] | select(.type == "Kept").count')" = 2000 ]
    ogt --load "$WORLD/snapshot" --format json --limit 300 --inspect Kept list dict tuple
    succeeds
    [ "$(json '[.[] | select(.event == "object")] | length')" = 1200 ]
    # Its type, its size, its references and its text could be read of each.
    json -e '[.[] | select(.event == "object") | select(.repr == null or .size == null or .refcount == null or
      .type == null or .generation == null)] == []' || { json -c '.[] | select(.event == "object" and .repr == null)' | head; return 1; }
    [ "$(json '[.[] | select(.type == "Kept") | .repr | test("^<__main__.Kept at 0x[0-9a-f]+>$")] | length == 300 and all')" = true ]
  done
  makes_progress
}

@test "threads, coroutines, finalizers, classes that come and go: every file can be read" {
  start_beating conserve.py
  TARGET=$(innermost "$TARGET")
  for _ in {1..6}; do saved_and_loaded; done
  makes_progress
}

# --- what is new, what grew ---

# files_of_steps N: snapshots of new_ids.py at so many barriers, $WORLD/s.0 and on, and gcore's cores, $WORLD/c.0 and on
files_of_steps() {
  local k
  start_ids
  for ((k = 0; k < $1; k++)); do
    [ "$k" = 0 ] || next_step "$k"
    save "$WORLD/s.$k"
    save_core
    mv "$CORE" "$WORLD/c.$k"
  done
  end_target
}

new_of() { # FILE FILE... [-- ARGS...]
  local files=()
  while [ $# -gt 0 ] && [ "$1" != -- ]; do files+=(--load "$1") && shift; done
  ogt --new-ids --limit 0 "${files[@]}" "${@:2}"
  succeeds
}

@test "new ids of two files are objgraph's, of three those that stayed" {
  local form flag sort kind
  files_of_steps 3
  for form in short full; do
    flag=()
    if [ $form = full ]; then flag=(--full-names); fi
    new_of "$WORLD/s.0" "$WORLD/s.1" -- "${flag[@]}" --format json
    "$JUDGE" "$TESTS/objgraph_new_ids.py" "$form" deltas 0 "$WORLD/out" "$WORLD/ids.0" "$WORLD/ids.1"
    new_of "$WORLD/c.1" "$WORLD/c.2" -- "${flag[@]}" --format json
    "$JUDGE" "$TESTS/objgraph_new_ids.py" "$form" deltas 0 "$WORLD/out" "$WORLD/ids.1" "$WORLD/ids.2"
    for sort in old new; do
      new_of "$WORLD/s.0" "$WORLD/s.2" -- "${flag[@]}" --sort-by "$sort"
      "$JUDGE" "$TESTS/objgraph_new_ids.py" "$form" "$sort" 0 "$WORLD/out" "$WORLD/ids.0" "$WORLD/ids.2"
    done
    for kind in s c; do
      new_of "$WORLD/$kind".{0,1,2} -- "${flag[@]}" --format json
      "$JUDGE" "$TESTS/stayed_ids.py" "$form" "$WORLD/out" "$WORLD"/ids.{0,1,2}
    done
    # A snapshot beside a core of the same process.
    new_of "$WORLD/s.0" "$WORLD/c.1" "$WORLD/s.2" -- "${flag[@]}" --format json
    "$JUDGE" "$TESTS/stayed_ids.py" "$form" "$WORLD/out" "$WORLD"/ids.{0,1,2}
  done
  # The three agree on what stayed, or this would be a test of nothing.
  new_of "$WORLD/s.0" "$WORLD/s.2" -- --format json
  refuse "$JUDGE" "$TESTS/stayed_ids.py" short "$WORLD/out" "$WORLD"/ids.{0,1,2}
}

@test "growth of two files is the difference of their counts" {
  local k
  files_of_steps 3
  for k in 0 1; do
    ogt --load "$WORLD/s.$k" --types --limit 0 --format json
    succeeds
    json '.[-1].types' >"$WORLD/counts.$k"
  done
  ogt --load "$WORLD/s.0" --load "$WORLD/s.1" --limit 0 --format json
  succeeds
  jq -s -S '(.[0] | map({(.type): .count}) | add) as $old | .[1] | map({type, count, delta: (.count - ($old[.type] // 0))}) |
    map(select(.delta > 0)) | sort_by(.type)' "$WORLD/counts.0" "$WORLD/counts.1" >"$WORLD/expected"
  [ "$(jq length "$WORLD/expected")" -ge 3 ]
  json -S '[.[] | select(.event == "growth")] | .[1].types | map({type, count, delta}) | sort_by(.type)' | diff "$WORLD/expected" -
  [ "$(json '[.[] | select(.event == "growth")] | "\(length) \(.[0].seq) \(.[1].seq)"')" = "2 0 1" ]
  [ "$(json '[.[] | select(.event == "growth")][0].types | map(.count) | add')" = "$(jq 'map(.count) | add' "$WORLD/counts.0")" ]
  # Later files go on from there: a table for each.
  ogt --load "$WORLD/s.0" --load "$WORLD/c.1" --load "$WORLD/s.2" --limit 0 --format json
  succeeds
  [ "$(json '[.[] | select(.event == "growth")] | length')" = 3 ]
}

# --- cores of the kernel ---

# dumping ARGS...: RUN_PYTHON of a program that leaves a core in $WORLD when it aborts
dumps_core() {
  case $(cat /proc/sys/kernel/core_pattern) in core | core.%p) ;; *) skip "core_pattern is $(cat /proc/sys/kernel/core_pattern)" ;; esac
  # shellcheck disable=SC2016
  WRAPPER=(bash -c 'cd "$1" && ulimit -c unlimited && shift && exec "$@"' - "$WORLD")
}

# The target aborts; its core is at $CORE.
abort_target() {
  kill -ABRT "$TARGET"
  eventually is_gone "${PIDS[-1]}"
  CORE=$(find "$WORLD" -maxdepth 1 -name 'core' -o -name "core.$TARGET" | head -n 1)
  [ -n "$CORE" ]
}

@test "the kernel's core of a process that aborts: the same answers as before" {
  only_system
  dumps_core
  start_zoo
  ask live -p "$TARGET"
  save "$WORLD/snapshot"
  abort_target
  ask dumped --load "$CORE"
  same_answers live dumped
  judge_zoo "$CORE"
  ask saved --load "$WORLD/snapshot"
  same_answers live saved
}

@test "cores with more or fewer mappings in them; one without the heap is refused" {
  local filter
  only_system
  dumps_core
  for filter in 0x7f 0x23 0x11 0x01; do
    start_zoo
    ask live -p "$TARGET"
    echo "$filter" >"/proc/$TARGET/coredump_filter"
    abort_target
    echo "coredump_filter $filter: $(stat -c %s "$CORE") bytes"
    ask dumped --load "$CORE"
    same_answers live dumped
    rm "$CORE" "$WORLD/zoo"
  done
  start_zoo
  echo 0 >"/proc/$TARGET/coredump_filter"
  abort_target
  ogt --load "$CORE" --types
  fails_with 1 "$CORE"
  [ ! -s "$WORLD/out" ]
}

@test "a program that embeds libpython: its core and its snapshot" {
  only_system
  dumps_core
  build_embed
  RUN_PYTHON=("${EMBED[@]}")
  start_at_barrier many.py 1000
  save "$WORLD/snapshot"
  abort_target
  file_equals_oracle "$WORLD/snapshot"
  file_equals_oracle "$CORE"
}

# --- what is no heap ---

# refused_file FILE PATTERN...: said, with its name, and no answer
refused_file() {
  local file=$1
  shift
  ogt --load "$file" --types
  if [ "$status" != 1 ]; then echo "$file was read, $(stat -c %s "$file") bytes"; fi
  fails_with 1 "$file" "$@"
  [ ! -s "$WORLD/out" ]
}

@test "what is no heap is refused, and says what it is not" {
  only_system
  start_at_barrier plain.py
  save "$WORLD/snapshot"
  : >"$WORLD/empty"
  echo "a text" >"$WORLD/text"
  gzip -c "$WORLD/snapshot" >"$WORLD/packed"
  mkfifo "$WORLD/fifo"
  ln -s "$WORLD/none" "$WORLD/dangling"
  refused_file "$WORLD/empty" 'neither a snapshot' 'empty'
  refused_file "$WORLD/text" 'neither a snapshot'
  refused_file "$WORLD/packed" 'neither a snapshot' 'unpacked'
  refused_file "$WORLD" 'no regular file'
  refused_file "$WORLD/fifo" 'no regular file'
  refused_file /dev/zero 'no regular file'
  refused_file "$WORLD/none" 'No such file'
  refused_file "$WORLD/dangling" 'No such file'
  refused_file "$OGT" 'neither a snapshot'
  # 32-bit and big-endian cores, their heads at least; then one with nothing behind its head
  "$JUDGE" -c 'import struct, sys
for name, kind in (("32", b"\1\1"), ("big", b"\2\2")):
    head = b"\x7fELF" + kind + b"\1" + bytes(9)
    head += struct.pack(("<" if kind == b"\1\1" else ">") + "HHIQQQIHHHHHH", 4, 3, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    open(sys.argv[1] + "/" + name, "wb").write(head + bytes(4096))' "$WORLD"
  refused_file "$WORLD/32" '32-bit'
  printf '\x7fELF\x02\x01\x01' | cat - <(head -c 9 /dev/zero) <(printf '\x04\x00\x3e\x00') <(head -c 44 /dev/zero) >"$WORLD/bare"
  refused_file "$WORLD/bare" 'no segments'
  # Through a link it is what it is.
  ln -s "$WORLD/snapshot" "$WORLD/link"
  ogt --load "$WORLD/link" --types
  succeeds
}

@test "a snapshot that is cut anywhere is refused, with the offset" {
  local size at
  only_system
  start_at_barrier plain.py
  save "$WORLD/good"
  size=$(stat -c %s "$WORLD/good")
  for at in 1 19 20 31 32 33 63 64 65 100 1000 $((size - 33)) $((size - 32)) $((size - 31)) $((size - 2)) $((size - 1)) \
    $(seq $((size / 30)) $((size / 30)) $((size - 40))); do
    head -c "$at" "$WORLD/good" >"$WORLD/cut"
    if [ "$at" -lt 20 ]; then
      refused_file "$WORLD/cut" 'neither a snapshot'
    else
      refused_file "$WORLD/cut" 'cut short' 'at byte [0-9]+$'
      [ "$(sed -n 's/.*at byte //p' "$WORLD/err")" -le "$at" ]
    fi
  done
  cp "$WORLD/good" "$WORLD/longer"
  printf x >>"$WORLD/longer"
  refused_file "$WORLD/longer" "at byte $size\$"
  cat "$WORLD/good" "$WORLD/good" >"$WORLD/longer"
  refused_file "$WORLD/longer" "at byte $size\$"
}

@test "a snapshot with one byte altered is refused, wherever that is" {
  only_system
  start_at_barrier plain.py
  save "$WORLD/good"
  "$JUDGE" - "$OGT" "$WORLD/good" "$WORLD/altered" <<'END'
import random, re, subprocess, sys
tool, good, altered = sys.argv[1:]
data = open(good, "rb").read()
random.seed(1)
places = list(range(0, 100, 3)) + [len(data) - 1 - i for i in range(0, 40, 3)]
places += [random.randrange(len(data)) for _ in range(100)]
for place in places:
    bytes_ = bytearray(data)
    bytes_[place] ^= 1 << random.randrange(8)
    open(altered, "wb").write(bytes_)
    run = subprocess.run([tool, "--load", altered, "--types"], capture_output=True, text=True)
    offset = re.search(r"at byte (\d+)$", run.stderr.strip())
    said = altered in run.stderr and (place < 32 or offset and int(offset[1]) <= place)
    if run.returncode != 1 or run.stdout or not said:
        sys.exit("byte %d of %d: exit code %d, %s" % (place, len(data), run.returncode, run.stderr))
END
  # Another version of the format is named as such.
  sed '1s/heap 1$/heap 2/' "$WORLD/good" >"$WORLD/altered"
  cmp -s "$WORLD/good" "$WORLD/altered" && return 1
  refused_file "$WORLD/altered" version
}

@test "a core that is cut is refused, with the offset" {
  local core size at
  only_system
  dumps_core
  start_at_barrier plain.py
  save_core
  abort_target
  for core in "$WORLD"/core*; do
    ogt --load "$core" --types
    succeeds
    size=$(stat -c %s "$core")
    cp "$core" "$WORLD/cut"
    for at in $((size - 1)) $((size - 3000)) $((size - 5000)) $(seq $((size * 14 / 15)) -$((size / 15)) 5000) 4000 2000 100 64; do
      truncate -s "$at" "$WORLD/cut"
      refused_file "$WORLD/cut" "cut short at byte $at,"
    done
    truncate -s 63 "$WORLD/cut"
    refused_file "$WORLD/cut" 'neither a snapshot'
  done
}
