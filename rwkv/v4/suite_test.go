package v4_test

import (
	"math"
	"testing"

	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/rwkv/rwkvtest"
	"github.com/gosling-rwkv/gosling/rwkv/v4"
)

func TestSuite(t *testing.T) {
	rwkvtest.Run(t, rwkvtest.Suite{
		Arch:   v4.Arch(),
		Golden: []string{"rwkv-4-small", "tiny-rwkv-4v0-660K", "tiny-rwkv-4v0-660K-bf16-legacy", "synth-rwkv-4-L4-C256-bf16"},
		Random: synth.Config{Version: "4"},
		States: map[string]func(func(string) []float32) []float32{"wkv_mean": mean, "wkv_log": log},
	})
}

// mean returns aa/bb.
func mean(read func(string) []float32) []float32 {
	aa, bb := read("att_aa"), read("att_bb")
	x := make([]float32, len(aa))
	for i := range x {
		x[i] = aa[i] / bb[i]
	}
	return x
}

// log returns ln(bb)+pp.
func log(read func(string) []float32) []float32 {
	bb, pp := read("att_bb"), read("att_pp")
	x := make([]float32, len(bb))
	for i := range x {
		x[i] = float32(math.Log(float64(bb[i]))) + pp[i]
	}
	return x
}
