#!/bin/sh
# make-models.sh TEXT: trains the built-in model and those of the tests anew, puts them and their logits in testdata/, and writes the
# built-in task set.
set -eu
text=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
data=$here/../../testdata
work=${WORK:-$here/../../build/train}
python=${PYTHON:-python3}
mkdir -p "$data" "$work"
cd "$here"

# Fresh memory of the kernel for every tensor costs more than the arithmetic on it.
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=20000000000

train() { # NAME FLAGS...
	name=$1
	shift
	resume=
	[ ! -e "$work/$name.resume" ] || resume=--resume
	"$python" train.py --text "$text" --out "$work/$name.pth" $resume "$@"
	cp "$work/$name.pth" "$data/"
	"$python" golden.py "$data/$name.pth" "$text"
}

train demo --version 7 --layers 4 --channels 256 --length 512 --steps 3400 --rate 2e-3
train rwkv-4-small --version 4 --layers 4 --channels 128 --length 256 --steps 800 --rate 3e-3 --threads 1
train rwkv-5.2-small --version 5 --layers 4 --channels 128 --length 256 --steps 800 --rate 3e-3 --threads 1
train rwkv-6-small --version 6 --layers 3 --channels 128 --length 256 --steps 800 --rate 3e-3 --threads 1
"$python" tasks.py >"$here/../../demo/testdata/tasks.jsonl"
"$python" curve.py curve.svg demo="$work/demo.csv" RWKV-4="$work/rwkv-4-small.csv" RWKV-5.2="$work/rwkv-5.2-small.csv" RWKV-6="$work/rwkv-6-small.csv"
