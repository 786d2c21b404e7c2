package server

import (
	"crypto/rand"
	"net/http"
	"strings"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/api/llamacpp"
	"github.com/gosling-rwkv/gosling/api/openai"
	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/service"
)

// head returns what a response and all chunks of a stream begin with.
func (c *call) head(prefix string) openai.Head {
	m := c.s.o.Model
	return openai.Head{ID: prefix + rand.Text(), Created: c.s.o.Now(), Model: m.Name(), Fingerprint: m.Fingerprint()}
}

// finish returns why a text ended, as OpenAI names it.
func finish(reason generate.Reason) openai.Finish {
	if reason == generate.EndOfText || reason == generate.StopString {
		return openai.Stopped
	}
	return openai.Length
}

// chatCompletions answers a conversation.
func (s *Server) chatCompletions(c *call) error {
	r, err := decoded(c, openai.DecodeChat)
	if err != nil {
		return err
	}
	q, err := c.ask(r.Options)
	defer q.Begin.Release()
	if err != nil {
		return err
	}
	if err := c.converse(&q, r.Conversation, r.Sampling); err != nil {
		return err
	}
	answers, err := c.startTexts(c.ctx, q)
	if err != nil {
		return err
	}
	defer answers.Close()
	w := chatWriter{c: c, r: r, q: &q, head: c.head("chatcmpl-"), call: map[int]*calling{}}
	if r.Stream {
		w.said = map[int]*strings.Builder{}
		return c.pour(answers, &w)
	}
	return w.whole(answers)
}

// converse lets a request answer a conversation. It sets the prompt and what ends the answer. asked is the sampling that the client asked for.
func (c *call) converse(q *service.Request, talk api.Conversation, asked api.Sampling) error {
	m := c.s.o.Model
	format, err := talk.Format(m.Format())
	if err != nil {
		return err
	}
	q.ThinkBudget = talk.Budget
	if q.Prompt, err = m.Chat(format, talk.Messages, talk.Next, q.Begin); err != nil {
		return told(err)
	}
	stops(q, format)
	if format.Choice == chat.Required {
		unpenalized(q, asked)
	}
	return nil
}

// chatWriter writes answers as chat completions.
type chatWriter struct {
	c    *call
	r    *openai.ChatRequest
	q    *service.Request
	head openai.Head
	said map[int]*strings.Builder // of a stream: the text of each choice
	call map[int]*calling         // by choice
}

// calling is a function call that a choice makes.
type calling struct {
	chat.CallReader
	made bool // the call is in the response
}

// calls reads a piece of a choice's call. It returns the part of the response that is new, or nil if there is none.
func (w *chatWriter) calls(choice int, piece string) *openai.Call {
	k := w.call[choice]
	if k == nil {
		k = &calling{}
		w.call[choice] = k
	}
	name, arguments := k.Push(piece)
	if name == "" && arguments == "" {
		return nil
	}
	part := &openai.Call{Name: name, Arguments: arguments}
	if !k.made {
		k.made, part.ID = true, "call_"+rand.Text()[:24]
	}
	return part
}

// finish returns why a choice ended.
func (w *chatWriter) finish(choice int, reason generate.Reason) openai.Finish {
	if k := w.call[choice]; k != nil && k.made && finish(reason) == openai.Stopped {
		return openai.Calls
	}
	return finish(reason)
}

// whole writes a response that is not streamed.
func (w *chatWriter) whole(answers *service.Answers) error {
	results, ends, err := w.c.collect(answers)
	if err != nil {
		return err
	}
	t := timings(ends...)
	response := openai.ChatResponse{Head: w.head, Usage: usage(ends...), Timings: &t, State: stateInfo(ends[0].State)}
	for i, r := range results {
		response.Choices = append(response.Choices, openai.ChatChoice{
			Index: i, Content: r.Text, Thoughts: r.Thoughts, Call: w.calls(i, r.Call), Logprobs: wanted(w.q, r.Tokens), Finish: w.finish(i, r.End.Reason),
		})
	}
	if w.r.Verbose {
		response.Verbose = w.c.verbose(w.q, w.r.Options, 0, &results[0].End, results[0].Text)
	}
	return w.c.answer(http.StatusOK, openai.EncodeChat(response))
}

// verbose describes a text as llama.cpp does.
func (c *call) verbose(q *service.Request, o api.Options, choice int, e *service.End, text string) []byte {
	t := c.llamaText(q, o, choice, e, text)
	t.Content = text
	return llamacpp.EncodeCompletions([]llamacpp.Completion{t}, nil)
}

// begin implements pourer.
func (w *chatWriter) begin(choice int) [][]byte {
	w.said[choice] = &strings.Builder{}
	return [][]byte{w.chunk(openai.ChatChunk{Index: choice, Begins: true})}
}

// progress implements pourer.
func (w *chatWriter) progress(p *service.Progress) [][]byte {
	if !w.r.Progress {
		return nil
	}
	return [][]byte{w.chunk(openai.ChatChunk{Progress: progress(p)})}
}

// part implements pourer.
func (w *chatWriter) part(choice int, p service.Part, _ int, t *api.Timings) [][]byte {
	chunk := openai.ChatChunk{Index: choice, Timings: t}
	switch p.Kind {
	case chat.Thoughts:
		chunk.Thoughts = p.Text
	case chat.Call:
		if chunk.Call = w.calls(choice, p.Text); chunk.Call == nil {
			return nil
		}
	default:
		w.said[choice].WriteString(p.Text)
		chunk.Content, chunk.Logprobs = p.Text, wanted(w.q, p.Tokens)
	}
	return [][]byte{w.chunk(chunk)}
}

// end implements pourer.
func (w *chatWriter) end(choice int, e *service.End) [][]byte {
	t := timings(e)
	last := openai.ChatChunk{Index: choice, Finish: w.finish(choice, e.Reason), State: stateInfo(e.State), Timings: &t}
	if w.r.Verbose {
		last.Verbose = w.c.verbose(w.q, w.r.Options, choice, e, w.said[choice].String())
	}
	return [][]byte{w.chunk(last)}
}

// done implements pourer.
func (w *chatWriter) done(ends []*service.End) [][]byte {
	var last [][]byte
	if w.r.StreamUsage {
		u, t := usage(ends...), timings(ends...)
		last = append(last, w.chunk(openai.ChatChunk{Usage: &u, Timings: &t}))
	}
	return append(last, api.Event([]byte(api.Done)))
}

func (w *chatWriter) chunk(c openai.ChatChunk) []byte {
	c.Head = w.head
	return api.Event(openai.EncodeChatChunk(c))
}

func (w *chatWriter) everyTimings() bool { return w.r.Timings }
