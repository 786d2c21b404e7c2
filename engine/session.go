package engine

import (
	"context"
	"errors"
	"sync"

	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// MaxChunk is the maximum number of tokens of a sequence that one graph reads.
const MaxChunk = 512

// logitsChunk is the most tokens whose logits are computed at once when all are wanted, since each gives a row as long as
// the vocabulary.
const logitsChunk = 64

var errNoTokens = errors.New("no tokens to read")

// Session reads one sequence of tokens and holds its state. It belongs to one goroutine at a time.
//
// All sessions of a model share one slot, with its graphs. The state of the session that computed last is there. The states of the others
// are in memory of their own. So a session that computes after another one costs two copies of a state.
type Session struct {
	model  *Model
	begin  *Beginning // nil is the model's
	tokens int64      // read since the beginning of the text
	away   Snapshot   // the state while it is not in the slot. If it is empty, the session is at the beginning of its text
	rows   []float32
}

// sharedSlot is the slot of a model's sessions.
type sharedSlot struct {
	sync.Mutex
	slots *Slots   // made by the first session
	owner *Session // whose state is in the slot; nil if nobody needs what is there
}

// NewSession returns a session at the beginning of a text. The caller closes it before the model.
func (m *Model) NewSession(o SessionOptions) (*Session, error) {
	m.shared.Lock()
	defer m.shared.Unlock()
	if m.shared.slots == nil {
		var err error
		if m.shared.slots, err = m.NewSlots(1, SessionOptions{}); err != nil {
			return nil, err
		}
	}
	return &Session{model: m, begin: o.Begin}, nil
}

// take brings the session's state to the slot. The caller holds the slot's lock.
func (s *Session) take() error {
	slot := &s.model.shared
	if slot.owner == s {
		return nil
	}
	if other := slot.owner; other != nil {
		if err := slot.slots.Save(0, &other.away); err != nil {
			return err
		}
	}
	slot.owner = nil // if loading fails, nobody's state is there
	var err error
	if s.away.State == nil {
		err = slot.slots.Begin(0, s.begin)
	} else {
		err = slot.slots.Load(0, s.away)
	}
	if err == nil {
		slot.owner = s
	}
	return err
}

// forget gives up the state, wherever it is. The caller holds the slot's lock.
func (s *Session) forget() {
	if s.away = (Snapshot{}); s.model.shared.owner == s {
		s.model.shared.owner = nil
	}
}

// Reset goes back to the beginning of a text.
func (s *Session) Reset() error {
	s.model.shared.Lock()
	defer s.model.shared.Unlock()
	s.forget()
	s.tokens = 0
	return nil
}

// Tokens returns the number of tokens that were read since the beginning of the text.
func (s *Session) Tokens() int64 { return s.tokens }

// Prefill reads tokens, at least one, and returns the logits after the last token, [vocabulary]. All logits are finite. The slice belongs
// to the session and is valid until its next call. If ctx ends first, the session is as it was before the call.
func (s *Session) Prefill(ctx context.Context, tokens []tokenizer.Token) ([]float32, error) {
	if err := s.check(tokens); err != nil {
		return nil, err
	}
	undo, err := s.undo(ctx, len(tokens) > 1)
	if err != nil {
		return nil, err
	}
	for {
		n, outputs := min(len(tokens), MaxChunk), rwkv.NoLogits
		if n == len(tokens) {
			outputs = rwkv.LastLogits
		}
		logits, err := s.read(ctx, tokens[:n], outputs)
		if err != nil {
			return nil, undo(err)
		}
		if tokens = tokens[n:]; len(tokens) == 0 {
			return logits, nil
		}
	}
}

// Decode reads one token and returns the logits after it, as Prefill does.
func (s *Session) Decode(ctx context.Context, token tokenizer.Token) ([]float32, error) {
	return s.Prefill(ctx, []tokenizer.Token{token})
}

// Logits reads tokens and passes the logits after each token, [vocabulary], to each. each must not keep the slice. Logits reads at most
// chunk tokens at a time. If chunk is 0, it chooses the number.
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
	vocab := s.model.config.Vocab
	for at := 0; at < len(tokens); {
		n := min(len(tokens)-at, chunk, logitsChunk)
		logits, err := s.read(ctx, tokens[at:at+n], rwkv.AllLogits)
		if err != nil {
			return undo(err)
		}
		for i := range n {
			if err := each(at+i, logits[i*vocab:(i+1)*vocab]); err != nil {
				return err
			}
		}
		at += n
	}
	return nil
}

func (s *Session) read(ctx context.Context, tokens []tokenizer.Token, outputs rwkv.Outputs) ([]float32, error) {
	s.model.shared.Lock()
	defer s.model.shared.Unlock()
	err := s.take()
	if err == nil {
		s.rows, err = s.model.shared.slots.readFinite(ctx, [][]tokenizer.Token{tokens}, outputs, s.rows)
	}
	if err == nil {
		s.tokens += int64(len(tokens))
	}
	return s.rows, err
}

func (s *Session) check(tokens []tokenizer.Token) error {
	if len(tokens) == 0 {
		return errNoTokens
	}
	return s.model.check(tokens)
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

// Close frees the session's state. It is safe to call twice.
func (s *Session) Close() {
	s.model.shared.Lock()
	defer s.model.shared.Unlock()
	s.forget()
	s.rows = nil
}
