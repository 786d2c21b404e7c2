package op_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/op"
)

// batchOn returns a batch of one layer on the device. Its state is already in the graph.
func batchOn(lib *ggml.Library, g *ggml.Graph, d ggml.Device, lengths ...int) rwkv.Batch {
	return rwkv.Batch{Graph: g, Lengths: lengths, CPU: lib.CPU(), Device: func(int) ggml.Device { return d }}
}

func TestWKV7IsRightForEveryHeadSizeOnEveryDevice(t *testing.T) {
	lib := ggmltest.Library(t)
	for _, d := range lib.Devices() {
		for size := int64(8); size <= 128; size += 4 {
			t.Run(fmt.Sprintf("%s/%d", d.Name, size), func(t *testing.T) { checkWKV7(t, lib, d, size) })
		}
		for _, size := range []int64{9, 17, 33, 63, 65, 127} {
			t.Run(fmt.Sprintf("%s/%d", d.Name, size), func(t *testing.T) { checkWKV7(t, lib, d, size) })
		}
	}
}

// ragged are sequences of different lengths: one alone, an empty one, and two of equal length.
var ragged = []int{3, 0, 1, 2, 2}

func checkWKV7(t *testing.T, lib *ggml.Library, d ggml.Device, size int64) {
	const heads = 2
	seqs, tokens := int64(len(ragged)), int64(8)
	rng := rand.New(rand.NewPCG(3, uint64(size)))
	args := make([]ggmltest.Array, 6)
	for i := range args {
		args[i] = ggmltest.Random(rng, size, heads, tokens)
	}
	args[1] = args[1].Map(func(x float64) float64 { return float64(float32(math.Exp(-0.6 / (1 + math.Exp(-x))))) })
	for _, i := range []int{4, 5} {
		args[i] = args[i].Map(func(x float64) float64 { return float64(float32(x / float64(size))) })
	}
	state := ggmltest.Random(rng, size*size*heads, seqs)
	padded := int64(op.StateHead(int(size)))
	wide := ggmltest.Zeros(padded*padded*heads, seqs)
	inWide := func(i int64) int64 { // the index of the state's element i in the padded state
		return i/(size*size)*padded*padded + i/size%size*padded + i%size
	}
	for i, x := range state.Data {
		wide.Data[inWide(int64(i))] = x
	}

	got, after := ggmltest.Compute(t, d, lib, append(args, wide), func(g *ggml.Graph, a []ggml.Tensor) ggml.Tensor {
		return op.WKV7(batchOn(lib, g, d, ragged...), 0, a[0], a[1], a[2], a[3], a[4], a[5], a[6])
	})
	var y, next []float64
	token := int64(0)
	for i, n := range ragged { // each sequence alone
		length := int64(n)
		old := column(state, int64(i), 1, size*size*heads)
		if n == 0 {
			next = append(next, old.Data...)
			continue
		}
		var a [6]ggmltest.Array
		for j := range a {
			a[j] = column(args[j], token, length, size, heads)
		}
		want := ggmltest.WKV7(a[0], a[1], a[2], a[3], a[4], a[5], old)
		y, next = append(y, want[:size*heads*length]...), append(next, want[size*heads*length:]...)
		token += length
	}
	ggmltest.Close(t, y, got, 1e-5)
	narrow := make([]float32, len(next))
	for i := range narrow {
		narrow[i] = after[6][inWide(int64(i))]
		after[6][inWide(int64(i))] = 0
	}
	ggmltest.Close(t, next, narrow, 1e-5)
	for _, x := range after[6] {
		require.Zero(t, x, "the padding of the state stays zero")
	}
}

// column returns n columns of x, beginning with first, each in the given shape.
func column(x ggmltest.Array, first, n int64, shape ...int64) ggmltest.Array {
	c := ggmltest.Zeros(append(shape, n)...)
	size := int64(len(c.Data)) / n
	copy(c.Data, x.Data[first*size:])
	return c
}

func TestTokenShiftIsTheTokenBefore(t *testing.T) {
	lib := ggmltest.Library(t)
	rng := rand.New(rand.NewPCG(4, 4))
	const channels = 12
	for _, d := range lib.Devices() {
		for _, lengths := range [][]int{{1}, {1, 1, 1}, {5}, {4, 4, 4}, ragged, {0, 1}, {1, 0}} {
			t.Run(fmt.Sprintf("%s/%d tokens", d.Name, lengths), func(t *testing.T) {
				tokens := int64(0)
				for _, n := range lengths {
					tokens += int64(n)
				}
				x := ggmltest.Random(rng, channels, tokens)
				state := ggmltest.Random(rng, channels, int64(len(lengths)))
				want := ggmltest.Zeros(channels, tokens)
				next := slices.Clone(state.Data)
				token := 0
				for seq, n := range lengths {
					last := next[seq*channels:][:channels]
					for range n {
						for c := range channels {
							at := token*channels + c
							want.Data[at], last[c] = last[c]-x.Data[at], x.Data[at]
						}
						token++
					}
				}
				got, after := ggmltest.Compute(t, d, lib, []ggmltest.Array{x, state}, func(g *ggml.Graph, a []ggml.Tensor) ggml.Tensor {
					return op.TokenShift(batchOn(lib, g, d, lengths...), a[0], a[1])
				})
				ggmltest.Close(t, want.Data, got, 1e-6)
				ggmltest.Close(t, next, after[1], 1e-6)
			})
		}
	}
}
