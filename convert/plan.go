package convert

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/shape"
	"github.com/gosling-rwkv/gosling/quant"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/archs"
)

// plan is a conversion that has been checked and may be written.
type plan struct {
	arch    rwkv.Arch
	config  rwkv.Config
	keys    []gguf.KV
	sources []quant.Source
	notices []Notice
}

func newPlan(ctx context.Context, file *checkpoint.File, o Options) (*plan, error) {
	p, problems := examine(file, o)
	if len(problems) > 0 {
		return nil, problems[0]
	}
	vocabulary, notice, err := vocabularyOf(ctx, p.config, file.Path, o.Vocab)
	if err != nil {
		return nil, err
	}
	if notice.Text != "" {
		p.notices = append(p.notices, notice)
	}
	p.keys = slices.Concat(general(p.arch.Name, file.Path, o.Mix), p.arch.Keys(p.config), vocabulary)
	return p, nil
}

// Check returns every reason why a checkpoint cannot be converted as it is. The first one is the error that Run would return.
func Check(file *checkpoint.File) []error {
	if file.Unclear != nil && refuse(file) == nil {
		return []error{file.Unclear}
	}
	_, problems := examine(file, Options{Mix: quant.Mixes()[0]})
	return problems
}

// examine finds out what a checkpoint holds and where each tensor goes, or all that is wrong with it.
func examine(file *checkpoint.File, o Options) (*plan, []error) {
	tensors := map[string]checkpoint.Tensor{}
	for _, t := range file.Tensors {
		tensors[t.Name] = t
	}
	shapes := func(name string) ([]int64, bool) {
		t, ok := tensors[name]
		return t.Shape, ok
	}
	p := &plan{}
	if err := p.describe(file, tensors, shapes, o); err != nil {
		return nil, []error{err}
	}
	return p, p.match(tensors, o)
}

// describe finds the architecture and the dimensions, and the settings that no tensor tells.
func (p *plan) describe(file *checkpoint.File, tensors map[string]checkpoint.Tensor, shapes rwkv.Shapes, o Options) error {
	var err error
	if p.arch, err = detect(file, shapes); err != nil {
		return err
	}
	if p.config, err = p.arch.FromShapes(shapes); err != nil {
		return fmt.Errorf("it seems to be %s, but %w: it is incomplete or of an unknown variant", p.arch.Title, err)
	}
	if err := missingLayer(p.arch, p.config, tensors); err != nil {
		return err
	}
	if err := apply(file.Settings, &p.config); err != nil {
		return fmt.Errorf("it seems to be %s, but %w", p.arch.Title, err)
	}
	if err := p.setGroupNorm(file, o.GroupNormEps); err != nil {
		return err
	}
	if err := checkTied(file); err != nil {
		return err
	}
	if err := o.State.fits(p.arch, p.config); err != nil {
		return fmt.Errorf("merging %w", err)
	}
	return nil
}

// missingLayer is the error of a layer that is missing before others: the layers are counted up to the first gap.
func missingLayer(arch rwkv.Arch, c rwkv.Config, tensors map[string]checkpoint.Tensor) error {
	last := -1
	for name := range tensors {
		layer := -1
		if _, err := fmt.Sscanf(name, "blocks.%d.", &layer); err == nil && !strings.HasSuffix(name, tunedSuffix) {
			last = max(last, layer)
		}
	}
	if last < c.Layers {
		return nil
	}
	return fmt.Errorf("it seems to be %s, but lacks \"blocks.%d.ln1.weight\", and has tensors of layer %d: a layer is missing, the file is incomplete", arch.Title, c.Layers, last)
}

// detect finds the architecture, or says what the checkpoint is instead.
func detect(file *checkpoint.File, shapes rwkv.Shapes) (rwkv.Arch, error) {
	if err := refuse(file); err != nil {
		return rwkv.Arch{}, err
	}
	if a, ok := archs.Detect(shapes); ok {
		return a, nil
	}
	return rwkv.Arch{}, fmt.Errorf("%s", guess(file, shapes))
}

// types are the types that a checkpoint's are read in, as GGUF numbers them. F64 is rounded to F32.
var types = map[checkpoint.DType]gguf.Type{checkpoint.F32: gguf.F32, checkpoint.F16: gguf.F16, checkpoint.BF16: gguf.BF16, checkpoint.F64: gguf.F32}

// match finds the checkpoint's tensors for each of the table and returns all that is wrong with them.
func (p *plan) match(tensors map[string]checkpoint.Tensor, o Options) (problems []error) {
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
			if err := p.fits(t, spec); err != nil && !used[name] {
				problems = append(problems, err)
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
		problems = append(problems, fmt.Errorf("it seems to be %s, but lacks %s: the file is incomplete or of an unknown variant", p.arch.Title, some(missing)))
	}
	for _, err := range []error{unexpected(p.arch.Title, tensors, used), chosen.Err()} {
		if err != nil {
			problems = append(problems, err)
		}
	}
	return problems
}

// fits compares a tensor with what the table wants of it.
func (p *plan) fits(t checkpoint.Tensor, spec rwkv.TensorSpec) error {
	if !slices.Equal(shape.Squeeze(t.Shape...), spec.FromShape) {
		return fmt.Errorf("tensor %q is %v, want %v for %s", t.Name, t.Shape, spec.FromShape, p.arch.Title)
	}
	if _, ok := types[t.DType]; !ok {
		return fmt.Errorf("tensor %q is %s: weights are F32, F16, BF16 or F64", t.Name, t.DType)
	}
	return nil
}

// some names the first of the tensors and counts the others.
func some(names []string) string {
	const shown = 4
	var quoted []string
	for _, name := range names[:min(shown, len(names))] {
		quoted = append(quoted, excerpt.Of(name))
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
	return fmt.Errorf("it has tensors that are not part of %s: %s", arch, some(names))
}

// source reads a tensor of the table out of the checkpoint.
func source(spec rwkv.TensorSpec, from []checkpoint.Tensor, typ gguf.Type) quant.Source {
	s := quant.Source{
		Tensor: gguf.Tensor{Name: spec.Name, Shape: spec.Shape, Type: typ},
		From:   types[from[0].DType],
		Origin: from[0].Name,
	}
	if spec.Make == nil && from[0].DType == checkpoint.F64 {
		s.Bytes = func(dst []byte, offset int64) error {
			x := make([]float32, len(dst)/4)
			err := from[0].ReadFloats(x, offset/4)
			float.EncodeF32(dst, x)
			return err
		}
		return s
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
