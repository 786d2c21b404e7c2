package quant_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/imatrix"
	"github.com/gosling-rwkv/gosling/quant"
)

// important is a matrix for all tensors of model's layers that are larger than low-rank pairs, in which channel 0 is all.
func important(t *testing.T, in string) *quant.Importance {
	t.Helper()
	f, err := gguf.Open(in)
	require.NoError(t, err)
	defer f.Close()
	m := &imatrix.Matrix{Datasets: []string{strings.Repeat("数", 60)}, Chunks: 7, ChunkSize: 512}
	for _, tensor := range f.Tensors() {
		if strings.HasPrefix(tensor.Name, "blk.") && len(tensor.Shape) == 2 && tensor.Shape[1] >= 256 && tensor.Shape[0] >= 256 {
			squares := make([]float64, tensor.Shape[0])
			for i := range squares {
				squares[i] = 1e-3
			}
			squares[0] = 1e6
			require.NoError(t, m.Add(imatrix.Entry{Name: tensor.Name, Squares: squares, Tokens: 1024}))
		}
	}
	return &quant.Importance{Path: "m.gguf", Matrix: m}
}

func quantized(t *testing.T, in, mix string, r quant.Retyping, o quant.Options) (string, quant.Report, error) {
	t.Helper()
	var err error
	r.Mix, err = quant.ParseMix(mix)
	require.NoError(t, err)
	o.Quantizer = quantizer(t)
	out := filepath.Join(t.TempDir(), "out.gguf")
	report, err := quant.Quantize(context.Background(), in, out, r, o)
	return out, report, err
}

// errorsOf are the squared errors of each of the 256 channels of a tensor.
func errorsOf(t *testing.T, in, out, name string) []float64 {
	t.Helper()
	var x [2][]float32
	for i, path := range []string{in, out} {
		f, err := gguf.Open(path)
		require.NoError(t, err)
		tensor, ok := f.Tensor(name)
		require.True(t, ok)
		x[i] = make([]float32, tensor.Elements())
		require.NoError(t, ggmltest.Library(t).Dequantize(tensor.Type, x[i], f.Data(tensor)))
		require.NoError(t, f.Close())
	}
	errors := make([]float64, 256)
	for i := range x[0] {
		d := float64(x[0][i]) - float64(x[1][i])
		errors[i%256] += d * d
	}
	return errors
}

func TestTheChannelThatMattersKeepsMore(t *testing.T) {
	in := model(t, gguf.F32, nil)
	for _, mix := range []string{"Q2_K", "Q4_K_M", "Q4_0", "IQ2_XS", "IQ3_XXS"} {
		t.Run(mix, func(t *testing.T) {
			const name = "blk.1.time_mix_key.weight"
			with, report, err := quantized(t, in, mix, quant.Retyping{}, quant.Options{Importance: important(t, in), Measure: true})
			require.NoError(t, err)
			assert.Equal(t, []string{"token_embd.weight", "output.weight"}, report.Without)
			errors := errorsOf(t, in, with, name)
			assert.Less(t, errors[0], errors[1])
			if without, _, err := quantized(t, in, mix, quant.Retyping{}, quant.Options{}); err == nil {
				assert.Less(t, errors[0], errorsOf(t, in, without, name)[0])
			} else {
				assert.Contains(t, err.Error(), "needs an importance matrix")
			}
		})
	}
}

func TestTheOutputTellsOfTheImportanceMatrix(t *testing.T) {
	in := model(t, gguf.F32, nil)
	out, _, err := quantized(t, in, "Q4_K_M", quant.Retyping{}, quant.Options{Importance: important(t, in)})
	require.NoError(t, err)
	f, err := gguf.Open(out)
	require.NoError(t, err)
	defer f.Close()
	for key, want := range map[string]any{
		"quantize.imatrix.file": "m.gguf", "quantize.imatrix.dataset": strings.Repeat("数", 42),
		"quantize.imatrix.entries_count": uint32(12), "quantize.imatrix.chunks_count": uint32(7),
	} {
		got, _ := f.Value(key)
		assert.Equal(t, want, got, key)
	}
}

