package engine

import (
	"context"
	"fmt"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Inputs tells how strongly each input channel of a matrix is used: the sum of the squares of its values.
type Inputs struct {
	Weight  string    // the tensor's name in the file
	Squares []float64 // one for each input channel
	Tokens  int64     // number of tokens in the sums
}

// Observer reads texts and sums up what goes into each matrix of the model, including the head. The sums are part of the graphs, so
// they work on every device. An Observer belongs to one goroutine at a time.
type Observer struct {
	slots *Slots
	seen  tally
}

// NewObserver returns an observer whose sums are zero. The caller closes it before the model.
func (m *Model) NewObserver() (*Observer, error) {
	b, err := m.NewSlots(1, SessionOptions{})
	if err != nil {
		return nil, err
	}
	b.observed = true
	return &Observer{slots: b}, nil
}

// Read reads tokens from an empty state and adds their inputs to the sums. After an error the sums are unchanged.
func (o *Observer) Read(ctx context.Context, tokens []tokenizer.Token) error {
	if err := o.slots.model.check(tokens); err != nil {
		return err
	}
	if err := o.slots.Reset(); err != nil {
		return err
	}
	var seen tally
	for len(tokens) > 0 {
		n := min(len(tokens), MaxChunk)
		if _, err := o.slots.Read(ctx, [][]tokenizer.Token{tokens[:n]}, rwkv.AllHidden); err != nil {
			return err
		}
		for _, in := range o.slots.plans[0].inputs {
			squares, err := in.read()
			if err != nil {
				return err
			}
			seen.add(in.weight, squares, in.tokens)
		}
		tokens = tokens[n:]
	}
	for _, in := range seen.inputs {
		o.seen.add(in.Weight, in.Squares, in.Tokens)
	}
	return nil
}

// Inputs returns the sums of all texts, in the order in which the model computes. They belong to the observer.
func (o *Observer) Inputs() []*Inputs { return o.seen.inputs }

// Close frees the observer. It is safe to call twice.
func (o *Observer) Close() { o.slots.Close() }

// input is a result of a graph that sums up what goes into a weight.
type input struct {
	weight string
	sums   ggml.Tensor // [1, channels]
	tokens int64
}

// observe adds the sum of the squares of x, [channels, tokens], to the graph. What is no weight of the file, or several matrices
// in one tensor, which no type makes smaller, is left out.
func (p *plan) observe(x, weight ggml.Tensor) {
	if _, part := weight.Part(); part || weight.Name() == "" || weight.Dim(2) != 1 {
		return
	}
	sums := x.Sqr().Permute(1, 0, 2, 3).Cont().SumRows()
	p.graph.Output(sums)
	p.inputs = append(p.inputs, input{weight.Name(), sums, x.Rows()})
}

// read returns what the graph, which was just computed, summed up.
func (in input) read() ([]float64, error) {
	sums := make([]float32, in.sums.Elements())
	if err := in.sums.ReadFloats(sums, 0); err != nil {
		return nil, err
	}
	if channel := float.FirstNotFinite(sums); channel >= 0 {
		return nil, fmt.Errorf("the squares that go into channel %d of %q sum up to %v: the weights are damaged, or too large for this device", channel, in.weight, sums[channel])
	}
	squares := make([]float64, len(sums))
	for channel, x := range sums {
		squares[channel] = float64(x)
	}
	return squares, nil
}

// tally is the sums of several graphs.
type tally struct {
	inputs []*Inputs
	byName map[string]*Inputs
}

func (t *tally) add(weight string, squares []float64, tokens int64) {
	to := t.byName[weight]
	if to == nil {
		if t.byName == nil {
			t.byName = map[string]*Inputs{}
		}
		to = &Inputs{Weight: weight, Squares: make([]float64, len(squares))}
		t.byName[weight] = to
		t.inputs = append(t.inputs, to)
	}
	to.Tokens += tokens
	for channel, x := range squares {
		to.Squares[channel] += x
	}
}
