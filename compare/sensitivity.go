package compare

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"time"

	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/clock"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/units"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/quant"
)

// SensitivityOptions say what Sensitivity measures. Base is the model.
type SensitivityOptions struct {
	Setup
	Types      []gguf.Type // types to which each kind of tensor is rounded
	LayerType  gguf.Type   // type to which each layer is rounded
	Requantize bool        // accept a model that is already quantized
}

// SensitivityResult is what each part costs. The caller must end it with Remove or Keep.
type SensitivityResult struct {
	quant.Sensitivity
	notes
}

// Sensitivity rounds one part of a model at a time and measures what that costs. If the error wraps a StoppedError, another run
// can resume from the notes. A quantized model gives a quant.QuantizedError unless Requantize is set.
func Sensitivity(ctx context.Context, o SensitivityOptions) (SensitivityResult, error) {
	var trials []quant.Trial
	var result quant.Sensitivity
	r := &run{Options: Options{Setup: o.Setup}, command: "sensitivity", kldOnly: true}
	err := r.start(ctx, func() (err error) {
		if err = multiply(append(slices.Clip(o.Types), o.LayerType)); err == nil {
			trials, result, err = o.trials()
		}
		for _, t := range trials {
			r.Candidates = append(r.Candidates, Candidate{Model: Model{Name: t.Name()}, How: quant.Retyping{Types: t.Types, Requant: true}})
		}
		return err
	})
	if err != nil {
		return SensitivityResult{}, err
	}
	if err := r.parts(ctx, trials, &result); err != nil {
		return SensitivityResult{}, r.work.keep(err)
	}
	return SensitivityResult{result, notes{r.work}}, nil
}

// WeightType returns the type with this name. An unknown name is an error, and so is a type in which weights cannot be stored.
func WeightType(name string) (gguf.Type, error) {
	typ, err := gguf.ParseType(name)
	if err == nil {
		err = multiply([]gguf.Type{typ})
	}
	return typ, err
}

// multiply returns an error for types that weights cannot have.
func multiply(types []gguf.Type) error {
	for _, typ := range types {
		if !ggml.Multiplies(typ) {
			return fmt.Errorf("weights cannot be stored as %s", typ)
		}
	}
	return nil
}

// trials returns the parts to measure. It returns a quant.QuantizedError for a quantized model unless Requantize is set.
func (o *SensitivityOptions) trials() (trials []quant.Trial, result quant.Sensitivity, err error) {
	file, err := lm.OpenFile(o.Base.Path)
	if err != nil {
		return nil, result, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if trials, result, err = quant.Trials(file, o.Types, o.LayerType); err != nil {
		return nil, result, err
	}
	for _, t := range file.Tensors() {
		if !o.Requantize && !slices.Contains([]gguf.Type{gguf.F32, gguf.F16, gguf.BF16}, t.Type) {
			return nil, result, &quant.QuantizedError{Path: file.Path(), Tensor: t.Name, Type: t.Type}
		}
	}
	return trials, result, nil
}

// parts measures the model as it is, and then with each part rounded.
func (r *run) parts(ctx context.Context, trials []quant.Trial, result *quant.Sensitivity) error {
	if err := r.measureBase(ctx); err != nil {
		return err
	}
	r.describe(result)
	now := clock.Of(ctx)
	begin := now()
	for i, t := range trials {
		measured, err := r.candidate(ctx, r.Candidates[i])
		if err != nil {
			return err
		}
		part := withDivergence(t.Part, measured.Divergence)
		result.Parts = append(result.Parts, part)
		left := now.Since(begin) / time.Duration(i+1) * time.Duration(len(trials)-i-1)
		r.tell(Event{Measured: fmt.Sprintf("%d of %d: %s, KLD %.6f, %s saved, %s left", i+1, len(trials), part.Name(), part.KLD, units.Bytes(part.Saved), left.Round(time.Second))})
	}
	return nil
}

// describe records what the parts are measured on.
func (r *run) describe(result *quant.Sensitivity) {
	result.Model, result.Context = r.Base.label(), r.Contexts
	for _, text := range r.Texts {
		result.Texts = append(result.Texts, filepath.Base(text.Path))
	}
	if r.Importance != nil {
		result.Imatrix = filepath.Base(r.Importance.Path)
	}
	for _, col := range r.columns {
		result.Scored += col.Scored
	}
}

// withDivergence returns a part with the means of the measurements in all columns.
func withDivergence(p quant.Part, columns []eval.Divergence) quant.Part {
	n, squares := float64(len(columns)), 0.0
	for _, d := range columns {
		p.KLD += float.Number(d.KLD.Value / n)
		p.SameTop += float.Number(d.SameTop.Value / n)
		squares += d.KLD.Error * d.KLD.Error
	}
	p.Error = float.Number(math.Sqrt(squares) / n)
	return p
}
