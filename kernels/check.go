package kernels

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/gosling-rwkv/gosling/internal/pages"
)

// plainFunctions are the functions of Elementwise in float64: of an element of each operand, and the number.
var plainFunctions = map[string]func(a, b, number float64) float64{
	"add":     func(a, b, _ float64) float64 { return a + b },
	"sub":     func(a, b, _ float64) float64 { return a - b },
	"mul":     func(a, b, _ float64) float64 { return a * b },
	"neg":     func(a, _, _ float64) float64 { return -a },
	"sqr":     func(a, _, _ float64) float64 { return a * a },
	"scale":   func(a, _, number float64) float64 { return a * number },
	"relu":    func(a, _, _ float64) float64 { return max(a, 0) },
	"sigmoid": func(a, _, _ float64) float64 { return sigmoidPlain(a) },

	"relu_sqr":    func(a, _, _ float64) float64 { return max(a, 0) * max(a, 0) },
	"exp_neg_exp": func(a, _, _ float64) float64 { return math.Exp(-math.Exp(a)) },
	"silu":        func(a, _, _ float64) float64 { return a * sigmoidPlain(a) },
	"exp":         func(a, _, _ float64) float64 { return math.Exp(a) },
	"tanh":        func(a, _, _ float64) float64 { return math.Tanh(a) },
}

