package engine_test

import (
	"context"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/rwkv/rwkvtest"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// The suite of every version looks at all matrices; here is one whose input is simple enough to be computed by hand: the
// receptance of version 5's first layer, into which goes the token shift of the normed embedding.
func TestAnObserverSumsTheSquaresOfWhatGoesIntoAMatrix(t *testing.T) {
	lib := ggmltest.Library(t)
	c := small
	c.Version = "5.2"
	path := rwkvtest.Random(t, c, "F32")
	m := rwkvtest.Load(t, lib, path, engine.Options{Device: "cpu", Threads: 1})
	o, err := m.NewObserver()
	require.NoError(t, err)
	defer o.Close()
	tokens := text(5, 30)
	require.NoError(t, o.Read(t.Context(), rwkvtest.Tokens(tokens)))

	weights := rwkvtest.Weights(t, lib, path)
	norm := func(name string, x []float64) []float64 {
		w, _ := weights(name + ".weight")
		b, _ := weights(name + ".bias")
		return layerNorm(x, w.Data, b.Data)
	}
	embedding, _ := weights("token_embd.weight")
	mu, _ := weights("blk.0.time_mix_lerp_r.weight")
	want, before := make([]float64, c.Embed), make([]float64, c.Embed)
	moments := make([]float64, c.Embed*(c.Embed+1)/2)
	for _, token := range tokens {
		x := make([]float64, c.Embed)
		for i := range x {
			x[i] = float64(embedding.Data[int(token)*c.Embed+i])
		}
		x = norm("blk.0.attn_norm", norm("token_embd_norm", x))
		shifted, at := make([]float64, len(x)), 0
		for i := range x {
			shifted[i] = x[i]*float64(mu.Data[i]) + before[i]*(1-float64(mu.Data[i]))
			want[i] += shifted[i] * shifted[i]
			for j := range i + 1 {
				moments[at] += shifted[i] * shifted[j]
				at++
			}
		}
		before = x
	}
	seesMoments(t, m, tokens, moments)
	for _, in := range o.Inputs() {
		if in.Weight == "blk.0.time_mix_receptance.weight" {
			assert.Equal(t, int64(30), in.Tokens)
			assert.InDeltaSlice(t, want, in.Squares, 1e-3)
			return
		}
	}
	t.Fatal("the receptance was not observed")
}

// seesMoments checks the second moments of the receptance's inputs, and that nothing else is summed up.
func seesMoments(t *testing.T, m *engine.Model, tokens []int32, want []float64) {
	t.Helper()
	o, err := m.NewMomentsObserver(func(weight string) bool { return weight == "blk.0.time_mix_receptance.weight" })
	require.NoError(t, err)
	defer o.Close()
	for range 2 {
		require.NoError(t, o.Read(t.Context(), rwkvtest.Tokens(tokens)))
	}
	require.Len(t, o.Inputs(), 1)
	in := o.Inputs()[0]
	assert.Equal(t, int64(2*len(tokens)), in.Tokens)
	assert.Empty(t, in.Squares)
	require.Len(t, in.Moments, len(want))
	for i, x := range in.Moments {
		require.InDelta(t, 2*want[i], x, 2e-3)
	}
}

func layerNorm(x []float64, weight, bias []float32) []float64 {
	mean, variance := 0.0, 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / float64(len(x))
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = (v-mean)/math.Sqrt(variance+1e-5)*float64(weight[i]) + float64(bias[i])
	}
	return y
}

func TestAnObserverThatIsStoppedHasSeenNothingOfTheText(t *testing.T) {
	m := model(t)
	o, err := m.NewObserver()
	require.NoError(t, err)
	defer o.Close()
	require.NoError(t, o.Read(t.Context(), rwkvtest.Tokens(text(1, 20))))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, o.Read(ctx, rwkvtest.Tokens(text(2, 600))), context.Canceled)
	require.ErrorContains(t, o.Read(t.Context(), rwkvtest.Tokens([]int32{51})), "token 51")
	for _, in := range o.Inputs() {
		require.Equal(t, int64(20), in.Tokens)
	}
}

func TestDamagedWeightsGiveNoSums(t *testing.T) {
	lib := ggmltest.Library(t)
	path := rwkvtest.Random(t, synth.Config{Layers: 1, Embed: 64, FFN: 96, HeadSize: 32, Vocab: 51, Seed: 3}, "F32")
	spoil(t, path, "blk.0.attn_norm.weight")
	m := rwkvtest.Load(t, lib, path, engine.Options{Device: "cpu", Threads: 1, NoMmap: true})
	o, err := m.NewObserver()
	require.NoError(t, err)
	defer o.Close()
	require.ErrorContains(t, o.Read(t.Context(), rwkvtest.Tokens(text(1, 20))), "the weights are damaged")
	require.Empty(t, o.Inputs())
}

func TestDamagedWeightsGiveNoLogitsAndNoEmbeddings(t *testing.T) {
	lib := ggmltest.Library(t)
	path := rwkvtest.Random(t, synth.Config{Layers: 1, Embed: 64, FFN: 96, HeadSize: 32, Vocab: 51, Seed: 3}, "F32")
	spoil(t, path, "output_norm.bias")
	m := rwkvtest.Load(t, lib, path, engine.Options{Device: "cpu", Threads: 1, NoMmap: true})
	s := rwkvtest.NewSession(t, m)
	_, err := s.Prefill(t.Context(), rwkvtest.Tokens(text(1, 20)))
	require.ErrorContains(t, err, "the logit of token 0 is NaN: the weights are damaged, or too large for CPU")
	_, err = s.Decode(t.Context(), 7)
	require.ErrorContains(t, err, "the logit of token 0 is NaN")
	err = s.Logits(t.Context(), rwkvtest.Tokens(text(1, 5)), 0, func(int, []float32) error { return nil })
	require.ErrorContains(t, err, "the logit of token 0 is NaN")
	err = m.Embed(t.Context(), [][]tokenizer.Token{{1, 2}}, engine.LastToken, engine.SessionOptions{}, func(int, []float32) error { return nil })
	require.ErrorContains(t, err, "the embedding's number 0 is NaN")
}

// spoil makes the first element of an F32 tensor a NaN.
func spoil(t *testing.T, path, name string) {
	t.Helper()
	f, err := gguf.Open(path)
	require.NoError(t, err)
	info, ok := f.Tensor(name)
	require.True(t, ok)
	require.NoError(t, f.Close())
	out, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = out.WriteAt([]byte{0, 0, 0xc0, 0x7f}, info.Offset)
	require.NoError(t, err)
	require.NoError(t, out.Close())
}
