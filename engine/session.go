package engine

import (
	"context"
	"errors"

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
type Session struct {
	batch  *Batch
	tokens int64 // read since the beginning of the text
}

// NewSession returns a session at the beginning of a text. The caller closes it before the model.
func (m *Model) NewSession(o SessionOptions) (*Session, error) {
	b, err := m.NewBatch(1, o)
	if err != nil {
		return nil, err
	}
	return &Session{batch: b}, nil
}

// Reset goes back to the beginning of a text.
func (s *Session) Reset() error {
	s.tokens = 0
	return s.batch.Reset()
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
	vocab := s.batch.model.config.Vocab
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
	rows, err := s.batch.read(ctx, [][]tokenizer.Token{tokens}, outputs)
	if err == nil {
		s.tokens += int64(len(tokens))
	}
	return rows, err
}

func (s *Session) check(tokens []tokenizer.Token) error {
	if len(tokens) == 0 {
		return errNoTokens
	}
	return s.batch.check(tokens)
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

// Close frees the session's state and graphs. It is safe to call twice.
func (s *Session) Close() { s.batch.Close() }