func sigmoidPlain(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// normPlain normalizes a row as Norm does. scale and bias may be nil.
func normPlain(x, scale, bias []float32, eps float64, rms bool) []float64 {
	y, mean, variance := make([]float64, len(x)), 0.0, 0.0
	for _, v := range x {
		mean += float64(v) / float64(len(x))
	}
	if rms {
		mean = 0
	}
	for _, v := range x {
		variance += (float64(v) - mean) * (float64(v) - mean) / float64(len(x))
	}
	for i, v := range x {
		y[i] = (float64(v) - mean) / math.Sqrt(variance+eps)
		if scale != nil {
			y[i] *= float64(scale[i])
		}
		if bias != nil {
			y[i] += float64(bias[i])
		}
	}
	return y
}

// operands are the operands of a fused function by their names in the paper. Activations are [channels, tokens], weights [channels].
// What is missing is nil.
type operands map[string][]float32

// middle7Plain does the same as Middle7. It replaces the state, [key, value, head, sequence].
func middle7Plain(in operands, state []float64, heads int, lengths []int, eps float64) []float64 {
	channels, at := heads*HeadSize, 0
	y := make([]float64, len(in["r"]))
	for s, n := range lengths {
		for range n {
			for h := range heads {
				weight := func(name string, i int) float64 { return float64(in[name][h*HeadSize+i]) }
				token := func(name string, i int) float64 { return float64(in[name][at*channels+h*HeadSize+i]) }
				var k, v, w, kk, rate, out [HeadSize]float64
				length, bonus := 0.0, 0.0
				for i := range HeadSize {
					rate[i] = sigmoidPlain(token("a", i) + weight("a0", i))
					w[i] = math.Exp(-0.606531 * sigmoidPlain(token("w", i)+weight("w0", i)))
					kk[i] = token("k", i) * weight("kk", i)
					length += kk[i] * kk[i]
					k[i] = token("k", i) * (1 + (rate[i]-1)*weight("ka", i))
					if v[i] = token("v", i); in["v0"] != nil {
						v[i] += (token("v0", i) - v[i]) * sigmoidPlain(token("vr", i)+weight("vb", i))
					}
					bonus += token("r", i) * k[i] * weight("rk", i)
				}
				of := state[(s*heads+h)*HeadSize*HeadSize:]
				for i := range HeadSize {
					row, removed := of[i*HeadSize:][:HeadSize], 0.0
					for j := range row {
						removed -= row[j] * kk[j] / math.Sqrt(length)
					}
					for j := range row {
						row[j] = row[j]*w[j] + removed*kk[j]/math.Sqrt(length)*rate[j] + v[i]*k[j]
						out[i] += row[j] * token("r", j)
					}
				}
				in.finish(y, out[:], h*HeadSize, at*channels+h*HeadSize, eps, func(i int) float64 { return v[i] * bonus })
			}
			at++
		}
	}
	return y
}

// finish writes the norm of a head, plus a bonus, times the gate, to y. The head's first channel has the index weight in weights, and
// activation in activations.
func (in operands) finish(y, head []float64, weight, activation int, eps float64, bonus func(i int) float64) {
	size, mean, variance := len(head), 0.0, 0.0
	for _, o := range head {
		mean += o / float64(size)
	}
	for _, o := range head {
		variance += (o - mean) * (o - mean) / float64(size)
	}
	for i, o := range head {
		if in["scale"] != nil {
			o = (o-mean)/math.Sqrt(variance+eps)*float64(in["scale"][weight+i]) + float64(in["shift"][weight+i])
		}
		o += bonus(i)
		if in["g"] != nil {
			o *= float64(in["g"][activation+i])
		}
		y[activation+i] = o
	}
}

// middle6Plain does the same as Middle6. It replaces the state, [value, key, head, sequence].
func middle6Plain(in operands, state []float64, heads, size int, lengths []int, eps float64) []float64 {
	channels, at := heads*size, 0
	y := make([]float64, len(in["r"]))
	perToken := len(in["w"]) == len(in["r"])
	for s, n := range lengths {
		for range n {
			for h := range heads {
				token := func(name string) []float32 { return in[name][at*channels+h*size:][:size] }
				r, k, v, w := token("r"), token("k"), token("v"), in["w"][h*size:][:size]
				if perToken {
					w = token("w")
				}
				of, out := state[(s*heads+h)*size*size:], make([]float64, size)
				for i := range size {
					for j := range size {
						kv, s := float64(k[i])*float64(v[j]), &of[i*size+j]
						read := *s
						*s = *s*float64(w[i]) + kv
						if in["u"] == nil {
							read = *s
						} else {
							read += float64(in["u"][h*size+i]) * kv
						}
						out[j] += float64(r[i]) * read
					}
				}
				in.finish(y, out, h*size, at*channels+h*size, eps, func(int) float64 { return 0 })
			}
			at++
		}
	}
	return y
}

// average4Plain does the same as Average4, with the paper's sums. It replaces the states.
func average4Plain(in operands, mean, log []float64, channels int, lengths []int) []float64 {
	y, at := make([]float64, len(in["k"])), 0
	for s, n := range lengths {
		for range n {
			for i := range channels {
				m, l := &mean[s*channels+i], &log[s*channels+i]
				k, v := float64(in["k"][at*channels+i]), float64(in["v"][at*channels+i])
				boosted := k + float64(in["u"][i])
				most := max(*l, boosted)
				y[at*channels+i] = (*m*math.Exp(*l-most) + v*math.Exp(boosted-most)) / (math.Exp(*l-most) + math.Exp(boosted-most))
				decayed := *l + float64(in["decay"][i])
				most = max(decayed, k)
				sum := math.Exp(decayed-most) + math.Exp(k-most)
				*m, *l = (*m*math.Exp(decayed-most)+v*math.Exp(k-most))/sum, most+math.Log(sum)
			}
			at++
		}
	}
	return y
}

// scratchpad gives floats addresses that kernels may keep.
type scratchpad struct {
	memory *pages.Memory
	rest   []float32
}

// newScratchpad returns a scratchpad for n floats. The caller frees its memory.
func newScratchpad(n int64) (*scratchpad, error) {
	m, err := pages.Alloc(4 * n)
	if err != nil {
		return nil, err
	}
	return &scratchpad{m, unsafe.Slice((*float32)(unsafe.Pointer(&m.Bytes()[0])), n)}, nil
}

// put copies x and returns the copy and its address.
func (s *scratchpad) put(x []float32) ([]float32, uintptr) {
	to := s.rest[:len(x):len(x)]
	s.rest = s.rest[len(x):]
	copy(to, x)
	return to, uintptr(unsafe.Pointer(unsafe.SliceData(to)))
}

// some returns n numbers between -1 and 1 and their address. Numbers of different kinds differ.
func (s *scratchpad) some(n, kind int) ([]float32, uintptr) {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32((i*37+kind*11)%64-31) / 32
	}
	return s.put(x)
}

