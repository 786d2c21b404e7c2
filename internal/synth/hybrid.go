package synth

import (
	"fmt"
	"math"
)

// hybrid adds the tensors of a hybrid under their GGUF names. A hybrid is a Qwen transformer with RWKV's time mix.
func (m *model) hybrid() {
	channels := math.Sqrt(float64(m.Embed))
	m.matrix("token_embd.weight", m.Vocab, m.Embed, channels) // no norm follows
	for i := range m.Layers {
		m.layerN, m.prefix = i, fmt.Sprintf("blk.%d.", i)
		m.rms("attn_norm.weight")
		hybrids[m.Version].mixers(m)
		m.rms("ffn_norm.weight")
		m.matrix("ffn_gate.weight", m.FFN, m.Embed, 1)
		m.matrix("ffn_up.weight", m.FFN, m.Embed, 1)
		m.matrix("ffn_down.weight", m.Embed, m.FFN, 1.7*m.residual())
		m.prefix = ""
	}
	m.rms("output_norm.weight")
	m.matrix("output.weight", m.Vocab, m.Embed, 2.4)
}

// rms adds the scale of an RMS norm.
func (m *model) rms(name string) {
	m.add(name, []int64{int64(m.Embed)}, 0, func(_ int, noise float64) float64 { return 1 + 0.08*noise })
}

// mixed adds the token-shift vectors with these powers as one tensor.
func (m *model) mixed(powers ...float64) {
	depth, c := m.depth(), m.Embed
	m.add("time_mix_lerp_fused.weight", []int64{int64(len(powers)), 1, 1, int64(c)}, 0, func(i int, noise float64) float64 {
		place := float64(i%c) / float64(max(c-1, 1))
		return min(max(1-math.Pow(place, powers[i/c]*(1-depth))+0.03*noise, 0), 1)
	})
}

// lowRank adds both matrices of a low-rank pair, [rank, in] and [out, rank].
func (m *model) lowRank(name string, rank int, middle, gain float64) {
	m.matrix(name+"1.weight", rank, m.Embed, middle)
	m.matrix(name+"2.weight", m.Embed, rank, gain)
}

// hybrid7 adds the time mix of "arwkv7".
func hybrid7(m *model) {
	powers := []float64{0.2, 0.9, 0.7, 0.7, 0.9, 0.2} // r, w, k, v, a, g
	if m.NoGate {
		powers = powers[:5]
	}
	m.mixed(powers...)
	curve := 1 + math.Pow(m.depth(), 0.3)
	m.vector("time_mix_w0.weight", func(head, place, noise float64) float64 {
		return -5.5 + 6*math.Pow(place, curve) + 2.5*zigzag(head) + 0.1*noise
	})
	m.lowRank("time_mix_w", m.Ranks.Decay, 0.5, 0.5)
	rate := func(head, place, noise float64) float64 {
		return -0.19 + 0.3*zigzag(head) + 0.4*(place-0.5) + 0.1*noise
	}
	m.vector("time_mix_a0.weight", rate)
	m.lowRank("time_mix_a", m.Ranks.Rate, 1, 0.5)
	m.vector("time_mix_v0.weight", rate)
	rank := m.Ranks.Value
	if m.layerN == 0 { // nothing reads it, and it is as wide as the rate's
		rank = m.Ranks.Rate
	}
	m.lowRank("time_mix_v", rank, 1, 0.5)
	if !m.NoGate {
		m.lowRank("time_mix_g", m.Ranks.Gate, 1, 1.8)
	}
	m.vector("time_mix_k_k.weight", func(_, place, noise float64) float64 { return 0.85 - 0.1*(place-0.5) + 0.04*noise })
	m.vector("time_mix_k_a.weight", func(_, _, noise float64) float64 { return 1 + 0.05*noise })
	m.vector("time_mix_r_k.weight", func(_, _, noise float64) float64 { return -0.04 + 0.08*noise })
	m.matrix("time_mix_receptance.weight", m.Embed, m.Embed, m.receptance())
	m.matrix("time_mix_key.weight", m.Embed, m.Embed, 0.7)
	m.matrix("time_mix_value.weight", m.Embed, m.Embed, 1)
	m.matrix("time_mix_output.weight", m.Embed, m.Embed, m.residual())
	if !m.NoHeadNorm {
		m.norm("time_mix_ln")
	}
}

// hybrid6 adds the time mix of "rwkv6qwen2".
func hybrid6(m *model) {
	m.mix("time_mix_lerp_x.weight", 1)
	m.mixed(1, 1, 0.7, 0.5, 0.5) // w, k, v, r, g
	const parts = 5
	c, rank := float64(m.Embed), m.Ranks.Mix
	m.matrix("time_mix_w1.weight", parts*rank, m.Embed, 0.5)
	m.add("time_mix_w2.weight", []int64{parts, int64(m.Embed), int64(rank)}, 0.2/math.Sqrt(float64(rank)), nil)
	curve := 0.7 + 1.3*m.depth()
	m.vector("time_mix_decay.weight", func(_, place, noise float64) float64 { return -6 + 5*math.Pow(place, curve) + 0.1*noise })
	m.add("time_mix_decay_w1.weight", []int64{int64(m.Ranks.Decay), int64(m.Embed)}, 0.5/math.Sqrt(c), nil)
	m.matrix("time_mix_decay_w2.weight", m.Embed, m.Ranks.Decay, 0.5)

	shared := m.KVHeads * m.HeadSize
	for _, p := range []struct {
		name string
		out  int
		gain float64
		bias bool
	}{{"receptance", m.Embed, 1, true}, {"key", shared, 1.5, true}, {"value", shared, 1.5, true}, {"gate", m.Embed, 1.5, false}, {"output", m.Embed, 3 * m.residual(), false}} {
		m.matrix("time_mix_"+p.name+".weight", p.out, m.Embed, p.gain)
		if p.bias && !m.NoBiases {
			m.add("time_mix_"+p.name+".bias", []int64{int64(p.out)}, 0, func(_ int, noise float64) float64 { return 0.5 * noise })
		}
	}
}
