package synth

import (
	"fmt"
	"math"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/pth"
)

// tensor is one tensor of the model and how to draw its elements.
type tensor struct {
	name  string
	shape []int64
	scale float64                            // for a matrix: the standard deviation of its elements
	at    func(i int, noise float64) float64 // for a vector: returns element i, given a normally distributed number
}

func (t tensor) elements() int64 { return checkpoint.Tensor{Shape: t.shape}.Elements() }

func (t tensor) spec() pth.Spec {
	return pth.Spec{Name: t.name, DType: checkpoint.BF16, Shape: t.shape}
}

// tensors lists the model's tensors in the order in which training saves them.
func (c Config) tensors() []tensor {
	m := &model{Config: c}
	if _, hybrid := hybrids[c.Version]; hybrid {
		m.hybrid()
		return m.list
	}
	m.matrix("emb.weight", c.Vocab, c.Embed, 1)
	for i := range c.Layers {
		m.layer(i)
	}
	m.norm("ln_out")
	m.matrix("head.weight", c.Vocab, c.Embed, 2.4)
	return m.list
}

// model collects the list of tensors.
type model struct {
	Config
	list   []tensor
	layerN int // the current layer
	prefix string
}

func (m *model) add(name string, shape []int64, scale float64, at func(int, float64) float64) {
	m.list = append(m.list, tensor{m.prefix + name, shape, scale, at})
}

// matrix adds a linear layer [out, in] whose result is gain times as large as its input.
func (m *model) matrix(name string, out, in int, gain float64) {
	m.add(name, []int64{int64(out), int64(in)}, gain/math.Sqrt(float64(in)), nil)
}

// pair adds both matrices of a low-rank pair, [channels, rank] and [rank, channels]. middle is the size of the values between
// them, gain the size of the result.
func (m *model) pair(letter string, rank int, middle, gain float64) {
	c := float64(m.Embed)
	m.add("att."+letter+"1", []int64{int64(m.Embed), int64(rank)}, middle/math.Sqrt(c), nil)
	m.add("att."+letter+"2", []int64{int64(rank), int64(m.Embed)}, gain/math.Sqrt(float64(rank)), nil)
}

// vector adds a vector over the channels, of shape [1, 1, channels]. at returns its elements. It gets the channel's place in its
// head and in the model, each from 0 to 1.
func (m *model) vector(name string, at func(head, place, noise float64) float64) {
	last, size := float64(max(m.Embed-1, 1)), m.HeadSize
	m.add(name, []int64{1, 1, int64(m.Embed)}, 0, func(i int, noise float64) float64 {
		return at(float64(i%size)/float64(max(size-1, 1)), float64(i)/last, noise)
	})
}

// norm adds a layer norm.
func (m *model) norm(name string) {
	shape := []int64{int64(m.Embed)}
	m.add(name+".weight", shape, 0, func(_ int, noise float64) float64 { return 1 + 0.08*noise })
	m.add(name+".bias", shape, 0, func(_ int, noise float64) float64 { return 0.05 * noise })
}

func (m *model) layer(n int) {
	m.layerN, m.prefix = n, fmt.Sprintf("blocks.%d.", n)
	m.norm("ln1")
	m.norm("ln2")
	if n == 0 {
		m.norm("ln0")
	}
	versions[m.Version].mixers(m)
	m.prefix = ""
}

// residual is the size of what each half of a layer adds to the stream. All of them together add as much as the embedding.
func (m *model) residual() float64 { return 1 / math.Sqrt(2*float64(m.Layers)) }

// depth is the place of the current layer, from 0 for the first to just below 1 for the last.
func (m *model) depth() float64 { return float64(m.layerN) / float64(m.Layers) }

// mix adds a token-shift vector that falls from 1 to 0 over the channels, faster in later layers.
func (m *model) mix(name string, power float64) {
	power *= 1 - m.depth()
	m.vector(name, func(_, place, noise float64) float64 {
		return min(max(1-math.Pow(place, power)+0.03*noise, 0), 1)
	})
}

// receptance is the size of the receptance. In the first layer it is so small that the epsilon of the norm after the recurrence
// matters, as in trained models.
func (m *model) receptance() float64 {
	if m.layerN == 0 {
		return 0.02
	}
	return 1
}

// rise adds a token-shift vector of versions 4 and 5 that rises from 0 to 1 over the channels.
func (m *model) rise(name string, power float64) {
	depth := m.depth()
	m.vector(name, func(_, place, noise float64) float64 {
		return min(max(math.Pow(place, power*(1-depth))+0.03*noise, 0), 1)
	})
}

// zigzag goes from -1 to 1 over a head, flat in the middle.
func zigzag(head float64) float64 {
	z := 2*head - 1
	return z * math.Abs(z)
}
