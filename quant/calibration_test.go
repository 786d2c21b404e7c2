package quant_test

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/calibration"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/quant"
	"github.com/gosling-rwkv/gosling/rounding"
)

// entry describes two chunks of the inputs of a tensor of the model in, if that has the tensor.
func entry(t *testing.T, in, name string, inputs int64) calibration.Entry {
	t.Helper()
	f, err := gguf.Open(in)
	require.NoError(t, err)
	defer f.Close()
	e := calibration.Entry{Name: name, Inputs: inputs, Chunks: 2}
	if tensor, ok := f.Tensor(name); ok && tensor.Shape[0] == inputs {
		e.Weights, err = calibration.Sample(inputs, tensor.Shape[1], func(row int64, dst []float32) error {
			float.DecodeF32(dst, f.Data(tensor)[4*row*inputs:][:4*inputs])
			return nil
		})
		require.NoError(t, err)
	}
	return e
}

// alike writes the moments of some tensors of the model in, whose inputs are mostly the same number. It returns the path.
func alike(t *testing.T, in string, inputs map[string]int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.gguf")
	info := calibration.Info{Model: "Goose", Datasets: []string{"book.txt"}, ChunkSize: 16}
	var entries []calibration.Entry
	for name, n := range inputs {
		entries = append(entries, entry(t, in, name, n))
	}
	w, err := calibration.Create(path, false, info, entries)
	require.NoError(t, err)
	defer w.Close()
	for i, e := range entries {
		x := make([]float32, rounding.Triangle(e.Inputs))
		for j := range x {
			x[j] = 10
		}
		for j := range e.Inputs {
			x[rounding.Triangle(j+1)-1] = 11
		}
		require.NoError(t, w.Put(t.Context(), i, x))
	}
	require.NoError(t, w.Commit())
	return path
}

