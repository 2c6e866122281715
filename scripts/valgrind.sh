#!/usr/bin/env bash
# make valgrind: the program's ways under valgrind, on a program that allocates all the time. Errors and leaks fail it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folder=$(mktemp -d)
/usr/bin/python3 -c '
class Kept: pass
kept, end = [], __import__("time").time() + 300
while __import__("time").time() < end:
    kept.append(Kept())
    kept = kept[-20000:]
' &
target=$!
trap 'kill "$target" 2>/dev/null; wait "$target" 2>/dev/null || true; rm -rf "$folder"' EXIT
sleep 0.5

check() {
  echo "valgrind: $*"
  valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,possible \
    ./objgraph-trace "$@" >"$folder/out" 2>"$folder/err" && status=0 || status=$?
  if [ "$status" -ne "${expected:-0}" ]; then
    cat "$folder/err" >&2
    echo "valgrind: exit code $status" >&2
    exit 1
  fi
}
check -p "$target" --budget 0 --max-pause 10000 --interval 0.2 --count 2 --peaks "$folder/peaks"
check -p "$target" --budget 0 --max-pause 10000 --interval 0.2 --count 1 --peaks "$folder/peaks" --full-names --format json --type 'K*'
check -p "$target" --types --limit 0 --full-names
check -p "$target" --budget 0 --max-pause 10000 --new-ids --wait 0.2 --ids
check -p "$target" --max-pause 10000 --new-ids --state "$folder/state"
check -p "$target" --max-pause 10000 --new-ids --state "$folder/state" --format json --full-names
check --new-ids --state "$folder/state" --skip-update --sort-by new
check -p "$target" --max-pause 10000 --count-of list
expected=1 check -p "$target" --max-pause 10000 --inspect Kept dict type function 0x10 --limit 20 --format json
# Not with tracing: valgrind does not know what bpf() reads. The sanitizers see to that.
expected=1 check -p "$target" --budget 0 --max-pause 0.01
expected=1 check -p "$$"
