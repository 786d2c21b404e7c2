package compare

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/calibration"
	"github.com/gosling-rwkv/gosling/calibration/collect"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/imatrix"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/quant"
)

func TestACalibrationOfAnotherModelIsRefusedBeforeTheWork(t *testing.T) {
	p := newPlace(t)
	other := p.model("other.gguf", gguf.F32, func(c *synth.Config) { c.Seed = 2 })
	file := p.path("c.gguf")
	_, err := collect.Run(t.Context(), collect.Options{Options: p.opts, Model: other.Path, Text: collect.Text{Name: "book.txt", Data: []byte(book)}, Context: 16, Output: file})
	require.NoError(t, err)
	cand := p.made("Q4_0")
	cand.Calibrated = true
	o := p.options(cand)
	o.Calibration, err = quant.OpenCalibration(file)
	require.NoError(t, err)
	defer o.Calibration.Close()
	var events log
	o.Progress = events.add
	var model *calibration.OtherModelError
	_, err = Run(t.Context(), o)
	require.ErrorAs(t, err, &model)
	assert.Empty(t, events.steps)
}

func TestRunComparesFilesWithSpeed(t *testing.T) {
	p := newPlace(t)
	ggmltest.NoLeaks(t)
	o := p.options(Candidate{Model: p.quantized("q8.gguf", "q8_0")})
	o.NoSpeed, o.Contexts = false, []int{16, 32}
	var events log
	o.Progress = events.add
	r := p.run(o)
	assert.Equal(t, []Column{{Text: "book.txt", Context: 16, Chunks: 7, Scored: 49}, {Text: "book.txt", Context: 32, Chunks: 3, Scored: 45}}, r.Columns)
	assert.Equal(t, "base.gguf", r.Base.Name)
	assert.InDelta(t, 32, float64(r.Base.BitsPerWeight), 1e-9)
	require.Len(t, r.Candidates, 1)
	c := r.Candidates[0]
	assert.Equal(t, "q8.gguf", c.Name)
	assert.Less(t, c.Size, r.Base.Size)
	assert.Less(t, c.BitsPerWeight, r.Base.BitsPerWeight)
	assert.NotEmpty(t, c.Weights)
	for _, f := range []Facts{r.Base, c.Facts} {
		assert.Positive(t, float64(f.Prefill))
		assert.Positive(t, float64(f.Decode))
		assert.Zero(t, f.PeakMemory, "that of this process is not the model's alone")
	}
	require.Len(t, c.Divergence, 2)
	for i, d := range c.Divergence {
		assert.Equal(t, r.Columns[i].Scored, d.Scored)
		assert.Positive(t, d.KLD.Value)
		assert.Less(t, d.KLD.Value, 0.01)
	}
	assert.Equal(t, []string{"base.gguf on book.txt in chunks of 16", "base.gguf on book.txt in chunks of 32",
		"q8.gguf on book.txt in chunks of 16", "q8.gguf on book.txt in chunks of 32"}, events.steps)
	assert.Zero(t, events.open, "steps end")
}

func TestSpeedIsMeasuredByACommand(t *testing.T) {
	p := newPlace(t)
	o := p.options(Candidate{Model: p.quantized("q8.gguf", "q8_0")})
	program := p.file("program", "#!/bin/sh\necho '[{\"n_prompt\":512,\"avg_ts\":20,\"peak_rss\":5},{\"n_gen\":32,\"avg_ts\":2,\"peak_rss\":7}]'\n")
	if runtime.GOOS == "windows" {
		t.Skip("no shell")
	}
	require.NoError(t, os.Chmod(program, 0o700))
	o.NoSpeed, o.Bench = false, &Command{Path: program, Args: []string{"program"}}
	r := p.run(o)
	for _, f := range []Facts{r.Base, r.Candidates[0].Facts} {
		assert.Equal(t, []any{20.0, 2.0, int64(7)}, []any{float64(f.Prefill), float64(f.Decode), f.PeakMemory})
	}
}

func TestCandidatesAreMadeAndThrownAwayOrKept(t *testing.T) {
	p := newPlace(t)
	o := p.options(p.made("q8_0"), p.made("q4_0"))
	r := p.run(o)
	require.Len(t, r.Candidates, 2)
	assert.Equal(t, []string{"Q8_0", "Q4_0"}, []string{r.Candidates[0].Name, r.Candidates[1].Name})
	assert.Greater(t, r.Candidates[1].Divergence[0].KLD.Value, r.Candidates[0].Divergence[0].KLD.Value)
	assert.NoFileExists(t, p.path("base-Q8_0.gguf"))

	o = p.options(p.made("q8_0"))
	o.Candidates[0].Keep = p.path("kept.gguf")
	kept := p.run(o)
	assert.Equal(t, r.Candidates[0].Divergence, kept.Candidates[0].Divergence)
	want, err := os.ReadFile(p.quantized("q8.gguf", "q8_0").Path)
	require.NoError(t, err)
	got, err := os.ReadFile(o.Candidates[0].Keep)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(want, got))
	_, err = Run(t.Context(), o)
	require.ErrorIs(t, err, os.ErrExist)
	o.Force = true
	p.run(o)
}

