package v6

import (
	"fmt"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/rwkv"
)

const arch = "rwkv6"

// detect reports whether the checkpoint is RWKV-6, the only version whose token shift and decay depend on the data through
// low-rank pairs. One of their tensors is enough, so that a file that lacks the others is not taken for an older version.
func detect(shapes rwkv.Shapes) bool {
	return shapes.Any("blocks.0.att.time_maa_x", "blocks.0.att.time_maa_w1", "blocks.0.att.time_decay_w1")
}

// configFromShapes reads the dimensions from a checkpoint's tensors.
func configFromShapes(shapes rwkv.Shapes) (rwkv.Config, error) {
	c := rwkv.NewConfig(arch)
	fused := 0
	err := rwkv.ReadShapes(&c, shapes,
		rwkv.ShapeDim{Tensor: "blocks.0.att.time_faaaa", Dim: 1, To: &c.HeadSize},
		rwkv.ShapeDim{Tensor: "blocks.0.att.time_maa_w1", Dim: 1, To: &fused},
		rwkv.ShapeDim{Tensor: "blocks.0.att.time_decay_w1", Dim: 1, To: &c.DecayRank},
	)
	if err != nil {
		return c, err
	}
	if fused%len(lerps) != 0 {
		return c, fmt.Errorf("tensor \"blocks.0.att.time_maa_w1\" has %d columns, want %d equal parts", fused, len(lerps))
	}
	c.MixRank = fused / len(lerps)
	return c, check(c)
}

// configFromGGUF reads the dimensions from a GGUF file's keys.
func configFromGGUF(m rwkv.Metadata, tensors rwkv.Shapes) (rwkv.Config, error) {
	c := rwkv.NewConfig(arch)
	err := rwkv.ReadKeys(&c, m, tensors,
		rwkv.KeyDim{Key: "time_mix_extra_dim", To: &c.MixRank},
		rwkv.KeyDim{Key: "time_decay_extra_dim", To: &c.DecayRank},
		rwkv.KeyDim{Key: "rescale_every_n_layers", To: &c.Rescale, Optional: true},
	)
	if err != nil {
		return c, err
	}
	_, fused := tensors(rwkv.LayerName(0, lerpFused+".weight"))
	_, split := tensors(rwkv.LayerName(0, lerpSplit+"w.weight"))
	c.SplitLerp = split && !fused
	return c, check(c)
}

func check(c rwkv.Config) error {
	return c.Check(rwkv.Rank{Name: "token shift rank", Value: c.MixRank}, rwkv.Rank{Name: "decay rank", Value: c.DecayRank})
}

// keys returns the metadata of version 6. No key describes rescaling. The residual stream is float32, so weights
// are never divided.
func keys(c rwkv.Config) []gguf.KV {
	return c.KeysWith(append([]gguf.KV{
		{Key: "time_mix_extra_dim", Value: uint32(c.MixRank)},
		{Key: "time_decay_extra_dim", Value: uint32(c.DecayRank)},
	}, c.GroupNormKey()...)...)
}
