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
    # (A quote within a string has a backslash before it.)
    LC_ALL=C sed -E '/^\{"event":"attached"/d; s/"(time|pause_ms)":("[^"]*"|[0-9.]+),//g' "$WORLD/out" >>"$WORLD/$name"
  done
  cp "$WORLD/out" "$WORLD/$name.zoo" # the last question: all of the zoo
  for question in list builtins.dict Nobody; do
    ogt "$@" --count-of "$question"
    succeeds
    cat "$WORLD/out" >>"$WORLD/$name"
  done
}

same_answers() { # NAME NAME
  [ "$(grep -c '"event":"object"' "$WORLD/$1")" -gt 500 ]
  refuse grep -qE '"(time|pause_ms)":' "$WORLD/$1"
  diff "$WORLD/$1" "$WORLD/$2" >"$WORLD/differences" || { head -c 3000 "$WORLD/differences"; return 1; }
}

# judge_zoo NAME: the answer about all objects of the zoo that ask kept is what the process said of them itself
judge_zoo() { "$JUDGE" "$TESTS/judge_objects.py" "$WORLD/$1.zoo" "$WORLD/zoo"; }

# The file's census equals what the target counted.
file_equals_oracle() {
  types_equal_oracle --load "$1"
  [ "$(json '.[-1].frozen')" = "$(jq -s 'map(.frozen) | add' "${ORACLES[@]}")" ]
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
  judge_zoo saved
  judge_zoo dumped
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

# Targets have 600 MB that are no object's.
with_ballast() {
  [ "$(awk '$1 == "MemAvailable:" { print int($2 / 1024) }' /proc/meminfo)" -gt 2500 ] || skip "too little memory here"
  RUN_PYTHON+=(-c 'import os, runpy, sys
ballast = bytearray(os.urandom(1 << 20)) * 600
sys.argv = sys.argv[1:]
sys.path.insert(0, os.path.dirname(sys.argv[0]))
runpy.run_path(sys.argv[0], run_name="__main__")')
}

# bats test_tags=once
@test "a process of 600 MB, most of them no object's: its objects whole, the rest left out" {
  with_ballast
  start_zoo
  [ "$(awk '$1 == "RssAnon:" { print int($2 / 1024) }' "/proc/$TARGET/status")" -ge 600 ]
  ask live -p "$TARGET"
  save "$WORLD/snapshot"
  end_target
  [ "$(stat -c %s "$WORLD/snapshot")" -lt 100000000 ]
  ask saved --load "$WORLD/snapshot"
  same_answers live saved
  judge_zoo saved
}

# --- a process that never rests ---

census_of_err() { sed -n 's/.*: \([0-9]* objects of [0-9]* types\).*/\1/p' "$WORLD/err"; }

# save_some N: so many files of the target one after the other, $WORLD/s.1 and on, and what was told of each. The target ends then:
# it would take time from who reads the files.
save_some() {
  local i
  for ((i = 1; i <= $1; i++)); do
    save "$WORLD/s.$i"
    census_of_err >"$WORLD/told.$i"
    json '.[-1] | select(.event == "saved") | "\(.objects) \(.frozen)"' >"$WORLD/numbers.$i"
  done
  if [ -e "$WORLD/beat" ]; then makes_progress; fi
  end_target
}

# loads_as_told I: file I holds the census that was told while it was saved; the census is the answer then
loads_as_told() {
  [ -s "$WORLD/told.$1" ]
  [ -s "$WORLD/numbers.$1" ]
  ogt --load "$WORLD/s.$1" --types --limit 0 --format json
  succeeds
  [ "$(census_of_err)" = "$(cat "$WORLD/told.$1")" ]
  [ "$(json '.[-1] | "\(.objects) \(.frozen)"')" = "$(cat "$WORLD/numbers.$1")" ]
  [ "$(json '.[-1] | .objects - (.types | map(.count) | add)')" = 0 ]
}

@test "a process that never rests: each file is of one moment" {
  local i
  start swapping.py "$INNER/swapping" plain
  eventually test -s "$WORLD/swapping"
  TARGET=$(innermost "$TARGET")
  save_some 4
  for i in {1..4}; do
    loads_as_told "$i"
    json -e '[.[-1].types[] | select(.type == "Left" or .type == "Right").count] | length == 2 and add == 200000 and min >= 99999'
  done
}

# objects_are_whole N: in so many files in a row of busy.py
objects_are_whole() {
  local i there
  start_beating busy.py 2000
  TARGET=$(innermost "$TARGET")
  save_some "$1"
  for ((i = 1; i <= $1; i++)); do
    loads_as_told "$i"
    [ "$(json '.[-1].types[] | select(.type == "Kept").count')" = 2000 ]
    there=$(json '[.[-1].types[] | select(.type == ("Kept", "list", "dict", "tuple")) | [.count, 300] | min] | add')
    ogt --load "$WORLD/s.$i" --format json --limit 300 --inspect Kept list dict tuple
    succeeds
    "$JUDGE" "$TESTS/judge_whole.py" "$WORLD/out" "$there"
  done
}

@test "a process that allocates all the time: objects are whole in each file" { objects_are_whole 5; }

# bats test_tags=once
@test "and one of 600 MB that does" {
  case $LABEL in system-* | sid-3.15) ;; *) skip "some interpreters will do" ;; esac
  with_ballast
  objects_are_whole 2
}

