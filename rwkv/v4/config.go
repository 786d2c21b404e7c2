package v4

import (
	"fmt"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/rwkv"
)

const arch = "rwkv4"

// detect reports whether the checkpoint is RWKV-4: it has a decay, but no norm after the recurrence, no gate, and no token shift
// that depends on the data.
func detect(shapes rwkv.Shapes) bool {
	_, decay := shapes("blocks.0.att.time_decay")
	_, norm := shapes("blocks.0.att.ln_x.weight")
	_, gate := shapes("blocks.0.att.gate.weight")
	return decay && !norm && !gate
}

// configFromShapes reads the dimensions from a checkpoint's tensors. The recurrence works on single channels, so the head size is
// 1.
func configFromShapes(shapes rwkv.Shapes) (rwkv.Config, error) {
	c := rwkv.NewConfig(arch)
	c.HeadSize = 1
	if err := rwkv.ReadShapes(&c, shapes); err != nil {
		return c, err
	}
	return c, c.Check()
}

// configFromGGUF reads the dimensions from a GGUF file's keys.
func configFromGGUF(m rwkv.Metadata, tensors rwkv.Shapes) (rwkv.Config, error) {
	c := rwkv.NewConfig(arch)
	if err := rwkv.ReadKeys(&c, m, tensors); err != nil {
		return c, err
	}
	if c.HeadSize != 1 {
		return c, fmt.Errorf("key %q is %d, want 1", arch+".wkv.head_size", c.HeadSize)
	}
	return c, c.Check()
}

// keys returns the metadata of version 4.
func keys(c rwkv.Config) []gguf.KV {
	return c.KeysWith(gguf.KV{Key: "token_shift_count", Value: uint32(2)})
}
