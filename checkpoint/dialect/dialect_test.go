package dialect_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/dialect"
	"github.com/gosling-rwkv/gosling/checkpoint/safetensors"
	"github.com/gosling-rwkv/gosling/internal/fuzzing"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/internal/writers"
)

// model is a checkpoint of random weights, whose dimensions all differ. Its numbers are such that F16 has them too.
func model(t *testing.T, version string) writers.File {
	t.Helper()
	return sized(t, synth.Config{Version: version, Layers: 2, Embed: 96, HeadSize: 32, Vocab: 50})
}

func sized(t *testing.T, c synth.Config) writers.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.pth")
	out, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, synth.Write(out, c))
	require.NoError(t, out.Close())
	return writers.Open(t, path).As(t, checkpoint.F16)
}

// square is an RWKV-7 whose low-rank pairs have as many rows as columns.
func square(t *testing.T) writers.File {
	t.Helper()
	return sized(t, synth.Config{Layers: 2, Embed: 64, HeadSize: 32, Vocab: 50, Ranks: synth.Ranks{Decay: 64, Rate: 64, Value: 64, Gate: 64}})
}

// tuned is a state of as many layers and heads as model has.
func tuned() writers.File {
	const size = 32
	var all writers.File
	for i := range 2 {
		state := writers.Tensor{Name: "blocks." + string(rune('0'+i)) + ".att.time_state", DType: checkpoint.F16, Shape: []int64{3, size, size}}
		for j := range 3 * size * size {
			state.Data = append(state.Data, byte(j), byte(j>>8&0x3f))
		}
		all = append(all, state)
	}
	return all
}

// translated reads a file as one of that name.
func translated(t *testing.T, f writers.File, path, as string) *checkpoint.File {
	t.Helper()
	got, err := dialect.Translate(f.Checkpoint(path), as)
	require.NoError(t, err)
	require.NoError(t, got.Unclear)
	return got
}

func same(t *testing.T, want writers.File, got *checkpoint.File) {
	t.Helper()
	read := writers.Read(t, got)
	for _, w := range want {
		assert.Equal(t, w.Data, read.Tensor(t, w.Name).Data, w.Name)
	}
	require.Len(t, read, len(want))
}

func TestModelsOfHuggingFaceAreTranslated(t *testing.T) {
	for name, tc := range map[string]struct {
		version, dialect string
		write            func(writers.File) writers.File
	}{
		"RWKV-4 of transformers":                  {"4", dialect.Transformers, writers.Transformers},
		"RWKV-5.1 of transformers":                {"5.1", dialect.Transformers, writers.Transformers},
		"RWKV-5.2 of transformers":                {"5.2", dialect.Transformers, writers.Transformers},
		"RWKV-6 of transformers":                  {"6", dialect.Transformers, writers.Transformers},
		"RWKV-6 of flash-linear-attention":        {"6", dialect.FLA, writers.FLA6},
		"RWKV-7 of flash-linear-attention":        {"7", dialect.FLA, func(f writers.File) writers.File { return writers.FLA7(f, false) }},
		"RWKV-7 of older flash-linear-attentions": {"7", dialect.FLA, func(f writers.File) writers.File { return writers.FLA7(f, true) }},
	} {
		t.Run(name, func(t *testing.T) {
			want := model(t, tc.version)
			for _, path := range []string{"model.safetensors", "pytorch_model.pth"} {
				got := translated(t, tc.write(want), path, "")
				same(t, want, got)
				assert.Equal(t, tc.dialect, got.Dialect)
				assert.False(t, got.Swapped)
			}
			_, err := dialect.Translate(tc.write(want).Checkpoint("model.safetensors"), dialect.WebRWKV)
			require.ErrorContains(t, err, tc.dialect+"'s layout, not of web-rwkv's")
		})
	}
}

func TestModelsOfWebRWKVAreTranslated(t *testing.T) {
	for _, version := range []string{"5.1", "5.2", "6", "7"} {
		for _, path := range []string{"m.st", "m.safetensors"} { // names that Ai00 gives, and others
			t.Run(version+" "+path, func(t *testing.T) {
				want := append(model(t, version), tuned()...)
				got := translated(t, writers.WebRWKV(t, want), path, "")
				if version == "5.1" { // spread over the channels
					for i := range 2 {
						for _, name := range []string{"time_decay", "time_faaaa"} {
							name = "blocks." + string(rune('0'+i)) + ".att." + name
							spread := writers.Read(t, got).Tensor(t, name)
							assert.Equal(t, []int64{3, 32}, spread.Shape)
							want = append(want.Without(name), spread)
							assert.Equal(t, model(t, version).Tensor(t, name).Data[:2], spread.Data[31*2:32*2])
						}
					}
				}
				same(t, want, got)
				assert.Equal(t, dialect.WebRWKV, got.Dialect)
				assert.True(t, got.Swapped)
				_, err := dialect.Translate(writers.WebRWKV(t, want).Checkpoint(path), dialect.PTH)
				require.ErrorContains(t, err, "web-rwkv's layout, not of pth's")
			})
		}
	}
}

