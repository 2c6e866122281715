#!/usr/bin/env bats
# A line that is shown is one that made an object which is alive, in whatever order objects that are kept and objects that
# are dropped come to lie at one address. On the interpreter that OGT_PYTHON names.

load traced

# lines_are_right KIND OPTION...: orders.py is watched for three reports; what is shown of its lines
lines_are_right() {
  local kind=$1 found
  shift
  needs_bpf
  sees_births || skip "no births on $LABEL"
  start orders.py "$INNER/ready.$kind" "$kind"
  eventually test -s "$WORLD/ready.$kind"
  TARGET=$(innermost "$TARGET")
  ogt -p "$TARGET" --interval 2 --count 3 "${events[@]}" "$@"
  succeeds
  json '[.[] | select(.event == "growth").types[] | .sites // [] | .[] | {alive, sampled, frame: .frames[0]} |
    select(.frame.file == "orders.py")] | group_by(.frame.function)[] |
    "\(.[0].frame.function) \(map(.alive) | max) of \(map(.sampled) | max)"' >"$WORLD/lines"
  grep -E '^drop_' "$WORLD/lines" && return 1
  # It is no use when nothing is found: of 26 orders most, each a class; of one type the first lines are shown.
  found=$(sed -E 's/^keep_([kd]+)_.*/\1/' "$WORLD/lines" | sort -u | wc -l)
  echo "$found orders found"
  [ "$found" -ge "$([ "$kind" = instance ] && echo 15 || echo 5)" ]
}

@test "instances, at the default budget" { lines_are_right instance; }
@test "lists, at the default budget" { lines_are_right list; }
@test "contexts, at the default budget" {
  case $LABEL in sid-3.14*) has_breakpoints || skip "a probe where it makes them has to be stepped: only --budget 100 does" ;; esac
  lines_are_right context
}
@test "instances, everything traced" { lines_are_right instance --budget 100; }
@test "lists, everything traced" { lines_are_right list --budget 100; }
@test "contexts, everything traced" { lines_are_right context --budget 100; }
@test "instances, one uprobe at a time" { OGT_PER_SITE=1 lines_are_right instance; }
@test "lists, one uprobe at a time" { OGT_PER_SITE=1 lines_are_right list; }
