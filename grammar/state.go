package grammar

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/gosling-rwkv/gosling/tokenizer"
)

// State is a place in a text that follows a grammar. It is a small value that never changes: Push returns the next one, and a copy is a
// snapshot. Goroutines may share it.
type State struct {
	a     *Automaton
	at    *node
	bytes int // of the text so far
}

// Start returns the state of an empty text. It fails if the grammar is too ambiguous.
func (a *Automaton) Start() (State, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.begin(a.dead)
	n := a.start()
	if a.err != nil {
		return State{}, a.err
	}
	return State{a: a, at: n}, nil
}

// Mask returns the tokens that may come next, with the tokens that end a text if it may end here. The mask belongs to the automaton, so
// do not change it. The first mask of a place in a grammar takes about a millisecond with a vocabulary of 65,536 tokens, later
// ones are looked up. Mask fails if no token fits, or if the grammar is too ambiguous.
func (s State) Mask() (Mask, error) {
	a := s.a
	a.mu.Lock()
	defer a.mu.Unlock()
	mask := a.maskOf(a.alikeNode(a.begin(s.at)))
	if a.err != nil {
		return nil, s.fail(a.err)
	}
	if !slices.ContainsFunc(mask, func(word uint64) bool { return word != 0 }) {
		return nil, s.fail(fmt.Errorf("no token of the vocabulary fits"))
	}
	return mask, nil
}

// Push returns the state after a token. After a token that ends the text, no token fits. Push fails if the grammar does not allow the
// token.
func (s State) Push(t tokenizer.Token) (State, error) {
	v := s.a.vocab
	if slices.Contains(v.ends, t) {
		if !s.MayEnd() {
			return s, s.fail(fmt.Errorf("the text cannot end here"))
		}
		return State{s.a, s.a.dead, s.bytes}, nil
	}
	b, ok := v.tokens.Bytes(t)
	if !ok || len(b) == 0 {
		return s, s.fail(fmt.Errorf("token %d is not text", t))
	}
	return s.PushBytes(b)
}

// PushBytes returns the state after a piece of text. It fails if the grammar does not allow the piece.
func (s State) PushBytes(text []byte) (State, error) {
	a := s.a
	a.mu.Lock()
	defer a.mu.Unlock()
	n := a.begin(s.at)
	for i, c := range text {
		n = a.step(n, a.class[c])
		if a.err != nil {
			return s, s.fail(a.err)
		}
		if n == a.dead {
			return s, s.fail(fmt.Errorf("the grammar does not allow %q after %q", text[i:i+1], text[:i]))
		}
	}
	return State{a, n, s.bytes + len(text)}, nil
}

// MayEnd reports whether the text is complete. More text may still fit.
func (s State) MayEnd() bool { return s.at.ends }

// Forced returns the bytes that must come next, because the grammar allows nothing else, at most 4096. They end within a
// character only if the text so far does. A caller can read them instead of sampling.
func (s State) Forced() []byte {
	a := s.a
	a.mu.Lock()
	defer a.mu.Unlock()
	forced, _ := a.forced(a.begin(s.at))
	return forced
}

// forced returns the bytes that must follow n, and whether the text must end behind them.
func (a *Automaton) forced(n *node) (text []byte, end bool) {
	text, end = a.only(n)
	for i := len(text) - 1; i >= 0 && i >= len(text)-utf8.UTFMax; i-- { // a character whose last bytes may vary
		if utf8.RuneStart(text[i]) {
			if !utf8.FullRune(text[i:]) {
				text = text[:i]
			}
			break
		}
	}
	return text, end
}

// only is forced, but may end within a character.
func (a *Automaton) only(n *node) (text []byte, end bool) {
	for len(text) < maxForced && !n.ends {
		only := -1
		for class := range a.members {
			to := a.step(n, uint8(class))
			if a.err != nil {
				return text, false
			}
			if to == a.dead {
				continue
			}
			if only >= 0 || a.sizes[class] > 1 {
				return text, false
			}
			only = class
		}
		if only < 0 {
			break
		}
		text = append(text, a.members[only])
		n = a.step(n, uint8(only))
	}
	return text, n.ends && a.final(n)
}

// final reports whether nothing may follow n.
func (a *Automaton) final(n *node) bool { return len(n.items) == 0 }

// ForcedTokens returns the tokens of the forced bytes, cut as the tokenizer cuts them. The last ones are left out where a longer token
// may fit with the text that follows.
func (s State) ForcedTokens() ([]tokenizer.Token, error) {
	a := s.a
	a.mu.Lock()
	defer a.mu.Unlock()
	forced, end := a.forced(a.begin(s.at))
	tokens, err := a.vocab.tokens.Encode(forced)
	if err != nil || end {
		return tokens, err
	}
	for i, t := range tokens {
		if a.vocab.extends(forced) {
			return tokens[:i], nil
		}
		b, _ := a.vocab.tokens.Bytes(t)
		forced = forced[len(b):]
	}
	return tokens, nil
}

func (s State) fail(err error) error { return fmt.Errorf("at byte %d of the text: %w", s.bytes, err) }
