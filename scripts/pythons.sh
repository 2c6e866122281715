#!/usr/bin/env bash
# make pythons: the interpreters that Debian 12 itself does not ship, in chroots that are kept between runs.
#   scripts/pythons.sh            make what is missing
#   scripts/pythons.sh --list     print "label<TAB>chroot or -<TAB>command" for every interpreter of this machine
# OGT_PYTHONS names the folder of the chroots (default /var/cache/objgraph-trace).
set -euo pipefail

root=${OGT_PYTHONS:-/var/cache/objgraph-trace}

# suite: packages. The -dev packages carry the internal headers that scripts/layout-check reads.
declare -A packages=(
  [trixie]="python3.13 libpython3.13-dev python3.13-dbg python3-objgraph python3-memray"
  [sid]="python3.13 python3.14 libpython3.14-dev python3.14-dbg python3.15 libpython3.15-dev python3-objgraph"
)

# The mirror this machine already uses for Debian's main archive.
mirror() {
  { sed -n 's/^URIs:[[:space:]]*//p' /etc/apt/sources.list.d/*.sources 2>/dev/null || true
    sed -nE 's/^deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+).*/\2/p' /etc/apt/sources.list \
      /etc/apt/sources.list.d/*.list 2>/dev/null || true; } | tr ' ' '\n' | grep -E '/debian/?$' | head -n 1
}

make_suite() {
  local suite=$1 dir=$root/$1 url stamp
  stamp=$dir/.objgraph-trace
  if [ "$(cat "$stamp" 2>/dev/null)" = "${packages[$suite]}" ]; then return 0; fi
  url=$(mirror)
  [ -n "$url" ] || { echo "pythons: no Debian mirror in apt's sources" >&2; return 1; }
  echo "pythons: $suite (${packages[$suite]})"
  if [ ! -e "$dir/.bootstrapped" ]; then
    rm -rf --one-file-system "${dir:?}"
    mkdir -p "$dir"
    debootstrap --variant=minbase "$suite" "$dir" "$url" >"$root/$suite.log" 2>&1 ||
      { tail -n 20 "$root/$suite.log" >&2; return 1; }
    touch "$dir/.bootstrapped"
  fi
  cp -L /etc/resolv.conf "$dir/etc/resolv.conf" 2>/dev/null || true
  cp -a /etc/hosts "$dir/etc/hosts" 2>/dev/null || true
  local package wanted=()
  # A mirror may serve a frozen archive, whose index has passed its Valid-Until.
  echo 'Acquire::Check-Valid-Until "false";' >"$dir/etc/apt/apt.conf.d/90objgraph-trace"
  DEBIAN_FRONTEND=noninteractive chroot "$dir" apt-get -qq update >>"$root/$suite.log" 2>&1 ||
    { tail -n 20 "$root/$suite.log" >&2; return 1; }
  for package in ${packages[$suite]}; do
    case $(chroot "$dir" apt-cache policy "$package") in
      *"Candidate: (none)"* | "") echo "pythons: $suite has no $package" >&2 ;;
      *) wanted+=("$package") ;;
    esac
  done
  DEBIAN_FRONTEND=noninteractive chroot "$dir" apt-get -qq install -y --no-install-recommends "${wanted[@]}" \
    >>"$root/$suite.log" 2>&1 || { tail -n 20 "$root/$suite.log" >&2; return 1; }
  chroot "$dir" apt-get clean
  echo "${packages[$suite]}" >"$stamp"
}

# A label is the version and the flavour; the first with a label wins.
list() {
  local dir suite python version
  for dir in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.*; do
    [ -x "$dir/bin/python3" ] && printf 'pyenv-%s\t-\t%s\n' "${dir##*/}" "$dir/bin/python3"
  done
  for python in /usr/bin/python3.[0-9] /usr/bin/python3.[0-9][0-9]; do
    [ -x "$python" ] && printf 'system-%s\t-\t%s\n' "${python##*python}" "$python"
  done
  for suite in trixie sid; do
    for python in "$root/$suite"/usr/bin/python3.[0-9][0-9]; do
      if [ -x "$python" ]; then
        version=${python##*python}
        printf '%s-%s\t%s\t%s\n' "$suite" "$version" "$root/$suite" "/usr/bin/python$version"
      fi
    done
  done
  for suite in trixie sid; do
    for python in "$root/$suite"/usr/bin/python3.[0-9][0-9]-dbg; do
      if [ -x "$python" ]; then
        version=${python##*python}
        printf '%s-%s\t%s\t%s\n' "$suite" "$version" "$root/$suite" "/usr/bin/python$version"
      fi
    done
  done
}

case ${1:-} in
  --list) list ;;
  "")
    mkdir -p "$root"
    exec 9>"$root/.lock"
    flock 9
    command -v debootstrap >/dev/null || { echo "pythons: debootstrap is missing (make deps)" >&2; exit 1; }
    for suite in trixie sid; do make_suite "$suite"; done
    list
    ;;
  *) echo "usage: $0 [--list]" >&2; exit 2 ;;
esac
