package responses

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/gosling-rwkv/gosling/api"
)

// Status is how far a response or an item is.
type Status string

// The states of a response. An item is in progress, completed or incomplete.
const (
	Queued     Status = "queued"
	InProgress Status = "in_progress"
	Completed  Status = "completed"
	Incomplete Status = "incomplete" // a limit ended it
	Failed     Status = "failed"
	Cancelled  Status = "cancelled"
)

// Response is a response, complete or not.
type Response struct {
	ID          string // "resp_" and random characters
	Model       string
	Status      Status
	Created     time.Time
	Completed   time.Time // zero unless Status is Completed
	Request     *Request
	Temperature float64 // that tokens were chosen with
	TopP        float64
	Output      []Item
	Usage       *api.Usage     // nil until the end
	Error       *api.Error     // if Status is Failed
	State       *api.StateInfo // optional
}

// wireResponse is a Response as JSON.
type wireResponse struct {
	ID           string          `json:"id"`
	Object       string          `json:"object"`
	Created      int64           `json:"created_at"`
	Status       Status          `json:"status"`
	Background   bool            `json:"background"`
	Completed    *int64          `json:"completed_at"`
	Error        *wireError      `json:"error"`
	Incomplete   *wireReason     `json:"incomplete_details"`
	Instructions *string         `json:"instructions"`
	Limit        *int            `json:"max_output_tokens"`
	Model        string          `json:"model"`
	Output       []Item          `json:"output"`
	Parallel     bool            `json:"parallel_tool_calls"`
	Previous     *string         `json:"previous_response_id"`
	Reasoning    wireReasoning   `json:"reasoning"`
	Store        bool            `json:"store"`
	Temperature  float64         `json:"temperature"`
	Text         wireText        `json:"text"`
	ToolChoice   json.RawMessage `json:"tool_choice"`
	Tools        json.RawMessage `json:"tools"`
	TopLogprobs  int             `json:"top_logprobs"`
	TopP         float64         `json:"top_p"`
	Truncation   string          `json:"truncation"`
	Usage        *wireUsage      `json:"usage"`
	User         *string         `json:"user"`
	Metadata     json.RawMessage `json:"metadata"`
	State        *api.StateInfo  `json:"state,omitempty"`
}

type (
	wireError struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	wireReason struct {
		Reason string `json:"reason"`
	}
	wireReasoning struct {
		Effort  *string `json:"effort"`
		Summary *string `json:"summary"`
	}
	wireText struct {
		Format json.RawMessage `json:"format"`
	}
	wireUsage struct {
		Input        int `json:"input_tokens"`
		InputDetails struct {
			Cached  int `json:"cached_tokens"`
			Written int `json:"cache_write_tokens"`
		} `json:"input_tokens_details"`
		Output        int `json:"output_tokens"`
		OutputDetails struct {
			Reasoning int `json:"reasoning_tokens"`
		} `json:"output_tokens_details"`
		Total int `json:"total_tokens"`
	}
)

func newUsage(u *api.Usage) *wireUsage {
	if u == nil {
		return nil
	}
	w := &wireUsage{Input: u.Prompt, Output: u.Completion, Total: u.Prompt + u.Completion}
	w.InputDetails.Cached, w.OutputDetails.Reasoning = u.Cached, u.Reasoning
	return w
}

// codes are OpenAI's names for why a response failed.
var codes = map[api.Kind]string{api.RateLimited: "rate_limit_exceeded", api.Invalid: "invalid_prompt", api.TooLong: "invalid_prompt"}

// or returns a JSON value, or another one if there is none.
func or(value json.RawMessage, other string) json.RawMessage {
	if value == nil {
		return json.RawMessage(other)
	}
	return value
}

