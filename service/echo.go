package service

import (
	"slices"

	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/sched"
)

// promptTokens lets a text tell the probabilities of the prompt's tokens.
func (a *Answers) promptTokens(q *sched.Request) {
	list := tokens{vocab: a.m.vocab, wanted: true}
	list.push(q.Prompt[0], nil)
	s := q.Generate.Sampler
	q.Outputs = rwkv.AllLogits
	q.Rows = func(first int, rows []float32) error {
		i := first
		for row := range slices.Chunk(rows, a.m.Vocab()) {
			if i++; i < len(q.Prompt) {
				p := s.Probabilities(row, q.Prompt[i], q.Probabilities.Top)
				list.push(q.Prompt[i], &p)
			}
		}
		if a.prompt == nil && i >= len(q.Prompt)-1 { // the rows behind the last token but one are the last that tell something
			a.prompt = list.in(0, list.end)
		}
		return nil
	}
}
