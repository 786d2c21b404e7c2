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

// Dims holds what only version 6 has.
type Dims struct {
	DecayRank int  // low-rank width of the decay
	MixRank   int  // low-rank width of the token shift
	SplitLerp bool // the file keeps the vectors of the token shift apart
	Rescale   int  // number of layers after which the residual stream is halved; the weights in the file are divided to match; 0 is never

	// For the hybrid.
	KVHeads int  // the number of heads of keys and values; each serves several others
	Biases  bool // receptance, key and value have biases
}

// dims returns what only version 6 has.
func dims(c rwkv.Config) Dims { return c.Own.(Dims) }

// configFromShapes reads the dimensions from a checkpoint's tensors.
func configFromShapes(shapes rwkv.Shapes) (rwkv.Config, error) {
	c := rwkv.NewConfig(arch)
	var d Dims
	fused := 0
	err := rwkv.ReadShapes(&c, shapes,
		rwkv.ShapeDim{Tensor: "blocks.0.att.time_faaaa", Dim: 1, To: &c.HeadSize},
		rwkv.ShapeDim{Tensor: "blocks.0.att.time_maa_w1", Dim: 1, To: &fused},
		rwkv.ShapeDim{Tensor: "blocks.0.att.time_decay_w1", Dim: 1, To: &d.DecayRank},
	)
	if err != nil {
		return c, err
	}
	if fused%len(lerps) != 0 {
		return c, fmt.Errorf("tensor \"blocks.0.att.time_maa_w1\" has %d columns, want %d equal parts", fused, len(lerps))
	}
	d.MixRank = fused / len(lerps)
	c.Own = d
	return c, check(c)
}

// configFromGGUF reads the dimensions from a GGUF file's keys.
func configFromGGUF(m rwkv.Metadata, tensors rwkv.Shapes) (rwkv.Config, error) {
	c := rwkv.NewConfig(arch)
	var d Dims
	err := rwkv.ReadKeys(&c, m, tensors,
		rwkv.KeyDim{Key: "time_mix_extra_dim", To: &d.MixRank},
		rwkv.KeyDim{Key: "time_decay_extra_dim", To: &d.DecayRank},
		rwkv.KeyDim{Key: "rescale_every_n_layers", To: &d.Rescale, Optional: true},
	)
	if err != nil {
		return c, err
	}
	_, fused := tensors(rwkv.LayerName(0, lerpFused+".weight"))
	_, split := tensors(rwkv.LayerName(0, lerpSplit+"w.weight"))
	d.SplitLerp = split && !fused
	c.Own = d
	return c, check(c)
}

func check(c rwkv.Config) error {
	d := dims(c)
	return c.Check(rwkv.Rank{Name: "token shift rank", Value: d.MixRank}, rwkv.Rank{Name: "decay rank", Value: d.DecayRank})
}

// keys returns the metadata of version 6. No key describes rescaling. The residual stream is float32, so weights
// are never divided.
func keys(c rwkv.Config) []gguf.KV {
	return c.KeysWith(append(rankKeys(c), c.GroupNormKey()...)...)
}

// rankKeys returns the widths of the low-rank pairs.
func rankKeys(c rwkv.Config) []gguf.KV {
	return []gguf.KV{
		{Key: "time_mix_extra_dim", Value: uint32(dims(c).MixRank)},
		{Key: "time_decay_extra_dim", Value: uint32(dims(c).DecayRank)},
	}
}
