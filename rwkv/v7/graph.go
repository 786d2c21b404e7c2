package v7

import (
	"fmt"

	"gosling/ggml"
	"gosling/rwkv"
	"gosling/rwkv/op"
)

// The states of a layer.
const (
	attShift = "att_shift" // the last normed input of the time mix, [channels]
	ffnShift = "ffn_shift" // the last normed input of the channel mix, [channels]
	wkvState = "wkv"       // S of each head, [key, value, head], heads padded as op.StateHead says
)

// State is what version 7 carries from token to token.
func State(c rwkv.Config) []rwkv.StateSpec {
	head := int64(op.StateHead(c.HeadSize))
	var specs []rwkv.StateSpec
	for i := range c.Layers {
		specs = append(specs,
			rwkv.StateSpec{Layer: i, Name: attShift, Elements: int64(c.Embed)},
			rwkv.StateSpec{Layer: i, Name: wkvState, Elements: head * head * int64(c.Heads())},
			rwkv.StateSpec{Layer: i, Name: ffnShift, Elements: int64(c.Embed)},
		)
	}
	return specs
}

// norm is a norm's scale and shift.
type norm struct{ Weight, Bias ggml.Tensor }

// layer holds the weights of one layer, by the letters of the paper. Matrices are [in, out].
type layer struct {
	config rwkv.Config
	index  int
	graph  *ggml.Graph

	Norm1, Norm2, GroupNorm norm
	Mu                      ggml.Tensor // lerp of r, w, k, v, a, g: [channels, 1, 1, 6]
	R, K, V, O              ggml.Tensor
	W0, W1, W2              ggml.Tensor // decay
	A0, A1, A2              ggml.Tensor // in-context learning rate
	V0, V1, V2              ggml.Tensor // value residual
	G1, G2                  ggml.Tensor // gate
	KK, KA, RK              ggml.Tensor // removal key, replacement rate, bonus

	FFNMu, FFNK, FFNV ggml.Tensor // channel mix
}

// model holds the weights of all layers.
type model struct {
	config                rwkv.Config
	Embedding, Head       ggml.Tensor
	EmbedNorm, OutputNorm norm
	layers                []layer
}

// New binds the weights and returns the builder of graphs.
func New(c rwkv.Config, w rwkv.Weights) rwkv.Forward {
	normOf := func(name string) norm { return norm{w(name + ".weight"), w(name + ".bias")} }
	m := &model{
		config: c, Embedding: w("token_embd.weight"), Head: w("output.weight"),
		EmbedNorm: normOf("token_embd_norm"), OutputNorm: normOf("output_norm"),
	}
	for i := range c.Layers {
		at := func(name string) ggml.Tensor { return w(fmt.Sprintf("blk.%d.%s.weight", i, name)) }
		m.layers = append(m.layers, layer{
			config: c, index: i,
			Norm1:     normOf(fmt.Sprintf("blk.%d.attn_norm", i)),
			Norm2:     normOf(fmt.Sprintf("blk.%d.attn_norm_2", i)),
			GroupNorm: normOf(fmt.Sprintf("blk.%d.time_mix_ln", i)),
			Mu:        at("time_mix_lerp_fused"),
			R:         at("time_mix_receptance"), K: at("time_mix_key"), V: at("time_mix_value"), O: at("time_mix_output"),
			W0: at("time_mix_w0"), W1: at("time_mix_w1"), W2: at("time_mix_w2"),
			A0: at("time_mix_a0"), A1: at("time_mix_a1"), A2: at("time_mix_a2"),
			V0: at("time_mix_v0"), V1: at("time_mix_v1"), V2: at("time_mix_v2"),
			G1: at("time_mix_g1"), G2: at("time_mix_g2"),
			KK: at("time_mix_k_k"), KA: at("time_mix_k_a"), RK: at("time_mix_r_k"),
			FFNMu: at("channel_mix_lerp_k"), FFNK: at("channel_mix_key"), FFNV: at("channel_mix_value"),
		})
	}
	return m.forward
}

