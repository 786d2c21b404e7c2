package rwkvtest

import (
	"bytes"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/kernels"
	"github.com/gosling-rwkv/gosling/quant"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// bitsModel is the model for bits. It has 256 channels, because a row of Q4_K needs at least that many.
var bitsModel = synth.Config{Layers: 2, Embed: 256, FFN: 256, HeadSize: 64, Vocab: 61, Seed: 6, Ranks: synth.Ranks{Decay: 11, Mix: 32, Rate: 7, Value: 5, Gate: 13}}

// bits checks that engine.Model.Exact tells which models are exact. It also checks that exact models give the same bits for every way to
// read a text.
func (b bench) bits(t *testing.T) {
	c := b.sized(bitsModel)
	c.Ranks = bitsModel.Ranks
	plain := Random(t, c, "F32")
	exact := b.device.IsHost() && b.kernels != kernels.None
	require.Equal(t, exact, b.load(t, plain).Exact())
	if exact {
		b.programs(t, plain)
		b.sameBits(t, b.load(t, retyped(t, plain, "Q4_K_M", gguf.Q8_0))) // also has matrices in Q6_K, F16 and F32
		require.False(t, b.load(t, retyped(t, plain, "F32", gguf.Q5_0)).Exact(), "ggml multiplies with the head")
	}
}

// programs checks that all operations of a model have kernels, for texts of one token, of several, and of unequal numbers of tokens.
func (b bench) programs(t *testing.T, path string) {
	t.Helper()
	var log bytes.Buffer
	m := b.loadAs(t, path, engine.Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	for _, lengths := range [][]int{{1}, {5}, {1, 3, 0, 3}} {
		batch, err := m.NewSlots(len(lengths), engine.SessionOptions{})
		require.NoError(t, err)
		defer batch.Close()
		var read [][]tokenizer.Token
		for i, n := range lengths {
			read = append(read, Tokens(text(uint64(i), n, m.Vocab())))
		}
		for outputs := rwkv.NoLogits; outputs <= rwkv.AllHidden; outputs++ {
			log.Reset()
			_, err = batch.Read(t.Context(), read, outputs)
			require.NoError(t, err)
			require.Regexp(t, `stages=[1-9]`, log.String(), "lengths %v, outputs %d: ggml computes some of it", lengths, outputs)
		}
	}
}

// retyped quantizes the model at path with a mix, and its head to the type head. It returns the path of the new model.
func retyped(t *testing.T, path, mix string, head gguf.Type) string {
	t.Helper()
	m, err := quant.ParseMix(mix)
	require.NoError(t, err)
	out := filepath.Join(t.TempDir(), "retyped.gguf")
	r := quant.Retyping{Mix: m, Types: map[string]gguf.Type{rwkv.Output: head}}
	_, err = quant.Quantize(t.Context(), path, out, r, quant.Options{Quantizer: func() (quant.Quantizer, error) { return ggmltest.Library(t), nil }})
	require.NoError(t, err)
	return out
}

// sameBits reads a text token by token, in chunks, beside other texts, and with several threads. It compares the bits of the results.
// Several threads are slow on a busy machine, so they read only three tokens, and only at the best level.
func (b bench) sameBits(t *testing.T, m *engine.Model) {
	require.True(t, m.Exact())
	tokens := text(1, 17, m.Vocab())
	single := b.session(t, m)
	want := Logits(t, single, tokens, 1)
	state, err := single.Snapshot()
	require.NoError(t, err)
	for _, chunk := range []int{2, 3, 5, 7, 8, 16} {
		s := b.session(t, m)
		what := fmt.Sprint("chunks of ", chunk)
		require.Equal(t, want, Logits(t, s, tokens, chunk), what)
		got, err := s.Snapshot()
		require.NoError(t, err)
		require.Equal(t, state, got, what)
	}
	long := text(2, 140, m.Vocab()) // kernels use wide tiles and several chunks for many columns
	require.NoError(t, single.Reset())
	all := Logits(t, single, long, 1)
	got, err := b.session(t, m).Prefill(t.Context(), Tokens(long))
	require.NoError(t, err)
	require.Equal(t, all[len(all)-1], got, "a prompt")
	for _, beside := range []int{1, 2, 3, 7} {
		b.sameBitsBeside(t, m, tokens, want, beside)
	}
	for threads := 2; threads <= 3 && b.kernels == kernels.Best(); threads++ {
		m := Load(t, b.lib, m.File().Path(), engine.Options{Device: b.device.Name, Threads: threads, Kernels: b.kernels.String()})
		require.Equal(t, want[:3], Logits(t, NewSession(t, m), tokens[:3], 3), "%d threads", threads)
	}
}

// sameBitsBeside reads a text beside n others in a batch. At first all have the same number of tokens, later other numbers, or none. want
// has the logits of the text when it is read alone.
func (b bench) sameBitsBeside(t *testing.T, m *engine.Model, tokens []int32, want [][]float32, n int) {
	t.Helper()
	batch, err := m.NewSlots(n+1, engine.SessionOptions{})
	require.NoError(t, err)
	defer batch.Close()
	at := n / 2 // the sequence of the text
	for step, length := range []int{1, 1, 3, 3, 5} {
		read, rows := make([][]tokenizer.Token, n+1), 0
		for i := range read {
			l := length
			if step > 2 {
				l = (3*i + step) % 6
			}
			read[i] = Tokens(text(uint64(i), l, m.Vocab()))
			if i < at {
				rows += l
			}
		}
		read[at] = Tokens(tokens[:length])
		all, err := batch.Read(t.Context(), read, rwkv.AllLogits)
		require.NoError(t, err)
		got := slices.Collect(slices.Chunk(all, m.Vocab()))[rows:][:length]
		require.Equal(t, want[:length], got, "beside %d others, step %d", n, step)
		tokens, want = tokens[length:], want[length:]
	}
}
