package rwkv_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gosling-rwkv/gosling/rwkv"
)

func TestNamesTellTheLayerAndTheKind(t *testing.T) {
	for name, want := range map[string]struct {
		layer      int
		rest, kind string
	}{
		"blk.0.time_mix_key.weight":                 {0, "time_mix_key.weight", "time_mix_key"},
		"blk.31.attn_norm.bias":                     {31, "attn_norm.bias", "attn_norm"},
		"token_embd.weight":                         {-1, "token_embd.weight", "token_embd"},
		"blk.weight":                                {-1, "blk.weight", "blk"},
		"blk.x.weight":                              {-1, "blk.x.weight", "blk.x"},
		"blk.-1.a":                                  {-1, "blk.-1.a", "blk.-1.a"},
		"blk.99999999999999999999.time_mix_key":     {-1, "blk.99999999999999999999.time_mix_key", "blk.99999999999999999999.time_mix_key"},
		rwkv.LayerName(7, "channel_mix_key.weight"): {7, "channel_mix_key.weight", "channel_mix_key"},
	} {
		layer, rest := rwkv.SplitName(name)
		assert.Equal(t, want.layer, layer, name)
		assert.Equal(t, want.rest, rest, name)
		assert.Equal(t, want.kind, rwkv.KindOf(name), name)
	}
}
