// Package convert makes GGUF files from training checkpoints.
//
// Run converts one checkpoint. It works in four steps:
//
//  1. It opens the checkpoint, whatever format and layout it has (package checkpoint/formats), and merges adapters into it.
//  2. It finds the RWKV version from the names of the tensors, and the dimensions from their shapes.
//  3. It finds every tensor of the version's table in the checkpoint, the tokenizer, and a tuned state if there is one. If something
//     is missing, left over or of another shape, it stops here and has written nothing.
//  4. It writes the tensors in the types of a mix (package quant), piece by piece on many threads. Memory does not grow with the model.
//
// Check does the second and third step for an open checkpoint and returns everything that is wrong. Types such as Q4_K_M need ggml, through
// Options.Write.Quantizer. F32, F16 and BF16 do not.
//
// The result runs in llama.cpp too, if llama.cpp knows the version. docs/format describes the files.
//
// Limits: checkpoints of hybrids, of models with experts and of RWKV-7a, 7b and 8 are refused.
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

// Options say how to convert a checkpoint. Only Mix must be set.
type Options struct {
	Mix       quant.Mix       // which tensor gets which type
	Overrides quant.Overrides // types of single tensors. They take precedence over the mix
	Write     quant.Options   // how the file is written. Input is set by Run

	// Vocab is the file with the vocabulary: rwkv_vocab_*.txt, tokenizer.json or GGUF. If it is empty, Run takes the tokenizer.json of a
	// folder in Hugging Face's layout, or else a known vocabulary of as many tokens as the model has.
	Vocab string

	// GroupNormEps is the epsilon of the norm after the recurrence. The tensors do not contain it. 0 stands for the value in config.json,
	// or else for the usual one. A checkpoint that has neither gives a *NoGroupNormError.
	GroupNormEps float32

	// Dialect is the layout of the checkpoint, dialect.PTH or dialect.WebRWKV. If it is empty, the tensors must tell the layout. If
	// they do not, the error wraps a *dialect.Unclear.
	Dialect string

	Adapters []Adapter // merged into the model, in this order
	State    State     // the tuned state that texts begin with
}

// Adapter is a low-rank fine-tuning that is merged into the model.
type Adapter struct {
	Path  string
	Alpha float64 // the scale of the training. 0 stands for the value in adapter_config.json
	Init  string  // the file that PiSSA began with. Empty for LoRA
}

// Result describes a converted model.
type Result struct {
	quant.Report
	Arch    rwkv.Arch
	Config  rwkv.Config
	Notices []Notice // what the user should know
}

// Notice is something that the user should know about a converted model.
type Notice struct {
	Text   string // one sentence
	Option Option // the option that would have changed the result, or ""
}

func (n Notice) String() string { return n.Text }

// Option names an option that a Notice is about.
type Option string

// The options that notices are about.
const (
	Vocab       Option = "Options.Vocab" // the model got no tokenizer
	AdapterInit Option = "Adapter.Init"  // the adapter may need its initial values
)

// DefaultOutput returns a name for the converted file: that of the input with the mix in place of the ending.
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

// Run converts the checkpoint in to the GGUF file out. The input is a file or a folder in Hugging Face's layout. Run first finds every
// tensor, and only then writes. The output appears when it is complete. If there is an error, or ctx ends, there is no output.
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
	if file.Unclear != nil && refuse(file) == nil {
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
			p.notices = append(p.notices, Notice{a.Path + " is merged as LoRA, and an adapter that was trained as PiSSA cannot be told from it", AdapterInit})
		}
	}
	o.Write.Input = in
	report, err := quant.Write(ctx, out, p.keys, p.sources, o.Write)
	if err != nil {
		return Result{}, err
	}
	return Result{Report: report, Arch: p.arch, Config: p.config, Notices: p.notices}, nil
}
