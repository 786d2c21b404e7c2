package eval

import "github.com/gosling-rwkv/gosling/internal/float"

// Comparison is the cost of using other models in place of a base.
type Comparison struct {
	Base       Facts       `json:"base"`
	Columns    []Column    `json:"columns"`
	Candidates []Candidate `json:"candidates"`
}

// Column is a text in chunks of one length.
type Column struct {
	Text    string `json:"text"`
	Context int    `json:"context"`
	Chunks  int    `json:"chunks"`
	Scored  int    `json:"scored_tokens"`
}

// Facts are the size, speed, memory and task results of a model. Speeds and memory are 0 if they were not measured.
type Facts struct {
	Name          string       `json:"name"`
	Size          int64        `json:"size"` // of the file, in bytes
	BitsPerWeight float.Number `json:"bits_per_weight"`
	Prefill       float.Number `json:"prefill_tokens_per_second"`
	Decode        float.Number `json:"decode_tokens_per_second"`
	PeakMemory    int64        `json:"peak_memory"` // bytes, the mapped file included
	Tasks         []Task       `json:"tasks,omitempty"`
}

// Candidate is the result of one compared model.
type Candidate struct {
	Facts
	Divergence []Divergence  `json:"divergence"` // one for each column
	Weights    []TensorError `json:"weights"`
}
