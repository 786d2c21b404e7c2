package llamacpp

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Stop is why a text ended.
type Stop string

// The reasons.
const (
	NotStopped Stop = "none"  // nothing was generated
	AtEnd      Stop = "eos"   // the model ended it
	AtWord     Stop = "word"  // a stop string ended it
	AtLimit    Stop = "limit" // a limit ended it
)

// Completion is a text, or the end of one that was streamed.
type Completion struct {
	Index    int    // of the text in the response
	Content  string // empty at the end of a stream
	Tokens   []tokenizer.Token
	Slot     int
	Model    string
	Settings Settings
	Prompt   string // as the model read it

	Predicted int // tokens of the text
	Evaluated int // tokens of the prompt, with the cached ones
	Held      int // tokens that the state behind the text has read

	NewLine   bool // the text has a line end
	Truncated bool // a limit of prompt and text together ended it
	Stop      Stop
	StopWord  string // the stop string that ended it

	Timings       api.Timings
	Probabilities []api.Token    // nil if the request did not ask for them, and at the end of a stream
	State         *api.StateInfo // optional
}

// wireCompletion is a Completion as JSON.
type wireCompletion struct {
	Index         int               `json:"index"`
	Content       string            `json:"content"`
	Tokens        []tokenizer.Token `json:"tokens"`
	Slot          int               `json:"id_slot"`
	Stopped       bool              `json:"stop"`
	Model         string            `json:"model"`
	Predicted     int               `json:"tokens_predicted"`
	Evaluated     int               `json:"tokens_evaluated"`
	Settings      settings          `json:"generation_settings"`
	Prompt        string            `json:"prompt"`
	NewLine       bool              `json:"has_new_line"`
	Truncated     bool              `json:"truncated"`
	Stop          Stop              `json:"stop_type"`
	StopWord      string            `json:"stopping_word"`
	Held          int               `json:"tokens_cached"`
	Timings       api.Timings       `json:"timings"`
	Probabilities []api.Token       `json:"completion_probabilities,omitempty"`
	State         *api.StateInfo    `json:"state,omitempty"`
}

func (c Completion) wire() wireCompletion {
	return wireCompletion{c.Index, c.Content, list(c.Tokens), c.Slot, true, c.Model, c.Predicted, c.Evaluated, c.Settings.wire(), c.Prompt, c.NewLine,
		c.Truncated, c.Stop, c.StopWord, c.Held, c.Timings, c.Probabilities, c.State}
}

// EncodeCompletions returns the body of a response: an object for one text, and an array for several. In a stream it is the data of the
// event behind the chunks of a text. fields are those of the response that are wanted, or nil for all. One with slashes, such as
// "generation_settings/seed", is a field in a field. Fields that do not exist are left out.
func EncodeCompletions(texts []Completion, fields []string) []byte {
	items := make([]json.RawMessage, len(texts))
	for i, text := range texts {
		items[i] = api.Encode(text.wire())
		if len(fields) > 0 {
			items[i] = selected(items[i], fields)
		}
	}
	if len(items) == 1 {
		return items[0]
	}
	return api.Encode(items)
}

// selected returns an object with some fields of an object, each once, with the names as they were asked for.
func selected(object json.RawMessage, fields []string) json.RawMessage {
	var out bytes.Buffer
	seen := map[string]bool{}
	for _, field := range fields {
		value := at(object, field)
		if value == nil || seen[field] {
			continue
		}
		if seen[field] = true; len(seen) > 1 {
			out.WriteByte(',')
		}
		out.Write(api.Encode(field))
		out.WriteByte(':')
		out.Write(value)
	}
	return json.RawMessage("{" + out.String() + "}")
}

// at returns the value at a path in an object, or nil.
func at(object json.RawMessage, path string) json.RawMessage {
	for name := range strings.SplitSeq(path, "/") {
		var inner map[string]json.RawMessage
		if json.Unmarshal(object, &inner) != nil {
			return nil
		}
		object = inner[name]
	}
	return object
}

// Chunk is a part of a streamed text.
type Chunk struct {
	Index         int // of the text in the response
	Content       string
	Tokens        []tokenizer.Token // of the content; empty while the prompt is read
	Predicted     int               // tokens of the text so far
	Evaluated     int               // tokens of the prompt, with the cached ones
	Timings       *api.Timings      // optional
	Progress      *api.Progress     // in a chunk without content, before the text
	Probabilities []api.Token       // nil if the request did not ask for them
}

// EncodeChunk returns the data of an event of a stream.
func EncodeChunk(c Chunk) []byte {
	return api.Encode(struct {
		Index         int               `json:"index"`
		Content       string            `json:"content"`
		Tokens        []tokenizer.Token `json:"tokens"`
		Stopped       bool              `json:"stop"`
		Slot          int               `json:"id_slot"` // -1, as in llama.cpp: the end of the stream tells it
		Predicted     int               `json:"tokens_predicted"`
		Evaluated     int               `json:"tokens_evaluated"`
		Timings       *api.Timings      `json:"timings,omitempty"`
		Progress      *api.Progress     `json:"prompt_progress,omitempty"`
		Probabilities []api.Token       `json:"completion_probabilities,omitempty"`
	}{c.Index, c.Content, list(c.Tokens), false, -1, c.Predicted, c.Evaluated, c.Timings, c.Progress, c.Probabilities})
}
