package engine

import (
	"context"
	"errors"
	"fmt"

	"gosling/ggml"
	"gosling/gguf"
	"gosling/rwkv"
	"gosling/tokenizer"
)

// MaxChunk is the most tokens that one graph takes of a sequence.
const MaxChunk = 512

// logitsChunk is the most tokens whose logits are computed at once when all are wanted, since each gives a row as long as
// the vocabulary.
const logitsChunk = 64

// Session is a sequence being read and written: the recurrent state on the model's devices and the graphs that move it on.
type Session struct {
	model   *Model
	seqs    int // sequences side by side
	ctx     *ggml.Context
	buffers []*ggml.Buffer
	specs   []rwkv.StateSpec
	state   map[stateKey]ggml.Tensor
	plans   []keptPlan // most recently used first
	logits  []float32
	tokens  int64 // read since the beginning of the text
}

type stateKey struct {
	layer int
	name  string
}

// NewSession makes a session at the beginning of a text.
func (m *Model) NewSession() (*Session, error) { return m.newSession(1) }

func (m *Model) newSession(seqs int) (*Session, error) {
	s := &Session{model: m, seqs: seqs, specs: m.arch.State(m.config), state: map[stateKey]ggml.Tensor{}}
	var err error
	if s.ctx, err = m.lib.NewContext(len(s.specs)); err != nil {
		return nil, err
	}
	byDevice := map[string][]ggml.Tensor{}
	for _, spec := range s.specs {
		t, err := s.ctx.New(gguf.F32, spec.Elements, int64(seqs))
		if err != nil {
			s.Close()
			return nil, err
		}
		s.state[stateKey{spec.Layer, spec.Name}] = t
		name := m.devices[spec.Layer].Name
		byDevice[name] = append(byDevice[name], t)
	}
	for _, b := range m.backends {
		if tensors := byDevice[b.Device().Name]; tensors != nil {
			buffer, err := b.Device().BufferType().Alloc(tensors, ggml.UsageState)
			if err != nil {
				s.Close()
				return nil, err
			}
			s.buffers = append(s.buffers, buffer)
		}
	}
	if err := s.Reset(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Reset goes back to the beginning of a text.
func (s *Session) Reset() error {
	for _, b := range s.buffers {
		b.Clear()
	}
	for _, spec := range s.specs {
		if spec.Start == 0 {
			continue
		}
		x := make([]float32, spec.Elements*int64(s.seqs))
		for i := range x {
			x[i] = spec.Start
		}
		if err := s.state[stateKey{spec.Layer, spec.Name}].SetFloats(x); err != nil {
			return err
		}
	}
	s.tokens = 0
	return nil
}

// Tokens is the number of tokens read since the beginning of the text.
func (s *Session) Tokens() int64 { return s.tokens }

// Prefill reads tokens, at least one, and returns the logits after the last. The slice is the session's and valid until its
// next call. When ctx ends first, the session is as it was before the call.
func (s *Session) Prefill(ctx context.Context, tokens []tokenizer.Token) ([]float32, error) {
	if err := s.check(tokens); err != nil {
		return nil, err
	}
	undo, err := s.undo(ctx, len(tokens) > 1)
	if err != nil {
		return nil, err
	}
	for len(tokens) > 0 {
		n, outputs := min(len(tokens), MaxChunk), rwkv.NoLogits
		if n == len(tokens) {
			outputs = rwkv.LastLogits
		}
		if err := s.read(ctx, tokens[:n], outputs); err != nil {
			return nil, undo(err)
		}
		tokens = tokens[n:]
	}
	return s.logits, nil
}

// Decode reads one token and returns the logits after it, as Prefill does.
func (s *Session) Decode(ctx context.Context, token tokenizer.Token) ([]float32, error) {
	return s.Prefill(ctx, []tokenizer.Token{token})
}

// Logits reads tokens in chunks of at most the given length (0 for one that suits) and hands the logits after each to each,
// whose slice is valid during the call only.
func (s *Session) Logits(ctx context.Context, tokens []tokenizer.Token, chunk int, each func(position int, logits []float32) error) error {
	if err := s.check(tokens); err != nil {
		return err
	}
	if chunk <= 0 {
		chunk = logitsChunk
	}
	undo, err := s.undo(ctx, true)
	if err != nil {
		return err
	}
	for at := 0; at < len(tokens); {
		n := min(len(tokens)-at, chunk, logitsChunk)
		if err := s.read(ctx, tokens[at:at+n], rwkv.AllLogits); err != nil {
			return undo(err)
		}
		for i := range n {
			if err := each(at+i, s.logits[i*s.model.config.Vocab:(i+1)*s.model.config.Vocab]); err != nil {
				return err
			}
		}
		at += n
	}
	return nil
}

// undo returns what puts the state back if ctx ends while a graph of many tokens runs. A single token is always finished.
func (s *Session) undo(ctx context.Context, long bool) (func(error) error, error) {
	if !long || ctx.Done() == nil {
		return func(err error) error { return err }, nil
	}
	before, err := s.Snapshot()
	return func(err error) error {
		if ctx.Err() == nil {
			return err
		}
		return errors.Join(err, s.Restore(before))
	}, err
}

// read computes one chunk, the tokens of each sequence following one another, and fetches its logits.
func (s *Session) read(ctx context.Context, tokens []tokenizer.Token, outputs rwkv.Outputs) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	length := len(tokens) / s.seqs
	if length == 1 {
		ctx = context.WithoutCancel(ctx) // stopping in the middle of a token would spoil the state, and saves little
		if outputs == rwkv.AllLogits {
			outputs = rwkv.LastLogits
		}
	}
	p, err := s.plan(shape{length, outputs})
	if err != nil {
		return err
	}
	ids := make([]int32, len(tokens))
	for i, t := range tokens {
		ids[i] = int32(t)
	}
	s.model.computing.Lock()
	defer s.model.computing.Unlock()
	if err := p.run(ctx, ids); err != nil {
		return err
	}
	s.tokens += int64(length)
	if outputs == rwkv.NoLogits {
		return nil
	}
	n := int(p.logits.Elements())
	if cap(s.logits) < n {
		s.logits = make([]float32, n)
	}
	s.logits = s.logits[:n]
	return p.logits.ReadFloats(s.logits, 0)
}

// check refuses tokens that the embedding has no row for: ggml would abort on them.
func (s *Session) check(tokens []tokenizer.Token) error {
	if len(tokens) == 0 {
		return fmt.Errorf("no tokens to read")
	}
	for i, t := range tokens {
		if t < 0 || int(t) >= s.model.config.Vocab {
			return fmt.Errorf("token %d at position %d: the model knows 0 to %d", t, i, s.model.config.Vocab-1)
		}
	}
	return nil
}

// Close frees the session's state and graphs. It is safe to call twice.
func (s *Session) Close() {
	for _, p := range s.plans {
		p.close()
	}
	for _, b := range s.buffers {
		b.Close()
	}
	s.ctx.Close()
	s.plans, s.buffers = nil, nil
}
