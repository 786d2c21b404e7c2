package synth

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/pth"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/float"
)

// small has odd sizes and matrices of more than one block.
var small = Config{Layers: 2, Embed: 96, HeadSize: 32, Vocab: 6001, FFN: 200, Ranks: Ranks{Decay: 8, Rate: 9, Value: 7, Gate: 12}}

func made(t *testing.T, c Config) *checkpoint.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.pth")
	var out bytes.Buffer
	require.NoError(t, Write(&out, c))
	require.NoError(t, os.WriteFile(path, out.Bytes(), 0o600))
	f, err := checkpoint.Open(path, pth.Read)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func values(t *testing.T, f *checkpoint.File, name string) []float32 {
	t.Helper()
	tensor, ok := f.Tensor(name)
	require.True(t, ok, "there is a tensor %q", name)
	out := make([]float32, tensor.Elements())
	require.NoError(t, tensor.ReadFloats(out, 0))
	return out
}

// moments returns the mean and the standard deviation.
func moments(x []float32) (mean, deviation float64) {
	for _, v := range x {
		mean += float64(v)
	}
	mean /= float64(len(x))
	for _, v := range x {
		deviation += (float64(v) - mean) * (float64(v) - mean)
	}
	return mean, math.Sqrt(deviation / float64(len(x)))
}

func TestTheSameSeedGivesTheSameFileOnAnyNumberOfCores(t *testing.T) {
	sum := func(cores int, seed uint64) [32]byte {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		c := small
		c.Seed = seed
		h := sha256.New()
		require.NoError(t, Write(h, c))
		return [32]byte(h.Sum(nil))
	}
	assert.Equal(t, sum(1, 5), sum(8, 5))
	assert.NotEqual(t, sum(1, 5), sum(1, 6))
}

func TestNamesAndShapes(t *testing.T) {
	f := made(t, small)
	for name, shape := range map[string][]int64{
		"emb.weight":                 {6001, 96},
		"blocks.0.ln0.bias":          {96},
		"blocks.1.att.x_g":           {1, 1, 96},
		"blocks.1.att.w1":            {96, 8},
		"blocks.0.att.a2":            {9, 96},
		"blocks.1.att.v1":            {96, 7},
		"blocks.0.att.g2":            {12, 96},
		"blocks.1.att.r_k":           {3, 32},
		"blocks.0.att.output.weight": {96, 96},
		"blocks.1.att.ln_x.weight":   {96},
		"blocks.0.ffn.key.weight":    {200, 96},
		"blocks.1.ffn.value.weight":  {96, 200},
		"ln_out.weight":              {96},
		"head.weight":                {6001, 96},
	} {
		tensor, ok := f.Tensor(name)
		assert.True(t, ok, name)
		assert.Equal(t, shape, tensor.Shape, name)
		assert.Equal(t, checkpoint.BF16, tensor.DType, name)
	}
	_, ok := f.Tensor("blocks.0.att.v1")
	assert.False(t, ok, "the first layer has no value residual")
	_, ok = f.Tensor("blocks.1.ln0.weight")
	assert.False(t, ok, "only the first layer has ln0")

	c := small
	c.FirstValue = true
	_, ok = made(t, c).Tensor("blocks.0.att.v1")
	assert.True(t, ok, "but it may")
}

func TestWeightsLieWhereTrainingPutsThem(t *testing.T) {
	f := made(t, small)
	mean, deviation := moments(values(t, f, "emb.weight"))
	assert.InDelta(t, 0, mean, 0.01)
	assert.InDelta(t, 1/math.Sqrt(96), deviation, 0.002)
	mean, deviation = moments(values(t, f, "blocks.1.ln1.weight"))
	assert.InDelta(t, 1, mean, 0.05)
	assert.InDelta(t, 0.08, deviation, 0.03)

	for name, limits := range map[string][2]float32{
		"blocks.0.att.x_w":  {0, 1},
		"blocks.1.ffn.x_k":  {0, 1},
		"blocks.1.att.w0":   {-9, 4},
		"blocks.0.att.a0":   {-1.2, 1},
		"blocks.1.att.k_k":  {0.6, 1.1},
		"blocks.1.att.k_a":  {0.7, 1.3},
		"blocks.1.att.r_k":  {-0.5, 0.4},
		"blocks.1.att.v0":   {0, 1.5},
		"blocks.1.ln2.bias": {-0.25, 0.25},
	} {
		x := values(t, f, name)
		distinct := map[float32]bool{}
		for _, v := range x {
			assert.True(t, v >= limits[0] && v <= limits[1], "%s has %v", name, v)
			distinct[v] = true
		}
		assert.Greater(t, len(distinct), len(x)/4, "%s varies", name)
	}
}

