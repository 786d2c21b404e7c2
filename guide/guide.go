// Package guide decides which tokens an answer may consist of. A Guide is a sampler.Guide that lets an answer follow a grammar and ends
// thoughts that are longer than their budget. Guides makes them for one model.
//
// Where the grammar leaves one continuation only, the Guide chooses its tokens as the tokenizer cuts them. Where the text is complete, only
// tokens that end it are left.
package guide

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/grammar"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Guides makes the guides for the texts of one vocabulary. Goroutines may share it.
type Guides struct {
	vocab   tokenizer.Tokenizer
	shelf   *grammar.Shelf
	closing func() ([][]tokenizer.Token, error) // what ends thoughts
}

// For returns the Guides of a tokenizer's vocabulary.
func For(t tokenizer.Tokenizer) *Guides {
	return &Guides{
		vocab: t, shelf: grammar.NewShelf(t),
		closing: sync.OnceValues(func() ([][]tokenizer.Token, error) { return closingTag(t) }),
	}
}

// Options say what a text must be. The zero value allows any text.
type Options struct {
	Form  *grammar.Part // what the text must look like
	Begun string        // the text's beginning, which is there already

	Ends      []tokenizer.Token // all tokens that end the text
	IgnoreEnd bool              // they do so only where nothing else may follow
	Stops     []string          // strings with which the model ends its texts. Where Form has no place for one, it is an end

	Splitter *chat.Splitter // of the answer, for Budget
	Budget   *int           // the most tokens of thoughts
}

// Guide is the guide of one text.
type Guide struct {
	all  *Guides
	form *form   // nil is any text
	left *budget // nil is no budget
}

var _ sampler.Guide = (*Guide)(nil)

// FormError reports what is wrong with Options.Form, or that the text's beginning does not fit it.
type FormError struct {
	Err error
}

func (e *FormError) Error() string { return e.Err.Error() }

// Unwrap returns the cause: a *grammar.Error if the form cannot be compiled.
func (e *FormError) Unwrap() error { return e.Err }

// New returns the guide of a text, or nil if the options allow any text. The caller closes it when the text has ended. The error is a
// *FormError, or grammar.ErrFull.
func (g *Guides) New(o Options) (*Guide, error) {
	if o.Form == nil && o.Budget == nil {
		return nil, nil
	}
	all := &Guide{all: g}
	if o.Budget != nil {
		all.left = &budget{all: g, left: *o.Budget, splitter: o.Splitter}
	}
	if o.Form == nil {
		return all, nil
	}
	a, err := g.shelf.Take(*o.Form)
	if err == grammar.ErrFull {
		return nil, err
	}
	if err != nil {
		return nil, &FormError{err}
	}
	all.form = &form{automaton: a, o: o, stops: g.firstTokens(o.Stops), bytes: len(o.Begun)}
	if all.form.state, err = a.Start(); err == nil {
		all.form.state, err = all.form.state.PushBytes([]byte(o.Begun))
	}
	if err != nil {
		all.Close()
		return nil, &FormError{err}
	}
	return all, nil
}

// firstTokens returns the tokens that texts begin with.
func (g *Guides) firstTokens(texts []string) (first []tokenizer.Token) {
	for _, text := range texts {
		if tokens, err := g.vocab.Encode([]byte(text)); err == nil && len(tokens) > 0 {
			first = append(first, tokens[0])
		}
	}
	return first
}

// Close ends the use of the guide. It is safe to call it twice.
func (g *Guide) Close() {
	if g != nil && g.form != nil && g.form.automaton != nil {
		g.all.shelf.Return(g.form.automaton)
		g.form.automaton = nil
	}
}

// Ends reports whether the guide decides where the text may end.
func (g *Guide) Ends() bool { return g.form != nil }

// Guide implements sampler.Guide.
func (g *Guide) Guide(logits []float32) error {
	if g.left != nil {
		closing, err := g.left.next()
		if err != nil {
			return err
		}
		// Where a form has no place for the end of thoughts, it is within a character. So the end has to wait.
		if closing != nil && (g.form == nil || g.form.allows(closing)) {
			only(logits, closing)
		}
	}
	if g.form != nil {
		return g.form.guide(logits)
	}
	return nil
}

