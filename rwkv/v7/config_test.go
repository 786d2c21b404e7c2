package v7_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/v7"
)

// config is a model whose dimensions all differ.
var config = rwkv.Config{
	Arch: "rwkv7", Layers: 3, Embed: 96, FFN: 320, HeadSize: 32, Vocab: 500, NormEps: 1e-5, GroupNormEps: 64e-5,
	Own: v7.Dims{DecayRank: 8, RateRank: 16, ValueRank: 24, GateRank: 40},
}

// shapes returns the shapes of a checkpoint of config, as training writes them.
func shapes() map[string][]int64 {
	s := map[string][]int64{"blocks.0.att.r_k": {3, 32}}
	for _, spec := range v7.Arch().Tensors(config) {
		for _, from := range spec.From {
			shape := spec.FromShape
			if len(shape) == 1 && strings.Contains(from, ".att.") && !strings.Contains(from, "ln_x") {
				shape = []int64{1, 1, shape[0]}
			}
			s[from] = shape
		}
	}
	return s
}

func lookup(s map[string][]int64) rwkv.Shapes {
	return func(name string) ([]int64, bool) {
		shape, ok := s[name]
		return shape, ok
	}
}

func TestDimensionsComeFromShapes(t *testing.T) {
	got, err := v7.Arch().FromShapes(lookup(shapes()))
	require.NoError(t, err)
	assert.Equal(t, config, got)

	t.Run("and not from layer 0's value residual, which nothing reads", func(t *testing.T) {
		s := shapes()
		s["blocks.0.att.v1"] = []int64{96, 7}
		got, err := v7.Arch().FromShapes(lookup(s))
		require.NoError(t, err)
		assert.Equal(t, config, got)
	})
}

func TestShapesThatAreNoModel(t *testing.T) {
	for name, tc := range map[string]struct {
		tensor string
		shape  []int64 // nil removes the tensor
		want   string
	}{
		"no embedding":              {"emb.weight", nil, `tensor "emb.weight" is missing`},
		"a vector for an embedding": {"emb.weight", []int64{96}, `tensor "emb.weight" is [96], want a matrix`},
		"an empty embedding":        {"emb.weight", []int64{0, 96}, `tensor "emb.weight" is [0 96], want a matrix`},
		"one too large to count":    {"emb.weight", []int64{1 << 40, 96}, "want a matrix"},
		"a cube":                    {"blocks.0.att.w1", []int64{2, 96, 8}, `tensor "blocks.0.att.w1" is [2 96 8], want a matrix`},
		"heads that do not divide":  {"blocks.0.att.r_k", []int64{3, 36}, "96 channels cannot be cut into heads of 36"},
		"no layers":                 {"blocks.0.ln1.weight", nil, "layers: 0, want 1 to 1024"},
		"too many tokens":           {"emb.weight", []int64{1 << 30, 96}, "vocabulary: 1073741824, want 1 to 4194304"},
	} {
		t.Run(name, func(t *testing.T) {
			s := shapes()
			s[tc.tensor] = tc.shape
			if tc.shape == nil {
				delete(s, tc.tensor)
			}
			_, err := v7.Arch().FromShapes(lookup(s))
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestDetect(t *testing.T) {
	assert.True(t, v7.Arch().Detect(lookup(shapes())))
	for name, change := range map[string]func(map[string][]int64){
		"RWKV-6":  func(s map[string][]int64) { delete(s, "blocks.0.att.r_k") },
		"RWKV-7a": func(s map[string][]int64) { s["blocks.0.ffn.s_emb.weight"] = []int64{500, 1024} },
		"RWKV-7b": func(s map[string][]int64) { s["blocks.0.qkv.qq.weight"] = []int64{256, 96} },
		"RWKV-8":  func(s map[string][]int64) { s["blocks.0.ffn.enn.weight"] = []int64{500, 96} },
	} {
		s := shapes()
		change(s)
		assert.False(t, v7.Arch().Detect(lookup(s)), name)
	}
}

// metadata returns what Keys writes, without the architecture's prefix.
func metadata(c rwkv.Config) map[string]any {
	m := map[string]any{}
	for _, kv := range v7.Arch().Keys(c) {
		m[strings.TrimPrefix(kv.Key, "rwkv7.")] = kv.Value
	}
	return m
}

func fromMetadata(m map[string]any) (rwkv.Config, error) {
	return v7.Arch().FromGGUF(func(key string) (any, bool) {
		v, ok := m[key]
		return v, ok
	}, lookup(map[string][]int64{"token_embd.weight": {int64(config.Embed), int64(config.Vocab)}}))
}

func TestMetadataKeepsEveryDimension(t *testing.T) {
	want := config
	want.Context = 8192
	for _, eps := range []float32{64e-5, 1e-5} {
		want.GroupNormEps = eps
		got, err := fromMetadata(metadata(want))
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	assert.EqualValues(t, 1<<20, metadata(config)["context_length"], "where no length is known, llama.cpp's")
	assert.NotContains(t, metadata(config), "attention.group_norm_epsilon", "which llama.cpp does not know")
	for _, kv := range v7.Arch().Keys(config) {
		assert.True(t, strings.HasPrefix(kv.Key, "rwkv7."), kv.Key)
	}
}

func TestMetadataThatIsNoModel(t *testing.T) {
	for name, tc := range map[string]struct {
		key   string
		value any // nil removes the key
		want  string
	}{
		"no layers":                  {"block_count", nil, `key "rwkv7.block_count" is missing or not a whole number`},
		"layers as text":             {"block_count", "three", `key "rwkv7.block_count" is missing or not a whole number`},
		"less than no layers":        {"block_count", int32(-3), "missing or not a whole number"},
		"too many layers":            {"block_count", uint32(5000), "layers: 5000, want 1 to 1024"},
		"a number beyond all bounds": {"embedding_length", uint64(1) << 40, "is 1099511627776, out of bounds"},
		"heads of no size":           {"wkv.head_size", uint32(0), "head size: 0, want 1 to 1024"},
		"no gate":                    {"attention.gate_lora_rank", nil, "gate_lora_rank"},
		"one token shift":            {"token_shift_count", uint32(1), `key "rwkv7.token_shift_count" is 1, want 2`},
		"a large epsilon":            {"attention.layer_norm_epsilon", float32(2), "is 2, want a small positive float32"},
		"an epsilon of another type": {"attention.group_norm_epsilon", uint32(0), "want a small positive float32"},
	} {
		t.Run(name, func(t *testing.T) {
			m := metadata(config)
			m[tc.key] = tc.value
			if tc.value == nil {
				delete(m, tc.key)
			}
			_, err := fromMetadata(m)
			require.ErrorContains(t, err, tc.want)
		})
	}
}
