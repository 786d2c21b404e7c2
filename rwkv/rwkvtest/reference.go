package rwkvtest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"gosling/internal/synth"
	"gosling/rwkv"
)

// text is random tokens, with a run of one of them.
func text(seed uint64, length, vocab int) []int32 {
	rng := rand.New(rand.NewPCG(seed, 7))
	tokens := make([]int32, length)
	for i := range tokens {
		tokens[i] = int32(rng.IntN(vocab))
		if i > length/2 && i < length/2+4 {
			tokens[i] = tokens[i-1]
		}
	}
	return tokens
}

// reference holds the graph to the float64 reference for heads of any size, from an empty state and from another, in
// batches and token by token.
func (b bench) reference(t *testing.T) {
	for _, head := range []int{8, 16, 32, 48, 64, 80, 128} {
		for _, layers := range []int{1, 3} {
			t.Run(fmt.Sprintf("%d layers with heads of %d", layers, head), func(t *testing.T) {
				c := synth.Config{Layers: layers, Embed: 2 * head, FFN: 3 * head, HeadSize: head, Vocab: 61, Seed: uint64(head + layers)}
				b.againstReference(t, Random(t, b.sized(c), "F32"), rounding.on(b.device))
			})
		}
	}
}

// againstReference reads two texts one after another, the first in a batch, the second token by token.
func (b bench) againstReference(t *testing.T, path string, tolerance float64) {
	t.Helper()
	m := b.load(t, path)
	c := m.Config()
	forward, err := b.Arch.Reference(c, Weights(t, b.lib, path))
	require.NoError(t, err)
	s := b.session(t, m)
	var state [][]float64
	for i, chunk := range []int{0, 1} {
		tokens := text(uint64(i), 21, c.Vocab)
		var want [][]float64
		want, state, err = forward(state, tokens)
		require.NoError(t, err)
		got := Logits(t, s, tokens, chunk)
		Near(t, want, got, tolerance, "logits")
		SameChoice(t, want, got, 2*tolerance)
		snapshot, err := s.Snapshot()
		require.NoError(t, err)
		Near(t, wideState(b.Arch, c, state), snapshot.State, tolerance, "state")
	}
}

// wideState is a state of the reference as the graph keeps it.
func wideState(arch rwkv.Arch, c rwkv.Config, state [][]float64) [][]float64 {
	var wide [][]float64
	for i, spec := range arch.State(c) {
		wide = append(wide, widen(c, state[i], spec.Elements))
	}
	return wide
}

// types holds models of each type to the reference of their own, rounded weights: what is left is how the device
// multiplies, with activations rounded to 8 bits for the quantized types.
func (b bench) types(t *testing.T) {
	c := synth.Config{Layers: 2, Embed: 256, FFN: 512, HeadSize: 64, Vocab: 257, Seed: 9}
	for mix, bound := range ownWeights {
		t.Run(mix, func(t *testing.T) { b.againstReference(t, Random(t, b.sized(c), mix), bound.on(b.device)) })
	}
}
