package op

import (
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// The token-shift states that all versions have.
const (
	attShift = "att_shift" // the last normed input of the time mix, [channels]
	ffnShift = "ffn_shift" // the last normed input of the channel mix, [channels]
)

// States lists the states of all layers: for each layer the time mix's shift, the states of the recurrence, and the channel mix's
// shift.
func States(c rwkv.Config, recurrence ...rwkv.StateSpec) []rwkv.StateSpec {
	var specs []rwkv.StateSpec
	for i := range c.Layers {
		specs = append(specs, rwkv.StateSpec{Layer: i, Name: attShift, Elements: int64(c.Embed)})
		for _, s := range recurrence {
			s.Layer = i
			if s.Tuned != "" {
				s.Tuned = rwkv.LayerName(i, s.Tuned)
			}
			specs = append(specs, s)
		}
		specs = append(specs, rwkv.StateSpec{Layer: i, Name: ffnShift, Elements: int64(c.Embed)})
	}
	return specs
}

// Norm is a norm over channels: a layer norm, or an RMS norm if it has no Bias.
type Norm struct{ Weight, Bias ggml.Tensor }

// NormOf returns the norm with this name.
func NormOf(w rwkv.Weights, name string) Norm { return Norm{w(name + ".weight"), w(name + ".bias")} }

// of normalizes x over channels.
func (n Norm) of(x ggml.Tensor, eps float32) ggml.Tensor {
	if n.Bias.IsZero() {
		return x.RMSNorm(eps).Mul(n.Weight)
	}
	return x.Norm(eps).Mul(n.Weight).Add(n.Bias)
}

// shifted is what a mix of the normed x begins with.
func (n Norm) shifted(b rwkv.Batch, x ggml.Tensor, eps float32, state ggml.Tensor) Shifted {
	return Shifted{batch: b, stream: x, norm: n, eps: eps, state: state}
}

// Frame is what all versions share: the norms around the residual stream, and the head.
type Frame struct {
	config                rwkv.Config
	head                  ggml.Tensor
	embedNorm, outputNorm Norm
	norm1, norm2          []Norm
}

// Mixers are the parts in which versions differ. TimeMix updates the layer's own states.
type Mixers struct {
	TimeMix    func(layer int, in Shifted) ggml.Tensor
	ChannelMix func(layer int, in Shifted) ggml.Tensor
	Rescale    int // number of layers after which the residual stream is halved; 0 is never
}

// NewFrame binds the weights.
func NewFrame(c rwkv.Config, w rwkv.Weights) *Frame {
	f := &Frame{
		config: c, head: w(rwkv.Output),
		embedNorm: NormOf(w, rwkv.TokenEmbdNorm), outputNorm: NormOf(w, rwkv.OutputNorm),
	}
	for i := range c.Layers {
		f.norm1 = append(f.norm1, NormOf(w, rwkv.LayerName(i, rwkv.AttnNorm)))
		f.norm2 = append(f.norm2, NormOf(w, rwkv.LayerName(i, rwkv.AttnNorm2)))
	}
	return f
}

// Forward builds the whole model. It returns the outputs that the batch asks for.
func (f *Frame) Forward(b rwkv.Batch, m Mixers) ggml.Tensor {
	eps := f.config.NormEps
	x := f.embedNorm.of(b.Embedded, eps)
	last := f.config.Layers - 1
	for i := range f.config.Layers {
		x = x.Add(m.TimeMix(i, f.norm1[i].shifted(b, x, eps, b.State(i, attShift))))

		in := f.norm2[i].shifted(b, x, eps, b.State(i, ffnShift))
		if i == last {
			if b.Outputs == rwkv.NoLogits {
				in.Both() // for the state
				return ggml.Tensor{}
			}
			if b.LastOf != nil { // only these tokens are needed from here on
				in.last, x = true, lastOf(b, x)
			}
		}
		x = x.Add(m.ChannelMix(i, in))

		if n := m.Rescale; n > 0 && (i+1)%n == 0 {
			x = x.Scale(0.5)
		}
	}
	x = f.outputNorm.of(x, eps)
	if b.Outputs.Hidden() {
		return x
	}
	return x.MatMul(f.head)
}
