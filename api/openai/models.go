package openai

import (
	"time"

	"github.com/gosling-rwkv/gosling/api"
)

// EncodeInputTokens returns the body of the response to a request that counts tokens.
func EncodeInputTokens(n int) []byte {
	return api.Encode(struct {
		Object string `json:"object"`
		Tokens int    `json:"input_tokens"`
	}{"response.input_tokens", n})
}

// Model describes a model that is served.
type Model struct {
	ID      string
	Created time.Time
	Owner   string
	Aliases []string // all names that clients may use, with the ID; as in llama.cpp
	Tags    []string // words that describe the model; as in llama.cpp

	// What stands under "meta" with llama.cpp's names: rows of the vocabulary, channels, number of weights, bytes of the file, and the most
	// tokens of a prompt with its answer. 0 is left out.
	Vocab, Embedding  int
	Parameters, Bytes int64
	Context           int
	Layers            int
	State, Memory     int64    // bytes of a text's state, and the most that serving takes
	Devices           []string // that compute
}

// wireModel is a Model as JSON.
type wireModel struct {
	ID      string    `json:"id"`
	Object  string    `json:"object"`
	Created int64     `json:"created"`
	Owner   string    `json:"owned_by"`
	Aliases []string  `json:"aliases,omitempty"`
	Tags    []string  `json:"tags,omitempty"`
	Meta    wireShape `json:"meta"`
}

type wireShape struct {
	Vocab      int      `json:"n_vocab,omitempty"`
	Embedding  int      `json:"n_embd,omitempty"`
	Parameters int64    `json:"n_params,omitempty"`
	Bytes      int64    `json:"size,omitempty"`
	Context    int      `json:"n_ctx,omitempty"`
	Layers     int      `json:"n_layer,omitempty"`
	State      int64    `json:"state_bytes,omitempty"`
	Memory     int64    `json:"memory_bytes,omitempty"`
	Devices    []string `json:"devices,omitempty"`
}

func (m Model) wire() wireModel {
	return wireModel{m.ID, "model", m.Created.Unix(), m.Owner, m.Aliases, m.Tags, wireShape{m.Vocab, m.Embedding, m.Parameters, m.Bytes, m.Context, m.Layers, m.State, m.Memory, m.Devices}}
}

// EncodeModel returns the body of the response that describes one model.
func EncodeModel(m Model) []byte { return api.Encode(m.wire()) }

// EncodeModels returns the body of the list of models.
func EncodeModels(models []Model) []byte {
	data := make([]wireModel, len(models))
	for i, m := range models {
		data[i] = m.wire()
	}
	return api.Encode(struct {
		Object string      `json:"object"`
		Data   []wireModel `json:"data"`
	}{"list", data})
}
