package golden

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestArraysAreReadWhereTheyLie(t *testing.T) {
	data := []byte{9, 9, 9, 9, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}
	a := Array{Shape: []int64{2, 1}, Offset: 4}
	require.NoError(t, a.read(data))
	assert.Equal(t, []float32{1, -2}, a.Data)
	for name, bad := range map[string]Array{
		"beyond the end":      {Shape: []int64{3}, Offset: 4},
		"before the start":    {Shape: []int64{1}, Offset: -4},
		"after the end":       {Shape: []int64{1}, Offset: 16},
		"of no size":          {Shape: []int64{0, 4}},
		"larger than memory":  {Shape: []int64{1 << 30, 1 << 30, 1 << 30}},
		"of a negative size":  {Shape: []int64{-1, -1}},
		"starting at the end": {Shape: []int64{1}, Offset: 12},
	} {
		assert.Error(t, bad.read(data), name)
	}
}

func TestAGoldenFile(t *testing.T) {
	f := Load(t, "synth-rwkv-7-L4-C256-bf16")
	assert.Equal(t, []string{"synth-rwkv-7-L4-C256-bf16.pth"}, f.Models)
	assert.Equal(t, 4, f.Layers)
	tokens := f.Prompts["long"].Tokens
	require.Len(t, tokens, 96)
	assert.Equal(t, []int32{0, 511}, tokens[:2])
	logits := f.Logits(t, "long")
	require.Len(t, logits, 96)
	assert.Len(t, logits[95], 512)
	assert.Len(t, f.State(t, 3, "att_kv"), 4*64*64)
}
