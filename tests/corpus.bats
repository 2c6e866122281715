#!/usr/bin/env bats
# What the tool says of the snapshots of tests/corpus, one of each interpreter, equals what Python itself said (targets/corpus.py).
# Needs no rights, and no interpreter but the one that judges.

load helpers

# Each file unpacked, and what was asked about it more than once.
setup_file() {
  local file folder
  for file in "$BATS_TEST_DIRNAME"/corpus/*.tar.xz; do
    folder=$BATS_FILE_TMPDIR/$(basename "$file" .tar.xz)
    mkdir "$folder"
    tar -xJf "$file" -C "$folder"
  done
}
setup() { WORLD=$BATS_TEST_TMPDIR; }
teardown() { :; }

# of_each CHECK [LABEL]: about every file, or that one, in its folder, and VERSION and MINOR tell of which Python; names those that
# it fails for.
of_each() {
  local folder failed='' n=0
  for folder in "$BATS_FILE_TMPDIR"/${2:-*}; do
    n=$((n + 1))
    # In the background -e holds; it does not where a result is asked for.
    (
      set -e
      cd "$folder"
      VERSION=${folder##*/} VERSION=${VERSION#*-} VERSION=${VERSION%-dbg}
      IFS=. read -r _ MINOR _ <<<"$VERSION"
      "$1"
    ) >"$WORLD/said" 2>&1 3>&- 4>&- &
    wait $! && continue
    failed+=" ${folder##*/}"
    echo "${folder##*/}:"
    head -n 30 "$WORLD/said"
    tail -n 3 "$WORLD/err"
  done
  echo "of $n files failed:${failed:- none}"
  [ -z "$failed" ] && [ "$n" -ge "$([ -n "${2:-}" ] && echo 1 || echo 15)" ]
}

ask() {
  ogt --load heap --format json --limit 0 "$@"
  succeeds
}
rest() { jq -r "$1" rest; }
addresses() { json '[.[] | select(.event == "object") | .address] | join(" ")'; }
owner() { jq -r --arg what "$1" '.[] | select(.what == $what) | .address' owners; }

census() {
  local form flag
  for form in short full; do
    flag=()
    if [ $form = full ]; then flag=(--full-names); fi
    ask --types "${flag[@]}"
    "$JUDGE" "$TESTS/compare.py" "$form" "$WORLD/out" census
  done
  [ "$(json '.[-1].frozen')" = "$(jq .frozen census)" ]
}
@test "the number of objects of each type" { of_each census; }

# All that Python told of, at once: first the zoo, then what else there is; in "objects".
inspect_all() {
  [ ! -e objects ] || return 0
  { jq -r '.[].address' zoo && sed -n 's/^#untracked //; s/^#code //; /^#/!p' references | cut -d ' ' -f 1; } >ids
  [ "$(wc -l <ids)" -gt 5000 ]
  # shellcheck disable=SC2046
  ask --full-names --inspect $(cat ids)
  grep '"event":"object"' "$WORLD/out" >objects
}
zoo() {
  inspect_all
  head -n "$(jq length zoo)" objects >zoo.told
  "$JUDGE" "$TESTS/judge_objects.py" zoo.told zoo
}
@test "a zoo of objects: type, size, references and what each is" { of_each zoo; }

references() {
  inspect_all
  "$JUDGE" "$TESTS/judge_references.py" objects references
}
@test "what each object refers to, and who refers to it" { of_each references; }

first_of_type() {
  ask --inspect __main__.Node
  [ "$(addresses)" = "$(rest '.nodes | join(" ")')" ]
  [ "$MINOR" -lt 8 ] || [ "$MINOR" -gt 13 ] ||
    [ "$(json -S -c '[.[] | select(.event == "object") | {(.address): .generation}] | add')" = "$(jq -S -c .generations rest)" ]
  ogt --load heap --format json --limit 3 --inspect __main__.Node
  [ "$(addresses)" = "$(rest '.nodes[:3] | join(" ")')" ]
}
@test "the objects of a type in the order of gc.get_objects(), their generations" { of_each first_of_type; }

owners() {
  local all
  all=$(jq -r '[.[].address] | join(" ")' owners)
  # shellcheck disable=SC2086
  ask --chains 3 --chain $all
  cp "$WORLD/out" chains
  # shellcheck disable=SC2086
  ask --max-depth 1 --too-many 0 --backrefs $all
  "$JUDGE" "$TESTS/judge_owners.py" chains "$WORLD/out" owners
}
@test "chains are expressions that Python evaluates to the object; referrers equal gc.get_referrers()" { of_each owners; }

