package op_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"gosling/ggml"
	"gosling/ggml/ggmltest"
	"gosling/rwkv"
	"gosling/rwkv/op"
)

// batchOn is a batch of one layer on the device, whose state is in the graph already.
func batchOn(lib *ggml.Library, g *ggml.Graph, d ggml.Device, tokens ggml.Tensor, seqs int64) rwkv.Batch {
	return rwkv.Batch{Graph: g, Tokens: tokens, Seqs: seqs, CPU: lib.CPU(), Device: func(int) ggml.Device { return d }}
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

func checkWKV7(t *testing.T, lib *ggml.Library, d ggml.Device, size int64) {
	const heads, length, seqs = 2, 3, 2
	rng := rand.New(rand.NewPCG(3, uint64(size)))
	args := make([]ggmltest.Array, 6)
	for i := range args {
		args[i] = ggmltest.Random(rng, size, heads, length*seqs)
	}
	args[1] = args[1].Map(func(x float64) float64 { return float64(float32(math.Exp(-0.6 / (1 + math.Exp(-x))))) })
	for _, i := range []int{4, 5} {
		args[i] = args[i].Map(func(x float64) float64 { return float64(float32(x / float64(size))) })
	}
	state := ggmltest.Random(rng, size*size*heads, seqs)
	padded := int64(op.StateHead(int(size)))
	wide := ggmltest.Zeros(padded*padded*heads, seqs)
	inWide := func(i int64) int64 { // where element i of the state is in the padded one
		return i/(size*size)*padded*padded + i/size%size*padded + i%size
	}
	for i, x := range state.Data {
		wide.Data[inWide(int64(i))] = x
	}

	got, after := ggmltest.Compute(t, d, lib, append(args, wide), func(g *ggml.Graph, a []ggml.Tensor) ggml.Tensor {
		b := batchOn(lib, g, d, a[0], seqs)
		return op.WKV7(b, 0, a[0], a[1], a[2], a[3], a[4], a[5], a[6])
	})
	want := ggmltest.WKV7(args[0], args[1], args[2], args[3], args[4], args[5], state)
	y, next := want[:len(args[0].Data)], want[len(args[0].Data):]
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

func TestTokenShiftIsTheTokenBefore(t *testing.T) {
	lib := ggmltest.Library(t)
	rng := rand.New(rand.NewPCG(4, 4))
	const channels = 12
	for _, d := range lib.Devices() {
		for _, tc := range []struct{ length, seqs int64 }{{1, 1}, {1, 3}, {5, 1}, {4, 3}} {
			t.Run(fmt.Sprintf("%s/%d tokens of %d sequences", d.Name, tc.length, tc.seqs), func(t *testing.T) {
				x := ggmltest.Random(rng, channels, tc.length*tc.seqs)
				state := ggmltest.Random(rng, channels, tc.seqs)
				want := ggmltest.Zeros(channels, tc.length*tc.seqs)
				for i := range want.Data {
					c, token := int64(i)%channels, int64(i)/channels
					before := state.Data[token/tc.length*channels+c]
					if token%tc.length > 0 {
						before = x.Data[(token-1)*channels+c]
					}
					want.Data[i] = before - x.Data[i]
				}
				got, after := ggmltest.Compute(t, d, lib, []ggmltest.Array{x, state}, func(g *ggml.Graph, a []ggml.Tensor) ggml.Tensor {
					b := batchOn(lib, g, d, g.Use(a[0]).Reshape(channels, tc.length*tc.seqs).Slice(0, 0, 1).Cont(), tc.seqs)
					dx := op.TokenShift(b, a[0], a[1])
					return dx
				})
				ggmltest.Close(t, want.Data, got, 1e-6)
				for s := range tc.seqs {
					for c := range int64(channels) {
						require.InDelta(t, x.Data[((s+1)*tc.length-1)*channels+c], after[1][s*channels+c], 1e-6)
					}
				}
			})
		}
	}
}