func TestRanksAboveTheChannelsTellTheLayoutToo(t *testing.T) {
	want := sized(t, synth.Config{Layers: 2, Embed: 64, HeadSize: 32, Vocab: 50, Ranks: synth.Ranks{Decay: 96, Rate: 128, Value: 64, Gate: 80}})
	for _, path := range []string{"m.pth", "m.safetensors"} {
		assert.Empty(t, translated(t, want, path, "").Dialect)
	}
	same(t, want, translated(t, writers.WebRWKV(t, want), "m.safetensors", ""))
}

func TestOneRankThatIsNotTheChannelsTellsTheLayout(t *testing.T) {
	want := sized(t, synth.Config{Layers: 2, Embed: 64, HeadSize: 32, Vocab: 50, Ranks: synth.Ranks{Decay: 64, Rate: 64, Value: 32, Gate: 64}})
	assert.Empty(t, translated(t, want, "m.st", "").Dialect)
	same(t, want, translated(t, writers.WebRWKV(t, want), "m.safetensors", ""))
}

func TestTheOrderOfTheTensorsDoesNotMatter(t *testing.T) {
	want := model(t, "7")
	web := writers.WebRWKV(t, want)
	slices.Reverse(web) // second halves come first
	same(t, want, translated(t, web, "m.safetensors", ""))
	slices.Reverse(want)
	assert.Empty(t, translated(t, want, "m.st", "").Dialect)
}

// What tensors do not tell, two marks of web-rwkv's files together do; one alone is contradictory.
func TestFilesThatTensorsDoNotTell(t *testing.T) {
	for name, file := range map[string]writers.File{"a state": tuned(), "square pairs": append(square(t), tuned()...), "RWKV-5.0": model(t, "5.0")} {
		t.Run(name, func(t *testing.T) {
			web, wide := writers.WebRWKV(t, file), file.As(t, checkpoint.F32)
			want := file
			if name == "RWKV-5.0" { // its bonus gets the name that is no logarithm's
				want = renamed(file, "time_first", "time_faaaa")
			}
			for _, path := range []string{"m.st", "M.ST", "m.state"} {
				same(t, want, translated(t, web, path, ""))
				same(t, want, translated(t, web, path, dialect.WebRWKV))
				assert.True(t, translated(t, web, path, "").Swapped)
				assert.Empty(t, translated(t, file, path, dialect.PTH).Dialect, "the user knows better")
			}
			assert.Empty(t, translated(t, wide, "m.safetensors", "").Dialect)
			assert.Empty(t, translated(t, file, "m.pth", "").Dialect)
			same(t, want, translated(t, web, "m.safetensors", dialect.WebRWKV))
			for path, f := range map[string]writers.File{"m.safetensors": web, "m": web, "m.st": wide} {
				got, err := dialect.Translate(f.Checkpoint(path), "")
				require.NoError(t, err)
				var unclear *dialect.Unclear
				require.ErrorAs(t, got.Unclear, &unclear, path)
				assert.Equal(t, name == "a state", unclear.States)
				assert.Contains(t, unclear.Error(), "does not tell whether it is in the layout of .pth files or of web-rwkv")
				same(t, f, got)
			}
		})
	}
}

func renamed(f writers.File, from, to string) writers.File {
	var all writers.File
	for _, t := range f {
		t.Name = strings.Replace(t.Name, from, to, 1)
		all = append(all, t)
	}
	return all
}

// The authors' code takes the bonus by its name, whatever else a .pth of version 5 has.
func TestTheBonusOfAPthGoesByItsName(t *testing.T) {
	f := renamed(model(t, "5.2"), "time_faaaa", "time_first")
	got := translated(t, f, "m.pth", "")
	same(t, f, got)
	assert.Empty(t, got.Dialect)
}