func TestCandidatesAreRoundedByImportance(t *testing.T) {
	p := newPlace(t)
	m, err := lm.Open(t.Context(), p.path("base.gguf"), p.opts)
	require.NoError(t, err)
	defer m.Close()
	var matrix imatrix.Matrix
	for _, tensor := range m.File().Tensors() {
		squares := make([]float64, tensor.Shape[0])
		for i := range squares {
			squares[i] = float64(1 + i%7)
		}
		require.NoError(t, matrix.Add(imatrix.Entry{Name: tensor.Name, Squares: squares, Tokens: 1}))
	}
	path := p.path("m.gguf")
	matrix.Chunks, matrix.ChunkSize, matrix.Datasets = 1, 16, []string{"book.txt"}
	require.NoError(t, matrix.Write(path, false))
	o := p.options(p.made("q4_0"))
	plain := p.run(o)
	o.Importance = &quant.Importance{Path: path, Matrix: &matrix}
	assert.NotEqual(t, plain.Candidates[0].Divergence, p.run(o).Candidates[0].Divergence)
}

func TestBaseLogitsAreKept(t *testing.T) {
	p := newPlace(t)
	o := p.options(Candidate{Model: p.quantized("q8.gguf", "q8_0")})
	o.BaseLogits = p.path("base.logits")
	assert.Equal(t, []string{o.BaseLogits, o.BaseLogits + ".part"}, o.LogitsFiles())
	first := p.run(o)
	assert.FileExists(t, o.BaseLogits)
	assert.NoFileExists(t, o.BaseLogits+".part")
	var events log
	o.Progress = events.add
	assert.Equal(t, first, p.run(o))
	assert.Equal(t, []string{"q8.gguf on book.txt in chunks of 16"}, events.steps, "the base is not read again")

	for name, tc := range map[string]struct {
		change func(*Options)
		want   string
	}{
		"of another text":     {func(o *Options) { o.Texts = []Text{{Path: p.path("tale.txt")}} }, "base.logits: base logits of another text: window 1"},
		"of another model":    {func(o *Options) { o.Base = p.model("foreign.gguf", gguf.F32, func(c *synth.Config) { c.Seed = 5 }) }, "base.logits: base logits of another model: made with base.gguf; the weights or settings of "},
		"that are not logits": {func(o *Options) { o.BaseLogits = p.path("book.txt") }, "book.txt: not a file of base logits"},
	} {
		t.Run(name, func(t *testing.T) {
			o := o
			tc.change(&o)
			_, err := Run(t.Context(), o)
			var logits *BaseLogitsError
			require.ErrorAs(t, err, &logits)
			require.ErrorContains(t, err, tc.want)
			var stopped *StoppedError
			assert.NotErrorAs(t, err, &stopped, "nothing was measured")
		})
	}
	o.Contexts = []int{16, 32}
	assert.Equal(t, []string{o.BaseLogits + ".1-book.txt.16", o.BaseLogits + ".1-book.txt.16.part", o.BaseLogits + ".2-book.txt.32", o.BaseLogits + ".2-book.txt.32.part"}, o.LogitsFiles())
	assert.Empty(t, (&Setup{Texts: o.Texts}).LogitsFiles())
}

// TestBaseLogitsOfOtherPrograms cuts off the trailer, which only our files have. It names the model of the logits.
func TestBaseLogitsOfOtherPrograms(t *testing.T) {
	p := newPlace(t)
	o := p.options(Candidate{Model: p.quantized("q8.gguf", "q8_0")})
	o.BaseLogits = p.path("base.logits")
	want := p.run(o)
	info, err := os.Stat(o.BaseLogits)
	require.NoError(t, err)
	const trailer = 120
	require.NoError(t, os.Truncate(o.BaseLogits, info.Size()-trailer))
	assert.Equal(t, want, p.run(o))
	o.Base = p.model("foreign.gguf", gguf.F32, func(c *synth.Config) { c.Seed = 5 })
	_, err = Run(t.Context(), o)
	require.ErrorContains(t, err, "base.logits: base logits of another model than "+o.Base.Path+": their KL divergence is ")
}

