package service

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/sched"
)

// Embed reads texts and returns an embedding of each, [channels]: the hidden state behind the last layer and the output norm.
func (m *Model) Embed(ctx context.Context, c Client, texts []Prompt, pooling engine.Pooling) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(2, m.o.Slots))
	for i, text := range texts {
		if limit := m.o.Context; limit > 0 && len(text.Tokens) > limit {
			return nil, &ContextError{len(text.Tokens), limit}
		}
		group.Go(func() error {
			var err error
			vectors[i], err = m.embed(ctx, c, text, pooling)
			return err
		})
	}
	return vectors, group.Wait()
}

// embed reads one text.
func (m *Model) embed(ctx context.Context, c Client, text Prompt, pooling engine.Pooling) ([]float32, error) {
	q := sched.Request{
		Tenant: c.Tenant, Weight: c.Weight, Prompt: text.Tokens, Begin: m.Beginning(), ReadOnly: true,
		Generate: generate.Options{Vocab: m.vocab}, Outputs: rwkv.LastHidden,
	}
	if pooling == engine.Mean {
		q.Outputs = rwkv.AllHidden
	}
	sums, rows := make([]float64, m.Config().Embed), 0
	q.Rows = func(_ int, states []float32) error {
		for row := range slices.Chunk(states, len(sums)) {
			for i, x := range row {
				sums[i] += float64(x)
			}
			rows++
		}
		return nil
	}
	if _, err := m.read(ctx, q); err != nil {
		return nil, err
	}
	vector := make([]float32, len(sums))
	for i, sum := range sums {
		vector[i] = float32(sum / float64(rows))
	}
	return vector, nil
}
