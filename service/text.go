package service

import (
	"time"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/sched"
)

// text is one text of a request.
type text struct {
	a        *Answers
	choice   int
	stream   *sched.Stream
	splitter *chat.Splitter // nil for a text that is not a conversation's
	tokens   tokens         // those that are not in a part yet
	said     []byte         // all that was given out
	thinking int            // tokens of thoughts
	sampled  int
}

func newText(a *Answers, choice int, stream *sched.Stream) *text {
	t := &text{a: a, choice: choice, stream: stream, tokens: tokens{vocab: a.m.vocab, wanted: a.r.Probabilities != nil || a.r.Tokens}}
	if c := a.r.Prompt.chat; c != nil {
		t.splitter = c.NewSplitter()
	}
	return t
}

// run passes on the events of a text.
func (t *text) run() {
	for e, ok := t.stream.Next(); ok; e, ok = t.stream.Next() {
		out := Event{Choice: t.choice, Tokens: t.sampled}
		switch {
		case e.End != nil:
			t.take(e)
			out.Parts, out.Tokens = t.parts(e.Piece, true), t.sampled
			out.End = t.ended(e)
			t.a.events <- out // Next or Close takes it
			continue
		case e.Read > 0 && t.choice > 0:
			continue
		case e.Read > 0:
			out.Read = &Progress{Read: e.Read, Cached: e.Cached, Total: len(t.a.r.Prompt.Tokens), Time: time.Since(t.a.submitted)}
		default:
			t.take(e)
			out.Parts, out.Tokens = t.parts(e.Piece, false), t.sampled
		}
		select {
		case t.a.events <- out:
		case <-t.a.ctx.Done(): // the end follows
		}
	}
}

// take counts the token of an event, if it has one.
func (t *text) take(e sched.Event) {
	switch e.Reason {
	case generate.EndOfText, generate.Cancelled, sched.Read:
		return
	}
	if e.End != nil && e.End.Err != nil {
		return
	}
	t.sampled++
	if t.splitter != nil && t.splitter.Thinking() {
		t.thinking++
	}
	t.tokens.push(e.Token, e.Probabilities)
}

// parts returns the parts that a piece completes.
func (t *text) parts(piece generate.Piece, last bool) []Part {
	t.said = append(t.said, piece.Text...)
	var split []chat.Part
	if t.splitter == nil {
		if piece.Text != "" {
			split = []chat.Part{{Kind: chat.Answer, Text: piece.Text, At: len(t.said) - len(piece.Text)}}
		}
	} else {
		split = t.splitter.Push(piece.Text)
		if last {
			split = append(split, t.splitter.Flush()...)
		}
	}
	parts := make([]Part, 0, len(split))
	for _, p := range split {
		parts = append(parts, Part{Kind: p.Kind, Text: p.Text, Tokens: t.tokens.in(p.At, p.At+len(p.Text))})
	}
	if !last {
		return parts
	}
	if rest := t.tokens.rest(); len(rest) > 0 {
		if len(parts) == 0 {
			parts = []Part{{Kind: chat.Answer}}
		}
		end := &parts[len(parts)-1]
		end.Tokens = append(end.Tokens, rest...)
	}
	return parts
}
