#!/usr/bin/env bash
# make deps: the Debian packages this project needs; only what is missing is fetched.
#   scripts/deps.sh build     what `make` needs
#   scripts/deps.sh check     that, and what `make check`, `make bench` and .ci/run need
#   scripts/deps.sh vm        what scripts/vm needs besides
#   scripts/deps.sh newer-libbpf
#     libbpf and bpftool from this release's backports: fetched once, unpacked and not installed. Prints the folder, in
#     which pkgconfig/ is for PKG_CONFIG_PATH. Exit code 77 with the reason where they cannot be had.
set -euo pipefail

build=(gcc make pkg-config clang llvm libbpf-dev bpftool libelf-dev zlib1g-dev libzstd-dev libjansson-dev graphviz python3)
check=(bats binutils clang-format cppcheck debootstrap gdb jq libpython3-dev man-db procps psmisc pypy3 python3-gevent
  python3-greenlet python3-numpy python3-objgraph shellcheck strace time util-linux valgrind xz-utils)
vm=(bats cpio jq procps psmisc qemu-system-x86 util-linux)

# --- newer-libbpf ---

unavailable() { echo "no newer libbpf: $*" >&2; exit 77; }

# The archive that this machine takes the release itself from.
archive() {
  # shellcheck disable=SC2016
  apt-get indextargets --no-release-info --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 'Component: main' |
    awk -v release="$1" '$2 == release { print $1; exit }'
}

# Fetches into the current folder with apt's lists in one of its own: what the machine installs from stays as it is.
fetch_backports() {
  local suite=$1-backports url key=/usr/share/keyrings/debian-archive-keyring.gpg apt
  url=$(archive "$1") || true
  [ -n "$url" ] || unavailable "apt has no source for $1"
  if [ -r $key ]; then key=" [signed-by=$key]"; else key=; fi
  mkdir -p apt/lists/partial apt/archives/partial
  echo "deb$key $url $suite main" >apt/backports.list
  apt=(apt-get -q -o "Dir::Etc::sourcelist=$PWD/apt/backports.list" -o Dir::Etc::sourceparts=- -o "Dir::Cache=$PWD/apt"
    -o "Dir::State::lists=$PWD/apt/lists" -o Acquire::Languages=none -o Acquire::Retries=1 -o Acquire::http::Timeout=30
    -o Acquire::Check-Valid-Until=false -o APT::Update::Error-Mode=any -o APT::Sandbox::User=)
  "${apt[@]}" update >log 2>&1 || unavailable "$suite cannot be reached: $(grep -m 1 '^[EW]:' log)"
  "${apt[@]}" download {libbpf1,libbpf-dev,bpftool}"/$suite" >>log 2>&1 ||
    unavailable "$suite does not have it: $(grep -m 1 '^E:' log)"
}

newer_libbpf() {
  local release root=${OGT_PYTHONS:-/var/cache/objgraph-trace} top package pc
  if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then unavailable "no apt-get here"; fi
  # shellcheck source=/dev/null
  release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  top=$root/libbpf-1.4
  mkdir -p "$top" 2>/dev/null || true
  [ -w "$top" ] || unavailable "$top cannot be written"
  exec 9>"$top/.lock"
  flock 9
  cd "$top"
  if [ "$(cat .complete 2>/dev/null)" != "$release" ]; then
    rm -rf .complete apt ./*.deb usr pkgconfig
    fetch_backports "$release"
    for package in *.deb; do dpkg -x "$package" "$top"; done
    pc=$(find usr -name libbpf.pc)
    mkdir pkgconfig
    sed "s#^prefix=.*#prefix=$top/usr#" "$pc" >pkgconfig/libbpf.pc
    rm -rf apt ./*.deb log
    echo "$release" >.complete
  fi
  echo "$top"
}

case ${1:-build} in
  newer-libbpf) newer_libbpf; exit ;;
  build) wanted=("${build[@]}") ;;
  check) wanted=("${build[@]}" "${check[@]}") ;;
  vm) wanted=("${vm[@]}") ;;
  *) echo "usage: $0 [build|check|vm|newer-libbpf]" >&2; exit 2 ;;
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
