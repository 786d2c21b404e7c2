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

// Slots holds the states of several sequences, on the model's devices, and reads them side by side. It belongs to one goroutine at a time.
type Slots struct {
	model   *Model
	begin   *Beginning
	n       int
	ctx     *ggml.Context
	buffers []*ggml.Buffer
	specs   []rwkv.StateSpec
	state   map[stateKey]ggml.Tensor // each [elements, n]
	plans   plans
	rows    []float32

	observed func(p *plan, x, weight ggml.Tensor) // if not nil, sums up in its graphs what goes into their matrices
}

type stateKey struct {
	layer int
	name  string
}

// NewSlots returns n slots at the beginning of their texts. The caller closes them before the model.
func (m *Model) NewSlots(n int, o SessionOptions) (*Slots, error) {
	s := &Slots{model: m, begin: cmp.Or(o.Begin, m.begin), n: n, specs: m.arch.State(m.config), state: map[stateKey]ggml.Tensor{}}
	if err := s.alloc(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Slots) alloc() error {
	m := s.model
	var err error
	if s.ctx, err = m.lib.NewContext(len(s.specs)); err != nil {
		return err
	}
	byDevice := map[string][]ggml.Tensor{}
	for _, spec := range s.specs {
		t, err := s.ctx.New(gguf.F32, spec.Elements, int64(s.n))
		if err != nil {
			return err
		}
		s.state[stateKey{spec.Layer, spec.Name}] = t
		name := m.devices[spec.Layer].Name
		byDevice[name] = append(byDevice[name], t)
	}
	for _, backend := range m.backends {
		if tensors := byDevice[backend.Device().Name]; tensors != nil {
			buffer, err := backend.Device().BufferType().Alloc(tensors, ggml.UsageState)
			if err != nil {
				return err
			}
			s.buffers = append(s.buffers, buffer)
		}
	}
	return s.Reset()
}

// Len returns the number of slots.
func (s *Slots) Len() int { return s.n }

// Reset takes every slot to the beginning of its text.
func (s *Slots) Reset() error {
	for _, buffer := range s.buffers {
		buffer.Clear()
	}
	for i, spec := range s.specs {
		x := s.begin.part(i, spec)
		if x == nil {
			continue
		}
		x = slices.Repeat(x, s.n)
		if err := s.state[stateKey{spec.Layer, spec.Name}].SetFloats(x); err != nil {
			return err
		}
	}
	return nil
}

// Begin takes a slot to the beginning of a text. Nil stands for the beginning that NewSlots got.
func (s *Slots) Begin(slot int, begin *Beginning) error {
	begin = cmp.Or(begin, s.begin)
	return s.set(slot, func(i int) []float32 { return begin.part(i, s.specs[i]) })
}

// set sets the state of a slot to x(i), for each i in the order of the state table. Nil stands for zeros.
func (s *Slots) set(slot int, x func(i int) []float32) error {
	if slot < 0 || slot >= s.n {
		return fmt.Errorf("slot %d of %d", slot, s.n)
	}
	var zeros []float32
	for i, spec := range s.specs {
		part := x(i)
		if part == nil {
			if int64(len(zeros)) < spec.Elements {
				zeros = make([]float32, spec.Elements)
			}
			part = zeros[:spec.Elements]
		}
		if err := s.state[stateKey{spec.Layer, spec.Name}].WriteFloats(part, int64(slot)*spec.Elements); err != nil {
			return fmt.Errorf("layer %d, %s: %w", spec.Layer, spec.Name, err)
		}
	}
	return nil
}

// Save copies the state of a slot to into.State, whose memory it uses again if that is large enough. It does not change into.Tokens.
func (s *Slots) Save(slot int, into *Snapshot) error {
	if slot < 0 || slot >= s.n {
		return fmt.Errorf("slot %d of %d", slot, s.n)
	}
	into.shape(s.specs)
	for i, spec := range s.specs {
		if err := s.state[stateKey{spec.Layer, spec.Name}].ReadFloats(into.State[i], int64(slot)*spec.Elements); err != nil {
			return err
		}
	}
	return nil
}

// Load sets the state of a slot to that of a snapshot. A snapshot with other dimensions is an error and changes nothing.
func (s *Slots) Load(slot int, from Snapshot) error {
	if err := fitting(from, s.specs); err != nil {
		return err
	}
	return s.set(slot, func(i int) []float32 { return from.State[i] })
}

// Move copies the state of a slot to another slot.
func (s *Slots) Move(from, to int) error {
	if from < 0 || from >= s.n || to < 0 || to >= s.n {
		return fmt.Errorf("slots %d and %d of %d", from, to, s.n)
	}
	var x []float32
	for _, spec := range s.specs {
		x = slices.Grow(x[:0], int(spec.Elements))[:spec.Elements]
		t := s.state[stateKey{spec.Layer, spec.Name}]
		if err := t.ReadFloats(x, int64(from)*spec.Elements); err != nil {
			return err
		}
		if err := t.WriteFloats(x, int64(to)*spec.Elements); err != nil {
			return err
		}
	}
	return nil
}

// Read reads the next tokens of the first len(tokens) slots in one graph: 0 to MaxChunk tokens for each. It returns the rows that outputs
// asks for, [vocabulary or channels, rows], in the order of the slots and of their tokens. The slice is valid until the next call. A row
// with NaN or infinity gives a *NotFiniteError. If ctx ends first, the states of these slots are spoiled.
func (s *Slots) Read(ctx context.Context, tokens [][]tokenizer.Token, outputs rwkv.Outputs) ([]float32, error) {
	if len(tokens) > s.n {
		return nil, fmt.Errorf("tokens of %d sequences, there are %d slots", len(tokens), s.n)
	}
	for i, t := range tokens {
		if len(t) > MaxChunk {
			return nil, fmt.Errorf("sequence %d: %d tokens at once, at most %d are possible", i, len(t), MaxChunk)
		}
		if err := s.model.check(t); err != nil {
			return nil, err
		}
	}
	var err error
	s.rows, err = s.readFinite(ctx, tokens, outputs, s.rows)
	return s.rows, err
}

// readFinite is read with a look at the rows.
func (s *Slots) readFinite(ctx context.Context, tokens [][]tokenizer.Token, outputs rwkv.Outputs, rows []float32) ([]float32, error) {
	rows, err := s.read(ctx, tokens, outputs, rows)
	if err == nil {
		err = s.model.checkRows(rows, outputs)
	}
	return rows, err
}

// Decode reads one token of each of the first len(tokens) slots. It returns the logits after them, [vocabulary, len(tokens)], as Read does. But
// it does not look for numbers that are not finite: a sampler does, and Decode is called for each token of several texts. It finishes even if
// ctx ends.
func (s *Slots) Decode(ctx context.Context, tokens []tokenizer.Token) ([]float32, error) {
	if len(tokens) > s.n {
		return nil, fmt.Errorf("tokens of %d sequences, there are %d slots", len(tokens), s.n)
	}
	if err := s.model.check(tokens); err != nil {
		return nil, err
	}
	each := make([][]tokenizer.Token, len(tokens))
	for i := range tokens {
		each[i] = tokens[i : i+1]
	}
	var err error
	s.rows, err = s.read(ctx, each, rwkv.LastLogits, s.rows)
	return s.rows, err
}

// read is Read of tokens that were checked. It returns the rows in the memory of rows, if that is large enough.
func (s *Slots) read(ctx context.Context, tokens [][]tokenizer.Token, outputs rwkv.Outputs, rows []float32) ([]float32, error) {
	if err := ctx.Err(); err != nil {
		return rows[:0], err
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
		return rows[:0], nil
	case 1:
		ctx = context.WithoutCancel(ctx) // stopping in the middle of a token would spoil the state, and saves little
	}
	if err := s.model.changed(); err != nil {
		return rows[:0], err
	}
	p, err := s.plan(of)
	if err != nil {
		return rows[:0], err
	}
	s.model.computing.Lock()
	defer s.model.computing.Unlock()
	if err := s.model.run(ctx, p, ids); err != nil {
		return rows[:0], err
	}
	tellProgress(ctx, len(ids))
	if outputs == rwkv.NoLogits {
		return rows[:0], nil
	}
	n := int(p.result.Elements())
	if cap(rows) < n {
		rows = make([]float32, n)
	}
	rows = rows[:n]
	if err := p.result.ReadFloats(rows, 0); err != nil {
		return rows, err
	}
	return rows, nil
}

// NotFiniteError reports a logit, or a number of an embedding, that is NaN or infinite. After it, the other rows of the call and
// the states of its slots cannot be used.
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
func (m *Model) checkRows(rows []float32, outputs rwkv.Outputs) error {
	i := float.FirstNotFinite(rows)
	if i < 0 {
		return nil
	}
	what, width := "logit of token", m.config.Vocab
	if outputs.Hidden() {
		what, width = "embedding's number", m.config.Embed
	}
	return &NotFiniteError{Row: i / width, what: what, index: i % width, value: rows[i], device: m.head.Name}
}

// check refuses tokens that the embedding has no row for.
func (m *Model) check(tokens []tokenizer.Token) error {
	for i, t := range tokens {
		if t < 0 || int(t) >= m.config.Vocab {
			return fmt.Errorf("token %d at position %d: the model knows 0 to %d", t, i, m.config.Vocab-1)
		}
	}
	return nil
}

// Close frees the states and graphs. It is safe to call twice, and on a nil Slots.
func (s *Slots) Close() {
	if s == nil {
		return
	}
	s.plans.close()
	for _, buffer := range s.buffers {
		buffer.Close()
	}
	s.ctx.Close()
	s.buffers = nil
}