// Chosen implements sampler.Guide.
func (g *Guide) Chosen(t tokenizer.Token) {
	piece, _ := g.all.vocab.Bytes(t)
	if g.left != nil {
		g.left.chosen(t, piece)
	}
	if g.form != nil {
		g.form.chosen(t, len(piece))
	}
}

// StuckError reports that no token can follow.
type StuckError struct {
	Banned bool // tokens fit, but the sampler's options ban them
	Err    error
}

func (e *StuckError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *StuckError) Unwrap() error { return e.Err }

// form lets a text follow a grammar.
type form struct {
	o         Options
	automaton *grammar.Automaton
	state     grammar.State
	bytes     int               // of the text so far
	forced    []tokenizer.Token // that come next
	stops     []tokenizer.Token // that Options.Stops begin with
	err       error
}

var never = float32(math.Inf(-1))

// allows reports whether one of the tokens may come next.
func (f *form) allows(tokens []tokenizer.Token) bool {
	mask, err := f.state.Mask()
	return err == nil && slices.ContainsFunc(tokens, mask.Has)
}

func (f *form) guide(logits []float32) error {
	if f.err != nil {
		return &StuckError{Err: f.err}
	}
	if len(f.forced) == 0 {
		// An error means that a byte is not in the vocabulary. The mask knows whether another token has it.
		f.forced, _ = f.state.ForcedTokens()
	}
	if len(f.forced) > 0 && logits[f.forced[0]] != never {
		only(logits, f.forced[:1])
		return nil
	}
	f.forced = nil
	mask, err := f.state.Mask()
	if err != nil {
		return &StuckError{Err: err}
	}
	end := f.end(logits, mask)
	possible := keep(logits, mask, f.o.Ends)
	if f.state.MayEnd() && !(possible && f.o.IgnoreEnd) {
		for t, logit := range end {
			logits[t] = logit
			possible = possible || logit != never
		}
	}
	if !possible {
		return &StuckError{Banned: true, Err: fmt.Errorf("at byte %d of the text: all tokens that fit are banned", f.bytes)}
	}
	return nil
}

// end returns the logits of the tokens that end the text. A stop string for which the text has no place is the model's way to end it.
func (f *form) end(logits []float32, mask grammar.Mask) map[tokenizer.Token]float32 {
	end := map[tokenizer.Token]float32{}
	for _, t := range f.o.Ends {
		if int(t) < len(logits) {
			end[t] = logits[t]
		}
	}
	if len(f.o.Ends) == 0 || end[f.o.Ends[0]] == never {
		return end
	}
	for _, t := range f.stops {
		if !mask.Has(t) && !slices.Contains(f.o.Ends, t) {
			end[f.o.Ends[0]] = max(end[f.o.Ends[0]], logits[t])
		}
	}
	return end
}

func (f *form) chosen(t tokenizer.Token, length int) {
	if slices.Contains(f.o.Ends, t) {
		return
	}
	f.bytes += length
	if len(f.forced) > 0 {
		f.forced = f.forced[1:]
	}
	f.state, f.err = f.state.Push(t)
}

// only makes all tokens impossible but some.
func only(logits []float32, tokens []tokenizer.Token) {
	kept := make([]float32, len(tokens))
	for i, t := range tokens {
		kept[i] = logits[t]
	}
	fill(logits)
	for i, t := range tokens {
		logits[t] = kept[i]
	}
}

func fill(logits []float32) {
	for i := range logits {
		logits[i] = never
	}
}

// keep makes all tokens impossible that a mask does not have, and those that end a text. It reports whether any is left.
func keep(logits []float32, mask grammar.Mask, ends []tokenizer.Token) (any bool) {
	for _, t := range ends {
		if int(t) < len(logits) {
			logits[t] = never
		}
	}
	for i := 0; i < len(logits); i += 64 {
		word := uint64(0)
		if i/64 < len(mask) {
			word = mask[i/64]
		}
		row := logits[i:min(i+64, len(logits))]
		if word == 0 {
			fill(row)
			continue
		}
		for j := range row {
			if word>>j&1 == 0 {
				row[j] = never
			} else if row[j] != never {
				any = true
			}
		}
	}
	return any
}