// optional returns a text, or nil if it is empty.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// Encode returns a response as JSON.
func Encode(r Response) []byte {
	q, e := r.Request, r.Request.Echo
	w := wireResponse{
		ID: r.ID, Object: "response", Created: r.Created.Unix(), Status: r.Status, Background: q.Background,
		Instructions: optional(q.Instructions), Limit: q.Limit, Model: r.Model, Output: r.Output, Parallel: true, Previous: optional(q.Previous),
		Reasoning: wireReasoning{Effort: e.Effort}, Store: q.Store, Temperature: r.Temperature, TopP: r.TopP,
		Text: wireText{or(e.Format, `{"type":"text"}`)}, ToolChoice: or(e.ToolChoice, `"auto"`), Tools: or(e.Tools, "[]"),
		Truncation: "disabled", Usage: newUsage(r.Usage), User: e.User, Metadata: or(e.Metadata, "{}"), State: r.State,
	}
	api.Set(&w.Parallel, e.Parallel)
	api.Set(&w.Truncation, e.Truncation)
	api.Set(&w.TopLogprobs, q.Logprobs)
	if w.Output == nil {
		w.Output = []Item{}
	}
	if !r.Completed.IsZero() {
		at := r.Completed.Unix()
		w.Completed = &at
	}
	if r.Status == Incomplete {
		w.Incomplete = &wireReason{"max_output_tokens"}
	}
	if r.Error != nil {
		w.Error = &wireError{"server_error", r.Error.Message}
		if code := codes[r.Error.Kind]; code != "" {
			w.Error.Code = code
		}
	}
	return api.Encode(w)
}

// EncodeDeleted returns the body of the response that says that a response was deleted.
func EncodeDeleted(id string) []byte {
	return api.Encode(struct {
		ID      string `json:"id"`
		Object  string `json:"object"`
		Deleted bool   `json:"deleted"`
	}{id, "response", true})
}

// EncodeInputTokens returns the body of the response to a request that counts tokens.
func EncodeInputTokens(tokens int) []byte {
	return api.Encode(struct {
		Object string `json:"object"`
		Tokens int    `json:"input_tokens"`
	}{"response.input_tokens", tokens})
}

// EncodeItems returns the body of a list of items. more tells that others follow.
func EncodeItems(items []Item, more bool) []byte {
	list := struct {
		Object string  `json:"object"`
		Data   []Item  `json:"data"`
		First  *string `json:"first_id"`
		Last   *string `json:"last_id"`
		More   bool    `json:"has_more"`
	}{Object: "list", Data: items, More: more}
	if n := len(items); n > 0 {
		list.First, list.Last = &items[0].ID, &items[n-1].ID
	} else {
		list.Data = []Item{}
	}
	return api.Encode(list)
}

// Record is a response as it is kept, with all that its conversation needs to go on.
type Record struct {
	Response json.RawMessage `json:"response"` // as Encode returns it
	Input    []Item          `json:"input"`    // of its request
	Before   []Item          `json:"before"`   // what was said before the request
}

// EncodeRecord returns the bytes of a record.
func EncodeRecord(r Record) []byte { return api.Encode(r) }

// DecodeRecord is the reverse of EncodeRecord.
func DecodeRecord(data []byte) (r Record, err error) {
	if err := json.Unmarshal(data, &r); err != nil {
		return r, err
	}
	if len(r.Response) == 0 {
		return r, errors.New("no response")
	}
	return r, nil
}

// Background reports whether the request asked for a response that goes on without its client.
func (r Record) Background() bool {
	var w struct {
		Background bool `json:"background"`
	}
	return json.Unmarshal(r.Response, &w) == nil && w.Background
}

// Conversation returns all that was said up to the end of the response.
func (r Record) Conversation() ([]Item, error) {
	var w struct {
		Output []Item `json:"output"`
	}
	if err := json.Unmarshal(r.Response, &w); err != nil {
		return nil, err
	}
	all := append(append(r.Before[:len(r.Before):len(r.Before)], r.Input...), w.Output...)
	for i := range all {
		// An answer that a limit cut may have the half of a call, and the next prompt begins as if there was none.
		c := &all[i]
		if c.Type == typeCall && (c.Arguments == nil || !json.Valid([]byte(*c.Arguments))) {
			*c = Item{Type: typeReasoning}
		}
	}
	return all, nil
}
