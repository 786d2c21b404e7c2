package anthropic

import (
	"strings"

	"github.com/gosling-rwkv/gosling/api"
)

// Stream encodes the events of a message that is streamed. Each method returns whole events. They follow each other: Start, then the texts
// in any order, then End.
type Stream struct {
	Head
	Key  []byte // of signatures, see Sign
	Hide bool   // thoughts have a signature only

	open     string          // the type of the block that has begun; empty if there is none
	index    int             // of that block, or of the next one
	thoughts strings.Builder // of that block
}

// event returns an event.
func event(name string, data any) []byte { return api.NamedEvent(name, api.Encode(data)) }

// Ping is an event that says that the stream is alive.
func Ping() []byte { return event("ping", map[string]string{"type": "ping"}) }

// Start begins the stream. prompt is the number of the prompt's tokens. How many of them were in the cache is told at the end.
func (s *Stream) Start(prompt int) [][]byte {
	return [][]byte{event("message_start", struct {
		Type    string   `json:"type"`
		Message envelope `json:"message"`
	}{"message_start", s.envelope([]any{}, api.Usage{Prompt: prompt})}), Ping()}
}

// Thoughts adds a piece of the thoughts.
func (s *Stream) Thoughts(text string) (events [][]byte) {
	if text == "" {
		return nil
	}
	events = s.begin("thinking", thinkingBlock{Type: "thinking"})
	s.thoughts.WriteString(text)
	if s.Hide {
		return events
	}
	return append(events, s.delta(struct {
		Type     string `json:"type"`
		Thinking string `json:"thinking"`
	}{"thinking_delta", text}))
}

// Text adds a piece of the answer.
func (s *Stream) Text(text string) [][]byte {
	if text == "" {
		return nil
	}
	return append(s.begin("text", textBlock{Type: "text"}), s.delta(struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}{"text_delta", text}))
}

// Call begins a function call. Its Input comes in pieces.
func (s *Stream) Call(c Call) [][]byte {
	return append(s.stop(), s.begin("tool_use", toolBlock{"tool_use", c.ID, c.Name, []byte("{}")})...)
}

// Input adds a piece of the arguments of the function call that has begun.
func (s *Stream) Input(json string) [][]byte {
	if json == "" {
		return nil
	}
	return [][]byte{s.delta(struct {
		Type string `json:"type"`
		JSON string `json:"partial_json"`
	}{"input_json_delta", json})}
}

// End ends the stream.
func (s *Stream) End(e End) [][]byte {
	var delta struct {
		Type  string `json:"type"`
		Delta struct {
			Stop         Stop    `json:"stop_reason"`
			StopSequence *string `json:"stop_sequence"`
		} `json:"delta"`
		Usage usage          `json:"usage"`
		State *api.StateInfo `json:"state,omitempty"`
	}
	delta.Type, delta.Usage, delta.State = "message_delta", newUsage(e.Usage), e.State
	delta.Delta.Stop, delta.Delta.StopSequence = e.Stop, e.sequence()
	return append(s.stop(), event("message_delta", delta), event("message_stop", map[string]string{"type": "message_stop"}))
}

// begin begins a block, unless one of its kind has begun.
func (s *Stream) begin(kind string, block any) [][]byte {
	if s.open == kind {
		return nil
	}
	events := s.stop()
	s.open = kind
	return append(events, event("content_block_start", struct {
		Type  string `json:"type"`
		Index int    `json:"index"`
		Block any    `json:"content_block"`
	}{"content_block_start", s.index, block}))
}

// delta returns the event with a piece of the block that has begun.
func (s *Stream) delta(delta any) []byte {
	return event("content_block_delta", struct {
		Type  string `json:"type"`
		Index int    `json:"index"`
		Delta any    `json:"delta"`
	}{"content_block_delta", s.index, delta})
}

// stop ends the block that has begun.
func (s *Stream) stop() (events [][]byte) {
	if s.open == "" {
		return nil
	}
	if s.open == "thinking" {
		events = append(events, s.delta(struct {
			Type      string `json:"type"`
			Signature string `json:"signature"`
		}{"signature_delta", Sign(s.Key, s.thoughts.String())}))
		s.thoughts.Reset()
	}
	events = append(events, event("content_block_stop", struct {
		Type  string `json:"type"`
		Index int    `json:"index"`
	}{"content_block_stop", s.index}))
	s.open, s.index = "", s.index+1
	return events
}
