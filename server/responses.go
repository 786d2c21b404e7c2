package server

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/api/openai"
	"github.com/gosling-rwkv/gosling/api/responses"
	"github.com/gosling-rwkv/gosling/archive"
	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/service"
)

// createResponse answers a conversation that the server keeps.
func (s *Server) createResponse(c *call) error {
	w, q, err := c.response()
	if err == nil && w.r.Background {
		return c.background(w, q)
	}
	defer q.Begin.Release()
	if err != nil {
		return err
	}
	answers, err := c.startTexts(c.ctx, q)
	if err != nil {
		return err
	}
	defer answers.Close()
	if !w.r.Stream {
		w.stream.Start()
		if _, err := c.pourInto(answers, w, func([][]byte) error { return nil }); err != nil {
			return err
		}
		return c.answer(http.StatusOK, responses.Encode(w.stream.Response))
	}
	stream, err := c.stream()
	if err != nil {
		return err
	}
	stream.fails = w.fail
	if err := stream.sendAll(w.stream.Start()); err != nil {
		return err
	}
	return c.pour(answers, w)
}

// countResponse counts the tokens of a response's prompt.
func (s *Server) countResponse(c *call) error {
	_, q, err := c.response()
	defer q.Begin.Release()
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, responses.EncodeInputTokens(len(q.Prompt.Tokens)))
}

// response reads a request and returns what writes its response, and what it asks the model for. The caller releases the Begin, also after
// an error.
//
// The conversation before is read as a text. The cache of states has the state behind the last answer, so only the new input is computed. If
// the cache has dropped it, or the instructions have changed, more of the text is computed again.
func (c *call) response() (*responseWriter, service.Request, error) {
	w := &responseWriter{c: c}
	var err error
	if w.r, err = decoded(c, responses.DecodeCreate); err != nil {
		return w, service.Request{}, err
	}
	if w.before, err = c.conversation(w.r.Previous); err != nil {
		return w, service.Request{}, err
	}
	responses.Identify(w.r.Input, newID)
	q, err := c.ask(w.r.Options)
	if err != nil {
		return w, q, err
	}
	err = c.converse(&q, api.Conversation{
		Messages: responses.Messages(w.r.Instructions, w.before, w.r.Input), Next: chat.Reply, Think: w.r.Think, Budget: w.r.Budget, Tools: w.r.Tools,
	}, w.r.Sampling)
	if err != nil {
		return w, q, err
	}
	w.q = &q
	w.stream = responses.Stream{NewID: newID, Response: responses.Response{
		ID: newID("resp_"), Model: c.s.o.Model.Name(), Created: c.s.o.Now(), Request: w.r,
		Temperature: q.Sampling.Temperature, TopP: q.Sampling.TopP,
	}}
	return w, q, nil
}

// newID returns a new id that begins with a prefix.
func newID(prefix string) string { return prefix + strings.ToLower(rand.Text()) }

// conversation returns all that was said up to the end of a response. An empty id begins a new conversation.
func (c *call) conversation(id string) ([]responses.Item, error) {
	if id == "" {
		return nil, nil
	}
	if j := c.s.jobs.find(c.tenant.Name, id); j != nil && !j.hasEnded() {
		return nil, api.Invalidf("previous_response_id", "%q has not ended: wait for it, or cancel it", id)
	}
	record, err := c.record("previous_response_id", id)
	if err != nil {
		return nil, err
	}
	return record.Conversation()
}

// record returns a response that is kept. param is the field that names it.
func (c *call) record(param, id string) (responses.Record, error) {
	data, err := c.s.o.Responses.Get(c.tenant.Name, id)
	switch {
	case errors.Is(err, archive.ErrNone):
		return responses.Record{}, &api.Error{Kind: api.NotFound, Param: param, Message: err.Error()}
	case errors.Is(err, archive.ErrStorage):
		return responses.Record{}, refuse(api.Unavailable, 0, "%s", err.Error())
	case err != nil:
		return responses.Record{}, err
	}
	return responses.DecodeRecord(data)
}

// responseWriter writes an answer as a response.
type responseWriter struct {
	c      *call
	r      *responses.Request
	q      *service.Request
	before []responses.Item
	stream responses.Stream
	call   chat.CallReader
}

// begin implements pourer.
func (w *responseWriter) begin(int) [][]byte { return nil }

// progress implements pourer.
func (w *responseWriter) progress(p *service.Progress) [][]byte {
	if !w.r.Progress {
		return nil
	}
	return w.stream.Progress(progress(p))
}

// part implements pourer.
func (w *responseWriter) part(_ int, p service.Part, _ int, t *api.Timings) [][]byte {
	switch p.Kind {
	case chat.Thoughts:
		return w.stream.Thoughts(p.Text, t)
	case chat.Call:
		name, arguments := w.call.Push(p.Text)
		var events [][]byte
		if name != "" {
			events = w.stream.Call("call_"+rand.Text()[:24], name)
		}
		return append(events, w.stream.Arguments(arguments, t)...)
	}
	return w.stream.Text(p.Text, wanted(w.q, p.Tokens), t)
}

