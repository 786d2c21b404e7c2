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

	sums := newSums(len(texts), s.model.config.Embed)
	rest := make([][]tokenizer.Token, len(texts))
	for slot, i := range order {
		rest[slot] = texts[i]
	}
	for len(rest[len(order)-1]) > 0 { // the longest
		outputs := rwkv.AllHidden
		if pooling == LastToken {
			outputs = rwkv.LastHidden
			if len(rest[len(order)-1]) > MaxChunk {
				outputs = rwkv.NoLogits
			}
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
			n := len(chunk[slot])
			if outputs.Last() {
				n = min(n, 1)
			}
			rows = sums.add(i, rows, n)
		}
	}
	if pooling == Mean {
		for i, t := range texts {
			sums.divide(i, len(t))
		}
	}
	return sums.floats(), nil
}

// sums are one for each text, [channels].
type sums [][]float64

func newSums(texts, channels int) sums {
	s := make(sums, texts)
	for i := range s {
		s[i] = make([]float64, channels)
	}
	return s
}

// add takes n rows, or as many as there are, and returns the ones behind them.
func (s sums) add(text int, rows []float32, n int) []float32 {
	for ; n > 0 && len(rows) > 0; n-- {
		for c := range s[text] {
			s[text][c] += float64(rows[c])
		}
		rows = rows[len(s[text]):]
	}
	return rows
}

func (s sums) divide(text, by int) {
	for c := range s[text] {
		s[text][c] /= float64(by)
	}
}

func (s sums) floats() [][]float32 {
	all := make([][]float32, len(s))
	for i := range s {
		for _, x := range s[i] {
			all[i] = append(all[i], float32(x))
		}
	}
	return all
}
