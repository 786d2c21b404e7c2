package rwkvtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/golden"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// official compares every golden checkpoint with the official logits and states: converted to F32, and less strictly in the types
// that round little.
func (b bench) official(t *testing.T) {
	for _, name := range b.Golden {
		t.Run(name, func(t *testing.T) {
			g := golden.Load(t, name)
			for _, checkpoint := range g.Models {
				t.Run(checkpoint, func(t *testing.T) { b.officialLogits(t, g, golden.Path(t, checkpoint)) })
			}
		})
	}
}

// officialTypes are the types that are compared with the official numbers.
var officialTypes = []gguf.Type{gguf.F32, gguf.F16, gguf.BF16, gguf.Q8_0}

func (b bench) officialLogits(t *testing.T, g *golden.File, checkpoint string) {
	for _, typ := range officialTypes {
		models := b.loadEach(t, ConvertAs(t, checkpoint, typ.String(), convert.Options{GroupNormEps: g.GroupNormEps}))
		c := models[0].Config()
		device := b.rounded(t, models[0].File().Path(), c)
		for name, prompt := range g.Prompts {
			what := typ.String() + " " + name
			logits, states := apart(read(t, device.draws, false, prompt.Tokens), 0)
			want := g.Logits(t, name)
			tolerance := within(t, device, what, want, logits...)
			for _, m := range models {
				s := b.session(t, m)
				got := Logits(t, s, prompt.Tokens, 0)
				Near(t, want, got, tolerance, fmt.Sprint(what, ", kernels ", m.Kernels()))
				sameChoice(t, want, got, 2*tolerance)
				if name == "long" && typ == gguf.F32 && hasStates(g) {
					b.officialStates(t, g, c, s, device, states)
				}
			}
		}
	}
}

// officialStates compares tensor by tensor. Half-precision products lose numbers as small as those in the tiny models' states. On
// devices other than the CPU, a difference is therefore relative to at least 1.
func (b bench) officialStates(t *testing.T, g *golden.File, c rwkv.Config, s *engine.Session, device rounded, drawn [][][]float64) {
	snapshot, err := s.Snapshot()
	require.NoError(t, err)
	for i, spec := range b.Arch.State(c) {
		want, got := b.officialState(t, g, spec), snapshot.State[i]
		wide := widen(c, want, spec.Elements)
		assert.Len(t, got, len(wide))
		var one []float32
		if !b.device.IsHost() {
			one = []float32{1}
		}
		var draws [][][]float64
		for _, d := range drawn {
			draws = append(draws, [][]float64{d[i], float64s(one)})
		}
		tolerance := within(t, device, spec.Name, [][]float32{want, one}, draws...)
		Near(t, [][]float32{wide, one}, [][]float32{got, one}, tolerance, spec.Name)
	}
}

// float64s converts to float64.
func float64s(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// hasStates reports whether the golden file has states. Some only have logits.
func hasStates(g *golden.File) bool {
	return slices.ContainsFunc(g.Arrays, func(a golden.Array) bool { return strings.Contains(a.Name, ".state.") })
}
