package openai

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"unicode/utf8"

	"github.com/gosling-rwkv/gosling/api"
)

// CompletionResponse is the response to a request for completions.
type CompletionResponse struct {
	Head
	Choices []CompletionChoice
	Usage   api.Usage
	Timings *api.Timings
	State   *api.StateInfo
	Verbose json.RawMessage // as in ChatResponse
}

// CompletionChoice is a text, or a part of it.
type CompletionChoice struct {
	Index    int
	Text     string
	Logprobs []api.Token // nil if the request did not ask for them
	Offset   int         // where Logprobs begin in the whole text, in characters
	Finish   Finish
}

// CompletionChunk is a part of a streamed text.
type CompletionChunk struct {
	Head
	Choice   CompletionChoice
	Usage    *api.Usage      // in a chunk of its own, behind all texts
	Timings  *api.Timings    // optional
	Progress *api.Progress   // in a chunk of its own, before the text
	State    *api.StateInfo  // with Choice.Finish
	Verbose  json.RawMessage // as in ChatChunk
}

// textChoice is a CompletionChoice as JSON.
type textChoice struct {
	Index    int           `json:"index"`
	Text     string        `json:"text"`
	Logprobs *textLogprobs `json:"logprobs"`
	Finish   *Finish       `json:"finish_reason"`
}

// textLogprobs is the tokens of a text, as JSON.
type textLogprobs struct {
	Tokens   []string             `json:"tokens"`
	Logprobs []*float64           `json:"token_logprobs"`
	Top      []map[string]float64 `json:"top_logprobs"`
	Offsets  []int                `json:"text_offset"`
}

func (c CompletionChoice) wire() textChoice {
	w := textChoice{c.Index, c.Text, nil, c.Finish.wire()}
	if c.Logprobs == nil {
		return w
	}
	n, at := len(c.Logprobs), c.Offset
	w.Logprobs = &textLogprobs{make([]string, n), make([]*float64, n), make([]map[string]float64, n), make([]int, n)}
	for i, t := range c.Logprobs {
		w.Logprobs.Tokens[i], w.Logprobs.Logprobs[i], w.Logprobs.Offsets[i] = t.Text, t.Known(), at
		w.Logprobs.Top[i] = likeliest(t)
		at += utf8.RuneCountInString(t.Text)
	}
	return w
}

// likeliest returns the likeliest tokens at a token's place by their texts, or nil where nothing comes before. Of several with the same text
// the likeliest counts.
func likeliest(t api.Token) map[string]float64 {
	if t.Known() == nil {
		return nil
	}
	top := map[string]float64{}
	for _, other := range t.Top {
		if p := other.Known(); p != nil {
			if before, ok := top[other.Text]; !ok || *p > before {
				top[other.Text] = *p
			}
		}
	}
	return top
}

// EncodeCompletion returns the body of a response.
func EncodeCompletion(r CompletionResponse) []byte {
	choices := make([]textChoice, len(r.Choices))
	for i, c := range r.Choices {
		choices[i] = c.wire()
	}
	e := r.envelope("text_completion", choices, &r.Usage)
	e.Timings, e.State, e.Verbose = r.Timings, r.State, r.Verbose
	return api.Encode(e)
}

// EncodeCompletionChunk returns the data of an event of a stream.
func EncodeCompletionChunk(c CompletionChunk) []byte {
	choices := []textChoice{}
	if c.Usage == nil && c.Progress == nil {
		choices = append(choices, c.Choice.wire())
	}
	e := c.envelope("text_completion", choices, c.Usage)
	e.Timings, e.Progress, e.State, e.Verbose = c.Timings, c.Progress, c.State, c.Verbose
	return api.Encode(e)
}

// EmbeddingResponse is the response to a request for embeddings.
type EmbeddingResponse struct {
	Model   string
	Vectors [][]float32 // in the order of the inputs; it is an internal error if a number is not finite
	Base64  bool        // as in the request
	Tokens  int         // of all inputs
}

// EncodeEmbeddings returns the body of a response.
func EncodeEmbeddings(r EmbeddingResponse) []byte {
	type item struct {
		Object    string `json:"object"`
		Index     int    `json:"index"`
		Embedding any    `json:"embedding"`
	}
	items := make([]item, len(r.Vectors))
	for i, vector := range r.Vectors {
		items[i] = item{"embedding", i, vector}
		if r.Base64 {
			data := make([]byte, 4*len(vector))
			_, _ = binary.Encode(data, binary.LittleEndian, vector)
			items[i].Embedding = base64.StdEncoding.EncodeToString(data)
		}
	}
	type usage struct {
		Prompt int `json:"prompt_tokens"`
		Total  int `json:"total_tokens"`
	}
	return api.Encode(struct {
		Object string `json:"object"`
		Data   []item `json:"data"`
		Model  string `json:"model"`
		Usage  usage  `json:"usage"`
	}{"list", items, r.Model, usage{r.Tokens, r.Tokens}})
}
