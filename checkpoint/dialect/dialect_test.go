package dialect_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gosling/checkpoint"
	"gosling/checkpoint/dialect"
	"gosling/checkpoint/pth"
	"gosling/internal/synth"
)

// model opens a checkpoint of random weights, whose dimensions all differ.
func model(t *testing.T, version string) *checkpoint.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.pth")
	out, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, synth.Write(out, synth.Config{Version: version, Layers: 2, Embed: 96, HeadSize: 32, Vocab: 50}))
	require.NoError(t, out.Close())
	f, err := pth.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}

func contents(t *testing.T, tensor checkpoint.Tensor) []byte {
	t.Helper()
	b := make([]byte, tensor.Elements()*tensor.DType.Size())
	require.NoError(t, tensor.ReadBytes(b, 0))
	return b
}

// with is a tensor of other contents.
func with(name string, like checkpoint.Tensor, data []byte, shape ...int64) checkpoint.Tensor {
	return checkpoint.Tensor{Name: name, DType: like.DType, Shape: shape, Data: bytes.NewReader(data)}
}

// flip transposes a matrix of two-byte elements.
func flip(data []byte, rows, cols int64) []byte {
	out := make([]byte, len(data))
	for r := range rows {
		for c := range cols {
			copy(out[(c*rows+r)*2:][:2], data[(r*cols+c)*2:][:2])
		}
	}
	return out
}

// renamed writes a model in another dialect: pairs of patterns and replacements, the first that fits, and tensors that write
// by themselves.
func renamed(t *testing.T, f *checkpoint.File, rules [][2]string, special func(t checkpoint.Tensor) []checkpoint.Tensor) *checkpoint.File {
	t.Helper()
	out := &checkpoint.File{}
	for _, tensor := range f.Tensors {
		if list := special(tensor); list != nil {
			out.Tensors = append(out.Tensors, list...)
			continue
		}
		for _, r := range rules {
			if p := regexp.MustCompile("^" + r[0] + "$"); p.MatchString(tensor.Name) {
				tensor.Name = p.ReplaceAllString(tensor.Name, r[1])
				break
			}
		}
		out.Tensors = append(out.Tensors, tensor)
	}
	return out
}

func same(t *testing.T, want, got *checkpoint.File) {
	t.Helper()
	for _, w := range want.Tensors {
		g, ok := got.Tensor(w.Name)
		require.True(t, ok, w.Name)
		require.EqualValues(t, w.Elements(), g.Elements(), w.Name)
		require.Equal(t, contents(t, w), contents(t, g), w.Name)
	}
	require.Len(t, got.Tensors, len(want.Tensors))
}

func nothing(checkpoint.Tensor) []checkpoint.Tensor { return nil }

var transformers = [][2]string{
	{`emb\.weight`, "rwkv.embeddings.weight"},
	{`(ln_out\..*)`, "rwkv.$1"},
	{`blocks\.0\.ln0\.(.*)`, "rwkv.blocks.0.pre_ln.$1"},
	{`blocks\.(\d)\.att\.time_mix_k`, "rwkv.blocks.$1.attention.time_mix_key"},
	{`blocks\.(\d)\.att\.time_mix_v`, "rwkv.blocks.$1.attention.time_mix_value"},
	{`blocks\.(\d)\.att\.time_mix_r`, "rwkv.blocks.$1.attention.time_mix_receptance"},
	{`blocks\.(\d)\.att\.time_mix_g`, "rwkv.blocks.$1.attention.time_mix_gate"},
	{`blocks\.(\d)\.ffn\.time_mix_k`, "rwkv.blocks.$1.feed_forward.time_mix_key"},
	{`blocks\.(\d)\.ffn\.time_mix_r`, "rwkv.blocks.$1.feed_forward.time_mix_receptance"},
	{`blocks\.(\d)\.att\.(.*)`, "rwkv.blocks.$1.attention.$2"},
	{`blocks\.(\d)\.ffn\.(.*)`, "rwkv.blocks.$1.feed_forward.$2"},
	{`(blocks\..*)`, "rwkv.$1"},
}

func TestTransformers(t *testing.T) {
	for _, version := range []string{"4", "5.2", "6"} {
		t.Run(version, func(t *testing.T) {
			want := model(t, version)
			got, err := dialect.Translate(renamed(t, want, transformers, nothing))
			require.NoError(t, err)
			same(t, want, got)
		})
	}
}

func flaRules(letters string) [][2]string {
	rules := [][2]string{
		{`emb\.weight`, "model.embeddings.weight"}, {`ln_out\.(.*)`, "model.norm.$1"}, {`head\.weight`, "lm_head.weight"},
		{`blocks\.0\.ln0\.(.*)`, "model.layers.0.pre_norm.$1"}, {`blocks\.(\d)\.ln1\.(.*)`, "model.layers.$1.attn_norm.$2"},
		{`blocks\.(\d)\.ln2\.(.*)`, "model.layers.$1.ffn_norm.$2"}, {`blocks\.(\d)\.att\.ln_x\.(.*)`, "model.layers.$1.attn.g_norm.$2"},
		{`blocks\.(\d)\.att\.output\.weight`, "model.layers.$1.attn.o_proj.weight"},
	}
	for word, letter := range map[string]string{"receptance": "r", "key": "k", "value": "v", "gate": "g"} {
		rules = append(rules, [2]string{`blocks\.(\d)\.att\.` + word + `\.weight`, "model.layers.$1.attn." + letter + letters})
	}
	return rules
}

