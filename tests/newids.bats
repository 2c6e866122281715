#!/usr/bin/env bats
# What is new between two looks equals what objgraph.get_new_ids() says of the ids that the target itself saw at the same
# moments, as tables and as sets. On the interpreter that OGT_PYTHON names.

load traced

judge_ids() { "$JUDGE" "$TESTS/objgraph_new_ids.py" "$@"; }
new_ids() { ogt -p "$(innermost "$TARGET")" --new-ids "$@"; }

@test "ids kept between runs: tables and sets are objgraph's" {
  local step form sort
  start_ids
  new_ids --state "$WORLD/state" --limit 0
  succeeds
  judge_later short deltas 0 - "$WORLD/ids.0"
  [ "$(stat -c %a "$WORLD/state")" = 600 ]
  for step in 1 2; do
    next_step "$step"
    new_ids --state "$WORLD/state" --limit 10
    succeeds
    judge_later short deltas 10 "$WORLD/ids.$((step - 1))" "$WORLD/ids.$step"
    for form in short full; do
      for sort in old current new deltas; do
        ogt --new-ids --state "$WORLD/state" --skip-update --limit 0 --sort-by "$sort" $([ "$form" = short ] || echo --full-names)
        succeeds
        judge_later "$form" "$sort" 0 "$WORLD/ids.$((step - 1))" "$WORLD/ids.$step"
      done
      ogt --new-ids --state "$WORLD/state" --skip-update --limit 0 --format json $([ "$form" = short ] || echo --full-names)
      succeeds
      [ "$(json '.[-1].event')" = new_ids ]
      judge_later "$form" deltas 0 "$WORLD/ids.$((step - 1))" "$WORLD/ids.$step"
    done
  done
  judge_now
}

# bats test_tags=once
@test "two looks of one run; Ctrl-C ends the wait and shows what is new by then" {
  start_ids
  start_ogt -p "$(innermost "$TARGET")" --new-ids --wait 1000 --limit 0 --budget 0
  eventually grep -q 'objects of' "$WORLD/err"
  next_step 1
  kill -INT "$WATCHER"
  wait_for_ogt
  [ "$status" = 130 ]
  judge_ids short deltas 0 "$WORLD/out" "$WORLD/ids.0" "$WORLD/ids.1"
  new_ids --wait 0.1 --limit 0 --budget 0 --format json
  succeeds
  judge_ids short deltas 0 "$WORLD/out" "$WORLD/ids.1" "$WORLD/ids.1"
}

# What objgraph cannot know: another object is at an old id. The stream saw it being born.
@test "who died and was born again at the same address is new, where that was traced" {
  local again budget new
  needs_bpf
  sees_births || skip "no births on $LABEL"
  for budget in 100 0; do
    start reborn.py "$INNER/slots" 200
    eventually test -s "$WORLD/slots.0"
    start_ogt -p "$(innermost "$TARGET")" --new-ids --wait 1000 --budget "$budget" --type Slot --format json
    eventually grep -q attached "$WORLD/out"
    kill -USR1 "$(innermost "$TARGET")"
    eventually test -s "$WORLD/slots.1"
    eventually awaits_signal "$(innermost "$TARGET")"
    kill -INT "$WATCHER"
    wait_for_ogt
    [ "$status" = 130 ]
    again=$(comm -12 <(sort "$WORLD/slots.0") <(sort "$WORLD/slots.1") | wc -l)
    echo "$again of 200 at an address of before"
    [ "$again" -gt 100 ]
    new=$(json '.[-1].types[] | "\(.old) \(.current) \(.new) \(.delta) \(.ids | length)"')
    if [ "$budget" = 100 ]; then
      [ "$new" = "200 200 200 0 200" ]
    else
      [ "$new" = "200 200 $((200 - again)) 0 $((200 - again))" ]
    fi
    rm "$WORLD"/slots.*
  done
}

