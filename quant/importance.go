package quant

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/imatrix"
	"github.com/gosling-rwkv/gosling/rounding"
)

// Importance is an importance matrix. Elements of channels that are used more are rounded more carefully.
type Importance struct {
	Path   string // of its file, which the output names
	Matrix *imatrix.Matrix
}

// llama.cpp's keys, which say what a file was quantized with.
const (
	keyImportance = "quantize.imatrix.file"
	keyDataset    = "quantize.imatrix.dataset"
	keyEntries    = "quantize.imatrix.entries_count"
	keyChunks     = "quantize.imatrix.chunks_count"
)

// maxText is the longest text that llama.cpp keeps in these keys.
const maxText = 127

// keys adds what the output tells of the matrix.
func (i *Importance) keys(keys []gguf.KV) []gguf.KV {
	keys = setKey(keys, keyImportance, gguf.Text(i.Path, maxText))
	if len(i.Matrix.Datasets) > 0 {
		keys = setKey(keys, keyDataset, gguf.Text(i.Matrix.Datasets[0], maxText))
	}
	keys = setKey(keys, keyEntries, uint32(len(i.Matrix.Entries)))
	return setKey(keys, keyChunks, uint32(i.Matrix.Chunks))
}

// ImportanceError is the error of writing a type that needs an importance matrix, if there is no matrix or if the matrix lacks
// the tensor.
type ImportanceError struct{ reason string }

func (e *ImportanceError) Error() string { return e.reason }

// needImportance are the types that keep too little of a tensor to choose it blindly. ggml writes some of them all the same;
// llama.cpp refuses every one, and so do we.
var needImportance = []gguf.Type{gguf.IQ1_S, gguf.IQ1_M, gguf.IQ2_XXS, gguf.IQ2_XS, gguf.IQ2_S, gguf.IQ3_XXS}

// blind are the types that ggml writes without looking at importance.
var blind = []gguf.Type{gguf.Q8_0, gguf.TQ1_0, gguf.TQ2_0, gguf.MXFP4}

// heeded reports whether an importance matrix or a calibration changes how elements are rounded to a type.
func (o Options) heeded(t gguf.Type) bool {
	return o.told() != "" && (!slices.Contains(blind, t) || o.Calibration != nil && rounding.Knows(t))
}

// weights finds the weights of each source's channels, nil for those of none, and names the tensors that are rounded without
// though there is a matrix or a calibration. It stops when ctx ends.
func (o Options) weights(ctx context.Context, sources []Source) (weights [][]float32, without []string, err error) {
	weights = make([][]float32, len(sources))
	found, first := false, "" // whether anything is told, and the first tensor that is asked for
	for s, source := range sources {
		to := source.Tensor
		if !source.rounded() {
			continue
		}
		if o.heeded(to.Type) {
			first = cmp.Or(first, to.Name)
			w, ok, err := o.weightsOf(ctx, to)
			if err != nil {
				return nil, nil, err
			}
			if ok {
				weights[s], found = w, usable(w) || found
			} else {
				without = append(without, to.Name)
			}
		}
		if weights[s] == nil && slices.Contains(needImportance, to.Type) {
			return nil, nil, o.missing(to)
		}
	}
	if first != "" && !found {
		return nil, nil, &ImportanceError{fmt.Sprintf("%s: says nothing of any tensor that is to be quantized, such as %q, or only zeros: it is of another model or damaged", o.told(), first)}
	}
	return weights, without, nil
}

// weightsOf returns the weights of a tensor's channels, and whether there are any.
func (o Options) weightsOf(ctx context.Context, t gguf.Tensor) ([]float32, bool, error) {
	if o.Calibration != nil {
		return o.Calibration.weights(ctx, t)
	}
	return o.Importance.weights(t)
}

// told is the file that tells of channels, if there is one.
func (o Options) told() string {
	switch {
	case o.Calibration != nil:
		return o.Calibration.Path
	case o.Importance != nil:
		return o.Importance.Path
	}
	return ""
}

// keys adds what the output tells of the matrix or the calibration.
func (o Options) keys(keys []gguf.KV) []gguf.KV {
	if o.Calibration != nil {
		return o.Calibration.keys(keys)
	}
	return o.Importance.keys(keys)
}

// weights returns the weights of a tensor's channels, and whether the matrix has the tensor.
func (i *Importance) weights(t gguf.Tensor) ([]float32, bool, error) {
	w, ok := i.Matrix.Weights(t.Name)
	if ok && int64(len(w)) != t.Shape[0] {
		return nil, false, fmt.Errorf("%s: tensor %q has %d input channels there, and %d in the model: the matrix is of another model", i.Path, t.Name, len(w), t.Shape[0])
	}
	return w, ok, nil
}

// usable prepares the weights of a tensor's channels for ggml, which computes with their products in F32, and reports whether
// they tell anything: channels that are all at zero count equally. Weights far from 1 are scaled by a power of two, which changes
// no rounding. None is left at zero, since ggml would divide by the sum of a block's.
func usable(w []float32) bool {
	largest := slices.Max(w)
	if !(largest > 0) {
		for i := range w {
			w[i] = 1
		}
		return false
	}
	shift := 0
	if _, exp := math.Frexp(float64(largest)); exp > 20 || exp < -20 {
		shift = -exp
	}
	least := math.Ldexp(float64(largest), -64)
	for i, x := range w {
		w[i] = float32(math.Ldexp(max(float64(x), least), shift))
	}
	return true
}

// missing is the error of a tensor that cannot do without weights.
func (o Options) missing(t gguf.Tensor) error {
	if path := o.told(); path != "" {
		return fmt.Errorf("tensor %q: type %s needs an importance matrix, and %s says nothing of this tensor: choose another type for it, such as Q2_K or IQ4_XS", t.Name, t.Type, path)
	}
	return &ImportanceError{fmt.Sprintf("tensor %q: type %s needs an importance matrix, without which it would ruin the model: make one, or choose a type that does without, such as Q2_K or IQ4_XS", t.Name, t.Type)}
}
