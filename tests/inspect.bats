#!/usr/bin/env bats
# What is at an address: type, size, references and a line of what it holds equal what Python says of the same object. On
# the interpreter that OGT_PYTHON names.

load helpers

@test "a zoo of objects of all kinds" {
  start zoo.py "$INNER/zoo"
  eventually test -s "$WORLD/zoo"
  eventually grep -q '^128 ' "/proc/$(innermost "$TARGET")/syscall"
  jq -r '.[].address' "$WORLD/zoo" >"$WORLD/addresses"
  # shellcheck disable=SC2046
  ogt -p "$(innermost "$TARGET")" --max-pause 10000 --full-names --format json --inspect $(cat "$WORLD/addresses")
  succeeds
  "$JUDGE" "$TESTS/judge_objects.py" "$WORLD/out" "$WORLD/zoo"
}

start_inspected() {
  start inspected.py "$INNER/known"
  eventually test -s "$WORLD/known"
  TARGET=$(innermost "$TARGET")
  eventually grep -q '^128 ' "/proc/$TARGET/syscall"
}
known() { jq -r "$1" "$WORLD/known"; }
inspect() { ogt -p "$TARGET" --format json "$@"; }
addresses() { json '[.[] | select(.event == "object") | .address] | join(" ")'; }

@test "the first objects of a type, in the order of gc.get_objects()" {
  start_inspected
  inspect --inspect Node --limit 3
  succeeds
  [ "$(addresses)" = "$(known '.nodes[:3] | join(" ")')" ]
  inspect --inspect __main__.Node --limit 0
  succeeds
  [ "$(addresses)" = "$(known '.nodes | join(" ")')" ]
  inspect --inspect Nobody Node None
  fails_with 1 '2 of 3 were not found'
  grep 'is a Nobody' "$WORLD/err"
  grep 'is a None' "$WORLD/err"
  [ "$(addresses | wc -w)" -ge 7 ]
}

@test "where the collector has them: generation, frozen, or not at all" {
  start_inspected
  inspect --inspect "$(known .frozen)" "$(known .untracked)"
  succeeds
  if [ "$MINOR" -ge 7 ]; then
    [ "$(json -c '[.[1] | .generation, .frozen]')" = '[null,true]' ]
  else
    [ "$(json -c '[.[1] | .generation, .frozen]')" = '[2,null]' ]
  fi
  [ "$(json -c '[.[2] | .generation, .frozen, .type, .repr]')" = "[null,null,\"str\",\"'a text'\"]" ]
  [ "$MINOR" -ge 8 ] && [ "$MINOR" -lt 14 ] || return 0
  [ "$(known '.generations | [.[]] | unique | join(" ")')" = "0 1 2" ]
  # shellcheck disable=SC2046
  inspect --inspect $(known '.generations | keys[]')
  succeeds
  [ "$(json -S -c '[.[] | select(.event == "object") | {(.address): .generation}] | add')" = "$(jq -S -c .generations "$WORLD/known")" ]
}

# bats test_tags=once
@test "addresses as id() prints them; what is no object is said, and the others are shown" {
  local good
  start_inspected
  good=$(known '.nodes[0]')
  inspect --inspect $((good)) 0x10 "$((good + 4))" 0xffffffffffffff00 0
  fails_with 1 '4 of 5 were not found'
  [ "$(addresses)" = "$good" ]
  [ "$(grep -c 'no object is there' "$WORLD/err")" = 4 ]
  # What was freed may hold another object by now, but no dead one.
  inspect --inspect "$(known .dead)" || true
  [ "$(json '[.[] | select(.event == "object" and .type == "Dead")] | length')" = 0 ]
}

# bats test_tags=once
@test "as text: one line of facts, one of what it holds" {
  local good
  start_inspected
  good=$(known '.nodes[0]')
  ogt -p "$TARGET" --inspect "$good" --full-names
  succeeds
  grep -E "^$good  __main__\.Node  [0-9]+ bytes, 1 reference, generation [0-2]$" "$WORLD/out"
  grep -xF "    <__main__.Node at $good>" "$WORLD/out"
}

@test "words of memory that are anything but objects do no harm" {
  case $LABEL in system-* | sid-*) ;; *) skip "some interpreters will do" ;; esac
  start zoo.py "$INNER/zoo"
  eventually test -s "$WORLD/zoo"
  TARGET=$(innermost "$TARGET")
  jq -r '.[].address' "$WORLD/zoo" | while read -r address; do
    for shift in -16 -8 8 16 24 32 40 56 72; do echo $((address + shift)); done
  done >"$WORLD/addresses"
  # shellcheck disable=SC2046
  inspect --max-pause 10000 --inspect $(cat "$WORLD/addresses")
  [ "$status" = 1 ]
  grep -q "of $(wc -l <"$WORLD/addresses") were not found" "$WORLD/err"
  runs_free "$TARGET"
}

@test "objects whose memory was overwritten do no harm" {
  case $LABEL in system-* | sid-* | pyenv-3.6.*) ;; *) skip "some interpreters will do" ;; esac
  start garbled.py "$INNER/garbled"
  eventually test -s "$WORLD/garbled"
  TARGET=$(innermost "$TARGET")
  # shellcheck disable=SC2046
  inspect --max-pause 10000 --inspect $(cat "$WORLD/garbled")
  succeeds
  [ "$(addresses | wc -w)" = "$(wc -l <"$WORLD/garbled")" ]
}

@test "while it runs at full speed, again and again" {
  local i
  case $LABEL in system-* | sid-*) ;; *) skip "some interpreters will do" ;; esac
  start_beating busy.py
  for i in {1..20}; do
    ogt -p "$TARGET" --inspect list dict Kept --limit 300
    succeeds
    [ "$(grep -c '^0x.*  Kept  ' "$WORLD/out")" = 300 ]
    [ "$(grep -c '^0x' "$WORLD/out")" -gt 60 ]
    # What died between the two looks is not shown. One list may be half made, and be shown within others.
    [ "$(grep -c -E '[[({, ][?][],)}:]' "$WORLD/out")" -le 3 ]
  done
  makes_progress
}
