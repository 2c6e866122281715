#!/usr/bin/env bash
# make demo: watches a program that leaks, for a few seconds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PATIENCE=10 # seconds until the program serves
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "demo: watching a process takes root, and there is no sudo" >&2; exit 1; }
  as_root=(sudo)
fi

folder=$(mktemp -d)
target=
# However this ends, the program ends too: it and no other.
finish() {
  if [ -n "$target" ]; then
    kill "$target" 2>/dev/null || true
    wait "$target" 2>/dev/null || true
  fi
  rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

python3 demo/leaky_web.py >"$folder/log" 2>&1 &
target=$!
until grep -q serving "$folder/log"; do
  if [ "$SECONDS" -ge "$PATIENCE" ] || ! kill -0 "$target" 2>/dev/null; then
    cat "$folder/log" >&2
    echo "demo: demo/leaky_web.py did not start" >&2
    exit 1
  fi
  sleep 0.1
done

echo "\$ ${as_root[*]:+${as_root[*]} }./objgraph-trace -p $target --interval 3 --count 3"
"${as_root[@]}" ./objgraph-trace -p "$target" --interval 3 --count 3 2>&1 | tee "$folder/output"

# Tables stand apart by an empty line; the first is the baseline. Notes are no tables.
grep -v '^objgraph-trace:' "$folder/output" |
  awk -v RS= 'NR > 1 { tables++; if ($1 == "Session") { top++; grown += $3 } }
  END { printf "\nSession is on top of %d of %d growth tables, by %d objects: demo/leaky_web.py keeps one per visitor " \
    "and drops none.\n", top, tables, grown }'
echo "For a process of your own: sudo ./objgraph-trace -p PID --interval 60   (Ctrl-C ends it, the process runs on)"
