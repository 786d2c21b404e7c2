package v6_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/v6"
)

// hybridOf describes a complete QRWKV with some keys and tensors changed. nil removes one.
func hybridOf(keys map[string]any, tensors map[string][]int64) (rwkv.Config, error) {
	m := map[string]any{
		"block_count": uint32(2), "embedding_length": uint32(192), "feed_forward_length": uint32(160), "wkv.head_size": uint32(32),
		"token_shift_count": uint32(1), "attention.layer_norm_rms_epsilon": float32(1e-6), "time_mix_extra_dim": uint32(5),
		"time_decay_extra_dim": uint32(9), "attention.head_count": uint32(0), "attention.head_count_kv": uint32(2),
	}
	maps.Copy(m, keys)
	s := map[string][]int64{"token_embd.weight": {192, 500}, "blk.0.time_mix_key.bias": {64}}
	maps.Copy(s, tensors)
	return v6.Hybrid().FromGGUF(
		func(key string) (any, bool) { return m[key], m[key] != nil },
		func(name string) ([]int64, bool) { return s[name], s[name] != nil })
}

// shapeOf returns a tensor's shape in the table.
func shapeOf(c rwkv.Config, name string) []int64 {
	for _, spec := range v6.Hybrid().Tensors(c) {
		if spec.Name == name {
			return spec.Shape
		}
	}
	return nil
}

func TestDimensionsOfAHybrid(t *testing.T) {
	whole := rwkv.Config{
		Arch: "rwkv6qwen2", Layers: 2, Embed: 192, FFN: 160, HeadSize: 32, Vocab: 500, NormEps: 1e-6, GroupNormEps: 64e-5,
		Own: v6.Dims{DecayRank: 9, MixRank: 5, KVHeads: 2, Biases: true},
	}
	got, err := hybridOf(nil, nil)
	require.NoError(t, err)
	assert.Equal(t, whole, got)
	keys := map[string]any{}
	for _, kv := range v6.Hybrid().Keys(whole) {
		keys[strings.TrimPrefix(kv.Key, "rwkv6qwen2.")] = kv.Value
	}
	again, err := hybridOf(keys, nil)
	require.NoError(t, err)
	again.Context = 0
	assert.Equal(t, whole, again, "the keys keep every dimension")

	assert.Equal(t, []int64{192, 64}, shapeOf(got, "blk.1.time_mix_value.weight"))
	assert.Equal(t, []int64{64}, shapeOf(got, "blk.1.time_mix_value.bias"))

	for _, heads := range []any{nil, uint32(0), uint32(6)} {
		got, err = hybridOf(map[string]any{"attention.head_count_kv": heads}, map[string][]int64{"blk.0.time_mix_key.bias": nil})
		require.NoError(t, err)
		assert.Equal(t, []int64{192, 192}, shapeOf(got, "blk.1.time_mix_value.weight"), "as many as there are heads")
		assert.Nil(t, shapeOf(got, "blk.1.time_mix_value.bias"))
	}
}

func TestKeysThatAreNoHybrid(t *testing.T) {
	for name, tc := range map[string]struct {
		key   string
		value any
		want  string
	}{
		"keys shared unevenly":    {"attention.head_count_kv", uint32(4), "6 heads cannot share keys of 4"},
		"more keys than heads":    {"attention.head_count_kv", uint32(12), "6 heads cannot share keys of 12"},
		"keys by the layer":       {"attention.head_count_kv", []uint32{2, 6}, `key "rwkv6qwen2.attention.head_count_kv" is missing or not a whole number`},
		"two token shifts":        {"token_shift_count", uint32(2), "want 1"},
		"no epsilon":              {"attention.layer_norm_rms_epsilon", nil, "attention.layer_norm_rms_epsilon"},
		"a token shift too small": {"time_mix_extra_dim", uint32(0), "token shift rank: 0"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := hybridOf(map[string]any{tc.key: tc.value}, nil)
			require.ErrorContains(t, err, tc.want)
		})
	}
}