ways() {
  local way='.[] | select(.event == "chains") | .chains[]'
  ask --chains 5 --chain "$(rest .wanted)"
  [ "$(json "[$way | select(.where == null) | .expression] | sort | join(\" \")")" = "__main__.a[0] __main__.b['k']" ]
  [ "$(json "[$way | select(.where != null) | .expression] | join(\" \")")" = local ]
  json "$way | select(.where != null) | .where" | grep -E '^hold\(\) at .*corpus.py:[0-9]+'
  # What is lost is all that leads there, and lies in memory that free lists had.
  # shellcheck disable=SC2046
  ask --chain $(rest '.lost[][1]')
  [ "$(json '[.[] | select(.event == "chains")] | length')" = "$(rest '.lost | length')" ]
  [ "$(json "[$way] | length")" = 0 ]
}
@test "several chains differ in their first step, a running function's variable is one; what free lists left leads nowhere" { of_each ways; }

# Counts of --garbage only are those of what it is said to be of each address; and that is what the collector took.
garbage() {
  ask --types --full-names --garbage only
  json -c '[.[-1].types[] | {key: .type, value: .count}] | from_entries' >garbage.counts
  # shellcheck disable=SC2046
  ask --full-names --chain $(awk '$1 ~ /^(unreachable|gone|later|callback|stayed)$/ { print $2 }' garbage | sort -u)
  sed -n 's/^unreachable //p' garbage >unreachable
  jq -s -c --rawfile said unreachable '($said | split("\n") | map(split(" ") | select(length > 1) | {key: .[0], value: .[1]}) |
    from_entries) as $types | map(select(.event == "chains" and .garbage)) | group_by($types[.address]) |
    {event: "new_ids", types: map({type: ($types[.[0].address] // "?"), ids: map(.address)})}' "$WORLD/out" >garbage.found
  "$JUDGE" "$TESTS/judge_garbage.py" garbage.found garbage
  [ "$(jq -S -c '.types | map({key: .type, value: (.ids | length)}) | from_entries' garbage.found)" = "$(jq -S -c . garbage.counts)" ]
}
@test "garbage is what gc.collect() then takes, finalizers and callbacks among it" { of_each garbage; }

# Lists that were lost, of which memory that was freed may hide some, and nothing else.
leaks() {
  local modules
  ask --leaks --full-names
  json -r '.[] | select(.event == "leaks") | .objects[] | select(.type != "builtins.module") | .address' | sort >leaks
  rest '.lost[][0]' | sort >lost
  [ -z "$(comm -13 lost leaks)" ]
  echo "$(wc -l <leaks) of $(wc -l <lost) are told"
  modules=$(json '[.[] | select(.event == "leaks") | .objects[] | select(.type == "builtins.module") | .address] | join(" ")')
  if [ "$MINOR" -ge 9 ]; then
    [ -z "$modules" ]
    # Before 3.10 what was freed of the list that had them says where they are.
    [ "$MINOR" -lt 10 ] || [ "$(wc -l <leaks)" -ge 10 ]
    return
  fi
  # To 3.8 Python loses _warnings (leaks.bats), and when it is started without site, 3.7 these besides.
  # shellcheck disable=SC2086
  ask --inspect $modules
  [ "$(json '[.[] | select(.event == "object") | .repr] | sort - ["<module '"'builtins'"'>", "<module '"'sys'"'>"] | join(" ")')" = "<module '_warnings'>" ]
}
@test "references that were lost, without a false alarm" { of_each leaks; }

pictures() {
  local holders question name
  holders=$(jq -r '[.[] | select(.what | IN("in_list", "in_dict", "key_str", "slots", "named", "queue", "partial", "closure", "plain")) |
    .referrers[0]] | unique | join(" ")' owners)
  for name in refs backrefs backrefs.again; do
    case $name in
      refs) question="--refs $holders --max-depth 1" ;;
      *) question="--backrefs $(jq -r '[.[].address] | join(" ")' owners) --max-depth 2" ;;
    esac
    # shellcheck disable=SC2086
    ogt --load heap $question --limit 0 --too-many 0 -o "$name.dot"
    succeeds
    case $name in *.again) continue ;; esac
    # shellcheck disable=SC2086
    ask $question --too-many 0
    cp "$WORLD/out" "$name"
  done
  cmp backrefs.dot backrefs.again.dot
  "$JUDGE" "$TESTS/judge_picture.py" references refs refs.dot backrefs backrefs.dot
  ogt --load heap --backrefs "$(owner in_list)" --max-depth 3 --merge-dicts
  succeeds
  grep -x "Target  $(owner in_list)" "$WORLD/out"
  grep -E '\[1\] of list  3 items' "$WORLD/out"
  grep -E '\.in_list of module  app  \(root\)' "$WORLD/out"
}
# How a graph is drawn, and what is said of names, is no matter of the version.
@test "a graph is the same as JSON, as dot and twice; a tree" { of_each pictures system-3.11; }

errors() {
  ogt --load heap --backrefs Wantad 0x1000
  fails_with 1 'is a Wantad; there are: Wanted' '0x1000: no object is there' '2 of 2 were not found'
  ogt --load heap --format json --inspect Wantad "$(rest '.nodes[0]')"
  fails_with 1 'is a Wantad' '1 of 2 were not found'
  [ "$(addresses)" = "$(rest '.nodes[0]')" ]
}
@test "names and addresses of nothing: said, with the nearest names" { of_each errors system-3.11; }

@test "a file that is cut, one with another bit" {
  local size
  cd "$BATS_FILE_TMPDIR/system-3.11"
  size=$(stat -c %s heap)
  head -c $((size * 2 / 3)) heap >damaged
  ogt --load damaged --types
  fails_with 1 damaged
  [ ! -s "$WORLD/out" ]
  cp heap damaged
  "$JUDGE" -c 'import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(int(sys.argv[2]))
    byte = file.read(1)[0]
    file.seek(int(sys.argv[2]))
    file.write(bytes([byte ^ 1]))' damaged $((size / 2))
  ogt --load damaged --types
  fails_with 1 damaged
  [ ! -s "$WORLD/out" ]
}
