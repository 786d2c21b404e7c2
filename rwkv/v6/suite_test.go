package v6_test

import (
	"testing"

	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/rwkv/rwkvtest"
	"github.com/gosling-rwkv/gosling/rwkv/v6"
)

func TestSuite(t *testing.T) {
	rwkvtest.Run(t, rwkvtest.Suite{
		Arch:   v6.Arch(),
		Golden: []string{"rwkv-6-small", "tiny-rwkv-6v0-3m-dequantized-from-Q5_1", "synth-rwkv-6-L4-C256-bf16"},
		Random: synth.Config{Version: "6"},
		States: map[string]func(func(string) []float32) []float32{"wkv": rwkvtest.Same("att_kv")},
	})
}

func TestSuiteOfHybrids(t *testing.T) {
	for name, c := range map[string]synth.Config{
		"heads that share a key":              {KVHeads: 1},
		"heads with their own, and no biases": {NoBiases: true},
	} {
		c.Version = "rwkv6qwen2"
		c.Ranks = synth.Ranks{Decay: 11, Mix: 7}
		t.Run(name, func(t *testing.T) { rwkvtest.Run(t, rwkvtest.Suite{Arch: v6.Hybrid(), Random: c}) })
	}
}
