package anthropic

import (
	"time"

	"github.com/gosling-rwkv/gosling/api"
)

// Model describes a model that is served.
type Model struct {
	ID      string
	Name    string // for people
	Created time.Time
	Context int // the most tokens of a prompt with its answer; 0 is no limit
}

// wireModel is a Model as JSON.
type wireModel struct {
	Type    string `json:"type"`
	ID      string `json:"id"`
	Name    string `json:"display_name"`
	Created string `json:"created_at"`
	Input   *int   `json:"max_input_tokens"`
	Output  *int   `json:"max_tokens"`
}

func (m Model) wire() wireModel {
	w := wireModel{Type: "model", ID: m.ID, Name: m.Name, Created: m.Created.UTC().Format(time.RFC3339)}
	if m.Context > 0 {
		w.Input, w.Output = &m.Context, &m.Context
	}
	return w
}

// EncodeModel returns the body of the response that describes one model.
func EncodeModel(m Model) []byte { return api.Encode(m.wire()) }

// EncodeModels returns the body of the list of models, which is never in several pages.
func EncodeModels(models []Model) []byte {
	list := struct {
		Data  []wireModel `json:"data"`
		First *string     `json:"first_id"`
		Last  *string     `json:"last_id"`
		More  bool        `json:"has_more"`
	}{Data: make([]wireModel, len(models))}
	for i, m := range models {
		list.Data[i] = m.wire()
	}
	if n := len(models); n > 0 {
		list.First, list.Last = &models[0].ID, &models[n-1].ID
	}
	return api.Encode(list)
}
