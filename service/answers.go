package service

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Answers are the texts of a request as they come. They belong to one goroutine at a time.
type Answers struct {
	m         *Model
	r         Request
	ctx       context.Context
	cancel    context.CancelFunc
	events    chan Event
	running   sync.WaitGroup
	submitted time.Time
	limit     int               // of the tokens of a text; 0 is none
	banned    []tokenizer.Token // besides those of the request
	prompt    []Token           // the prompt's tokens, if the request asked for them; complete when the prompt was read
}

// Event is a part of an answer. It has one of its fields besides Choice, but a Part may come with the End.
type Event struct {
	Choice int
	Read   *Progress
	Parts  []Part
	Tokens int // that were sampled so far
	End    *End
}

// Progress is how much of the prompt was read.
type Progress struct {
	Read, Cached, Total int // tokens; Read has the cached ones
	Time                time.Duration
}

// Part is a piece of an answer. A token whose text is not certain yet comes with a later part.
type Part struct {
	Kind   chat.Kind
	Text   string
	Tokens []Token // that end in Text
}

// Token is a token of a text.
type Token struct {
	ID      tokenizer.Token
	Text    string // as it stands in the text, so all tokens of a text together are the text
	Bytes   []byte
	Logprob float64 // the natural logarithm of its probability, if the request asked for it; NaN where nothing comes before the token
	Top     []Token // the likeliest tokens at its place
}

// End is how a text ended.
type End struct {
	Err      error // nil if there is a Reason
	Reason   generate.Reason
	Stop     string            // the stop string that ended the text
	Prompt   int               // tokens of the prompt
	Cached   int               // of these, the tokens that need not be read
	Tokens   int               // that were sampled
	Limit    int               // of Tokens; 0 is none
	Thinking int               // of these, the tokens of thoughts
	Banned   []tokenizer.Token // that could not be chosen, besides those of the request

	Waited, Read, Decoded time.Duration // until the prompt began to be read, until its end, and until the text's end

	State *Kept // the state behind the text, if the request asked for it
}

// Kept is where the state behind a text is.
type Kept struct {
	Err  error // why the state was not kept
	Name string
	ID   string
	Data []byte
}

// Next waits for the next event. It returns false after the last one.
func (a *Answers) Next() (Event, bool) {
	e, ok := <-a.events
	return e, ok
}

// Close ends the texts that have not ended. It is safe to call it twice.
func (a *Answers) Close() {
	a.cancel()
	for range a.events { // until all texts have seen it
	}
}

// Prompt returns the tokens of the prompt with their probabilities, if the request asked for them. It is complete when the first part has come.
func (a *Answers) Prompt() []Token { return a.prompt }

// Result is a whole text.
type Result struct {
	Text, Thoughts, Call string
	Tokens               []Token // of the answer
	End                  End
}

// Collect waits until all texts have ended and returns them. The error is that of the first text which failed.
func (a *Answers) Collect() ([]Result, error) {
	results := make([]Result, max(1, a.r.Choices))
	written := make([][3]strings.Builder, len(results))
	var failed error
	for e := range a.events {
		r := &results[e.Choice]
		for _, p := range e.Parts {
			switch w := &written[e.Choice]; p.Kind {
			case chat.Thoughts:
				w[1].WriteString(p.Text)
			case chat.Call:
				w[2].WriteString(p.Text)
			default:
				w[0].WriteString(p.Text)
				r.Tokens = append(r.Tokens, p.Tokens...)
			}
		}
		if e.End != nil {
			r.End = *e.End
			if e.End.Err != nil && failed == nil {
				failed = e.End.Err
				a.cancel()
			}
		}
	}
	for i := range results {
		w := &written[i]
		results[i].Text, results[i].Thoughts, results[i].Call = w[0].String(), w[1].String(), w[2].String()
	}
	return results, failed
}
