package convert_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/formats"
	"github.com/gosling-rwkv/gosling/checkpoint/pth"
	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/quant"
	"github.com/gosling-rwkv/gosling/rwkv/v7"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// small is a checkpoint of random weights whose rows fit blocks of 256.
var small = synth.Config{Layers: 2, Embed: 256, FFN: 512, HeadSize: 32, Vocab: 257, Ranks: synth.Ranks{Decay: 32, Rate: 32, Value: 16, Gate: 64}}

func write(t *testing.T, name string, c synth.Config) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, synth.Write(f, c))
	require.NoError(t, f.Close())
	return path
}

// options convert to a mix, with ggml where there is one.
func options(t *testing.T, mix string) convert.Options {
	t.Helper()
	m, err := quant.ParseMix(mix)
	require.NoError(t, err)
	o := convert.Options{Mix: m}
	if !m.Floating() {
		lib := ggmltest.Library(t)
		o.Write.Quantizer = func() (quant.Quantizer, error) { return lib, nil }
	}
	return o
}

func run(t *testing.T, in, mix string) (*gguf.File, convert.Result) {
	t.Helper()
	out := filepath.Join(t.TempDir(), mix+".gguf")
	result, err := convert.Run(context.Background(), in, out, options(t, mix))
	require.NoError(t, err)
	f, err := gguf.Open(out)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	require.Empty(t, gguf.Check(out))
	return f, result
}

func TestConvertedTensorsHoldTheCheckpointsNumbers(t *testing.T) {
	in := write(t, "RWKV-x070-World-0.1B-v2.8-20241210-ctx4096.pth", small)
	source, err := formats.Open(in)
	require.NoError(t, err)
	defer source.Close()
	floats := func(name string) []float32 {
		tensor, ok := source.Tensor(name)
		require.True(t, ok, name)
		x := make([]float32, tensor.Elements())
		require.NoError(t, tensor.ReadFloats(x, 0))
		return x
	}
	f, result := run(t, in, "F32")
	require.Len(t, f.Tensors(), len(v7.Arch().Tensors(result.Config)))
	for _, spec := range v7.Arch().Tensors(result.Config) {
		tensor, ok := f.Tensor(spec.Name)
		require.True(t, ok, spec.Name)
		require.Equal(t, gguf.F32, tensor.Type)
		got := make([]float32, tensor.Elements())
		float.DecodeF32(got, f.Data(tensor))
		want := make([]float32, 0, len(got))
		for _, name := range spec.From {
			want = append(want, floats(name)...)
		}
		if spec.Make != nil && len(spec.From) == 1 { // low rank: transposed
			in, out := int(spec.Shape[0]), int(spec.Shape[1])
			for i := range in {
				for o := range out {
					require.Equal(t, want[i*out+o], got[o*in+i], spec.Name)
				}
			}
			continue
		}
		require.Equal(t, want, got, spec.Name)
	}

	half, _ := run(t, in, "F16")
	for _, tensor := range half.Tensors() {
		wide, _ := f.Tensor(tensor.Name)
		x, y := make([]float32, wide.Elements()), make([]float32, wide.Elements())
		float.DecodeF32(x, f.Data(wide))
		if tensor.Type == gguf.F32 {
			float.DecodeF32(y, half.Data(tensor))
			require.Equal(t, x, y, tensor.Name)
			continue
		}
		require.Equal(t, gguf.F16, tensor.Type, tensor.Name)
		float.DecodeF16(y, half.Data(tensor))
		for i := range x {
			require.Equal(t, float.F16ToF32(float.F32ToF16(x[i])), y[i], tensor.Name)
		}
	}
}

