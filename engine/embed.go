package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Pooling is how the hidden states of a text's tokens become one embedding. A hidden state, [channels], is what the last layer and
// the output norm give. The head would turn it into logits.
type Pooling uint8

// The ways to pool.
const (
	LastToken Pooling = iota // the hidden state after the last token, which has seen the whole text
	Mean                     // the average of the hidden states after all tokens
)

// Outputs returns the hidden states of which the average is the embedding.
func (p Pooling) Outputs() rwkv.Outputs {
	if p == Mean {
		return rwkv.AllHidden
	}
	return rwkv.LastHidden
}

// Texts are embedded side by side as long as their states take no more memory than this. In ggml's graphs, each length among them adds some
// thirty operations to each layer, so the graphs of deep models are bounded by that.
const (
	maxSideBySide    = 16
	sideBySideMemory = 256 << 20
	maxLengthLayers  = 1024 // different lengths times layers
)

// Embed reads each text from the beginning and passes its embedding, [channels], to each, in the order of texts. A text has at
// least one token.
func (m *Model) Embed(ctx context.Context, texts [][]tokenizer.Token, pooling Pooling, o SessionOptions, each func(text int, embedding []float32) error) error {
	seqs := max(1, min(len(texts), maxSideBySide, int(sideBySideMemory/m.StateBytes())))
	b, err := m.NewSlots(seqs, o)
	if err != nil {
		return err
	}
	defer b.Close()
	for i, t := range texts {
		if err := m.check(t); err != nil || len(t) == 0 {
			return fmt.Errorf("text %d: %w", i, cmp.Or(err, errNoTokens))
		}
	}
	for at := 0; at < len(texts); {
		n := m.sideBySide(texts[at:], seqs)
		embeddings, err := b.embed(ctx, texts[at:at+n], pooling)
		if err != nil {
			return err
		}
		for i, e := range embeddings {
			if err := each(at+i, e); err != nil {
				return err
			}
		}
		at += n
	}
	return nil
}

// sideBySide is how many of the texts, from the first on, go into one graph of a batch.
func (m *Model) sideBySide(texts [][]tokenizer.Token, seqs int) int {
	total, lengths, most := 0, map[int]bool{}, max(1, maxLengthLayers/m.config.Layers)
	if m.functions {
		most = seqs // our own kernels take sequences of any lengths
	}
	for n, t := range texts {
		total += len(t)
		lengths[len(t)] = true
		if n > 0 && (n == seqs || total > MaxChunk || len(lengths) > most) {
			return n
		}
	}
	return len(texts)
}

// embed reads texts that fit into one graph, or a single one of any length.
func (s *Slots) embed(ctx context.Context, texts [][]tokenizer.Token, pooling Pooling) ([][]float32, error) {
	if err := s.Reset(); err != nil {
		return nil, err
	}
	order := make([]int, len(texts)) // equally long ones side by side are computed together
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(len(texts[i]), len(texts[j])) })

	channels := s.model.config.Embed
	averages := make([]*Average, len(texts))
	rest := make([][]tokenizer.Token, len(texts))
	for slot, i := range order {
		averages[i] = NewAverage(channels)
		rest[slot] = texts[i]
	}
	for len(rest[len(order)-1]) > 0 { // the longest
		outputs := pooling.Outputs()
		if outputs.Last() && len(rest[len(order)-1]) > MaxChunk {
			outputs = rwkv.NoLogits
		}
		chunk := make([][]tokenizer.Token, len(texts))
		for slot, t := range rest {
			n := min(len(t), MaxChunk)
			chunk[slot], rest[slot] = t[:n], t[n:]
		}
		rows, err := s.Read(ctx, chunk, outputs)
		if err != nil {
			return nil, err
		}
		for slot, i := range order {
			n := min(len(chunk[slot])*channels, len(rows))
			if outputs.Last() {
				n = min(n, channels)
			}
			averages[i].Add(rows[:n])
			rows = rows[n:]
		}
	}
	embeddings := make([][]float32, len(texts))
	for i, a := range averages {
		embeddings[i] = a.Row()
	}
	return embeddings, nil
}

// Average is the average of rows, [channels]. With the rows that a Pooling asks for, it is the text's embedding.
type Average struct {
	sums []float64
	rows int
}

// NewAverage returns an Average without rows.
func NewAverage(channels int) *Average { return &Average{sums: make([]float64, channels)} }

// Add takes rows, [channels, n].
func (a *Average) Add(rows []float32) {
	for ; len(rows) > 0; a.rows++ {
		for c := range a.sums {
			a.sums[c] += float64(rows[c])
		}
		rows = rows[len(a.sums):]
	}
}

// Row returns the average of the rows so far. There must be one.
func (a *Average) Row() []float32 {
	row := make([]float32, len(a.sums))
	for c, x := range a.sums {
		row[c] = float32(x / float64(a.rows))
	}
	return row
}
