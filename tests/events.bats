#!/usr/bin/env bats
# The event stream as JSON shows it: births, deaths, peaks and rates are what the program did. On the interpreter that
# OGT_PYTHON names.

load traced

@test "--budget 100: births and deaths of every kind of object are the known numbers" {
  needs_bpf
  watch_known
  judge_known
}

@test "conservation: count = count before + births - deaths, for every type, in ten reports under load" {
  needs_bpf
  start_beating conserve.py
  ogt -p "$TARGET" --interval 0.3 --count 10 --budget 100 "${events[@]}"
  succeeds
  [ "$(reports)" = 11 ]
  judge conserved "$WORLD/out" __main__.Plain __main__.Full __main__.Slotted __main__.Phoenix builtins.list
  makes_progress
}

@test "at the highest rate that one core can produce no event is lost" {
  needs_bpf
  start_beating flood.py
  ogt -p "$TARGET" --interval 0.5 --count 4 --budget 100 "${events[@]}"
  succeeds
  judge conserved "$WORLD/out" __main__.Slotted builtins.list
  makes_progress
}

@test "a peak between two reports is seen, and is gone from the next" {
  local step
  needs_bpf
  sees_births || skip "no births on $LABEL"
  start peaks_between.py "$INNER/peak" 5000 100
  wait_for_barrier "$WORLD/peak.0"
  start_ogt -p "$TARGET" --interval 0.1 --budget 100 "${events[@]}"
  two_more_reports
  # The tool stands still meanwhile, so that no report falls in between.
  for step in 1 2; do
    kill -STOP "$WATCHER"
    kill -USR1 "$TARGET"
    wait_for_barrier "$WORLD/peak.$step"
    kill -CONT "$WATCHER"
    two_more_reports
  done
  [ "$(json '[.[] | select(.event == "growth" and .seq > 0).types[] | select(.type == "__main__.Peaky")
    | "\(.count) \(.births) \(.deaths) \(.peak)"] | join(",")')" = "3 5000 5000 5003,3 100 100 103" ]
  judge peaks "$WORLD/out" __main__.Peaky 5003 3
}

# bats test_tags=once
@test "--rates: births and deaths a second, of one time for all types" {
  needs_bpf
  start_beating conserve.py
  ogt -p "$TARGET" --interval 0.3 --count 3 --budget 100 --rates "${events[@]}"
  succeeds
  judge rates "$WORLD/out"
  ogt -p "$TARGET" --interval 0.3 --count 1 --budget 100 "${events[@]}"
  succeeds
  refuse grep -q per_s "$WORLD/out"
}

# bats test_tags=once
@test "--rates: two more columns in the table" {
  needs_bpf
  start_beating conserve.py
  ogt -p "$TARGET" --interval 0.3 --count 2 --budget 100 --rates --limit 0
  succeeds
  # of the last table: a row has births/s and deaths/s besides count and delta
  awk -v RS= 'END { print }' "$WORLD/out" | tee "$WORLD/last"
  grep -E '^[A-Za-z_]+ +[0-9]+ +\+[0-9]+ +[0-9.]+( births)?/s +[0-9.]+( deaths)?/s' "$WORLD/last"
}

# The last two of the first three reports in a row that are of everything. How soon that is depends on what an event costs here.
three_are_full() {
  jq -s -c '[.[] | select(.event == "growth" and .seq > 0)] |
    first(range(length - 2) as $i | .[$i:$i + 3] | select(all(.stream == "full"))) | .[1:]' "$WORLD/out" >"$WORLD/full" 2>/dev/null || true
  [ -s "$WORLD/full" ]
}

@test "a program that allocates little is seen whole at the default budget" {
  local whole='.coverage == 1'
  needs_bpf
  sees_births || skip "no births on $LABEL"
  # Probes that go one by one count no deaths at this budget: they are told from births, and no coverage is claimed.
  has_multi || whole='(.coverage == 1 or .deaths_derived)'
  start trickle.py "$INNER/made" "${OGT_PATIENCE:-1}"
  eventually test -s "$WORLD/made"
  # Longer than it takes for one turn beside other work.
  start_ogt -p "$TARGET" --interval $((2 * ${OGT_PATIENCE:-1})) "${events[@]}"
  # Once it is known how little it allocates, nothing escapes.
  eventually three_are_full
  kill -INT "$WATCHER"
  wait_for_ogt
  [ "$status" = 130 ]
  [ "$(json '.[0].budget')" = 1 ]
  jq -c '.[].types[] | select(.type | test("Passing|Staying"))' "$WORLD/full"
  [ "$(jq '[.[].lost] | add' "$WORLD/full")" = 0 ]
  [ "$(jq '[.[].types[] | select(.type == "__main__.Passing") |
    .births > 0 and (.births - .deaths | fabs) <= 1 and '"$whole"'] | length == 2 and all' "$WORLD/full")" = true ]
  [ "$(jq '[.[].types[] | select(.type == "__main__.Staying") |
    .births == .delta and .deaths == 0] | length > 0 and all' "$WORLD/full")" = true ]
}

