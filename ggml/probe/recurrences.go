package probe

import (
	"context"
	"math"

	"github.com/gosling-rwkv/gosling/ggml"
)

// The recurrences are checked on one sequence.
const wkvSize, wkvHeads, wkvTokens = 64, 2, 5

// wkvInput makes numbers of shape [wkvSize, wkvHeads, wkvTokens].
func wkvInput(n uint64) []float64 { return normal(seed(n), wkvSize*wkvHeads*wkvTokens) }

// wkvDecay makes decays, between 0.5 and 1.
func wkvDecay(n uint64) []float64 {
	return each(func(x float64) float64 { return float64(float32(math.Exp(-0.6 / (1 + math.Exp(-x))))) })(wkvInput(n))
}

func (p prober) wkvOperand(x []float64) operand {
	return p.floats(x, wkvSize, wkvHeads, int64(len(x)/wkvSize/wkvHeads))
}

func (p prober) wkvState(x []float64) operand { return p.floats(x, int64(len(x)), 1) }

// wkv6 checks the recurrence of RWKV-5 and 6; ggml.Tensor.WKV6 has the formula.
func (p prober) wkv6(ctx context.Context) error {
	k, v, r, w := wkvInput(10), wkvInput(11), wkvInput(12), wkvDecay(13)
	u, s := normal(seed(14), wkvSize*wkvHeads), normal(seed(15), wkvSize*wkvSize*wkvHeads)
	got, err := p.compute(ctx, func(in []ggml.Tensor) ggml.Tensor {
		return in[0].WKV6(in[1], in[2], in[3].Reshape(wkvSize, wkvHeads), in[4], in[5])
	},
		p.wkvOperand(k), p.wkvOperand(v), p.wkvOperand(r), p.wkvOperand(u), p.wkvOperand(w), p.wkvState(s))
	if err != nil {
		return err
	}
	y := make([]float64, len(k))
	for i := range y { // key channel i of one token
		head := i / wkvSize * wkvSize // where its head's channels begin
		channel := i % (wkvSize * wkvHeads)
		S := s[channel*wkvSize:][:wkvSize]
		for j := range wkvSize {
			kv := k[i] * v[head+j]
			y[head+j] += r[i] * (u[channel]*kv + S[j])
			S[j] = w[i]*S[j] + kv
		}
	}
	want := append(y, s...)
	return compare("the recurrence of RWKV-6", got, want, relative(want))
}

// wkv7 checks the recurrence of RWKV-7; ggml.Tensor.WKV7 has the formula.
func (p prober) wkv7(ctx context.Context) error {
	small := each(func(x float64) float64 { return float64(float32(x / wkvSize)) })
	r, w, k, v, a, b := wkvInput(20), wkvDecay(21), wkvInput(22), wkvInput(23), small(wkvInput(24)), small(wkvInput(25))
	s := normal(seed(26), wkvSize*wkvSize*wkvHeads)
	got, err := p.compute(ctx, func(in []ggml.Tensor) ggml.Tensor { return in[0].WKV7(in[1], in[2], in[3], in[4], in[5], in[6]) },
		p.wkvOperand(r), p.wkvOperand(w), p.wkvOperand(k), p.wkvOperand(v), p.wkvOperand(a), p.wkvOperand(b), p.wkvState(s))
	if err != nil {
		return err
	}
	want := append(WKV7(wkvSize, wkvHeads, r, w, k, v, a, b, s), s...)
	return compare("the recurrence of RWKV-7", got, want, relative(want))
}

// WKV7 computes the recurrence that ggml.Tensor.WKV7 describes for one sequence, in plain loops. It returns y of each token and updates
// the state s.
func WKV7(size, heads int, r, w, k, v, a, b, s []float64) []float64 {
	y := make([]float64, len(r))
	for i := range y { // value channel i of one token
		head := i / size * size
		S := s[i%(size*heads)*size:][:size]
		removed := 0.0
		for j := range size {
			removed += S[j] * a[head+j]
		}
		for j := range size {
			S[j] = S[j]*w[head+j] + removed*b[head+j] + v[i]*k[head+j]
			y[i] += S[j] * r[head+j]
		}
	}
	return y
}
