package lm

import (
	"maps"
	"slices"

	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// AddBiases adds biases to a sampler's options, in the form of sampler.ParseBias.
func (m *Model) AddBiases(o *sampler.Options, biases []string) error {
	if len(biases) == 0 {
		return nil
	}
	vocab, _ := m.Tokenizer() // without a known one, ids still work
	all := map[tokenizer.Token]float64{}
	maps.Copy(all, o.Logits)
	for _, text := range biases {
		token, bias, err := sampler.ParseBias(vocab, text)
		if err != nil {
			return err
		}
		all[token] = bias
	}
	o.Logits = all
	return nil
}

// Ban adds tokens to those that a sampler never chooses. Each is an id, or a text that is one token.
func (m *Model) Ban(o *sampler.Options, tokens []string) error {
	vocab, _ := m.Tokenizer() // without a known one, ids still work
	o.Banned = slices.Clone(o.Banned)
	for _, text := range tokens {
		token, err := sampler.ParseToken(vocab, text)
		if err != nil {
			return err
		}
		o.Banned = append(o.Banned, token)
	}
	return nil
}

// EndTokens returns the tokens that end a text in a template.
func (m *Model) EndTokens(t prompt.Template) []tokenizer.Token {
	own := []tokenizer.Token{tokenizer.EndOfText}
	if m.vocab != nil {
		own = m.vocab.Marks().End
	}
	return slices.Concat(own, Tokens(t.End))
}
