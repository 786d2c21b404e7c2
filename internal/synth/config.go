// Package synth makes RWKV-7 checkpoints of random weights, of the shapes and ranges of trained ones: activations stay
// of order 1, decays, mixing vectors and rates lie where training puts them, and logits are finite and varied. The
// words of such a model are noise, but its speed, memory and file sizes are those of a real one.
//
// The same Config gives the same file on every machine, whatever its number of cores.
//
// Limits: only version 7; weights are BF16.
package synth

import (
	"errors"
	"fmt"
	"math"
)

// Config says which model to make. Fields that are 0 get the defaults named.
type Config struct {
	Layers   int // default 12
	Embed    int // channels, a multiple of HeadSize; default 768
	FFN      int // width of the channel mix; default 4·Embed
	HeadSize int // default 64
	Vocab    int // default 65536, that of the World models
	Ranks    Ranks
	Seed     uint64

	// FirstValue puts the tensors of the value residual into layer 0 too, where nothing reads them, as the G1 models
	// have them and the World models have not.
	FirstValue bool
}

// Ranks are the widths of the low-rank pairs. Those that are 0 are chosen by Embed, all different.
type Ranks struct {
	Decay, Rate, Value, Gate int
}

// withDefaults fills in what is 0 and refuses what no model can have.
func (c Config) withDefaults() (Config, error) {
	set := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	set(&c.Layers, 12)
	set(&c.Embed, 768)
	set(&c.FFN, 4*c.Embed)
	set(&c.HeadSize, 64)
	set(&c.Vocab, 65536)
	width := math.Sqrt(float64(max(c.Embed, 0)))
	set(&c.Ranks.Decay, rank(2.4*width))
	set(&c.Ranks.Rate, rank(1.8*width))
	set(&c.Ranks.Value, rank(1.2*width))
	set(&c.Ranks.Gate, rank(4*width))
	for _, n := range []int{c.Layers, c.Embed, c.FFN, c.HeadSize, c.Vocab, c.Ranks.Decay, c.Ranks.Rate, c.Ranks.Value, c.Ranks.Gate} {
		if n < 1 || n > 1<<24 {
			return c, fmt.Errorf("a dimension of %d: want 1 to %d", n, 1<<24)
		}
	}
	if c.Embed%c.HeadSize != 0 {
		return c, fmt.Errorf("%d channels do not divide into heads of %d", c.Embed, c.HeadSize)
	}
	if c.Layers > 1<<10 {
		return c, errors.New("more than 1024 layers")
	}
	return c, nil
}

// rank rounds to a multiple of 8.
func rank(width float64) int { return max(1, int(math.Round(width/8))) * 8 }

// Parameters is the number of weights.
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

// FileName is a name by RWKV's rule, for a model of that size label, such as "1.5B".
func FileName(label string) string {
	return fmt.Sprintf("RWKV-x070-Synth-%s-v1-20260101-ctx4096.pth", label)
}
