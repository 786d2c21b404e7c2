// Package generate turns a prompt into text. It passes the prompt to a session, samples tokens, and emits their text in whole
// characters. It holds back text that may be the start of a stop string.
//
// It adds nothing to the prompt (see package prompt) and keeps nothing between calls. The session holds what the model remembers,
// and the sampler holds what the penalties count. The bytes of a text stay in memory until it ends.
//
// Text does all of it for one session. A Writer is the part that turns sampled tokens into text, for a program that computes several texts
// side by side.
package generate

import (
	"cmp"
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
	Keeper
	// Prefill reads tokens and returns the logits after the last one. If ctx ends first, the session is unchanged.
	Prefill(ctx context.Context, tokens []tokenizer.Token) ([]float32, error)
}

// Keeper copies the state of a text and goes back to a copy.
type Keeper interface {
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
	// Stop is the stop string that ended the text.
	Stop string
	// Unread is set in the last piece only: the end of the text that was emitted but that the session has not read. After reading
	// it, the session is at the exact end of the text.
	Unread []byte
}

// Text reads the tokens of a prompt, at least one, and then generates. The sequence ends with the piece that has a Reason, or
// with an error. A piece with the Reason Cancelled comes with ctx's error. If the caller leaves the loop early, the session stops
// somewhere in the text.
func Text(ctx context.Context, s Session, tokens []tokenizer.Token, o Options) iter.Seq2[Piece, error] {
	return func(yield func(Piece, error) bool) {
		w, err := NewWriter(s, o)
		if err != nil {
			yield(Piece{}, err)
			return
		}
		for next := tokens; ; {
			logits, err := w.read(ctx, s, next)
			if err != nil {
				if ctx.Err() != nil {
					piece, ended := w.End(Cancelled)
					yield(piece, cmp.Or(ended, err))
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
			piece, err := w.Take(token)
			if !yield(piece, err) || err != nil || piece.Reason != "" {
				return
			}
			next = []tokenizer.Token{token}
		}
	}
}

// read lets the session read the prompt or the last token.
func (w *Writer) read(ctx context.Context, s Session, tokens []tokenizer.Token) ([]float32, error) {
	if err := w.BeforeRead(); err != nil {
		return nil, err
	}
	logits, err := s.Prefill(ctx, tokens)
	if err == nil {
		w.AfterRead()
	}
	return logits, err
}

// ends returns all tokens that end the text.
func (o Options) ends() []tokenizer.Token {
	own := []tokenizer.Token{tokenizer.EndOfText}
	if o.Vocab != nil {
		own = o.Vocab.Marks().End
	}
	return slices.Concat(own, o.End)
}

// Writer is one text being generated: it turns sampled tokens into pieces. Whoever computes the text calls, for the prompt and then for each
// token, BeforeRead, lets the model read, calls AfterRead, and passes the token that was sampled to Take, until a piece has a Reason. A
// Writer belongs to one goroutine at a time.
type Writer struct {
	o       Options
	ends    []tokenizer.Token
	keeper  Keeper
	stopper *prompt.Stopper
	stream  tokenizer.Stream // the emitted text, as whole characters

	// Positions are byte offsets into the text.
	tokens int
	raw    []byte // the text so far, including stop strings
	last   int    // where the last token begins
	seen   int    // how much the model has read
	out    int    // how much was emitted; the rest may be the start of a stop string

	mark   *engine.Snapshot // the state at markAt, which is at or before out; nil while nothing is held back
	markAt int
}

// NewWriter returns a Writer of a new text. k is where the model reads it. If k is nil, the state after the text is of no use: it may have
// read more than the text, and pieces do not tell what is Unread. An empty stop string is an error.
func NewWriter(k Keeper, o Options) (*Writer, error) {
	stopper, err := prompt.NewStopper(o.Stop...)
	if err != nil {
		return nil, err
	}
	return &Writer{o: o, ends: o.ends(), keeper: k, stopper: stopper}, nil
}

// BeforeRead is called before the model reads the prompt or the last token. It takes a snapshot before the first token of which a part is
// held back. A stop string may require going back there, and a recurrent state can only do that from a snapshot.
func (w *Writer) BeforeRead() error {
	if w.out == len(w.raw) || w.keeper == nil {
		w.mark = nil
		return nil
	}
	if w.mark != nil {
		return nil
	}
	mark, err := w.keeper.Snapshot()
	if err != nil {
		return err
	}
	w.mark, w.markAt = &mark, w.last
	return nil
}

// AfterRead is called when the model has read the prompt or the last token.
func (w *Writer) AfterRead() { w.seen = len(w.raw) }

// Take turns a sampled token into a piece. The model has not read the token yet.
func (w *Writer) Take(token tokenizer.Token) (Piece, error) {
	if slices.Contains(w.ends, token) {
		return w.end(Piece{Reason: EndOfText}, len(w.raw))
	}
	w.tokens++
	w.last = len(w.raw)
	piece := Piece{Token: token}
	if w.o.Vocab != nil {
		text, ok := w.o.Vocab.Bytes(token)
		if !ok {
			return piece, fmt.Errorf("the model chose token %d, which is not in its vocabulary", token)
		}
		w.raw = append(w.raw, text...)
	}
	free, stopped := w.stopper.Push(string(w.raw[w.last:]))
	certain := w.out + len(free)
	if stopped {
		piece.Reason, piece.Stop = StopString, w.stopper.Hit()
		return w.end(piece, certain)
	}
	if w.o.Limit > 0 && w.tokens >= w.o.Limit {
		piece.Reason = Limit
		return w.end(piece, len(w.raw))
	}
	piece.Text = w.stream.Push(w.raw[w.out:certain])
	w.out = certain
	return piece, nil
}

// End ends the text where it is, for a reason that its tokens do not have. It returns the last piece.
func (w *Writer) End(reason Reason) (Piece, error) { return w.end(Piece{Reason: reason}, len(w.raw)) }

// end completes the last piece of a text that ends at the given position. If the model has read further, end takes it back.
func (w *Writer) end(piece Piece, at int) (Piece, error) {
	piece.Text = w.stream.Push(w.raw[w.out:at]) + w.stream.Flush()
	if w.keeper == nil {
		return piece, nil
	}
	if w.seen > at {
		if err := w.keeper.Restore(*w.mark); err != nil {
			return piece, err
		}
		w.seen = w.markAt
	}
	piece.Unread = w.raw[w.seen:at]
	return piece, nil
}
