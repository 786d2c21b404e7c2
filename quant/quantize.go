package quant

import (
	"context"
	"fmt"
	"slices"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/archs"
)

// quantizationVersion is ggml's number for its present block formats.
const quantizationVersion = 2

// Retyping says which types Quantize gives to tensors. Overrides take precedence over Types, and Types over Mix.
type Retyping struct {
	Mix     Mix  // the zero value keeps the types
	Requant bool // accept a model that is already quantized; the errors of both quantizations add up

	Types     map[string]gguf.Type // by the names of tensors
	Overrides Overrides
}

// mixKey is the key that names a mix for which general.file_type has no number.
const mixKey = "gosling.mix"

// QuantizedError is the error of a quantized model where an unquantized one is needed.
type QuantizedError struct {
	Path, Tensor string
	Type         gguf.Type
}

func (e *QuantizedError) Error() string {
	return fmt.Sprintf("%s: tensor %q is %s already: take the F16 model", e.Path, e.Tensor, e.Type)
}

// Quantize writes the model in the GGUF file in to the file out with other types. The rest of the metadata stays. The output appears when
// it is complete. If there is an error, or ctx ends, there is no output. A quantized model gives a *QuantizedError, unless r.Requant is
// set.
func Quantize(ctx context.Context, in, out string, r Retyping, o Options) (Report, error) {
	file, err := gguf.Open(in)
	if err != nil {
		return Report{}, err
	}
	defer file.Close()
	model, err := describe(file)
	if err != nil {
		return Report{}, fmt.Errorf("%s: %w", in, err)
	}
	for _, path := range file.Paths() {
		if same(path, out) {
			return Report{}, fmt.Errorf("%s: input and output are the same file", path)
		}
	}
	var sources []Source
	chosen := r.Overrides.Choose()
	for _, t := range file.Tensors() {
		to := r.typeOf(t, model, chosen)
		if !r.Requant && to != t.Type && !floating(t.Type) && !floating(to) {
			return Report{}, &QuantizedError{in, t.Name, t.Type}
		}
		sources = append(sources, sourceOf(file, t, to))
	}
	if err := chosen.Err(); err != nil {
		return Report{}, err
	}
	o.Input = in
	return Write(ctx, out, r.keys(file.Keys()), sources, o)
}

// sourceOf reads a tensor of a file, which gets a type.
func sourceOf(file *gguf.File, t gguf.Tensor, to gguf.Type) Source {
	return Source{
		Tensor: gguf.Tensor{Name: t.Name, Type: to, Shape: t.Shape},
		From:   t.Type,
		Bytes:  func(dst []byte, offset int64) error { return file.ReadAt(t, dst, offset) },
	}
}

// typeOf is the type that a tensor gets.
func (r Retyping) typeOf(t gguf.Tensor, m model, chosen *Choice) gguf.Type {
	spec := m.specs[t.Name]
	if typ, ok := chosen.Type(spec); ok {
		return typ
	}
	if typ, ok := r.Types[t.Name]; ok && roundable(spec) {
		return fitting(typ, spec)
	}
	if r.Mix.Name == "" {
		return t.Type
	}
	return r.Mix.Retype(spec, t.Type)
}

// keys are a file's keys with those that tell its types.
func (r Retyping) keys(keys []gguf.KV) []gguf.KV {
	keys = slices.DeleteFunc(slices.Clone(keys), func(kv gguf.KV) bool { return kv.Key == mixKey })
	keys = setKey(keys, "general.quantization_version", uint32(quantizationVersion))
	if r.Mix.Name == "" {
		return keys
	}
	return append(setKey(keys, "general.file_type", r.Mix.FileType), r.Mix.OwnKeys()...)
}

// OwnKeys returns the metadata that names a mix of our own. It is empty for the mixes of llama.cpp, which general.file_type names.
func (m Mix) OwnKeys() []gguf.KV {
	if m.exceptions == nil {
		return nil
	}
	return []gguf.KV{{Key: mixKey, Value: m.Name}}
}

// model is what a file's architecture says of its tensors.
type model struct {
	specs  map[string]rwkv.TensorSpec
	layers int
}

// describe finds the table of a file's architecture. A file that cannot be run is refused: it would not be better for being
// smaller.
func describe(file *gguf.File) (model, error) {
	arch, config, problems := archs.Match(file)
	if len(problems) > 0 {
		return model{}, problems[0]
	}
	m := model{specs: map[string]rwkv.TensorSpec{}, layers: config.Layers}
	for _, spec := range arch.Tensors(config) {
		if t, ok := file.Tensor(spec.Name); ok {
			spec.Shape = t.Shape
			m.specs[spec.Name] = spec
		}
	}
	return m, nil
}

// setKey gives a key a value, in its place or at the end.
func setKey(keys []gguf.KV, key string, value any) []gguf.KV {
	if i := slices.IndexFunc(keys, func(kv gguf.KV) bool { return kv.Key == key }); i >= 0 {
		keys = slices.Clone(keys)
		keys[i].Value = value
		return keys
	}
	return append(slices.Clip(keys), gguf.KV{Key: key, Value: value})
}