@test "a process that grows all the time: what lies on its newest pages, too" {
  local i newest=0
  start_beating growing.py
  TARGET=$(innermost "$TARGET")
  save_some 6
  for i in {1..6}; do
    loads_as_told "$i"
    ogt --load "$WORLD/s.$i" --format json --limit 1000 --inspect Fresh
    succeeds
    newest=$((newest + $(json '[.[] | select(.event == "object" and .generation == 0)] | length')))
    # One may be without a text yet.
    [ "$(json -c '.[] | select(.event == "object") | select(.repr | test("^<__main__.Fresh at 0x[0-9a-f]+ text=.made as number [0-9]+, and long") | not)' |
      tee "$WORLD/log.torn" | wc -l)" -le 1 ] || { head "$WORLD/log.torn"; return 1; }
  done
  [ "$newest" -gt 20 ]
}

@test "threads, coroutines, finalizers, classes that come and go: every file can be read" {
  local i
  start_beating conserve.py
  TARGET=$(innermost "$TARGET")
  save_some 4
  for i in {1..4}; do loads_as_told "$i"; done
}

# --- what is new, what grew ---

# files_of_steps: snapshots of new_ids.py at three barriers, $WORLD/s.0 and on, gcore's cores, $WORLD/c.0 and on, and the ids of
# all objects then, $WORLD/ids.0 and on. Made once, by the first test that asks.
files_of_steps() {
  local k made=$BATS_FILE_TMPDIR/steps
  if ! [ -e "$made" ]; then
    mkdir "$made.new"
    start_ids
    for k in 0 1 2; do
      [ "$k" = 0 ] || next_step "$k"
      save "$made.new/s.$k"
      save_core
      mv "$CORE" "$made.new/c.$k"
      cp "$WORLD/ids.$k" "$made.new"
    done
    end_target
    mv "$made.new" "$made"
  fi
  ln -sf "$made"/* "$WORLD"
}

new_of() { # FILE FILE... [-- ARGS...]
  local files=()
  while [ $# -gt 0 ] && [ "$1" != -- ]; do files+=(--load "$1") && shift; done
  ogt --new-ids --limit 0 "${files[@]}" "${@:2}"
  succeeds
}

@test "new ids of two files are objgraph's, of three those that stayed" {
  local form flag sort kind
  files_of_steps
  for form in short full; do
    flag=()
    if [ $form = full ]; then flag=(--full-names); fi
    new_of "$WORLD/s.0" "$WORLD/s.1" -- "${flag[@]}" --format json
    judge_later "$form" deltas 0 "$WORLD/ids.0" "$WORLD/ids.1"
    new_of "$WORLD/c.1" "$WORLD/c.2" -- "${flag[@]}" --format json
    judge_later "$form" deltas 0 "$WORLD/ids.1" "$WORLD/ids.2"
    for sort in old new; do
      new_of "$WORLD/s.0" "$WORLD/s.2" -- "${flag[@]}" --sort-by "$sort"
      judge_later "$form" "$sort" 0 "$WORLD/ids.0" "$WORLD/ids.2"
    done
    for kind in s c; do
      new_of "$WORLD/$kind".{0,1,2} -- "${flag[@]}" --format json
      "$JUDGE" "$TESTS/stayed_ids.py" "$form" "$WORLD/out" "$WORLD"/ids.{0,1,2}
    done
    # A snapshot beside a core of the same process.
    new_of "$WORLD/s.0" "$WORLD/c.1" "$WORLD/s.2" -- "${flag[@]}" --format json
    "$JUDGE" "$TESTS/stayed_ids.py" "$form" "$WORLD/out" "$WORLD"/ids.{0,1,2}
  done
  judge_now
  # The three agree on what stayed, or this would be a test of nothing.
  new_of "$WORLD/s.0" "$WORLD/s.2" -- --format json
  refuse "$JUDGE" "$TESTS/stayed_ids.py" short "$WORLD/out" "$WORLD"/ids.{0,1,2}
}

@test "of three files the objects that stayed, not those that came to lie where another was" {
  local k
  start staying.py "$INNER/ids"
  for k in 0 1 2; do
    if [ $k -gt 0 ]; then kill -USR1 "$TARGET"; fi
    wait_for_ids $k
    save "$WORLD/s.$k"
  done
  end_target
  new_of "$WORLD"/s.{0,1,2} -- --format json
  "$JUDGE" "$TESTS/stayed_objects.py" "$WORLD/out" "$WORLD"/ids.{0,1,2}
  grep -E 'told by id and by looks; [0-9]+ others' "$WORLD/err"
  # What stayed comes first, unless another order is asked for.
  [ "$(json '.[-1].types | [.[].new] | . == (sort | reverse) and .[0] > 0')" = true ]
  new_of "$WORLD"/s.{0,1,2} -- --format json --sort-by old
  [ "$(json '.[-1].types | [.[].old] | . == (sort | reverse)')" = true ]
}

@test "growth of two files is the difference of their counts" {
  local k
  files_of_steps
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

# bats test_tags=once
@test "the kernel's core of a process that aborts: the same answers as before" {
  dumps_core
  start_zoo
  ask live -p "$TARGET"
  save "$WORLD/snapshot"
  abort_target
  ask dumped --load "$CORE"
  same_answers live dumped
  judge_zoo dumped
  ask saved --load "$WORLD/snapshot"
  same_answers live saved
}

# bats test_tags=once
@test "cores with more or fewer mappings in them; one without the heap is refused" {
  local filter
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

# bats test_tags=once
@test "a program that embeds libpython: its core and its snapshot" {
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

# bats test_tags=once
@test "what is no heap is refused, and says what it is not" {
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

# bats test_tags=once
@test "a snapshot that is cut anywhere is refused, with the offset" {
  local size
  start_at_barrier plain.py
  save "$WORLD/good"
  size=$(stat -c %s "$WORLD/good")
  # shellcheck disable=SC2046
  "$JUDGE" "$TESTS/judge_cuts.py" "$OGT" "$WORLD/good" "$WORLD/cut" 1 19 20 31 32 33 63 64 65 100 1000 \
    $((size - 33)) $((size - 32)) $((size - 31)) $((size - 2)) $((size - 1)) $(seq $((size / 30)) $((size / 30)) $((size - 40)))
  cp "$WORLD/good" "$WORLD/longer"
  printf x >>"$WORLD/longer"
  refused_file "$WORLD/longer" "at byte $size\$"
  cat "$WORLD/good" "$WORLD/good" >"$WORLD/longer"
  refused_file "$WORLD/longer" "at byte $size\$"
}

# bats test_tags=once
@test "a snapshot with one byte altered is refused, wherever that is" {
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
  sed '1s/heap 2$/heap 3/' "$WORLD/good" >"$WORLD/altered"
  cmp -s "$WORLD/good" "$WORLD/altered" && return 1
  refused_file "$WORLD/altered" version
}

# bats test_tags=once
@test "a core that is cut is refused, with the offset" {
  local core size
  dumps_core
  start_at_barrier plain.py
  save_core
  abort_target
  for core in "$WORLD"/core*; do
    ogt --load "$core" --types
    succeeds
    size=$(stat -c %s "$core")
    # shellcheck disable=SC2046
    "$JUDGE" "$TESTS/judge_cuts.py" "$OGT" "$core" "$WORLD/cut" 63 64 100 2000 4000 \
      $(seq $((size * 14 / 15)) -$((size / 15)) 5000) $((size - 5000)) $((size - 3000)) $((size - 1))
  done
}

# --- the program that a core is of ---

# bats test_tags=once
@test "a core without the program that it is of: named, and read with --exe; another build is refused" {
  local other
  dumps_core
  mkdir "$WORLD/bin" "$WORLD/elsewhere" "$WORLD/other"
  cp "$PYTHON" "$WORLD/bin/python3"
  RUN_PYTHON=(env PYTHONHOME=/usr "$WORLD/bin/python3")
  start_zoo
  ask live -p "$TARGET"
  save_core
  mv "$CORE" "$WORLD/gdb"
  abort_target
  for CORE in "$CORE" "$WORLD/gdb"; do
    mv "$WORLD/bin/python3" "$WORLD/elsewhere/renamed"
    refused_file "$CORE" "$WORLD/bin/python3" -- '--exe'
    ask dumped --load "$CORE" --exe "$WORLD/elsewhere/renamed"
    same_answers live dumped
    # Of the files that are given the right one is found.
    ogt --load "$CORE" --exe /bin/true --exe "$WORLD" --exe "$WORLD/elsewhere/renamed" --count-of list
    succeeds
    ogt --load "$CORE" --exe "$WORLD/none" --exe "$WORLD/elsewhere/renamed" --count-of list
    fails_with 1 "cannot read --exe $WORLD/none"
    # Another build, under the same name: its build-id is in its first page.
    cp "$WORLD/elsewhere/renamed" "$WORLD/other/python3"
    "$JUDGE" -c 'import subprocess, sys
notes = subprocess.run(["readelf", "-lW", sys.argv[1]], capture_output=True, text=True).stdout
place = next(int(line.split()[1], 16) for line in notes.splitlines() if line.split()[:1] == ["NOTE"] and int(line.split()[4], 16) in (0x24, 0x44))
with open(sys.argv[1], "r+b") as file:
    file.seek(place + 20)
    byte = file.read(1)
    file.seek(place + 20)
    file.write(bytes([byte[0] ^ 255]))' "$WORLD/other/python3"
    refuse cmp -s "$WORLD/other/python3" "$WORLD/elsewhere/renamed"
    for other in "$WORLD/other/python3" /bin/true "$WORLD"; do
      ogt --load "$CORE" --exe "$other" --types
      fails_with 1 "$WORLD/bin/python3" -- '--exe'
      [ ! -s "$WORLD/out" ]
    done
    # Where the program was: another build by now.
    cp "$WORLD/other/python3" "$WORLD/bin/python3"
    refused_file "$CORE" "$WORLD/bin/python3" -- '--exe'
    cp "$WORLD/elsewhere/renamed" "$WORLD/bin/python3"
    ogt --load "$CORE" --count-of list
    succeeds
  done
}

# --- whose ids ---

# bats test_tags=once
@test "ids of two processes, of two programs, of one before and after exec are not compared" {
  local other first
  start_ids
  save "$WORLD/a"
  save_core
  mv "$CORE" "$WORLD/a.core"
  end_target
  start_ids
  save "$WORLD/b"
  save_core
  mv "$CORE" "$WORLD/b.core"
  for other in "$WORLD/b" "$WORLD/b.core"; do
    for first in "$WORLD/a" "$WORLD/a.core"; do
      ogt --load "$first" --load "$other" --new-ids
      fails_with 1 "$first and $other are of two processes"
      [ ! -s "$WORLD/out" ]
    done
  done
  ogt --load "$WORLD/a" --load "$WORLD/a.core" --load "$WORLD/b" --new-ids
  fails_with 1 'two processes'
  ogt --load "$WORLD/a" --load "$WORLD/a.core" --new-ids --format json
  succeeds
  [ "$(json '[.[-1].types[].new] | add')" = 0 ]
  cp "$PYTHON" "$WORLD/python3"
  RUN_PYTHON=(env PYTHONHOME=/usr "$WORLD/python3")
  start_ids
  save "$WORLD/other"
  ogt --load "$WORLD/a" --load "$WORLD/other" --new-ids
  fails_with 1 'of two programs' "$WORLD/python3"
  [ ! -s "$WORLD/out" ]
}

# bats test_tags=once
@test "after exec it is another process, also when that is the same Python" {
  start_that_execs
  save "$WORLD/a"
  save_core
  mv "$CORE" "$WORLD/a.core"
  kill -USR1 "$TARGET"
  eventually grep -q sleep "/proc/$TARGET/cmdline"
  eventually sleeps
  save "$WORLD/b"
  save_core
  mv "$CORE" "$WORLD/b.core"
  for pair in "a b" "a.core b.core" "a b.core"; do
    ogt --load "$WORLD/${pair% *}" --load "$WORLD/${pair#* }" --new-ids
    fails_with 1 'two processes' 'started at another time'
    [ ! -s "$WORLD/out" ]
  done
}

# --- where a snapshot goes ---

# bats test_tags=once
@test "a file that is there is kept, and the process not touched, unless --force" {
  start_at_barrier plain.py
  echo mine >"$WORLD/file"
  # Nobody could be traced here: it was said before anybody was looked at.
  launch sleep 1000
  ogt -p "$TARGET" --save "$WORLD/file"
  fails_with 1 "$WORLD/file is there already" -- '--force'
  TARGET=$(innermost "${PIDS[0]}")
  ogt -p "$TARGET" --save "$WORLD/file"
  fails_with 1 "$WORLD/file is there already" -- '--force'
  [ "$(cat "$WORLD/file")" = mine ]
  refuse grep 'objects of' "$WORLD/err"
  ogt -p "$TARGET" --save "$WORLD/file" --force
  succeeds
  file_equals_oracle "$WORLD/file"
  # A link is followed: the file is replaced, not the link.
  ln -s "$WORLD/file" "$WORLD/link"
  ogt -p "$TARGET" --save "$WORLD/link"
  fails_with 1 "$WORLD/link is there already"
  echo old >"$WORLD/file"
  ogt -p "$TARGET" --save "$WORLD/link" --force
  succeeds
  [ -L "$WORLD/link" ]
  file_equals_oracle "$WORLD/file"
  ls "$WORLD"/*.tmp && return 1
  runs_free "$TARGET"
}

# bats test_tags=once
@test "nobody else may read a snapshot, whatever the umask" {
  start_at_barrier plain.py
  umask 0
  save "$WORLD/new"
  [ "$(stat -c %a "$WORLD/new")" = 600 ]
  : >"$WORLD/old"
  chmod 666 "$WORLD/old"
  ogt -p "$TARGET" --save "$WORLD/old" --force
  succeeds
  [ "$(stat -c %a "$WORLD/old")" = 600 ]
  umask 777
  save "$WORLD/none"
  [ "$(stat -c %a "$WORLD/none")" = 0 ]
  umask 022
}

# bats test_tags=once
@test "a place that cannot be written to: said before the process is looked at" {
  local place
  start_at_barrier plain.py
  : >"$WORLD/file"
  mkdir "$WORLD/folder"
  ln -s "$WORLD/no/such" "$WORLD/dangling"
  for place in "$WORLD/no/such/folder" "$WORLD/file/below" "" "$WORLD/dangling"; do
    ogt -p "$TARGET" --save "$place"
    fails_with 1 "${place:-no name}"
    refuse grep 'objects of' "$WORLD/err"
  done
  mknod "$WORLD/device" c 1 3 || skip "no devices can be made here"
  mkfifo "$WORLD/fifo"
  for place in "$WORLD/folder" "$WORLD/device" "$WORLD/fifo"; do # there already, and no file that could be replaced
    ogt -p "$TARGET" --save "$place"
    fails_with 1 "$place is there already"
    ogt -p "$TARGET" --save "$place" --force
    fails_with 1 "$place" 'no regular file'
    refuse grep 'objects of' "$WORLD/err"
  done
  [ -c "$WORLD/device" ]
  [ -p "$WORLD/fifo" ]
  ogt -p "$TARGET" --save /proc/snapshot
  fails_with 1 'cannot write snapshot /proc/snapshot'
  runs_free "$TARGET"
  # A link to a folder is one.
  ln -s "$WORLD/folder" "$WORLD/through"
  save "$WORLD/through/file"
  file_equals_oracle "$WORLD/folder/file"
  [ "$(id -u)" = 0 ] || return 0
  chmod 755 "$WORLD/folder"
  # For who is not root: a folder of somebody else's.
  status=0
  setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=+sys_ptrace --ambient-caps=+sys_ptrace \
    "$OGT" -p "$TARGET" --save "$WORLD/folder/new" >"$WORLD/out" 2>"$WORLD/err" 3>&- 4>&- || status=$?
  fails_with 1 'Permission denied'
  refuse grep 'objects of' "$WORLD/err"
}

# bats test_tags=once
@test "a full disk: said, nothing of the file is left, an earlier one is kept, the process runs on" {
  start_beating busy.py
  TARGET=$(innermost "$TARGET")
  mkdir "$WORLD/small"
  # shellcheck disable=SC2016
  unshare -m bash -c 'mount -t tmpfs -o size=200k none "$1/small" && cd "$1/small" && echo mine >other || exit
    for force in "" --force; do
      "$2" -p "$3" --save "$1/small/$([ -z "$force" ] && echo new || echo other)" $force >"$1/out" 2>"$1/err"; echo $?
      cat "$1/err" >&2; ls
    done >"$1/codes" 2>"$1/said"; cat other >"$1/other"' \
    - "$WORLD" "$OGT" "$TARGET" 3>&- 4>&- || skip "no mount namespaces"
  [ "$(tr '\n' ' ' <"$WORLD/codes")" = "1 other 1 other " ]
  [ "$(cat "$WORLD/other")" = mine ]
  grep "cannot write snapshot $WORLD/small/new: No space left" "$WORLD/said"
  grep "cannot write snapshot $WORLD/small/other: No space left.*earlier one was kept" "$WORLD/said"
  runs_free "$TARGET"
  makes_progress
}

# bats test_tags=once
@test "files may not become so large: said, nothing of the file is left" {
  start_beating busy.py
  TARGET=$(innermost "$TARGET")
  # Whether the signal is ignored or not.
  for action in ignore default; do
    status=0
    # shellcheck disable=SC2016
    env "--$action-signal=XFSZ" bash -c 'ulimit -f 200 && exec "$@"' - "$OGT" -p "$TARGET" --save "$WORLD/snapshot" \
      >"$WORLD/out" 2>"$WORLD/err" 3>&- 4>&- || status=$?
    fails_with 1 "cannot write snapshot $WORLD/snapshot: File too large"
    [ -z "$(find "$WORLD" -name 'snapshot*')" ]
    runs_free "$TARGET"
    makes_progress
  done
}

# --- what comes between ---

# start_crowded: a large heap of a process that works; its pid is in TARGET
start_crowded() {
  start_beating busy.py 300000
  TARGET=$(innermost "$TARGET")
}

# half_way COMMAND...: the command begins to write $WORLD/snapshot, in the background, and is stopped there; SAVER is who
# writes. Where it was faster than that it is begun again.
half_way() {
  for _ in {1..50}; do
    rm -f "$WORLD"/{catching,snapshot}
    "$JUDGE" "$TESTS/stop_writer.py" "$WORLD" "$WORLD/catching" >"$WORLD/caught" 3>&- 4>&- &
    WATCHERS+=($!)
    eventually test -e "$WORLD/catching"
    "$@"
    eventually is_gone "${WATCHERS[-2]}"
    SAVER=$(cat "$WORLD/caught")
    if [ -n "$SAVER" ]; then return; fi
    eventually is_gone "${WATCHERS[-1]}"
    [ -e "$WORLD/snapshot" ]
  done
  return 1
}

save_half() { half_way start_ogt -p "$TARGET" --save "$WORLD/snapshot" --max-pause 10000 --format json; }

# bats test_tags=once
@test "the process runs while the file is written; Ctrl-C and SIGTERM leave nothing of it" {
  local signal
  start_crowded
  for signal in INT:130 TERM:143; do
    save_half
    runs_free "$TARGET"
    makes_progress
    kill -"${signal%:*}" "$SAVER"
    kill -CONT "$SAVER"
    wait_for_ogt
    [ "$status" = "${signal#*:}" ]
    [ -z "$(find "$WORLD" -name 'snapshot*')" ]
    runs_free "$TARGET"
    makes_progress
  done
}

# bats test_tags=once
@test "kill -9 of the tool: the process runs, and another one may save to the same place" {
  start_crowded
  save_half
  kill -KILL "$SAVER"
  eventually is_gone "$SAVER"
  [ ! -e "$WORLD/snapshot" ]
  runs_free "$TARGET"
  makes_progress
  save "$WORLD/snapshot"
  ogt --load "$WORLD/snapshot" --count-of Kept
  succeeds
  [ "$(cat "$WORLD/out")" = 300000 ]
}

# bats test_tags=once
@test "the process dies while its file is written: the file is good" {
  local objects
  start_crowded
  save_half
  end_target
  kill -CONT "$SAVER"
  wait_for_ogt
  succeeds
  objects=$(json '.[-1] | select(.event == "saved").objects')
  [ "$objects" -ge 300000 ]
  ogt --load "$WORLD/snapshot" --types --format json
  succeeds
  [ "$(json '.[-1].objects')" = "$objects" ]
  ogt --load "$WORLD/snapshot" --inspect Kept --limit 5
  succeeds
  [ "$(grep -c '<__main__.Kept at' "$WORLD/out")" = 5 ]
}

# bats test_tags=once
@test "somebody else made the file meanwhile: theirs is kept" {
  start_crowded
  save_half
  echo theirs >"$WORLD/snapshot"
  kill -CONT "$SAVER"
  wait_for_ogt
  fails_with 1 'File exists' 'kept'
  [ "$(cat "$WORLD/snapshot")" = theirs ]
  [ "$(find "$WORLD" -name 'snapshot*')" = "$WORLD/snapshot" ]
}

# bats test_tags=once
@test "a terminal is told how far it is, a file is not" {
  start_crowded
  save_half
  sleep 0.5 # more than it waits before it says a word
  kill -CONT "$SAVER"
  wait_for_ogt
  succeeds
  refuse grep -q $'saving\|\r\|\033' "$WORLD/err"
  rm "$WORLD/snapshot"
  # Stopped for longer than it stays silent, it has to say something, at any speed.
  half_way on_terminal
  sleep 0.5
  kill -CONT "$SAVER"
  eventually is_gone "${WATCHERS[-1]}"
  [ -e "$WORLD/snapshot" ]
  grep -E 'saving: [0-9]+ %' "$WORLD/typescript"
  grep 'saved to' "$WORLD/typescript"
}

on_terminal() {
  "$JUDGE" "$TESTS/on_terminal.py" "$OGT" -p "$TARGET" --max-pause 10000 --save "$WORLD/snapshot" \
    </dev/null >"$WORLD/typescript" 2>"$WORLD/log" 3>&- 4>&- &
  WATCHERS+=($!)
}

# --- elsewhere ---

# bats test_tags=once
@test "another machine: the tool and the file are all it takes, and no rights" {
  local library args
  start_zoo
  ask live -p "$TARGET"
  save "$WORLD/snapshot"
  end_target
  mkdir -p "$WORLD/root/proc"
  ldd "$OGT" | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$WORLD/root/${library%/*}"
    cp "$library" "$WORLD/root/$library"
  done
  cp "$OGT" "$WORLD/root/objgraph-trace"
  cp "$WORLD/snapshot" "$WORLD/root/file"
  chmod 444 "$WORLD/root/file"
  if grep -q asan <(ldd "$OGT"); then skip "ASan wants /proc"; fi
  # shellcheck disable=SC2016
  printf '#!/bin/sh\nexec env -i %s --userspec=65534:65534 --groups= "%s/root" /objgraph-trace "$@"\n' "$(command -v chroot)" "$WORLD" >"$WORLD/elsewhere"
  chmod +x "$WORLD/elsewhere"
  OGT=$WORLD/elsewhere
  ask there --load /file
  same_answers live there
  ogt --load /file --save /new --types
  [ "$status" = 2 ]
}

# bats test_tags=once
@test "a million new ids, and a reader that has enough after one line" {
  local codes
  launch "${RUN_PYTHON[@]}" -c 'import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
signal.sigwait([signal.SIGUSR1])
kept = [[] for _ in range(1000000)]
signal.sigwait([signal.SIGUSR1])
signal.sigwait([signal.SIGUSR1])'
  eventually awaits_signal "$TARGET"
  save "$WORLD/a"
  kill -USR1 "$TARGET"
  eventually grew_and_waits
  save "$WORLD/b"
  set +o pipefail
  "$OGT" --load "$WORLD/a" --load "$WORLD/b" --new-ids --limit 0 --ids 2>"$WORLD/err" 3>&- 4>&- | head -n 1 >"$WORLD/out"
  codes=("${PIPESTATUS[@]}")
  [ "${codes[0]}" = 0 ]
  [ "$(wc -l <"$WORLD/out")" = 1 ]
  refuse grep -iE 'cannot|pipe|broken' "$WORLD/err"
  ogt --load "$WORLD/a" --load "$WORLD/b" --new-ids --limit 0 --ids
  succeeds
  [ "$(grep -c '^    0x' "$WORLD/out")" -ge 1000000 ]
}
grew_and_waits() { awaits_signal "$TARGET" && [ "$(awk '{ print $2 }' "/proc/$TARGET/statm")" -gt 15000 ]; }

# bats test_tags=once
@test "what does not go together is a usage error" {
  start_at_barrier plain.py
  save "$WORLD/a"
  while read -r line; do
    # shellcheck disable=SC2086
    ogt $line
    echo "$line: exit code $status"
    fails_with 2 .
    [ ! -s "$WORLD/out" ]
  done <<END
--load $WORLD/a --save $WORLD/new
--load $WORLD/a -p $TARGET --types
--save $WORLD/new
-p $TARGET --save $WORLD/new --types
-p $TARGET --save $WORLD/new --new-ids
-p $TARGET --save $WORLD/new --inspect list
-p $TARGET --save $WORLD/new --count-of list
-p $TARGET --save $WORLD/new --type list
-p $TARGET --save $WORLD/new --interval 3
-p $TARGET --save $WORLD/new --ids
-p $TARGET --save $WORLD/new --peaks $WORLD/peaks
-p $TARGET --types --force
-p $TARGET --types --exe $PYTHON
--load $WORLD/a --types --force
--load $WORLD/a --load $WORLD/a --types
--load $WORLD/a --load $WORLD/a --count-of list
--load $WORLD/a --load $WORLD/a --inspect list
--load $WORLD/a --new-ids
--load $WORLD/a --interval 3
--load $WORLD/a --count 1
--load $WORLD/a --rates
--load $WORLD/a --load $WORLD/a --new-ids --wait 3
--load $WORLD/a --load $WORLD/a --new-ids --state $WORLD/state
--load $WORLD/a --types --ids
--load
-p $TARGET --save
END
  [ ! -e "$WORLD/new" ]
  [ ! -e "$WORLD/state" ]
}

# bats test_tags=once
@test "the output is none of the files that are read or written, and no snapshot is lost to it" {
  local before file
  start_at_barrier many.py 1000
  save "$WORLD/snapshot"
  before=$(md5sum <"$WORLD/snapshot")
  ln -s snapshot "$WORLD/link"
  for file in snapshot link; do
    ogt --load "$WORLD/snapshot" --types -o "$WORLD/$file"
    fails_with 1 'already'
    ogt -p "$TARGET" --types -o "$WORLD/$file"
    fails_with 1 'a snapshot'
  done
  ogt -p "$TARGET" --save "$WORLD/new" -o "$WORLD/new"
  fails_with 1 'already'
  [ ! -e "$WORLD/new" ]
  ogt -p "$TARGET" --new-ids --state "$WORLD/new" -o "$WORLD/new"
  fails_with 1 'already'
  ogt --load "$WORLD/snapshot" --types -o "$WORLD/table"
  succeeds
  [ -s "$WORLD/table" ]
  [ "$(md5sum <"$WORLD/snapshot")" = "$before" ]
}

@test "all objects parked by gc.freeze(): looked at all the same, and said" {
  [ "$MINOR" -ge 7 ] || skip "no gc.freeze() before 3.7"
  RUN_PYTHON+=(-c 'import gc, sys, time
class Parked: pass
kept = [Parked() for _ in range(10)]
gc.disable()
gc.collect()
open(sys.argv[1], "w").write(hex(id(kept[0])))
gc.freeze()
time.sleep(1000)')
  launch "${RUN_PYTHON[@]}" "$INNER/known"
  eventually test -s "$WORLD/known"
  TARGET=$(innermost "$TARGET")
  eventually sleeps
  ogt -p "$TARGET" --save "$WORLD/snapshot"
  succeeds
  ogt --load "$WORLD/snapshot" --inspect "$(cat "$WORLD/known")" --format json
  succeeds
  [ "$(json -c '.[-1] | [.type, .frozen, .generation]')" = '["Parked",true,null]' ]
  ogt --load "$WORLD/snapshot" --inspect Parked
  fails_with 1 'all 10 objects of Parked are parked by gc.freeze'
  ogt -p "$TARGET" --count-of Parked
  succeeds
  [ "$(cat "$WORLD/out")" = 0 ]
  grep 'all 10 objects of Parked are parked' "$WORLD/err"
}
