package engine

import (
	"context"
	"fmt"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Inputs tells how strongly each input channel of a matrix is used: the sum of the squares of its values. Of an observer of moments it holds
// the sums of the products of all pairs of channels instead.
type Inputs struct {
	Weight  string    // the tensor's name in the file
	Squares []float64 // one for each input channel
	Moments []float32 // the lower triangle of [channels, channels], row by row
	Tokens  int64     // number of tokens in the sums
}

// Observer reads texts and sums up what goes into each matrix of the model, including the head. The sums are part of the graphs, so
// they work on every device. An Observer belongs to one goroutine at a time.
type Observer struct {
	slots *Slots
	seen  tally // the sums of all texts
	text  tally // of the text that is read
}

// NewObserver returns an observer whose sums are zero. The caller closes it before the model.
func (m *Model) NewObserver() (*Observer, error) {
	b, err := m.NewSlots(1, SessionOptions{})
	if err != nil {
		return nil, err
	}
	b.observed = (*plan).observe
	return &Observer{slots: b}, nil
}

// NewMomentsObserver returns an observer of the second moments of what goes into some matrices, those for which of returns true. Each
// takes MomentsMemory. The caller closes it before the model.
func (m *Model) NewMomentsObserver(of func(weight string) bool) (*Observer, error) {
	o, err := m.NewObserver()
	if err != nil {
		return nil, err
	}
	o.slots.observed = func(p *plan, x, weight ggml.Tensor) {
		if of(weight.Name()) {
			p.observeMoments(x, weight)
		}
	}
	return o, nil
}

// MomentsMemory is the bytes that an observer takes for the moments of a matrix with some input channels: the sums of a graph, of one text
// and of all texts.
func MomentsMemory(channels int64) int64 {
	return 4 * (channels*channels + 2*(channels*(channels+1)/2))
}

// Read reads tokens from an empty state and adds their inputs to the sums. After an error the sums are unchanged.
func (o *Observer) Read(ctx context.Context, tokens []tokenizer.Token) error {
	if err := o.slots.model.check(tokens); err != nil {
		return err
	}
	if err := o.slots.Reset(); err != nil {
		return err
	}
	o.text.clear()
	for len(tokens) > 0 {
		n := min(len(tokens), MaxChunk)
		if _, err := o.slots.Read(ctx, [][]tokenizer.Token{tokens[:n]}, rwkv.AllHidden); err != nil {
			return err
		}
		for _, in := range o.slots.plans[0].inputs {
			if err := o.text.read(in); err != nil {
				return err
			}
		}
		tokens = tokens[n:]
	}
	for _, in := range o.text.inputs {
		if in.Tokens > 0 {
			o.seen.of(in.Weight, len(in.Squares), len(in.Moments)).add(in)
		}
	}
	return nil
}

// Inputs returns the sums of all texts, in the order in which the model computes. They belong to the observer.
func (o *Observer) Inputs() []*Inputs { return o.seen.inputs }

// Add adds the sums of an earlier observer of the same kind.
func (o *Observer) Add(in *Inputs) { o.seen.of(in.Weight, len(in.Squares), len(in.Moments)).add(in) }

// Close frees the observer. It is safe to call twice.
func (o *Observer) Close() { o.slots.Close() }

// input is a result of a graph that sums up what goes into a weight.
type input struct {
	weight  string
	sums    ggml.Tensor // [1, channels], or [channels, channels] of moments
	moments bool
	tokens  int64
}

// observable reports whether a weight is one matrix of the file. Several matrices in one tensor are never quantized.
func observable(weight ggml.Tensor) bool {
	_, part := weight.Part()
	return !part && weight.Name() != "" && weight.Dim(2) == 1
}

// observe adds the sum of the squares of x, [channels, tokens], to the graph.
func (p *plan) observe(x, weight ggml.Tensor) {
	if observable(weight) {
		sums := x.Sqr().Permute(1, 0, 2, 3).Cont().SumRows()
		p.graph.Output(sums)
		p.inputs = append(p.inputs, input{weight.Name(), sums, false, x.Rows()})
	}
}

// observeMoments adds the product of x, [channels, tokens], with itself to the graph.
func (p *plan) observeMoments(x, weight ggml.Tensor) {
	if observable(weight) {
		columns := x.Permute(1, 0, 2, 3).Cont() // [tokens, channels]
		sums := columns.MatMul(columns)
		p.graph.Output(sums)
		p.inputs = append(p.inputs, input{weight.Name(), sums, true, x.Rows()})
	}
}

// tally is the sums of several graphs.
type tally struct {
	inputs []*Inputs
	byName map[string]*Inputs
	part   []float32 // room for some sums of a graph
}

// clear sets all sums to zero. It keeps their memory.
func (t *tally) clear() {
	for _, in := range t.inputs {
		clear(in.Squares)
		clear(in.Moments)
		in.Tokens = 0
	}
}

// of returns the sums of a matrix. Those of a new matrix are some squares and moments, all zero.
func (t *tally) of(weight string, squares, moments int) *Inputs {
	in := t.byName[weight]
	if in == nil {
		if t.byName == nil {
			t.byName = map[string]*Inputs{}
		}
		in = &Inputs{Weight: weight, Squares: make([]float64, squares), Moments: make([]float32, moments)}
		t.byName[weight] = in
		t.inputs = append(t.inputs, in)
	}
	return in
}

// partElements is how many sums of a graph are read at a time, about.
const partElements = 1 << 20

// read adds what a graph, which was just computed, summed up.
func (t *tally) read(in input) error {
	channels, width := int(in.sums.Rows()), int(in.sums.Dim(0))
	squares, moments := channels, 0
	if in.moments {
		squares, moments = 0, channels*(channels+1)/2
	}
	to := t.of(in.weight, squares, moments)
	rows := max(1, partElements/width)
	for first := 0; first < channels; first += rows {
		n := min(rows, channels-first) * width
		if cap(t.part) < n {
			t.part = make([]float32, n)
		}
		part := t.part[:n]
		if err := in.sums.ReadFloats(part, int64(first*width)); err != nil {
			return err
		}
		if at := float.FirstNotFinite(part); at >= 0 {
			return fmt.Errorf("the squares that go into channel %d of %q sum up to %v: the weights are damaged, or too large for this device", first+at/width, in.weight, part[at])
		}
		to.addRows(part, first, width)
	}
	to.Tokens += in.tokens
	return nil
}

// addRows adds sums of a graph from a row on.
func (in *Inputs) addRows(sums []float32, row, width int) {
	for ; len(sums) > 0; row, sums = row+1, sums[width:] {
		if len(in.Squares) > 0 {
			in.Squares[row] += float64(sums[0])
			continue
		}
		for i, x := range in.Moments[row*(row+1)/2:][:row+1] {
			in.Moments[row*(row+1)/2+i] = x + sums[i]
		}
	}
}

// add adds the sums of the same matrix.
func (in *Inputs) add(more *Inputs) {
	in.Tokens += more.Tokens
	for channel, x := range more.Squares {
		in.Squares[channel] += x
	}
	for i, x := range more.Moments {
		in.Moments[i] += x
	}
}