func TestVectorsGoOnWhereABlockBegins(t *testing.T) {
	dst := make([]byte, 6)
	fillVector(dst, 1, 40, func(i int, _ float64) float64 { return float64(i) })
	got := make([]float32, 3)
	float.DecodeBF16(got, dst)
	assert.Equal(t, []float32{40, 41, 42}, got)
}

func TestReleasedSizesHaveTheReleasedParameters(t *testing.T) {
	for version, sizes := range map[string]map[string]int64{
		"4":   {"0.1B": 192_780_288, "430M": 461_647_872, "1.5B": 1_577_607_168, "3B": 3_062_753_280, "7B": 7_517_650_944},
		"5.0": {"0.1B": 192_780_576},
		"5.2": {"0.4B": 461_721_600, "1.5B": 1_577_754_624, "3B": 3_062_999_040, "7B": 7_518_044_160},
		"6":   {"1.6B": 1_599_873_024, "3B": 3_099_863_040, "7B": 7_635_746_816, "14B": 14_069_088_256},
		"7": {
			"0.1B": 191_084_544, "0.4b": 450_834_432, "1.5B": 1_527_668_736, "2.9B": 2_948_065_280, "3B": 2_948_065_280,
			"7.2B": 7_199_932_416, "13.3B": 13_270_298_624, "14B": 13_270_298_624,
		},
	} {
		for name, want := range sizes {
			_, c, err := Size(version, name)
			require.NoError(t, err)
			c.FirstValue = true // because version 7's parameters are counted with it
			n, err := c.Parameters()
			require.NoError(t, err)
			assert.Equal(t, want, n, "%s of version %s", name, version)
		}
	}
	_, _, err := Size("7", "8B")
	assert.ErrorContains(t, err, `there is no size "8B" of version 7: want one of 0.1B, 0.4B,`)
	_, _, err = Size("8", "1B")
	assert.ErrorContains(t, err, `there is no version "8": want one of 4, 5.0,`)
	assert.Equal(t, "RWKV-x070-Synth-1.5B-v1-20260101-ctx4096.pth", FileName("7", "1.5B"))
	assert.Equal(t, "RWKV-x060-Synth-1.6B-v1-20260101-ctx4096.pth", FileName("6", "1.6B"))
}

func TestNamesAndShapesOfTheOlderVersions(t *testing.T) {
	for version, want := range map[string]map[string][]int64{
		"4":   {"blocks.1.att.time_mix_k": {1, 1, 96}, "blocks.1.att.time_first": {96}, "blocks.0.att.time_decay": {96}, "blocks.0.ffn.key.weight": {384, 96}, "blocks.0.ffn.receptance.weight": {96, 96}},
		"5.0": {"blocks.1.att.time_decay": {3}, "blocks.1.att.time_first": {3}, "blocks.0.att.ln_x.bias": {96}, "blocks.0.ffn.key.weight": {384, 96}},
		"5.1": {"blocks.1.att.time_decay": {3}, "blocks.1.att.time_faaaa": {3}, "blocks.0.att.gate.weight": {96, 96}, "blocks.0.ffn.key.weight": {320, 96}},
		"5.2": {"blocks.1.att.time_decay": {3, 32}, "blocks.1.att.time_faaaa": {3, 32}, "blocks.0.att.time_mix_g": {1, 1, 96}},
		"6": {
			"blocks.1.att.time_maa_x": {1, 1, 96}, "blocks.1.att.time_maa_w1": {96, 5 * 8}, "blocks.1.att.time_maa_w2": {5, 8, 96},
			"blocks.1.att.time_decay": {1, 1, 96}, "blocks.1.att.time_decay_w2": {24, 96}, "blocks.0.ffn.time_maa_r": {1, 1, 96},
		},
	} {
		f := made(t, Config{Version: version, Layers: 2, Embed: 96, HeadSize: 32, Vocab: 100})
		for name, shape := range want {
			tensor, ok := f.Tensor(name)
			assert.True(t, ok, "%s of version %s", name, version)
			assert.Equal(t, shape, tensor.Shape, "%s of version %s", name, version)
		}
	}
}

