package rwkv

import (
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
)

// Arch is one version of RWKV: everything that differs from the others.
type Arch struct {
	Name  string // in GGUF: "rwkv7"
	Title string // for people: "RWKV-7"

	// Detect reports whether a checkpoint with these tensors, which is of no newer version, is of this one. It and FromShapes are nil
	// where no checkpoint is converted.
	Detect func(Shapes) bool
	// FromShapes reads the dimensions off a checkpoint's tensors, FromGGUF off a GGUF file's keys and the shapes of its
	// tensors, fastest dimension first. Errors name the tensor or key that is missing or wrong.
	FromShapes func(Shapes) (Config, error)
	FromGGUF   func(Metadata, Shapes) (Config, error)
	// Keys is the metadata of the architecture, as a GGUF file holds it.
	Keys func(Config) []gguf.KV
	// Tensors is the table that conversion, loading, quantization and inspection follow.
	Tensors func(Config) []TensorSpec
	// State is what is carried from token to token.
	State func(Config) []StateSpec
	// Forward binds the weights and returns the builder of graphs.
	Forward func(Config, Weights) Forward
	// Reference takes the weights and returns what Forward is held to.
	Reference func(c Config, weights RefWeights) (Reference, error)
}

// StateSpec describes one tensor of the recurrent state of one sequence. All are F32.
type StateSpec struct {
	Layer    int
	Name     string
	Elements int64
	Start    float32 // what every element is at the beginning of a text

	// Tuned names the tensor of class Tuned, whose elements begin a text instead, if the file has it. Place puts them where
	// the state has them. Both are missing where there is none.
	Tuned string
	Place func(dst, tuned []float32)
}

// Weights answers with the tensor of a GGUF name that the table has and that is not optional. Vectors are F32. Whoever loads a model
// refuses it if another name was asked for.
type Weights func(name string) ggml.Tensor

// Layer answers with the tensors of a layer by their names without "blk.N." and ".weight".
func (w Weights) Layer(i int) Weights {
	return func(name string) ggml.Tensor { return w(LayerName(i, name+".weight")) }
}

// Outputs says what a graph computes beside the states that move on.
type Outputs uint8

// The outputs that may be asked for. What is hidden is the residual stream after the last layer and the output norm, of
// which the head makes logits.
const (
	NoLogits   Outputs = iota
	LastLogits         // one row a sequence, after its last token
	AllLogits          // one row a token
	LastHidden
	AllHidden
)

// Last reports whether there is one row a sequence rather than one a token.
func (o Outputs) Last() bool { return o == LastLogits || o == LastHidden }

// Hidden reports whether rows are of the hidden state rather than logits.
func (o Outputs) Hidden() bool { return o == LastHidden || o == AllHidden }

// Batch is the input of one graph: the tokens of several sequences, side by side.
type Batch struct {
	Graph   *ggml.Graph
	Tokens  ggml.Tensor // I32 [tokens], sequence after sequence
	Lengths []int       // the number of tokens of each sequence; one of none stays as it is
	Outputs Outputs
	Last    ggml.Tensor // I32: the index of each sequence's last token, where only their rows are wanted and there are others

	State  func(layer int, name string) ggml.Tensor // F32 [elements, sequences]; the graph reads it and writes the new one there
	Device func(layer int) ggml.Device              // where the layer's weights are
	CPU    ggml.Device
}

// Forward adds the computation of a batch to its graph and returns the rows of its outputs, [vocab or channels, rows].
type Forward func(Batch) ggml.Tensor

// RefWeights answers with the tensor of a GGUF name, and false where there is none.
type RefWeights func(name string) (RefTensor, bool)

// RefTensor is a tensor as a Reference takes it.
type RefTensor struct {
	Data []float32 // in a GGUF file's order
	// Product multiplies the tensor, a matrix [out][in], and x in other arithmetic than float64. With it a test computes what the
	// rounding of a device costs. Nil multiplies in float64.
	Product func(m, x []float64) []float64
}

// Reference is a forward pass in float64 and plain loops, without ggml. It reads one sequence from a state, nil at the
// beginning of a text, and returns the logits after each token and the state then. A state is that of Arch.State, tensor by
// tensor, but for heads, which are not padded. It may be called from many goroutines at once.
type Reference func(state [][]float64, tokens []int32) (logits, next [][]float64, err error)
