package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Batch reads several sequences side by side. It holds their states, on the model's devices, and its graphs. It belongs to one
// goroutine at a time.
type Batch struct {
	model   *Model
	begin   *Beginning
	seqs    int
	ctx     *ggml.Context
	buffers []*ggml.Buffer
	specs   []rwkv.StateSpec
	state   map[stateKey]ggml.Tensor
	plans   []keptPlan // most recently used first
	rows    []float32

	observed bool // its graphs sum up what goes into their matrices
}

type stateKey struct {
	layer int
	name  string
}

// NewBatch returns a batch of sequences at the beginning of their texts. The caller closes it before the model.
func (m *Model) NewBatch(seqs int, o SessionOptions) (*Batch, error) {
	b := &Batch{model: m, begin: cmp.Or(o.Begin, m.begin), seqs: seqs, specs: m.arch.State(m.config), state: map[stateKey]ggml.Tensor{}}
	if err := b.alloc(); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

func (b *Batch) alloc() error {
	m := b.model
	var err error
	if b.ctx, err = m.lib.NewContext(len(b.specs)); err != nil {
		return err
	}
	byDevice := map[string][]ggml.Tensor{}
	for _, spec := range b.specs {
		t, err := b.ctx.New(gguf.F32, spec.Elements, int64(b.seqs))
		if err != nil {
			return err
		}
		b.state[stateKey{spec.Layer, spec.Name}] = t
		name := m.devices[spec.Layer].Name
		byDevice[name] = append(byDevice[name], t)
	}
	for _, backend := range m.backends {
		if tensors := byDevice[backend.Device().Name]; tensors != nil {
			buffer, err := backend.Device().BufferType().Alloc(tensors, ggml.UsageState)
			if err != nil {
				return err
			}
			b.buffers = append(b.buffers, buffer)
		}
	}
	return b.Reset()
}

// Reset goes back to the beginning of every sequence's text.
func (b *Batch) Reset() error {
	for _, buffer := range b.buffers {
		buffer.Clear()
	}
	for i, spec := range b.specs {
		x := b.begin.part(i, spec)
		if x == nil {
			continue
		}
		x = slices.Repeat(x, b.seqs)
		if err := b.state[stateKey{spec.Layer, spec.Name}].SetFloats(x); err != nil {
			return err
		}
	}
	return nil
}

// Read reads the next tokens of each sequence in one graph. tokens has 0 to MaxChunk tokens for each sequence. Read returns the rows that
// outputs asks for, [vocabulary or channels, rows], in the order of the sequences and of their tokens. The slice is valid until the
// next call. A row with NaN or infinity gives a *NotFiniteError. If ctx ends first, the batch cannot be used until Reset.
func (b *Batch) Read(ctx context.Context, tokens [][]tokenizer.Token, outputs rwkv.Outputs) ([]float32, error) {
	if len(tokens) != b.seqs {
		return nil, fmt.Errorf("tokens of %d sequences, the batch has %d", len(tokens), b.seqs)
	}
	for i, t := range tokens {
		if len(t) > MaxChunk {
			return nil, fmt.Errorf("sequence %d: %d tokens at once, at most %d are possible", i, len(t), MaxChunk)
		}
		if err := b.check(t); err != nil {
			return nil, err
		}
	}
	return b.read(ctx, tokens, outputs)
}

// read is Read of tokens that were checked.
func (b *Batch) read(ctx context.Context, tokens [][]tokenizer.Token, outputs rwkv.Outputs) ([]float32, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	of := shape{outputs: outputs}
	var ids []int32
	longest := 0
	for _, seq := range tokens {
		of.lengths = append(of.lengths, len(seq))
		longest = max(longest, len(seq))
		for _, t := range seq {
			ids = append(ids, int32(t))
		}
	}
	switch longest {
	case 0:
		return nil, nil
	case 1:
		ctx = context.WithoutCancel(ctx) // stopping in the middle of a token would spoil the state, and saves little
	}
	if err := b.model.changed(); err != nil {
		return nil, err
	}
	p, err := b.plan(of)
	if err != nil {
		return nil, err
	}
	b.model.computing.Lock()
	defer b.model.computing.Unlock()
	if err := b.model.run(ctx, p, ids); err != nil {
		return nil, err
	}
	tellProgress(ctx, len(ids))
	if outputs == rwkv.NoLogits {
		return nil, nil
	}
	n := int(p.result.Elements())
	if cap(b.rows) < n {
		b.rows = make([]float32, n)
	}
	b.rows = b.rows[:n]
	if err := p.result.ReadFloats(b.rows, 0); err != nil {
		return nil, err
	}
	return b.rows, b.checkRows(outputs)
}

// NotFiniteError reports a logit, or a number of an embedding, that is NaN or infinite. After it, the other rows of the call and
// the states of the batch cannot be used.
type NotFiniteError struct {
	Row    int // the index of the row among the rows that the call asked for
	what   string
	index  int // in the row
	value  float32
	device string // that computed it
}

func (e *NotFiniteError) Error() string {
	return fmt.Sprintf("the %s %d is %g: the weights are damaged, or too large for %s", e.what, e.index, e.value, e.device)
}

// checkRows refuses results that are not finite.
func (b *Batch) checkRows(outputs rwkv.Outputs) error {
	i := float.FirstNotFinite(b.rows)
	if i < 0 {
		return nil
	}
	what, width := "logit of token", b.model.config.Vocab
	if outputs.Hidden() {
		what, width = "embedding's number", b.model.config.Embed
	}
	return &NotFiniteError{Row: i / width, what: what, index: i % width, value: b.rows[i], device: b.model.head.Name}
}

// check refuses tokens that the embedding has no row for: ggml would abort on them.
func (b *Batch) check(tokens []tokenizer.Token) error {
	for i, t := range tokens {
		if t < 0 || int(t) >= b.model.config.Vocab {
			return fmt.Errorf("token %d at position %d: the model knows 0 to %d", t, i, b.model.config.Vocab-1)
		}
	}
	return nil
}

// Close frees the states and graphs. It is safe to call twice.
func (b *Batch) Close() {
	for _, p := range b.plans {
		p.close()
	}
	for _, buffer := range b.buffers {
		buffer.Close()
	}
	b.ctx.Close()
	b.plans, b.buffers = nil, nil
}