// forward is the whole model: tokens in, logits out.
func (m *model) forward(b rwkv.Batch) ggml.Tensor {
	eps := m.config.NormEps
	x := b.Graph.Use(m.Embedding).GetRows(b.Tokens)
	x = op.LayerNorm(x, m.EmbedNorm.Weight, m.EmbedNorm.Bias, eps)

	var v0 ggml.Tensor // layer 0's value, which later layers mix in
	for i := range m.layers {
		l := m.layers[i]
		l.graph = b.Graph

		in := op.LayerNorm(x, l.Norm1.Weight, l.Norm1.Bias, eps)
		dx := op.TokenShift(b, in, b.State(i, attShift))
		y, v := l.timeMix(b, in, dx, v0)
		x = x.Add(y)
		if i == 0 {
			v0 = v
		}

		in = op.LayerNorm(x, l.Norm2.Weight, l.Norm2.Bias, eps)
		dx = op.TokenShift(b, in, b.State(i, ffnShift))
		if i == len(m.layers)-1 {
			if b.Outputs == rwkv.NoLogits {
				return ggml.Tensor{}
			}
			if b.Outputs == rwkv.LastLogits && b.Length() > 1 { // only these tokens matter from here on
				x, in, dx = x.GetRows(b.Last), in.GetRows(b.Last), dx.GetRows(b.Last)
			}
		}
		x = x.Add(l.channelMix(in, dx))
	}
	return op.LayerNorm(x, m.OutputNorm.Weight, m.OutputNorm.Bias, eps).MatMul(m.Head)
}

// timeMix builds y = O(g ⊙ (norm(wkv) + bonus)) (RWKV-7 paper, section 4). x is [channels, tokens], dx is x one token
// earlier minus x, and v0 is layer 0's value, none there. It returns y and v, and moves the wkv state on.
func (l *layer) timeMix(b rwkv.Batch, x, dx, v0 ggml.Tensor) (y, v ggml.Tensor) {
	lerp := op.Lerps(l.graph, x, dx, l.Mu)
	xr, xw, xk, xv, xa, xg := lerp(0), lerp(1), lerp(2), lerp(3), lerp(4), lerp(5) // token shift

	r, k, v := xr.MatMul(l.R), xk.MatMul(l.K), xv.MatMul(l.V)
	w := xw.MatMul(l.W1).Tanh().MatMul(l.W2).Add(l.W0).Sigmoid().Scale(-0.606531).Exp() // decay; 0.606531 = e^-0.5
	a := xa.MatMul(l.A1).MatMul(l.A2).Add(l.A0).Sigmoid()                               // in-context learning rate
	g := xg.MatMul(l.G1).Sigmoid().MatMul(l.G2)                                         // gate
	if !v0.IsZero() {
		v = v.Add(v0.Sub(v).Mul(xv.MatMul(l.V1).MatMul(l.V2).Add(l.V0).Sigmoid())) // value residual
	}
	kk := l.heads(k.Mul(l.KK)).L2Norm(1e-12) // removal key, one unit vector a head
	ka := k.Mul(l.KA)
	k = k.Add(ka.Mul(a).Sub(ka)) // replacement key

	y = op.WKV7(b, l.index, l.heads(r), l.heads(w), l.heads(k), l.heads(v), kk.Neg(), kk.Mul(l.heads(a)), b.State(l.index, wkvState))
	bonus := l.heads(v).Mul(l.heads(r.Mul(k).Mul(l.RK)).SumRows())
	y = l.flat(y.Norm(l.config.GroupNormEps)).Mul(l.GroupNorm.Weight).Add(l.GroupNorm.Bias).Add(l.flat(bonus))
	return y.Mul(g).MatMul(l.O), v
}

// channelMix builds V(relu(K(x + dx ⊙ mu))²) (RWKV-7 paper, section 4).
func (l *layer) channelMix(x, dx ggml.Tensor) ggml.Tensor {
	return dx.Mul(l.FFNMu).Add(x).MatMul(l.FFNK).Relu().Sqr().MatMul(l.FFNV)
}

// heads views [channels, tokens] as [head size, heads, tokens], flat the reverse.
func (l *layer) heads(x ggml.Tensor) ggml.Tensor {
	return x.Reshape(int64(l.config.HeadSize), int64(l.config.Heads()), x.Elements()/int64(l.config.Embed))
}

func (l *layer) flat(x ggml.Tensor) ggml.Tensor {
	return x.Reshape(int64(l.config.Embed), x.Elements()/int64(l.config.Embed))
}
