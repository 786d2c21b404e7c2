// Package convert makes GGUF files of training checkpoints: it finds out which RWKV a checkpoint holds, matches its tensors
// with the architecture's table, and writes them in the types of a mix, in one pass.
package convert

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gosling/checkpoint"
	"gosling/checkpoint/formats"
	"gosling/gguf"
	"gosling/quant"
	"gosling/rwkv"
	"gosling/rwkv/archs"
)

// Options of a conversion.
type Options struct {
	Mix       quant.Mix
	Overrides quant.Overrides
	Vocab     string // an rwkv_vocab_*.txt, tokenizer.json or GGUF file to take the vocabulary from; empty for what folder and size of the model tell
	Write     quant.Options

	// GroupNormEps is the epsilon of the norm after the recurrence; 0 for what config.json tells, or the one that models are
	// released with. No tensor tells it.
	GroupNormEps float32

	// Dialect is dialect.PTH or dialect.WebRWKV, the layout of a checkpoint that does not tell it; empty for what it tells. The
	// error for one that tells nothing wraps *dialect.Unclear.
	Dialect string

	Adapters []Adapter // merged in this order
	State    State     // what texts begin with
}

// Adapter is low-rank fine-tuning to be merged into the model.
type Adapter struct {
	Path  string
	Alpha float64 // the scale it was trained with; 0 for what its adapter_config.json says
	Init  string  // the file that PiSSA began with; empty for LoRA
}

// Result says what was converted.
type Result struct {
	quant.Report
	Arch    rwkv.Arch
	Config  rwkv.Config
	Notices []string // what the user should know, one sentence each
}

// DefaultOutput is the name that the converted file gets: the input's with the mix in place of the ending.
func DefaultOutput(in string, mix quant.Mix) string {
	return stem(in) + "-" + mix.Name + ".gguf"
}

// stem is a path without the ending of a checkpoint. Other dots belong to the name, as in "1.5B".
func stem(path string) string {
	path = strings.TrimSuffix(filepath.Clean(path), ".index.json")
	if ext := filepath.Ext(path); slices.Contains([]string{".pth", ".pt", ".bin", ".ckpt", ".safetensors", ".st"}, strings.ToLower(ext)) {
		return strings.TrimSuffix(path, ext)
	}
	return path
}

// Run converts the checkpoint in to the GGUF file out. Nothing is written before every tensor has been found in its place.
func Run(ctx context.Context, in, out string, o Options) (Result, error) {
	adapters, err := openAdapters(o.Adapters)
	defer closeAll(adapters)
	if err != nil {
		return Result{}, err
	}
	file, err := formats.OpenAs(in, o.Dialect, adapters...)
	if err != nil {
		return Result{}, err
	}
	defer file.Close()
	if file.Unclear != nil && Refuse(file) == "" {
		return Result{}, fmt.Errorf("%s: %w", in, file.Unclear)
	}
	state, err := o.State.into(file)
	if err != nil {
		return Result{}, err
	}
	defer state.Close()
	p, err := newPlan(file, o)
	if err != nil {
		return Result{}, fmt.Errorf("%s: %w", in, err)
	}
	p.tuned(adapters)
	for _, a := range o.Adapters {
		if a.Alpha != 0 && a.Init == "" {
			p.notices = append(p.notices, a.Path+" is merged as LoRA: one that was trained as PiSSA needs --lora-init, and cannot be told from it")
		}
	}
	o.Write.Input = in
	report, err := quant.Write(ctx, out, p.keys, p.sources, o.Write)
	if err != nil {
		return Result{}, err
	}
	return Result{Report: report, Arch: p.arch, Config: p.config, Notices: p.notices}, nil
}

// plan is a conversion that has been checked and may be written.
type plan struct {
	arch    rwkv.Arch
	config  rwkv.Config
	keys    []gguf.KV
	sources []quant.Source
	notices []string
}

func newPlan(file *checkpoint.File, o Options) (*plan, error) {
	tensors := map[string]checkpoint.Tensor{}
	for _, t := range file.Tensors {
		tensors[t.Name] = t
	}
	p := &plan{}
	if err := p.describe(file, tensors, o.GroupNormEps); err != nil {
		return nil, err
	}
	if err := checkTied(file); err != nil {
		return nil, err
	}
	if err := o.State.fits(p.arch, p.config); err != nil {
		return nil, fmt.Errorf("merging %w", err)
	}
	if err := p.match(tensors, o); err != nil {
		return nil, err
	}
	vocabulary, notice, err := vocabularyOf(p.config, file.Path, o.Vocab)
	if err != nil {
		return nil, err
	}
	if notice != "" {
		p.notices = append(p.notices, notice)
	}
	p.keys = slices.Concat(general(p.arch.Name, file.Path, o.Mix), p.arch.Keys(p.config), vocabulary)
	return p, nil
}

