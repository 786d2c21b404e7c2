package v6_test

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/rwkv/rwkvtest"
	"github.com/gosling-rwkv/gosling/rwkv/v6"
)

// adding are the matrices of a layer whose products are added to the residual stream.
var adding = regexp.MustCompile(`^blk\.(\d+)\.(?:time_mix_output|channel_mix_value)\.weight$`)

// rescaled writes an F32 model as llama.cpp's converter does: with weights divided by 2 for every n layers before them.
func rescaled(t *testing.T, path string, n int) string {
	t.Helper()
	in, err := gguf.Open(path)
	require.NoError(t, err)
	defer in.Close()
	out, err := os.Create(filepath.Join(t.TempDir(), "rescaled.gguf"))
	require.NoError(t, err)
	defer out.Close()
	keys := append(in.Keys(), gguf.KV{Key: "rwkv6.rescale_every_n_layers", Value: uint32(n)})
	w, err := gguf.NewWriter(out, gguf.Header{Keys: keys, Tensors: in.Tensors()})
	require.NoError(t, err)
	for i, tensor := range in.Tensors() {
		x := make([]float32, tensor.Elements())
		float.DecodeF32(x, in.Data(tensor))
		if m := adding.FindStringSubmatch(tensor.Name); m != nil {
			layer, err := strconv.Atoi(m[1])
			require.NoError(t, err)
			for j := range x {
				x[j] = float32(math.Ldexp(float64(x[j]), -(layer / n)))
			}
		}
		data := make([]byte, 4*len(x))
		float.EncodeF32(data, x)
		require.NoError(t, w.WriteAt(i, data, 0))
	}
	require.NoError(t, w.Close())
	return out.Name()
}

func TestAModelWhoseResidualStreamIsHalvedGivesTheSameLogits(t *testing.T) {
	lib := ggmltest.Library(t)
	path := rwkvtest.Random(t, synth.Config{Version: "6", Layers: 4, Embed: 64, FFN: 96, HeadSize: 32, Vocab: 61, Seed: 7}, "F32")
	tokens := []int32{3, 1, 4, 1, 5, 9, 2, 6}
	logits := func(path string) (device [][]float32, reference [][]float64, rescale int) {
		m, err := engine.Load(lib, path, engine.Options{Device: "cpu", Threads: 1})
		require.NoError(t, err)
		defer m.Close()
		s, err := m.NewSession(engine.SessionOptions{})
		require.NoError(t, err)
		defer s.Close()
		forward, err := v6.Arch().Reference(m.Config(), rwkvtest.Weights(t, lib, path))
		require.NoError(t, err)
		reference, _, err = forward(nil, tokens)
		require.NoError(t, err)
		return rwkvtest.Logits(t, s, tokens, 0), reference, m.Config().Own.(v6.Dims).Rescale
	}
	_, want, _ := logits(path)
	for _, n := range []int{1, 2, 3} {
		device, reference, rescale := logits(rescaled(t, path, n))
		require.Equal(t, n, rescale)
		rwkvtest.Near(t, want, reference, 2e-3, "the reference's logits") // a norm's epsilon weighs more in a smaller stream
		rwkvtest.Near(t, reference, device, 1e-4, "the device's logits")
	}
}