var layer = regexp.MustCompile(`^blocks\.(\d)\.att\.(.*)$`)

func TestFLA7(t *testing.T) {
	want := model(t, "7")
	rules := append(flaRules("_proj.weight"),
		[2]string{`blocks\.(\d)\.att\.([wav])0`, "model.layers.$1.attn.${2}_lora.lora.2.bias"},
		[2]string{`blocks\.(\d)\.att\.(.*)`, "model.layers.$1.attn.$2"},
		[2]string{`blocks\.(\d)\.ffn\.(.*)`, "model.layers.$1.ffn.$2"})
	pairs := func(tensor checkpoint.Tensor) []checkpoint.Tensor {
		m := layer.FindStringSubmatch(tensor.Name)
		if m == nil || len(m[2]) != 2 || !strings.Contains("12", m[2][1:]) {
			return nil
		}
		part := map[byte]string{'1': "0", '2': "2"}[m[2][1]]
		name := fmt.Sprintf("model.layers.%s.attn.%c_lora.lora.%s.weight", m[1], m[2][0], part)
		rows, cols := tensor.Shape[0], tensor.Shape[1]
		return []checkpoint.Tensor{with(name, tensor, flip(contents(t, tensor), rows, cols), cols, rows)}
	}
	got, err := dialect.Translate(renamed(t, want, rules, pairs))
	require.NoError(t, err)
	same(t, want, got)

	t.Run("with the shifts in one tensor", func(t *testing.T) {
		stacks := map[string][]byte{}
		old := renamed(t, want, rules, func(tensor checkpoint.Tensor) []checkpoint.Tensor {
			if m := layer.FindStringSubmatch(tensor.Name); m != nil && strings.HasPrefix(m[2], "x_") {
				at := strings.Index("rwkvag", m[2][2:])
				if stacks[m[1]] == nil {
					stacks[m[1]] = make([]byte, 6*96*2)
				}
				copy(stacks[m[1]][at*96*2:], contents(t, tensor))
				if m[2] != "x_g" {
					return []checkpoint.Tensor{}
				}
				return []checkpoint.Tensor{with("model.layers."+m[1]+".attn.x_x", tensor, stacks[m[1]], 6, 96)}
			}
			return pairs(tensor)
		})
		got, err := dialect.Translate(old)
		require.NoError(t, err)
		same(t, want, got)
	})
}

// The order of the five token shifts in .pth files and in flash-linear-attention.
const pthOrder, flaOrder = "wkvrg", "rwkvg"

func TestFLA6(t *testing.T) {
	want := model(t, "6")
	rules := append(flaRules("_proj.linear.weight"),
		[2]string{`blocks\.(\d)\.att\.time_maa_x`, "model.layers.$1.attn.x_proj.0.mu"},
		[2]string{`blocks\.(\d)\.att\.time_decay`, "model.layers.$1.attn.w_proj.linear.lora.2.bias"},
		[2]string{`blocks\.(\d)\.att\.time_faaaa`, "model.layers.$1.attn.bonus"},
		[2]string{`blocks\.(\d)\.ffn\.time_maa_k`, "model.layers.$1.ffn.key.mu"},
		[2]string{`blocks\.(\d)\.ffn\.time_maa_r`, "model.layers.$1.ffn.receptance.mu"},
		[2]string{`blocks\.(\d)\.ffn\.(key|receptance)\.weight`, "model.layers.$1.ffn.$2.linear.weight"},
		[2]string{`blocks\.(\d)\.ffn\.value\.weight`, "model.layers.$1.ffn.value.weight"})
	bias := map[string][]byte{}
	special := func(tensor checkpoint.Tensor) []checkpoint.Tensor {
		m := layer.FindStringSubmatch(tensor.Name)
		if m == nil {
			return nil
		}
		at := "model.layers." + m[1] + ".attn."
		data, c := contents(t, tensor), int64(96)
		switch {
		case m[2] == "time_decay_w1", m[2] == "time_decay_w2":
			part := map[string]string{"time_decay_w1": "0", "time_decay_w2": "2"}[m[2]]
			rows, cols := tensor.Shape[0], tensor.Shape[1]
			return []checkpoint.Tensor{with(at+"w_proj.linear.lora."+part+".weight", tensor, flip(data, rows, cols), cols, rows)}
		case m[2] == "time_maa_w1": // [C, 5D] -> [5D, C], the blocks in fla's order
			d5 := tensor.Shape[1]
			rows := flip(data, c, d5)
			return []checkpoint.Tensor{with(at+"x_proj.0.linear.weight", tensor, reorder(rows), d5, c)}
		case m[2] == "time_maa_w2": // [5, D, C] -> [C, 5D]
			d5 := tensor.Shape[0] * tensor.Shape[1]
			return []checkpoint.Tensor{with(at+"x_proj.2.weight", tensor, flip(reorder(data), d5, c), c, d5)}
		case strings.HasPrefix(m[2], "time_maa_") && len(m[2]) == 10 && m[2] != "time_maa_x":
			if bias[m[1]] == nil {
				bias[m[1]] = make([]byte, 5*c*2)
			}
			copy(bias[m[1]][int64(strings.Index(flaOrder, m[2][9:]))*c*2:], data)
			if m[2] != "time_maa_g" {
				return []checkpoint.Tensor{}
			}
			return []checkpoint.Tensor{with(at+"x_bias", tensor, bias[m[1]], 5, c)}
		}
		return nil
	}
	got, err := dialect.Translate(renamed(t, want, rules, special))
	require.NoError(t, err)
	same(t, want, got)
}

