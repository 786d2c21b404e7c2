// Package rwkv defines an RWKV architecture: its dimensions, the table of its tensors, how each is made from a training checkpoint, the state
// that it carries from token to token, and the graph that computes it.
//
// The versions are in rwkv/v4 to rwkv/v7. rwkv/archs lists them. Hybrids use RWKV's time mix in the frame of a Qwen transformer.
package rwkv

import (
	"slices"

	"github.com/gosling-rwkv/gosling/gguf"
)

// Config holds the dimensions of one model. It is read from tensor shapes (a checkpoint) or metadata (a GGUF file).
type Config struct {
	Arch     string // GGUF architecture: "rwkv7"
	Layers   int
	Embed    int // channels of the residual stream
	FFN      int // width of the channel mix
	HeadSize int
	Vocab    int // rows of the embedding and of the head
	Context  int // the length it was trained on; 0 where unknown. RWKV has no hard limit

	DecayRank                     int  // low-rank width of the decay, versions 6 and 7
	MixRank                       int  // of the token shift, version 6
	RateRank, ValueRank, GateRank int  // of version 7's other pairs
	SplitLerp                     bool // a version 6 file keeps its token-shift vectors apart
	Rescale                       int  // layers after which version 6 halves the residual stream, the file's weights being divided for it; 0 for never
	Gated                         bool // version 5 has a gate in its time mix (5.1 and 5.2)
	Tuned                         bool // the file holds a state that texts begin with

	// Of hybrids, which have RWKV's time mix in the frame of a Qwen transformer. A GateRank of 0 is for no gate there.
	KVHeads   int  // the heads of keys and values, each of which serves several others
	Biases    bool // receptance, key and value have biases
	BareHeads bool // there is no norm over each head's output

	// Of a checkpoint of version 5: decay and bonus are one number a head (5.0 and 5.1), and the bonus is its logarithm's
	// exponential ("time_first") rather than itself ("time_faaaa").
	PerHead, LogBonus bool

	NormEps      float32 // of the layer norms, 1e-5
	GroupNormEps float32 // of the norm over each head's output, 64e-5
}

// Heads is the number of heads of the time mix.
func (c Config) Heads() int { return c.Embed / c.HeadSize }

// Class sorts tensors by what may be done to their precision.
type Class uint8

// The classes of tensors.
const (
	Vector    Class = iota // norms, lerp, decay and the other small tensors: always F32
	Decay                  // low-rank pairs that feed the decay: F32, or in mixes of our own at least 8 bits, since its errors multiply over long texts
	LowRank                // the other low-rank pairs: F32, or the F16, BF16 or Q8_0 that the file is converted to, or what a mix of our own says
	Embedding              // token embedding
	Head                   // output projection
	Matrix                 // every other matrix of the layers
	Tuned                  // the state that texts begin with: always F32, and in no graph
)

// TensorSpec describes one tensor of a GGUF file and how it is made.
type TensorSpec struct {
	Name  string  // in GGUF: "blk.0.time_mix_key.weight"
	Shape []int64 // fastest dimension first, as ggml writes it: {in, out}
	Class Class

	// From names the tensors of the checkpoint that it is made of, in PyTorch's names. Nil Make copies the elements
	// of the one source in order (a squeeze or reshape changes no order); otherwise Make fills dst from all of them.
	// FromShape is the shape of each source in PyTorch's order, dimensions of 1 left out.
	From      []string
	FromShape []int64
	Make      func(dst []float32, src [][]float32)

	// Prepare, where there is one, makes what the graph uses of the file's elements, once, as a Vector is loaded.
	Prepare func(x []float32)
	// Optional tensors may be missing from a file, or have another shape, since nothing is computed from them.
	Optional bool
}

// Elements is the number of elements of the tensor.
func (t TensorSpec) Elements() int64 {
	n := int64(1)
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Shapes answers with the shape of a checkpoint's tensor in PyTorch's order, and whether there is one of that name.
type Shapes func(name string) (shape []int64, ok bool)

// Any reports whether there is a tensor of one of the names.
func (s Shapes) Any(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { _, ok := s(name); return ok })
}

// Metadata answers with the value of a GGUF key without its architecture's prefix, such as "embedding_length", and
// whether there is one.
type Metadata func(key string) (value any, ok bool)

// whole is the value of a key that holds a whole number of any width, and whether it does.
func (m Metadata) whole(key string) (uint64, bool) {
	v, _ := m(key)
	return gguf.Unsigned(v)
}
