package responses

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/gosling-rwkv/gosling/api"
)

// Stream makes a response as its texts come. Each method returns the whole events that tell of it. They follow each other: Start, then the
// texts in any order, then End or Fail, then Last.
type Stream struct {
	Response Response
	NewID    func(prefix string) string // returns an id for an item that begins with a prefix

	events int // so far
	open   *Item
	text   strings.Builder
	tokens []api.Token

	last    string // the type of the last event
	timings *api.Timings
}

// wireEvent is an event as JSON. Each type has some of the fields.
type wireEvent struct {
	Type     string          `json:"type"`
	Sequence int             `json:"sequence_number"`
	Response json.RawMessage `json:"response,omitempty"`
	Output   *int            `json:"output_index,omitempty"`
	ItemID   string          `json:"item_id,omitempty"`
	Content  *int            `json:"content_index,omitempty"`
	Item     *Item           `json:"item,omitempty"`
	Part     *Content        `json:"part,omitempty"`
	Delta    string          `json:"delta,omitempty"`
	Text     *string         `json:"text,omitempty"`
	Name     string          `json:"name,omitempty"`

	Arguments *string       `json:"arguments,omitempty"`
	Logprobs  []api.Token   `json:"logprobs,omitzero"`
	Timings   *api.Timings  `json:"timings,omitempty"`
	Progress  *api.Progress `json:"prompt_progress,omitempty"`
}

// event returns an event.
func (s *Stream) event(kind string, e wireEvent) []byte {
	e.Type, e.Sequence = "response."+kind, s.events
	s.events++
	return api.NamedEvent(e.Type, api.Encode(e))
}

// whole returns an event with the whole response so far.
func (s *Stream) whole(kind string, e wireEvent) []byte {
	e.Response = Encode(s.Response)
	return s.event(kind, e)
}

// inItem returns an event of the item that is open.
func (s *Stream) inItem(kind string, e wireEvent) []byte {
	index := len(s.Response.Output)
	if e.Output = &index; e.Item == nil {
		e.ItemID = s.open.ID
		if s.open.Type != typeCall {
			e.Content = new(int)
		}
	}
	return s.event(kind, e)
}

// Start begins the stream.
func (s *Stream) Start() (events [][]byte) {
	first := InProgress
	if s.Response.Request.Background {
		first = Queued
	}
	s.Response.Status = first
	events = append(events, s.whole("created", wireEvent{}))
	if first == Queued {
		events = append(events, s.whole("queued", wireEvent{}))
	}
	s.Response.Status = InProgress
	return append(events, s.whole("in_progress", wireEvent{}))
}

// Progress tells how much of the prompt was read.
func (s *Stream) Progress(p *api.Progress) [][]byte {
	return [][]byte{s.whole("in_progress", wireEvent{Progress: p})}
}

// Thoughts adds a piece of the thoughts. t is optional.
func (s *Stream) Thoughts(text string, t *api.Timings) [][]byte {
	if text == "" {
		return nil
	}
	events := s.begin(Item{Type: typeReasoning, Summary: []Content{}, Content: []Content{}}, reasoningText)
	s.text.WriteString(text)
	return append(events, s.inItem("reasoning_text.delta", wireEvent{Delta: text, Timings: t}))
}

// Text adds a piece of the answer, with its tokens if the request asked for them. t is optional.
func (s *Stream) Text(text string, tokens []api.Token, t *api.Timings) [][]byte {
	if text == "" && len(tokens) == 0 {
		return nil
	}
	events := s.begin(Item{Type: typeMessage, Role: "assistant", Content: []Content{}}, outputText)
	s.text.WriteString(text)
	s.tokens = append(s.tokens, tokens...)
	if text == "" {
		return events
	}
	return append(events, s.inItem("output_text.delta", wireEvent{Delta: text, Logprobs: listed(tokens), Timings: t}))
}

// listed returns a list that JSON shows even if it is empty.
func listed(tokens []api.Token) []api.Token {
	if tokens == nil {
		return []api.Token{}
	}
	return tokens
}

// Call begins a function call. Its Arguments come in pieces.
func (s *Stream) Call(id, name string) [][]byte {
	return append(s.close(Completed), s.begin(Item{Type: typeCall, CallID: id, Name: name, Arguments: new(string)}, "")...)
}

// Arguments adds a piece of the arguments of the function call that has begun. t is optional.
func (s *Stream) Arguments(text string, t *api.Timings) [][]byte {
	if text == "" {
		return nil
	}
	s.text.WriteString(text)
	return [][]byte{s.inItem("function_call_arguments.delta", wireEvent{Delta: text, Timings: t})}
}

// begin begins an item, unless one of its type is open. kind is the type of its text; a function call has none.
func (s *Stream) begin(i Item, kind string) [][]byte {
	if s.open != nil && s.open.Type == i.Type {
		return nil
	}
	events := s.close(Completed)
	i.ID, i.Status = s.NewID(prefixes[i.Type]), InProgress
	s.open = &i
	events = append(events, s.inItem("output_item.added", wireEvent{Item: s.open}))
	if kind == "" {
		return events
	}
	empty := newContent(kind, "")
	return append(events, s.inItem("content_part.added", wireEvent{Part: &empty}))
}

// close ends the item that is open.
func (s *Stream) close(status Status) (events [][]byte) {
	if s.open == nil {
		return nil
	}
	i, text := s.open, s.text.String()
	done := func(kind string) {
		c := newContent(kind, text)
		e := wireEvent{Text: &text}
		if kind == outputText {
			e.Logprobs, c.Logprobs = listed(s.tokens), api.Encode(listed(s.tokens))
		}
		i.Content = []Content{c}
		events = append(events, s.inItem(kind+".done", e), s.inItem("content_part.done", wireEvent{Part: &c}))
	}
	switch i.Type {
	case typeReasoning:
		done(reasoningText)
	case typeMessage:
		done(outputText)
	case typeCall:
		i.Arguments = &text
		events = append(events, s.inItem("function_call_arguments.done", wireEvent{Arguments: &text, Name: i.Name}))
	}
	i.Status = status
	events = append(events, s.inItem("output_item.done", wireEvent{Item: i}))
	s.Response.Output = append(s.Response.Output, *i)
	s.open, s.tokens = nil, nil
	s.text.Reset()
	return events
}

// End is how a response ended.
type End struct {
	Status  Status // Completed, Incomplete or Cancelled
	At      time.Time
	Usage   api.Usage
	State   *api.StateInfo // optional
	Timings *api.Timings   // optional
}

// End ends the response. It returns the events before the last one.
func (s *Stream) End(e End) [][]byte {
	closed := e.Status
	s.last, s.timings = string(e.Status), e.Timings
	if e.Status == Cancelled {
		closed, s.last = Incomplete, "incomplete"
	}
	events := s.close(closed)
	s.Response.Status, s.Response.Usage, s.Response.State = e.Status, &e.Usage, e.State
	if e.Status == Completed {
		s.Response.Completed = e.At
	}
	return events
}

// Fail ends a response that failed. It returns the events before the last one.
func (s *Stream) Fail(err *api.Error) [][]byte {
	s.last = "failed"
	events := s.close(Incomplete)
	s.Response.Status, s.Response.Error = Failed, err
	return events
}

// Last returns the last event, which has the whole response.
func (s *Stream) Last() []byte { return s.whole(s.last, wireEvent{Timings: s.timings}) }
