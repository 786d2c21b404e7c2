package rwkvtest

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/probe"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// A tolerance is a unit roundoff times a growth. Where a model is compared with the float64 reference or official numbers, the
// growth is computed from draws. A draw is the reference in the device's own arithmetic. A device may be margin times as far away
// as the farthest draw. No processor's results are used. docs/quality-correctness.md lists the growths.
const (
	// draws is the number of draws.
	draws = 3
	// margin covers two effects: the largest of thousands of differences varies from draw to draw, and norms, exponentials and
	// recurrences also round.
	margin = 4
	// minGrowth times the unit of float32 is always allowed, because everything but products is computed in float32.
	minGrowth = 64
	// maxGrowth is the largest allowed growth of a draw. A model that amplifies rounding more would hide mistakes.
	maxGrowth = 64
)

// bounds are a tolerance for the CPU and one for other devices, which multiply batches in half precision.
type bounds struct{ cpu, other float64 }

// rounding is how far the logits of a random F32 model may differ if the same text is read in two ways. The models of these tests
// are not chosen for a small growth: normalizing a head that is nearly zero amplifies its rounding.
var rounding = bounds{cpu: 512 * probe.UnitF32, other: 16 * probe.UnitF16}

func (b bounds) on(d ggml.Device) float64 {
	if d.IsHost() {
		return b.cpu
	}
	return b.other
}

// outcome is what a reference computes for a text: the logits after each token, and the final state.
type outcome struct{ logits, state [][]float64 }

// read runs texts through references, in parallel. If continued is set, each text starts from the state that the previous one
// left. The result is indexed by [reference][text].
func read(t *testing.T, references []rwkv.Reference, continued bool, texts ...[]int32) [][]outcome {
	t.Helper()
	all := make([][]outcome, len(references))
	errs := make([]error, len(references))
	var done sync.WaitGroup
	for i, forward := range references {
		done.Go(func() {
			var state [][]float64
			for _, text := range texts {
				if !continued {
					state = nil
				}
				var o outcome
				if o.logits, o.state, errs[i] = forward(state, text); errs[i] != nil {
					return
				}
				all[i], state = append(all[i], o), o.state
			}
		})
	}
	done.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	return all
}

// apart returns the logits and the states that each reference computed for a text.
func apart(all [][]outcome, text int) (logits, states [][][]float64) {
	for _, of := range all {
		logits, states = append(logits, of[text].logits), append(states, of[text].state)
	}
	return logits, states
}

// rounded is a model in the device's arithmetic: a reference for each draw, and the largest unit roundoff.
type rounded struct {
	draws []rwkv.Reference
	unit  float64
}

func (b bench) rounded(t *testing.T, path string, c rwkv.Config) rounded {
	t.Helper()
	file, err := gguf.Open(path)
	require.NoError(t, err)
	defer file.Close()
	weights := Weights(t, b.lib, path)
	r := rounded{unit: probe.UnitF32}
	for seed := range draws {
		rng := rand.New(rand.NewPCG(uint64(seed), 17))
		draw, err := b.Arch.Reference(c, func(name string) (rwkv.RefTensor, bool) {
			x, ok := weights(name)
			tensor, _ := file.Tensor(name)
			if !ok || len(tensor.Shape) < 2 {
				return x, ok
			}
			k := kernel{probe.ArithmeticOf(tensor.Type, b.device)}
			r.unit = max(r.unit, k.Unit)
			if k.HalfWeights {
				for i, w := range x.Data {
					x.Data[i] = toHalf(w)
				}
			}
			x.Product = func(m, x []float64) []float64 { return k.product(rng, m, x) }
			return x, true
		})
		require.NoError(t, err)
		r.draws = append(r.draws, draw)
	}
	return r
}

// within returns how far a device may be from want, given the draws.
func within[W number](t *testing.T, r rounded, what string, want [][]W, drawn ...[][]float64) float64 {
	t.Helper()
	farthest := 0.0
	for _, d := range drawn {
		farthest = max(farthest, difference(want, d))
	}
	growth := farthest / r.unit
	t.Logf("%s: growth %.2g", what, growth)
	require.LessOrEqual(t, growth, float64(maxGrowth), "%s: rounding by %.2g makes a difference of %.2g", what, r.unit, farthest)
	return max(margin*farthest, minGrowth*probe.UnitF32)
}