// operands puts some numbers for each name, n[i] for name i. It stores their addresses.
func (s *scratchpad) operands(names []string, n []int, at []*uintptr) operands {
	in := operands{}
	for i, name := range names {
		in[name], *at[i] = s.some(n[i], i)
	}
	return in
}

// CheckFunctions tests the kernels of all calls other than products on this processor. It runs each with few numbers, and returns an error
// if a result differs from that of plain Go.
func CheckFunctions() error {
	pad, err := newScratchpad(1 << 15)
	if err != nil {
		return err
	}
	defer pad.memory.Free()
	for _, check := range []func(*scratchpad, *Calls) error{checkNorm, checkShift, checkMiddle7, checkMiddle6, checkAverage4} {
		if err := pad.check(check); err != nil {
			return err
		}
	}
	for name, f := range plainFunctions {
		if err := pad.check(func(pad *scratchpad, calls *Calls) error { return checkElementwise(pad, calls, name, f) }); err != nil {
			return err
		}
	}
	return nil
}

// check runs a check with calls of its own. What the check puts on the pad is forgotten afterwards.
func (s *scratchpad) check(check func(*scratchpad, *Calls) error) error {
	calls := NewCalls(1)
	defer calls.Close()
	defer func(rest []float32) { s.rest = rest }(s.rest)
	return check(s, calls)
}

// compare returns an error if a result is not what plain Go computes.
func compare(what string, got []float32, want []float64) error {
	for i, w := range want {
		if d := math.Abs(float64(got[i]) - w); !(d <= 1e-3*(1+math.Abs(w))) {
			return fmt.Errorf("kernels: %s: result %d is %g, want %g", what, i, got[i], w)
		}
	}
	return nil
}

func checkElementwise(pad *scratchpad, calls *Calls, name string, f func(a, b, number float64) float64) error {
	const n, number = 19, 0.5
	a, aAt := pad.some(n, 0)
	b, bAt := pad.some(n, 1)
	got, at := pad.some(n, 2)
	call, err := calls.Elementwise(name, n, n, number)
	if err != nil {
		return err
	}
	if err := call.Place(at, []uintptr{aAt, bAt}[:len(call.in)]...); err != nil {
		return err
	}
	call.run(0)
	want := make([]float64, n)
	for i := range want {
		want[i] = f(float64(a[i]), float64(b[i]), number)
	}
	return compare(name, got, want)
}

func checkNorm(pad *scratchpad, calls *Calls) error {
	const n, eps = 64, 1e-5
	x, xAt := pad.some(n, 0)
	scale, scaleAt := pad.some(n, 1)
	got, at := pad.some(n, 2)
	call, err := calls.Norm(n, 1, eps, true)
	if err != nil {
		return err
	}
	if err := call.Place(at, xAt, scaleAt, 0); err != nil {
		return err
	}
	call.run(0)
	return compare("norm", got, normPlain(x, scale, nil, eps, true))
}

// checkLengths are the tokens of the sequences in checks of fused functions, 3 in all.
var checkLengths = []int{2, 1}

func checkShift(pad *scratchpad, calls *Calls) error {
	const n, tokens, eps = 64, 3, 1e-5
	x, xAt := pad.some(n*tokens, 0)
	state, stateAt := pad.some(n*len(checkLengths), 1)
	scale, scaleAt := pad.some(n, 2)
	bias, biasAt := pad.some(n, 3)
	mu, muAt := pad.some(n, 4)
	got, at := pad.some(n*(3*tokens+len(checkLengths)), 5)
	call, err := calls.Shift(n, checkLengths, 3, eps, false)
	if err != nil {
		return err
	}
	if err := call.Place(Shift{X: xAt, State: stateAt, Scale: scaleAt, Bias: biasAt, Mus: []uintptr{muAt, SameRow, Difference}, Out: at}); err != nil {
		return err
	}
	call.call.run(0)
	want, token := make([]float64, len(got)), 0
	for s, length := range checkLengths {
		before := make([]float64, n)
		for i := range before {
			before[i] = float64(state[s*n+i])
		}
		for range length {
			row := normPlain(x[token*n:][:n], scale, bias, eps, false)
			for i, r := range row {
				d := before[i] - r
				want[token*n+i], want[(tokens+token)*n+i], want[(2*tokens+token)*n+i] = r+d*float64(mu[i]), r, d
			}
			before = row
			token++
		}
		copy(want[(3*tokens+s)*n:], before)
	}
	return compare("token shift", got, want)
}

