#!/bin/sh
# bench_compare.sh BASE [BENCH [ROUNDS]]: runs the benchmarks of the revision BASE and of the working tree in turns, and compares
# them with benchstat. BENCH is a pattern of benchmarks. The default is all. ROUNDS is how often each benchmark runs, 6 by
# default. BENCHSTAT is the command that compares. The measurements stay in build/bench.
set -eu
cd "$(dirname "$0")/.."
base=${1-}
[ -n "$base" ] || { echo "name a revision to compare with: make bench-compare BASE=main" >&2; exit 2; }
pattern=${2:-.}
rounds=${3:-6}
top=$PWD
out=$top/build/bench
tree=$out/tree

clean() { git worktree remove --force "$tree" 2>/dev/null || true; }
clean
rm -rf "$out"
mkdir -p "$out"
trap clean EXIT
trap 'exit 130' INT TERM
git worktree add --quiet --detach "$tree" "$base"

# The packages in which both revisions have benchmarks.
packages=
for dir in $(grep -rl --include=*_test.go '^func Benchmark' . | grep -vE '^\./(build|third_party)/' | xargs -n1 dirname | sort -u); do
	grep -q '^func Benchmark' "$tree/$dir"/*_test.go 2>/dev/null || continue
	name=$(echo "${dir#./}" | tr / -)
	go test -c -o "$out/$name.new" "$dir"
	(cd "$tree" && go test -c -o "$out/$name.old" "$dir")
	[ -n "$("$out/$name.new" -test.list "$(echo "$pattern" | cut -d/ -f1)" | grep '^Benchmark')" ] || continue
	packages="$packages $dir"
done
[ -n "$packages" ] || { echo "no benchmarks match $pattern" >&2; exit 1; }

measure() { # measure DIR FOLDER old|new
	(cd "$2/$1" && "$out/$(echo "${1#./}" | tr / -).$3" -test.run '^$' -test.bench "$pattern" -test.benchmem) | tee -a "$out/$3.txt"
}
for round in $(seq "$rounds"); do
	echo "round $round of $rounds"
	for dir in $packages; do
		if [ $((round % 2)) = 1 ]; then
			measure "$dir" "$tree" old
			measure "$dir" "$top" new
		else
			measure "$dir" "$top" new
			measure "$dir" "$tree" old
		fi
	done
done >"$out/log"
(cd "$out" && ${BENCHSTAT:-benchstat} old.txt new.txt)
