package chat

import (
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/grammar"
	"github.com/gosling-rwkv/gosling/prompt"
)

// Prompt is the prompt for the next answer, with the places at which other prompts are likely to part from it. The places are in bytes
// from the beginning of Text. Zero means that there is no such place.
type Prompt struct {
	Text    string
	System  int   // the end of the system's turn
	History int   // where the last user's turn begins
	Answer  int   // right behind the assistant's name; Text may have more: the start of thoughts or a call, or the answer to continue
	Turns   []int // the ends of all turns, in ascending order

	Start prompt.Think // how the answer begins; empty if an answer is continued

	format    Format
	lasting   int    // the next turn's prompt has the same text up to here: to the assistant's name, or to the request to think
	asked     bool   // the request to think is in Text
	continued string // the answer to continue, as the client knows it
}

// Prompt returns the prompt for the next answer. System messages at the front are joined with the format's own system prompt. A
// later one becomes a turn of its own. Consecutive messages of the same role are joined with a line end. Texts are cleaned, so none of
// them can forge a turn. Thoughts are removed from earlier answers. An unknown role is an error, and so is a list without a message to
// answer. A system message alone can be answered.
func (f Format) Prompt(messages []Message, next Next) (Prompt, error) {
	system, rest, err := joinedMessages(messages)
	if err != nil {
		return Prompt{}, err
	}
	b := builder{p: Prompt{format: f}}
	b.system(f, strings.TrimSpace(system+"\n"+f.System))
	for i, m := range rest {
		last := i == len(rest)-1
		switch m.Role {
		case System:
			b.turn(f.SystemTurn(m.Text))
		case Assistant:
			if last && next == Continue {
				return b.continued(f, m.Text), nil
			}
			b.turn(f.answerTurn(m.Text))
		case Tool:
			b.user(f, m.Text, "")
		default:
			request := ""
			if last {
				request = f.Start().Request
			}
			b.user(f, m.Text, request)
		}
	}
	return b.answer(f, f.Start()), nil
}

// answerTurn returns the turn of an earlier answer.
func (f Format) answerTurn(text string) string {
	return f.Assistant + f.said(f.answer(text)) + f.Separator
}

// said returns an answer behind the assistant's name. Nothing follows the name of an assistant that says nothing.
func (f Format) said(answer string) string {
	if answer == "" {
		return ""
	}
	return f.Said(answer)
}

// answer returns an answer as prompts have it: without thoughts, trimmed. Models write empty lines, so an answer may contain them. But no
// model says what ends its answer. A text that has such a stop string was not generated with this template, and is cleaned.
func (f Format) answer(text string) string {
	answer, _ := prompt.Think{}.Answer(text)
	lines := strings.ReplaceAll(answer, "\r\n", "\n")
	if slices.ContainsFunc(f.Stops, func(stop string) bool { return strings.Contains(lines, stop) }) {
		return f.Clean(answer)
	}
	return answer
}

// builder writes a prompt and notes its places.
type builder struct {
	p    Prompt
	text strings.Builder
}

func (b *builder) turn(text string) {
	if text != "" {
		b.text.WriteString(text)
		b.p.Turns = append(b.p.Turns, b.text.Len())
	}
}

func (b *builder) system(f Format, text string) {
	b.text.WriteString(f.Opening)
	if turn := f.SystemTurn(text); turn != "" {
		b.turn(turn)
		b.p.System = b.text.Len()
	}
}

// user writes a user's turn, with a request to think.
func (b *builder) user(f Format, text, request string) {
	b.p.History = b.text.Len()
	b.text.WriteString(f.User + f.Clean(text))
	if request != "" {
		b.p.lasting, b.p.asked = b.text.Len(), true
		b.text.WriteString(request)
	}
	b.turn(f.Separator)
}

// answer ends the prompt where the model answers.
func (b *builder) answer(f Format, start prompt.Think) Prompt {
	if !b.p.asked {
		b.p.lasting, start.Request = b.text.Len(), ""
	}
	b.text.WriteString(f.Assistant)
	b.p.Answer, b.p.Start = b.text.Len(), start
	b.text.WriteString(start.Start)
	b.p.Text = b.text.String()
	return b.p
}

// continued ends the prompt where the model continues an answer. It begins the answer if there is none yet.
func (b *builder) continued(f Format, text string) Prompt {
	answer, _ := prompt.Think{}.Answer(text)
	if answer == "" {
		return b.answer(f, f.Start())
	}
	p := b.answer(f, prompt.Think{})
	p.Text, p.continued = p.Text+f.said(f.answer(answer)), answer
	return p
}

// NewSplitter returns a splitter for the answer to the prompt. Of an answer that is continued, it gives the new part, with the white space
// that the new part begins with.
func (p Prompt) NewSplitter() *Splitter {
	s := p.format.NewSplitter(p.Start)
	if p.continued != "" {
		s.state = saying
	}
	return s
}

// Closing is the beginning of the next turn's prompt: everything up to the end of the answer's turn.
type Closing struct {
	Text string
	// Ready tells that Text begins with the prompt and all that was generated. So the state that has read these is a state of the next
	// turn's prompt. Otherwise only a state that has read Text itself is one: thoughts were dropped, for example, or white space was trimmed.
	Ready bool
}

// Close returns how the turn of an answer will be read in the next turn. said is the whole generated text. The next prompt begins with
// Text if a client sends the answer back as it was given out, with or without its thoughts. unfinished tells that a limit or the user
// ended the answer. If it ended before there was an answer, ok is false.
func (p Prompt) Close(said string, unfinished bool) (c Closing, ok bool) {
	answer, cut := Kept(p.Start, said, unfinished)
	if given, ok := p.givenOut(said); ok && p.continued+given != "" {
		answer, cut = p.continued+given, false
	}
	if cut {
		return Closing{}, false
	}
	c.Text = p.Text[:p.lasting]
	if p.asked {
		c.Text += p.format.Separator
	}
	c.Text += p.format.answerTurn(answer)
	c.Ready = strings.HasPrefix(c.Text, p.Text+said)
	return c, true
}

// givenOut returns an answer as a client sends it back: without its thoughts, and with its call as messages have it. ok is false if the call
// is not complete.
func (p Prompt) givenOut(said string) (text string, ok bool) {
	var words, call strings.Builder
	s := p.NewSplitter()
	for _, part := range append(s.Push(said), s.Flush()...) {
		switch part.Kind {
		case Call:
			call.WriteString(part.Text)
		case Answer:
			words.WriteString(part.Text)
		}
	}
	if call.Len() == 0 {
		return words.String(), true
	}
	called, err := ParseCall(call.String())
	if err != nil {
		return "", false
	}
	return WithCalls(words.String(), called), true
}

// Grammar returns what the answer must look like (see Format.Grammar), and the text of the answer that the prompt ends with already.
func (p Prompt) Grammar(words *grammar.Part) (whole grammar.Part, said string, ok bool) {
	if p.continued == "" {
		whole, ok = p.format.Grammar(p.Start, words)
		return whole, "", ok
	}
	if words == nil {
		return whole, "", false
	}
	return *words, p.continued, true
}
