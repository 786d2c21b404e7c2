package rwkvcpp_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint/rwkvcpp"
	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/internal/golden"
	"github.com/gosling-rwkv/gosling/rwkv/rwkvtest"
)

// Of version 5, rwkv.cpp's own models are trained with another epsilon of the group norm than the released ones.
func TestAModelOfRwkvCppGivesTheOfficialLogits(t *testing.T) {
	lib := ggmltest.Library(t)
	for _, name := range []string{
		"tiny-rwkv-4v0-660K", "synth-rwkv-4-L4-C256-bf16",
		"tiny-rwkv-5v1-730K", "tiny-rwkv-5v1-730K.gn1e-5", "tiny-rwkv-5v2-730K", "tiny-rwkv-5v2-730K.gn1e-5", "synth-rwkv-5.2-L4-C256-bf16",
		"tiny-rwkv-6v0-3m-dequantized-from-Q5_1", "synth-rwkv-6-L4-C256-bf16",
		"tiny-rwkv-7v0-834K", "synth-rwkv-7-L4-C256-bf16",
	} {
		if testing.Short() && name != "tiny-rwkv-7v0-834K" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			g := golden.Load(t, name)
			path := filepath.Join(t.TempDir(), "m.bin")
			require.NoError(t, os.WriteFile(path, rwkvcpp.Bin(t, golden.Path(t, g.Models[0])), 0o600))
			m := rwkvtest.Load(t, lib, rwkvtest.ConvertAs(t, path, "F32", convert.Options{GroupNormEps: g.GroupNormEps}), engine.Options{})
			s := rwkvtest.NewSession(t, m)
			rwkvtest.Near(t, g.Logits(t, "long"), rwkvtest.Logits(t, s, g.Prompts["long"].Tokens, 16), 2e-4, "logits")
		})
	}
}
