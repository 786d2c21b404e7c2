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

// How far numbers may be apart is a unit roundoff times a growth. Where a model is held to the float64 reference or to official
// numbers, the growth is computed: a device may be margin times as far away as the farthest of some draws, each of which is the
// reference in the device's own arithmetic. No processor's results enter. docs/quality-correctness.md has the growths.
const (
	// draws is how often the arithmetic is drawn.
	draws = 3
	// margin covers that the largest of thousands of differences varies from draw to draw, and that norms, exponentials and
	// recurrences round as well.
	margin = 4
	// minGrowth times the unit of float32 is allowed in any case: everything but products is computed in float32.
	minGrowth = 64
	// maxGrowth is the largest growth of a draw. A model that amplifies rounding more than that would hide mistakes.
	maxGrowth = 64
)

// bounds are a tolerance on the CPU and one on other devices, which multiply batches in half precision.
type bounds struct{ cpu, other float64 }

// rounding is how far the logits of a random model in F32 may be apart when the same text is read in two ways. The models of these
// tests are not chosen for a small growth: normalizing a head that is nearly zero amplifies its rounding.
var rounding = bounds{cpu: 512 * probe.UnitF32, other: 16 * probe.UnitF16}

func (b bounds) on(d ggml.Device) float64 {
	if d.IsHost() {
		return b.cpu
	}
	return b.other
}

// outcome is what a reference computes of a text: the logits after each token and the state then.
type outcome struct{ logits, state [][]float64 }

// read lets references read texts, each from the state that the one before left, or from the beginning. What each of them makes of
// each text is in [reference][text].
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

// apart are the logits and the states of a text by each of some references.
func apart(all [][]outcome, text int) (logits, states [][][]float64) {
	for _, of := range all {
		logits, states = append(logits, of[text].logits), append(states, of[text].state)
	}
	return logits, states
}

// rounded is a model as the device's arithmetic makes it: a reference for each draw, and the largest unit roundoff in it.
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

// within is how far a device may be from want, by how far the draws are.
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
