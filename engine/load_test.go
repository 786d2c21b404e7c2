package engine_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/rwkv/rwkvtest"
)

// contents is a GGUF file taken apart.
type contents struct {
	keys    []gguf.KV
	tensors []gguf.Tensor
	data    map[string][]byte
}

func read(t *testing.T, path string) *contents {
	t.Helper()
	f, err := gguf.Open(path)
	require.NoError(t, err)
	defer f.Close()
	c := &contents{keys: slices.Clone(f.Keys()), tensors: slices.Clone(f.Tensors()), data: map[string][]byte{}}
	for _, tensor := range c.tensors {
		c.data[tensor.Name] = slices.Clone(f.Data(tensor))
	}
	return c
}

func (c *contents) write(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "changed.gguf")
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	w, err := gguf.NewWriter(f, gguf.Header{Keys: c.keys, Tensors: c.tensors})
	require.NoError(t, err)
	for i, tensor := range w.Tensors() {
		require.NoError(t, w.WriteAt(i, c.data[tensor.Name], 0))
	}
	require.NoError(t, w.Close())
	return path
}

// set gives a key another value, or takes it away if the value is nil.
func (c *contents) set(key string, value any) {
	c.keys = slices.DeleteFunc(c.keys, func(kv gguf.KV) bool { return kv.Key == key })
	if value != nil {
		c.keys = append(c.keys, gguf.KV{Key: key, Value: value})
	}
}

// add appends a vector of zeros.
func (c *contents) add(name string, elements int64) {
	c.tensors = append(c.tensors, gguf.Tensor{Name: name, Type: gguf.F32, Shape: []int64{elements}})
	c.data[name] = make([]byte, 4*elements)
}

// put gives a tensor another type and shape, filled with zeros, or takes it away if the shape is nil.
func (c *contents) put(t *testing.T, name string, typ gguf.Type, shape ...int64) {
	t.Helper()
	i := slices.IndexFunc(c.tensors, func(tensor gguf.Tensor) bool { return tensor.Name == name })
	require.GreaterOrEqual(t, i, 0, name)
	if shape == nil {
		c.tensors = slices.Delete(c.tensors, i, i+1)
		return
	}
	tensor := gguf.Tensor{Name: name, Type: typ, Shape: shape}
	row, err := typ.RowBytes(shape[0])
	require.NoError(t, err)
	c.tensors[i], c.data[name] = tensor, make([]byte, row*tensor.Elements()/shape[0])
}

