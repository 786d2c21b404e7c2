// Package adapter merges what low-rank fine-tuning (LoRA) made into the checkpoint that it was made of, tensor by tensor, as
// they are read:
//
//	W' = W + alpha/rank · B·A    with A [rank, in], B [out, rank], W [out, in]
//
// It reads the forms that RWKV's tools and Hugging Face's PEFT write: pairs named like the weight with .lora_A and .lora_B in
// place of (or before) .weight, and whole tensors beside them, such as norms, which take the place of the model's. A pair that
// began as the weight's largest singular values (PiSSA) is merged with those taken away first:
//
//	W' = W - B₀·A₀ + B·A
//
// Limits: DoRA, DiSHA (bone) and adapters of embeddings are refused by name.
package adapter

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"strings"

	"gosling/checkpoint"
)

// Options of a merge.
type Options struct {
	Alpha float64          // the scale that it was trained with; 0 for that of Config
	Init  *checkpoint.File // PiSSA's beginning of the pairs; nil for LoRA
	Config
}

// Config is what PEFT's adapter_config.json says.
type Config struct {
	Type         string             `json:"peft_type"`
	Alpha        float64            `json:"lora_alpha"`
	RankRoot     bool               `json:"use_rslora"` // divided by the root of the rank
	DoRA         bool               `json:"use_dora"`
	FanInFanOut  bool               `json:"fan_in_fan_out"`
	AlphaPattern map[string]float64 `json:"alpha_pattern"`
	Begun        any                `json:"init_lora_weights"` // how: a word, or true for as usual
}

// changing are the ways to begin an adapter that change the weight it is for too.
var changing = regexp.MustCompile(`(?i)^(pissa|olora|corda|loftq)`)

// check refuses what is merged in another way.
func (c Config) check() error {
	switch {
	case c.Type != "" && !strings.EqualFold(c.Type, "LORA"):
		return fmt.Errorf("its adapter_config.json says %q: only LoRA can be merged here", c.Type)
	case c.DoRA:
		return fmt.Errorf("it is a DoRA adapter (use_dora), which is merged in another way: merge it with PEFT first")
	case c.FanInFanOut || len(c.AlphaPattern) > 0:
		return fmt.Errorf("its adapter_config.json asks for fan_in_fan_out or an alpha_pattern: merge it with PEFT first")
	}
	if way, _ := c.Begun.(string); changing.MatchString(way) {
		return fmt.Errorf("its adapter_config.json says that it began as %q, which changed the model's weights: have PEFT save it as LoRA (path_initial_model_for_weight_conversion)", way)
	}
	return nil
}

// Adapter is an adapter file, taken apart.
type Adapter struct {
	file    *checkpoint.File
	options Options
	pairs   map[string]*pair             // by the name of the weight
	order   []string                     // of the pairs
	whole   map[string]checkpoint.Tensor // tensors that take the place of the model's
}

// pair is the two factors of a weight's change.
type pair struct{ a, b checkpoint.Tensor }

var (
	// halves are the names of factors: the weight's name without ".weight", A or B, and the name PEFT gives an adapter in memory.
	halves = regexp.MustCompile(`^(.*)\.(init_)?lora_([AB])(?:\.default)?(?:\.weight)?$`)
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
}

// New takes an adapter file apart. It stays open until the adapter is closed.
func New(f *checkpoint.File, o Options) (*Adapter, error) {
	if err := o.Config.check(); err != nil {
		return nil, err
	}
	a := &Adapter{file: f, options: o, pairs: map[string]*pair{}, whole: map[string]checkpoint.Tensor{}}
	if err := a.sort(f.Tensors); err != nil {
		return nil, err
	}
	if len(a.pairs) == 0 {
		return nil, fmt.Errorf("it holds no low-rank pairs (lora_A and lora_B), so it is no LoRA adapter")
	}
	for _, name := range a.order {
		if err := a.pairs[name].check(name); err != nil {
			return nil, err
		}
	}
	alpha := a.alpha()
	if !(alpha >= 0) || math.IsInf(alpha, 1) {
		return nil, fmt.Errorf("an alpha of %v: want a positive number", alpha)
	}
	if alpha == 0 && o.Init == nil {
		return nil, fmt.Errorf("it does not say the alpha it was trained with: give --lora-alpha (the rank is %d)", a.Rank())
	}
	return a, nil
}

// sort puts the tensors in their places.
func (a *Adapter) sort(tensors []checkpoint.Tensor) error {
	for _, t := range tensors {
		t.Name = prefixes.ReplaceAllString(t.Name, "")
		for _, other := range foreign {
			if strings.Contains(t.Name, other.part) {
				return fmt.Errorf("it is %s (it has %q), which cannot be merged here: merge it with the program that made it first", other.what, t.Name)
			}
		}
		m := halves.FindStringSubmatch(t.Name)
		if m == nil {
			name := strings.Replace(t.Name, ".modules_to_save", "", 1)
			t.Name = name
			a.whole[name] = t
			continue
		}
		if m[2] != "" {
			return fmt.Errorf("it is what a PiSSA adapter began with (it has %q): name it with --lora-init, and the trained adapter with --lora", t.Name)
		}
		name := m[1] + ".weight"
		p := a.pairs[name]
		if p == nil {
			p = &pair{}
			a.pairs[name] = p
			a.order = append(a.order, name)
		}
		half := &p.a
		if m[3] == "B" {
			half = &p.b
		}
		if half.Name != "" {
			return fmt.Errorf("tensors %q and %q are both lora_%s of %q", half.Name, t.Name, m[3], name)
		}
		*half = t
	}
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

// Close closes the adapter's files. What was merged cannot be read any more.
func (a *Adapter) Close() error {
	err := a.file.Close()
	if a.options.Init != nil {
		err = errors.Join(err, a.options.Init.Close())
	}
	return err
}

// Rank is that of the first pair.
func (a *Adapter) Rank() int64 { return a.pairs[a.order[0]].a.Shape[0] }

// Path is the adapter's file.
func (a *Adapter) Path() string { return a.file.Path }

// Name is the adapter file's name without its ending.
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
