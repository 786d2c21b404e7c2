package server

import (
	"github.com/gosling-rwkv/gosling/api/llamacpp"
)

// figures returns what the metrics tell of the model.
func (s *Server) figures() []sample {
	m := s.o.Model
	stats := m.Stats()
	gauge := func(name, help string, value float64, labels ...string) sample {
		return sample{name: name, help: help, labels: labels, value: value}
	}
	count := func(name, help string, value float64, labels ...string) sample {
		return sample{name: name, help: help, labels: labels, value: value, counter: true}
	}
	const sequences = "Texts by what happens to them."
	const steps, seconds = "Computations of the model.", "Time of the model's computations."
	all := []sample{
		gauge("gosling_sequences", sequences, float64(stats.Queued), "state", "queued"),
		gauge("gosling_sequences", sequences, float64(stats.Reading), "state", "reading"),
		gauge("gosling_sequences", sequences, float64(stats.Waiting), "state", "waiting"),
		gauge("gosling_sequences", sequences, float64(stats.Decoding), "state", "decoding"),
		gauge("gosling_sequences", sequences, float64(stats.Parked), "state", "parked"),
		count("gosling_steps_total", steps, float64(stats.Read.Steps), "kind", "read"),
		count("gosling_steps_total", steps, float64(stats.Decoded.Steps), "kind", "decode"),
		count("gosling_step_seconds_total", seconds, stats.Read.Time.Seconds(), "kind", "read"),
		count("gosling_step_seconds_total", seconds, stats.Decoded.Time.Seconds(), "kind", "decode"),
		count("gosling_swaps_total", "States that left their slots for others.", float64(stats.Swaps)),
		gauge("gosling_state_bytes", "Size of a state.", float64(m.StateBytes())),
		gauge("gosling_model_loaded", "The model that is served.", 1, "model", m.Name()),
	}
	if c, ok := m.CacheStats(); ok {
		all = append(all,
			count("gosling_cache_hits_total", "Prompts for which a state was found.", float64(c.Hits), "tier", "memory"),
			count("gosling_cache_misses_total", "Prompts for which no state was found.", float64(c.Misses), "tier", "memory"),
			gauge("gosling_cache_bytes", "Memory of the states that were kept.", float64(c.Bytes), "tier", "memory"),
			gauge("gosling_cache_entries", "States that were kept.", float64(c.Checkpoints), "tier", "memory"),
			count("gosling_cache_evictions_total", "States that made room for others.", float64(c.Evicted), "tier", "memory"))
	}
	names := m.Names().Stats()
	all = append(all,
		gauge("gosling_named_states", "States that have names.", float64(names.Names)),
		gauge("gosling_named_state_bytes", "Size of the states that have names.", float64(names.Bytes)))
	return append(all, s.llamaFigures()...)
}

// llamaFigures returns the metrics that llama.cpp has.
func (s *Server) llamaFigures() []sample {
	stats := s.o.Model.Stats()
	rate := func(tokens int64, seconds float64) float64 {
		if seconds == 0 {
			return 0
		}
		return float64(tokens) / seconds
	}
	values := map[string]float64{
		llamacpp.PromptTokens:     float64(stats.Read.Tokens),
		llamacpp.PromptCached:     float64(s.cached.Load()),
		llamacpp.PromptSeconds:    stats.Read.Time.Seconds(),
		llamacpp.Predicted:        float64(s.predicted.Load()),
		llamacpp.PredictedSeconds: stats.Decoded.Time.Seconds(),
		llamacpp.Decodes:          float64(stats.Read.Steps + stats.Decoded.Steps),
		llamacpp.LongestText:      float64(s.longest.Load()),
		llamacpp.PromptSpeed:      rate(stats.Read.Tokens, stats.Read.Time.Seconds()),
		llamacpp.PredictedSpeed:   rate(stats.Decoded.Tokens, stats.Decoded.Time.Seconds()),
		llamacpp.Running:          float64(stats.Reading + stats.Decoding),
		llamacpp.Waiting:          float64(stats.Queued + stats.Waiting + stats.Parked),
	}
	if stats.Decoded.Steps > 0 {
		values[llamacpp.TextsInEachDecode] = float64(stats.Decoded.Tokens) / float64(stats.Decoded.Steps)
	}
	var all []sample
	for _, m := range llamacpp.Metrics() {
		all = append(all, sample{name: m.Name, help: m.Help, counter: !m.Gauge, value: values[m.Name]})
	}
	return all
}
