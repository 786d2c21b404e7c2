// Package synth makes RWKV checkpoints of every version with random weights, in the shapes and ranges of trained ones.
// Activations stay of order 1. Decays, mixing vectors and rates have values like those after training. Logits are finite and varied.
// The text of such a model is noise, but its speed, memory and file size are those of a real one.
//
// The same Config gives the same file on every machine, with any number of cores.
//
// Limits: weights are BF16.
package synth

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// Config says which model to make. A field that is 0 gets the default named here.
type Config struct {
	Version  string // "4", "5.0", "5.1", "5.2", "6", or "7", which is the default; or a hybrid
	Layers   int    // default 12
	Embed    int    // channels, a multiple of HeadSize; default 768
	FFN      int    // width of the channel mix; the default depends on the version, 3.5·Embed or 4·Embed
	HeadSize int    // default 64; version 4 has none
	Vocab    int    // default 65536, as in the World models
	Ranks    Ranks
	Seed     uint64

	// FirstValue also adds the value residual's tensors to layer 0, where nothing reads them. G1 models have them, World models
	// do not.
	FirstValue bool

	// For hybrids: the number of key and value heads, by default a quarter of all heads, and which optional parts the model
	// lacks.
	KVHeads                      int
	NoGate, NoHeadNorm, NoBiases bool
}

// Ranks are the widths of the low-rank pairs. A rank that is 0 is derived from Embed. All derived ranks differ.
type Ranks struct {
	Decay             int // versions 6 and 7
	Rate, Value, Gate int // version 7
	Mix               int // version 6
}

// withDefaults fills in the defaults and rejects impossible values.
func (c Config) withDefaults() (Config, error) {
	set := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	if c.Version == "" {
		c.Version = "7"
	}
	v, ok := versions[c.Version]
	if !ok {
		if v, ok = hybrids[c.Version]; !ok {
			return c, fmt.Errorf("there is no version %q: want one of %s", c.Version, strings.Join(slices.Concat(Versions(), Hybrids()), ", "))
		}
	}
	set(&c.Layers, 12)
	set(&c.Embed, 768)
	set(&c.FFN, int(v.ffn*float64(c.Embed))/32*32)
	set(&c.HeadSize, 64)
	set(&c.Vocab, 65536)
	set(&c.KVHeads, quarter(c.Embed/max(c.HeadSize, 1)))
	width := math.Sqrt(float64(max(c.Embed, 0)))
	set(&c.Ranks.Decay, rank(2.4*width))
	set(&c.Ranks.Rate, rank(1.8*width))
	set(&c.Ranks.Value, rank(1.2*width))
	set(&c.Ranks.Gate, rank(4*width))
	set(&c.Ranks.Mix, rank(0.7*width))
	for _, n := range []int{c.Layers, c.Embed, c.FFN, c.HeadSize, c.Vocab, c.Ranks.Decay, c.Ranks.Rate, c.Ranks.Value, c.Ranks.Gate, c.Ranks.Mix, c.KVHeads} {
		if n < 1 || n > 1<<24 {
			return c, fmt.Errorf("a dimension of %d: want 1 to %d", n, 1<<24)
		}
	}
	if c.Embed%c.HeadSize != 0 {
		return c, fmt.Errorf("%d channels do not divide into heads of %d", c.Embed, c.HeadSize)
	}
	if c.Embed/c.HeadSize%c.KVHeads != 0 {
		return c, fmt.Errorf("%d heads cannot share keys of %d", c.Embed/c.HeadSize, c.KVHeads)
	}
	if c.Layers > 1<<10 {
		return c, errors.New("more than 1024 layers")
	}
	return c, nil
}

// quarter returns the number of key and value heads.
func quarter(heads int) int {
	if heads%4 == 0 {
		return heads / 4
	}
	return max(heads, 1)
}

// rank rounds to a multiple of 8.
func rank(width float64) int { return max(1, int(math.Round(width/8))) * 8 }

// Parameters returns the number of weights.
func (c Config) Parameters() (int64, error) {
	c, err := c.withDefaults()
	if err != nil {
		return 0, err
	}
	var n int64
	for _, t := range c.tensors() {
		n += t.elements()
	}
	return n, nil
}

// FileName returns a file name by RWKV's naming rule for a version and a size label, such as "7" and "1.5B".
func FileName(version, label string) string {
	return fmt.Sprintf("RWKV-%s-Synth-%s-v1-20260101-ctx4096.pth", versions[version].label, label)
}

// version holds the differences between versions.
type version struct {
	label  string // in file names
	ffn    float64
	mixers func(*model) // adds the tensors of a layer that are not norms
}

var versions = map[string]version{
	"4":   {"4", 4, version4},
	"5.0": {"5", 4, func(m *model) { version5(m, false, true) }},
	"5.1": {"5", 3.5, func(m *model) { version5(m, true, true) }},
	"5.2": {"5", 3.5, func(m *model) { version5(m, true, false) }},
	"6":   {"x060", 3.5, version6},
	"7":   {"x070", 4, version7},
}

// hybrids are the models that only exist as GGUF files, not as checkpoints.
var hybrids = map[string]version{
	"arwkv7":     {"arwkv7", 5.25, hybrid7},
	"rwkv6qwen2": {"rwkv6qwen2", 5.25, hybrid6},
}

// Hybrids lists the hybrids that can be made, by their GGUF architectures.
func Hybrids() []string { return slices.Sorted(maps.Keys(hybrids)) }

// Versions lists the versions that can be made.
func Versions() []string { return slices.Sorted(maps.Keys(versions)) }
