package kernels

import (
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// newArena returns a scratchpad that is freed after the test.
func newArena(t *testing.T) *scratchpad {
	pad, err := newScratchpad(16 << 20)
	require.NoError(t, err)
	t.Cleanup(pad.memory.Free)
	return pad
}

// near fails the test unless got is close to want: the difference is at most within times 1 + |want|.
func near(t *testing.T, want []float64, got []float32, within float64, what ...any) {
	t.Helper()
	require.Len(t, got, len(want))
	for i, w := range want {
		if d := math.Abs(w - float64(got[i])); !(d <= within*(1+math.Abs(w))) {
			require.Failf(t, "not near", "%v, number %d: %g, want %g", what, i, got[i], w)
		}
	}
}

// onThreads runs a call as so many threads do.
func onThreads(c *Call) {
	var wait sync.WaitGroup
	for i := range c.of.threads {
		wait.Go(func() { c.run(i) })
	}
	wait.Wait()
}

var unequal = [][]int{{1}, {2}, {40}, {1, 1, 1}, {3, 0, 17, 1}, {0, 5}}

func total(lengths []int) int64 {
	n := 0
	for _, l := range lengths {
		n += l
	}
	return int64(n)
}

func TestShift(t *testing.T) {
	if Best() == None {
		t.Skip("this processor has no kernels")
	}
	const eps = 1e-5
	for _, channels := range []int64{32, 96, 768} {
		for _, lengths := range unequal {
			for _, lerps := range []int64{1, 6} {
				rms := lerps == 6 && channels == 96
				var first []float32
				for _, threads := range []int{1, 2, 3, 8} {
					a, tokens, seqs := newArena(t), total(lengths), int64(len(lengths))
					x, xAt := a.put(normal(channels * tokens))
					state, stateAt := a.put(normal(channels * seqs))
					scale, scaleAt := a.put(normal(channels))
					bias, biasAt := a.put(normal(channels + 1)[1:])
					mu, muAt := a.put(normal(channels * lerps))
					out, outAt := a.put(make([]float32, channels*(tokens*lerps+seqs)))
					calls := NewCalls(threads)
					c, err := calls.Shift(channels, lengths, int(lerps), eps, rms)
					require.NoError(t, err)
					var mus []uintptr
					for j := range lerps {
						mus = append(mus, muAt+uintptr(4*channels*j))
					}
					if lerps == 6 {
						mus[1], mus[2] = SameRow, Difference
					}
					require.NoError(t, c.Place(Shift{X: xAt, State: stateAt, Scale: scaleAt, Bias: biasAt, Mus: mus, Out: outAt}))
					onThreads(c.call)
					onThreads(c.call) // again, with the counters of the first run
					calls.Close()
					if first == nil {
						first = slices.Clone(out)
					}
					require.True(t, slices.Equal(first, out), "%d threads", threads)

					at := int64(0)
					for s, n := range lengths {
						before := widen(state[int64(s)*channels:][:channels])
						for range n {
							row := normPlain(x[at*channels:][:channels], scale, bias, eps, rms)
							for j := range lerps {
								want := make([]float64, channels)
								for i, r := range row {
									switch d := before[i] - r; {
									case lerps == 6 && j == 1:
										want[i] = r
									case lerps == 6 && j == 2:
										want[i] = d
									default:
										want[i] = r + d*float64(mu[j*channels+int64(i)])
									}
								}
								near(t, want, out[(j*tokens+at)*channels:][:channels], 1e-5, lengths, s, j)
							}
							before, at = row, at+1
						}
						near(t, before, out[(lerps*tokens+int64(s))*channels:][:channels], 1e-5, lengths, s)
					}
				}
			}
		}
	}
}

// The time mix between its products, against the paper's formulas in float64.
func TestMiddle7(t *testing.T) {
	if Best() == None {
		t.Skip("this processor has no kernels")
	}
	const heads, channels, eps = 3, 3 * HeadSize, 64e-5
	for _, lengths := range unequal {
		for _, kind := range []string{"layer 0", "", "no norm", "no gate", "no norm, no gate"} {
			layer0 := kind == "layer 0"
			var first []float32
			for _, threads := range []int{1, 2, 5} {
				a, tokens := newArena(t), total(lengths)
				var m Middle7
				in := operands{}
				for i, of := range []struct {
					name string
					n    int64
					at   *uintptr
				}{
					{"r", tokens, &m.R}, {"k", tokens, &m.K}, {"v", tokens, &m.V}, {"w", tokens, &m.W}, {"a", tokens, &m.A}, {"g", tokens, &m.G},
					{"vr", tokens, &m.VR}, {"v0", tokens, &m.V0}, {"w0", 1, &m.W0}, {"a0", 1, &m.A0}, {"vb", 1, &m.VBias}, {"kk", 1, &m.KK},
					{"ka", 1, &m.KA}, {"rk", 1, &m.RK}, {"scale", 1, &m.Scale}, {"shift", 1, &m.Shift},
				} {
					in[of.name], *of.at = a.put(normal(channels*of.n + int64(i))[i:])
				}
				if layer0 {
					m.VR, m.V0, in["v0"] = 0, 0, nil
				}
				if strings.Contains(kind, "no norm") {
					m.Scale, m.Shift, in["scale"] = 0, 0, nil
				}
				if strings.Contains(kind, "no gate") {
					m.G, in["g"] = 0, nil
				}
				begin := normal(int64(len(lengths)) * heads * HeadSize * HeadSize)
				state, stateAt := a.put(begin)
				y, yAt := a.put(make([]float32, channels*tokens))
				m.State, m.Y = stateAt, yAt
				calls := NewCalls(threads)
				c, err := calls.Middle7(heads, lengths, eps)
				require.NoError(t, err)
				require.NoError(t, c.Place(m))
				onThreads(c.call)
				calls.Close()
				if first == nil {
					first = slices.Clone(y)
				}
				require.True(t, slices.Equal(first, y), "%d threads", threads)
				after := widen(begin)
				near(t, middle7Plain(in, after, heads, lengths, eps), y, 2e-4, kind, lengths)
				near(t, after, state, 2e-4, kind, lengths)
			}
		}
	}
}

// The recurrence of versions 5 and 6, against the paper's formulas in float64.
func TestMiddle6(t *testing.T) {
	if Best() == None {
		t.Skip("this processor has no kernels")
	}
	const heads, eps = 3, 64e-5
	for _, size := range []int64{64, 128} {
		for _, lengths := range unequal {
			for _, kind := range []string{"bonus, decay for each token, norm, gate", "bonus, norm", "decay for each token", "bonus, gate"} {
				has := func(what string) bool { return strings.Contains(kind, what) }
				if has("norm") && size != HeadSize {
					continue
				}
				var first []float32
				for _, threads := range []int{1, 2, 5} {
					a, tokens, channels := newArena(t), total(lengths), heads*size
					var m Middle6
					in := operands{}
					for i, of := range []struct {
						name string
						n    int64
						at   *uintptr
					}{{"r", tokens, &m.R}, {"k", tokens, &m.K}, {"v", tokens, &m.V}, {"w", tokens, &m.W}, {"u", 1, &m.U}, {"g", tokens, &m.G}, {"scale", 1, &m.Scale}, {"shift", 1, &m.Shift}} {
						in[of.name], *of.at = a.put(normal(channels*of.n + int64(i))[i:])
					}
					for i, w := range in["w"] {
						in["w"][i] = float32(math.Exp(-math.Exp(float64(w))))
					}
					if !has("decay for each token") {
						in["w"] = in["w"][:channels]
					}
					if !has("bonus") {
						m.U, in["u"] = 0, nil
					}
					if !has("norm") {
						m.Scale, m.Shift, in["scale"] = 0, 0, nil
					}
					if !has("gate") {
						m.G, in["g"] = 0, nil
					}
					begin := normal(int64(len(lengths)) * heads * size * size)
					state, stateAt := a.put(begin)
					y, yAt := a.put(make([]float32, channels*tokens))
					m.State, m.Y = stateAt, yAt
					calls := NewCalls(threads)
					c, err := calls.Middle6(size, heads, lengths, has("decay for each token"), eps)
					require.NoError(t, err)
					require.NoError(t, c.Place(m))
					onThreads(c.call)
					calls.Close()
					if first == nil {
						first = slices.Clone(y)
					}
					require.True(t, slices.Equal(first, y), "%d threads", threads)
					after := widen(begin)
					near(t, middle6Plain(in, after, heads, int(size), lengths, eps), y, 1e-4, kind, lengths)
					near(t, after, state, 1e-4, kind, lengths)
				}
			}
		}
	}
}

// The recurrence of version 4, against the paper's sums in float64. The first sequence begins without a past.
func TestAverage4(t *testing.T) {
	if Best() == None {
		t.Skip("this processor has no kernels")
	}
	for _, channels := range []int64{8, 768} {
		for _, lengths := range unequal {
			var first []float32
			for _, threads := range []int{1, 2, 5} {
				a, tokens, seqs := newArena(t), total(lengths), int64(len(lengths))
				k, kAt := a.put(normal(channels * tokens))
				v, vAt := a.put(normal(channels*tokens + 1)[1:])
				u, uAt := a.put(normal(channels))
				decay, decayAt := a.put(normal(channels + 2)[2:])
				mean, meanAt := a.put(normal(channels * seqs))
				log, logAt := a.put(normal(channels*seqs + 3)[3:])
				y, yAt := a.put(make([]float32, channels*tokens))
				for i := range channels {
					decay[i] = -float32(math.Exp(float64(decay[i])))
					k[i] *= 20
					log[i] = -1e30
				}
				mean0, log0 := widen(mean), widen(log)
				calls := NewCalls(threads)
				c, err := calls.Average4(channels, lengths)
				require.NoError(t, err)
				require.NoError(t, c.Place(yAt, kAt, vAt, uAt, decayAt, meanAt, logAt))
				onThreads(c)
				calls.Close()
				if first == nil {
					first = slices.Clone(y)
				}
				require.True(t, slices.Equal(first, y), "%d threads", threads)
				in := operands{"k": k, "v": v, "u": u, "decay": decay}
				near(t, average4Plain(in, mean0, log0, int(channels), lengths), y, 1e-5, lengths)
				near(t, mean0, mean, 1e-5, lengths)
				near(t, log0, log, 1e-5, lengths)
			}
		}
	}
}

// The offsets that the generator knows are those of the structs.
func TestOffsetsOfCalls(t *testing.T) {
	const begin = unsafe.Sizeof(shared{})
	require.EqualValues(t, 184, begin)
	var m middle7
	require.Equal(t, []uintptr{begin, begin + 56, begin + 64, begin + 120, begin + 128, begin + 136}, []uintptr{
		unsafe.Offsetof(m.r), unsafe.Offsetof(m.v0), unsafe.Offsetof(m.w0), unsafe.Offsetof(m.shift), unsafe.Offsetof(m.y), unsafe.Offsetof(m.eps),
	})
	var n middle6
	require.Equal(t, []uintptr{begin, begin + 40, begin + 48, begin + 56, begin + 64, begin + 72, begin + 80, begin + 88}, []uintptr{
		unsafe.Offsetof(n.r), unsafe.Offsetof(n.g), unsafe.Offsetof(n.scale), unsafe.Offsetof(n.shift), unsafe.Offsetof(n.y),
		unsafe.Offsetof(n.headBytes), unsafe.Offsetof(n.decayStep), unsafe.Offsetof(n.eps),
	})
	var a averaging
	require.Equal(t, []uintptr{begin, begin + 48}, []uintptr{unsafe.Offsetof(a.k), unsafe.Offsetof(a.y)})
	var e elementwise
	require.Equal(t, begin+56, unsafe.Offsetof(e.number))
	var c copying
	require.Equal(t, []uintptr{begin, begin + 8, begin + 16, begin + 24, begin + 32, begin + 40}, []uintptr{
		unsafe.Offsetof(c.in), unsafe.Offsetof(c.out), unsafe.Offsetof(c.table), unsafe.Offsetof(c.rows), unsafe.Offsetof(c.rowBytes), unsafe.Offsetof(c.run),
	})
	var s shift
	require.Equal(t, []uintptr{begin, begin + 40, begin + 48, begin + 56, begin + 64, begin + 72, begin + 76, begin + 80, begin + 84}, []uintptr{
		unsafe.Offsetof(s.x), unsafe.Offsetof(s.mus), unsafe.Offsetof(s.rowBytes), unsafe.Offsetof(s.tokens), unsafe.Offsetof(s.after),
		unsafe.Offsetof(s.eps), unsafe.Offsetof(s.inverse), unsafe.Offsetof(s.one), unsafe.Offsetof(s.rms),
	})
	var p shiftPiece
	require.Equal(t, []uintptr{0, 8, 16, 24, 32, 40, 48}, []uintptr{
		unsafe.Offsetof(p.first), unsafe.Offsetof(p.tokens), unsafe.Offsetof(p.sequence), unsafe.Offsetof(p.begins), unsafe.Offsetof(p.ends),
		unsafe.Offsetof(p.lerp), unsafe.Offsetof(p.lerps),
	})
}

func TestFusedRefusals(t *testing.T) {
	calls := NewCalls(2)
	defer calls.Close()
	for _, bad := range []struct {
		channels int64
		lengths  []int
		lerps    int
	}{{33, []int{1}, 1}, {0, []int{1}, 1}, {64, nil, 1}, {64, []int{1}, 0}} {
		_, err := calls.Shift(bad.channels, bad.lengths, bad.lerps, 1, false)
		require.ErrorContains(t, err, "the token shift of")
	}
	_, err := calls.Middle7(0, []int{1}, 1)
	require.ErrorContains(t, err, "the time mix of 0 heads")
	_, err = calls.Middle7(1, nil, 1)
	require.Error(t, err)
	_, err = calls.Middle6(96, 1, []int{1}, true, 1)
	require.ErrorContains(t, err, "1 heads of 96 channels")
	six, err := calls.Middle6(128, 1, []int{1}, true, 1)
	require.NoError(t, err)
	require.ErrorContains(t, six.Place(Middle6{Scale: 1}), "the norm of heads of 128 channels")
	_, err = calls.Average4(12, []int{1})
	require.ErrorContains(t, err, "the recurrence of 12 channels")
	c, err := calls.Shift(64, []int{1}, 2, 1, false)
	require.NoError(t, err)
	require.ErrorContains(t, c.Place(Shift{Mus: make([]uintptr, 3)}), "3 lerps placed, want 2")
}
