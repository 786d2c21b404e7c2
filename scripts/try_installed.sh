#!/bin/sh
# try_installed.sh PREFIX: runs the program installed below PREFIX from an empty folder with an empty environment, after "make
# install" or from an archive of "make dist".
set -eu

prefix=$(cd "$1" && pwd)
bin=$prefix/bin
empty=$(mktemp -d)
trap 'rm -rf "$empty"' EXIT
cd "$empty"
alone() { env -i HOME="$empty" PATH="$bin:/usr/bin:/bin" "$@"; }

alone gosling --version
alone gosling doctor
alone gosling devices | grep -F "$prefix/lib/gosling" >/dev/null || { echo "the libraries are not those of $prefix" >&2; exit 1; }
alone gosling doctor demo
words=$(alone gosling run demo --n-predict 16 --seed 1 'ROMEO:')
[ -n "$words" ] || { echo 'the demo model printed nothing' >&2; exit 1; }
echo "ROMEO:$words"

for file in share/man/man1/gosling.1 share/man/man1/gosling-run.1 share/bash-completion/completions/gosling \
	share/zsh/site-functions/_gosling share/fish/vendor_completions.d/gosling.fish; do
	[ -s "$prefix/$file" ] || { echo "$file is missing" >&2; exit 1; }
done
