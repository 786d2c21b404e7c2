package quant

import (
	"context"
	"fmt"
	"os"
	"slices"

	"gosling/gguf"
	"gosling/rwkv"
	"gosling/rwkv/archs"
)

// quantizationVersion is ggml's number for its present block formats.
const quantizationVersion = 2

// Retyping are the choices of Quantize.
type Retyping struct {
	Mix     Mix
	Requant bool // allow tensors that are quantized already to be quantized again, which adds up errors

	Overrides []Override // the first that fits a tensor holds
}

// Quantize writes the model in the GGUF file in to out with the types of a mix. All other metadata stays.
func Quantize(ctx context.Context, in, out string, r Retyping, o Options) (Report, error) {
	file, err := gguf.Open(in)
	if err != nil {
		return Report{}, err
	}
	defer file.Close()
	classes, err := classesOf(file)
	if err != nil {
		return Report{}, fmt.Errorf("%s: %w", in, err)
	}
	data, err := os.Open(in) // read rather than mapped, so that the pages do not count as this process's memory
	if err != nil {
		return Report{}, err
	}
	defer data.Close()

	var sources []Source
	used := make([]bool, len(r.Overrides))
	for _, t := range file.Tensors() {
		to := t.Type
		if class, ok := classes[t.Name]; ok {
			to = r.Mix.Retype(class, t.Shape[0], t.Type)
			if typ, i := r.override(t.Name, class, t.Shape[0]); i >= 0 {
				to, used[i] = typ, true
			}
		}
		if !r.Requant && to != t.Type && !floating(t.Type) && !floating(to) {
			return Report{}, fmt.Errorf("%s: tensor %q is %s already: quantize the F16 file instead, or add --allow-requantize and lose more", in, t.Name, t.Type)
		}
		at := t.Offset
		sources = append(sources, Source{
			Tensor: gguf.Tensor{Name: t.Name, Type: to, Shape: t.Shape},
			From:   t.Type,
			Bytes: func(dst []byte, offset int64) error {
				_, err := data.ReadAt(dst, at+offset)
				return err
			},
		})
	}
	if err := r.unused(used); err != nil {
		return Report{}, err
	}
	keys := setKey(file.Keys(), "general.file_type", r.Mix.FileType)
	keys = setKey(keys, "general.quantization_version", uint32(quantizationVersion))
	o.Input = in
	return Write(ctx, out, keys, sources, o)
}

// classesOf is the class of each tensor of the file's architecture. Tensors that it does not know are copied.
func classesOf(file *gguf.File) (map[string]rwkv.Class, error) {
	arch, config, err := archs.Describe(file)
	if err != nil {
		return nil, err
	}
	classes := map[string]rwkv.Class{}
	for _, spec := range arch.Tensors(config) {
		if t, ok := file.Tensor(spec.Name); ok {
			classes[spec.Name] = spec.Class
			if !spec.Optional && !rwkv.SameShape(t.Shape, spec.Shape) {
				return nil, fmt.Errorf("tensor %q is %v, want %v", spec.Name, t.Shape, spec.Shape)
			}
		} else if !spec.Optional {
			return nil, fmt.Errorf("tensor %q is missing: the file is no whole %s model", spec.Name, arch.Name)
		}
	}
	return classes, nil
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
