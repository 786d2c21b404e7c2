package v7

import (
	"fmt"
	"math"
	"slices"

	"gosling/rwkv"
)

// Reference computes RWKV-7 in float64 and plain loops, without ggml: the oracle that graphs are held to, written to be
// read beside the paper. It is slow, takes heads of any size, and may be shared between goroutines.
type Reference struct {
	config                rwkv.Config
	embedding, head       []float64
	embedNorm, outputNorm refNorm
	layers                []refLayer
}

type refNorm struct{ weight, bias []float64 }

// refLayer holds the weights of one layer by the letters of the paper. A matrix is [out][in], row after row.
type refLayer struct {
	norm1, norm2, groupNorm refNorm
	mu                      []float64 // lerp of r, w, k, v, a, g
	r, k, v, o              []float64
	w0, w1, w2              []float64 // decay
	a0, a1, a2              []float64 // in-context learning rate
	v0, v1, v2              []float64 // value residual, none in layer 0
	g1, g2                  []float64 // gate
	kk, ka, rk              []float64 // removal key, replacement rate, bonus

	ffnMu, ffnK, ffnV []float64 // channel mix
}

// ReferenceState is what Reference carries from token to token, layer by layer.
type ReferenceState []ReferenceLayer

// ReferenceLayer is the state of one layer.
type ReferenceLayer struct {
	AttShift []float64 // the time mix's last input after its norm, [channels]
	WKV      []float64 // S, [head][value][key]
	FFNShift []float64 // the channel mix's last input after its norm, [channels]
}

// NewReference takes the weights, elements in a GGUF file's order, by their GGUF names. An error names the tensor that is
// missing or of another size.
func NewReference(c rwkv.Config, weights func(name string) ([]float32, bool)) (*Reference, error) {
	tensors := map[string][]float64{}
	for _, spec := range Tensors(c) {
		if spec.Optional {
			continue
		}
		x, ok := weights(spec.Name)
		if !ok {
			return nil, fmt.Errorf("tensor %q is missing", spec.Name)
		}
		if int64(len(x)) != spec.Elements() {
			return nil, fmt.Errorf("tensor %q has %d elements, want %d", spec.Name, len(x), spec.Elements())
		}
		wide := make([]float64, len(x))
		for i := range x {
			wide[i] = float64(x[i])
		}
		tensors[spec.Name] = wide
	}
	normOf := func(name string) refNorm { return refNorm{tensors[name+".weight"], tensors[name+".bias"]} }
	m := &Reference{
		config: c, embedding: tensors["token_embd.weight"], head: tensors["output.weight"],
		embedNorm: normOf("token_embd_norm"), outputNorm: normOf("output_norm"),
	}
	for i := range c.Layers {
		at := func(name string) []float64 { return tensors[fmt.Sprintf("blk.%d.%s.weight", i, name)] }
		m.layers = append(m.layers, refLayer{
			norm1:     normOf(fmt.Sprintf("blk.%d.attn_norm", i)),
			norm2:     normOf(fmt.Sprintf("blk.%d.attn_norm_2", i)),
			groupNorm: normOf(fmt.Sprintf("blk.%d.time_mix_ln", i)),
			mu:        at("time_mix_lerp_fused"),
			r:         at("time_mix_receptance"), k: at("time_mix_key"), v: at("time_mix_value"), o: at("time_mix_output"),
			w0: at("time_mix_w0"), w1: at("time_mix_w1"), w2: at("time_mix_w2"),
			a0: at("time_mix_a0"), a1: at("time_mix_a1"), a2: at("time_mix_a2"),
			v0: at("time_mix_v0"), v1: at("time_mix_v1"), v2: at("time_mix_v2"),
			g1: at("time_mix_g1"), g2: at("time_mix_g2"),
			kk: at("time_mix_k_k"), ka: at("time_mix_k_a"), rk: at("time_mix_r_k"),
			ffnMu: at("channel_mix_lerp_k"), ffnK: at("channel_mix_key"), ffnV: at("channel_mix_value"),
		})
	}
	return m, nil
}

// NewState is the state at the beginning of a text: zeros.
func (m *Reference) NewState() ReferenceState {
	c := m.config
	s := make(ReferenceState, c.Layers)
	for i := range s {
		s[i] = ReferenceLayer{
			AttShift: make([]float64, c.Embed), WKV: make([]float64, c.Embed*c.HeadSize), FFNShift: make([]float64, c.Embed),
		}
	}
	return s
}

// reference is NewReference in the form of all versions: states are lists in the order of State.
func reference(c rwkv.Config, weights func(name string) ([]float32, bool)) (rwkv.Reference, error) {
	m, err := NewReference(c, weights)
	if err != nil {
		return nil, err
	}
	return func(state [][]float64, tokens []int32) (logits, next [][]float64, err error) {
		s := m.NewState()
		if state != nil && len(state) != 3*len(s) {
			return nil, nil, fmt.Errorf("a state of %d tensors, want %d", len(state), 3*len(s))
		}
		for i := range s {
			if state != nil {
				s[i] = ReferenceLayer{AttShift: state[3*i], WKV: slices.Clone(state[3*i+1]), FFNShift: state[3*i+2]}
			}
		}
		logits, err = m.Forward(s, tokens)
		for _, l := range s {
			next = append(next, l.AttShift, l.WKV, l.FFNShift)
		}
		return logits, next, err
	}, nil
}

// Forward reads the tokens, moves the state on, and returns the logits after each token.
func (m *Reference) Forward(s ReferenceState, tokens []int32) ([][]float64, error) {
	logits := make([][]float64, len(tokens))
	for i, token := range tokens {
		if token < 0 || int(token) >= m.config.Vocab {
			return nil, fmt.Errorf("token %d at %d: the model has %d", token, i, m.config.Vocab)
		}
		logits[i] = m.step(s, int(token))
	}
	return logits, nil
}