# bats test_tags=once
@test "only some types; their addresses under them" {
  start_ids
  new_ids --state "$WORLD/state"
  next_step 1
  new_ids --state "$WORLD/state" --type 'Nod*' --ids
  succeeds
  sed -n 's/^    \(0x[0-9a-f]*\)$/\1/p' "$WORLD/out" | sort >"$WORLD/shown"
  jq -r '.[] | select(.[0] == "Node") | .[2:][]' "$WORLD/ids.0" | sort >"$WORLD/before"
  jq -r '.[] | select(.[0] == "Node") | .[2:][]' "$WORLD/ids.1" | sort >"$WORLD/now"
  comm -13 "$WORLD/before" "$WORLD/now" | xargs printf '0x%x\n' | sort >"$WORLD/expected"
  [ -s "$WORLD/expected" ]
  diff "$WORLD/expected" "$WORLD/shown"
  grep -E '^Node +1000 +1251 ' "$WORLD/out"
  [ "$(grep -c -E '^[A-Za-z]' "$WORLD/out")" = 2 ]
}

# bats test_tags=once
@test "the number of objects of one type" {
  start_ids
  ogt -p "$TARGET" --count-of Node
  succeeds
  [ "$(cat "$WORLD/out")" = 1000 ]
  ogt -p "$TARGET" --count-of __main__.Other
  succeeds
  [ "$(cat "$WORLD/out")" = 500 ]
  ogt -p "$TARGET" --count-of Nobody
  succeeds
  [ "$(cat "$WORLD/out")" = 0 ]
  grep 'is called Nobody' "$WORLD/err"
}

