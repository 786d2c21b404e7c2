package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/pth"
	"github.com/gosling-rwkv/gosling/gguf"
)

func TestASmallModelIsMade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "m.pth")
	args := []string{"--layers", "2", "--embed", "64", "--head-size", "16", "--vocab", "257", "--ranks", "4,5,6,7", "--out", path}
	var log bytes.Buffer
	require.NoError(t, run(args, &log))
	assert.Contains(t, log.String(), path)
	f, err := checkpoint.Open(path, pth.Read)
	require.NoError(t, err)
	defer f.Close()
	for name, shape := range map[string][]int64{
		"emb.weight": {257, 64}, "blocks.0.att.r_k": {4, 16}, "blocks.0.att.w1": {64, 4},
		"blocks.1.att.a1": {64, 5}, "blocks.1.att.v1": {64, 6}, "blocks.1.att.g1": {64, 7},
	} {
		tensor, _ := f.Tensor(name)
		assert.Equal(t, shape, tensor.Shape, name)
	}
	assert.ErrorIs(t, run(args, &log), os.ErrExist, "a file is never overwritten")
	assert.NoError(t, run(append(args, "--force"), &log), "unless it is asked for")
}

func TestAHybridIsMadeAsGGUF(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	require.NoError(t, run([]string{"--version", "rwkv6qwen2", "--layers", "1", "--embed", "64", "--head-size", "16", "--vocab", "100",
		"--ranks", "4,5,6,7,3", "--kv-heads", "2", "--out", path}, io.Discard))
	f, err := gguf.Open(path)
	require.NoError(t, err)
	defer f.Close()
	for name, shape := range map[string][]int64{
		"blk.0.time_mix_key.weight": {64, 32}, "blk.0.time_mix_w2.weight": {3, 64, 5}, "blk.0.time_mix_decay_w1.weight": {64, 4},
	} {
		tensor, _ := f.Tensor(name)
		assert.Equal(t, shape, tensor.Shape, name)
	}
}

func TestSizesAndLabels(t *testing.T) {
	for name, tc := range map[string]struct {
		args   []string
		label  string
		layers int
		gate   int
	}{
		"a released size":                   {[]string{"--size", "1.5b"}, "1.5B", 24, 256},
		"the other name of a size":          {[]string{"--size", "14B"}, "13.3B", 61, 384},
		"a released size with fewer layers": {[]string{"--size", "7.2B", "--layers", "3"}, "7.2B", 3, 480},
		"a size of its own":                 {[]string{"--layers", "2", "--embed", "64", "--vocab", "256"}, "151K", 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := parse(tc.args, io.Discard)
			require.NoError(t, err)
			label, err := r.complete()
			require.NoError(t, err)
			assert.Equal(t, tc.layers, r.Layers)
			assert.Equal(t, tc.gate, r.Ranks.Gate)
			assert.Equal(t, tc.label, label)
		})
	}
}

func TestArgumentsThatAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		args   []string
		reason string
	}{
		"nothing":                {nil, "name a --size, or --layers and --embed"},
		"an unknown size":        {[]string{"--size", "8B"}, `there is no size "8B"`},
		"another version":        {[]string{"--size", "0.1B", "--version", "8"}, `version "8" cannot be made: want one of 4, 5.0`},
		"three ranks":            {[]string{"--size", "0.1B", "--ranks", "1,2,3"}, "want four numbers"},
		"a rank that is a word":  {[]string{"--size", "0.1B", "--ranks", "1,2,3,four"}, `"four" is not a number`},
		"heads that do not fit":  {[]string{"--layers", "1", "--embed", "65"}, "do not divide into heads"},
		"a name without a flag":  {[]string{"m.pth"}, `unexpected argument "m.pth"`},
		"a flag that is unknown": {[]string{"--colour", "red"}, "not defined"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.ErrorContains(t, run(tc.args, io.Discard), tc.reason)
		})
	}
}
