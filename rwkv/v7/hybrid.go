package v7

import (
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/op"
	"github.com/gosling-rwkv/gosling/rwkv/plain"
)

// hybridFromGGUF reads the dimensions from a GGUF file's keys. The tensors tell whether there are a gate and a norm after the
// recurrence.
func hybridFromGGUF(m rwkv.Metadata, tensors rwkv.Shapes) (rwkv.Config, error) {
	c := rwkv.NewConfig(Hybrid().Name)
	var d Dims
	err := rwkv.ReadHybridKeys(&c, m, tensors,
		rwkv.KeyDim{Key: "attention.decay_lora_rank", To: &d.DecayRank},
		rwkv.KeyDim{Key: "attention.iclr_lora_rank", To: &d.RateRank},
		rwkv.KeyDim{Key: "attention.value_residual_mix_lora_rank", To: &d.ValueRank},
		rwkv.KeyDim{Key: "attention.gate_lora_rank", To: &d.GateRank, Optional: true},
	)
	if err != nil {
		return c, err
	}
	ranks := []rwkv.Rank{
		{Name: "decay rank", Value: d.DecayRank}, {Name: "learning rate rank", Value: d.RateRank}, {Name: "value residual rank", Value: d.ValueRank},
	}
	if _, gated := tensors(rwkv.LayerName(0, gate1+".weight")); gated {
		ranks = append(ranks, rwkv.Rank{Name: "gate rank", Value: d.GateRank})
	} else {
		d.GateRank = 0
	}
	_, norm := tensors(rwkv.LayerName(0, groupNorm+".weight"))
	d.BareHeads = !norm
	c.Own = d
	return c, c.Check(ranks...)
}

func hybridKeys(c rwkv.Config) []gguf.KV { return c.HybridKeysWith(rankKeys(c)...) }

func hybridTensors(c rwkv.Config) []rwkv.TensorSpec { return rwkv.HybridTable(c, timeMix) }

func hybridState(c rwkv.Config) []rwkv.StateSpec {
	return op.HybridStates(c, rwkv.StateSpec{Name: wkv, Elements: op.StateElements(c)})
}

// newHybrid binds the weights and returns the function that builds graphs.
func newHybrid(c rwkv.Config, w rwkv.Weights) rwkv.Forward {
	frame, layers := op.NewHybrid(c, w), newLayers(c, w)
	return func(b rwkv.Batch) ggml.Tensor { return frame.Forward(b, timeMixer(b, layers)) }
}

// hybridReference computes ARWKV as reference computes RWKV-7.
func hybridReference(c rwkv.Config, weights rwkv.RefWeights) (rwkv.Reference, error) {
	w, err := plain.Load(hybridTensors(c), weights)
	if err != nil {
		return nil, err
	}
	layers := newRefLayers(c, w)
	return w.Hybrid(c, c.Embed*c.HeadSize, func() func(int, []float64, []float64, []float64) []float64 { return refTimeMixer(c, layers) }), nil
}
