#!/usr/bin/env bash
# make deps: the Debian packages this project needs; only what is missing is fetched.
#   scripts/deps.sh build     what `make` needs
#   scripts/deps.sh check     that, and what `make check`, `make bench` and .ci/run need
set -euo pipefail

build=(gcc make pkg-config clang llvm libbpf-dev bpftool libelf-dev zlib1g-dev libjansson-dev graphviz python3)
check=(bats binutils clang-format cppcheck debootstrap gdb jq libpython3-dev man-db procps psmisc pypy3 python3-objgraph
  shellcheck strace time util-linux valgrind)

case ${1:-build} in
  build) wanted=("${build[@]}") ;;
  check) wanted=("${build[@]}" "${check[@]}") ;;
  *) echo "usage: $0 [build|check]" >&2; exit 2 ;;
esac

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  echo "deps: no apt-get here; install with this system's package manager what these Debian packages hold:" >&2
  echo "  ${wanted[*]}" >&2
  exit 1
fi

# dpkg-query fails where it has never heard of a package: that one is missing, too.
installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || true)
missing=()
for package in "${wanted[@]}"; do
  grep -qx "installed $package" <<<"$installed" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "deps: missing: ${missing[*]}; installing them takes root, and there is no sudo" >&2
    exit 1
  }
  as_root=(sudo)
fi
# Quiet unless it fails.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 "$@" \
    </dev/null >"$log" 2>&1 || { tail -n 20 "$log" >&2; echo "deps: apt-get $1 failed" >&2; exit 1; }
}

echo "deps: installing ${missing[*]}"
apt update
apt install --no-install-recommends "${missing[@]}"
