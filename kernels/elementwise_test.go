package kernels

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// numbers are n floats of all magnitudes. The first ones are special.
func numbers(n int64) []float32 {
	x := normal(n)
	for i := range x {
		x[i] *= float32(math.Pow(2, float64(i%13-8)))
	}
	copy(x, []float32{0, float32(math.Copysign(0, -1)), 1e-30, -1e-30, 0.624, 0.626, -0.625, 87, -87, 88.5, -88.5, 100, -100, 3e38, -3e38})
	return x
}

func TestElementwise(t *testing.T) {
	if Best() == None {
		t.Skip("this processor has no kernels")
	}
	for name, f := range plainFunctions {
		for _, n := range []int64{1, 7, 8, 9, 31, 192, smallPiece, 3*smallPiece + 24} {
			for _, period := range []int64{n, n / 3, 1} {
				if period == 0 || n%period != 0 || n > 1000 && period == 1 {
					continue
				}
				a := newArena(t)
				x, xAt := a.put(numbers(n))
				y, yAt := a.put(normal(period))
				out, outAt := a.put(make([]float32, n+1))
				calls := NewCalls(3)
				c, err := calls.Elementwise(name, n, period, 0.7)
				require.NoError(t, err)
				require.NoError(t, c.Place(outAt, []uintptr{xAt, yAt}[:len(c.in)]...))
				onThreads(c)
				calls.Close()
				require.Zero(t, out[n], "nothing is written after the end")
				for i, got := range out[:n] {
					want := f(float64(x[i]), float64(y[int64(i)%period]), float64(float32(0.7)))
					d := math.Abs(want - float64(got))
					if math.Abs(want) > math.MaxFloat32 {
						d = math.Abs(1/want - 1/float64(got)) // infinite
					}
					within := 1e-6
					if name == "exp_neg_exp" {
						within *= 1 + math.Exp(math.Min(float64(x[i]), 80)) // the outer function multiplies the error of the inner one
					}
					require.True(t, d <= within*math.Abs(want)+1e-36, "%s(%g) of %d, number %d: %g, want %g", name, x[i], n, i, got, want)
				}
			}
		}
	}
}

func TestElementwiseOfNumbersThatAreNotFinite(t *testing.T) {
	if Best() == None {
		t.Skip("this processor has no kernels")
	}
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, of := range []struct {
		name     string
		in, want []float32
	}{
		{"exp", []float32{inf, -inf, nan, 89}, []float32{inf, 0, nan, inf}},
		{"tanh", []float32{inf, -inf, nan}, []float32{1, -1, nan}},
		{"sigmoid", []float32{inf, -inf, nan}, []float32{1, 0, nan}},
		{"relu", []float32{inf, -inf, nan}, []float32{inf, 0, nan}},
		{"silu", []float32{inf, -inf, nan}, []float32{inf, 0, nan}},
		{"add", []float32{inf, nan}, []float32{inf, nan}},
	} {
		a := newArena(t)
		_, xAt := a.put(of.in)
		_, yAt := a.put(make([]float32, len(of.in)))
		out, outAt := a.put(make([]float32, len(of.in)))
		calls := NewCalls(1)
		c, err := calls.Elementwise(of.name, int64(len(of.in)), int64(len(of.in)), 0)
		require.NoError(t, err)
		require.NoError(t, c.Place(outAt, []uintptr{xAt, yAt}[:len(c.in)]...))
		c.run(0)
		calls.Close()
		for i, want := range of.want {
			if math.IsNaN(float64(want)) {
				assert.True(t, math.IsNaN(float64(out[i])), "%s(%g) is %g", of.name, of.in[i], out[i])
				continue
			}
			assert.True(t, want == out[i] || math.Abs(float64(want-out[i])) < 1e-37, "%s(%g) is %g", of.name, of.in[i], out[i])
		}
	}
}

