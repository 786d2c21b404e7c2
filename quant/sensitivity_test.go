package quant_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/fuzzing"
	"github.com/gosling-rwkv/gosling/quant"
)

func open(t *testing.T, path string) *gguf.File {
	f, err := gguf.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// measured are sensitivities of a model as if someone had measured them: rounding costs four times as much for each bit less,
// and most of all in the head.
func measured(t *testing.T, f *gguf.File) *quant.Sensitivity {
	types := []gguf.Type{gguf.Q8_0, gguf.Q6_K, gguf.Q4_K, gguf.Q2_K}
	trials, s, err := quant.Trials(f, types, gguf.Q4_K)
	require.NoError(t, err)
	for _, trial := range trials {
		p := trial.Part
		p.KLD = map[string]float.Number{"Q8_0": 1e-5, "Q6_K": 1e-4, "Q4_K": 1e-3, "Q2_K": 1e-2}[p.Type]
		if p.Kind == "output" {
			p.KLD *= 20
		}
		s.Parts = append(s.Parts, p)
	}
	return &s
}

func TestTrialsRoundEveryKindAndEveryLayerAlone(t *testing.T) {
	f := open(t, model(t, gguf.F16, nil))
	trials, s, err := quant.Trials(f, []gguf.Type{gguf.F32, gguf.Q8_0, gguf.Q4_K}, gguf.Q4_K)
	require.NoError(t, err)
	assert.Equal(t, "rwkv7", s.Arch)
	assert.Equal(t, 2, s.Layers)
	var names []string
	for _, trial := range trials {
		names = append(names, trial.Name())
		assert.Len(t, trial.Types, trial.Tensors)
		assert.Positive(t, trial.Saved, trial.Name())
	}
	kinds := []string{"token_embd", "decay_low_rank", "low_rank", "time_mix_receptance", "time_mix_key", "time_mix_value", "time_mix_output", "channel_mix_key", "channel_mix_value", "output"}
	var want []string
	for _, kind := range kinds {
		want = append(want, kind+" Q8_0") // F32 would save nothing
		if kind != "decay_low_rank" {     // which never gets fewer than 8 bits
			want = append(want, kind+" Q4_K")
		}
	}
	assert.Equal(t, append(want, "layer 0 Q4_K", "layer 1 Q4_K"), names)
	assert.Equal(t, gguf.Q5_0, trials[4].Types["blk.1.time_mix_g2.weight"], "rows of 32 take what stands in for Q4_K")
}

func TestAssignedTypesFillTheBudgetWithWhatLosesLeast(t *testing.T) {
	path := model(t, gguf.F16, nil)
	f := open(t, path)
	s := measured(t, f)
	last := 1.0
	for _, target := range []float64{5, 6, 7.5, 9} {
		a, err := s.Assign(f, quant.Budget{BPW: target})
		require.NoError(t, err)
		out := filepath.Join(t.TempDir(), "out.gguf")
		r, err := quant.Quantize(context.Background(), path, out, quant.Retyping{Mix: a.Mix, Types: a.Types}, quant.Options{Quantizer: quantizer(t)})
		require.NoError(t, err)
		assert.LessOrEqual(t, r.BitsPerWeight(), target)
		assert.Greater(t, r.BitsPerWeight(), target-0.12)
		assert.LessOrEqual(t, r.Size, a.Size)
		assert.Less(t, a.KLD, last, "more bits lose less")
		last = a.KLD
		got := open(t, out)
		for name, typ := range a.Types {
			tensor, _ := got.Tensor(name)
			assert.Equal(t, typ, tensor.Type, name)
		}
		head, _ := got.Tensor("output.weight")
		key, _ := got.Tensor("blk.0.channel_mix_key.weight")
		assert.GreaterOrEqual(t, head.Size*key.Elements(), key.Size*head.Elements(), "the head costs most and keeps its bits longest")
	}
}

func TestTypesThatAreSetCountAndTheOthersMakeRoom(t *testing.T) {
	path := model(t, gguf.F16, nil)
	f := open(t, path)
	s := measured(t, f)
	importance := important(t, path)
	override, err := quant.ParseOverride("output=F16")
	require.NoError(t, err)
	set := quant.Overrides{override}
	for _, i := range []*quant.Importance{nil, importance} {
		a, err := s.Assign(f, quant.Budget{BPW: 7.5, Overrides: set, Importance: i})
		require.NoError(t, err)
		out := filepath.Join(t.TempDir(), "out.gguf")
		how := quant.Retyping{Mix: a.Mix, Types: a.Types, Overrides: set}
		r, err := quant.Quantize(context.Background(), path, out, how, quant.Options{Quantizer: quantizer(t), Importance: i})
		require.NoError(t, err)
		assert.LessOrEqual(t, r.BitsPerWeight(), 7.5)
		head, _ := open(t, out).Tensor("output.weight")
		assert.Equal(t, gguf.F16, head.Type)
	}
	_, err = s.Assign(f, quant.Budget{BPW: 5, Overrides: set})
	require.ErrorContains(t, err, "5.00 bits per weight are out of reach: from ")
	require.ErrorContains(t, err, "with the types that were set for some tensors")
}

func TestLayersThatMatterKeepTheirBits(t *testing.T) {
	f := open(t, model(t, gguf.F16, nil))
	s := measured(t, f)
	for i := range s.Parts {
		if s.Parts[i].Layer == 1 {
			s.Parts[i].KLD *= 100
		}
	}
	a, err := s.Assign(f, quant.Budget{BPW: 6})
	require.NoError(t, err)
	bits := func(layer string) (n int64) {
		for _, kind := range []string{"time_mix_key", "time_mix_value", "channel_mix_key", "channel_mix_value"} {
			typ := a.Types["blk."+layer+"."+kind+".weight"]
			n += 8 * typ.BlockBytes() / typ.BlockSize()
		}
		return n
	}
	assert.Greater(t, bits("1"), bits("0"))
}

func TestSensitivitiesOfAnotherModelAndImpossibleSizesAreRefused(t *testing.T) {
	f := open(t, model(t, gguf.F16, nil))
	s := measured(t, f)
	_, err := s.Assign(f, quant.Budget{BPW: 1})
	require.ErrorContains(t, err, "1.00 bits per weight are out of reach: from ")
	s.Parameters++
	_, err = s.Assign(f, quant.Budget{BPW: 6})
	require.ErrorContains(t, err, "the sensitivities are those of another model")
}

func TestDamagedFilesOfSensitivitiesAreRefused(t *testing.T) {
	f := open(t, model(t, gguf.F16, nil))
	path := filepath.Join(t.TempDir(), "s.json")
	for what, change := range map[string]func(*quant.Sensitivity){
		"names no architecture or no parts":       func(s *quant.Sensitivity) { s.Parts = nil },
		`part "output Q9_K": unknown tensor type`: func(s *quant.Sensitivity) { s.Parts[len(s.Parts)-3].Type = "Q9_K" },
		"a KL divergence of NaN in layer -1":      func(s *quant.Sensitivity) { s.Parts[0].KLD = float.Number(math.Inf(1)) },
		"a KL divergence of 1e+308":               func(s *quant.Sensitivity) { s.Parts[0].KLD = 1e308 },
		"a KL divergence of 0.001 in layer 7 of":  func(s *quant.Sensitivity) { s.Parts[len(s.Parts)-1].Layer = 7 },
	} {
		s := measured(t, f)
		change(s)
		data, err := json.Marshal(s)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, data, 0o600))
		_, err = quant.ReadSensitivity(t.Context(), path)
		assert.ErrorContains(t, err, what)
	}
	require.NoError(t, os.WriteFile(path, []byte("[1]"), 0o600))
	_, err := quant.ReadSensitivity(t.Context(), path)
	require.ErrorContains(t, err, "not a file of sensitivities")
}

func FuzzSensitivitiesOfAnyBytesChooseNothingImpossible(f *testing.F) {
	f.Add([]byte(`{"architecture":"rwkv7","parameters":1,"layers":2,"parts":[{"kind":"output","layer":-1,"type":"Q4_K","kld":0.1}]}`))
	f.Add([]byte(`{"architecture":"rwkv7","layers":2,"parts":[{"layer":1,"type":"Q8_0","kld":-1e308},{"kind":"low_rank","layer":-1,"type":"IQ1_S","kld":1e308}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzing.Guard(t, len(data), 1<<10)()
		path := filepath.Join(t.TempDir(), "s.json")
		require.NoError(t, os.WriteFile(path, data, 0o600))
		s, err := quant.ReadSensitivity(t.Context(), path)
		if err != nil {
			return
		}
		file := open(t, model(t, gguf.F16, nil))
		s.Parameters = 0
		for _, tensor := range file.Tensors() {
			s.Parameters += tensor.Elements()
		}
		a, err := s.Assign(file, quant.Budget{BPW: 6})
		if err == nil {
			assert.LessOrEqual(t, 8*a.Size, 6*s.Parameters)
		}
	})
}
