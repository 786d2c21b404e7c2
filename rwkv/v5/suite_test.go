package v5_test

import (
	"testing"

	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/rwkv/rwkvtest"
	"github.com/gosling-rwkv/gosling/rwkv/v5"
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
