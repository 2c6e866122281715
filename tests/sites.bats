#!/usr/bin/env bats
# The line that leaks is named, among busy ones that make the same types, at the default budget: within three reports of
# 5 s, or as many as it takes until a busy program has had the CPU time that it has in three when nobody shares its CPU.
# On the interpreter that OGT_PYTHON names; where it takes long, on the system's only.

load traced

needs_sites() {
  needs_bpf
  [ "$MINOR" -ge 8 ] || skip "no sites on $LABEL"
}
TRACED=() # "NAME SPEED WATCHER TARGET TICKS"


# start_leaking NAME SPEED TURNS [KIND...]: what it leaks where is in $WORLD/NAME.expected
start_leaking() {
  local name=$1
  shift
  mkdir -p "$WORLD/$name"
  start leaky_everywhere.py "$INNER/$name.beat" "$INNER/$name.expected" "$INNER/$name" "$@"
  eventually test -s "$WORLD/$name.expected"
}

# watch_leaks NAME SPEED TURNS [KIND...]: starts that and the tool; what both say is in $WORLD/NAME.*
watch_leaks() {
  local name=$1 budget=1
  # Who uses little CPU time earns little: 1 % of it may be too few births for three reports.
  if [ "$2" = slow ]; then budget=20; fi
  start_leaking "$@"
  TARGET=$(innermost "$TARGET")
  start_ogt -p "$TARGET" --budget "$budget" --interval 5 "${events[@]}"
  TRACED+=("$name $2 $WATCHER $TARGET $(($(cpu_ticks "$TARGET") + 1350))")
  mv "$WORLD/out" "$WORLD/$name.out"
  mv "$WORLD/err" "$WORLD/$name.err"
}

# CPU time of all threads of a process, in 1/100 s.
cpu_ticks() { sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'; }
has_used() { [ "$(cpu_ticks "$1")" -ge "$2" ]; }

# found NAME STREAM...: the leaks were found where the program says they are, by reports of such a stream. It is a matter of
# chance, so who misses one in three reports has three more.
found() {
  local name speed target ticks out=$WORLD/$1.out n=0 chance code=1
  read -r name speed WATCHER target ticks <<<"${TRACED[0]}"
  TRACED=("${TRACED[@]:1}")
  [ "$name" = "$1" ] || return 1
  for chance in 1 2; do
    if [ "$speed" = fast ]; then
      eventually has_used "$target" "$ticks"
      n=$(reports "$out")
      eventually has_reports $((n < 3 ? 4 : n + 1)) "$out"
    else
      eventually has_reports $((3 * chance + 1)) "$out"
    fi
    grep '}$' "$out" >"$WORLD/judged"
    code=0
    "$JUDGE" "$TESTS/judge_events.py" sites "$WORLD/judged" "$WORLD/$1.expected" "${@:2}" || code=$?
    [ "$code" != 0 ] || break
    echo "not found in $((chance * 3)) reports"
    ticks=$((ticks + 1350))
  done
  kill -INT "$WATCHER"
  wait_for_ogt
  echo "$1"
  cat "$WORLD/$1.err"
  [ "$status" = 130 ] || return 1
  [ "$(jq -s '.[0].budget' "$out")" != 0 ] || return 1
  return "$code"
}

@test "every kind of code that leaks is found from samples at full speed" {
  needs_sites
  watch_leaks fast fast 1
  found fast windows full
}

@test "and where little is allocated" {
  needs_sites
  case $LABEL in system-* | sid-3.15) ;; *) skip "some interpreters will do" ;; esac
  watch_leaks slow slow 1 Function Callback
  found slow full windows # a busy machine makes tracing dear
}

# bats test_tags=once
@test "with one uprobe at a time" {
  needs_sites
  export OGT_PER_SITE=1
  watch_leaks fast fast 1 Function Method Callback
  found fast windows
}

# bats test_tags=once
@test "one that leaks once in a thousand" {
  needs_sites
  watch_leaks rare fast 50 Function
  found rare windows
}

# bats test_tags=once
@test "a few builtins" {
  needs_sites
  watch_leaks builtins fast 10 builtins.list builtins.dict builtins.function builtins.generator Slots
  found builtins windows
}

# bats test_tags=once
@test "the table names the line under the type" {
  local kind line
  needs_sites
  start_leaking fast fast 4 Function Method
  ogt -p "$TARGET" --interval 5 --count 2 --limit 0
  succeeds
  for kind in Function Method; do
    line=$(jq -r --arg kind "__main__.$kind" '.leaks[$kind].frames[0][1]' "$WORLD/fast.expected")
    awk -v RS= 'END { print }' "$WORLD/out" | tee "$WORLD/last"
    grep -A 1 -E "^$kind +[0-9]+ +\+[0-9]+" "$WORLD/last" | tail -n 1 >"$WORLD/line"
    grep -E "^ +[0-9]+ % +[^ ]*leaky_everywhere\.py:$line " "$WORLD/line"
  done
}