func TestMetadataIsWhatLlamaCppReads(t *testing.T) {
	in := write(t, "RWKV-x070-World-0.1B-v2.8-20241210-ctx4096.pth", small)
	f, _ := run(t, in, "BF16")
	for key, want := range map[string]any{
		"general.architecture": "rwkv7", "general.type": "model", "general.name": "RWKV-x070-World-0.1B-v2.8-20241210-ctx4096",
		"general.basename": "RWKV-x070", "general.size_label": "0.1B", "general.version": "v2.8", "general.date": "2024-12-10",
		"general.dataset.0.name": "World", "general.training_context_length": uint32(4096), "general.file_type": uint32(32),
		"rwkv7.context_length": uint32(1 << 20), "rwkv7.embedding_length": uint32(256), "rwkv7.block_count": uint32(2),
		"rwkv7.feed_forward_length": uint32(512), "rwkv7.wkv.head_size": uint32(32), "rwkv7.attention.head_count": uint32(0),
		"rwkv7.attention.layer_norm_epsilon": float32(1e-5), "rwkv7.attention.decay_lora_rank": uint32(32),
		"rwkv7.attention.iclr_lora_rank": uint32(32), "rwkv7.attention.value_residual_mix_lora_rank": uint32(16),
		"rwkv7.attention.gate_lora_rank": uint32(64), "tokenizer.ggml.model": "rwkv",
		"tokenizer.ggml.bos_token_id": uint32(0), "tokenizer.ggml.eos_token_id": uint32(0),
	} {
		got, ok := f.Value(key)
		if assert.True(t, ok, key) {
			assert.Equal(t, want, got, key)
		}
	}
	tokens, _ := f.Strings("tokenizer.ggml.tokens")
	require.Len(t, tokens, 257)
	types, _ := f.Value("tokenizer.ggml.token_type")
	v, err := tokenizer.FromTokens(tokens, types.([]int32))
	require.NoError(t, err)
	ids, err := v.Encode([]byte("\x00A\xff"))
	require.NoError(t, err)
	assert.Equal(t, []tokenizer.Token{1, 66, 256}, ids)
}

func TestTypesFollowTheMix(t *testing.T) {
	in := write(t, "m.pth", small)
	for mix, want := range map[string]map[string]gguf.Type{
		"F16":    {"token_embd.weight": gguf.F16, "blk.1.time_mix_a1.weight": gguf.F16, "blk.1.time_mix_w1.weight": gguf.F32, "blk.1.time_mix_k_k.weight": gguf.F32},
		"Q8_0":   {"output.weight": gguf.Q8_0, "blk.1.time_mix_a1.weight": gguf.Q8_0, "blk.1.time_mix_v2.weight": gguf.F16, "blk.1.time_mix_w2.weight": gguf.F32},
		"Q4_K_M": {"output.weight": gguf.Q6_K, "blk.1.time_mix_a1.weight": gguf.F16, "blk.1.time_mix_key.weight": gguf.Q4_K, "token_embd.weight": gguf.Q4_K},
	} {
		t.Run(mix, func(t *testing.T) {
			f, _ := run(t, in, mix)
			for name, typ := range want {
				tensor, ok := f.Tensor(name)
				require.True(t, ok, name)
				assert.Equal(t, typ.String(), tensor.Type.String(), name)
			}
		})
	}
}

func TestOnePassEqualsTwo(t *testing.T) {
	in := write(t, "m.pth", small)
	for _, mix := range []string{"Q8_0", "Q4_K_M", "IQ4_NL", "F16"} {
		t.Run(mix, func(t *testing.T) {
			direct, _ := run(t, in, mix)
			wide, _ := run(t, in, "F32")
			out := filepath.Join(t.TempDir(), "two.gguf")
			o := options(t, mix)
			_, err := quant.Quantize(context.Background(), wide.Path(), out, quant.Retyping{Mix: o.Mix}, o.Write)
			require.NoError(t, err)
			two, err := gguf.Open(out)
			require.NoError(t, err)
			defer two.Close()
			compared := 0
			for _, tensor := range direct.Tensors() {
				if other, _ := two.Tensor(tensor.Name); other.Type == tensor.Type { // quantize leaves low-rank pairs alone
					assert.True(t, bytes.Equal(direct.Data(tensor), two.Data(other)), tensor.Name)
					compared++
				}
			}
			assert.Greater(t, compared, 30)
		})
	}
}

func TestLayerZeroOfG1IsLeftOut(t *testing.T) {
	c := small
	c.FirstValue = true
	f, _ := run(t, write(t, "rwkv7-g1-0.1b-20250307-ctx4096.pth", c), "F16")
	a1, _ := f.Tensor("blk.0.time_mix_a1.weight")
	v1, _ := f.Tensor("blk.0.time_mix_v1.weight")
	assert.Equal(t, f.Data(a1), f.Data(v1))
}