func TestTasksAreColumns(t *testing.T) {
	p := newPlace(t)
	o := p.options(p.made("q8_0"))
	o.Tasks = []Task{{Name: Lambada, Path: p.file("words.jsonl", words)}, {Name: Lambada, Data: []byte(words)}}
	o.Limit = 2
	r := p.run(o)
	for _, f := range []Facts{r.Base, r.Candidates[0].Facts} {
		require.Len(t, f.Tasks, 2)
		assert.Equal(t, 2, f.Tasks[0].Items)
		assert.Equal(t, f.Tasks[0], f.Tasks[1])
	}
	assert.Contains(t, Tables(r)[0].Head, "lambada accuracy")
}

func TestWhatCannotBeCompared(t *testing.T) {
	p := newPlace(t)
	q8 := Candidate{Model: p.quantized("q8.gguf", "q8_0")}
	large := Candidate{Model: p.model("large.gguf", gguf.F32, func(c *synth.Config) { c.Vocab = 300 })}
	old := Candidate{Model: p.model("old.gguf", gguf.F32, func(c *synth.Config) { c.Version = "6" })}
	for name, tc := range map[string]struct {
		change func(*Options)
		want   string
	}{
		"another vocabulary":  {func(o *Options) { o.Candidates = []Candidate{large} }, "large.gguf cannot be compared with " + p.path("base.gguf") + ": its vocabulary has 300 tokens, the base's 257"},
		"another version":     {func(o *Options) { o.Candidates = []Candidate{old} }, `its architecture is "rwkv6", the base's "rwkv7"`},
		"nothing":             {func(o *Options) { o.Candidates = nil }, "no candidates"},
		"no text":             {func(o *Options) { o.Texts = nil }, "no text"},
		"a missing base":      {func(o *Options) { o.Base.Path = "missing.gguf" }, "missing.gguf"},
		"a missing candidate": {func(o *Options) { o.Candidates[0].Path = "missing.gguf" }, "missing.gguf"},
		"a missing text":      {func(o *Options) { o.Texts = []Text{{Path: "missing.txt"}} }, "missing.txt"},
		"an empty text":       {func(o *Options) { o.Texts = []Text{{Path: "-"}} }, "standard input: the text is empty"},
		"a short text":        {func(o *Options) { o.Contexts = nil }, "book.txt: the text has 117 tokens, at least 1024 are needed"},
	} {
		t.Run(name, func(t *testing.T) {
			o := p.options(q8)
			tc.change(&o)
			_, err := Run(t.Context(), o)
			require.ErrorContains(t, err, tc.want)
		})
	}
	_, err := Run(t.Context(), Options{Setup: Setup{Options: p.opts, Base: Model{Path: p.path("base.gguf")}, Texts: []Text{{Path: p.path("book.txt")}}}, Candidates: []Candidate{q8}})
	var short *ShortError
	require.ErrorAs(t, err, &short)
}

func TestAFolderOfInputsIsNotTaken(t *testing.T) {
	dir := t.TempDir()
	for _, input := range []string{filepath.Join(dir, "base.gguf"), dir} {
		require.ErrorContains(t, outside(dir, []string{"", input}), "the folder for temporary files of this comparison: move it")
	}
	require.NoError(t, outside(dir, []string{"", filepath.Dir(dir), filepath.Join(filepath.Dir(dir), "base.gguf")}))
}

func TestNotesOfWhatWasNoNumber(t *testing.T) {
	data, err := json.Marshal(Measured{Facts: Facts{Name: "a", Decode: 32}, Divergence: nil})
	require.NoError(t, err)
	_, ok := parseMeasured(data, "a", nil)
	assert.True(t, ok)
	_, ok = parseMeasured(data, "b", nil)
	assert.False(t, ok, "of another candidate")
	_, ok = parseMeasured(data, "a", []Column{{Text: "a.txt"}})
	assert.False(t, ok, "of other columns")
	_, ok = parseMeasured([]byte(`{"name":"a","size":1e300}`), "a", nil)
	assert.False(t, ok, "a number that cannot be measured")
}

func TestOptionsHaveNoFunctionButTheProgress(t *testing.T) {
	for _, options := range []any{Options{}, SensitivityOptions{}, PerplexityOptions{}, TasksOptions{}} {
		kind := reflect.TypeOf(options)
		for _, field := range reflect.VisibleFields(kind) {
			if field.Type.Kind() == reflect.Func {
				assert.Equal(t, "Progress", field.Name, kind.Name())
			}
		}
	}
}

func TestAnEmptyResultHasNoNotes(t *testing.T) {
	var r Result
	require.NoError(t, r.Remove())
	require.ErrorIs(t, r.Keep(os.ErrClosed), os.ErrClosed)
}
