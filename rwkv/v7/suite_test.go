package v7_test

import (
	"testing"

	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/rwkv/rwkvtest"
	"github.com/gosling-rwkv/gosling/rwkv/v7"
)

func TestSuite(t *testing.T) {
	rwkvtest.Run(t, rwkvtest.Suite{
		Arch:   v7.Arch(),
		Golden: []string{"demo", "tiny-rwkv-7v0-834K", "synth-rwkv-7-L4-C256-bf16", "micro-rwkv-7-L2-C64-strided-shared-bf16"},
		States: map[string]func(func(string) []float32) []float32{"wkv": rwkvtest.Same("att_kv")},
	})
}

func TestSuiteOfHybrids(t *testing.T) {
	for name, c := range map[string]synth.Config{
		"whole":          {},
		"without a gate": {NoGate: true},
		"without a norm": {NoHeadNorm: true},
	} {
		c.Version = "arwkv7"
		c.Ranks = synth.Ranks{Decay: 11, Rate: 7, Value: 5, Gate: 13}
		t.Run(name, func(t *testing.T) { rwkvtest.Run(t, rwkvtest.Suite{Arch: v7.Hybrid(), Random: c}) })
	}
}
