package rwkv

import (
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/kernels"
)

// Arch is one version of RWKV. It holds everything that differs between versions.
type Arch struct {
	Name  string // in GGUF: "rwkv7"
	Title string // for people: "RWKV-7"

	// Detect reports whether a checkpoint with these tensors is of this version, if it is not of a newer one. Detect and
	// FromShapes are nil if such checkpoints are not converted.
	Detect func(Shapes) bool
	// FromShapes reads the dimensions from a checkpoint's tensors. FromGGUF reads them from a GGUF file's keys and the shapes of
	// its tensors, fastest dimension first. Errors name the tensor or key that is missing or wrong.
	FromShapes func(Shapes) (Config, error)
	FromGGUF   func(Metadata, Shapes) (Config, error)
	// Keys returns the metadata of the architecture for a GGUF file.
	Keys func(Config) []gguf.KV
	// Tensors returns the table that conversion, loading, quantization and inspection follow.
	Tensors func(Config) []TensorSpec
	// State returns what is carried from token to token.
	State func(Config) []StateSpec
	// Forward binds the weights and returns the builder of graphs.
	Forward func(Config, Weights) Forward
	// Reference takes the weights and returns the forward pass that Forward is tested against.
	Reference func(c Config, weights RefWeights) (Reference, error)
}

// StateSpec describes one tensor of the recurrent state of one sequence. All are F32.
type StateSpec struct {
	Layer    int
	Name     string
	Elements int64
	Start    float32 // value of every element at the beginning of a text

	// Tuned names the tensor of class Tuned. If the file has it, a text begins with its elements instead of Start. Place copies them to
	// their places in the state. If there is no such tensor, Tuned is "" and Place is nil.
	Tuned string
	Place func(dst, tuned []float32)
}

// Weights returns the tensor of a GGUF name. The name must be in the table and not optional, otherwise the model is not loaded.
// Vectors are F32.
type Weights func(name string) ggml.Tensor

// Layer returns the Weights of a layer. They take names without "blk.N." and ".weight".
func (w Weights) Layer(i int) Weights {
	return func(name string) ggml.Tensor { return w(LayerName(i, name+".weight")) }
}

// Outputs says what a graph computes besides the new states.
type Outputs uint8

// The possible outputs. Hidden rows are the residual stream after the last layer and the output norm. The head makes logits of
// them.
const (
	NoLogits   Outputs = iota
	LastLogits         // one row per sequence, after its last token
	AllLogits          // one row per token
	LastHidden
	AllHidden
)

// Last reports whether there is one row per sequence rather than one per token.
func (o Outputs) Last() bool { return o == LastLogits || o == LastHidden }

// Hidden reports whether the rows are hidden ones rather than logits.
func (o Outputs) Hidden() bool { return o == LastHidden || o == AllHidden }

// Batch is the input of one graph: the tokens of several sequences, side by side.
type Batch struct {
	Graph    *ggml.Graph
	Embedded ggml.Tensor // the rows of the embedding for all tokens, F32 [channels, tokens], sequence after sequence
	Lengths  []int       // the number of tokens of each sequence; a sequence of 0 tokens keeps its state
	Outputs  Outputs
	Last     ggml.Tensor // I32: the indices in LastOf
	LastOf   []int32     // the index of each sequence's last token, if only their rows are wanted and there are others

	State  func(layer int, name string) ggml.Tensor // F32 [elements, sequences]; the graph reads it and writes the new state there
	Device func(layer int) ggml.Device              // holds the layer's weights
	CPU    ggml.Device

	// Calls makes calls of our own kernels for the graph, if all of it is computed on the CPU and there are kernels. It is nil otherwise.
	Calls *kernels.Calls
}

// Forward adds the computation of a batch to its graph and returns the rows of its outputs, [vocab or channels, rows].
type Forward func(Batch) ggml.Tensor

// RefWeights returns the tensor of a GGUF name, and false if there is none.
type RefWeights func(name string) (RefTensor, bool)

// RefTensor is a tensor for a Reference.
type RefTensor struct {
	Data []float32 // in the order of a GGUF file
	// Product multiplies the tensor, a matrix [out][in], by x in another arithmetic than float64. Tests use it to compute what the
	// rounding of a device costs. Nil multiplies in float64.
	Product func(m, x []float64) []float64
}

// Reference is a forward pass in float64 and plain loops, without ggml. It reads one sequence from a state and returns the logits
// after each token and the new state. A nil state is the beginning of a text. A state has the tensors of Arch.State, but its
// heads are not padded. Many goroutines may call a Reference at once.
type Reference func(state [][]float64, tokens []int32) (logits, next [][]float64, err error)
