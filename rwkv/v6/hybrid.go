package v6

import (
	"fmt"
	"math"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/op"
)

// hybridFromGGUF reads the dimensions from a GGUF file's keys. The tensors tell whether there are biases.
func hybridFromGGUF(m rwkv.Metadata, tensors rwkv.Shapes) (rwkv.Config, error) {
	c := rwkv.NewConfig(Hybrid().Name)
	var d Dims
	err := rwkv.ReadHybridKeys(&c, m, tensors,
		rwkv.KeyDim{Key: "time_mix_extra_dim", To: &d.MixRank},
		rwkv.KeyDim{Key: "time_decay_extra_dim", To: &d.DecayRank},
		rwkv.KeyDim{Key: "attention.head_count_kv", To: &d.KVHeads, Optional: true},
	)
	if err != nil {
		return c, err
	}
	_, d.Biases = tensors(rwkv.LayerName(0, key+".bias"))
	c.Own = d
	if err := check(c); err != nil {
		return c, err
	}
	if d.KVHeads == 0 {
		d.KVHeads = c.Heads()
	}
	if c.Heads()%d.KVHeads != 0 {
		return c, fmt.Errorf("%d heads cannot share keys of %d", c.Heads(), d.KVHeads)
	}
	c.Own = d
	return c, nil
}

func hybridKeys(c rwkv.Config) []gguf.KV {
	return c.HybridKeysWith(append(rankKeys(c), gguf.KV{Key: "attention.head_count_kv", Value: uint32(dims(c).KVHeads)})...)
}

func hybridTensors(c rwkv.Config) []rwkv.TensorSpec { return rwkv.HybridTable(c, hybridTimeMix) }

// hybridTimeMix adds the tensors of layer i's time mix.
func hybridTimeMix(t *rwkv.Table, c rwkv.Config, i int) {
	to, channels, shared := rwkv.LayerName(i, ""), int64(c.Embed), int64(dims(c).KVHeads*c.HeadSize)
	tokenShift(t, c, to, "")
	decay(t, c, to, "")
	for _, m := range []struct {
		name string
		out  int64
		bias bool
	}{{receptance, channels, true}, {key, shared, true}, {value, shared, true}, {gate, channels, false}, {output, channels, false}} {
		t.Add(to+m.name+".weight", rwkv.Matrix, []int64{channels, m.out}, "")
		if m.bias && dims(c).Biases {
			t.Vector(to+m.name+".bias", m.out, "")
		}
	}
}

func hybridState(c rwkv.Config) []rwkv.StateSpec {
	return op.HybridStates(c, rwkv.StateSpec{Name: wkv, Elements: op.StateElements(c)})
}

// hybridLayer holds the weights of one layer: those it shares with version 6, and biases.
type hybridLayer struct {
	layer
	RBias, KBias, VBias ggml.Tensor
}

// newHybrid binds the weights and returns the function that builds graphs.
func newHybrid(c rwkv.Config, w rwkv.Weights) rwkv.Forward {
	frame := op.NewHybrid(c, w)
	var layers []hybridLayer
	for i, l := range newLayers(c, w) {
		hybrid := hybridLayer{layer: l}
		if dims(c).Biases {
			bias := func(name string) ggml.Tensor { return w(rwkv.LayerName(i, name+".bias")) }
			hybrid.RBias, hybrid.KBias, hybrid.VBias = bias(receptance), bias(key), bias(value)
		}
		layers = append(layers, hybrid)
	}
	return func(b rwkv.Batch) ggml.Tensor {
		return frame.Forward(b, func(i int, in op.Shifted) ggml.Tensor { return layers[i].timeMix(b, in) })
	}
}

// timeMix builds y = O(attention ⊙ σ(g)). It has the token shift and the decay of version 6, and gated linear attention in place
// of its recurrence: the key is scaled by 1-w, the part of the state that the decay removes. The state is as in
// version 6.
func (l *hybridLayer) timeMix(b rwkv.Batch, in op.Shifted) ggml.Tensor {
	x, dx := in.Both()
	lerp := l.lerps(b, x, dx)
	xw, xk, xv, xr, xg := lerp(0), lerp(1), lerp(2), lerp(3), lerp(4)

	r, k, v := xr.MatMul(l.R), xk.MatMul(l.K), xv.MatMul(l.V)
	if dims(l.config).Biases {
		r, k, v = r.Add(l.RBias), k.Add(l.KBias), v.Add(l.VBias)
	}
	g := xg.MatMul(l.G).Sigmoid()
	w := l.decay(xw)
	r = r.Scale(float32(1 / math.Sqrt(float64(l.config.HeadSize))))
	k, v = l.shared(k), l.shared(v)
	k = k.Sub(k.Mul(w))

	y := op.LinearAttention(b, l.config, l.index, k, v, r, w, b.State(l.index, wkv))
	return y.Mul(g).MatMul(l.O)
}

// shared repeats each key or value for the heads that share it: [head size · shared heads, tokens] becomes [channels, tokens].
func (l *hybridLayer) shared(x ggml.Tensor) ggml.Tensor {
	size, heads, few, tokens := int64(l.config.HeadSize), int64(l.config.Heads()), int64(dims(l.config).KVHeads), x.Rows()
	if few < heads {
		x = x.Reshape(size, 1, few, tokens).Repeat(size, heads/few, few, tokens)
	}
	return x.Reshape(size*heads, tokens)
}
