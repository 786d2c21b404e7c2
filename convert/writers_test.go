package convert_test

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/dialect"
	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/golden"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/internal/writers"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/archs"
	"github.com/gosling-rwkv/gosling/rwkv/rwkvtest"
)

// logits are those of the version's float64 reference for a file of F32.
func logits(t *testing.T, f *gguf.File, tokens []int32) [][]float64 {
	t.Helper()
	arch, config, err := archs.Describe(f)
	require.NoError(t, err)
	forward, err := arch.Reference(config, func(name string) (rwkv.RefTensor, bool) {
		tensor, ok := f.Tensor(name)
		if !ok {
			return rwkv.RefTensor{}, false
		}
		x := make([]float32, tensor.Elements())
		float.DecodeF32(x, f.Data(tensor))
		return rwkv.RefTensor{Data: x}, true
	})
	require.NoError(t, err)
	got, _, err := forward(nil, tokens)
	require.NoError(t, err)
	return got
}

// saved writes a file under a name; one that ends with / is a folder, with a config.json.
func saved(t *testing.T, f writers.File, name, config string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if !strings.HasSuffix(name, "/") {
		f.Save(t, path)
		return path
	}
	require.NoError(t, os.Mkdir(path, 0o755))
	f.Save(t, filepath.Join(path, "model.safetensors"))
	if config != "" {
		require.NoError(t, os.WriteFile(filepath.Join(path, "config.json"), []byte(config), 0o600))
	}
	return path
}

// shortest is the name of the shortest prompt.
func shortest(g *golden.File) string {
	names := slices.Sorted(maps.Keys(g.Prompts))
	return slices.MinFunc(names, func(a, b string) int { return len(g.Prompts[a].Tokens) - len(g.Prompts[b].Tokens) })
}

func fla7(f writers.File) writers.File { return writers.FLA7(f, false) }

func asItIs(f writers.File) writers.File { return f }

// Models of every writer, made of checkpoints whose logits the authors' code computed, give those logits.
func TestModelsOfEveryWriterGiveTheOfficialLogits(t *testing.T) {
	web := func(f writers.File) writers.File { return writers.WebRWKV(t, f) }
	for _, tc := range []struct {
		golden, name, config string
		write                func(writers.File) writers.File
		options              convert.Options
	}{
		{golden: "rwkv-4-small", name: "m.safetensors", write: asItIs},
		{golden: "rwkv-4-small", name: "m.st", write: web},
		{golden: "rwkv-4-small", name: "hf/", config: `{"model_type": "rwkv", "rescale_every": 6}`, write: writers.Transformers},
		{golden: "tiny-rwkv-5v1-730K", name: "m.safetensors", write: asItIs}, // 5.0
		{golden: "tiny-rwkv-5v1-730K", name: "m.st", write: web, options: convert.Options{Dialect: dialect.PTH}},
		{golden: "micro-rwkv-5.1-L2-C64-cuda-metadata-bf16", name: "m.safetensors", write: asItIs},
		{golden: "micro-rwkv-5.1-L2-C64-cuda-metadata-bf16", name: "m.st", write: web},
		{golden: "micro-rwkv-5.1-L2-C64-cuda-metadata-bf16", name: "hf/", config: `{"head_size_divisor": 8}`, write: writers.Transformers},
		{golden: "rwkv-5.2-small", name: "m.safetensors", write: asItIs},
		{golden: "rwkv-5.2-small", name: "m.st", write: web},
		{golden: "rwkv-5.2-small", name: "m.safetensors", write: web},
		{golden: "rwkv-5.2-small", name: "hf/", config: `{"head_size_divisor": 8}`, write: writers.Transformers},
		{golden: "rwkv-6-small", name: "m.safetensors", write: asItIs},
		{golden: "rwkv-6-small", name: "m.st", write: web},
		{golden: "rwkv-6-small", name: "hf/", config: `{"head_size_divisor": 8}`, write: writers.Transformers},
		{golden: "rwkv-6-small", name: "fla/", config: `{"norm_eps": 1e-5}`, write: writers.FLA6, options: convert.Options{GroupNormEps: 64e-5}},
		{golden: "demo", name: "m.safetensors", write: asItIs},
		{golden: "demo", name: "m.st", write: web},
		{golden: "demo", name: "m.safetensors", write: web},
		{golden: "demo", name: "fla/", config: `{"norm_eps": 1e-5, "hidden_act": "sqrelu"}`, write: fla7},
	} {
		t.Run(tc.golden+" as "+tc.name, func(t *testing.T) {
			g := golden.Load(t, tc.golden)
			f := tc.write(writers.Open(t, golden.Path(t, g.Models[0])))
			o := options(t, "F32")
			o.Dialect, o.GroupNormEps = tc.options.Dialect, tc.options.GroupNormEps
			if g.GroupNormEps != 64e-5 {
				o.GroupNormEps = g.GroupNormEps
			}
			prompt := shortest(g)
			got := logits(t, converted(t, saved(t, f, tc.name, tc.config), o), g.Prompts[prompt].Tokens)
			tolerance := 2e-5
			if f[0].DType == checkpoint.F16 { // smaller numbers than those of F16 are lost
				tolerance = 1e-3
			}
			rwkvtest.Near(t, g.Logits(t, prompt), got, tolerance, "logits")
		})
	}
}

