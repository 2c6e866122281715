#!/usr/bin/env bats
# Tables and JSON lines, as somebody who watches a process sees them.

load helpers

# Starts phases.py, watches it with these options, and leads it through its phases. The tool stands still while the target
# goes from one barrier to the next, so that no table can fall in between: then it prints each phase's table.
watch_phases() {
  local phase
  start phases.py "$INNER/oracle"
  wait_for_barrier "$WORLD/oracle.0"
  start_ogt -p "$TARGET" --interval 0.05 --no-sites "$@"
  eventually has_tables 1
  for phase in 1 2 3 4 5; do next_phase "$phase"; done
  kill -INT "$WATCHER"
  wait_for_ogt
  [ "$status" = 130 ]
}

# has_tables N: so many tables or growth events that are not empty began so far
has_tables() {
  [ "$(awk -v RS= -v FS='\n' '{ if (/^{/) { for (i = 1; i <= NF; i++) n += $i ~ /"types":\[\{/ } else n++ } END { print n }' \
    "$WORLD/out")" -ge "$1" ] 2>/dev/null
}

next_phase() {
  if [ -n "${WATCHER:-}" ]; then kill -STOP "$WATCHER"; fi
  kill -USR1 "$TARGET"
  wait_for_barrier "$WORLD/oracle.$1"
  if [ -n "${WATCHER:-}" ]; then
    kill -CONT "$WATCHER"
    eventually has_tables "$(($1 + 1))"
  fi
}

# like_objgraph FORM LIMIT: every table is objgraph's, fed with what the target counted itself
like_objgraph() {
  "$JUDGE" -c 'import objgraph' 2>/dev/null || skip "no python3-objgraph"
  "$JUDGE" "$TESTS/objgraph_tables.py" "$1" "$2" "$WORLD/out" "$WORLD"/oracle.[0-9]
}

# --- tables ---

@test "growth tables are objgraph's to the character, all rows" {
  watch_phases --limit 0
  like_objgraph short 0
  [ "$(grep -Ec '^Cache +[0-9]+ +\+[0-9]+$' "$WORLD/out")" = 3 ] # 40, then the peaks 45 and 46, not 10, 45 again or 0
}

@test "growth tables are objgraph's, ten rows when not told otherwise" {
  watch_phases
  like_objgraph short 10
  [ "$(sed '/^$/q' "$WORLD/out" | grep -c .)" = 10 ]
}

@test "growth tables are objgraph's, with full names" {
  watch_phases --limit 0 --full-names
  like_objgraph full 0
  grep -Eq '^__main__\.Leak  +' "$WORLD/out"
  grep -Eq '^builtins\.dict  +' "$WORLD/out"
}

@test "--limit cuts the table and keeps its top" {
  watch_phases --limit 3 --format json
  [ "$(json '[.[] | select(.event == "growth") | .types | length] | max')" = 3 ]
  [ "$(json '[.[] | select(.event == "growth" and .seq > 0) | .types | map(.type) | select(index("Leak")) | index("Leak")] | max')" -le 2 ]
}

@test "--types is objgraph's typestats, most common first, ten rows or all" {
  start_at_barrier many.py 1000
  cp "$WORLD/oracle" "$WORLD/oracle.0"
  ogt -p "$TARGET" --types
  succeeds
  [ "$(wc -l <"$WORLD/out")" = 10 ]
  like_objgraph types 10
  ogt -p "$TARGET" --types --limit 0
  succeeds
  like_objgraph types 0
  [ "$(wc -l <"$WORLD/out")" -gt 50 ]
}

@test "--type takes a pattern for either form of the name, and can be repeated" {
  start phases.py "$INNER/oracle"
  wait_for_barrier "$WORLD/oracle.0"
  ogt -p "$TARGET" --types --limit 0 --format json --type Cache
  [ "$(json '.[] | select(.event == "types") | .types | map("\(.type) \(.count)") | join(",")')" = "Cache 40" ]
  ogt -p "$TARGET" --types --limit 0 --format json --type '__main__.*'
  [ "$(json '.[] | select(.event == "types") | .types | map(.type) | sort | join(",")')" = "Cache,Phase0" ]
  ogt -p "$TARGET" --types --limit 0 --format json --type 'Phase?' --type 'builtins.di[cC]t' --full-names
  [ "$(json '.[] | select(.event == "types") | .types | map(.type) | sort | join(",")')" = "__main__.Phase0,builtins.dict" ]
  ogt -p "$TARGET" --types --limit 0 --format json --type 'nosuch*'
  succeeds
  [ "$(json '.[] | select(.event == "types") | .types | length')" = 0 ]
  ogt -p "$TARGET" --count 0 --limit 0 --type 'Cac*'
  succeeds
  [ "$(cat "$WORLD/out")" = "Cache       40       +40" ]
}

