// Package convert makes GGUF files from training checkpoints. It finds out which RWKV version a checkpoint holds, matches its tensors with
// the architecture's table, and writes them in the types of a mix, in one pass.
package convert

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/checkpoint/formats"
	"github.com/gosling-rwkv/gosling/quant"
	"github.com/gosling-rwkv/gosling/rwkv"
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

// partOf is the end of the name of one file of a model in several.
var partOf = regexp.MustCompile(`-\d{5}-of-\d{5}$`)

// stem is a path without the ending of a checkpoint, and without the number of a part. Other dots belong to the name, as in
// "1.5B".
func stem(path string) string {
	path = strings.TrimSuffix(filepath.Clean(path), ".index.json")
	if ext := filepath.Ext(path); slices.Contains([]string{".pth", ".pt", ".bin", ".ckpt", ".safetensors", ".st"}, strings.ToLower(ext)) {
		return partOf.ReplaceAllString(strings.TrimSuffix(path, ext), "")
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
	if file.Unclear != nil && refuse(file) == "" {
		return Result{}, fmt.Errorf("%s: %w", in, file.Unclear)
	}
	state, err := o.State.into(file)
	if err != nil {
		return Result{}, err
	}
	defer state.Close()
	p, err := newPlan(ctx, file, o)
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