// drawn is tensors of random numbers that F16 has.
func drawn(t *testing.T, shapes map[string][]int64) writers.File {
	t.Helper()
	rng := rand.New(rand.NewPCG(8, 9))
	var all writers.File
	for name, shape := range shapes {
		x := make([]float32, checkpoint.Tensor{Shape: shape}.Elements())
		for i := range x {
			x[i] = float32(rng.NormFloat64()) / 8
		}
		data := make([]byte, 4*len(x))
		float.EncodeF32(data, x)
		all = append(all, writers.Tensor{Name: name, DType: checkpoint.F32, Shape: shape, Data: data})
	}
	return all.As(t, checkpoint.F16)
}

// random is a checkpoint of a version in F16, with heads of 16.
func random(t *testing.T, version string) writers.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.pth")
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, synth.Write(f, synth.Config{Version: version, Layers: 2, Embed: 64, HeadSize: 16, Vocab: 61}))
	require.NoError(t, f.Close())
	return writers.Open(t, path).As(t, checkpoint.F16)
}

// tunedFor is a state of a random checkpoint.
func tunedFor(t *testing.T) writers.File {
	t.Helper()
	return drawn(t, map[string][]int64{"blocks.0.att.time_state": {4, 16, 16}, "blocks.1.att.time_state": {4, 16, 16}})
}

// sameModel wants all tensors of two files to be equal.
func sameModel(t *testing.T, want, got *gguf.File) {
	t.Helper()
	require.Len(t, got.Tensors(), len(want.Tensors()))
	for _, w := range want.Tensors() {
		g, ok := got.Tensor(w.Name)
		require.True(t, ok, w.Name)
		assert.True(t, bytes.Equal(want.Data(w), got.Data(g)), w.Name)
	}
}