func TestFilesThatAreNoModelAreRefused(t *testing.T) {
	lib := ggmltest.Library(t)
	original := rwkvtest.Random(t, small, "F32")
	for name, tc := range map[string]struct {
		change func(*contents)
		want   string
	}{
		"no metadata":           {func(c *contents) { c.keys = nil }, "no general.architecture"},
		"another architecture":  {func(c *contents) { c.set("general.architecture", "llama") }, `architecture "llama": Gosling runs rwkv7, rwkv6, rwkv5, rwkv4`},
		"no dimensions":         {func(c *contents) { c.set("rwkv7.block_count", nil) }, `key "rwkv7.block_count" is missing`},
		"a dimension as text":   {func(c *contents) { c.set("rwkv7.embedding_length", "64") }, `key "rwkv7.embedding_length"`},
		"heads do not divide":   {func(c *contents) { c.set("rwkv7.wkv.head_size", uint32(48)) }, "64 channels cannot be cut into heads of 48"},
		"other heads":           {func(c *contents) { c.set("rwkv7.wkv.head_size", uint32(0)) }, "head size: 0"},
		"more layers":           {func(c *contents) { c.set("rwkv7.block_count", uint32(3)) }, `tensor "blk.2.attn_norm.weight" is missing`},
		"layers without end":    {func(c *contents) { c.set("rwkv7.block_count", uint32(1)<<31) }, "rwkv7.block_count"},
		"channels without end":  {func(c *contents) { c.set("rwkv7.embedding_length", uint64(1)<<62) }, "out of bounds"},
		"more channels":         {func(c *contents) { c.set("rwkv7.embedding_length", uint32(128)) }, `tensor "token_embd.weight" is [64 51], want [128 51]`},
		"a rank without end":    {func(c *contents) { c.set("rwkv7.attention.decay_lora_rank", uint32(65000)) }, `tensor "blk.0.time_mix_w1.weight" is`},
		"no embedding":          {func(c *contents) { c.put(t, "token_embd.weight", 0) }, `no matrix "token_embd.weight"`},
		"a vector of embedding": {func(c *contents) { c.put(t, "token_embd.weight", gguf.F32, 64) }, `no matrix "token_embd.weight"`},
		"another vocabulary":    {func(c *contents) { c.put(t, "token_embd.weight", gguf.F32, 64, 52) }, `tensor "output.weight" is [64 51], want [64 52]`},
		"a tensor too many":     {func(c *contents) { c.add("blk.0.channel_mix_s0.weight", 96) }, `tensor "blk.0.channel_mix_s0.weight" is not part of RWKV-7`},
		"a tensor missing":      {func(c *contents) { c.put(t, "blk.1.time_mix_key.weight", 0) }, `tensor "blk.1.time_mix_key.weight" is missing`},
		"a transposed matrix":   {func(c *contents) { c.put(t, "blk.1.channel_mix_key.weight", gguf.F32, 96, 64) }, `tensor "blk.1.channel_mix_key.weight" is [96 64], want [64 96]`},
		"a matrix of integers":  {func(c *contents) { c.put(t, "blk.1.channel_mix_key.weight", gguf.I32, 64, 96) }, `tensor "blk.1.channel_mix_key.weight" is I32`},
		"a matrix of doubles":   {func(c *contents) { c.put(t, "blk.0.time_mix_w1.weight", gguf.F64, 64, 16) }, `tensor "blk.0.time_mix_w1.weight" is`},
		"a matrix of Q8_1":      {func(c *contents) { c.put(t, "blk.1.channel_mix_key.weight", gguf.Q8_1, 64, 96) }, `tensor "blk.1.channel_mix_key.weight" is Q8_1`},
		"a norm of integers":    {func(c *contents) { c.put(t, "output_norm.weight", gguf.I16, 64) }, `tensor "output_norm.weight" is I16`},
		"integer embeddings":    {func(c *contents) { c.put(t, "token_embd.weight", gguf.I8, 64, 51) }, `tensor "token_embd.weight" is I8`},
		"Q8_1 embeddings":       {func(c *contents) { c.put(t, "token_embd.weight", gguf.Q8_1, 64, 51) }, `tensor "token_embd.weight" is Q8_1`},
	} {
		t.Run(name, func(t *testing.T) {
			ggmltest.NoLeaks(t)
			c := read(t, original)
			tc.change(c)
			m, err := engine.Load(lib, c.write(t), engine.Options{Device: "cpu", Threads: 1})
			if err == nil {
				defer m.Close()
			}
			require.ErrorContains(t, err, tc.want)
			assert.Contains(t, err.Error(), "changed.gguf")
		})
	}
}

// Every type that a file may have is refused or computed, never a reason to abort.
func TestTensorsOfEveryType(t *testing.T) {
	lib := ggmltest.Library(t)
	wide := small
	wide.Embed, wide.FFN, wide.Layers = 256, 256, 1
	original := read(t, rwkvtest.Random(t, wide, "F32"))
	for typ := range gguf.Type(64) {
		if typ.BlockSize() == 0 {
			continue
		}
		for _, name := range []string{"token_embd.weight", "blk.0.time_mix_key.weight", "output.weight", "blk.0.attn_norm.weight"} {
			t.Run(fmt.Sprint(typ, " ", name), func(t *testing.T) {
				c := *original
				c.tensors = slices.Clone(c.tensors)
				at := slices.IndexFunc(c.tensors, func(a gguf.Tensor) bool { return a.Name == name })
				before := c.data[name]
				c.put(t, name, typ, c.tensors[at].Shape...)
				path := c.write(t)
				c.data[name] = before
				m, err := engine.Load(lib, path, engine.Options{Device: "cpu", Threads: 1})
				if err != nil {
					require.ErrorContains(t, err, fmt.Sprintf("tensor %q is %s", name, typ))
					return
				}
				defer m.Close()
				s, err := m.NewSession(engine.SessionOptions{})
				require.NoError(t, err)
				defer s.Close()
				_, err = s.Prefill(t.Context(), rwkvtest.Tokens(text(1, 3)))
				require.NoError(t, err)
			})
		}
	}
}

