#!/bin/sh
# test_variants.sh [short]: runs the numeric tests with every build of ggml's CPU backend that this processor can run: operations,
# models of every version in every type, and the official numbers. "short" runs one product of each kind, and models of each
# version in four types.
set -eu
cd "$(dirname "$0")/.."
build=$PWD/build/variants
GOSLING_GGML=${GOSLING_GGML:-$PWD/third_party}
export GOSLING_GGML
mkdir -p "$build"
go build -o "$build/gosling" .
libraries=$("$build/gosling" devices --json | sed -n 's/.*"libraries": "\(.*\)",*$/\1/p')

packages="ggml/probe rwkv/op ggml engine rwkv/v4 rwkv/v5 rwkv/v6 rwkv/v7"
run=.
if [ "${1-}" = short ]; then
	packages="ggml/probe rwkv/v4 rwkv/v5 rwkv/v6 rwkv/v7"
	run='^TestEveryDeviceIsRight$|^TestSuite[0-9]*$/^CPU$/^types$/^(F16|BF16|Q8_0|Q4_K_M)$'
fi
for package in $packages; do
	go test -c -o "$build/$(echo "$package" | tr / -).test" "./$package"
done

failed=
tried=0
for file in "$libraries"/libggml-cpu-*; do
	variant=${file##*/libggml-cpu-}
	variant=${variant%.*}
	export GOSLING_CPU_VARIANT="$variant"
	if ! "$build/gosling" devices >/dev/null 2>"$build/reason"; then
		grep -q 'lacks instructions' "$build/reason" || { cat "$build/reason" >&2; failed="$failed $variant"; }
		echo "$variant: not for this processor"
		continue
	fi
	tried=$((tried + 1))
	for package in $packages; do
		name=$(echo "$package" | tr / -)
		begun=$(date +%s)
		if (cd "$package" && "$build/$name.test" -test.run "$run" -test.timeout 60m) >"$build/log" 2>&1; then
			echo "$variant: $package ok, $(($(date +%s) - begun)) s"
		else
			cat "$build/log"
			echo "$variant: $package FAILED"
			failed="$failed $variant:$package"
		fi
	done
done
[ "$tried" -gt 0 ] || { echo "$libraries: no builds for processor families, nothing to test" >&2; exit 0; }
[ -z "$failed" ] || { echo "failed:$failed" >&2; exit 1; }
