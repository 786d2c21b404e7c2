package plain

import (
	"fmt"
	"slices"

	"github.com/gosling-rwkv/gosling/rwkv"
)

// Weights are a model's tensors in float64, by their GGUF names. A vector is a matrix of one row.
type Weights map[string]Matrix

// Load converts the weights of a table to float64. The error names a tensor that is missing or has another size.
func Load(table []rwkv.TensorSpec, weights rwkv.RefWeights) (Weights, error) {
	w := Weights{}
	for _, spec := range table {
		if spec.Optional {
			continue
		}
		x, ok := weights(spec.Name)
		if !ok {
			return nil, fmt.Errorf("tensor %q is missing", spec.Name)
		}
		if int64(len(x.Data)) != spec.Elements() {
			return nil, fmt.Errorf("tensor %q has %d elements, want %d", spec.Name, len(x.Data), spec.Elements())
		}
		wide := make([]float64, len(x.Data))
		for i, v := range x.Data {
			wide[i] = float64(v)
		}
		w[spec.Name] = Matrix{wide, x.Product}
	}
	return w, nil
}

// get returns the tensor with this name. It panics if the table has none.
func (w Weights) get(name string) Matrix {
	m, ok := w[name]
	if !ok {
		panic(fmt.Sprintf("plain: internal error: the table lacks %q", name))
	}
	return m
}

// Vector returns the elements of the tensor with this name.
func (w Weights) Vector(name string) []float64 { return w.get(name).data }

// Norm returns the norm with this name.
func (w Weights) Norm(name string) Norm {
	return Norm{w.Vector(name + ".weight"), w.Vector(name + ".bias")}
}

// Layer returns functions that look up a layer's matrices and vectors. A name is the part between "blk.N." and ".weight".
func (w Weights) Layer(i int) (matrix func(name string) Matrix, vector func(name string) []float64) {
	matrix = func(name string) Matrix { return w.get(rwkv.LayerName(i, name+".weight")) }
	return matrix, func(name string) []float64 { return matrix(name).data }
}

// Mixers are the parts in which versions differ, for one token. x is the normed input of the layer, prev that of the previous
// token. TimeMix updates the layer's own states in place: those between the two shifts in the state table.
type Mixers struct {
	TimeMix    func(layer int, x, prev []float64, state [][]float64) []float64
	ChannelMix func(layer int, x, prev []float64) []float64
	Rescale    int // number of layers after which the residual stream is halved; 0 is never
}

// Reference is the frame that all versions share: embedding, norms, residual stream, token shifts and head. A layer's states are
// the time mix's shift, the states of the recurrence, and the channel mix's shift. start makes the states at the beginning of a
// text. mixers makes the mixers for one call.
func (w Weights) Reference(c rwkv.Config, start func() [][]float64, mixers func() Mixers) rwkv.Reference {
	return func(state [][]float64, tokens []int32) (logits, next [][]float64, err error) {
		next = start()
		if c.Tuned {
			w.begin(c, next)
		}
		if state != nil && len(state) != len(next) {
			return nil, nil, fmt.Errorf("a state of %d tensors, want %d", len(state), len(next))
		}
		for i := range state {
			next[i] = slices.Clone(state[i])
		}
		m := mixers()
		for i, token := range tokens {
			if token < 0 || int(token) >= c.Vocab {
				return nil, nil, fmt.Errorf("token %d at %d: the model has %d", token, i, c.Vocab)
			}
			logits = append(logits, w.step(c, m, next, int(token)))
		}
		return logits, next, nil
	}
}

// begin replaces the recurrence's only tensor by the tuned state, in every layer that has one.
func (w Weights) begin(c rwkv.Config, state [][]float64) {
	perLayer := len(state) / c.Layers
	for i := range c.Layers {
		if x, ok := w[rwkv.LayerName(i, rwkv.TunedState)]; ok {
			state[i*perLayer+1] = slices.Clone(x.data)
		}
	}
}

// step computes one token through all layers (section 3 of the RWKV-5/6 paper, figure 1 of the RWKV-7 paper).
func (w Weights) step(c rwkv.Config, m Mixers, state [][]float64, token int) []float64 {
	eps := float64(c.NormEps)
	perLayer := len(state) / c.Layers
	x := w.Norm(rwkv.TokenEmbdNorm).Of(w.Vector(rwkv.TokenEmbd)[token*c.Embed:][:c.Embed], eps)
	for i := range c.Layers {
		s := state[i*perLayer:][:perLayer]
		att, ffn := &s[0], &s[perLayer-1]

		in := w.Norm(rwkv.LayerName(i, rwkv.AttnNorm)).Of(x, eps)
		x = Add(x, m.TimeMix(i, in, *att, s[1:perLayer-1]))
		*att = in

		in = w.Norm(rwkv.LayerName(i, rwkv.AttnNorm2)).Of(x, eps)
		x = Add(x, m.ChannelMix(i, in, *ffn))
		*ffn = in

		if m.Rescale > 0 && (i+1)%m.Rescale == 0 {
			x = Apply(x, func(v float64) float64 { return v / 2 })
		}
	}
	return w.get(rwkv.Output).Times(w.Norm(rwkv.OutputNorm).Of(x, eps))
}

// Start returns the states of all layers at the beginning of a text: zeros for the shifts, and copies of recurrence between them.
func Start(c rwkv.Config, recurrence ...[]float64) [][]float64 {
	var state [][]float64
	for range c.Layers {
		state = append(state, make([]float64, c.Embed))
		for _, s := range recurrence {
			state = append(state, slices.Clone(s))
		}
		state = append(state, make([]float64, c.Embed))
	}
	return state
}