// describe finds the architecture and the dimensions, and the settings that no tensor tells.
func (p *plan) describe(file *checkpoint.File, tensors map[string]checkpoint.Tensor, groupNormEps float32) error {
	shapes := func(name string) ([]int64, bool) {
		t, ok := tensors[name]
		return t.Shape, ok
	}
	var err error
	if p.arch, err = detect(file, shapes); err != nil {
		return err
	}
	if p.config, err = p.arch.FromShapes(shapes); err != nil {
		return fmt.Errorf("it seems to be %s, but %w: it is incomplete or of an unknown variant", p.arch.Title, err)
	}
	if err := apply(file.Settings, &p.config); err != nil {
		return fmt.Errorf("it seems to be %s, but %w", p.arch.Title, err)
	}
	return p.setGroupNorm(file, groupNormEps)
}

// detect finds the architecture, or says what the checkpoint is instead.
func detect(file *checkpoint.File, shapes rwkv.Shapes) (rwkv.Arch, error) {
	if what := Refuse(file); what != "" {
		return rwkv.Arch{}, fmt.Errorf("%s", what)
	}
	if a, ok := archs.Detect(shapes); ok {
		return a, nil
	}
	return rwkv.Arch{}, fmt.Errorf("%s", guess(file, shapes))
}

// types are the checkpoint's types as GGUF numbers them.
var types = map[checkpoint.DType]gguf.Type{checkpoint.F32: gguf.F32, checkpoint.F16: gguf.F16, checkpoint.BF16: gguf.BF16}

// match finds the checkpoint's tensors for each of the table and checks them.
func (p *plan) match(tensors map[string]checkpoint.Tensor, o Options) error {
	chosen := o.Overrides.Choose()
	used := map[string]bool{}
	var missing []string
	for _, spec := range p.arch.Tensors(p.config) {
		var from []checkpoint.Tensor
		for _, name := range spec.From {
			t, ok := tensors[name]
			if !ok {
				missing = append(missing, name)
				continue
			}
			if shape := squeeze(t.Shape); !slices.Equal(shape, spec.FromShape) {
				return fmt.Errorf("tensor %q is %v, want %v for %s", name, t.Shape, spec.FromShape, p.arch.Title)
			}
			if _, ok := types[t.DType]; !ok {
				return fmt.Errorf("tensor %q is %s: weights are F32, F16 or BF16", name, t.DType)
			}
			used[name] = true
			from = append(from, t)
		}
		if len(from) == len(spec.From) {
			typ, ok := chosen.Type(spec)
			if !ok {
				typ = o.Mix.Type(spec)
			}
			p.sources = append(p.sources, source(spec, from, typ))
		}
	}
	if missing != nil {
		slices.Sort(missing)
		missing = slices.Compact(missing)
		return fmt.Errorf("it seems to be %s, but lacks %s: the file is incomplete or of an unknown variant", p.arch.Title, some(missing))
	}
	return cmp.Or(unexpected(p.arch.Title, tensors, used), chosen.Err())
}

// some names the first of the tensors and counts the others.
func some(names []string) string {
	const shown = 4
	var quoted []string
	for _, name := range names[:min(shown, len(names))] {
		quoted = append(quoted, strconv.Quote(name))
	}
	text := strings.Join(quoted, ", ")
	if more := len(names) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more tensors", more)
	}
	return text
}

// unexpected refuses tensors that the table does not use: the model would compute something else with them. Layer 0 of some
// releases has a value residual that nothing reads.
func unexpected(arch string, tensors map[string]checkpoint.Tensor, used map[string]bool) error {
	var names []string
	for name := range tensors {
		if !used[name] && !slices.Contains([]string{"blocks.0.att.v0", "blocks.0.att.v1", "blocks.0.att.v2"}, name) {
			names = append(names, name)
		}
	}
	if names == nil {
		return nil
	}
	slices.Sort(names)
	return fmt.Errorf("it has tensors that %s has no place for: %s", arch, some(names))
}

// source reads a tensor of the table out of the checkpoint.
func source(spec rwkv.TensorSpec, from []checkpoint.Tensor, typ gguf.Type) quant.Source {
	s := quant.Source{
		Tensor: gguf.Tensor{Name: spec.Name, Shape: spec.Shape, Type: typ},
		From:   types[from[0].DType],
		Origin: from[0].Name,
	}
	if spec.Make == nil {
		s.Bytes = func(dst []byte, offset int64) error { return from[0].ReadBytes(dst, offset) }
		return s
	}
	s.Floats = func() ([]float32, error) {
		x := make([][]float32, len(from))
		for i, t := range from {
			x[i] = make([]float32, t.Elements())
			if err := t.ReadFloats(x[i], 0); err != nil {
				return nil, err
			}
		}
		dst := make([]float32, spec.Elements())
		spec.Make(dst, x)
		return dst, nil
	}
	return s
}

// squeeze leaves out dimensions of 1.
func squeeze(shape []int64) []int64 {
	return slices.DeleteFunc(slices.Clone(shape), func(n int64) bool { return n == 1 })
}
