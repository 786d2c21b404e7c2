package server

import (
	"crypto/rand"
	stdjson "encoding/json"
	"net/http"
	"slices"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/api/anthropic"
	"github.com/gosling-rwkv/gosling/api/openai"
	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/service"
)

// messages answers a conversation in Anthropic's form.
func (s *Server) messages(c *call) error {
	r, q, err := c.message()
	defer q.Begin.Release()
	if err != nil {
		return err
	}
	answers, err := c.startTexts(c.ctx, q)
	if err != nil {
		return err
	}
	defer answers.Close()
	w := &messageWriter{stops: r.Stop, stream: anthropic.Stream{
		Head: anthropic.Head{ID: "msg_" + rand.Text(), Model: s.o.Model.Name()}, Key: s.secret[:], Hide: r.HideThoughts,
	}}
	if !r.Stream {
		return c.wholeMessage(answers, w)
	}
	stream, err := c.stream()
	if err != nil {
		return err
	}
	if err := stream.sendAll(w.stream.Start(len(q.Prompt.Tokens))); err != nil {
		return err
	}
	return c.pour(answers, w)
}

// countMessage counts the tokens of a conversation's prompt.
func (s *Server) countMessage(c *call) error {
	_, q, err := c.message()
	defer q.Begin.Release()
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, anthropic.EncodeCount(len(q.Prompt.Tokens)))
}

// message reads a request and returns what it asks the model for. The caller releases its Begin.
func (c *call) message() (*anthropic.MessageRequest, service.Request, error) {
	r, err := decoded(c, anthropic.DecodeMessage)
	if err != nil {
		return nil, service.Request{}, err
	}
	// Programs ask every model to think. One that cannot just answers.
	if !c.s.o.Model.Format().Thinks && r.Think != "" && r.Think != "off" {
		r.Think, r.Budget = "", nil
		r.Ignored = append(r.Ignored, "thinking")
	}
	q, err := c.ask(r.Options)
	if err != nil {
		return r, q, err
	}
	err = c.converse(&q, r.Conversation, r.Sampling)
	return r, q, err
}

// messageWriter writes an answer as a message.
type messageWriter struct {
	stream anthropic.Stream
	stops  []string // of the client
	call   calling
}

// wholeMessage writes a message that is not streamed.
func (c *call) wholeMessage(answers *service.Answers, w *messageWriter) error {
	results, ends, err := c.collect(answers)
	if err != nil {
		return err
	}
	r := results[0]
	m := anthropic.Message{Head: w.stream.Head, Text: r.Text}
	if name, input := w.call.Push(r.Call); stdjson.Valid([]byte(input)) { // a limit may have cut it
		w.call.made = true
		m.Calls = []anthropic.Call{{ID: newCall(), Name: name, Input: []byte(input)}}
	}
	m.End = w.ended(ends[0])
	if r.Thoughts != "" {
		if m.Signature = anthropic.Sign(w.stream.Key, r.Thoughts); !w.stream.Hide {
			m.Thoughts = r.Thoughts
		}
	}
	return c.answer(http.StatusOK, anthropic.EncodeMessage(m))
}

// ended returns how an answer ended.
func (w *messageWriter) ended(e *service.End) anthropic.End {
	end := anthropic.End{Stop: anthropic.MaxTokens, Usage: usage(e), State: stateInfo(e.State)}
	switch {
	case e.Reason == generate.StopString && slices.Contains(w.stops, e.Stop):
		end.Stop, end.StopSequence = anthropic.StopSequence, e.Stop
	case finish(e.Reason) == openai.Stopped && w.call.made:
		end.Stop = anthropic.ToolUse
	case finish(e.Reason) == openai.Stopped:
		end.Stop = anthropic.EndTurn
	}
	return end
}

// begin implements pourer.
func (w *messageWriter) begin(int) [][]byte { return nil }

// progress implements pourer.
func (w *messageWriter) progress(*service.Progress) [][]byte { return nil }

// part implements pourer.
func (w *messageWriter) part(_ int, p service.Part, _ int, _ *api.Timings) [][]byte {
	switch p.Kind {
	case chat.Thoughts:
		return w.stream.Thoughts(p.Text)
	case chat.Call:
		return w.calls(p.Text)
	}
	return w.stream.Text(p.Text)
}

// calls reads a piece of a function call.
func (w *messageWriter) calls(piece string) (events [][]byte) {
	name, input := w.call.Push(piece)
	if name != "" {
		w.call.made = true
		events = w.stream.Call(anthropic.Call{ID: newCall(), Name: name})
	}
	return append(events, w.stream.Input(input)...)
}

// newCall returns a new id for a function call, in the form that Anthropic's have.
func newCall() string { return "toolu_" + rand.Text()[:24] }

// end implements pourer.
func (w *messageWriter) end(_ int, e *service.End) [][]byte { return w.stream.End(w.ended(e)) }

// done implements pourer.
func (w *messageWriter) done([]*service.End) [][]byte { return nil }

func (w *messageWriter) everyTimings() bool { return false }

// anthropicModel describes the model to Anthropic's clients.
func (s *Server) anthropicModel() anthropic.Model {
	m := s.o.Model
	return anthropic.Model{ID: m.Name(), Name: m.Name(), Created: m.Began(), Context: m.Context()}
}
