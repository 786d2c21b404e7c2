package v7

import (
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/rwkv"
)

const arch = "rwkv7"

// detect reports whether the checkpoint is RWKV-7, the only version with a bonus r_k. Its experimental variants, which have more
// tensors, do not count.
func detect(shapes rwkv.Shapes) bool {
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

// configFromShapes reads the dimensions from a checkpoint's tensors.
func configFromShapes(shapes rwkv.Shapes) (rwkv.Config, error) {
	c := rwkv.NewConfig(arch)
	dims := []rwkv.ShapeDim{
		{Tensor: "blocks.0.att.r_k", Dim: 1, To: &c.HeadSize},
		{Tensor: "blocks.0.att.w1", Dim: 1, To: &c.DecayRank},
		{Tensor: "blocks.0.att.a1", Dim: 1, To: &c.RateRank},
		{Tensor: "blocks.0.att.g1", Dim: 1, To: &c.GateRank},
	}
	_, second := shapes("blocks.1.ln1.weight")
	if second {
		dims = append(dims, rwkv.ShapeDim{Tensor: "blocks.1.att.v1", Dim: 1, To: &c.ValueRank})
	}
	if err := rwkv.ReadShapes(&c, shapes, dims...); err != nil {
		return c, err
	}
	if !second { // a model of one layer has no value residual
		c.ValueRank = c.RateRank
	}
	return c, check(c)
}

// configFromGGUF reads the dimensions from a GGUF file's keys.
func configFromGGUF(m rwkv.Metadata, tensors rwkv.Shapes) (rwkv.Config, error) {
	c := rwkv.NewConfig(arch)
	err := rwkv.ReadKeys(&c, m, tensors,
		rwkv.KeyDim{Key: "attention.decay_lora_rank", To: &c.DecayRank},
		rwkv.KeyDim{Key: "attention.iclr_lora_rank", To: &c.RateRank},
		rwkv.KeyDim{Key: "attention.value_residual_mix_lora_rank", To: &c.ValueRank},
		rwkv.KeyDim{Key: "attention.gate_lora_rank", To: &c.GateRank},
	)
	if err != nil {
		return c, err
	}
	return c, check(c)
}

func check(c rwkv.Config) error {
	return c.Check(rwkv.Rank{Name: "decay rank", Value: c.DecayRank}, rwkv.Rank{Name: "learning rate rank", Value: c.RateRank},
		rwkv.Rank{Name: "value residual rank", Value: c.ValueRank}, rwkv.Rank{Name: "gate rank", Value: c.GateRank})
}

// keys returns the metadata of version 7.
func keys(c rwkv.Config) []gguf.KV { return c.KeysWith(append(rankKeys(c), c.GroupNormKey()...)...) }

// rankKeys returns the widths of the low-rank pairs.
func rankKeys(c rwkv.Config) []gguf.KV {
	return []gguf.KV{
		{Key: "attention.decay_lora_rank", Value: uint32(c.DecayRank)},
		{Key: "attention.iclr_lora_rank", Value: uint32(c.RateRank)},
		{Key: "attention.value_residual_mix_lora_rank", Value: uint32(c.ValueRank)},
		{Key: "attention.gate_lora_rank", Value: uint32(c.GateRank)},
	}
}
