// Package rwkv defines an RWKV architecture: its dimensions, the table of its tensors, how each is made from a training checkpoint, the state
// that it carries from token to token, and the graph that computes it.
//
// The versions are in rwkv/v4 to rwkv/v7. rwkv/archs lists them. Hybrids use RWKV's time mix in the frame of a Qwen transformer.
package rwkv

import (
	"slices"

	"github.com/gosling-rwkv/gosling/gguf"
)

// Config holds the dimensions of one model. It is read from tensor shapes (a checkpoint) or metadata (a GGUF file). Arch.FromShapes and
// Arch.FromGGUF make it.
type Config struct {
	Arch     string // GGUF architecture: "rwkv7"
	Layers   int
	Embed    int // channels of the residual stream
	FFN      int // width of the channel mix
	HeadSize int
	Vocab    int // rows of the embedding and of the head
	Context  int // the context length of its training; 0 if unknown. RWKV has no hard limit

	Tuned bool // the file holds a state that texts begin with

	NormEps      float32 // of the layer norms, 1e-5
	GroupNormEps float32 // of the norm over each head's output, 64e-5

	Own any // what only the version has: a v5.Dims, v6.Dims or v7.Dims. Version 4 has none
}

// Heads returns the number of heads of the time mix.
func (c Config) Heads() int { return c.Embed / c.HeadSize }

// Class groups tensors by what may be done to their precision.
type Class uint8

// The classes of tensors.
const (
	Vector    Class = iota // norms, lerp, decay and the other small tensors: always F32
	Decay                  // low-rank pairs of the decay: F32, or at least 8 bits in our own mixes, because the decay's errors multiply over long texts
	LowRank                // other low-rank pairs: F32; F16, BF16 or Q8_0 if converted to that type; or the type in one of our own mixes
	Embedding              // token embedding
	Head                   // output projection
	Matrix                 // every other matrix of the layers
	Tuned                  // the state that texts begin with: always F32, in no graph
)

// TensorSpec describes one tensor of a GGUF file and how it is made.
type TensorSpec struct {
	Name  string  // in GGUF: "blk.0.time_mix_key.weight"
	Shape []int64 // fastest dimension first, as ggml writes it: {in, out}
	Class Class

	// From names the source tensors in the checkpoint, in PyTorch's names. A nil Make copies the elements of the only source in
	// order (a squeeze or reshape keeps the order). Otherwise Make fills dst from all sources. FromShape is the shape of each
	// source in PyTorch's order, without dimensions of 1.
	From      []string
	FromShape []int64
	Make      func(dst []float32, src [][]float32)

	// Prepare, if not nil, turns the file's elements into what the graph uses. It runs once, when a Vector is loaded.
	Prepare func(x []float32)
	// Optional tensors may be missing from a file or have another shape, because nothing is computed from them.
	Optional bool
}

// Elements returns the number of elements of the tensor.
func (t TensorSpec) Elements() int64 {
	n := int64(1)
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Shapes returns the shape of a tensor, and whether there is one of that name. The shape is in PyTorch's order for a checkpoint,
// and fastest dimension first for a GGUF file.
type Shapes func(name string) (shape []int64, ok bool)

// Any reports whether there is a tensor of one of the names.
func (s Shapes) Any(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { _, ok := s(name); return ok })
}

// Metadata returns the value of a GGUF key, and whether there is one. The key lacks the architecture's prefix, such as
// "embedding_length".
type Metadata func(key string) (value any, ok bool)

// whole returns the value of a key that holds a whole number of any width, and whether it does.
func (m Metadata) whole(key string) (uint64, bool) {
	v, _ := m(key)
	return gguf.Unsigned(v)
}
