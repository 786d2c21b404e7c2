package v5_test

import (
	"testing"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/rwkv/rwkvtest"
	v5 "github.com/gosling-rwkv/gosling/rwkv/v5"
	"github.com/stretchr/testify/require"
)

func TestSuite50(t *testing.T) {
	suite(t, "5.0", "tiny-rwkv-5v1-730K", "tiny-rwkv-5v1-730K.gn1e-5") // rwkv.cpp calls its model without a gate 5.1
}

func TestSuite51(t *testing.T) {
	suite(t, "5.1", "micro-rwkv-5.1-L2-C64-cuda-metadata-bf16")
}

func TestSuite52(t *testing.T) {
	suite(t, "5.2", "rwkv-5.2-small", "tiny-rwkv-5v2-730K", "tiny-rwkv-5v2-730K.gn1e-5", "synth-rwkv-5.2-L4-C256-bf16")
}

func suite(t *testing.T, version string, golden ...string) {
	rwkvtest.Run(t, rwkvtest.Suite{
		Arch:   v5.Arch(),
		Golden: golden,
		Random: synth.Config{Version: version},
		States: map[string]func(func(string) []float32) []float32{"wkv": rwkvtest.Same("att_kv")},
	})
}

// A model of one head is computed as others are: its decay has as many numbers as the model has channels.
func TestOneHead(t *testing.T) {
	path := rwkvtest.Random(t, synth.Config{Version: "5.2", Layers: 2, Embed: 64, FFN: 96, HeadSize: 64, Vocab: 51, Seed: 4}, "F32")
	tokens := []int32{1, 7, 3, 50, 12, 12, 9}
	load := func(kernels string) [][]float32 {
		m := rwkvtest.Load(t, ggmltest.Library(t), path, engine.Options{Device: "cpu", Threads: 1, Kernels: kernels})
		all := rwkvtest.Logits(t, rwkvtest.NewSession(t, m), tokens, 1)
		for i, row := range rwkvtest.Logits(t, rwkvtest.NewSession(t, m), tokens, 0) {
			require.InDeltaSlice(t, all[i], row, 1e-4)
		}
		return all
	}
	want := load("off")
	for i, row := range load("auto") {
		require.InDeltaSlice(t, want[i], row, 1e-4)
	}
}
