package synth

import "math"

// version6 adds the time mix and the channel mix of RWKV-6.
func version6(m *model) {
	for _, v := range []struct {
		letter string
		power  float64
	}{{"x", 1}, {"w", 1}, {"k", 1}, {"v", 0.7}, {"r", 0.5}, {"g", 0.5}} {
		m.mix("att.time_maa_"+v.letter, v.power)
	}
	const parts = 5
	c, rank, decayRank := float64(m.Embed), m.Ranks.Mix, m.Ranks.Decay
	m.add("att.time_maa_w1", []int64{int64(m.Embed), int64(parts * rank)}, 0.5/math.Sqrt(c), nil)
	m.add("att.time_maa_w2", []int64{parts, int64(rank), int64(m.Embed)}, 0.2/math.Sqrt(float64(rank)), nil)
	curve := 0.7 + 1.3*m.depth()
	m.vector("att.time_decay", func(_, place, noise float64) float64 { return -6 + 5*math.Pow(place, curve) + 0.1*noise })
	m.add("att.time_decay_w1", []int64{int64(m.Embed), int64(decayRank)}, 0.5/math.Sqrt(c), nil)
	m.add("att.time_decay_w2", []int64{int64(decayRank), int64(m.Embed)}, 0.5/math.Sqrt(float64(decayRank)), nil)
	m.heads("att.time_faaaa", func(place, noise float64) float64 { return 0.6*(1-place) + 0.2*noise })

	m.matrix("att.receptance.weight", m.Embed, m.Embed, m.receptance())
	m.matrix("att.key.weight", m.Embed, m.Embed, 0.7)
	m.matrix("att.value.weight", m.Embed, m.Embed, 1)
	m.matrix("att.gate.weight", m.Embed, m.Embed, 1.5)
	m.matrix("att.output.weight", m.Embed, m.Embed, 1.5*m.residual())
	m.norm("att.ln_x")
	m.gatedChannelMix("ffn.time_maa_", func(name string, power float64) { m.mix(name, 4*power) })
}
