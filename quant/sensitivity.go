package quant

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
	"github.com/gosling-rwkv/gosling/internal/filekind"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/infile"
	"github.com/gosling-rwkv/gosling/internal/utf"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// Sensitivity says what it costs to round each part of a model. It was measured on models in which one part had another type. The cost of
// the part is the KL divergence of that model's predictions from those of the unchanged model.
type Sensitivity struct {
	Arch       string `json:"architecture"`
	Parameters int64  `json:"parameters"`
	Layers     int    `json:"layers"`

	Model   string   `json:"model"`
	Texts   []string `json:"texts"`
	Context []int    `json:"contexts"`
	Scored  int      `json:"scored_tokens"`
	Imatrix string   `json:"imatrix,omitempty"`

	Parts []Part `json:"parts"`
}

// Part is a part of a model in another type: the tensors of one kind, or all matrices of one layer.
type Part struct {
	Kind  string `json:"kind,omitempty"`
	Layer int    `json:"layer"` // -1 for a kind
	Type  string `json:"type"`

	Tensors int   `json:"tensors"`
	Saved   int64 `json:"bytes_saved"` // against the unchanged model

	KLD     float.Number `json:"kld"` // the mean over texts and contexts, in nats a token
	Error   float.Number `json:"kld_error"`
	SameTop float.Number `json:"same_top"` // the share of positions with the same likeliest token
}

// Name is "time_mix_key Q4_K" or "layer 3 Q4_K".
func (p Part) Name() string {
	if p.Kind == "" {
		return fmt.Sprintf("layer %d %s", p.Layer, p.Type)
	}
	return p.Kind + " " + p.Type
}

// Trial is a part that is to be measured, with the types of its tensors.
type Trial struct {
	Part
	Types map[string]gguf.Type
}

// Trials lists what to measure for a Sensitivity: every kind of tensor in each of types, and every layer in layerType. It skips types that
// would not make a part smaller, and those that its rows do not fit. It also returns the Sensitivity without parts.
func Trials(file *gguf.File, types []gguf.Type, layerType gguf.Type) ([]Trial, Sensitivity, error) {
	m, err := describe(file)
	if err != nil {
		return nil, Sensitivity{}, fmt.Errorf("%s: %w", file.Path(), err)
	}
	s := sensitivityOf(file, m)
	var trials []Trial
	for _, kind := range m.kinds(file) {
		var seen []map[string]gguf.Type
		for _, typ := range types {
			t := m.trial(file, typ, func(name string) bool { return m.kindOf(name) == kind })
			if t.Saved > 0 && !slices.ContainsFunc(seen, func(old map[string]gguf.Type) bool { return maps.Equal(old, t.Types) }) {
				seen = append(seen, t.Types)
				t.Kind, t.Layer = kind, -1
				trials = append(trials, t)
			}
		}
	}
	for layer := range m.layers {
		t := m.trial(file, layerType, func(name string) bool {
			of, _ := rwkv.SplitName(name)
			return of == layer && m.specs[name].Class == rwkv.Matrix
		})
		if t.Layer = layer; t.Saved > 0 {
			trials = append(trials, t)
		}
	}
	if trials == nil {
		return nil, s, fmt.Errorf("%s: none of these types makes any part smaller", file.Path())
	}
	return trials, s, nil
}

// sensitivityOf names the model.
func sensitivityOf(file *gguf.File, m model) Sensitivity {
	s := Sensitivity{Layers: m.layers}
	s.Arch, _ = file.String("general.architecture")
	for _, t := range file.Tensors() {
		s.Parameters += t.Elements()
	}
	return s
}

// kindOf is the kind that a tensor is measured with; empty for those that are not rounded.
func (m model) kindOf(name string) string {
	if spec, ok := m.specs[name]; ok && roundable(spec) {
		return roundingKind(spec)
	}
	return ""
}

// kinds are those of a file's tensors that may be rounded, in its order.
func (m model) kinds(file *gguf.File) []string {
	var kinds []string
	for _, t := range file.Tensors() {
		if kind := m.kindOf(t.Name); kind != "" && !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// trial rounds the tensors that are wanted to a type.
func (m model) trial(file *gguf.File, typ gguf.Type, wanted func(name string) bool) Trial {
	t := Trial{Part: Part{Type: typ.String()}, Types: map[string]gguf.Type{}}
	for _, tensor := range file.Tensors() {
		if !wanted(tensor.Name) {
			continue
		}
		to := fitting(typ, m.specs[tensor.Name])
		size, err := to.RowBytes(tensor.Elements())
		if err != nil || size >= tensor.Size {
			continue
		}
		t.Types[tensor.Name] = to
		t.Saved += tensor.Size - size
		t.Tensors++
	}
	return t
}

// maxKLD is beyond what a KL divergence can be: logits are far smaller.
const maxKLD = 1e6

// Sensitivities is the limit for files of the command "sensitivity", which have some 250 bytes for each part of a model.
var Sensitivities = infile.Limit{Bytes: 4 << 20, What: "a file of sensitivities"}

// ReadSensitivity reads a file of the command "sensitivity". It waits for a pipe until ctx ends.
func ReadSensitivity(ctx context.Context, path string) (*Sensitivity, error) {
	data, err := Sensitivities.Read(ctx, path)
	if err != nil {
		return nil, err
	}
	text, _, err := utf.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s := &Sensitivity{}
	if what := filekind.Recognize(text, "file of sensitivities"); what != "" {
		return nil, fmt.Errorf("%s: %s", path, what)
	}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("%s: not a file of sensitivities: %w", path, excerpt.Error(err))
	}
	if s.Arch == "" || len(s.Parts) == 0 {
		return nil, fmt.Errorf("%s: not a file of sensitivities: it names no architecture or no parts", path)
	}
	for _, p := range s.Parts {
		if _, err := gguf.ParseType(p.Type); err != nil {
			return nil, fmt.Errorf("%s: part %s: %w", path, excerpt.Of(p.Name()), excerpt.Error(err))
		}
		if !(math.Abs(float64(p.KLD)) <= maxKLD) || p.Layer < -1 || p.Layer >= s.Layers {
			return nil, fmt.Errorf("%s: part %s: a KL divergence of %g in layer %d of %d: the file is damaged", path, excerpt.Of(p.Name()), p.KLD, p.Layer, s.Layers)
		}
	}
	return s, nil
}