# bats test_tags=once
@test "the state of another process or program is refused, and kept" {
  local other
  start_ids
  new_ids --state "$WORLD/state"
  cp "$WORLD/state" "$WORLD/good"
  launch "${RUN_PYTHON[@]}" -c 'import time; time.sleep(1000)'
  eventually sleeps
  ogt -p "$(innermost "$TARGET")" --new-ids --state "$WORLD/state"
  fails_with 1 'another process'
  if [ "$LABEL" != pyenv-3.8.18 ] && [ -z "$CHROOT" ] && other=$(ls "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.8.18/bin/python3 2>/dev/null); then
    launch "$other" -c 'import time; time.sleep(1000)'
    eventually sleeps
    ogt -p "$TARGET" --new-ids --state "$WORLD/state"
    fails_with 1 'another program'
  fi
  ogt -p "$TARGET" --new-ids --state "$WORLD/state" --skip-update
  fails_with 1 'another process'
  cmp "$WORLD/state" "$WORLD/good"
}

# bats test_tags=once
@test "a process that has become another program since is another one, also when that is the same Python" {
  start_that_execs
  ogt -p "$TARGET" --new-ids --state "$WORLD/state"
  succeeds
  cp "$WORLD/state" "$WORLD/good"
  kill -USR1 "$TARGET"
  eventually grep -q sleep "/proc/$TARGET/cmdline"
  eventually sleeps
  ogt -p "$TARGET" --new-ids --state "$WORLD/state"
  fails_with 1 'another program since'
  cmp "$WORLD/state" "$WORLD/good"
}

# bats test_tags=once
@test "a state that is cut, altered or something else is refused, and kept" {
  local size at
  start_ids 100
  new_ids --state "$WORLD/good"
  size=$(stat -c %s "$WORLD/good")
  for at in 0 1 10 $((size / 3)) $((size / 2)) $((size - 9)) $((size - 8)) $((size - 4)) $((size - 1)); do
    head -c "$at" "$WORLD/good" >"$WORLD/state"
    cp "$WORLD/state" "$WORLD/before"
    new_ids --state "$WORLD/state"
    fails_with 1 "$WORLD/state"
    cmp "$WORLD/state" "$WORLD/before"
  done
  for at in 0 2 $((size / 3)) $((size / 2)) $((size - 8)) $((size - 3)); do
    cp "$WORLD/good" "$WORLD/state"
    printf '\x5a' | dd of="$WORLD/state" bs=1 seek="$at" conv=notrunc status=none
    cmp -s "$WORLD/state" "$WORLD/good" && printf '\xa5' | dd of="$WORLD/state" bs=1 seek="$at" conv=notrunc status=none
    ogt --new-ids --state "$WORLD/state" --skip-update
    fails_with 1 "$WORLD/state"
  done
  zcat "$WORLD/good" >"$WORLD/state"
  new_ids --state "$WORLD/state"
  fails_with 1 'none of ids'
  { zcat "$WORLD/good" && echo more; } | gzip >"$WORLD/state"
  new_ids --state "$WORLD/state"
  fails_with 1 'cut short or altered'
  zcat "$WORLD/good" | sed '1s/ids 1$/ids 2/' | gzip >"$WORLD/state"
  new_ids --state "$WORLD/state"
  fails_with 1 'version'
  for at in "$WORLD" /dev/zero "$WORLD/no/such/folder/state"; do
    new_ids --state "$at"
    fails_with 1 "$at"
    [ ! -s "$WORLD/out" ]
  done
  ogt --new-ids --state "$WORLD/missing" --skip-update
  fails_with 1 "$WORLD/missing"
  [ ! -e "$WORLD/missing" ]
}

# bats test_tags=once
@test "a full disk: the table is shown, the state of before is kept" {
  start_ids 20000
  mkdir "$WORLD/small"
  # shellcheck disable=SC2016
  unshare -m bash -c 'mount -t tmpfs -o size=8k none "$1/small" && cp /etc/hostname "$1/small/other" &&
    "$2" -p "$3" --new-ids --state "$1/small/state" >"$1/out" 2>"$1/err"; echo $? >"$1/code"; ls "$1/small" >"$1/left"' \
    - "$WORLD" "$OGT" "$(innermost "$TARGET")" 3>&- 4>&- || skip "no mount namespaces"
  [ "$(cat "$WORLD/code")" = 1 ]
  grep 'cannot write state file.*No space left' "$WORLD/err"
  [ "$(cat "$WORLD/left")" = other ]
  grep -q '^Node ' "$WORLD/out"
}

# bats test_tags=once
@test "the target ends while it is waited for" {
  start_ids
  start_ogt -p "$(innermost "$TARGET")" --new-ids --wait 1000 --format json
  eventually grep -q attached "$WORLD/out"
  end "$TARGET"
  wait_for_ogt
  [ "$status" = 3 ]
  [ "$(json '.[-1].event')" = exited ]
}

# bats test_tags=once
@test "a reader that has enough ends it" {
  start_ids 20000
  "$OGT" -p "$(innermost "$TARGET")" --new-ids --state "$WORLD/state" --limit 0 --ids 2>"$WORLD/err" 3>&- 4>&- | head -n 2 >"$WORLD/out"
  [ "$(wc -l <"$WORLD/out")" = 2 ]
  refuse grep -i 'cannot\|pipe' "$WORLD/err"
}

# bats test_tags=once
@test "what does not go together is a usage error" {
  start_at_barrier plain.py
  while read -r line; do
    # shellcheck disable=SC2086
    ogt $line
    echo "$line: exit code $status"
    [ "$status" = 2 ]
  done <<END
--new-ids
-p $TARGET --wait 1
-p $TARGET --ids
-p $TARGET --state $WORLD/state
-p $TARGET --types --sort-by new
-p $TARGET --new-ids --sort-by size
-p $TARGET --new-ids --wait 0
-p $TARGET --new-ids --wait 1 --state $WORLD/state
-p $TARGET --new-ids --peaks $WORLD/peaks
-p $TARGET --new-ids --rates
-p $TARGET --new-ids --skip-update
-p $TARGET --new-ids --types
-p $TARGET --count-of list --new-ids
-p $TARGET --inspect list --count-of list
-p $TARGET --new-ids --interval 3
-p $TARGET --types --count 3
-p $TARGET --count-of list --type dict
--new-ids --skip-update
END
  [ ! -e "$WORLD/state" ]
}
