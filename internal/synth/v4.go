package synth

import "math"

// version4 adds the time mix and the channel mix of RWKV-4.
func version4(m *model) {
	m.rise("att.time_mix_k", 1)
	m.rise("att.time_mix_v", 1)
	m.rise("att.time_mix_r", 0.5)
	curve := 0.7 + 1.3*m.depth()
	m.perChannel("att.time_decay", func(_, place, noise float64) float64 { return -5 + 8*math.Pow(place, curve) + 0.1*noise })
	m.perChannel("att.time_first", func(head, _, noise float64) float64 { return math.Log(0.3) + 0.5*zigzag(head) + 0.2*noise })
	m.matrix("att.key.weight", m.Embed, m.Embed, 1)
	m.matrix("att.value.weight", m.Embed, m.Embed, 1)
	m.matrix("att.receptance.weight", m.Embed, m.Embed, 1)
	m.matrix("att.output.weight", m.Embed, m.Embed, 2*m.residual())
	m.gatedChannelMix("ffn.time_mix_", m.rise)
}

// gatedChannelMix adds the channel mix of the versions before 7.
func (m *model) gatedChannelMix(prefix string, mix func(name string, power float64)) {
	mix(prefix+"k", 1)
	mix(prefix+"r", 1)
	m.matrix("ffn.key.weight", m.FFN, m.Embed, 1)
	m.matrix("ffn.receptance.weight", m.Embed, m.Embed, 1)
	// The square of the positive half of a normal distribution has a root mean square of 1.22. The gate is about 1/2.
	m.matrix("ffn.value.weight", m.Embed, m.FFN, 2*m.residual()/1.22)
}

// perChannel adds a vector of shape [channels] with the elements of vector.
func (m *model) perChannel(name string, at func(head, place, noise float64) float64) {
	m.vector(name, at)
	m.list[len(m.list)-1].shape = []int64{int64(m.Embed)}
}
