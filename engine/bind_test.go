package engine

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/rwkv"
)

func TestANameThatTheTableLacksIsFoundWhenTheModelIsLoaded(t *testing.T) {
	m := Model{
		arch: rwkv.Arch{Title: "RWKV-9", Forward: func(_ rwkv.Config, w rwkv.Weights) rwkv.Forward {
			w(rwkv.Output)
			w.Layer(3)("time_mix_kye")
			return nil
		}},
		weights: &weights{byName: map[string]ggml.Tensor{rwkv.Output: {}}},
	}
	require.EqualError(t, m.bind(), `engine: internal error: the table of RWKV-9 lacks ["blk.3.time_mix_kye.weight"]`)
}