func checkMiddle7(pad *scratchpad, calls *Calls) error {
	const n, tokens, eps = HeadSize, 3, 64e-5
	var at Middle7
	in := pad.operands([]string{"r", "k", "v", "w", "a", "vr", "g", "v0", "w0", "a0", "vb", "kk", "ka", "rk", "scale", "shift"},
		[]int{n * tokens, n * tokens, n * tokens, n * tokens, n * tokens, n * tokens, n * tokens, n * tokens, n, n, n, n, n, n, n, n},
		[]*uintptr{&at.R, &at.K, &at.V, &at.W, &at.A, &at.VR, &at.G, &at.V0, &at.W0, &at.A0, &at.VBias, &at.KK, &at.KA, &at.RK, &at.Scale, &at.Shift})
	begin, stateAt := pad.some(n*n*len(checkLengths), 20)
	state := widen(begin)
	got, yAt := pad.some(n*tokens, 21)
	at.State, at.Y = stateAt, yAt
	call, err := calls.Middle7(1, checkLengths, eps)
	if err != nil {
		return err
	}
	if err := call.Place(at); err != nil {
		return err
	}
	call.call.run(0)
	if err := compare("the time mix of version 7", got, middle7Plain(in, state, 1, checkLengths, eps)); err != nil {
		return err
	}
	return compare("the state of version 7", begin, state)
}

func checkMiddle6(pad *scratchpad, calls *Calls) error {
	const n, tokens, eps = HeadSize, 3, 64e-5
	var at Middle6
	in := pad.operands([]string{"r", "k", "v", "w", "g", "u", "scale", "shift"},
		[]int{n * tokens, n * tokens, n * tokens, n * tokens, n * tokens, n, n, n},
		[]*uintptr{&at.R, &at.K, &at.V, &at.W, &at.G, &at.U, &at.Scale, &at.Shift})
	begin, stateAt := pad.some(n*n*len(checkLengths), 20)
	state := widen(begin)
	got, yAt := pad.some(n*tokens, 21)
	at.State, at.Y = stateAt, yAt
	call, err := calls.Middle6(n, 1, checkLengths, true, eps)
	if err != nil {
		return err
	}
	if err := call.Place(at); err != nil {
		return err
	}
	call.call.run(0)
	if err := compare("the time mix of version 6", got, middle6Plain(in, state, 1, n, checkLengths, eps)); err != nil {
		return err
	}
	return compare("the state of version 6", begin, state)
}

func checkAverage4(pad *scratchpad, calls *Calls) error {
	const n, tokens = AverageStep, 3
	at := make([]uintptr, 6)
	in := pad.operands([]string{"k", "v", "u", "decay", "mean", "log"}, []int{n * tokens, n * tokens, n, n, 2 * n, 2 * n},
		[]*uintptr{&at[0], &at[1], &at[2], &at[3], &at[4], &at[5]})
	mean, log := widen(in["mean"]), widen(in["log"])
	got, yAt := pad.some(n*tokens, 20)
	call, err := calls.Average4(n, checkLengths)
	if err != nil {
		return err
	}
	if err := call.Place(yAt, at...); err != nil {
		return err
	}
	call.run(0)
	if err := compare("the time mix of version 4", got, average4Plain(in, mean, log, n, checkLengths)); err != nil {
		return err
	}
	return compare("the state of version 4", append(in["mean"], in["log"]...), append(mean, log...))
}

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}
