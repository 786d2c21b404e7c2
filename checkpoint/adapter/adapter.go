// Package adapter merges a low-rank adapter (LoRA) into the checkpoint that it was trained on, tensor by tensor as they are read:
//
//	W' = W + alpha/rank · B·A    with A [rank, in], B [out, rank], W [out, in]
//
// It reads the files of RWKV's tools and of Hugging Face's PEFT. Pairs are named like the weight, with .lora_A and .lora_B instead of
// (or before) .weight. Whole tensors next to them, such as norms, replace the model's. A PiSSA pair began as the weight's
// largest singular values, B₀·A₀. They are subtracted first:
//
//	W' = W - B₀·A₀ + B·A
//
// Names are those of the authors' files, or of the file that the adapter was trained on. checkpoint/dialect first gives the adapters of
// web-rwkv the names of a trainer.
//
// Limits: DoRA, DiSHA (bone) and adapters of embeddings are refused by name. Every setting of adapter_config.json that may change the
// merge in another way is refused too.
package adapter

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/internal/float"
)

// Options say how to merge an adapter.
type Options struct {
	Alpha float64          // the scale that the adapter was trained with; 0 means Config.Alpha
	Init  *checkpoint.File // the file with the initial values of a PiSSA adapter; nil for LoRA
	Config
}

// Adapter is an open adapter file. The caller closes it.
type Adapter struct {
	file    *checkpoint.File
	options Options
	pairs   map[string]*pair // by the name of the weight
	order   []string         // of the pairs
	whole   map[string]whole // tensors that take the place of the model's
}

// whole is a tensor under the model's name for it, and its name in the adapter's file.
type whole struct {
	checkpoint.Tensor
	full string
}

// pair is the two factors of a weight's change.
type pair struct{ a, b checkpoint.Tensor }

var (
	// halves are the names of factors: the weight's name without ".weight", A or B, and the name that an adapter in memory has
	// in PEFT, such as "default", which files of a whole state dict keep.
	halves = regexp.MustCompile(`^(.*)\.(init_)?lora_([AB])(?:\.([^.]+))??(?:\.weight)?$`)
	// prefixes are put before the model's own names by trainers.
	prefixes = regexp.MustCompile(`^(?:_forward_module\.|base_model\.model\.)+`)
)

// foreign are parts of names that belong to other kinds of adapters.
var foreign = []struct{ part, what string }{
	{".lora_embedding_", "an adapter of the embedding"},
	{".lora_magnitude_vector", "a DoRA adapter"},
	{".disha", "a DiSHA (bone) adapter"},
	{".bone", "a bone adapter"},
	{".gbmm", "a bone adapter"},
	{".miss", "a MiSS adapter"},
	{".lora_", "an adapter of another kind than LoRA"}, // after the halves of pairs
}

// AlphaError is the error of an adapter whose alpha is unknown: the configuration and the options do not give one.
type AlphaError struct{ rank int64 }

func (e *AlphaError) Error() string {
	return fmt.Sprintf("it does not say the alpha it was trained with (the rank is %d)", e.rank)
}

// InitError is the error of a file that holds the initial values of a PiSSA adapter, where the trained adapter is needed. Such a file
// belongs in Options.Init.
type InitError struct{ tensor string } // one of the initial values

func (e *InitError) Error() string {
	return fmt.Sprintf("it is what a PiSSA adapter began with (it has %q), not the trained adapter", e.tensor)
}

// New returns the adapter in f. The adapter keeps f open until it is closed. The error may be an *AlphaError or an *InitError.
func New(f *checkpoint.File, o Options) (*Adapter, error) {
	a := &Adapter{file: f, options: o, pairs: map[string]*pair{}, whole: map[string]whole{}}
	if err := a.sort(f.Tensors); err != nil {
		return nil, err
	}
	if len(a.pairs) == 0 {
		return nil, fmt.Errorf("it holds no low-rank pairs (lora_A and lora_B), so it is not a LoRA adapter")
	}
	for _, name := range a.order {
		p := a.pairs[name]
		if err := p.check(name); err != nil {
			return nil, err
		}
		if rank := p.a.Shape[0]; o.Rank != 0 && rank != int64(o.Rank) {
			return nil, fmt.Errorf("the pair of %q has rank %d, its adapter_config.json says %d (r): they are of two adapters", name, rank, o.Rank)
		}
	}
	alpha := a.alpha()
	if !(alpha >= 0) || !float.Finite(alpha) {
		return nil, fmt.Errorf("an alpha of %v: want a positive number", alpha)
	}
	if alpha == 0 && o.Init == nil {
		return nil, &AlphaError{a.rank()}
	}
	return a, nil
}

// unnamed is what PEFT calls an adapter that got no name.
const unnamed = "default"

