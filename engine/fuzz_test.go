package engine_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/fuzzing"
	"github.com/gosling-rwkv/gosling/internal/rss"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/quant"
	"github.com/gosling-rwkv/gosling/rwkv/rwkvtest"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// mostMemory is what the process may ever hold while it fuzzes small models, Go's and ggml's memory together.
const mostMemory = 1 << 30

// FuzzModel changes a valid model of some version in its meaning and does with it what the program does: opens it, reads its
// tokenizer, loads it, computes tokens, and quantizes it. What is refused is refused with an error; a model that loads gives
// logits that are numbers, or an error; a quantized file is whole. ggml aborts the process on shapes that it does not expect,
// and the fuzzer takes that for a failure.
func FuzzModel(f *testing.F) {
	lib := ggmltest.Library(f)
	configs := smallModels()
	originals := make([]*mutant, len(configs)) // made when they are first needed
	for i := range configs {
		f.Add(byte(i), []byte{})
		f.Add(byte(i), []byte{byte(i), byte(7 * i), 0, byte(37 * i)})
	}
	for op := range operations {
		f.Add(byte(op), []byte{byte(op), byte(11 * op), 0, byte(37 * op)})
		f.Add(byte(op+5), []byte{byte(op), byte(17 * op), 0, byte(41 * op)})
	}
	mix, err := quant.ParseMix("Q4_K_M")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, version byte, program []byte) {
		which := int(version) % len(configs)
		if originals[which] == nil {
			originals[which] = original(t, configs[which], []string{"F16", "Q8_0", "F32"}[which%3])
		}
		ggmltest.NoLeaks(t)
		defer fuzzing.Guard(t, len(program), 1<<10)()
		m := originals[which].clone()
		m.run(program)
		dir := t.TempDir()
		path, quantized := filepath.Join(dir, "m.gguf"), filepath.Join(dir, "q.gguf")
		require.NoError(t, os.WriteFile(path, m.bytes(), 0o600))
		ids := []tokenizer.Token{0, 1, 2}
		if file, err := gguf.Open(path); err == nil {
			ids = append(ids, encoded(t, file)...)
			require.NoError(t, file.Close())
		}
		loads := compute(t, lib, path, ids)
		require.True(t, loads || len(program) > 3, "the original loads")

		o := quant.Options{Threads: 1, Quantizer: func() (quant.Quantizer, error) { return lib, nil }}
		if _, err := quant.Quantize(t.Context(), path, quantized, quant.Retyping{Mix: mix, Requant: true}, o); err == nil {
			require.Empty(t, gguf.Check(quantized))
			require.True(t, compute(t, lib, quantized, ids[:2]) || !loads, "a model that loads does so when it is quantized")
		}
		require.LessOrEqual(t, rss.Peak(), int64(mostMemory))
	})
}

// smallModels are small models of every version: the first half of ordinary dimensions, the other of such that no block of a type and
// no vector of a processor divides.
func smallModels() []synth.Config {
	var configs []synth.Config
	versions := slices.Concat(synth.Versions(), synth.Hybrids())
	for _, version := range versions {
		configs = append(configs, synth.Config{Version: version, Layers: 2, Embed: 64, FFN: 96, HeadSize: 32, Vocab: 256, Seed: 5})
	}
	ranks := synth.Ranks{Decay: 3, Rate: 5, Value: 7, Gate: 9, Mix: 11}
	for _, version := range versions {
		configs = append(configs, synth.Config{Version: version, Layers: 1, Embed: 42, FFN: 51, HeadSize: 7, Vocab: 65, Ranks: ranks, Seed: 6})
	}
	return configs
}

// original makes a small model of random weights.
func original(t testing.TB, c synth.Config, mix string) *mutant {
	path := rwkvtest.Random(t, c, mix)
	file, err := gguf.Open(path)
	require.NoError(t, err)
	defer file.Close()
	return takeApart(file)
}

// encoded is a text in the tokens of the file's tokenizer, nothing if it has none that is known.
func encoded(t *testing.T, file *gguf.File) []tokenizer.Token {
	v, err := tokenizer.FromGGUF(file)
	if err != nil {
		require.Nil(t, v)
		return nil
	}
	ids, err := v.Encode([]byte("a goose"))
	if err != nil {
		return nil
	}
	for _, id := range ids {
		require.True(t, id >= 0 && int(id) < v.Len(), "token %d of %d", id, v.Len())
	}
	v.Decode(ids)
	return ids
}

// compute reads tokens with a model, all at once and then one, and reports whether it can be loaded.
func compute(t *testing.T, lib *ggml.Library, path string, ids []tokenizer.Token) bool {
	m, err := engine.Load(lib, path, engine.Options{Device: "cpu", Threads: 1})
	if err != nil {
		return false
	}
	defer func() { require.NoError(t, m.Close()) }()
	s, err := m.NewSession(engine.SessionOptions{})
	if err != nil {
		return true
	}
	defer s.Close()
	for _, tokens := range [][]tokenizer.Token{ids, {1}} {
		logits, err := s.Prefill(t.Context(), tokens)
		if err != nil {
			continue
		}
		require.Len(t, logits, m.Vocab())
		for i, x := range logits {
			require.False(t, math.IsNaN(float64(x)) || math.IsInf(float64(x), 0), "the logit of token %d is %v", i, x)
		}
	}
	return true
}
