package kernels

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// randomProgram is a program of n elementwise steps on a few vectors, each of which reads one or two and replaces one. It returns the
// program, the vectors, and a function that computes the same in plain Go.
func randomProgram(t *testing.T, calls *Calls, n int, rng *rand.Rand) (p *Program, vectors [][]float32, plain func([][]float32)) {
	const length = 3 * smallPiece
	a := newArena(t)
	at := make([]uintptr, 6)
	for i := range at {
		var v []float32
		v, at[i] = a.put(normal(length))
		vectors = append(vectors, v)
	}
	type op struct {
		name       string
		x, y, to   int
		first, end int // of the vectors
	}
	var ops []op
	var steps []Step
	for range n {
		o := op{name: []string{"add", "mul", "sub", "relu", "neg"}[rng.IntN(5)], x: rng.IntN(len(at)), y: rng.IntN(len(at)), to: rng.IntN(len(at))}
		o.first = rng.IntN(3) * smallPiece / 2
		o.end = o.first + smallPiece/2*(1+rng.IntN(3))
		if o.name == "mul" {
			o.name = "add"
		}
		ops = append(ops, o)
		c, err := calls.Elementwise(o.name, int64(o.end-o.first), int64(o.end-o.first), 0)
		require.NoError(t, err)
		part := func(i int) uintptr { return at[i] + uintptr(4*o.first) }
		in := []uintptr{part(o.x), part(o.y)}[:len(c.in)]
		require.NoError(t, c.Place(part(o.to), in...))
		s := Step{Call: c.Pointer(), Writes: []Range{{part(o.to), part(o.to) + uintptr(4*(o.end-o.first))}}}
		for _, from := range in {
			s.Reads = append(s.Reads, Range{from, from + uintptr(4*(o.end-o.first))})
		}
		steps = append(steps, s)
	}
	return NewProgram(steps), vectors, func(v [][]float32) {
		for _, o := range ops {
			for i := o.first; i < o.end; i++ {
				x, y := v[o.x][i], v[o.y][i]
				switch o.name {
				case "add":
					v[o.to][i] = x + y
				case "sub":
					v[o.to][i] = x - y
				case "relu":
					v[o.to][i] = max(x, 0)
				case "neg":
					v[o.to][i] = -x
				}
			}
		}
	}
}

// Programs compute what their steps compute one after another, on any number of goroutines, again and again.
func TestProgramsAreTheirStepsInOrder(t *testing.T) {
	if Best() == None {
		t.Skip("this processor has no kernels")
	}
	for _, size := range []int{1, 2, 3, 8} {
		crew := NewCrew(size)
		require.Equal(t, size, crew.Size())
		for seed := range uint64(10) {
			calls := NewCalls(size)
			p, got, plain := randomProgram(t, calls, 60, rand.New(rand.NewPCG(seed, 1)))
			require.Less(t, p.Stages(), 60, "some steps are in one stage")
			want := make([][]float32, len(got))
			for i, v := range got {
				want[i] = slices.Clone(v)
			}
			for range 3 {
				require.NoError(t, crew.Run(t.Context(), p))
				plain(want)
				for i := range got {
					require.True(t, slices.Equal(want[i], got[i]), "%d goroutines, program %d, vector %d", size, seed, i)
				}
			}
			calls.Close()
		}
		crew.Close()
		crew.Close()
	}
}

// Stages hold the steps that do not need each other, in spite of the order in which they stand.
func TestStages(t *testing.T) {
	a, b, c, d := Range{0, 10}, Range{10, 20}, Range{20, 30}, Range{30, 40}
	for name, of := range map[string]struct {
		steps []Step
		want  int
	}{
		"independent":             {[]Step{{Writes: []Range{a}}, {Writes: []Range{b}}, {Reads: []Range{d}, Writes: []Range{c}}}, 1},
		"one after another":       {[]Step{{Writes: []Range{a}}, {Reads: []Range{a}, Writes: []Range{b}}, {Reads: []Range{b}, Writes: []Range{c}}}, 3},
		"memory that is reused":   {[]Step{{Reads: []Range{a}, Writes: []Range{b}}, {Writes: []Range{a}}}, 2},
		"two results in one":      {[]Step{{Writes: []Range{a}}, {Writes: []Range{{5, 6}}}}, 2},
		"two that read one":       {[]Step{{Writes: []Range{a}}, {Reads: []Range{a}, Writes: []Range{b}}, {Reads: []Range{a}, Writes: []Range{c}}}, 2},
		"two chains side by side": {[]Step{{Writes: []Range{a}}, {Reads: []Range{a}, Writes: []Range{b}}, {Writes: []Range{c}}, {Reads: []Range{c}, Writes: []Range{d}}}, 2},
		"none":                    {nil, 0},
	} {
		for i := range of.steps {
			of.steps[i].Call = (&Call{head: &shared{pieces: 1}}).Pointer()
		}
		require.Equal(t, of.want, NewProgram(of.steps).Stages(), name)
	}
	require.Zero(t, (*Program)(nil).Stages())
}

func TestCancelledPrograms(t *testing.T) {
	if Best() == None {
		t.Skip("this processor has no kernels")
	}
	calls, crew := NewCalls(2), NewCrew(2)
	defer calls.Close()
	defer crew.Close()
	p, got, plain := randomProgram(t, calls, 60, rand.New(rand.NewPCG(1, 2)))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, crew.Run(ctx, p), context.Canceled)
	for i := range 20 { // in the middle of a run, too
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*20*time.Microsecond)
		if err := crew.Run(ctx, p); err != nil {
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		cancel()
	}
	want := make([][]float32, len(got))
	for i := range got {
		want[i] = slices.Clone(got[i])
	}
	require.NoError(t, crew.Run(t.Context(), p), "a cancelled run leaves a program that can run")
	plain(want)
	for i := range got {
		require.True(t, slices.Equal(want[i], got[i]))
	}
}

// Several crews on few processors, with collections of garbage in between: nobody waits for a goroutine that does not come.
func TestManyCrewsOnFewProcessors(t *testing.T) {
	if Best() == None {
		t.Skip("this processor has no kernels")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	var all sync.WaitGroup
	for i := range 3 {
		calls, crew := NewCalls(4), NewCrew(4)
		p, _, _ := randomProgram(t, calls, 40, rand.New(rand.NewPCG(uint64(i), 3)))
		all.Go(func() {
			defer calls.Close()
			defer crew.Close()
			for range 50 {
				if crew.Run(context.Background(), p) != nil {
					panic("a run failed")
				}
				runtime.GC()
			}
		})
	}
	all.Wait()
}
