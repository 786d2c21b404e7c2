package rwkvtest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// text returns random tokens that include a run of the same token.
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

// reference compares the graph with the float64 reference for heads of any size, from an empty state and from another one, in
// batches and token by token.
func (b bench) reference(t *testing.T) {
	for _, head := range []int{8, 16, 32, 48, 64, 80, 128} {
		for _, layers := range []int{1, 3} {
			t.Run(fmt.Sprintf("%d layers with heads of %d", layers, head), func(t *testing.T) {
				c := synth.Config{Layers: layers, Embed: 2 * head, FFN: 3 * head, HeadSize: head, Vocab: 61, Seed: uint64(head + layers)}
				b.againstReference(t, Random(t, b.sized(c), "F32"))
			})
		}
	}
}

// againstReference reads two texts in sequence, the first in a batch, the second token by token, with each level of kernels.
func (b bench) againstReference(t *testing.T, path string) {
	t.Helper()
	models := b.loadEach(t, path)
	c := models[0].Config()
	exact, err := b.Arch.Reference(c, Weights(t, b.lib, path))
	require.NoError(t, err)
	device := b.rounded(t, path, c)
	texts := [][]int32{text(0, 21, c.Vocab), text(1, 21, c.Vocab)}
	all := read(t, append(device.draws, exact), true, texts...)

	var sessions []*engine.Session
	for _, m := range models {
		sessions = append(sessions, b.session(t, m))
	}
	for i, chunk := range []int{0, 1} {
		want := all[draws][i]
		logits, states := apart(all[:draws], i)
		tolerance, stateTolerance := within(t, device, "logits", want.logits, logits...), within(t, device, "state", want.state, states...)
		for j, s := range sessions {
			level := models[j].Kernels().String()
			got := Logits(t, s, texts[i], chunk)
			Near(t, want.logits, got, tolerance, "logits, kernels "+level)
			sameChoice(t, want.logits, got, 2*tolerance)
			snapshot, err := s.Snapshot()
			require.NoError(t, err)
			Near(t, wideState(b.Arch, c, want.state), snapshot.State, stateTolerance, "state, kernels "+level)
		}
	}
}

// wideState returns a state of the reference in the form of the graph.
func wideState(arch rwkv.Arch, c rwkv.Config, state [][]float64) [][]float64 {
	var wide [][]float64
	for i, spec := range arch.State(c) {
		wide = append(wide, widen(c, state[i], spec.Elements))
	}
	return wide
}

// mixes are the mixes that types tries.
var mixes = []string{"F16", "BF16", "Q8_0", "Q6_K", "Q5_K_M", "Q5_0", "Q4_K_M", "Q4_1", "Q4_0", "IQ4_NL", "IQ4_XS", "Q3_K_M", "RQ4_M", "Q2_K"}

// types compares models of each type with the reference for their own rounded weights. What remains is how the device multiplies,
// with activations rounded to 8 bits for the quantized types.
func (b bench) types(t *testing.T) {
	c := synth.Config{Layers: 2, Embed: 256, FFN: 512, HeadSize: 64, Vocab: 257, Seed: 3}
	for _, mix := range mixes {
		t.Run(mix, func(t *testing.T) { b.againstReference(t, Random(t, b.sized(c), mix)) })
	}
}
