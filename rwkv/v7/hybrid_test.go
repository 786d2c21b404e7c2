package v7_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/v7"
)

// hybridOf describes a complete ARWKV with some keys and tensors changed. nil removes one.
func hybridOf(keys map[string]any, tensors map[string][]int64) (rwkv.Config, error) {
	m := map[string]any{
		"block_count": uint32(2), "embedding_length": uint32(96), "feed_forward_length": uint32(160), "wkv.head_size": uint32(32),
		"token_shift_count": uint32(1), "attention.layer_norm_rms_epsilon": float32(1e-6), "attention.decay_lora_rank": uint32(9),
		"attention.iclr_lora_rank": uint32(8), "attention.value_residual_mix_lora_rank": uint32(7), "attention.gate_lora_rank": uint32(12),
	}
	maps.Copy(m, keys)
	s := map[string][]int64{"token_embd.weight": {96, 500}, "blk.0.time_mix_g1.weight": {96, 12}, "blk.0.time_mix_ln.weight": {96}}
	maps.Copy(s, tensors)
	return v7.Hybrid().FromGGUF(
		func(key string) (any, bool) { return m[key], m[key] != nil },
		func(name string) ([]int64, bool) { return s[name], s[name] != nil })
}

func TestDimensionsOfAHybrid(t *testing.T) {
	whole := rwkv.Config{
		Arch: "arwkv7", Layers: 2, Embed: 96, FFN: 160, HeadSize: 32, Vocab: 500, NormEps: 1e-6, GroupNormEps: 64e-5,
		Own: v7.Dims{DecayRank: 9, RateRank: 8, ValueRank: 7, GateRank: 12},
	}
	got, err := hybridOf(nil, nil)
	require.NoError(t, err)
	assert.Equal(t, whole, got)
	keys := map[string]any{}
	for _, kv := range v7.Hybrid().Keys(whole) {
		keys[strings.TrimPrefix(kv.Key, "arwkv7.")] = kv.Value
	}
	again, err := hybridOf(keys, nil)
	require.NoError(t, err)
	again.Context = 0
	assert.Equal(t, whole, again, "the keys keep every dimension")

	want := whole
	want.Own = v7.Dims{DecayRank: 9, RateRank: 8, ValueRank: 7}
	for _, rank := range []any{nil, uint32(0), uint32(12)} { // the tensors decide
		got, err = hybridOf(map[string]any{"attention.gate_lora_rank": rank}, map[string][]int64{"blk.0.time_mix_g1.weight": nil})
		require.NoError(t, err)
		assert.Equal(t, want, got, "without a gate")
	}

	want = whole
	want.Own = v7.Dims{DecayRank: 9, RateRank: 8, ValueRank: 7, GateRank: 12, BareHeads: true}
	got, err = hybridOf(nil, map[string][]int64{"blk.0.time_mix_ln.weight": nil})
	require.NoError(t, err)
	assert.Equal(t, want, got, "without a norm over each head")
}

func TestKeysThatAreNoHybrid(t *testing.T) {
	for name, tc := range map[string]struct {
		key   string
		value any
		want  string
	}{
		"no number of token shifts":     {"token_shift_count", nil, `key "arwkv7.token_shift_count" is missing`},
		"two token shifts":              {"token_shift_count", uint32(2), `key "arwkv7.token_shift_count" is 2, want 1`},
		"no epsilon":                    {"attention.layer_norm_rms_epsilon", nil, `key "arwkv7.attention.layer_norm_rms_epsilon" is missing`},
		"an epsilon of nothing":         {"attention.layer_norm_rms_epsilon", float32(0), "want a small positive float32"},
		"a gate of no width":            {"attention.gate_lora_rank", uint32(0), "gate rank: 0, want 1"},
		"a decay of no width":           {"attention.decay_lora_rank", uint32(0), "decay rank: 0"},
		"heads that do not divide":      {"wkv.head_size", uint32(36), "96 channels cannot be cut into heads of 36"},
		"channels without end":          {"embedding_length", uint64(1) << 40, "out of bounds"},
		"a rank that is not a number":   {"attention.iclr_lora_rank", "8", `key "arwkv7.attention.iclr_lora_rank" is missing or not a whole number`},
		"layers more than there may be": {"block_count", uint32(5000), "layers: 5000, want 1 to 1024"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := hybridOf(map[string]any{tc.key: tc.value}, nil)
			require.ErrorContains(t, err, tc.want)
		})
	}
}