func TestVocabularyBySize(t *testing.T) {
	for name, tc := range map[string]struct {
		rows   int
		vocab  string
		tokens int
		notice string
		err    string
	}{
		"bytes":                          {257, "", 257, "", ""},
		"no known size":                  {300, "", 0, "no tokenizer", ""},
		"named file":                     {300, "1 'a' 1\n2 'b' 1\n3 'ab' 2\n", 300, "", ""},
		"more tokens than rows":          {2, "1 'a' 1\n2 'b' 1\n3 'ab' 2\n", 0, "", "4 tokens, the model 2 rows"},
		"named file that is none at all": {300, "hello", 0, "", "line 1"},
	} {
		t.Run(name, func(t *testing.T) {
			c := small
			c.Vocab, c.Layers = tc.rows, 1
			o := options(t, "F16")
			if tc.vocab != "" {
				o.Vocab = filepath.Join(t.TempDir(), "rwkv_vocab.txt")
				require.NoError(t, os.WriteFile(o.Vocab, []byte(tc.vocab), 0o600))
			}
			out := filepath.Join(t.TempDir(), "out.gguf")
			result, err := convert.Run(context.Background(), write(t, "m.pth", c), out, o)
			if tc.err != "" {
				require.ErrorContains(t, err, tc.err)
				require.NoFileExists(t, out)
				return
			}
			require.NoError(t, err)
			f, err := gguf.Open(out)
			require.NoError(t, err)
			defer f.Close()
			tokens, _ := f.Strings("tokenizer.ggml.tokens")
			assert.Len(t, tokens, tc.tokens)
			if tc.notice != "" {
				require.Len(t, result.Notices, 1)
				assert.Contains(t, result.Notices[0].Text, tc.notice)
				assert.Equal(t, convert.Vocab, result.Notices[0].Option)
			}
		})
	}
}

// altered writes the small checkpoint with some tensors renamed, dropped or given another content.
func altered(t *testing.T, change func(name string) (string, bool), data func(name string, x []byte)) string {
	t.Helper()
	f, err := formats.Open(write(t, "m.pth", small))
	require.NoError(t, err)
	defer f.Close()
	var specs []pth.Spec
	var from []checkpoint.Tensor
	for _, tensor := range f.Tensors {
		if name, keep := change(tensor.Name); keep {
			specs = append(specs, pth.Spec{Name: name, DType: tensor.DType, Shape: tensor.Shape})
			from = append(from, tensor)
		}
	}
	path := filepath.Join(t.TempDir(), "altered.pth")
	out, err := os.Create(path)
	require.NoError(t, err)
	defer out.Close()
	require.NoError(t, pth.Write(out, "altered", specs, func(i int, w io.Writer) error {
		x := make([]byte, from[i].Elements()*from[i].DType.Size())
		if err := from[i].ReadBytes(x, 0); err != nil {
			return err
		}
		if data != nil {
			data(specs[i].Name, x)
		}
		_, err := w.Write(x)
		return err
	}))
	return path
}

func TestWhatIsNoWholeModelIsRefused(t *testing.T) {
	keep := func(name string) (string, bool) { return name, true }
	renamed := func(from, to string) func(string) (string, bool) {
		return func(name string) (string, bool) {
			if name == from {
				return to, true
			}
			return name, true
		}
	}
	const key = "blocks.1.ffn.key.weight"
	for name, tc := range map[string]struct {
		change func(string) (string, bool)
		data   func(name string, x []byte)
		want   string
	}{
		"a tensor is missing": {func(name string) (string, bool) { return name, name != key }, nil, `seems to be RWKV-7, but lacks "blocks.1.ffn.key.weight"`},
		"a tensor too many":   {renamed("blocks.0.ln0.bias", "blocks.0.ln0.bias2"), nil, `lacks "blocks.0.ln0.bias"`},
		"half a model":        {func(name string) (string, bool) { return name, name != "blocks.0.att.r_k" }, nil, "download it again"},
		"a state":             {func(name string) (string, bool) { return "blocks.0.att.time_state", name == "blocks.0.att.r_k" }, nil, "a tuned state"},
		"LoRA":                {renamed(key, "blocks.1.ffn.key.lora_A"), nil, "LoRA"},
		"a transformer":       {func(name string) (string, bool) { return "model.layers.0.self_attn.q_proj.weight", name == key }, nil, "transformer"},
		"a weight that is not a number": {keep, func(name string, x []byte) {
			if name == key {
				x[200], x[201] = 0xc0, 0x7f
			}
		}, `.pth: tensor "blocks.1.ffn.key.weight": element 100 is NaN`},
		"a weight too large for F16": {keep, func(name string, x []byte) {
			if name == key {
				x[200], x[201] = 0x00, 0x48 // 131072
			}
		}, "larger than 65504"},
		"an infinite vector": {keep, func(name string, x []byte) {
			if name == "blocks.1.att.k_k" {
				x[2], x[3] = 0x80, 0x7f
			}
		}, "blocks.1.att.k_k\": element 1 is"},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.gguf")
			_, err := convert.Run(context.Background(), altered(t, tc.change, tc.data), out, options(t, "F16"))
			require.ErrorContains(t, err, tc.want)
			left, err := os.ReadDir(filepath.Dir(out))
			require.NoError(t, err)
			assert.Empty(t, left)
		})
	}
}