func TestCopy(t *testing.T) {
	if Best() == None {
		t.Skip("this processor has no kernels")
	}
	for _, floats := range []int64{1, 7, 8, 20, 768} {
		const rows = 70
		a := newArena(t)
		x, xAt := a.put(normal(floats * rows))
		out, outAt := a.put(make([]float32, floats*rows+1))
		var moves []Move
		for i := range int64(rows) {
			moves = append(moves, Move{4 * floats * (i * 3 % rows), 4 * floats * (rows - 1 - i)})
		}
		calls := NewCalls(3)
		c, err := calls.Copy(4*floats, moves)
		require.NoError(t, err)
		require.NoError(t, c.Place(outAt, xAt))
		onThreads(c)
		calls.Close()
		for i := range int64(rows) {
			from, to := i*3%rows*floats, (rows-1-i)*floats
			require.Equal(t, x[from:from+floats], out[to:to+floats])
		}
		require.Zero(t, out[floats*rows])
	}
}

func TestNorm(t *testing.T) {
	if Best() == None {
		t.Skip("this processor has no kernels")
	}
	const eps = 1e-5
	for _, n := range []int64{32, 64, 768} {
		for _, rows := range []int64{1, 3, 100} {
			for _, rms := range []bool{false, true} {
				for weights := range 3 {
					a := newArena(t)
					x, xAt := a.put(normal(n * rows))
					scale, scaleAt := a.put(normal(n))
					bias, biasAt := a.put(normal(n + 1)[1:])
					out, outAt := a.put(make([]float32, n*rows))
					if weights < 2 {
						bias, biasAt = make([]float32, n), 0
					}
					if weights < 1 {
						scaleAt = 0
						for i := range scale {
							scale[i] = 1
						}
					}
					calls := NewCalls(3)
					c, err := calls.Norm(n, rows, eps, rms)
					require.NoError(t, err)
					require.NoError(t, c.Place(outAt, xAt, scaleAt, biasAt))
					onThreads(c)
					calls.Close()
					for r := range rows {
						near(t, normPlain(x[r*n:][:n], scale, bias, eps, rms), out[r*n:][:n], 1e-5, n, rows, rms, weights)
					}
				}
			}
		}
	}
}

func TestSmallCallsThatAreRefused(t *testing.T) {
	calls := NewCalls(1)
	defer calls.Close()
	for _, of := range []struct {
		err  error
		want string
	}{
		{second(calls.Elementwise("cosh", 1, 1, 0)), `no function "cosh"`},
		{second(calls.Elementwise("add", 0, 1, 0)), "add of 0 elements and 1"},
		{second(calls.Elementwise("add", 10, 3, 0)), "add of 10 elements and 3"},
		{second(calls.Copy(6, []Move{{}})), "copying 1 rows of 6 bytes"},
		{second(calls.Copy(4, nil)), "copying 0 rows"},
		{second(calls.Norm(33, 1, 1, false)), "the norm of 1 rows of 33 numbers"},
		{second(calls.Norm(64, 0, 1, false)), "the norm of 0 rows"},
	} {
		assert.ErrorContains(t, of.err, of.want)
	}
	c, err := calls.Elementwise("add", 8, 8, 0)
	require.NoError(t, err)
	require.ErrorContains(t, c.Place(1, 2), "1 operands placed, want 2")
}

func second[T any](_ T, err error) error { return err }

func TestCheckFunctions(t *testing.T) {
	if Best() == None {
		t.Skip("this processor has no kernels")
	}
	require.NoError(t, CheckFunctions())
	for _, name := range []string{"add", "tanh", "silu"} {
		right := functions[name]
		functions[name] = functions["relu"]
		err := CheckFunctions()
		functions[name] = right
		require.ErrorContains(t, err, "kernels: "+name+": result")
	}
}

func BenchmarkCheckFunctions(b *testing.B) {
	for b.Loop() {
		if err := CheckFunctions(); err != nil {
			b.Fatal(err)
		}
	}
}
