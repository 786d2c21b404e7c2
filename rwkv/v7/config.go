package v7

import (
	"fmt"
	"math"

	"gosling/gguf"
	"gosling/rwkv"
)

const arch = "rwkv7"

// Defaults of what a file may leave out.
const (
	normEps      = 1e-5
	groupNormEps = 64e-5
	contextLimit = 1 << 20 // what llama.cpp's converter writes, RWKV having no limit
)

// Detect reports whether the checkpoint is of version 7: only that one has a bonus r_k. Its experimental kin, which carry
// more tensors, are not.
func Detect(shapes rwkv.Shapes) bool {
	if _, ok := shapes("blocks.0.att.r_k"); !ok {
		return false
	}
	for _, other := range []string{"blocks.0.ffn.s_emb.weight", "blocks.0.qkv.qq.weight", "blocks.0.ffn.enn.weight"} {
		if _, ok := shapes(other); ok {
			return false
		}
	}
	return true
}

// ConfigFromShapes reads the dimensions off a checkpoint's tensors.
func ConfigFromShapes(shapes rwkv.Shapes) (rwkv.Config, error) {
	c := rwkv.Config{Arch: arch, NormEps: normEps, GroupNormEps: groupNormEps}
	for _, d := range []struct {
		name string
		dim  int // of two, the first being the slower
		to   *int
	}{
		{"emb.weight", 0, &c.Vocab},
		{"emb.weight", 1, &c.Embed},
		{"blocks.0.ffn.key.weight", 0, &c.FFN},
		{"blocks.0.att.r_k", 1, &c.HeadSize},
		{"blocks.0.att.w1", 1, &c.DecayRank},
		{"blocks.0.att.a1", 1, &c.RateRank},
		{"blocks.0.att.g1", 1, &c.GateRank},
		{"blocks.1.att.v1", 1, &c.ValueRank},
	} {
		shape, ok := shapes(d.name)
		if !ok && d.name == "blocks.1.att.v1" { // a model of one layer has no value residual
			c.ValueRank = c.RateRank
			continue
		}
		if !ok {
			return c, fmt.Errorf("tensor %q is missing", d.name)
		}
		for len(shape) > 2 && shape[0] == 1 {
			shape = shape[1:]
		}
		if len(shape) != 2 || shape[d.dim] < 1 || shape[d.dim] > math.MaxInt32 {
			return c, fmt.Errorf("tensor %q is %v, want a matrix", d.name, shape)
		}
		*d.to = int(shape[d.dim])
	}
	for ; ; c.Layers++ {
		if _, ok := shapes(fmt.Sprintf("blocks.%d.ln1.weight", c.Layers)); !ok {
			break
		}
	}
	return c, check(c)
}

// ConfigFromMetadata reads the dimensions off a GGUF file's keys.
func ConfigFromMetadata(m rwkv.Metadata, vocab int) (rwkv.Config, error) {
	c := rwkv.Config{Arch: arch, Vocab: vocab, NormEps: normEps, GroupNormEps: groupNormEps}
	for _, k := range []struct {
		key      string
		to       *int
		optional bool
	}{
		{"block_count", &c.Layers, false},
		{"embedding_length", &c.Embed, false},
		{"feed_forward_length", &c.FFN, false},
		{"wkv.head_size", &c.HeadSize, false},
		{"attention.decay_lora_rank", &c.DecayRank, false},
		{"attention.iclr_lora_rank", &c.RateRank, false},
		{"attention.value_residual_mix_lora_rank", &c.ValueRank, false},
		{"attention.gate_lora_rank", &c.GateRank, false},
		{"context_length", &c.Context, true},
	} {
		v, ok := rwkv.Uint(m, k.key)
		if !ok && !k.optional {
			return c, fmt.Errorf("key %q is missing or no whole number", arch+"."+k.key)
		}
		if v > math.MaxInt32 {
			return c, fmt.Errorf("key %q is %d, out of bounds", arch+"."+k.key, v)
		}
		*k.to = int(v)
	}
	for key, to := range map[string]*float32{
		"attention.layer_norm_epsilon": &c.NormEps, "attention.group_norm_epsilon": &c.GroupNormEps,
	} {
		v, ok := m(key)
		if !ok {
			continue
		}
		eps, ok := v.(float32)
		if !ok || !(eps > 0 && eps < 1) {
			return c, fmt.Errorf("key %q is %v, want a small positive float32", arch+"."+key, v)
		}
		*to = eps
	}
	if shift, ok := rwkv.Uint(m, "token_shift_count"); ok && shift != 2 {
		return c, fmt.Errorf("key %q is %d, want 2", arch+".token_shift_count", shift)
	}
	return c, check(c)
}

// check holds the dimensions to one another and to bounds that keep sizes computed from them from overflowing.
func check(c rwkv.Config) error {
	for _, d := range []struct {
		name       string
		value, max int
	}{
		{"layers", c.Layers, 1 << 10}, {"channels", c.Embed, 1 << 17}, {"channel mix width", c.FFN, 1 << 20},
		{"head size", c.HeadSize, 1 << 10}, {"vocabulary", c.Vocab, 1 << 22}, {"decay rank", c.DecayRank, 1 << 16},
		{"learning rate rank", c.RateRank, 1 << 16}, {"value residual rank", c.ValueRank, 1 << 16}, {"gate rank", c.GateRank, 1 << 16},
	} {
		if d.value < 1 || d.value > d.max {
			return fmt.Errorf("%s: %d, want 1 to %d", d.name, d.value, d.max)
		}
	}
	if c.Embed%c.HeadSize != 0 {
		return fmt.Errorf("%d channels cannot be cut into heads of %d", c.Embed, c.HeadSize)
	}
	return nil
}

// Keys is the metadata of version 7.
func Keys(c rwkv.Config) []gguf.KV {
	context := uint32(contextLimit)
	if c.Context > 0 {
		context = uint32(c.Context)
	}
	keys := []gguf.KV{
		{Key: "context_length", Value: context},
		{Key: "embedding_length", Value: uint32(c.Embed)},
		{Key: "block_count", Value: uint32(c.Layers)},
		{Key: "feed_forward_length", Value: uint32(c.FFN)},
		{Key: "attention.layer_norm_epsilon", Value: c.NormEps},
		{Key: "attention.head_count", Value: uint32(0)},
		{Key: "wkv.head_size", Value: uint32(c.HeadSize)},
		{Key: "attention.decay_lora_rank", Value: uint32(c.DecayRank)},
		{Key: "attention.iclr_lora_rank", Value: uint32(c.RateRank)},
		{Key: "attention.value_residual_mix_lora_rank", Value: uint32(c.ValueRank)},
		{Key: "attention.gate_lora_rank", Value: uint32(c.GateRank)},
	}
	if c.GroupNormEps != groupNormEps {
		keys = append(keys, gguf.KV{Key: "attention.group_norm_epsilon", Value: c.GroupNormEps})
	}
	for i := range keys {
		keys[i].Key = arch + "." + keys[i].Key
	}
	return keys
}
