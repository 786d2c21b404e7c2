package lm

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// WithProgress returns a context with which a model tells how many tokens it has read, chunk by chunk. It may be called from
// another goroutine.
func WithProgress(ctx context.Context, read func(tokens int)) context.Context {
	return engine.WithProgress(ctx, read)
}

// NoTokenizerError is the error of a model without a tokenizer of which text is wanted.
type NoTokenizerError struct{ Path string }

func (e *NoTokenizerError) Error() string {
	return e.Path + " has no tokenizer, so it reads and writes no text, only token ids"
}

// Encode cuts a prompt into the tokens by which the model knows its beginning.
func (m *Model) Encode(text string) ([]tokenizer.Token, error) {
	vocab, err := m.TextTokenizer()
	if err != nil {
		return nil, err
	}
	return EncodePrompt(vocab, []byte(text))
}

// EncodePrompt cuts a prompt into tokens. Line ends are the tokens that models were trained on.
func EncodePrompt(vocab tokenizer.Tokenizer, text []byte) ([]tokenizer.Token, error) {
	tokens, err := vocab.Encode(text)
	return tokenizer.LineEnds(vocab, tokens), err
}

// TextTokenizer is Tokenizer, but an error where there is none.
func (m *Model) TextTokenizer() (tokenizer.Tokenizer, error) {
	vocab, err := m.Tokenizer()
	if err == nil && vocab == nil {
		err = &NoTokenizerError{m.File().Path()}
	}
	return vocab, err
}

// BeginToken is the token that stands before a document. vocab may be nil.
func BeginToken(vocab tokenizer.Tokenizer) tokenizer.Token {
	if vocab == nil {
		return tokenizer.EndOfText
	}
	return max(tokenizer.EndOfText, vocab.Marks().Begin)
}

// Sampling returns the options of a sampler that draws as a template says, with a seed of chance.
func (m *Model) Sampling(s prompt.Sampling) sampler.Options {
	if m.Vocab() == prompt.ByteRows {
		s = s.Letters()
	}
	o := sampler.Options{
		Temperature: s.Temperature, TopP: s.TopP, TopK: s.TopK, PresencePenalty: s.PresencePenalty,
		FrequencyPenalty: s.FrequencyPenalty, PenaltyDecay: s.PenaltyDecay, Seed: rand.Uint64N(1 << 53),
	}
	if s.Music {
		o.Bias = prompt.MusicBias
		o.Weight = func(t tokenizer.Token) float64 { return prompt.MusicWeight(int32(t)) }
	}
	if vocab, err := m.Tokenizer(); err == nil && vocab != nil {
		o.Limit = vocab.Len()
		if s.SpareNumbers {
			o.Weight = sampler.SpareNumbers(vocab)
		}
	}
	return o
}

// GenerateOptions say how a text goes on. The zero value is as the model's template says.
type GenerateOptions struct {
	Template string           // whose stop strings and sampling hold; empty is the model's own, and no stop strings
	Sampling *sampler.Options // nil is as the template says, with a seed of chance
	Stop     []string         // strings that end the text and are no part of it
	Limit    int              // tokens at most; 0 is no limit
}

// Generate goes on from a prompt, which is taken as it stands, and streams the text. The last piece tells why it ended. Leaving the
// loop early is fine.
//
//	for piece, err := range model.Generate(ctx, "The goose", lm.GenerateOptions{Limit: 100}) {
func (m *Model) Generate(ctx context.Context, text string, o GenerateOptions) iter.Seq2[generate.Piece, error] {
	return func(yield func(generate.Piece, error) bool) {
		session, err := m.NewSession()
		if err != nil {
			yield(generate.Piece{}, err)
			return
		}
		defer session.Close()
		for piece, err := range m.Continue(ctx, session, text, o) {
			if !yield(piece, err) {
				return
			}
		}
	}
}

// Continue is Generate in a session, behind what it has read. The session has read the text then but for Piece.Unread.
func (m *Model) Continue(ctx context.Context, session *engine.Session, text string, o GenerateOptions) iter.Seq2[generate.Piece, error] {
	tokens, options, err := m.prepare(text, o)
	if err != nil {
		return func(yield func(generate.Piece, error) bool) { yield(generate.Piece{}, err) }
	}
	return generate.Text(ctx, session, tokens, options)
}

// prepare makes the tokens of a prompt and the options of generating.
func (m *Model) prepare(text string, o GenerateOptions) ([]tokenizer.Token, generate.Options, error) {
	template := m.Template()
	stops := o.Stop
	if o.Template != "" {
		var err error
		if template, err = prompt.Named(o.Template); err != nil {
			return nil, generate.Options{}, err
		}
		stops = append(template.Stops[:len(template.Stops):len(template.Stops)], stops...)
	}
	tokens, err := m.Encode(text)
	if err != nil {
		return nil, generate.Options{}, err
	}
	if len(tokens) == 0 {
		tokens = []tokenizer.Token{BeginToken(m.vocab)}
	}
	sampling := o.Sampling
	if sampling == nil {
		own := m.Sampling(template.Sampling)
		sampling = &own
	}
	s, err := sampler.New(*sampling)
	if err != nil {
		return nil, generate.Options{}, fmt.Errorf("sampling: %w", err)
	}
	return tokens, generate.Options{Vocab: m.vocab, Sampler: s, End: Tokens(template.End), Stop: stops, Limit: o.Limit}, nil
}

// Tokens turns the token numbers of a template into tokens.
func Tokens(ids []int32) []tokenizer.Token {
	tokens := make([]tokenizer.Token, len(ids))
	for i, id := range ids {
		tokens[i] = tokenizer.Token(id)
	}
	return tokens
}

// Times are how long a text took.
type Times struct {
	Prompt, Generated int // tokens; the first one that is generated comes out of the prompt's
	Prefill, Decode   time.Duration
	Reason            generate.Reason // why the text ended; empty if an error ended it
}

// Timed passes a text on piece by piece and takes the times, by a clock. The pieces that are passed on include the last one of a
// text that was cancelled, whose error is returned as those of other texts are. An error of each ends the text.
func Timed(text iter.Seq2[generate.Piece, error], now func() time.Time, prompt int, each func(generate.Piece) error) (t Times, err error) {
	begin := now()
	t.Prompt = prompt
	var first time.Time
	defer func() {
		if !first.IsZero() {
			t.Prefill, t.Decode = first.Sub(begin), now().Sub(first)
		}
	}()
	for piece, err := range text {
		if first.IsZero() {
			first = now()
		} else {
			t.Generated++
		}
		if piece.Reason != "" {
			t.Reason = piece.Reason
		}
		if err == nil || piece.Reason != "" {
			if eachErr := each(piece); eachErr != nil {
				return t, eachErr
			}
		}
		if err != nil {
			return t, err
		}
	}
	return t, nil
}