func TestAdaptersOfWebRWKVAreTranslated(t *testing.T) {
	for version, parts := range map[string][]string{
		"4":   {"time_first", "time_decay", "ln1", "ffn.time_mix_k"},
		"5.2": {"time_faaaa", "time_decay", "ln_x", "time_mix_k"},
		"6":   {"time_faaaa", "time_maa", "time_decay", "ln2"},
		"7":   {"w1", "w2", "a1", "v2", "g1", "x_r", "ln1"},
	} {
		t.Run(version, func(t *testing.T) {
			var want writers.File
			for _, tensor := range model(t, version) {
				for _, part := range parts {
					if strings.Contains(tensor.Name, part) {
						want = append(want, tensor)
						break
					}
				}
			}
			for name, shape := range map[string][]int64{"lora_A": {4, 96}, "lora_B": {96, 4}, "init_lora_A": {4, 96}, "init_lora_B": {96, 4}} {
				half := model(t, "4").Tensor(t, "emb.weight")
				half.Name, half.Shape, half.Data = "blocks.0.att.key."+name, shape, half.Data[:4*96*2]
				want = append(want, half)
			}
			if version != "4" {
				want = append(want, tuned()...)
			}
			got, err := dialect.Adapter(writers.WebRWKV(t, want).Checkpoint("lora.st"))
			require.NoError(t, err)
			same(t, want, got)
			assert.True(t, got.Swapped)
			other := want.Checkpoint("lora.safetensors")
			got, err = dialect.Adapter(other)
			require.NoError(t, err)
			require.Same(t, other, got, "a trainer's")
		})
	}
}

func TestCheckpointsOfTheAuthorsStayAsTheyAre(t *testing.T) {
	for _, version := range synth.Versions() {
		for _, path := range []string{"m.pth", "m.safetensors"} {
			f := model(t, version).As(t, checkpoint.BF16).Checkpoint(path)
			got, err := dialect.Translate(f, "")
			require.NoError(t, err)
			require.Same(t, f, got)
		}
	}
}

func TestTensorsThatFitNoDialectAreNamed(t *testing.T) {
	tensor := func(name string, shape ...int64) writers.Tensor {
		return writers.Tensor{Name: name, DType: checkpoint.BF16, Shape: shape, Data: make([]byte, 64)}
	}
	for name, list := range map[string]writers.File{
		`"model.layers.0.attn.x_x": has shape [5 2], want [6, channels]`: {tensor("model.embeddings.weight", 2, 2), tensor("model.layers.0.attn.r_k", 2), tensor("model.layers.0.attn.x_x", 5, 2)},
		`"model.layers.0.attn.w_lora.lora.0.weight": has shape [2]`:      {tensor("model.embeddings.weight", 2, 2), tensor("model.layers.0.attn.r_k", 2), tensor("model.layers.0.attn.w_lora.lora.0.weight", 2)},
		`are both "blocks.0.att.time_maa_k"`:                             {tensor("blocks.0.att.time_mix_x", 2), tensor("blocks.0.att.time_mix_k", 2), tensor("blocks.0.att.time_maa_k", 2)},
	} {
		_, err := dialect.Translate(list.Checkpoint("m.pth"), "")
		require.ErrorContains(t, err, name)
	}
	_, err := dialect.Adapter(writers.File{tensor("k.lora.0", 2)}.Checkpoint("lora.st"))
	require.ErrorContains(t, err, `tensor "k.lora.0": has shape [2]`)
}

// Whatever a safetensors file holds, it is translated, refused or left as it is, and what was translated can be read.
func FuzzTranslate(f *testing.F) {
	add := func(list writers.File) {
		path := filepath.Join(f.TempDir(), "m.st")
		list.Save(f, path)
		data, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(data, "m.st", "")
	}
	tensor := func(name string, shape ...int64) writers.Tensor {
		return writers.Tensor{Name: name, DType: checkpoint.F16, Shape: shape, Data: make([]byte, 2*checkpoint.Tensor{Shape: shape}.Elements())}
	}
	add(writers.File{tensor("emb.weight", 3, 2), tensor("blocks.0.att.r_k", 1, 2), tensor("blocks.0.att.w1", 2, 2), tensor("blocks.0.att.time_state", 1, 2, 2)})
	add(writers.File{tensor("model.embeddings.weight", 3, 2), tensor("model.layers.0.attn.x_bias", 5, 2), tensor("model.layers.0.attn.x_proj.2.weight", 2, 10)})
	add(writers.File{tensor("blocks.0.att.time_first", 1, 2), tensor("blocks.0.att.ln_x.weight", 2), tensor("blocks.0.att.key.lora.0", 2, 3)})
	add(tuned())
	f.Fuzz(func(t *testing.T, data []byte, path, as string) {
		defer fuzzing.Guard(t, len(data)+len(path)+len(as), 1<<13)()
		file, err := safetensors.Read(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		file.Path = path
		for _, translate := range []func() (*checkpoint.File, error){
			func() (*checkpoint.File, error) { return dialect.Translate(file, as) },
			func() (*checkpoint.File, error) { return dialect.Adapter(file) },
		} {
			got, err := translate()
			if err != nil {
				continue
			}
			seen := map[string]bool{}
			for _, tensor := range got.Tensors {
				require.False(t, seen[tensor.Name], "%q is there twice", tensor.Name)
				seen[tensor.Name] = true
				whole := make([]byte, tensor.Elements()*tensor.DType.Size())
				require.NoError(t, tensor.ReadBytes(whole, 0), tensor.Name)
			}
		}
	})
}
