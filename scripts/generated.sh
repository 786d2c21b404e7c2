#!/bin/sh
# generated.sh: checks that the generated files in kernels are what the generator in kernels/gen writes. It runs a copy of the
# generator with the arguments of the go:generate line, so the files in the working tree stay as they are.
set -eu
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp -r kernels/gen "$folder"
# shellcheck disable=SC2046 # the line is a list of words
${GO:-go} -C "$folder/gen" $(sed -n 's,^//go:generate go -C gen ,,p' kernels/doc.go)
written=0
for file in "$folder"/*; do
	[ -f "$file" ] || continue
	written=$((written + 1))
	cmp "$file" "kernels/${file##*/}" || { echo "kernels/${file##*/} is not what kernels/gen writes: run make generate" >&2; exit 1; }
done
[ "$written" -gt 0 ] || { echo "kernels/gen wrote nothing" >&2; exit 1; }
