package engine_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/rwkv/rwkvtest"
)

func TestManyLayersAndLengthsTakeLittleMemory(t *testing.T) {
	lib := ggmltest.Library(t)
	if !ggmltest.Apart(t) {
		return
	}
	c := synth.Config{Version: "7", Layers: 24, Embed: 64, FFN: 64, HeadSize: 32, Vocab: 51, Seed: 3}
	m := rwkvtest.Load(t, lib, rwkvtest.Random(t, c, "F32"), engine.Options{Device: "cpu", Threads: 1})
	var texts [][]int32
	for i := range 16 {
		texts = append(texts, text(i, i+1))
	}
	ggmltest.LimitMemory(t, 512<<20)
	require.Len(t, embed(t, m, engine.LastToken, texts...), len(texts))
}
