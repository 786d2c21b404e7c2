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

// Dims holds what only version 7 has.
type Dims struct {
	// Low-rank widths of the decay, the in-context learning rate, the value residual and the gate. In a hybrid, a GateRank of 0 means
	// no gate.
	DecayRank, RateRank, ValueRank, GateRank int

	BareHeads bool // no norm over each head's output, in some hybrids
}

// dims returns what only version 7 has.
func dims(c rwkv.Config) Dims { return c.Own.(Dims) }

// configFromShapes reads the dimensions from a checkpoint's tensors.
func configFromShapes(shapes rwkv.Shapes) (rwkv.Config, error) {
	c := rwkv.NewConfig(arch)
	var d Dims
	from := []rwkv.ShapeDim{
		{Tensor: "blocks.0.att.r_k", Dim: 1, To: &c.HeadSize},
		{Tensor: "blocks.0.att.w1", Dim: 1, To: &d.DecayRank},
		{Tensor: "blocks.0.att.a1", Dim: 1, To: &d.RateRank},
		{Tensor: "blocks.0.att.g1", Dim: 1, To: &d.GateRank},
	}
	_, second := shapes("blocks.1.ln1.weight")
	if second {
		from = append(from, rwkv.ShapeDim{Tensor: "blocks.1.att.v1", Dim: 1, To: &d.ValueRank})
	}
	if err := rwkv.ReadShapes(&c, shapes, from...); err != nil {
		return c, err
	}
	if !second { // a model of one layer has no value residual
		d.ValueRank = d.RateRank
	}
	c.Own = d
	return c, check(c)
}

// configFromGGUF reads the dimensions from a GGUF file's keys.
func configFromGGUF(m rwkv.Metadata, tensors rwkv.Shapes) (rwkv.Config, error) {
	c := rwkv.NewConfig(arch)
	var d Dims
	err := rwkv.ReadKeys(&c, m, tensors,
		rwkv.KeyDim{Key: "attention.decay_lora_rank", To: &d.DecayRank},
		rwkv.KeyDim{Key: "attention.iclr_lora_rank", To: &d.RateRank},
		rwkv.KeyDim{Key: "attention.value_residual_mix_lora_rank", To: &d.ValueRank},
		rwkv.KeyDim{Key: "attention.gate_lora_rank", To: &d.GateRank},
	)
	if err != nil {
		return c, err
	}
	c.Own = d
	return c, check(c)
}

func check(c rwkv.Config) error {
	d := dims(c)
	return c.Check(rwkv.Rank{Name: "decay rank", Value: d.DecayRank}, rwkv.Rank{Name: "learning rate rank", Value: d.RateRank},
		rwkv.Rank{Name: "value residual rank", Value: d.ValueRank}, rwkv.Rank{Name: "gate rank", Value: d.GateRank})
}

// keys returns the metadata of version 7.
func keys(c rwkv.Config) []gguf.KV { return c.KeysWith(append(rankKeys(c), c.GroupNormKey()...)...) }

// rankKeys returns the widths of the low-rank pairs.
func rankKeys(c rwkv.Config) []gguf.KV {
	d := dims(c)
	return []gguf.KV{
		{Key: "attention.decay_lora_rank", Value: uint32(d.DecayRank)},
		{Key: "attention.iclr_lora_rank", Value: uint32(d.RateRank)},
		{Key: "attention.value_residual_mix_lora_rank", Value: uint32(d.ValueRank)},
		{Key: "attention.gate_lora_rank", Value: uint32(d.GateRank)},
	}
}
