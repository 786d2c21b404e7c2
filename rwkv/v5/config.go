package v5

import (
	"fmt"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/shape"
	"github.com/gosling-rwkv/gosling/rwkv"
)

const arch = "rwkv5"

// detect reports whether the checkpoint is RWKV-5: it has a decay, and a norm after the recurrence. Version 6 also has both, but
// is checked first.
func detect(shapes rwkv.Shapes) bool {
	_, norm := shapes("blocks.0.att.ln_x.weight")
	_, decay := shapes("blocks.0.att.time_decay")
	return norm && decay
}

// Dims holds what only version 5 has.
type Dims struct {
	Gated bool // the time mix has a gate (5.1 and 5.2)

	// For checkpoints. PerHead says that decay and bonus are one number per head (5.0 and 5.1). LogBonus says that the file holds
	// the bonus's logarithm ("time_first") instead of the bonus ("time_faaaa").
	PerHead, LogBonus bool
}

// dims returns what only version 5 has.
func dims(c rwkv.Config) Dims { return c.Own.(Dims) }

// configFromShapes reads the dimensions from a checkpoint's tensors. Version 5.0 has no gate. Only version 5.2 has a decay for
// every channel.
func configFromShapes(shapes rwkv.Shapes) (rwkv.Config, error) {
	c := rwkv.NewConfig(arch)
	if err := rwkv.ReadShapes(&c, shapes); err != nil {
		return c, err
	}
	decay, ok := shapes("blocks.0.att.time_decay")
	if !ok {
		return c, fmt.Errorf("tensor \"blocks.0.att.time_decay\" is missing")
	}
	heads := int64(1)
	switch decay := shape.Trim(decay); len(decay) {
	case 0:
	case 1:
		heads = decay[0]
	case 2:
		heads = decay[0]
	default:
		return c, fmt.Errorf("tensor \"blocks.0.att.time_decay\" is %v, want [heads] or [heads, head size]", decay)
	}
	if heads < 1 || int64(c.Embed)%heads != 0 {
		return c, fmt.Errorf("%d channels cannot be cut into %d heads", c.Embed, heads)
	}
	c.HeadSize = c.Embed / int(heads)
	elements := int64(1)
	for _, n := range decay {
		elements *= n
	}
	d := Dims{PerHead: elements == heads && c.HeadSize > 1}
	_, d.Gated = shapes("blocks.0.att.gate.weight")
	d.Gated = d.Gated || !d.PerHead // only 5.0 lacks it
	if _, raw := shapes("blocks.0.att.time_faaaa"); !raw {
		d.LogBonus = true
	}
	c.Own = d
	return c, c.Check()
}

// configFromGGUF reads the dimensions from a GGUF file's keys.
func configFromGGUF(m rwkv.Metadata, tensors rwkv.Shapes) (rwkv.Config, error) {
	c := rwkv.NewConfig(arch)
	if err := rwkv.ReadKeys(&c, m, tensors); err != nil {
		return c, err
	}
	_, gated := tensors(rwkv.LayerName(0, gate+".weight"))
	c.Own = Dims{Gated: gated}
	return c, c.Check()
}

// keys returns the metadata of version 5. It always includes the group norm's epsilon, because no other program defines a
// default.
func keys(c rwkv.Config) []gguf.KV {
	return c.KeysWith(
		gguf.KV{Key: "attention.group_norm_epsilon", Value: c.GroupNormEps},
		gguf.KV{Key: "token_shift_count", Value: uint32(2)},
	)
}