func TestAnImportanceMatrixMustBeOfTheModel(t *testing.T) {
	in := model(t, gguf.F32, nil)
	const key = "blk.0.time_mix_key.weight"
	other := func(e imatrix.Entry) *quant.Importance {
		return &quant.Importance{Path: "m.gguf", Matrix: &imatrix.Matrix{Entries: []imatrix.Entry{e}}}
	}
	for name, tc := range map[string]struct {
		mix        string
		importance *quant.Importance
		want       string
	}{
		"rows of another length":    {"Q4_0", other(imatrix.Entry{Name: key, Squares: make([]float64, 64)}), `tensor "` + key + `" has 64 input channels there, and 256 in the model`},
		"no tensor of the model":    {"Q4_0", other(imatrix.Entry{Name: "blk.0.attn_q.weight", Squares: make([]float64, 256)}), "says nothing of any tensor"},
		"too little for the type":   {"IQ2_XS", other(imatrix.Entry{Name: key, Squares: make([]float64, 256), Tokens: 1}), "and m.gguf says nothing of this tensor"},
		"a type that must have one": {"IQ2_XS", nil, "needs an importance matrix"},
	} {
		t.Run(name, func(t *testing.T) {
			out, _, err := quantized(t, in, tc.mix, quant.Retyping{}, quant.Options{Importance: tc.importance})
			require.ErrorContains(t, err, tc.want)
			assert.NoFileExists(t, out)
		})
	}
}

// TestChannelsThatNothingGoesInto are found in real models: ggml must not divide by them.
func TestChannelsThatNothingGoesInto(t *testing.T) {
	if testing.Short() {
		t.Skip("rounds in twelve mixes")
	}
	in := model(t, gguf.F32, nil)
	for _, mix := range []string{"Q2_K", "Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "IQ4_NL", "IQ2_XS", "IQ3_S"} {
		i := important(t, in)
		for _, e := range i.Matrix.Entries {
			for j := range e.Squares {
				if j < 128 || e.Name == "blk.1.channel_mix_value.weight" {
					e.Squares[j] = 0
				}
			}
		}
		out, _, err := quantized(t, in, mix, quant.Retyping{}, quant.Options{Importance: i})
		require.NoError(t, err, mix)
		require.Less(t, slices.Max(errorsOf(t, in, out, "blk.1.channel_mix_value.weight")), 1e4, mix)
	}
}

func TestOverridesGoBeforeTheMix(t *testing.T) {
	in := model(t, gguf.F32, nil)
	var r quant.Retyping
	for _, text := range []string{`blk\.0\..*time_mix_(key|value)\.=q6_k`, "a1=Q8_0", "output=F16", "TIME_MIX=q5_0"} {
		o, err := quant.ParseOverride(text)
		require.NoError(t, err)
		r.Overrides = append(r.Overrides, o)
	}
	out, _, err := quantized(t, in, "Q4_K_M", r, quant.Options{})
	require.NoError(t, err)
	f, err := gguf.Open(out)
	require.NoError(t, err)
	defer f.Close()
	for name, want := range map[string]gguf.Type{
		"blk.0.time_mix_key.weight": gguf.Q6_K, "blk.1.time_mix_key.weight": gguf.Q5_0, "blk.0.channel_mix_key.weight": gguf.Q4_K,
		"output.weight": gguf.F16, "blk.0.time_mix_a1.weight": gguf.Q8_0, "blk.0.time_mix_w1.weight": gguf.Q8_0, "blk.0.time_mix_w0.weight": gguf.F32,
	} {
		tensor, _ := f.Tensor(name)
		assert.Equal(t, want.String(), tensor.Type.String(), name)
	}

	o, err := quant.ParseOverride("time_mix_w0=Q8_0")
	require.NoError(t, err)
	_, _, err = quantized(t, in, "Q4_K_M", quant.Retyping{Overrides: quant.Overrides{o}}, quant.Options{})
	require.ErrorContains(t, err, `no tensor that may be quantized matches "time_mix_w0"`)
}

func TestOverridesThatSayNothing(t *testing.T) {
	for text, want := range map[string]string{
		"": "want PATTERN=TYPE", "key": "want PATTERN=TYPE", "=Q4_0": "want PATTERN=TYPE", "key=": "want PATTERN=TYPE",
		"(key=Q4_0": "not a regular expression", "key=Q4_K_M": `"Q4_K_M"`, "key=Q8_K": "weights cannot be stored as Q8_K", "key=I32": "weights cannot be stored as I32",
	} {
		_, err := quant.ParseOverride(text)
		assert.ErrorContains(t, err, want, text)
	}
}
