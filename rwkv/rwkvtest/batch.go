package rwkvtest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// sideBySide checks that sequences of different lengths in one graph give what each gives alone, over several steps.
func (b bench) sideBySide(t *testing.T, m *engine.Model) {
	for name, steps := range map[string][][]int{
		"of the same lengths":       {{7, 7, 7}, {1, 1, 1}, {1, 1, 1}, {3, 3, 3}},
		"of different lengths":      {{5, 12, 1, 33}, {1, 1, 1, 1}, {2, 1, 64, 3}, {9, 9, 1, 1}},
		"some of which say nothing": {{0, 4, 0, 0, 17}, {1, 0, 1, 0, 0}, {0, 0, 8, 8, 0}, {3, 2, 1, 0, 1}},
	} {
		t.Run(name, func(t *testing.T) { b.steps(t, m, steps) })
	}
}

func (b bench) steps(t *testing.T, m *engine.Model, steps [][]int) {
	seqs := len(steps[0])
	batches := map[rwkv.Outputs]*engine.Slots{}
	for _, outputs := range []rwkv.Outputs{rwkv.AllLogits, rwkv.LastLogits} {
		spare := int(outputs % 2) // the graphs work on the first slots, or on all
		batch, err := m.NewSlots(seqs+spare, engine.SessionOptions{})
		require.NoError(t, err)
		defer batch.Close()
		batches[outputs] = batch
	}
	alone := make([]*engine.Session, seqs)
	for i := range alone {
		alone[i] = b.session(t, m)
	}
	for i, lengths := range steps {
		tokens := make([][]tokenizer.Token, seqs)
		var every, last [][]float32
		for j, n := range lengths {
			if n == 0 {
				continue
			}
			part := text(uint64(10*i+j), n, m.Vocab())
			tokens[j] = Tokens(part)
			rows := Logits(t, alone[j], part, 0)
			every, last = append(every, rows...), append(last, rows[n-1])
		}
		for outputs, want := range map[rwkv.Outputs][][]float32{rwkv.AllLogits: every, rwkv.LastLogits: last} {
			got, err := batches[outputs].Read(t.Context(), tokens, outputs)
			require.NoError(t, err)
			Near(t, want, slices.Collect(slices.Chunk(got, m.Vocab())), rounding.on(b.device), fmt.Sprint("step ", i, " of lengths ", lengths))
		}
	}
}