// step is one token through all layers.
func (m *Reference) step(s ReferenceState, token int) []float64 {
	c := m.config
	eps := float64(c.NormEps)
	x := layerNorm(m.embedding[token*c.Embed:][:c.Embed], m.embedNorm, eps)
	var vFirst []float64 // layer 0's value of this token
	for i := range m.layers {
		l, state := &m.layers[i], &s[i]

		in := layerNorm(x, l.norm1, eps)
		y, v := l.timeMix(c, in, state.AttShift, state.WKV, vFirst)
		state.AttShift = in
		x = add(x, y)
		if i == 0 {
			vFirst = v
		}

		in = layerNorm(x, l.norm2, eps)
		y = l.channelMix(in, state.FFNShift)
		state.FFNShift = in
		x = add(x, y)
	}
	return matVec(m.head, layerNorm(x, m.outputNorm, eps))
}

// timeMix is the RWKV-7 paper's time mixing (section 4) of one token: x is the normed input, prev that of the token before,
// state is S of each head, which it moves on, and vFirst is layer 0's v, nil there. It returns the output and v.
func (l *refLayer) timeMix(c rwkv.Config, x, prev, state, vFirst []float64) (out, v []float64) {
	n := len(x)
	mu := func(j int) []float64 { return lerp(x, prev, l.mu[j*n:][:n]) }
	xr, xw, xk, xv, xa, xg := mu(0), mu(1), mu(2), mu(3), mu(4), mu(5)

	r, k, v := matVec(l.r, xr), matVec(l.k, xk), matVec(l.v, xv)
	w := apply(add(l.w0, matVec(l.w2, apply(matVec(l.w1, xw), math.Tanh))), decay)
	a := apply(add(l.a0, matVec(l.a2, matVec(l.a1, xa))), sigmoid)
	g := matVec(l.g2, apply(matVec(l.g1, xg), sigmoid))
	if vFirst != nil {
		v = lerp(v, vFirst, apply(add(l.v0, matVec(l.v2, matVec(l.v1, xv))), sigmoid))
	}

	y := make([]float64, n)
	size := c.HeadSize
	for h := 0; h < n; h += size { // a head's channels are h to h+size
		kk, kNew := make([]float64, size), make([]float64, size)
		length := 0.0
		for j := range size {
			kk[j] = k[h+j] * l.kk[h+j]
			length += kk[j] * kk[j]
			kNew[j] = k[h+j] * (1 + (a[h+j]-1)*l.ka[h+j])
		}
		for j := range size {
			kk[j] /= max(math.Sqrt(length), 1e-12)
		}

		// S ← S·diag(w) − S·kkᵀ·(kk⊙a) + vᵀ·k, then y = S·rᵀ
		for i := range size {
			S := state[(h+i)*size:][:size]
			removed := 0.0
			for j := range size {
				removed += S[j] * kk[j]
			}
			for j := range size {
				S[j] = S[j]*w[h+j] - removed*kk[j]*a[h+j] + v[h+i]*kNew[j]
				y[h+i] += S[j] * r[h+j]
			}
		}

		bonus := 0.0
		for j := range size {
			bonus += r[h+j] * kNew[j] * l.rk[h+j]
		}
		normed := normalize(y[h:][:size], float64(c.GroupNormEps))
		for i := range size {
			y[h+i] = (normed[i]*l.groupNorm.weight[h+i] + l.groupNorm.bias[h+i] + bonus*v[h+i]) * g[h+i]
		}
	}
	return matVec(l.o, y), v
}

// channelMix is V·relu(K·x)², x being the input lerped with that of the token before.
func (l *refLayer) channelMix(x, prev []float64) []float64 {
	k := apply(matVec(l.ffnK, lerp(x, prev, l.ffnMu)), func(k float64) float64 { return max(k, 0) * max(k, 0) })
	return matVec(l.ffnV, k)
}

// decay is w of its exponent: between e^(-e^-0.5), about 0.545, and 1.
func decay(x float64) float64 { return math.Exp(-math.Exp(-0.5) * sigmoid(x)) }

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// lerp goes from x to y by the weights mu.
func lerp(x, y, mu []float64) []float64 {
	z := make([]float64, len(x))
	for i := range z {
		z[i] = x[i] + (y[i]-x[i])*mu[i]
	}
	return z
}

func add(x, y []float64) []float64 {
	z := make([]float64, len(x))
	for i := range z {
		z[i] = x[i] + y[i]
	}
	return z
}

func apply(x []float64, f func(float64) float64) []float64 {
	z := make([]float64, len(x))
	for i := range z {
		z[i] = f(x[i])
	}
	return z
}

// matVec is the product of a matrix [out][in] and x.
func matVec(m, x []float64) []float64 {
	y := make([]float64, len(m)/len(x))
	for o := range y {
		for i, w := range m[o*len(x):][:len(x)] {
			y[o] += w * x[i]
		}
	}
	return y
}

// normalize shifts and scales to a mean of 0 and a variance of 1.
func normalize(x []float64, eps float64) []float64 {
	mean, variance := 0.0, 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / float64(len(x))
	}
	return apply(x, func(v float64) float64 { return (v - mean) / math.Sqrt(variance+eps) })
}

func layerNorm(x []float64, n refNorm, eps float64) []float64 {
	y := normalize(x, eps)
	for i := range y {
		y[i] = y[i]*n.weight[i] + n.bias[i]
	}
	return y
}