// reorder puts five equal parts from the order of .pth files into flash-linear-attention's.
func reorder(data []byte) []byte {
	var out []byte
	part := len(data) / 5
	for _, letter := range flaOrder {
		at := strings.IndexRune(pthOrder, letter)
		out = append(out, data[at*part:][:part]...)
	}
	return out
}

func TestWebRWKV(t *testing.T) {
	swapped := func(names *regexp.Regexp) func(checkpoint.Tensor) []checkpoint.Tensor {
		return func(tensor checkpoint.Tensor) []checkpoint.Tensor {
			if !names.MatchString(tensor.Name) {
				return nil
			}
			n := len(tensor.Shape)
			rows, cols := tensor.Shape[n-2], tensor.Shape[n-1]
			data := contents(t, tensor)
			var all []byte
			for at := int64(0); at < int64(len(data)); at += rows * cols * 2 {
				all = append(all, flip(data[at:][:rows*cols*2], rows, cols)...)
			}
			shape := append(append([]int64{}, tensor.Shape[:n-2]...), cols, rows)
			return []checkpoint.Tensor{with(strings.Replace(tensor.Name, "time_maa", "time_mix", 1), tensor, all, shape...)}
		}
	}
	tuned := with("blocks.0.att.time_state", checkpoint.Tensor{DType: checkpoint.BF16}, []byte("abcdefghijklmnop"), 2, 2, 2)
	seven := model(t, "7")
	seven.Tensors = append(seven.Tensors, tuned)
	got, err := dialect.Translate(renamed(t, seven, nil, swapped(regexp.MustCompile(`att\.([wavg][12]|time_state)$`))))
	require.NoError(t, err)
	same(t, seven, got)

	six := model(t, "6")
	six.Tensors = append(six.Tensors, tuned)
	rules := [][2]string{{`(.*)\.time_faaaa`, "$1.time_first"}, {`(.*)\.time_maa_(.)`, "$1.time_mix_$2"}}
	got, err = dialect.Translate(renamed(t, six, rules, swapped(regexp.MustCompile(`((time_maa|time_decay)_w[12]|time_state)$`))))
	require.NoError(t, err)
	same(t, six, got)
}

func TestCheckpointsOfTheAuthorsStayAsTheyAre(t *testing.T) {
	for _, version := range synth.Versions() {
		f := model(t, version)
		got, err := dialect.Translate(f)
		require.NoError(t, err)
		require.Same(t, f, got)
	}
}

func TestTensorsThatFitNoDialectAreNamed(t *testing.T) {
	data := bytes.NewReader(make([]byte, 64))
	tensor := func(name string, shape ...int64) checkpoint.Tensor {
		return checkpoint.Tensor{Name: name, DType: checkpoint.BF16, Shape: shape, Data: io.NewSectionReader(data, 0, 64)}
	}
	for name, list := range map[string][]checkpoint.Tensor{
		`"model.layers.0.attn.x_x": has shape [5 2], want [6, channels]`: {tensor("model.embeddings.weight", 2, 2), tensor("model.layers.0.attn.r_k", 2), tensor("model.layers.0.attn.x_x", 5, 2)},
		`"model.layers.0.attn.w_lora.lora.0.weight": has shape [2]`:      {tensor("model.embeddings.weight", 2, 2), tensor("model.layers.0.attn.r_k", 2), tensor("model.layers.0.attn.w_lora.lora.0.weight", 2)},
		`are both "blocks.0.att.time_maa_k"`:                             {tensor("blocks.0.att.time_mix_x", 2), tensor("blocks.0.att.time_mix_k", 2), tensor("blocks.0.att.time_maa_k", 2)},
	} {
		_, err := dialect.Translate(&checkpoint.File{Tensors: list})
		require.ErrorContains(t, err, name)
	}
}
