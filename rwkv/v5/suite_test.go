package v5_test

import (
	"testing"

	"gosling/rwkv/rwkvtest"
	"gosling/rwkv/v5"
)

func TestSuite(t *testing.T) {
	rwkvtest.Run(t, rwkvtest.Suite{
		Arch:   v5.Arch(),
		Golden: []string{"tiny-rwkv-5v1-730K", "tiny-rwkv-5v2-730K", "synth-rwkv-5.2-L4-C256-bf16", "micro-rwkv-5.1-L2-C64-cuda-metadata-bf16"},
		States: map[string]func(func(string) []float32) []float32{"wkv": rwkvtest.Same("att_kv")},
	})
}