// end implements pourer. The response is kept before the client hears of its end, so that the next request finds it.
func (w *responseWriter) end(_ int, e *service.End) [][]byte {
	status := responses.Incomplete
	if finish(e.Reason) == openai.Stopped {
		status = responses.Completed
	}
	t := timings(e)
	return w.close(responses.End{Status: status, At: w.c.s.o.Now(), Usage: usage(e), State: stateInfo(e.State), Timings: &t})
}

// close ends the response.
func (w *responseWriter) close(e responses.End) [][]byte {
	events := w.stream.End(e)
	w.keep()
	return append(events, w.stream.Last())
}

// fail ends the response with an error.
func (w *responseWriter) fail(e *api.Error) [][]byte {
	events := w.stream.Fail(e)
	w.keep()
	return append(events, w.stream.Last())
}

// keep keeps the response if the client wants it. A response that cannot be kept says so.
func (w *responseWriter) keep() {
	if !w.r.Store {
		return
	}
	record := responses.Record{Response: responses.Encode(w.stream.Response), Input: w.r.Input, Before: w.before}
	if err := w.c.s.o.Responses.Put(w.c.tenant.Name, w.stream.Response.ID, responses.EncodeRecord(record)); err != nil {
		w.c.s.o.Log.Error("a response is not kept", "id", w.c.id, "error", withoutPaths(err))
		w.r.Store = false
	}
}

// done implements pourer.
func (w *responseWriter) done([]*service.End) [][]byte { return nil }

func (w *responseWriter) everyTimings() bool { return w.r.Timings }

// getResponse returns a response, or the events of one that goes on without its client.
func (s *Server) getResponse(c *call) error {
	id, query := c.r.PathValue("id"), c.r.URL.Query()
	stream, err := queryFlag(query, "stream")
	if err != nil {
		return err
	}
	next, err := queryNumber(query, "starting_after", -1, 1<<31)
	if err != nil {
		return err
	}
	j := s.jobs.find(c.tenant.Name, id)
	if j != nil && stream {
		return c.follow(j, next+1)
	}
	if j != nil {
		return c.answer(http.StatusOK, j.response())
	}
	record, err := c.record("", id)
	switch {
	case err != nil:
		return err
	case stream:
		return api.Invalidf("stream", "there are no events of this response: only those of a background response are kept, until %v after its end", jobLife)
	}
	return c.answer(http.StatusOK, record.Response)
}

// deleteResponse forgets a response, and ends it if it goes on.
func (s *Server) deleteResponse(c *call) error {
	id := c.r.PathValue("id")
	if j := s.jobs.find(c.tenant.Name, id); j != nil {
		if err := j.end(c); err != nil {
			return err
		}
		s.jobs.remove(c.tenant.Name, id)
	} else if _, err := c.record("", id); err != nil {
		return err
	}
	if err := s.o.Responses.Delete(c.tenant.Name, id); err != nil && !errors.Is(err, archive.ErrNone) {
		return refuse(api.Unavailable, 0, "%s", err.Error())
	}
	return c.answer(http.StatusOK, responses.EncodeDeleted(id))
}

// cancelResponse ends a response that goes on without its client. One that has ended stays as it is.
func (s *Server) cancelResponse(c *call) error {
	id := c.r.PathValue("id")
	if j := s.jobs.find(c.tenant.Name, id); j != nil {
		if err := j.end(c); err != nil {
			return err
		}
		return c.answer(http.StatusOK, j.response())
	}
	record, err := c.record("", id)
	if err != nil {
		return err
	}
	if !record.Background() {
		return refuse(api.Invalid, 0, "only a background response can be cancelled: close the connection of another one")
	}
	return c.answer(http.StatusOK, record.Response)
}

// responseInput lists the input of a response, the newest first unless the client asks for another order.
func (s *Server) responseInput(c *call) error {
	id, query := c.r.PathValue("id"), c.r.URL.Query()
	limit, err := queryNumber(query, "limit", 20, 100)
	if err != nil {
		return err
	}
	var items []responses.Item
	if j := s.jobs.find(c.tenant.Name, id); j != nil {
		items = slices.Clone(j.w.r.Input)
	} else {
		record, err := c.record("", id)
		if err != nil {
			return err
		}
		items = record.Input
	}
	switch order := query.Get("order"); order {
	case "", "desc":
		slices.Reverse(items)
	case "asc":
	default:
		return api.Invalidf("order", "want asc or desc")
	}
	if after := query.Get("after"); after != "" {
		at := slices.IndexFunc(items, func(i responses.Item) bool { return i.ID == after })
		if at < 0 {
			return api.Invalidf("after", "the response has no item with this id")
		}
		items = items[at+1:]
	}
	n := min(limit, len(items))
	return c.answer(http.StatusOK, responses.EncodeItems(items[:n], n < len(items)))
}

// queryFlag returns a flag of an address. A missing one is false.
func queryFlag(query url.Values, name string) (bool, error) {
	switch query.Get(name) {
	case "", "false", "0":
		return false, nil
	case "true", "1":
		return true, nil
	}
	return false, api.Invalidf(name, "want true or false")
}

// queryNumber returns a number of an address, which is at least 0, or what stands for a missing one.
func queryNumber(query url.Values, name string, missing, most int) (int, error) {
	text := query.Get(name)
	if text == "" {
		return missing, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > most {
		return 0, api.Invalidf(name, "want a whole number from 0 to %d", most)
	}
	return n, nil
}
