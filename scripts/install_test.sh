#!/bin/sh
# install_test.sh: clones the last commit, installs it, removes the clone, runs the installed program from elsewhere, and
# uninstalls it. Afterwards exactly the files from before must be there.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

git clone -q . "$tmp/clone"
for modules in third_party/node_modules third_party/*/node_modules; do
	[ ! -d "$modules" ] || cp -R "$modules" "$tmp/clone/$(dirname "$modules")/"
done
prefix="$tmp/a place/usr"
mkdir -p "$prefix/share/man/man1" "$prefix/lib"
echo other >"$prefix/share/man/man1/other.1"
find "$tmp/a place" | sort >"$tmp/before"

make -s -C "$tmp/clone" install DESTDIR="$tmp/a place" PREFIX=/usr
make -s -C "$tmp/clone" install DESTDIR="$tmp/a place" PREFIX=/usr # again, over the first
rm -rf "$tmp/clone"
sh scripts/try_installed.sh "$prefix"
make -s -C "$root" uninstall DESTDIR="$tmp/a place" PREFIX=/usr
find "$tmp/a place" | sort | diff "$tmp/before" -

if sh scripts/install.sh uninstall "$tmp/nowhere" 2>/dev/null; then
	echo 'uninstalled what was never installed' >&2
	exit 1
fi
echo 'installed, ran without the clone, and uninstalled'