func TestTensorsThatTheModelHasNoUseForAreRefused(t *testing.T) {
	f, err := formats.Open(write(t, "m.pth", small))
	require.NoError(t, err)
	defer f.Close()
	var whole []pth.Spec
	for _, tensor := range f.Tensors {
		whole = append(whole, pth.Spec{Name: tensor.Name, DType: tensor.DType, Shape: tensor.Shape})
	}
	extra := func(names ...string) []pth.Spec {
		specs := slices.Clone(whole)
		for _, name := range names {
			specs = append(specs, pth.Spec{Name: name, DType: checkpoint.BF16, Shape: []int64{256}})
		}
		return specs
	}
	retyped := slices.Clone(whole)
	i := slices.IndexFunc(retyped, func(s pth.Spec) bool { return s.Name == "blocks.1.ln2.bias" })
	retyped[i].DType = checkpoint.I32
	for name, tc := range map[string]struct {
		specs []pth.Spec
		want  string
	}{
		"one":                {extra("blocks.1.att.gate.weight"), `tensors that are not part of RWKV-7: "blocks.1.att.gate.weight"`},
		"many":               {extra("e", "d", "c", "b", "a"), `tensors that are not part of RWKV-7: "a", "b", "c", "d" and 1 more`},
		"an initial state":   {extra("blocks.0.att.time_state"), `tensor "blocks.0.att.time_state" is [256], want [8 32 32]`},
		"of integers":        {retyped, `tensor "blocks.1.ln2.bias" is I32: weights are F32, F16, BF16 or F64`},
		"a layer further on": {extra("blocks.3.ln1.weight"), `lacks "blocks.2.ln1.weight", and has tensors of layer 3: a layer is missing`},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "m.pth")
			file, err := os.Create(path)
			require.NoError(t, err)
			defer file.Close()
			require.NoError(t, pth.Write(file, "m", tc.specs, func(i int, w io.Writer) error {
				_, err := w.Write(make([]byte, tc.specs[i].Bytes()))
				return err
			}))
			_, err = convert.Run(context.Background(), path, filepath.Join(t.TempDir(), "out.gguf"), options(t, "F16"))
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestAStoppedConversionLeavesNothing(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.gguf")
	ctx, cancel := context.WithCancel(context.Background())
	o := options(t, "F16")
	o.Write.Progress = func(done, total int64) { cancel() }
	_, err := convert.Run(ctx, write(t, "m.pth", small), out, o)
	require.ErrorIs(t, err, context.Canceled)
	left, err := os.ReadDir(filepath.Dir(out))
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestAnExistingFileIsKept(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.gguf")
	require.NoError(t, os.WriteFile(out, []byte("precious"), 0o600))
	in := write(t, "m.pth", small)
	_, err := convert.Run(context.Background(), in, out, options(t, "F16"))
	require.ErrorIs(t, err, os.ErrExist)
	data, err := os.ReadFile(out)
	require.NoError(t, err)
	assert.Equal(t, "precious", string(data))
	o := options(t, "F16")
	o.Write.Force = true
	_, err = convert.Run(context.Background(), in, out, o)
	require.NoError(t, err)
}

func TestTheCheckpointIsNeverReplaced(t *testing.T) {
	in := write(t, "m.pth", small)
	want, err := os.ReadFile(in)
	require.NoError(t, err)
	link := filepath.Join(t.TempDir(), "link.pth")
	require.NoError(t, os.Link(in, link))
	o := options(t, "F16")
	o.Write.Force = true
	for _, out := range []string{in, link} {
		_, err = convert.Run(context.Background(), in, out, o)
		require.ErrorContains(t, err, "same file")
	}
	got, err := os.ReadFile(in)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(want, got))
}

func TestMissingInput(t *testing.T) {
	_, err := convert.Run(context.Background(), "nowhere.pth", filepath.Join(t.TempDir(), "x"), options(t, "F16"))
	assert.True(t, errors.Is(err, os.ErrNotExist), err)
}
