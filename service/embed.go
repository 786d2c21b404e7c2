package service

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/generate"
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
	average := engine.NewAverage(m.Config().Embed)
	_, err := m.read(ctx, sched.Request{
		Tenant: c.Tenant, Weight: c.Weight, Prompt: text.Tokens, Begin: m.Beginning(), ReadOnly: true, Generate: generate.Options{Vocab: m.vocab},
		Outputs: pooling.Outputs(), Rows: func(_ int, rows []float32) error {
			average.Add(rows)
			return nil
		},
	})
	return average.Row(), err
}
