package synth

import "math"

// version5 adds the time mix and the channel mix of RWKV-5. 5.0 has no gate, and one decay and bonus per head. 5.1 has a gate.
// 5.2 has a decay and a bonus for every channel.
func version5(m *model, gate, perHead bool) {
	m.rise("att.time_mix_k", 1)
	m.rise("att.time_mix_v", 1)
	m.rise("att.time_mix_r", 0.5)
	if gate {
		m.rise("att.time_mix_g", 0.5)
	}
	curve := 0.7 + 1.3*m.depth()
	decay := func(place, noise float64) float64 { return -6 + 5*math.Pow(place, curve) + 0.1*noise }
	switch {
	case !perHead:
		m.heads("att.time_decay", decay)
		m.heads("att.time_faaaa", func(place, noise float64) float64 { return 0.6*(1-place) + 0.2*noise })
	case gate:
		m.eachHead("att.time_decay", decay)
		m.eachHead("att.time_faaaa", func(place, noise float64) float64 { return 0.6*(1-place) + 0.2*noise })
	default:
		m.eachHead("att.time_decay", decay)
		m.eachHead("att.time_first", func(place, noise float64) float64 { return -3 + 2*place + 0.2*noise })
	}
	m.matrix("att.receptance.weight", m.Embed, m.Embed, m.receptance())
	m.matrix("att.key.weight", m.Embed, m.Embed, 0.7)
	m.matrix("att.value.weight", m.Embed, m.Embed, 1)
	out := m.residual()
	if gate {
		m.matrix("att.gate.weight", m.Embed, m.Embed, 1.5)
		out *= 1.5
	}
	m.matrix("att.output.weight", m.Embed, m.Embed, out)
	m.norm("att.ln_x")
	m.gatedChannelMix("ffn.time_mix_", m.rise)
}

// heads adds a tensor [heads, head size]. at gets an element's place in the model, from 0 to 1.
func (m *model) heads(name string, at func(place, noise float64) float64) {
	last := float64(max(m.Embed-1, 1))
	m.add(name, []int64{int64(m.Embed / m.HeadSize), int64(m.HeadSize)}, 0,
		func(i int, noise float64) float64 { return at(float64(i)/last, noise) })
}

// eachHead adds a vector [heads]. at gets the place of the head, from 0 to 1.
func (m *model) eachHead(name string, at func(place, noise float64) float64) {
	heads := m.Embed / m.HeadSize
	m.add(name, []int64{int64(heads)}, 0,
		func(i int, noise float64) float64 { return at(float64(i)/float64(max(heads-1, 1)), noise) })
}