func TestVectorsOfOtherTypesAreWidened(t *testing.T) {
	lib := ggmltest.Library(t)
	path := rwkvtest.Random(t, small, "F32")
	want := rwkvtest.Logits(t, rwkvtest.NewSession(t, rwkvtest.Load(t, lib, path, engine.Options{Device: "cpu", Threads: 1})), text(1, 20), 0)
	encode := map[gguf.Type]func([]byte, []float32){gguf.F16: float.EncodeF16, gguf.BF16: float.EncodeBF16}
	for typ, encode := range encode { // random weights are BF16 numbers, which F16 holds too where they are not small
		c := read(t, path)
		for _, tensor := range slices.Clone(c.tensors) {
			if len(tensor.Shape) == 1 || strings.Contains(tensor.Name, "lerp") {
				x := make([]float32, tensor.Elements())
				float.DecodeF32(x, c.data[tensor.Name])
				c.put(t, tensor.Name, typ, tensor.Shape...)
				encode(c.data[tensor.Name], x)
			}
		}
		m := rwkvtest.Load(t, lib, c.write(t), engine.Options{Device: "cpu", Threads: 1})
		got := rwkvtest.Logits(t, rwkvtest.NewSession(t, m), text(1, 20), 0)
		rwkvtest.Near(t, want, got, 1e-5, typ.String())
	}
}

func TestFilesThatAreNoGGUFAreRefused(t *testing.T) {
	lib := ggmltest.Library(t)
	whole, err := os.ReadFile(rwkvtest.Random(t, small, "F32"))
	require.NoError(t, err)
	for name, data := range map[string][]byte{"empty": {}, "cut short": whole[:len(whole)/2], "a header's beginning": whole[:30], "noise": []byte(strings.Repeat("noise", 99))} {
		path := filepath.Join(t.TempDir(), "m.gguf")
		require.NoError(t, os.WriteFile(path, data, 0o600))
		_, err := engine.Load(lib, path, engine.Options{})
		require.ErrorContains(t, err, "m.gguf", name)
	}
	_, err = engine.Load(lib, filepath.Join(t.TempDir(), "none.gguf"), engine.Options{})
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestRowsAreThoseOfTheTensor(t *testing.T) {
	lib := ggmltest.Library(t)
	for _, mix := range []string{"F32", "F16", "Q8_0"} {
		m := rwkvtest.Load(t, lib, rwkvtest.Random(t, small, mix), engine.Options{Device: "cpu", Threads: 1})
		const name = "blk.1.channel_mix_value.weight"
		all, err := m.Floats(name)
		require.NoError(t, err)
		tensor, _ := m.File().Tensor(name)
		row := make([]float32, tensor.Shape[0])
		for i := range tensor.Shape[1] {
			require.NoError(t, m.Row(name, i, row))
			require.Equal(t, all[i*tensor.Shape[0]:][:len(row)], row)
		}
		require.ErrorContains(t, m.Row(name, tensor.Shape[1], row), "has no row")
		require.ErrorContains(t, m.Row(name, -1, row), "has no row")
		require.ErrorContains(t, m.Row(name, 0, row[:32]), "has no row 0 of 32 elements")
		require.ErrorContains(t, m.Row("blk.9", 0, row), `has no tensor "blk.9"`)
	}
}
