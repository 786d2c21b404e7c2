#!/bin/sh
# dist_test.sh: checks the archives of "make dist" against their checksums, unpacks the one for this platform into an empty
# folder, and runs the program in it.
set -eu
cd "$(dirname "$0")/.."
platform=$(go env GOOS)-$(go env GOARCH)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

(cd dist && if command -v sha256sum >/dev/null; then sha256sum -c SHA256SUMS; else shasum -a 256 -c SHA256SUMS; fi)
archive=$(sed -n "s/.*  \(gosling-.*-$platform\.tar\.gz\)$/\1/p" dist/SHA256SUMS)
[ -n "$archive" ] || { echo "no archive for $platform" >&2; exit 1; }
tar xzf "dist/$archive" -C "$tmp"
sh scripts/try_installed.sh "$tmp/${archive%.tar.gz}"
echo "$archive: unpacked and ran"