# watch_step TARGET.py: what it does between its two barriers, with everything traced
watch_step() {
  start "$1" "$INNER/step"
  wait_for_barrier "$WORLD/step.0"
  start_ogt -p "$TARGET" --interval 0.3 --budget 100 "${events[@]}"
  eventually has_reports 1
  kill -USR1 "$TARGET"
  wait_for_barrier "$WORLD/step.1"
  two_more_reports
  kill -INT "$WATCHER"
  wait_for_ogt
}

@test "types without an object when the watch began: those that come and go count from the first on" {
  local type
  needs_bpf
  watch_step never_seen.py
  [ "$(json '[.[] | select(.event == "growth" and .seq == 0).types[] |
    select(.type | IN("collections.deque", "__main__.Never", "__main__.Nothing"))] | length')" = 0 ]
  for type in collections.deque __main__.Never __main__.Nothing; do born_and_died $type 3000; done
}

@test "statements that are typed in: the line is theirs, or not known, never that of who runs them" {
  needs_bpf
  [ "$MINOR" -ge 8 ] || skip "no sites on $LABEL"
  watch_step statements.py
  json '[.[] | select(.event == "growth").types[] | select(.type == "Typed" or .type == "__main__.Typed" or .type == "__console__.Typed").sites // [] |
    .[] | {sampled, file: .frames[0].file, line: .frames[0].line}]' | tee "$WORLD/lines"
  [ "$(jq 'length > 0 and all(.file | IN("<console>", "?"))' "$WORLD/lines")" = true ]
}

@test "iterators, whose deallocation a compiler may have copied to where loops end: right numbers, or none" {
  local kind n=10000
  needs_bpf
  if [ "$MINOR" -ge 15 ]; then n=5000; fi # a loop through a list or a tuple makes none
  watch_step iterated.py
  [ "$(streams)" = full ]
  for kind in list tuple; do
    json --arg type "builtins.${kind}_iterator" '[.[] | select(.event == "growth" and .seq > 0).types[] | select(.type == $type)]' >"$WORLD/rows"
    # Where one number is missing the others are no sum.
    if [ "$(jq 'all(.deaths != null)' "$WORLD/rows")" = true ]; then
      echo "$kind: $(jq 'map(.deaths) | add' "$WORLD/rows") deaths"
      [ "$(jq "map(.deaths) | add >= $n and add <= $((n + 50))" "$WORLD/rows")" = true ]
    else
      echo "$kind: not known"
      [ "$(jq 'all(.births == null)' "$WORLD/rows")" = true ]
      [[ $LABEL != pyenv-* ]] # whose compilers knew nothing of what the program does
    fi
  done
}

@test "a busy program at the default budget is seen in windows, and no number claims more" {
  needs_bpf
  sees_births || skip "no births on $LABEL"
  start_beating conserve.py
  ogt -p "$TARGET" --interval 1 --count 3 "${events[@]}"
  succeeds
  [ "$(streams)" = windows ]
  [ "$(json '[.[] | select(.event == "growth").types[] | select(has("births") or has("deaths") or has("coverage") or
    has("peak"))] | length')" = 0 ]
  makes_progress
}

# bats test_tags=once
@test "--budget 0 is the census alone: no BPF, and nothing claims to be" {
  start_beating conserve.py
  start_ogt -p "$TARGET" --interval 0.2 --budget 0 "${events[@]}"
  eventually has_reports 4
  refuse sh -c 'ls -l "/proc/$1/fd" | grep -E "bpf|perf_event"' - "$WATCHER"
  [ "$(streams)" = off ]
  [ "$(json '.[0].budget')" = 0 ]
  refuse grep -E '"(births|deaths|coverage|peak|sites|lost)"' "$WORLD/out"
  kill -INT "$WATCHER"
  wait_for_ogt
  [ "$status" = 130 ]
}