@test "a hostile class name cannot forge a row or reach the terminal" {
  local flag
  start_at_barrier hostile_names.py
  for flag in --types --count=0; do
    ogt -p "$TARGET" "$flag" --limit 0
    succeeds
    "$JUDGE" "$TESTS/check_printable.py" "$WORLD/out" "$WORLD/err"
    [ "$(wc -l <"$WORLD/out")" = "$(jq '.short | length' "$WORLD/oracle")" ]
    [ "$(grep -c '^list ' "$WORLD/out")" = 1 ]
    ogt -p "$TARGET" "$flag" --limit 0 --full-names
    succeeds
    "$JUDGE" "$TESTS/check_printable.py" "$WORLD/out" "$WORLD/err"
    [ "$(wc -l <"$WORLD/out")" = "$(jq '.full | length' "$WORLD/oracle")" ]
  done
}

@test "names of 64 KiB come out whole in a table" {
  start_at_barrier long_names.py
  ogt -p "$TARGET" --types --limit 0 --type 'aaa*'
  succeeds
  [ "$(cut -d ' ' -f 1 "$WORLD/out" | awk '{ print length }' | sort -u)" = 65536 ]
  [ "$(awk '{ print $2 }' "$WORLD/out" | sort | tr '\n' ' ')" = "1 2 " ]
}

@test "a prefork server's parent: a note names the children, where the work is" {
  local parent
  start fork.py "$INNER/oracle" main idle
  parent=$TARGET
  wait_for_barrier "$WORLD/oracle" # the child's
  ogt -p "$parent" --interval 0.1 --count 1
  succeeds
  grep "it has 1 child running the same program, each watched by its own -p: $TARGET\$" "$WORLD/err"
  ogt -p "$TARGET" --interval 0.1 --count 1
  succeeds
  refuse grep 'running the same program' "$WORLD/err"
}

# --- JSON lines ---

