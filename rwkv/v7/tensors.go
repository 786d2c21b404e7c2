package v7

import (
	"fmt"

	"github.com/gosling-rwkv/gosling/internal/shape"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// The tensors of a layer's time mix. A GGUF name adds "blk.N." before and ".weight" after. In a low-rank pair x → bias +
// f(x·w1)·w2, 0 is the bias, and 1 and 2 are the matrices.
const (
	lerpFused                       = "time_mix_lerp_fused"
	decay0, decay1, decay2          = "time_mix_w0", "time_mix_w1", "time_mix_w2"
	rate0, rate1, rate2             = "time_mix_a0", "time_mix_a1", "time_mix_a2" // in-context learning rate
	residual0, residual1, residual2 = "time_mix_v0", "time_mix_v1", "time_mix_v2" // value residual
	gate1, gate2                    = "time_mix_g1", "time_mix_g2"
	removal                         = "time_mix_k_k" // removal key
	replacement                     = "time_mix_k_a" // replacement rate
	bonus                           = "time_mix_r_k"
	receptance                      = "time_mix_receptance"
	key                             = "time_mix_key"
	value                           = "time_mix_value"
	output                          = "time_mix_output"
	groupNorm                       = "time_mix_ln" // a norm
)

// lerps is the order in which GGUF stacks the six token-shift vectors.
var lerps = []string{"x_r", "x_w", "x_k", "x_v", "x_a", "x_g"}

// tensors is the table of version 7: every tensor of a GGUF file in order, with the checkpoint's tensors it is made from.
func tensors(c rwkv.Config) []rwkv.TensorSpec {
	channels, ffn := int64(c.Embed), int64(c.FFN)
	return rwkv.NewTable(c, func(t *rwkv.Table, i int, to, from string) {
		timeMix(t, c, i)
		t.Tuned(c, i, false)
		t.Vector(to+rwkv.ChannelMixLerpK+".weight", channels, from+"ffn.x_k")
		t.Add(to+rwkv.ChannelMixKey+".weight", rwkv.Matrix, []int64{channels, ffn}, from+"ffn.key.weight")
		t.Add(to+rwkv.ChannelMixValue+".weight", rwkv.Matrix, []int64{ffn, channels}, from+"ffn.value.weight")
	})
}

// timeMix adds the tensors of layer i's time mix.
func timeMix(t *rwkv.Table, c rwkv.Config, i int) {
	to, att, channels, own := rwkv.LayerName(i, ""), fmt.Sprintf("blocks.%d.att.", i), int64(c.Embed), dims(c)
	lowRank := func(bias, w1, w2 string, rank int, class rwkv.Class, from string) {
		t.Vector(to+bias+".weight", channels, att+from+"0")
		t.Transposed(to+w1+".weight", class, channels, int64(rank), att+from+"1")
		t.Transposed(to+w2+".weight", class, int64(rank), channels, att+from+"2")
	}
	matrix := func(name, from string) {
		t.Add(to+name+".weight", rwkv.Matrix, []int64{channels, channels}, att+from+".weight")
	}
	mixed := lerps
	if own.GateRank == 0 {
		mixed = lerps[:len(lerps)-1]
	}
	t.Stack(to+lerpFused+".weight", channels, prefixed(att, mixed)...)
	lowRank(decay0, decay1, decay2, own.DecayRank, rwkv.Decay, "w")
	lowRank(rate0, rate1, rate2, own.RateRank, rwkv.LowRank, "a")
	if i > 0 {
		lowRank(residual0, residual1, residual2, own.ValueRank, rwkv.LowRank, "v")
	} else {
		// Layer 0 has no value residual, but llama.cpp requires its tensors there. Files contain copies of a's tensors.
		first := len(*t)
		lowRank(residual0, residual1, residual2, own.RateRank, rwkv.LowRank, "a")
		for j := range (*t)[first:] {
			(*t)[first+j].Optional = true
		}
	}
	if own.GateRank > 0 {
		t.Transposed(to+gate1+".weight", rwkv.LowRank, channels, int64(own.GateRank), att+"g1")
		t.Transposed(to+gate2+".weight", rwkv.LowRank, int64(own.GateRank), channels, att+"g2")
	}
	t.Vector(to+removal+".weight", channels, att+"k_k")
	t.Vector(to+replacement+".weight", channels, att+"k_a")
	t.Vector(to+bonus+".weight", channels, att+"r_k").FromShape = shape.Squeeze(int64(c.Heads()), int64(c.HeadSize))
	matrix(receptance, "receptance")
	matrix(key, "key")
	matrix(value, "value")
	matrix(output, "output")
	if !own.BareHeads {
		t.Norm(to+groupNorm, channels, att+"ln_x")
	}
}

func prefixed(prefix string, names []string) []string {
	var all []string
	for _, n := range names {
		all = append(all, prefix+n)
	}
	return all
}
