package openai

import (
	"encoding/json"
	"time"

	"github.com/gosling-rwkv/gosling/api"
)

// Head is what a response and all chunks of a stream begin with.
type Head struct {
	ID          string // such as "chatcmpl-" and random characters
	Created     time.Time
	Model       string
	Fingerprint string // of the model and the program; clients of llama.cpp expect it to begin with "b"
}

// envelope is a response or a chunk as JSON. Each endpoint has its own choices.
type envelope struct {
	ID          string         `json:"id"`
	Object      string         `json:"object"`
	Created     int64          `json:"created"`
	Model       string         `json:"model"`
	Fingerprint string         `json:"system_fingerprint,omitempty"`
	Choices     any            `json:"choices"`
	Usage       *usage         `json:"usage,omitempty"`
	Timings     *api.Timings   `json:"timings,omitempty"`
	Progress    *api.Progress  `json:"prompt_progress,omitempty"`
	State       *api.StateInfo `json:"state,omitempty"`

	Verbose json.RawMessage `json:"__verbose,omitempty"`
}

// envelope returns what all have.
func (h Head) envelope(object string, choices any, u *api.Usage) envelope {
	return envelope{ID: h.ID, Object: object, Created: h.Created.Unix(), Model: h.Model, Fingerprint: h.Fingerprint, Choices: choices, Usage: newUsage(u)}
}

// usage is an api.Usage as JSON.
type usage struct {
	Prompt        int `json:"prompt_tokens"`
	Completion    int `json:"completion_tokens"`
	Total         int `json:"total_tokens"`
	PromptDetails struct {
		Cached int `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
	CompletionDetails struct {
		Reasoning int `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
}

func newUsage(u *api.Usage) *usage {
	if u == nil {
		return nil
	}
	w := &usage{Prompt: u.Prompt, Completion: u.Completion, Total: u.Prompt + u.Completion}
	w.PromptDetails.Cached, w.CompletionDetails.Reasoning = u.Cached, u.Reasoning
	return w
}

// Finish is why an answer ended.
type Finish string

// The reasons. The zero value tells that it has not ended.
const (
	Stopped Finish = "stop"       // the model or a stop string ended it
	Length  Finish = "length"     // a limit ended it
	Calls   Finish = "tool_calls" // it ended with a function call
)

// wire returns null for an answer that has not ended.
func (f Finish) wire() *Finish {
	if f == "" {
		return nil
	}
	return &f
}
