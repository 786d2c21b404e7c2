package lm

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/grammar"
	"github.com/gosling-rwkv/gosling/guide"
	"github.com/gosling-rwkv/gosling/internal/clock"
	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// WithProgress returns a context with which a model reports how many tokens it has read, after each chunk. read may be called
// from another goroutine.
func WithProgress(ctx context.Context, read func(tokens int)) context.Context {
	return engine.WithProgress(ctx, read)
}

// NoTokenizerError is the error of asking a model without a tokenizer for text.
type NoTokenizerError struct{ Path string }

func (e *NoTokenizerError) Error() string {
	return e.Path + " has no tokenizer, so it can only read and write token ids"
}

// Encode turns a prompt into tokens. It encodes line ends as the tokens that models were trained on. Without a tokenizer the error
// is a NoTokenizerError.
func (m *Model) Encode(text string) ([]tokenizer.Token, error) {
	vocab, err := m.TextTokenizer()
	if err != nil {
		return nil, err
	}
	return encodePrompt(vocab, []byte(text))
}

// encodePrompt turns a prompt into tokens.
func encodePrompt(vocab tokenizer.Tokenizer, text []byte) ([]tokenizer.Token, error) {
	tokens, err := vocab.Encode(text)
	return tokenizer.LineEnds(vocab, tokens), err
}

// TextTokenizer returns the model's tokenizer. Without one it returns a NoTokenizerError.
func (m *Model) TextTokenizer() (tokenizer.Tokenizer, error) {
	vocab, err := m.Tokenizer()
	if err == nil && vocab == nil {
		err = &NoTokenizerError{m.File().Path()}
	}
	return vocab, err
}

// BeginToken returns the token that starts a document. vocab may be nil.
func BeginToken(vocab tokenizer.Tokenizer) tokenizer.Token {
	if vocab == nil {
		return tokenizer.EndOfText
	}
	return max(tokenizer.EndOfText, vocab.Marks().Begin)
}

// Sampling returns a sampler's options for a template's sampling, with a random seed.
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

// GenerateOptions say how to continue a text. The zero value follows the model's template.
type GenerateOptions struct {
	Template string           // the template whose stop strings and sampling apply; if empty, the model's own template without its stop strings
	Sampling *sampler.Options // nil follows the template, with a random seed
	Stop     []string         // strings that end the text and are not part of it
	Limit    int              // maximum number of tokens; 0 means no limit
	Form     *grammar.Part    // what the text must look like; nil is any text. It ends the text, so the template's stop strings do not
}

// Generate continues a prompt and streams the text. It takes the prompt as it stands. The last piece tells why the text ended.
// The caller may leave the loop early.
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

// Continue is Generate in an existing session, after what the session has already read. Afterwards the session has also read the
// prompt and the new text, except for the Unread of the last piece.
func (m *Model) Continue(ctx context.Context, session *engine.Session, text string, o GenerateOptions) iter.Seq2[generate.Piece, error] {
	return func(yield func(generate.Piece, error) bool) {
		tokens, options, err := m.prepare(text, o)
		if err != nil {
			yield(generate.Piece{}, err)
			return
		}
		if o.Form != nil {
			g, err := m.NewGuide(guide.Options{Form: o.Form, Ends: slices.Concat(m.EndTokens(m.Template()), options.End), Stops: m.Template().Stops})
			if err != nil {
				yield(generate.Piece{}, err)
				return
			}
			defer g.Close()
			options.Sampler.SetGuide(g)
		}
		for piece, err := range generate.Text(ctx, session, tokens, options) {
			if !yield(piece, err) {
				return
			}
		}
	}
}

// prepare returns the tokens of a prompt and the options for generating.
func (m *Model) prepare(text string, o GenerateOptions) ([]tokenizer.Token, generate.Options, error) {
	template := m.Template()
	stops := o.Stop
	if o.Template != "" {
		var err error
		if template, err = prompt.Named(o.Template); err != nil {
			return nil, generate.Options{}, err
		}
		if o.Form == nil {
			stops = append(template.Stops[:len(template.Stops):len(template.Stops)], stops...)
		}
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

// Tokens converts the token ids of a template.
func Tokens(ids []int32) []tokenizer.Token {
	tokens := make([]tokenizer.Token, len(ids))
	for i, id := range ids {
		tokens[i] = tokenizer.Token(id)
	}
	return tokens
}

// Times are how long a text took.
type Times struct {
	Prompt, Generated int // numbers of tokens; Generated leaves out the first one, which the prefill produces
	Prefill, Decode   time.Duration
	Reason            generate.Reason // why the text ended; empty after an error
}

// Timed passes a text to each, piece by piece, and measures the times. prompt is the number of tokens before the text. Timed also
// passes on the last piece of a cancelled text, and then returns the text's error. An error of each ends the text.
func Timed(ctx context.Context, text iter.Seq2[generate.Piece, error], prompt int, each func(generate.Piece) error) (t Times, err error) {
	now := clock.Of(ctx)
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