// sort puts the tensors in their places.
func (a *Adapter) sort(tensors []checkpoint.Tensor) error {
	name := "" // of the adapter
	var others []checkpoint.Tensor
	for i, t := range tensors {
		t.Name = prefixes.ReplaceAllString(t.Name, "")
		m := halves.FindStringSubmatch(t.Name)
		switch {
		case m == nil || m[4] == "bias":
			others = append(others, t)
			continue
		case m[2] != "":
			return &InitError{t.Name}
		case name != "" && cmp.Or(m[4], unnamed) != name:
			return fmt.Errorf("it holds several adapters (%q and %q): have PEFT save the one to merge alone", name, cmp.Or(m[4], unnamed))
		}
		name = cmp.Or(m[4], unnamed)
		if err := a.half(tensors[i].Name, m[1]+".weight", m[3], t); err != nil {
			return err
		}
	}
	for _, t := range others {
		if err := a.keep(t, name); err != nil {
			return err
		}
	}
	return nil
}

// half puts lora_A or lora_B of a weight in its place.
func (a *Adapter) half(full, weight, which string, t checkpoint.Tensor) error {
	p := a.pairs[weight]
	if p == nil {
		p = &pair{}
		a.pairs[weight] = p
		a.order = append(a.order, weight)
	}
	half := &p.a
	if which == "B" {
		half = &p.b
	}
	if half.Name != "" {
		return fmt.Errorf("tensors %q and %q are both lora_%s of %q", half.Name, full, which, weight)
	}
	*half = t
	return nil
}

// keep keeps a tensor that takes the place of the model's. PEFT's state dicts have those of modules trained whole under the
// adapter's name, and the model's own beside them.
func (a *Adapter) keep(t checkpoint.Tensor, adapter string) error {
	for _, other := range foreign {
		if strings.Contains(t.Name, other.part) {
			return fmt.Errorf("it is %s (it has %q), which cannot be merged here: merge it with the program that made it first", other.what, t.Name)
		}
	}
	if strings.Contains(t.Name, ".original_module.") {
		return nil
	}
	full := t.Name
	t.Name = strings.Replace(t.Name, ".modules_to_save."+adapter+".", ".", 1)
	t.Name = strings.Replace(strings.Replace(t.Name, ".modules_to_save.", ".", 1), ".base_layer.", ".", 1)
	if first, twice := a.whole[t.Name]; twice {
		return fmt.Errorf("tensors %q and %q are both %q", first.full, full, t.Name)
	}
	a.whole[t.Name] = whole{t, full}
	return nil
}

// check holds the factors to each other.
func (p *pair) check(weight string) error {
	for i, t := range []checkpoint.Tensor{p.a, p.b} {
		if t.Name == "" {
			return fmt.Errorf("lora_%c of %q is missing: the file is incomplete", 'A'+i, weight)
		}
		if len(t.Shape) != 2 || t.Elements() == 0 {
			return fmt.Errorf("tensor %q is %v, want a matrix", t.Name, t.Shape)
		}
	}
	if p.a.Shape[0] != p.b.Shape[1] {
		return fmt.Errorf("tensors %q %v and %q %v are of different ranks: want [rank, in] and [out, rank]", p.a.Name, p.a.Shape, p.b.Name, p.b.Shape)
	}
	return nil
}

// Close closes the adapter's files. Tensors that the adapter was merged into cannot be read afterwards.
func (a *Adapter) Close() error {
	err := a.file.Close()
	if a.options.Init != nil {
		err = errors.Join(err, a.options.Init.Close())
	}
	return err
}

// Only returns the part of the adapter for the tensors whose names the function accepts. The part shares the adapter's files. Do not close
// it.
func (a *Adapter) Only(names func(string) bool) *Adapter {
	part := *a
	part.order = slices.DeleteFunc(slices.Clone(a.order), func(name string) bool { return !names(name) })
	part.whole = maps.Clone(a.whole)
	maps.DeleteFunc(part.whole, func(name string, _ whole) bool { return !names(name) })
	return &part
}

// rank is that of the first pair.
func (a *Adapter) rank() int64 { return a.pairs[a.order[0]].a.Shape[0] }

// Path returns the path of the adapter's file.
func (a *Adapter) Path() string { return a.file.Path }

// Name returns the name of the adapter's file without its ending.
func (a *Adapter) Name() string {
	base := filepath.Base(a.file.Path)
	if name := strings.TrimSuffix(base, filepath.Ext(base)); name != "adapter_model" {
		return name
	}
	if folder, err := filepath.Abs(filepath.Dir(a.file.Path)); err == nil {
		return filepath.Base(folder)
	}
	return base
}

// scale is what a pair's product is multiplied with.
func (a *Adapter) scale(p *pair) float64 {
	if a.options.Init != nil {
		return 1
	}
	rank := float64(p.a.Shape[0])
	if a.options.RankRoot {
		rank = math.Sqrt(rank)
	}
	return a.alpha() / rank
}

// alpha is the one given, or that of the configuration; 0 for none.
func (a *Adapter) alpha() float64 { return cmp.Or(a.options.Alpha, a.options.Config.Alpha) }
