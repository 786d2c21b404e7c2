package openai

import (
	"math"
	"time"

	"github.com/gosling-rwkv/gosling/internal/jsontext"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// encode writes a value of this package, which can always be encoded.
func encode(value any) []byte {
	data, err := jsontext.Marshal(value)
	if err != nil {
		panic("openai: internal error: " + err.Error())
	}
	return data
}

// Done is the data of the event that ends a stream.
const Done = "[DONE]"

// Event returns the server-sent event with this data, which has no line ends.
func Event(data []byte) []byte {
	return append(append([]byte("data: "), data...), "\n\n"...)
}

// Head is what a response and all chunks of a stream begin with.
type Head struct {
	ID          string // such as "chatcmpl-" and random characters
	Created     time.Time
	Model       string
	Fingerprint string // of the model and the program; clients of llama.cpp expect it to begin with "b"
}

// wireHead is a Head as JSON.
type wireHead struct {
	ID          string `json:"id"`
	Object      string `json:"object"`
	Created     int64  `json:"created"`
	Model       string `json:"model"`
	Fingerprint string `json:"system_fingerprint,omitempty"`
}

func (h Head) wire(object string) wireHead {
	return wireHead{h.ID, object, h.Created.Unix(), h.Model, h.Fingerprint}
}

// Finish is why an answer ended.
type Finish string

// The reasons. The zero value tells that it has not ended.
const (
	Stopped Finish = "stop"   // the model or a stop string ended it
	Length  Finish = "length" // a limit ended it
)

// wire returns null for an answer that has not ended.
func (f Finish) wire() *Finish {
	if f == "" {
		return nil
	}
	return &f
}

// Usage counts tokens.
type Usage struct {
	Prompt, Cached        int // Cached are those of the prompt that need not be read because a state was found
	Completion, Reasoning int // Reasoning are those of the completion that are thoughts
}

// wireUsage is a Usage as JSON.
type wireUsage struct {
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

func (u *Usage) wire() *wireUsage {
	if u == nil {
		return nil
	}
	w := &wireUsage{Prompt: u.Prompt, Completion: u.Completion, Total: u.Prompt + u.Completion}
	w.PromptDetails.Cached, w.CompletionDetails.Reasoning = u.Cached, u.Reasoning
	return w
}

// Timings are how long a response took.
type Timings struct {
	Cached, Prompt, Predicted int // tokens found in the cache, tokens read, tokens generated
	Read, Decoded             time.Duration
}

// wireTimings is a Timings as JSON, with llama.cpp's names.
type wireTimings struct {
	Cached             int     `json:"cache_n"`
	Prompt             int     `json:"prompt_n"`
	PromptMS           float64 `json:"prompt_ms"`
	PromptPerToken     float64 `json:"prompt_per_token_ms"`
	PromptPerSecond    float64 `json:"prompt_per_second"`
	Predicted          int     `json:"predicted_n"`
	PredictedMS        float64 `json:"predicted_ms"`
	PredictedPerToken  float64 `json:"predicted_per_token_ms"`
	PredictedPerSecond float64 `json:"predicted_per_second"`
}

// wire computes the rates. The first token comes with the prompt, so decoding made one less.
func (t *Timings) wire() *wireTimings {
	if t == nil {
		return nil
	}
	w := &wireTimings{Cached: t.Cached, Prompt: t.Prompt, Predicted: t.Predicted}
	w.PromptMS, w.PromptPerToken, w.PromptPerSecond = rates(t.Prompt, t.Read)
	w.PredictedMS, w.PredictedPerToken, w.PredictedPerSecond = rates(t.Predicted-1, t.Decoded)
	return w
}

// rates returns a time in milliseconds, and what it makes for each token and each second. They are 0 where there is nothing to divide by.
func rates(tokens int, d time.Duration) (ms, perToken, perSecond float64) {
	ms = float64(d) / float64(time.Millisecond)
	if tokens > 0 && d > 0 {
		perToken, perSecond = ms/float64(tokens), float64(tokens)/d.Seconds()
	}
	return ms, perToken, perSecond
}

// Progress is how much of a prompt was read.
type Progress struct {
	Total, Cached, Read int // tokens; Read has the cached ones
	Time                time.Duration
}

// wireProgress is a Progress as JSON, with llama.cpp's names.
type wireProgress struct {
	Total  int   `json:"total"`
	Cached int   `json:"cache"`
	Read   int   `json:"processed"`
	TimeMS int64 `json:"time_ms"`
}

func (p *Progress) wire() *wireProgress {
	if p == nil {
		return nil
	}
	return &wireProgress{p.Total, p.Cached, p.Read, p.Time.Milliseconds()}
}

// StateInfo tells a client where the state after a text is.
type StateInfo struct {
	ID   string `json:"id,omitempty"`   // of a state that is kept for a while
	Name string `json:"name,omitempty"` // the name that the request gave it
	Data []byte `json:"data,omitempty"` // its bytes; base64 in JSON
}

// Token is a token of an answer and how likely it was.
type Token struct {
	ID      tokenizer.Token
	Text    string  // as it stands in the content, so that all texts together are the content
	Bytes   []byte  // all bytes of the token
	Logprob float64 // the natural logarithm of its probability at temperature 1; NaN where nothing comes before the token
	Top     []Token // the likeliest tokens at its place, the likeliest first
}

// impossible stands for the logarithm of 0, which JSON cannot express.
const impossible = -9999

// logprob returns a number for JSON, or null.
func (t Token) logprob() *float64 {
	if math.IsNaN(t.Logprob) {
		return nil
	}
	p := max(t.Logprob, impossible)
	return &p
}
