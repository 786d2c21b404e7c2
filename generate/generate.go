// Package generate turns a prompt into text. It passes the prompt to a session, samples tokens, and emits their text in whole
// characters. It holds back text that may be the start of a stop string.
//
// It adds nothing to the prompt (see package prompt) and keeps nothing between calls. The session holds what the model remembers,
// and the sampler holds what the penalties count. The bytes of a text stay in memory until it ends.
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

// Session is what Text needs from a model. An engine.Session implements it.
type Session interface {
	// Prefill reads tokens and returns the logits after the last one. If ctx ends first, the session is unchanged.
	Prefill(ctx context.Context, tokens []tokenizer.Token) ([]float32, error)
	Snapshot() (engine.Snapshot, error)
	Restore(engine.Snapshot) error
}

// Options say how to generate. Sampler is required.
type Options struct {
	Vocab   tokenizer.Tokenizer // nil for a model without a tokenizer: pieces then have no text
	Sampler *sampler.Sampler
	End     []tokenizer.Token // more tokens that end the text, besides those of Vocab, or besides tokenizer.EndOfText if Vocab is nil
	Stop    []string          // strings that end the text and are not part of it; none may be empty
	Limit   int               // maximum number of tokens; 0 means no limit
}

// Reason is why a text ended.
type Reason string

// The reasons.
const (
	EndOfText  Reason = "end of text" // the model ended it
	StopString Reason = "stop string"
	Limit      Reason = "limit"
	Cancelled  Reason = "cancelled" // the context ended
)

// Piece is a bit of text, usually that of one token.
type Piece struct {
	// Token is the sampled token. The last piece has none if its Reason is EndOfText or Cancelled.
	Token tokenizer.Token
	// Text is valid UTF-8 and may be empty. Bytes of an incomplete character wait for the next tokens, and so does text that may
	// be the start of a stop string.
	Text string

	// Reason is set in the last piece only.
	Reason Reason
	// Unread is set in the last piece only: the end of the text that was emitted but that the session has not read. After reading
	// it, the session is at the exact end of the text.
	Unread []byte
}

// Text reads the tokens of a prompt, at least one, and then generates. The sequence ends with the piece that has a Reason, or
// with an error. A piece with the Reason Cancelled comes with ctx's error. If the caller leaves the loop early, the session stops
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

// ends returns all tokens that end the text.
func (o Options) ends() []tokenizer.Token {
	own := []tokenizer.Token{tokenizer.EndOfText}
	if o.Vocab != nil {
		own = o.Vocab.Marks().End
	}
	return slices.Concat(own, o.End)
}

// writer is one text being generated. Positions are byte offsets into the text.
type writer struct {
	Options
	ends    []tokenizer.Token
	session Session
	tokens  int
	raw     []byte // the text so far, including stop strings
	last    int    // where the last token begins
	read    int    // how much the session has read
	out     int    // how much was emitted; the rest may be the start of a stop string
	stopper *prompt.Stopper
	stream  tokenizer.Stream // the emitted text, as whole characters

	mark   *engine.Snapshot // the session at markAt, which is at or before out; nil while nothing is held back
	markAt int
}

// feed lets the session read the prompt or the last token. It takes a snapshot before the first token of which a part is held
// back. A stop string may require going back there, and a recurrent state can only do that from a snapshot.
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

// take turns a sampled token into a piece. The session has not read the token yet.
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
			return piece, fmt.Errorf("the model chose token %d, which is not in its vocabulary", token)
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

// end completes the last piece of a text that ends at the given position. If the session has read further, end takes it back.
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