func TestNamesAndShapesOfHybrids(t *testing.T) {
	ranks := Ranks{Decay: 9, Rate: 8, Value: 7, Gate: 12, Mix: 5}
	for version, tc := range map[string]struct {
		c    Config
		want map[string][]int64 // nil for a tensor that must be missing
	}{
		"a whole ARWKV": {Config{Version: "arwkv7"}, map[string][]int64{
			"token_embd.weight": {96, 100}, "blk.1.time_mix_lerp_fused.weight": {96, 1, 1, 6}, "blk.0.time_mix_w1.weight": {96, 9},
			"blk.0.time_mix_v2.weight": {8, 96}, "blk.1.time_mix_v2.weight": {7, 96}, "blk.1.time_mix_g2.weight": {12, 96},
			"blk.1.time_mix_r_k.weight": {96}, "blk.0.time_mix_ln.bias": {96}, "blk.1.ffn_down.weight": {480, 96}, "output_norm.weight": {96},
		}},
		"an ARWKV that lacks what it may": {Config{Version: "arwkv7", NoGate: true, NoHeadNorm: true}, map[string][]int64{
			"blk.1.time_mix_lerp_fused.weight": {96, 1, 1, 5}, "blk.1.time_mix_g2.weight": nil, "blk.0.time_mix_ln.bias": nil,
		}},
		"a QRWKV whose heads share keys": {Config{Version: "rwkv6qwen2", KVHeads: 1}, map[string][]int64{
			"blk.1.time_mix_lerp_fused.weight": {96, 1, 1, 5}, "blk.0.time_mix_w1.weight": {96, 25}, "blk.0.time_mix_w2.weight": {5, 96, 5},
			"blk.1.time_mix_decay_w2.weight": {9, 96}, "blk.1.time_mix_key.weight": {96, 32}, "blk.1.time_mix_value.bias": {32},
			"blk.1.time_mix_receptance.bias": {96}, "blk.0.time_mix_gate.weight": {96, 96}, "output.weight": {96, 100},
		}},
		"a QRWKV of heads with their own": {Config{Version: "rwkv6qwen2", NoBiases: true}, map[string][]int64{
			"blk.1.time_mix_value.weight": {96, 96}, "blk.1.time_mix_value.bias": nil,
		}},
	} {
		t.Run(version, func(t *testing.T) {
			c := tc.c
			c.Layers, c.Embed, c.HeadSize, c.Vocab, c.Ranks = 2, 96, 32, 100, ranks
			path := filepath.Join(t.TempDir(), "m.gguf")
			out, err := os.Create(path)
			require.NoError(t, err)
			defer out.Close()
			require.NoError(t, WriteGGUF(out, c))
			f, err := gguf.Open(path)
			require.NoError(t, err)
			defer f.Close()
			name, _ := f.String("general.architecture")
			assert.Equal(t, c.Version, name)
			for name, shape := range tc.want {
				tensor, ok := f.Tensor(name)
				assert.Equal(t, shape != nil, ok, name)
				assert.Equal(t, shape, tensor.Shape, name)
			}
		})
	}
	assert.ErrorContains(t, WriteGGUF(nil, Config{Version: "7"}), `version "7" has checkpoints`)
}

func TestDimensionsThatNoModelHas(t *testing.T) {
	for name, tc := range map[string]struct {
		c      Config
		reason string
	}{
		"heads that do not fit":    {Config{Embed: 100}, "100 channels do not divide into heads of 64"},
		"fewer than no channels":   {Config{Embed: -64}, "a dimension of -64"},
		"an absurd vocabulary":     {Config{Vocab: 1 << 30}, "a dimension of 1073741824"},
		"keys shared unevenly":     {Config{KVHeads: 5}, "12 heads cannot share keys of 5"},
		"more layers than a tower": {Config{Layers: 2000}, "more than 1024 layers"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.ErrorContains(t, Write(io.Discard, tc.c), tc.reason)
			_, err := tc.c.Parameters()
			assert.ErrorContains(t, err, tc.reason)
		})
	}
}

// full is a disk with space for room bytes.
type full struct{ room int }

var errFull = errors.New("no space left")

func (f *full) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestAFullDiskEndsTheWriting(t *testing.T) {
	assert.ErrorIs(t, Write(&full{room: 1 << 20}, small), errFull)
}

func BenchmarkWrite(b *testing.B) {
	c := Config{Layers: 4, Embed: 1024}
	n, err := c.Parameters()
	require.NoError(b, err)
	b.SetBytes(2 * n)
	for b.Loop() {
		require.NoError(b, Write(io.Discard, c))
	}
}
