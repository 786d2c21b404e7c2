// Package op holds the steps that RWKV versions share, as functions of graph tensors. It chooses between ggml's operations and
// compositions of them while a graph is built.
package op

import (
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// Heads views x, [channels, tokens], as [head size, heads, tokens].
func Heads(c rwkv.Config, x ggml.Tensor) ggml.Tensor {
	return x.Reshape(int64(c.HeadSize), int64(c.Heads()), x.Elements()/int64(c.Embed))
}

// Flat is the reverse of Heads.
func Flat(c rwkv.Config, x ggml.Tensor) ggml.Tensor {
	return x.Reshape(int64(c.Embed), x.Elements()/int64(c.Embed))
}
