# SPDX-License-Identifier: MIT
#
# What tests/run, examples/run and .ci/run share. Source it; it changes no folder and ends nothing.
# `root` is the repository, `passed` and `failed` are what was counted so far.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
passed=0
failed=0

say() { printf '== %s\n' "$*"; }

complain() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

may_install() { [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    env DEBIAN_FRONTEND=noninteractive "$@"
  else
    sudo env DEBIAN_FRONTEND=noninteractive "$@"
  fi
}

# need_packages NAME...: installs those Debian packages that are missing, and says which.
need_packages() {
  local name missing=()
  if ! command -v dpkg-query >/dev/null; then
    say "this is no Debian: expecting the equivalents of: $*"
    return 0
  fi
  for name in "$@"; do
    if [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" != installed ]; then
      missing+=("$name")
    fi
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if ! may_install; then
    complain "packages are missing, and this is not root and there is no sudo; as root, run:" \
      "apt-get install ${missing[*]}"
    return 1
  fi
  say "installing with apt-get: ${missing[*]}"
  if ! as_root apt-get -q update; then
    complain "apt-get update failed: is there a network, and are the package sources right?"
    return 1
  fi
  if ! as_root apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 \
    install "${missing[@]}"; then
    complain "apt-get could not install: ${missing[*]}"
    return 1
  fi
}

# The packages of every build of ours.
build_packages=(g++ meson ninja-build pkg-config liburing-dev libnghttp2-dev libprotobuf-dev
  protobuf-compiler libprotoc-dev zlib1g-dev)
# What the tests use besides: interoperation with grpc++ and grpcio, and checks in Python.
test_packages=(doctest-dev python3 libgrpc++-dev protobuf-compiler-grpc python3-grpcio
  python3-protobuf grpc-proto)
# Proxies before a server, and the libraries of theirs that the packages above do not bring.
proxy_packages=(nginx haproxy nghttp2-proxy liblua5.3-0 libopentracing-c-wrapper0 libopentracing1
  libev4 libjemalloc2)

# need_node: Node.js and npm, from wherever they come, for @grpc/grpc-js.
need_node() {
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    need_packages nodejs npm
  fi
}

# unpack_packages NAME...: those Debian packages in build/debian. They are not installed, because
# a server that is installed is also started.
unpack_packages() {
  local folder=$root/build/debian
  if [ "$(cat "$folder/unpacked" 2>/dev/null)" = "$*" ]; then
    return 0
  fi
  if ! command -v dpkg-deb >/dev/null; then
    say "this is no Debian: expecting the equivalents of: $*"
    return 0
  fi
  say "fetching, not installing: $*"
  rm -rf "$folder"
  mkdir -p "$folder"
  # The user of its own that apt takes as root may not write there.
  local fetch=(env -C "$folder" apt-get -q -o APT::Sandbox::User=root download "$@")
  if ! "${fetch[@]}"; then
    # Lists that are missing, or older than the archive.
    if ! may_install || ! as_root apt-get -q update || ! "${fetch[@]}"; then
      complain "apt-get could not download: $*"
      return 1
    fi
  fi
  local file
  for file in "$folder"/*.deb; do
    dpkg-deb -x "$file" "$folder" || return 1
  done
  rm -f "$folder"/*.deb
  printf '%s\n' "$*" >"$folder/unpacked"
}

need_test_packages() {
  need_packages "${build_packages[@]}" "${test_packages[@]}" "$@" && need_node &&
    unpack_packages "${proxy_packages[@]}"
}

# build COMPILER FOLDER OPTION...: configures build/FOLDER, anew if the options are not those of the
# last time, and builds it, or only `targets` if the caller names some. Never downloads a wrap.
targets=()
build() {
  local compiler=$1 folder=$root/build/$2
  shift 2
  local options=(--wrap-mode=nofallback -Dwerror=true "$@")
  local told="$root $compiler ${options[*]}"
  if command -v ccache >/dev/null; then
    compiler="ccache $compiler"
  fi
  if [ -f "$folder/build.ninja" ] && [ "$(cat "$folder/told" 2>/dev/null)" = "$told" ]; then
    # Looks again for folders that were not there; a build folder of another meson does not do that.
    env CXX="$compiler" meson setup --reconfigure "$folder" "$root" "${options[@]}" >/dev/null ||
      rm -rf "$folder"
  else
    rm -rf "$folder"
  fi
  if [ ! -d "$folder" ]; then
    mkdir -p "$root/build"
    if ! env CXX="$compiler" meson setup "$folder" "$root" "${options[@]}"; then
      complain "meson setup failed; the reason is above and in $folder/meson-logs/meson-log.txt"
      return 1
    fi
    printf '%s\n' "$told" >"$folder/told"
  fi
  if ! ninja -C "$folder" "${targets[@]}"; then
    complain "does not build; the compiler's messages are above"
    return 1
  fi
}

# run_tests FOLDER OPTION...: runs the tests of build/FOLDER and adds to `passed` and `failed`.
run_tests() {
  local folder=$root/build/$1 status counted
  shift
  rm -f "$folder/meson-logs/testlog.json"
  meson test -C "$folder" --no-rebuild --print-errorlogs "$@"
  status=$?
  if counted=$(python3 -B "$root/tests/count.py" "$folder/meson-logs/testlog.json"); then
    read -r new_passed new_failed <<<"$(tail -n 1 <<<"$counted")"
    head -n -1 <<<"$counted"
  else
    complain "the tests left no readable $folder/meson-logs/testlog.json"
    new_passed=0
    new_failed=0
  fi
  if [ "$status" -ne 0 ] && [ "$new_failed" -eq 0 ]; then
    complain "meson test ended with $status"
    new_failed=1
  fi
  passed=$((passed + new_passed))
  failed=$((failed + new_failed))
}

# The last line, and the exit status that goes with it. A step that broke counts as one failure.
finish() {
  printf '%d passed, %d failed\n' "$passed" "$failed"
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
  exit
}