@test "JSON lines: attached, a baseline of all types, then what grew" {
  watch_phases --format json --limit 0
  [ "$(json '.[0].event')" = attached ]
  [ "$(json '.[0].python')" = "$(jq -r .python "$WORLD/oracle.0")" ]
  [ "$(json '.[0].threads')" = 1 ]
  [ "$(json '.[0].exe')" = "$(readlink "/proc/$TARGET/exe")" ]
  [ "$(json '.[0] | has("build") and has("budget")')" = true ]
  if readelf -n "$CHROOT$PYTHON" | grep -q 'Provider: python'; then
    [ "$(json -c '.[0].build')" = '["usdt"]' ]
  else
    [ "$(json -c '.[0].build')" = '[]' ]
  fi
  [ "$(json 'all(.pid == '"$TARGET"')')" = true ]
  [ "$(json 'all(.time | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?Z$"))')" = true ]
  [ "$(json '[.[] | select(.event == "growth") | .seq] | . == [range(length)]')" = true ]
  [ "$(json '[.[] | select(.event == "growth") | .pause_ms >= 0] | all')" = true ]
  # the baseline: every type, and delta is the count
  diff <(json '.[] | select(.seq == 0) | .types[] | "\(.type) \(.count) \(.delta)"' | sort) \
    <(jq -r '.short | to_entries[] | "\(.key) \(.value) \(.value)"' "$WORLD/oracle.0" | sort)
  [ "$(json '.[] | select(.seq == 0) | .objects')" = "$(jq .objects "$WORLD/oracle.0")" ]
  # afterwards: peaks, as objgraph keeps them
  local tables='[.[] | select(.event == "growth" and .seq > 0) | .types | map(select(.delta > 0)) | select(length > 0)]'
  [ "$(json "$tables | length")" = 5 ]
  [ "$(json "$tables | map(.[] | select(.type == \"Leak\") | \"\(.count) \(.delta)\") | join(\",\")")" = "30 30,35 5,135 100,142 7" ]
  [ "$(json "$tables | map(.[] | select(.type == \"Cache\") | \"\(.count) \(.delta)\") | join(\",\")")" = "45 5,46 1" ]
  [ "$(json "$tables | map(map(.delta) | . == (sort | reverse)) | all")" = true ]
}

@test "every line of JSON is a document of its own in ASCII" {
  start_at_barrier hostile_names.py
  ogt -p "$TARGET" --count 1 --interval 0.01 --limit 0 --format json
  succeeds
  [ "$(wc -l <"$WORLD/out")" = 3 ]
  while IFS= read -r line; do jq -e .event <<<"$line" >/dev/null; done <"$WORLD/out"
  refuse env LC_ALL=C grep -q '[^ -~]' "$WORLD/out"
}

# --- when, and where to ---

@test "--interval takes fractions, --count counts tables after the baseline" {
  start_at_barrier plain.py
  ogt -p "$TARGET" --interval 0.05 --count 3 --format json
  succeeds
  [ "$(json 'map(.event) | join(" ")')" = "attached growth growth growth growth" ]
  [ "$(json 'map(select(.event == "growth") | .seq) | join(" ")')" = "0 1 2 3" ]
  [ "$(json '[.[] | select(.event == "growth" and .seq > 0) | .types | length] | add')" = 0 ]
}

@test "--count 0 is the baseline alone" {
  start_at_barrier plain.py
  ogt -p "$TARGET" --count 0 --format json
  succeeds
  [ "$(json 'map(.event) | join(" ")')" = "attached growth" ]
}

@test "the interval is waited for" {
  start_at_barrier plain.py
  ogt -p "$TARGET" --interval 0.3 --count 3 --format json
  succeeds
  "$JUDGE" - "$WORLD/out" <<'EOF'
import datetime, json, sys
times = [json.loads(line)["time"] for line in open(sys.argv[1]) if '"growth"' in line]
times = [datetime.datetime.strptime(time[:19], "%Y-%m-%dT%H:%M:%S").timestamp() + float("0" + time[19:-1]) for time in times]
sys.exit(times[3] - times[0] < 0.8)
EOF
}

@test "-o writes the tables to a file" {
  start_at_barrier plain.py
  ogt -p "$TARGET" --types --limit 0
  sort "$WORLD/out" >"$WORLD/expected"
  ogt -p "$TARGET" --types --limit 0 -o "$WORLD/table"
  succeeds
  [ ! -s "$WORLD/out" ]
  diff "$WORLD/expected" <(sort "$WORLD/table")
}

@test "output arrives line by line, not when the program ends" {
  start_at_barrier plain.py
  start_ogt -p "$TARGET" --interval 3600
  eventually has_lines 10 '^[A-Za-z_]+ +[0-9]+ +\+[0-9]+$'
  kill -0 "$WATCHER"
  mkfifo "$WORLD/pipe"
  "$OGT" -p "$TARGET" --interval 3600 --format json >"$WORLD/pipe" 2>/dev/null 3>&- 4>&- &
  WATCHERS+=($!)
  exec 5<"$WORLD/pipe"
  read -r -t "$PATIENCE" line <&5
  jq -e '.event == "attached"' <<<"$line"
  read -r -t "$PATIENCE" line <&5
  jq -e '.event == "growth"' <<<"$line"
  exec 5<&-
}

@test "a reader that goes away ends the run without noise" {
  start_at_barrier plain.py
  status=0
  timeout -k 5 "$PATIENCE" bash -c '"$@" 2>"$0" 3>&- 4>&- | head -n 1; echo "code ${PIPESTATUS[0]}"' \
    "$WORLD/err" "$OGT" -p "$TARGET" --interval 0.01 --format json >"$WORLD/out" || status=$?
  [ "$status" = 0 ]
  [ "$(head -n 1 "$WORLD/out" | jq -r .event)" = attached ]
  grep -x 'code 0' "$WORLD/out"
  refuse grep -i 'pipe' "$WORLD/err"
  runs_free "$TARGET"
}

@test "colour on a terminal, none elsewhere or when NO_COLOR says so" {
  start phases.py "$INNER/oracle"
  wait_for_barrier "$WORLD/oracle.0"
  ogt -p "$TARGET" --count 0
  "$JUDGE" "$TESTS/check_printable.py" "$WORLD/out" "$WORLD/err"
  "$JUDGE" "$TESTS/on_terminal.py" "$OGT" -p "$TARGET" --count 0 >"$WORLD/terminal"
  grep -q $'\x1b\\[' "$WORLD/terminal"
  NO_COLOR=1 "$JUDGE" "$TESTS/on_terminal.py" "$OGT" -p "$TARGET" --count 0 >"$WORLD/terminal"
  refuse grep -q $'\x1b' "$WORLD/terminal"
  "$JUDGE" "$TESTS/on_terminal.py" "$OGT" -p "$TARGET" --count 0 --format json >"$WORLD/terminal"
  refuse grep -q $'\x1b' "$WORLD/terminal"
}

# --- peaks across runs ---

@test "--peaks keeps peaks across runs: what grew since the last run is shown" {
  local phase
  start phases.py "$INNER/oracle"
  wait_for_barrier "$WORLD/oracle.0"
  for phase in 0 1 2 3 4 5; do
    if [ "$phase" != 0 ]; then next_phase "$phase"; fi
    ogt -p "$TARGET" --peaks "$WORLD/peaks" --count 0 --limit 0
    succeeds
    cat "$WORLD/out" >>"$WORLD/all"
    echo >>"$WORLD/all"
  done
  mv "$WORLD/all" "$WORLD/out"
  like_objgraph short 0
}

@test "--peaks serves short and full names alike" {
  start phases.py "$INNER/oracle"
  wait_for_barrier "$WORLD/oracle.0"
  ogt -p "$TARGET" --peaks "$WORLD/peaks" --count 0 --full-names
  succeeds
  next_phase 1
  ogt -p "$TARGET" --peaks "$WORLD/peaks" --count 0 --limit 0 --format json
  succeeds
  [ "$(json '[.[] | select(.event == "growth") | .types[] | select(.type | IN("Leak", "Cache", "Phase0", "Phase1")) | "\(.type) \(.delta)"] | sort | join(",")')" = "Leak 30,Phase1 1" ]
}

@test "--skip-update reads the peaks and leaves the file alone" {
  start phases.py "$INNER/oracle"
  wait_for_barrier "$WORLD/oracle.0"
  ogt -p "$TARGET" --peaks "$WORLD/peaks" --count 0
  next_phase 1
  cp -p "$WORLD/peaks" "$WORLD/before"
  for _ in 1 2; do
    ogt -p "$TARGET" --peaks "$WORLD/peaks" --skip-update --count 1 --interval 0.01 --limit 0 --type Leak --format json
    succeeds
    # each table is measured against the file, as objgraph's skip_update is
    [ "$(json '[.[] | select(.event == "growth") | .types[] | .delta] | join(",")')" = "30,30" ]
    cmp "$WORLD/before" "$WORLD/peaks"
  done
}

@test "a filter does not lower the peaks of other types" {
  start phases.py "$INNER/oracle"
  wait_for_barrier "$WORLD/oracle.0"
  ogt -p "$TARGET" --peaks "$WORLD/peaks" --count 0
  ogt -p "$TARGET" --peaks "$WORLD/peaks" --count 0 --type Cache
  ogt -p "$TARGET" --peaks "$WORLD/peaks" --count 0 --limit 0 --format json
  succeeds
  [ "$(json '[.[] | select(.event == "growth") | .types[]] | length')" = 0 ]
}

@test "a corrupt peaks file is an error and stays as it is, byte for byte" {
  local content
  start_at_barrier plain.py
  for content in '{"names": {"dict": 1' 'not json' '[]' '{}' '' '{"dict": -1}' $'\xff\xfe' 'null' '{"dict": 1}' '"'; do
    printf '%s' "$content" >"$WORLD/peaks"
    cp "$WORLD/peaks" "$WORLD/before"
    ogt -p "$TARGET" --peaks "$WORLD/peaks" --count 0
    fails_with 1 "$WORLD/peaks"
    cmp "$WORLD/before" "$WORLD/peaks"
    [ ! -s "$WORLD/out" ]
  done
}

@test "a damaged count in a peaks file that was ours is an error" {
  local filter
  start_at_barrier plain.py
  ogt -p "$TARGET" --peaks "$WORLD/peaks" --count 0
  succeeds
  cp "$WORLD/peaks" "$WORLD/good"
  for filter in '.names.dict = -1' '.names.dict = "many"' '.names.dict = 1.5' 'del(.names)' '.version = 99' '.names = []'; do
    jq "$filter" "$WORLD/good" >"$WORLD/peaks"
    cp "$WORLD/peaks" "$WORLD/before"
    ogt -p "$TARGET" --peaks "$WORLD/peaks" --count 0
    fails_with 1 "$WORLD/peaks"
    cmp "$WORLD/before" "$WORLD/peaks"
  done
}

@test "an unreadable or unwritable peaks file is an error" {
  start_at_barrier plain.py
  ogt -p "$TARGET" --peaks "$WORLD" --count 0
  fails_with 1 "$WORLD"
  ogt -p "$TARGET" --peaks "$WORLD/no/such/folder/peaks" --count 0
  fails_with 1 "$WORLD/no/such/folder/peaks"
  ogt -p "$TARGET" --peaks "$WORLD/missing" --skip-update --count 0
  fails_with 1 "$WORLD/missing"
  [ ! -e "$WORLD/missing" ]
  ogt -p "$TARGET" --peaks /proc/self/mem --count 0
  fails_with 1 /proc/self/mem
}
