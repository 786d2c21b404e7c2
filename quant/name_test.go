package quant_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/quant"
)

func TestFileName(t *testing.T) {
	mix, err := quant.ParseMix("q4_k_m")
	require.NoError(t, err)
	for in, want := range map[string]string{
		"model-F16.gguf":        "model-Q4_K_M.gguf",
		"model-f16.gguf":        "model-Q4_K_M.gguf",
		"model.Q8_0.gguf":       "model.Q4_K_M.gguf",
		"model.gguf":            "model-Q4_K_M.gguf",
		"dir-F16/model":         "dir-F16/model-Q4_K_M.gguf",
		"RWKV-7-1.5B-ctx4.gguf": "RWKV-7-1.5B-ctx4-Q4_K_M.gguf",
		"F16.gguf":              "F16-Q4_K_M.gguf",
		"m-00002-of-00003.gguf": "m-Q4_K_M.gguf",
	} {
		assert.Equal(t, want, quant.FileName(in, mix.Name), "%s", in)
	}
}
