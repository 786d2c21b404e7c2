package synth

import "math"

// version7 adds the time mix and the channel mix of RWKV-7.
func version7(m *model) {
	for _, v := range []struct {
		letter string
		power  float64
	}{{"r", 0.2}, {"w", 0.9}, {"k", 0.7}, {"v", 0.7}, {"a", 0.9}, {"g", 0.2}} {
		m.mix("att.x_"+v.letter, v.power)
	}
	// Zigzags in each head and ramps over the channels, as at the start of training: slow decays first, fast ones last.
	curve := 1 + math.Pow(m.depth(), 0.3)
	m.vector("att.w0", func(head, place, noise float64) float64 {
		return -5.5 + 6*math.Pow(place, curve) + 2.5*zigzag(head) + 0.1*noise
	})
	m.pair("w", m.Ranks.Decay, 0.5, 0.5)
	m.vector("att.a0", func(head, place, noise float64) float64 {
		return -0.19 + 0.3*zigzag(head) + 0.4*(place-0.5) + 0.1*noise
	})
	m.pair("a", m.Ranks.Rate, 1, 0.5)
	if m.layerN > 0 || m.FirstValue {
		m.vector("att.v0", func(_, place, noise float64) float64 { return 0.73 - 0.4*(place-0.5) + 0.1*noise })
		m.pair("v", m.Ranks.Value, 1, 0.5)
	}
	m.pair("g", m.Ranks.Gate, 1, 1.8)
	m.vector("att.k_k", func(_, place, noise float64) float64 { return 0.85 - 0.1*(place-0.5) + 0.04*noise })
	m.vector("att.k_a", func(_, _, noise float64) float64 { return 1 + 0.05*noise })
	m.add("att.r_k", []int64{int64(m.Embed / m.HeadSize), int64(m.HeadSize)}, 0,
		func(_ int, noise float64) float64 { return -0.04 + 0.08*noise })
	m.matrix("att.receptance.weight", m.Embed, m.Embed, m.receptance())
	m.matrix("att.key.weight", m.Embed, m.Embed, 0.7)
	m.matrix("att.value.weight", m.Embed, m.Embed, 1)
	m.matrix("att.output.weight", m.Embed, m.Embed, m.residual())
	m.norm("att.ln_x")

	m.mix("ffn.x_k", 4)
	m.matrix("ffn.key.weight", m.FFN, m.Embed, 1)
	// The square of the positive half of a normal distribution has a root mean square of 1.22.
	m.matrix("ffn.value.weight", m.Embed, m.FFN, m.residual()/1.22)
}
