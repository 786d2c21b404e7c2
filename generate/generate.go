// Package generate turns a prompt into text. It passes the prompt to a session, samples tokens, and emits their text in whole characters.
// Text that may be the beginning of a stop string is held back.
//
// It puts nothing around the prompt (see package prompt) and keeps nothing between calls. The session holds what the model remembers,
// and the sampler holds what the penalties count. The bytes of one text are kept until it ends.
package generate

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Session is the model's side: an engine.Session.
type Session interface {
	// Prefill reads tokens and returns the logits after the last. If ctx ends first the session is as it was before.
	Prefill(ctx context.Context, tokens []tokenizer.Token) ([]float32, error)
	Snapshot() (engine.Snapshot, error)
	Restore(engine.Snapshot) error
}

// Options say what is generated. Sampler is required.
type Options struct {
	Vocab   tokenizer.Tokenizer // nil for a model without one: pieces have no text then
	Sampler *sampler.Sampler
	End     []tokenizer.Token // tokens that end the text besides those of Vocab, or tokenizer.EndOfText without one
	Stop    []string          // strings that end the text and are no part of it, none empty
	Limit   int               // tokens at most; 0 is no limit
}

// Reason says why a text ended.
type Reason string

// The reasons.
const (
	EndOfText  Reason = "end of text" // the model said so
	StopString Reason = "stop string"
	Limit      Reason = "limit"
	Cancelled  Reason = "cancelled" // the context ended
)

// Piece is a bit of text, in most cases that of one token.
type Piece struct {
	// Token is what was sampled. The last piece has none if its Reason is EndOfText or Cancelled.
	Token tokenizer.Token
	// Text is valid UTF-8 and may be empty: bytes that are no whole character yet, and text that may be the beginning of a
	// stop string, wait for the tokens after it.
	Text string

	// Reason is set in the last piece only.
	Reason Reason
	// Unread is, in the last piece, the end of the text that was given out but that the session has not read: reading it
	// brings the session to the exact end of the text.
	Unread []byte
}

// Text reads tokens, the prompt, which are at least one, and then generates. The sequence ends with the piece that has a Reason, which
// comes with ctx's error if that is Cancelled, or with any other error. A loop that is left early leaves the session
// somewhere in the text.
func Text(ctx context.Context, s Session, tokens []tokenizer.Token, o Options) iter.Seq2[Piece, error] {
	return func(yield func(Piece, error) bool) {
		stopper, err := prompt.NewStopper(o.Stop...)
		if err != nil {
			yield(Piece{}, err)
			return
		}
		w := writer{Options: o, ends: o.ends(), session: s, stopper: stopper}
		for next := tokens; ; {
			logits, err := w.feed(ctx, next)
			if err != nil {
				if ctx.Err() != nil {
					yield(w.end(Piece{Reason: Cancelled}, len(w.raw), err))
					return
				}
				yield(Piece{}, err)
				return
			}
			token, err := o.Sampler.Sample(logits)
			if err != nil {
				yield(Piece{}, err)
				return
			}
			piece, err := w.take(token)
			if !yield(piece, err) || err != nil || piece.Reason != "" {
				return
			}
			next = []tokenizer.Token{token}
		}
	}
}

// ends are all tokens that end the text.
func (o Options) ends() []tokenizer.Token {
	own := []tokenizer.Token{tokenizer.EndOfText}
	if o.Vocab != nil {
		own = o.Vocab.Marks().End
	}
	return slices.Concat(own, o.End)
}

// writer is one text being generated. All positions are bytes of the text.
type writer struct {
	Options
	ends    []tokenizer.Token
	session Session
	tokens  int
	raw     []byte // the text so far, stop strings and all
	last    int    // where the last token begins
	read    int    // how far the session has come
	out     int    // how far the text was given out; what follows may be the beginning of a stop string
	stopper *prompt.Stopper
	stream  tokenizer.Stream // what was given out, as whole characters

	mark   *engine.Snapshot // the session at markAt, at or before out; nil while nothing is held back
	markAt int
}

// feed lets the session read the prompt, or the last token. When that is the first one of which a part is held back, a stop
// string may yet take the session back to before it, which a recurrent state can do from a snapshot only.
func (w *writer) feed(ctx context.Context, tokens []tokenizer.Token) ([]float32, error) {
	if w.out == len(w.raw) {
		w.mark = nil
	} else if w.mark == nil {
		mark, err := w.session.Snapshot()
		if err != nil {
			return nil, err
		}
		w.mark, w.markAt = &mark, w.last
	}
	logits, err := w.session.Prefill(ctx, tokens)
	if err == nil {
		w.read = len(w.raw)
	}
	return logits, err
}

// take makes a piece of a sampled token, which the session has not read yet.
func (w *writer) take(token tokenizer.Token) (Piece, error) {
	if slices.Contains(w.ends, token) {
		return w.end(Piece{Reason: EndOfText}, len(w.raw), nil)
	}
	w.tokens++
	w.last = len(w.raw)
	piece := Piece{Token: token}
	if w.Vocab != nil {
		text, ok := w.Vocab.Bytes(token)
		if !ok {
			return piece, fmt.Errorf("the model chose token %d, which is none of its vocabulary", token)
		}
		w.raw = append(w.raw, text...)
	}
	free, stopped := w.stopper.Push(string(w.raw[w.last:]))
	certain := w.out + len(free)
	if stopped {
		piece.Reason = StopString
		return w.end(piece, certain, nil)
	}
	if w.Limit > 0 && w.tokens >= w.Limit {
		piece.Reason = Limit
		return w.end(piece, len(w.raw), nil)
	}
	piece.Text = w.stream.Push(w.raw[w.out:certain])
	w.out = certain
	return piece, nil
}

// end completes the last piece of a text that ends at the given position, taking the session back if it has read further.
func (w *writer) end(piece Piece, at int, cause error) (Piece, error) {
	piece.Text = w.stream.Push(w.raw[w.out:at]) + w.stream.Flush()
	if w.read > at {
		if err := w.session.Restore(*w.mark); err != nil {
			return piece, err
		}
		w.read = w.markAt
	}
	piece.Unread = w.raw[w.read:at]
	return piece, cause
}
