package rwkvcpp_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"gosling/checkpoint/rwkvcpp"
	"gosling/engine"
	"gosling/ggml/ggmltest"
	"gosling/internal/golden"
	"gosling/rwkv/rwkvtest"
)

func TestAModelOfRwkvCppGivesTheOfficialLogits(t *testing.T) {
	lib := ggmltest.Library(t)
	for _, name := range []string{"tiny-rwkv-7v0-834K", "synth-rwkv-7-L4-C256-bf16"} {
		t.Run(name, func(t *testing.T) {
			g := golden.Load(t, name)
			path := filepath.Join(t.TempDir(), "m.bin")
			require.NoError(t, os.WriteFile(path, rwkvcpp.Bin(t, golden.Path(t, name+".pth")), 0o600))
			m := rwkvtest.Load(t, lib, rwkvtest.Convert(t, path, "F32"), engine.Options{})
			s := rwkvtest.NewSession(t, m)
			rwkvtest.Near(t, g.Logits(t, "long"), rwkvtest.Logits(t, s, g.Prompts["long"].Tokens, 16), 2e-4, "logits")
		})
	}
}
