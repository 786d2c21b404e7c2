package rwkvtest

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gosling/convert"
	"gosling/engine"
	"gosling/gguf"
	"gosling/internal/golden"
)

// official holds every golden checkpoint, converted to F32, to the official logits and states, and to fewer digits in the
// types that round little.
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

func (b bench) officialLogits(t *testing.T, g *golden.File, checkpoint string) {
	for typ, bound := range official {
		m := b.load(t, ConvertAs(t, checkpoint, typ.String(), convert.Options{GroupNormEps: g.GroupNormEps}))
		s := b.session(t, m)
		tolerance := bound.on(b.device)
		for name, prompt := range g.Prompts {
			require.NoError(t, s.Reset())
			want, got := g.Logits(t, name), Logits(t, s, prompt.Tokens, 0)
			Near(t, want, got, tolerance, typ.String()+" "+name)
			margin := 2 * tolerance
			if typ == gguf.F32 && b.device.IsHost() {
				margin = 0
			}
			SameChoice(t, want, got, margin)
			if name == "long" && typ == gguf.F32 && hasStates(g) {
				b.officialStates(t, g, m, s, tolerance)
			}
		}
	}
}

func (b bench) officialStates(t *testing.T, g *golden.File, m *engine.Model, s *engine.Session, tolerance float64) {
	snapshot, err := s.Snapshot()
	require.NoError(t, err)
	for i, spec := range b.Arch.State(m.Config()) {
		want := widen(m.Config(), b.officialState(t, g, spec), spec.Elements)
		got := snapshot.State[i]
		assert.Len(t, got, len(want))
		if !b.device.IsHost() { // products of half precision lose numbers as small as the tiny models' states have
			want, got = append(want, 1), append(got, 1)
		}
		Near(t, [][]float32{want}, [][]float32{got}, tolerance, spec.Name)
	}
}

// hasStates reports whether the golden file has states; some have logits only.
func hasStates(g *golden.File) bool {
	return slices.ContainsFunc(g.Arrays, func(a golden.Array) bool { return strings.Contains(a.Name, ".state.") })
}
