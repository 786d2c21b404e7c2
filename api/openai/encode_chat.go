package openai

import (
	"encoding/json"

	"github.com/gosling-rwkv/gosling/api"
)

// ChatResponse is the response to a request for chat completions.
type ChatResponse struct {
	Head
	Choices []ChatChoice
	Usage   api.Usage
	Timings *api.Timings
	State   *api.StateInfo
	Verbose json.RawMessage // with Options.Verbose: the response in llama.cpp's form
}

// ChatChoice is an answer.
type ChatChoice struct {
	Index    int
	Content  string
	Thoughts string
	Call     *Call       // nil if the answer calls no function
	Logprobs []api.Token // nil if the request did not ask for them
	Finish   Finish
}

// Call is a function call, or a part of one.
type Call struct {
	ID, Name  string // of a part: in the first one only
	Arguments string // JSON
}

// ChatChunk is a part of a streamed answer.
type ChatChunk struct {
	Head
	Index    int
	Begins   bool            // the first chunk of an answer, which has nothing else
	Content  string          // the next text of the answer
	Thoughts string          // the next text of its thoughts
	Call     *Call           // the next part of a function call
	Logprobs []api.Token     // not nil in any chunk with text, if the request asked for them
	Finish   Finish          // in the last chunk of an answer only
	Usage    *api.Usage      // in a chunk of its own, behind all answers
	Timings  *api.Timings    // optional
	Progress *api.Progress   // in a chunk of its own, before the answer
	State    *api.StateInfo  // with Finish
	Verbose  json.RawMessage // with Options.Verbose, in the last chunk of an answer: the response in llama.cpp's form
}

// message is a message, as JSON.
type message struct {
	Role     string     `json:"role"`
	Content  *string    `json:"content"`
	Thoughts string     `json:"reasoning_content,omitempty"`
	Calls    []wireCall `json:"tool_calls,omitempty"`
}

// delta is the change of a message, as JSON.
type delta struct {
	Content  *string    `json:"content,omitempty"`
	Thoughts string     `json:"reasoning_content,omitempty"`
	Calls    []wireCall `json:"tool_calls,omitempty"`
}

// wireCall is a function call of a message, as JSON.
type wireCall struct {
	Index    *int   `json:"index,omitempty"` // of a change
	ID       string `json:"id,omitempty"`
	Type     string `json:"type,omitempty"`
	Function struct {
		Name      string `json:"name,omitempty"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

// wire returns a message's calls. There is one at most, because models were trained on one.
func (c *Call) wire() []wireCall {
	if c == nil {
		return nil
	}
	w := wireCall{ID: c.ID}
	if c.Name != "" {
		w.Type = "function"
	}
	w.Function.Name, w.Function.Arguments = c.Name, c.Arguments
	return []wireCall{w}
}

// firstDelta is the change that a stream begins with.
type firstDelta struct {
	Role    string  `json:"role"`
	Content *string `json:"content"`
}

// chatLogprobs is the tokens of an answer, as JSON.
type chatLogprobs struct {
	Content []api.Token `json:"content"`
}

func newChatLogprobs(tokens []api.Token) *chatLogprobs {
	if tokens == nil {
		return nil
	}
	return &chatLogprobs{tokens}
}

// EncodeChat returns the body of a response.
func EncodeChat(r ChatResponse) []byte {
	type choice struct {
		Index    int           `json:"index"`
		Message  message       `json:"message"`
		Logprobs *chatLogprobs `json:"logprobs"`
		Finish   *Finish       `json:"finish_reason"`
	}
	choices := make([]choice, len(r.Choices))
	for i, c := range r.Choices {
		choices[i] = choice{c.Index, c.message(), newChatLogprobs(c.Logprobs), c.Finish.wire()}
	}
	e := r.envelope("chat.completion", choices, &r.Usage)
	e.Timings, e.State, e.Verbose = r.Timings, r.State, r.Verbose
	return api.Encode(e)
}

// message returns the message of an answer. A call without words has the content null.
func (c ChatChoice) message() message {
	m := message{"assistant", &c.Content, c.Thoughts, c.Call.wire()}
	if c.Call != nil && c.Content == "" {
		m.Content = nil
	}
	return m
}

// EncodeChatChunk returns the data of an event of a stream.
func EncodeChatChunk(c ChatChunk) []byte {
	type choice struct {
		Index    int           `json:"index"`
		Delta    any           `json:"delta"`
		Logprobs *chatLogprobs `json:"logprobs,omitempty"`
		Finish   *Finish       `json:"finish_reason"`
	}
	choices := []choice{}
	if c.Usage == nil && c.Progress == nil {
		choices = append(choices, choice{c.Index, c.delta(), newChatLogprobs(c.Logprobs), c.Finish.wire()})
	}
	e := c.envelope("chat.completion.chunk", choices, c.Usage)
	e.Timings, e.Progress, e.State, e.Verbose = c.Timings, c.Progress, c.State, c.Verbose
	return api.Encode(e)
}

// delta returns the change that a chunk brings.
func (c ChatChunk) delta() any {
	if c.Begins {
		return firstDelta{Role: "assistant"}
	}
	m := delta{Thoughts: c.Thoughts, Calls: c.Call.wire()}
	if c.Call != nil {
		m.Calls[0].Index = new(int)
	}
	// Clients read the content of every chunk that brings nothing else, also while a character is incomplete.
	if c.Content != "" || c.Thoughts == "" && c.Call == nil && c.Finish == "" {
		m.Content = &c.Content
	}
	return m
}