// calibrated opens a file, and closes it when the test ends.
func calibrated(t *testing.T, path string) *quant.Calibration {
	t.Helper()
	c, err := quant.OpenCalibration(path)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// sums returns the sum of the squares of what the errors of each row of a tensor add up to, which is its cost by alike.
func sums(t *testing.T, in, out, name string) float64 {
	t.Helper()
	var x [2][]float32
	var width int64
	for i, path := range []string{in, out} {
		f, err := gguf.Open(path)
		require.NoError(t, err)
		tensor, ok := f.Tensor(name)
		require.True(t, ok)
		x[i], width = make([]float32, tensor.Elements()), tensor.Shape[0]
		require.NoError(t, ggmltest.Library(t).Dequantize(tensor.Type, x[i], f.Data(tensor)))
		require.NoError(t, f.Close())
	}
	total := 0.0
	for row := 0; row < len(x[0]); row += int(width) {
		sum := 0.0
		for i := row; i < row+int(width); i++ {
			sum += float64(x[0][i]) - float64(x[1][i])
		}
		total += sum * sum
	}
	return total
}

func TestErrorsOfACalibratedRowMakeUpForEachOther(t *testing.T) {
	in := model(t, gguf.F32, nil)
	const key, value = "blk.1.time_mix_key.weight", "blk.1.channel_mix_value.weight"
	c := calibrated(t, alike(t, in, map[string]int64{key: 256, value: 512}))
	mixes := []string{"Q2_K", "Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "IQ4_NL", "IQ4_XS", "RQ4_M"}
	if testing.Short() {
		mixes = mixes[2:3]
	}
	for _, mix := range mixes {
		t.Run(mix, func(t *testing.T) {
			plain, _, err := quantized(t, in, mix, quant.Retyping{}, quant.Options{})
			require.NoError(t, err)
			out, report, err := quantized(t, in, mix, quant.Retyping{}, quant.Options{Calibration: c})
			require.NoError(t, err)
			assert.Contains(t, report.Without, "token_embd.weight")
			assert.NotContains(t, report.Without, key)
			for _, name := range []string{key, value} {
				assert.Less(t, sums(t, in, out, name), 0.2*sums(t, in, plain, name), name)
			}
			a, err := gguf.Open(plain)
			require.NoError(t, err)
			defer a.Close()
			b, err := gguf.Open(out)
			require.NoError(t, err)
			defer b.Close()
			for _, tensor := range a.Tensors() {
				other, _ := b.Tensor(tensor.Name)
				assert.Equal(t, []any{tensor.Type, tensor.Size}, []any{other.Type, other.Size}, tensor.Name)
				if tensor.Name != key && tensor.Name != value {
					assert.Equal(t, a.Data(tensor), b.Data(other), tensor.Name)
				}
			}
		})
	}
}

func TestTheBytesDoNotDependOnThreads(t *testing.T) {
	in := model(t, gguf.F32, nil)
	c := calibrated(t, alike(t, in, map[string]int64{"blk.1.channel_mix_value.weight": 512}))
	var files [][]byte
	for _, threads := range []int{1, 3} {
		out, _, err := quantized(t, in, "Q4_K_M", quant.Retyping{}, quant.Options{Calibration: c, Threads: threads})
		require.NoError(t, err)
		data, err := os.ReadFile(out)
		require.NoError(t, err)
		files = append(files, data)
	}
	assert.Equal(t, files[0], files[1])
}

func TestTheOutputTellsOfTheCalibration(t *testing.T) {
	in := model(t, gguf.F32, nil)
	path := alike(t, in, map[string]int64{"blk.0.time_mix_key.weight": 256})
	out, _, err := quantized(t, in, "Q4_0", quant.Retyping{}, quant.Options{Calibration: calibrated(t, path)})
	require.NoError(t, err)
	f, err := gguf.Open(out)
	require.NoError(t, err)
	defer f.Close()
	for key, want := range map[string]any{
		"gosling.calibration.dataset": "book.txt", "gosling.calibration.chunks_count": uint32(2),
	} {
		got, _ := f.Value(key)
		assert.Equal(t, want, got, key)
	}
}

// keysOf returns the keys of a file that tell by what it was rounded.
func keysOf(t *testing.T, path string) (keys []string) {
	t.Helper()
	f, err := gguf.Open(path)
	require.NoError(t, err)
	defer f.Close()
	for _, kv := range f.Keys() {
		if strings.HasPrefix(kv.Key, "gosling.calibration.") || strings.HasPrefix(kv.Key, "quantize.imatrix.") {
			keys = append(keys, kv.Key)
		}
	}
	return keys
}

func TestTheOutputNamesOnlyWhatHadAnEffect(t *testing.T) {
	in := model(t, gguf.F32, nil)
	c := calibrated(t, alike(t, in, map[string]int64{"blk.0.time_mix_key.weight": 256}))
	for name, tc := range map[string]struct {
		mix  string
		o    quant.Options
		keys int
	}{
		"floating point by a calibration":          {"BF16", quant.Options{Calibration: c}, 0},
		"floating point by an importance matrix":   {"F16", quant.Options{Importance: important(t, in)}, 0},
		"Q8_0 by a calibration":                    {"Q8_0", quant.Options{Calibration: c}, 3},
		"Q8_0 by an importance matrix, as in ggml": {"Q8_0", quant.Options{Importance: important(t, in)}, 0},
		"Q4_0 by an importance matrix":             {"Q4_0", quant.Options{Importance: important(t, in)}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			out, report, err := quantized(t, in, tc.mix, quant.Retyping{}, tc.o)
			require.NoError(t, err)
			assert.Len(t, keysOf(t, out), tc.keys)
			note := strings.Join(report.Notes(), "\n")
			if tc.keys == 0 {
				assert.Regexp(t, "(c|m).gguf had no effect: no tensor was rounded by it", note)
			} else {
				assert.Regexp(t, "^rounded without importance, because .*(c|m).gguf does not cover them: token_embd.weight", note)
			}
		})
	}
}

func TestACalibrationAndAnImportanceMatrixAreNotCombined(t *testing.T) {
	in := model(t, gguf.F32, nil)
	c := calibrated(t, alike(t, in, map[string]int64{"blk.0.time_mix_key.weight": 256}))
	out, _, err := quantized(t, in, "Q4_0", quant.Retyping{}, quant.Options{Importance: important(t, in), Calibration: c})
	require.ErrorContains(t, err, "give one of the two")
	assert.NoFileExists(t, out)
}

// stopping is a Quantizer that ends a context when it is first asked.
type stopping struct {
	quant.Quantizer
	stop func()
}

func (s stopping) Quantize(t gguf.Type, dst []byte, src []float32, rowLen int64, importance []float32) error {
	s.stop()
	return s.Quantizer.Quantize(t, dst, src, rowLen, importance)
}

func TestCalibratedRoundingStopsWhenTheContextEnds(t *testing.T) {
	in := model(t, gguf.F32, nil)
	names := map[string]int64{"blk.0.time_mix_key.weight": 256, "token_embd.weight": 256}
	ctx, cancel := context.WithCancel(t.Context())
	lib := ggmltest.Library(t)
	mix, err := quant.ParseMix("Q4_0")
	require.NoError(t, err)
	out := filepath.Join(t.TempDir(), "out.gguf")
	_, err = quant.Quantize(ctx, in, out, quant.Retyping{Mix: mix}, quant.Options{
		Calibration: calibrated(t, alike(t, in, names)), Quantizer: func() (quant.Quantizer, error) { return stopping{lib, cancel}, nil },
	})
	require.ErrorIs(t, err, context.Canceled)
	left, err := os.ReadDir(filepath.Dir(out))
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestACalibrationMustBeOfTheModel(t *testing.T) {
	in := model(t, gguf.F32, nil)
	const key = "blk.0.time_mix_key.weight"
	for name, tc := range map[string]struct {
		inputs map[string]int64
		want   string
	}{
		"inputs of another number": {map[string]int64{key: 64}, `tensor "` + key + `" has 64 inputs there, and 256 in the model`},
		"no tensor of the model":   {map[string]int64{"blk.0.attn_q.weight": 256}, "says nothing of any tensor"},
	} {
		t.Run(name, func(t *testing.T) {
			out, _, err := quantized(t, in, "Q4_0", quant.Retyping{}, quant.Options{Calibration: calibrated(t, alike(t, in, tc.inputs))})
			require.ErrorContains(t, err, tc.want)
			assert.NoFileExists(t, out)
		})
	}
	var unfinished *calibration.UnfinishedError
	path := filepath.Join(t.TempDir(), "begun.gguf")
	begun, err := calibration.NewDraft(path, false, calibration.Info{ChunkSize: 16}, []calibration.Entry{entry(t, in, key, 256)})
	require.NoError(t, err)
	require.NoError(t, begun.Close())
	_, err = quant.OpenCalibration(path)
	require.ErrorAs(t, err, &unfinished)
}

func TestACalibrationOfOtherWeightsIsToldOfOrRefused(t *testing.T) {
	in := model(t, gguf.F32, nil)
	const key = "blk.0.time_mix_key.weight"
	path := alike(t, in, map[string]int64{key: 256, "blk.1.channel_mix_value.weight": 512})
	for name, tc := range map[string]struct {
		from  string // the type of the weights
		tuned float32
		note  string
		err   string
	}{
		"as F32":              {from: "F32"},
		"as F16":              {from: "F16"},
		"as Q8_0":             {from: "Q8_0"},
		"as Q4_0":             {from: "Q4_0", note: "was made with weights that differ from these by "},
		"tuned a little":      {from: "F32", tuned: 0.001},
		"tuned more":          {from: "F32", tuned: 0.3, note: "was made with weights that differ from these by "},
		"of another training": {from: "F16", tuned: 100, err: path + `: has the moments of another model, "Goose": the weights differ by `},
	} {
		t.Run(name, func(t *testing.T) {
			other := model(t, gguf.F32, func(_ string, x []float32) {
				size := 0.0
				for _, v := range x {
					size += float64(v) * float64(v) / float64(len(x))
				}
				random := rand.New(rand.NewPCG(1, 2))
				for i := range x {
					x[i] += tc.tuned * float32(math.Sqrt(size)*random.NormFloat64())
				}
			})
			base, _, err := quantized(t, other, tc.from, quant.Retyping{}, quant.Options{})
			require.NoError(t, err)
			out, report, err := quantized(t, base, "Q4_1", quant.Retyping{Requant: true}, quant.Options{Calibration: calibrated(t, path)})
			if tc.err != "" {
				require.ErrorContains(t, err, tc.err)
				assert.NoFileExists(t, out)
				return
			}
			require.NoError(t, err)
			if notes := strings.Join(report.Notes(), "\n"); tc.note != "" {
				assert.Contains(t, notes, tc.note)
			} else {
				assert.NotContains(t, notes, "differ")
			}
		})
	}
}

func TestDamagedMomentsAreRefused(t *testing.T) {
	in := model(t, gguf.F32, nil)
	path := filepath.Join(t.TempDir(), "c.gguf")
	w, err := calibration.Create(path, false, calibration.Info{ChunkSize: 16}, []calibration.Entry{entry(t, in, "blk.0.time_mix_key.weight", 256)})
	require.NoError(t, err)
	defer w.Close()
	x := make([]float32, rounding.Triangle(256))
	for i := range x {
		x[i] = 1e3 // more than the diagonal allows
	}
	for i := range int64(256) {
		x[rounding.Triangle(i+1)-1] = 1
	}
	require.NoError(t, w.Put(t.Context(), 0, x))
	require.NoError(t, w.Commit())
	out, _, err := quantized(t, in, "Q4_0", quant.Retyping{}, quant.Options{Calibration: calibrated(t, path)})
	require.ErrorContains(t, err, path)
	require.ErrorContains(t, err, "cannot be factored")
	assert.NoFileExists(t, out)
}
