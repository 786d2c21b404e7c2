package collect

import (
	"context"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/gosling-rwkv/gosling/calibration"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// The embedding is a table without inputs, so a text does not show how to round it. But its rows stay in the residual stream, which matrices
// of all layers read through their norms. An error e of a row changes their results by W·G·e, where G is the diagonal of the norm's weights.
// So the moments by which the embedding is rounded are the sum of (W·G)ᵀ·(W·G), where each matrix counts as much as the others: its part is
// divided by its trace. Not counted: the norms' divisions, token shifts and LoRAs.

// readerRows bounds the work: it is how many rows of all matrices together are taken for each channel.
const readerRows = 64

// gemmRows is how many rows are added up between two looks at the context.
const gemmRows = 64

// readers are the kinds of matrices that read the residual stream, and the norms before them.
var readers = map[string]string{
	"time_mix_receptance": rwkv.AttnNorm, "time_mix_key": rwkv.AttnNorm, "time_mix_value": rwkv.AttnNorm, "time_mix_gate": rwkv.AttnNorm,
	rwkv.ChannelMixKey: rwkv.AttnNorm2, rwkv.ChannelMixReceptance: rwkv.AttnNorm2,
	rwkv.FFNGate: rwkv.FFNNorm, rwkv.FFNUp: rwkv.FFNNorm,
}

// reader is a matrix that reads the residual stream.
type reader struct {
	name string
	norm string // the tensor of the norm's weights
}

// readersOf lists the readers among the matrices of a model.
func readersOf(entries []calibration.Entry, width int64) (all []reader) {
	for _, e := range entries {
		layer, _ := rwkv.SplitName(e.Name)
		if norm, ok := readers[rwkv.KindOf(e.Name)]; ok && layer >= 0 && e.Inputs == width {
			all = append(all, reader{e.Name, rwkv.LayerName(layer, norm+".weight")})
		}
	}
	return all
}

// embedding returns the moments for rounding the embedding of a model with some matrices: the lower triangle of [channels, channels], row by
// row. It returns nil if the embedding is also the head, whose inputs count, or if no matrix reads it.
func embedding(ctx context.Context, m *lm.Model, entries []calibration.Entry) ([]float32, error) {
	width := m.Config().Embed
	all := readersOf(entries, int64(width))
	if len(all) == 0 || slices.ContainsFunc(entries, func(e calibration.Entry) bool { return e.Name == rwkv.TokenEmbd }) {
		return nil, nil
	}
	sum := blas32.General{Rows: width, Cols: width, Stride: width, Data: make([]float32, width*width)}
	for _, r := range all {
		if err := r.add(ctx, m, sum, max(1, readerRows*width/len(all))); err != nil {
			return nil, err
		}
	}
	gain := slices.Repeat([]float32{1}, width)
	if _, ok := m.File().Tensor(rwkv.TokenEmbdNorm + ".weight"); ok {
		var err error
		if gain, err = m.Floats(rwkv.TokenEmbdNorm + ".weight"); err != nil {
			return nil, err
		}
	}
	var triangle []float32
	for i := range width {
		for j := range i + 1 {
			triangle = append(triangle, sum.Data[i*width+j]*gain[i]*gain[j])
		}
	}
	return triangle, nil
}

// add adds the part of a matrix, of which it takes about some rows. It stops when ctx ends.
func (r reader) add(ctx context.Context, m *lm.Model, sum blas32.General, rows int) error {
	w, err := m.Floats(r.name)
	if err != nil {
		return err
	}
	gain, err := m.Floats(r.norm)
	if err != nil {
		return err
	}
	n := len(gain)
	step := max(1, len(w)/n/rows)
	var taken []float32
	trace := 0.0
	for row := 0; row < len(w)/n; row += step {
		for i, x := range w[row*n:][:n] {
			x *= gain[i]
			taken = append(taken, x)
			trace += float64(x) * float64(x)
		}
	}
	if trace == 0 {
		return nil
	}
	for part := range slices.Chunk(taken, gemmRows*n) {
		if err := ctx.Err(); err != nil {
			return err
		}
		x := blas32.General{Rows: len(part) / n, Cols: n, Stride: n, Data: part}
		blas32.Gemm(blas.Trans, blas.NoTrans, float32(1/trace), x, x, 1, sum)
	}
	return nil
}
