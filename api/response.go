package api

import (
	"encoding/json"
	"math"
	"time"

	"github.com/gosling-rwkv/gosling/internal/jsontext"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Encode returns a value as JSON on one line. The value must be of a kind that can always be encoded.
func Encode(value any) []byte {
	data, err := jsontext.Marshal(value)
	if err != nil {
		panic("api: internal error: " + err.Error())
	}
	return data
}

// Done is the data of the event that ends a stream.
const Done = "[DONE]"

// Event returns the server-sent event with this data, which has no line ends.
func Event(data []byte) []byte {
	return append(append([]byte("data: "), data...), "\n\n"...)
}

// NamedEvent returns the server-sent event with a name and this data, which has no line ends.
func NamedEvent(name string, data []byte) []byte {
	return append([]byte("event: "+name+"\n"), Event(data)...)
}

// Usage counts tokens.
type Usage struct {
	Prompt, Cached        int // Cached are those of the prompt that need not be read because a state was found
	Completion, Reasoning int // Reasoning are those of the completion that are thoughts
}

// Timings are how long a response took.
type Timings struct {
	Cached, Prompt, Predicted int // tokens found in the cache, tokens read, tokens generated
	Read, Decoded             time.Duration
}

// MarshalJSON writes the timings with llama.cpp's names. The first token comes with the prompt, so the rate of decoding counts one less.
func (t Timings) MarshalJSON() ([]byte, error) {
	var w struct {
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
	w.Cached, w.Prompt, w.Predicted = t.Cached, t.Prompt, t.Predicted
	w.PromptMS, w.PromptPerToken, w.PromptPerSecond = rates(t.Prompt, t.Read)
	w.PredictedMS, w.PredictedPerToken, w.PredictedPerSecond = rates(t.Predicted-1, t.Decoded)
	return json.Marshal(w)
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

// MarshalJSON writes the progress with llama.cpp's names.
func (p Progress) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Total  int   `json:"total"`
		Cached int   `json:"cache"`
		Read   int   `json:"processed"`
		TimeMS int64 `json:"time_ms"`
	}{p.Total, p.Cached, p.Read, p.Time.Milliseconds()})
}

// StateInfo tells a client where the state after a text is.
type StateInfo struct {
	ID   string `json:"id,omitempty"`   // of a state that is kept for a while
	Name string `json:"name,omitempty"` // the name that the request gave it
	Data []byte `json:"data,omitempty"` // its bytes; base64 in JSON

	Error string `json:"error,omitempty"` // why the state was not kept
}

// Token is a token of an answer and how likely it was.
type Token struct {
	ID      tokenizer.Token
	Text    string  // as it stands in the content, so that all texts together are the content
	Bytes   []byte  // all bytes of the token
	Logprob float64 // the natural logarithm of its probability at temperature 1; NaN where nothing comes before the token
	Top     []Token // the likeliest tokens at its place, the likeliest first

	// Sampled tells that the probabilities are those that the token was drawn with: after biases, penalties and samplers.
	Sampled bool
}

// impossible stands for the logarithm of 0, which JSON cannot express.
const impossible = -9999

// Known returns the logarithm of the token's probability as JSON can express it, or nil where nothing comes before the token.
func (t Token) Known() *float64 {
	if math.IsNaN(t.Logprob) {
		return nil
	}
	p := max(t.Logprob, impossible)
	return &p
}

// wireToken is a Token as JSON.
type wireToken struct {
	ID          int32        `json:"id"`
	Token       string       `json:"token"`
	Bytes       []int        `json:"bytes"`
	Logprob     *float64     `json:"logprob,omitempty"`
	Probability *float64     `json:"prob,omitempty"`
	Top         *[]wireToken `json:"top_logprobs,omitempty"`
	TopSampled  *[]wireToken `json:"top_probs,omitempty"`
}

// MarshalJSON writes a token of an answer as OpenAI and llama.cpp do.
func (t Token) MarshalJSON() ([]byte, error) {
	w := t.wire(t.Sampled)
	top := make([]wireToken, len(t.Top))
	for i, other := range t.Top {
		top[i] = other.wire(t.Sampled)
	}
	if w.Top = &top; t.Sampled {
		w.Top, w.TopSampled = nil, &top
	}
	return jsontext.Marshal(w)
}

// wire returns the token without its rivals.
func (t Token) wire(sampled bool) wireToken {
	w := wireToken{ID: int32(t.ID), Token: t.Text, Bytes: Numbers(t.Bytes), Logprob: t.Known()}
	if sampled && w.Logprob != nil {
		p := math.Exp(t.Logprob)
		w.Logprob, w.Probability = nil, &p
	}
	return w
}

// Numbers returns bytes that become a list of numbers in JSON.
func Numbers(bytes []byte) []int {
	numbers := make([]int, len(bytes))
	for i, b := range bytes {
		numbers[i] = int(b)
	}
	return numbers
}
