package collect

import (
	"context"
	"math"
	"slices"

	"github.com/gosling-rwkv/gosling/calibration"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/rounding"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// The embedding is a table without inputs, so a text does not show how to round it. But its rows stay in the residual stream, which matrices
// of all layers read through their norms. An error e of a row changes their results by W·G·e, where G is the diagonal of the norm's weights.
// So the moments by which the embedding is rounded are the sum of (W·G)ᵀ·(W·G), where each matrix counts as much as the others: its part is
// divided by its trace. Not counted: the norms' divisions, token shifts and LoRAs.

// readerRows bounds the work: it is how many rows of all matrices together are taken for each channel.
const readerRows = 64

// addedRows is how many rows are added up at a time.
const addedRows = 512

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

// embedding returns the moments for rounding the embedding of a model: the lower triangle of [channels, channels], row by row.
func embedding(ctx context.Context, m *lm.Model, all []reader) ([]float32, error) {
	width := m.Config().Embed
	moments := make([]float32, rounding.Triangle(int64(width)))
	for _, r := range all {
		if err := r.add(ctx, m, moments, max(1, readerRows*width/len(all))); err != nil {
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
	for i := range width {
		row := moments[rounding.Triangle(int64(i)):]
		for j := range i + 1 {
			row[j] *= gain[i] * gain[j]
		}
	}
	return moments, nil
}

// add adds the part of a matrix, of which it takes about some rows. It stops when ctx ends.
func (r reader) add(ctx context.Context, m *lm.Model, moments []float32, rows int) error {
	gain, err := m.Floats(r.norm)
	if err != nil {
		return err
	}
	t, _ := m.File().Tensor(r.name)
	n := len(gain)
	step := max(1, int(t.Elements())/n/rows)
	var taken []float32
	trace := 0.0
	for row := 0; row < int(t.Elements())/n; row += step {
		taken = slices.Grow(taken, n)[:len(taken)+n]
		w := taken[len(taken)-n:]
		if err := m.Row(r.name, int64(row), w); err != nil {
			return err
		}
		for i := range w {
			w[i] *= gain[i]
			trace += float64(w[i]) * float64(w[i])
		}
	}
	if trace == 0 {
		return nil
	}
	scale := float32(1 / math.Sqrt(trace))
	for i := range taken {
		taken[i] *= scale
	}
	for part := range slices.Chunk(taken, addedRows*n) {
		if err := rounding.AddMoments(ctx, moments, part, n, m.Threads()); err != nil {
			return err
		}
	}
	return nil
}
