package service

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/states"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Prompt is what the model reads before it answers.
type Prompt struct {
	Tokens []tokenizer.Token // at least one
	Text   string            // what the tokens stand for; empty if the prompt was given as tokens

	marks states.Marks
	cut   bool         // the tokens are those that cutting Text gives
	chat  *chat.Prompt // nil for a text
}

var errNoTokenizer = errors.New("the model has no tokenizer: send token ids instead of text")

// Text returns the prompt that is a text. An empty text is the token that begins a document.
func (m *Model) Text(text string) (Prompt, error) {
	p := Prompt{Text: text, cut: true}
	var err error
	if text != "" && m.vocab == nil {
		return Prompt{}, &PromptError{errNoTokenizer}
	}
	if text != "" {
		if p.Tokens, err = m.Encode(text); err != nil {
			return Prompt{}, &PromptError{err}
		}
	}
	if len(p.Tokens) == 0 {
		p.Tokens = []tokenizer.Token{lm.BeginToken(m.vocab)}
	}
	return p, nil
}

// TokenPrompt returns the prompt that consists of tokens.
func (m *Model) TokenPrompt(tokens []tokenizer.Token) (Prompt, error) {
	for i, t := range tokens {
		if t < 0 || int(t) >= m.Vocab() {
			return Prompt{}, &PromptError{fmt.Errorf("token %d at position %d: the model knows 0 to %d", t, i, m.Vocab()-1)}
		}
	}
	if len(tokens) == 0 {
		return m.Text("")
	}
	return Prompt{Tokens: tokens}, nil
}

// PromptText returns the text of a prompt, also if it was given as tokens.
func (m *Model) PromptText(p Prompt) string {
	if p.Text != "" || m.vocab == nil {
		return p.Text
	}
	return strings.ToValidUTF8(string(m.vocab.Decode(p.Tokens)), "\uFFFD")
}

// Chat returns the prompt for the answer to messages. If the text begins with a state, the state has read what a conversation opens with.
func (m *Model) Chat(f chat.Format, messages []chat.Message, next chat.Next, begin *Begin) (Prompt, error) {
	if begin.hasRead() {
		f.System, f.Opening = "", ""
	}
	c, err := f.Prompt(messages, next)
	if err != nil {
		return Prompt{}, &PromptError{err}
	}
	p, err := m.Text(c.Text)
	if err != nil {
		return Prompt{}, err
	}
	p.chat, p.marks = &c, states.Marks{System: c.System, History: c.History, Answer: c.Answer, Turns: c.Turns}
	return p, nil
}
