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
	seen  tally
	sums  []float32 // of a graph
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

// MomentsMemory is the bytes that an observer takes for the moments of a matrix with some input channels: the sums of two graphs, of one
// text and of all texts.
func MomentsMemory(channels int64) int64 {
	return 4 * (2*channels*channels + 2*(channels*(channels+1)/2))
}

// Read reads tokens from an empty state and adds their inputs to the sums. After an error the sums are unchanged.
func (o *Observer) Read(ctx context.Context, tokens []tokenizer.Token) error {
	if err := o.slots.model.check(tokens); err != nil {
		return err
	}
	if err := o.slots.Reset(); err != nil {
		return err
	}
	seen := tally{sums: o.sums}
	defer func() { o.sums = seen.sums }()
	for len(tokens) > 0 {
		n := min(len(tokens), MaxChunk)
		if _, err := o.slots.Read(ctx, [][]tokenizer.Token{tokens[:n]}, rwkv.AllHidden); err != nil {
			return err
		}
		for _, in := range o.slots.plans[0].inputs {
			if err := seen.read(in); err != nil {
				return err
			}
		}
		tokens = tokens[n:]
	}
	for _, in := range seen.inputs {
		o.seen.add(in)
	}
	return nil
}

// Inputs returns the sums of all texts, in the order in which the model computes. They belong to the observer.
func (o *Observer) Inputs() []*Inputs { return o.seen.inputs }

// Add adds the sums of an earlier observer of the same kind. It keeps in.
func (o *Observer) Add(in *Inputs) { o.seen.add(in) }

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
	sums   []float32 // room for those of a graph
}

// read adds what a graph, which was just computed, summed up.
func (t *tally) read(in input) error {
	n := int(in.sums.Elements())
	if cap(t.sums) < n {
		t.sums = make([]float32, n)
	}
	sums := t.sums[:n]
	if err := in.sums.ReadFloats(sums, 0); err != nil {
		return err
	}
	channels := int(in.sums.Rows())
	if at := float.FirstNotFinite(sums); at >= 0 {
		return fmt.Errorf("the squares that go into channel %d of %q sum up to %v: the weights are damaged, or too large for this device", at%channels, in.weight, sums[at])
	}
	add := &Inputs{Weight: in.weight, Tokens: in.tokens}
	if in.moments {
		add.Moments = make([]float32, 0, channels*(channels+1)/2)
		for row := range channels {
			add.Moments = append(add.Moments, sums[row*channels:][:row+1]...)
		}
	} else {
		add.Squares = make([]float64, n)
		for channel, x := range sums {
			add.Squares[channel] = float64(x)
		}
	}
	t.add(add)
	return nil
}

// add adds the sums of a matrix. It keeps those of a matrix that it does not have yet.
func (t *tally) add(in *Inputs) {
	to := t.byName[in.Weight]
	if to == nil {
		if t.byName == nil {
			t.byName = map[string]*Inputs{}
		}
		t.byName[in.Weight] = in
		t.inputs = append(t.inputs, in)
		return
	}
	to.Tokens += in.Tokens
	for channel, x := range in.Squares {
		to.Squares[channel] += x
	}
	for i, x := range in.Moments {
		to.Moments[i] += x
	}
}