// A state is the same model's in a .pth, in web-rwkv's file and inside either's model.
func TestStatesOfEveryWriterAreTheSame(t *testing.T) {
	for _, version := range []string{"5.1", "5.2", "6", "7"} {
		t.Run(version, func(t *testing.T) {
			model, state := random(t, version), tunedFor(t)
			in := saved(t, model, "m.pth", "")
			with := func(state string, transposed *bool) *gguf.File {
				o := options(t, "F32")
				o.State = convert.State{Path: state, Transposed: transposed}
				return converted(t, in, o)
			}
			want := with(saved(t, state, "state.pth", ""), nil)
			web, plain := writers.WebRWKV(t, state), state
			for name, got := range map[string]*gguf.File{
				"web-rwkv's":                     with(saved(t, web, "state.st", ""), nil),
				"Ai00's":                         with(saved(t, web, "emoji.state", ""), nil),
				"web-rwkv's, said so":            with(saved(t, web, "state.st", ""), new(true)),
				"web-rwkv's under another name":  with(saved(t, web, "state.safetensors", ""), new(true)),
				"the authors' as safetensors":    with(saved(t, plain.As(t, checkpoint.F32), "state.safetensors", ""), nil),
				"the authors' in F16":            with(saved(t, plain, "state.safetensors", ""), new(false)),
				"the authors' under that name":   with(saved(t, plain, "state.st", ""), new(false)),
				"a .pth the other way round":     with(saved(t, web, "state.pth", ""), new(true)),
				"inside the authors' model":      converted(t, saved(t, append(model, state...), "m.pth", ""), options(t, "F32")),
				"inside web-rwkv's model":        converted(t, saved(t, writers.WebRWKV(t, append(model, state...)), "m.st", ""), options(t, "F32")),
				"in place of another in a model": with(saved(t, writers.WebRWKV(t, append(model, state...)), "other.st", ""), nil),
			} {
				t.Run(name, func(t *testing.T) {
					for _, info := range want.Tensors() {
						if strings.HasSuffix(info.Name, "time_mix_state.weight") {
							g, ok := got.Tensor(info.Name)
							require.True(t, ok)
							assert.True(t, bytes.Equal(want.Data(info), got.Data(g)), info.Name)
						}
					}
				})
			}
			inside := saved(t, writers.WebRWKV(t, append(model, state...)), "m.st", "")
			o := options(t, "F32")
			o.State.Transposed = new(false) // it was not transposed as the model was converted
			mine, _ := want.Tensor("blk.0.time_mix_state.weight")
			other, _ := converted(t, inside, o).Tensor("blk.0.time_mix_state.weight")
			assert.Equal(t, mine.Shape, other.Shape)
			assert.False(t, bytes.Equal(want.Data(mine), converted(t, inside, o).Data(other)))
		})
	}
}

func TestStatesThatDoNotTellTheirLayoutAreRefused(t *testing.T) {
	web := writers.WebRWKV(t, tunedFor(t))
	in := saved(t, random(t, "7"), "m.pth", "")
	for _, state := range []string{saved(t, web, "state.safetensors", ""), saved(t, web.As(t, checkpoint.F32), "state.st", "")} {
		o := options(t, "F32")
		o.State.Path = state
		out := filepath.Join(t.TempDir(), "o.gguf")
		_, err := convert.Run(t.Context(), in, out, o)
		var unclear *dialect.Unclear
		require.ErrorAs(t, err, &unclear)
		assert.True(t, unclear.States)
		require.ErrorContains(t, err, state+": it holds tuned states alone")
		require.NoFileExists(t, out)
	}
}

func TestModelsThatDoNotTellTheirLayoutAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.pth")
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, synth.Write(f, synth.Config{Layers: 2, Embed: 64, HeadSize: 16, Vocab: 61, Ranks: synth.Ranks{Decay: 64, Rate: 64, Value: 64, Gate: 64}}))
	require.NoError(t, f.Close())
	square := writers.Open(t, path).As(t, checkpoint.F16)
	web := writers.WebRWKV(t, square)
	lora := []convert.Adapter{{Path: saved(t, drawn(t, map[string][]int64{"blocks.0.att.key.lora_A": {2, 64}, "blocks.0.att.key.lora_B": {64, 2}}), "lora.pth", ""), Alpha: 2}}
	want := converted(t, saved(t, square, "m.pth", ""), options(t, "F32"))
	for name, in := range map[string]string{"m.safetensors": saved(t, web, "m.safetensors", ""), "m.st": saved(t, web.As(t, checkpoint.BF16), "m.st", "")} {
		for _, adapters := range [][]convert.Adapter{nil, lora} {
			o := options(t, "F32")
			o.Adapters = adapters
			_, err := convert.Run(t.Context(), in, filepath.Join(t.TempDir(), "o.gguf"), o)
			var unclear *dialect.Unclear
			require.ErrorAs(t, err, &unclear, name)
			require.ErrorContains(t, err, in+": its low-rank pairs are square")
		}
		o := options(t, "F32")
		o.Dialect = dialect.WebRWKV
		sameModel(t, want, converted(t, in, o))
	}
	sameModel(t, want, converted(t, saved(t, web, "m.st", ""), options(t, "F32")))
	o := options(t, "F32")
	o.Dialect = dialect.PTH
	sameModel(t, want, converted(t, saved(t, square, "m.st", ""), o))
	o.Dialect = dialect.WebRWKV
	_, err = convert.Run(t.Context(), path, filepath.Join(t.TempDir(), "o.gguf"), o)
	require.ErrorContains(t, err, "pth's layout, not of web-rwkv's")
}
