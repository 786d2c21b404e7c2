// Package tinytest makes models of random weights for tests.
package tinytest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/lm"
)

// Model writes a GGUF model of two layers, 64 channels and 257 tokens. It returns its path, and how to open it on one thread of the CPU.
// It skips the test without ggml.
func Model(t testing.TB, version string, seed uint64) (string, lm.Options) {
	t.Helper()
	g := ggmltest.Options()
	g.Device = "cpu"
	folder, err := ggml.Find(g)
	if err != nil {
		t.Skipf("no ggml: %v", err)
	}
	dir := t.TempDir()
	checkpoint, model := filepath.Join(dir, "m.pth"), filepath.Join(dir, "m.gguf")
	var data bytes.Buffer
	require.NoError(t, synth.Write(&data, synth.Config{Version: version, Layers: 2, Embed: 64, HeadSize: 32, Vocab: 257, Seed: seed}))
	require.NoError(t, os.WriteFile(checkpoint, data.Bytes(), 0o600))
	_, err = convert.Run(t.Context(), checkpoint, model, convert.Options{})
	require.NoError(t, err)
	return model, lm.Options{Libraries: folder, CPUVariant: g.CPUVariant, Device: "cpu", Threads: 1}
}
