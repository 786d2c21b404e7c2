package v7_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/v7"
)

// layerTensors is layer 1 of config. A line has a tensor's name, shape as ggml writes it, class, source and the source's shape.
const layerTensors = `
attn_norm.weight [96] vector from ln1.weight [96]
attn_norm.bias [96] vector from ln1.bias [96]
attn_norm_2.weight [96] vector from ln2.weight [96]
attn_norm_2.bias [96] vector from ln2.bias [96]
time_mix_lerp_fused.weight [96 1 1 6] vector from att.x_r att.x_w att.x_k att.x_v att.x_a att.x_g [96]
time_mix_w0.weight [96] vector from att.w0 [96]
time_mix_w1.weight [96 8] decay from att.w1 [96 8]
time_mix_w2.weight [8 96] decay from att.w2 [8 96]
time_mix_a0.weight [96] vector from att.a0 [96]
time_mix_a1.weight [96 16] low rank from att.a1 [96 16]
time_mix_a2.weight [16 96] low rank from att.a2 [16 96]
time_mix_v0.weight [96] vector from att.v0 [96]
time_mix_v1.weight [96 24] low rank from att.v1 [96 24]
time_mix_v2.weight [24 96] low rank from att.v2 [24 96]
time_mix_g1.weight [96 40] low rank from att.g1 [96 40]
time_mix_g2.weight [40 96] low rank from att.g2 [40 96]
time_mix_k_k.weight [96] vector from att.k_k [96]
time_mix_k_a.weight [96] vector from att.k_a [96]
time_mix_r_k.weight [96] vector from att.r_k [3 32]
time_mix_receptance.weight [96 96] matrix from att.receptance.weight [96 96]
time_mix_key.weight [96 96] matrix from att.key.weight [96 96]
time_mix_value.weight [96 96] matrix from att.value.weight [96 96]
time_mix_output.weight [96 96] matrix from att.output.weight [96 96]
time_mix_ln.weight [96] vector from att.ln_x.weight [96]
time_mix_ln.bias [96] vector from att.ln_x.bias [96]
channel_mix_lerp_k.weight [96] vector from ffn.x_k [96]
channel_mix_key.weight [96 320] matrix from ffn.key.weight [320 96]
channel_mix_value.weight [320 96] matrix from ffn.value.weight [96 320]
`

// line formats a tensor of layer 1 as in layerTensors.
func line(s rwkv.TensorSpec) string {
	classes := []string{"vector", "decay", "low rank", "embedding", "head", "matrix"}
	text := fmt.Sprintf("%s %v %s from", s.Name[len("blk.1."):], s.Shape, classes[s.Class])
	for _, from := range s.From {
		text += " " + from[len("blocks.1."):]
	}
	return fmt.Sprintf("%s %v", text, s.FromShape)
}

func TestTensorsOfALayer(t *testing.T) {
	const others = 4 + 1 // embedding, its norm, output norm, head
	specs := v7.Arch().Tensors(config)
	require.Len(t, specs, 3*28+others+1)
	text := "\n"
	for _, spec := range specs[3+28 : 3+2*28] {
		text += line(spec) + "\n"
		assert.False(t, spec.Optional, spec.Name)
	}
	assert.Equal(t, layerTensors, text)
}

func TestTensorsAroundTheLayers(t *testing.T) {
	specs := v7.Arch().Tensors(config)
	for i, want := range map[int]rwkv.TensorSpec{
		0:              {Name: "token_embd.weight", Shape: []int64{96, 500}, Class: rwkv.Embedding, From: []string{"emb.weight"}, FromShape: []int64{500, 96}},
		1:              {Name: "token_embd_norm.weight", Shape: []int64{96}, Class: rwkv.Vector, From: []string{"blocks.0.ln0.weight"}, FromShape: []int64{96}},
		2:              {Name: "token_embd_norm.bias", Shape: []int64{96}, Class: rwkv.Vector, From: []string{"blocks.0.ln0.bias"}, FromShape: []int64{96}},
		len(specs) - 3: {Name: "output_norm.weight", Shape: []int64{96}, Class: rwkv.Vector, From: []string{"ln_out.weight"}, FromShape: []int64{96}},
		len(specs) - 2: {Name: "output_norm.bias", Shape: []int64{96}, Class: rwkv.Vector, From: []string{"ln_out.bias"}, FromShape: []int64{96}},
		len(specs) - 1: {Name: "output.weight", Shape: []int64{96, 500}, Class: rwkv.Head, From: []string{"head.weight"}, FromShape: []int64{500, 96}},
	} {
		assert.Equal(t, want, specs[i])
	}
	names := map[string]bool{}
	for _, spec := range specs {
		assert.False(t, names[spec.Name], spec.Name)
		names[spec.Name] = true
	}
}

func TestLayerZeroCopiesTheRateForAValueResidual(t *testing.T) {
	optional := map[string][]int64{}
	for _, spec := range v7.Arch().Tensors(config) {
		if spec.Optional {
			optional[fmt.Sprint(spec.Name, " from ", spec.From)] = spec.Shape
		}
	}
	assert.Equal(t, map[string][]int64{
		"blk.0.time_mix_v0.weight from [blocks.0.att.a0]": {96},
		"blk.0.time_mix_v1.weight from [blocks.0.att.a1]": {96, 16},
		"blk.0.time_mix_v2.weight from [blocks.0.att.a2]": {16, 96},
	}, optional)
}

func TestMakingTensors(t *testing.T) {
	specs := map[string]rwkv.TensorSpec{}
	for _, spec := range v7.Arch().Tensors(rwkv.Config{Layers: 1, Embed: 3, FFN: 3, HeadSize: 3, Vocab: 1, Own: v7.Dims{DecayRank: 2, RateRank: 2, ValueRank: 2, GateRank: 2}}) {
		specs[spec.Name] = spec
	}
	dst := make([]float32, 6)
	specs["blk.0.time_mix_w1.weight"].Make(dst, [][]float32{{0, 1, 2, 3, 4, 5}}) // 3 rows of 2
	assert.Equal(t, []float32{0, 2, 4, 1, 3, 5}, dst)
	specs["blk.0.time_mix_g2.weight"].Make(dst, [][]float32{{0, 1, 2, 3, 4, 5}}) // 2 rows of 3
	assert.Equal(t, []float32{0, 3, 1, 4, 2, 5}, dst)

	dst = make([]float32, 18)
	specs["blk.0.time_mix_lerp_fused.weight"].Make(dst, [][]float32{{1, 1, 1}, {2, 2, 2}, {3, 3, 3}, {4, 4, 4}, {5, 5, 5}, {6, 6, 7}})
	assert.Equal(t, []float32{1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 7}, dst)
	assert.Nil(t, specs["blk.0.time_mix_key.weight"].Make)
}
