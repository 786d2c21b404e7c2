package llamacpp

import (
	"maps"
	"math"
	"slices"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Settings are what a text was generated with.
type Settings struct {
	Options  api.Options     // with the limit that held
	Sampling sampler.Options // with the model's own values where the request has none, and the seed
}

// bias is what is added to the logit of a token, as JSON. null stands for minus infinity.
type bias struct {
	Bias  *float64        `json:"bias"`
	Token tokenizer.Token `json:"token"`
}

// biases lists the biases by token, and then the banned tokens.
func (s Settings) biases() []bias {
	list := []bias{}
	for _, token := range slices.Sorted(maps.Keys(s.Sampling.Logits)) {
		b := bias{Token: token}
		if value := s.Sampling.Logits[token]; !math.IsInf(value, -1) {
			b.Bias = &value
		}
		list = append(list, b)
	}
	for _, token := range s.Sampling.Banned {
		list = append(list, bias{Token: token})
	}
	return list
}

// numbers are the settings that have one value each, with llama.cpp's names.
type numbers struct {
	Seed             uint64   `json:"seed"`
	Temperature      float64  `json:"temperature"`
	TopK             int      `json:"top_k"`
	TopP             float64  `json:"top_p"`
	MinP             float64  `json:"min_p"`
	PresencePenalty  float64  `json:"presence_penalty"`
	FrequencyPenalty float64  `json:"frequency_penalty"`
	PenaltyDecay     float64  `json:"penalty_decay"`
	MaxTokens        int      `json:"max_tokens"`
	Predict          int      `json:"n_predict"`
	IgnoreEnd        bool     `json:"ignore_eos"`
	Stream           bool     `json:"stream"`
	Probabilities    int      `json:"n_probs"`
	Timings          bool     `json:"timings_per_token"`
	Sampled          bool     `json:"post_sampling_probs"`
	Samplers         []string `json:"samplers"`
	off
}

// off has llama.cpp's samplers and settings that are never used, at the values that change nothing. Clients of llama.cpp read them.
type off struct {
	DynatempRange    float64 `json:"dynatemp_range"`
	DynatempExponent float64 `json:"dynatemp_exponent"`
	TopNSigma        float64 `json:"top_n_sigma"`
	XTCProbability   float64 `json:"xtc_probability"`
	XTCThreshold     float64 `json:"xtc_threshold"`
	TypicalP         float64 `json:"typical_p"`
	RepeatLast       int     `json:"repeat_last_n"`
	RepeatPenalty    float64 `json:"repeat_penalty"`
	DryMultiplier    float64 `json:"dry_multiplier"`
	DryBase          float64 `json:"dry_base"`
	DryAllowed       int     `json:"dry_allowed_length"`
	DryLast          int     `json:"dry_penalty_last_n"`
	Mirostat         int     `json:"mirostat"`
	MirostatTau      float64 `json:"mirostat_tau"`
	MirostatEta      float64 `json:"mirostat_eta"`
	AdaptiveTarget   float64 `json:"adaptive_target"`
	AdaptiveDecay    float64 `json:"adaptive_decay"`
	Keep             int     `json:"n_keep"`
	Discard          int     `json:"n_discard"`
	MinKeep          int     `json:"min_keep"`
	Lora             []int   `json:"lora"`
}

// neutral is off with llama.cpp's own values. All tokens count for the penalties, which it writes as -1.
var neutral = off{DynatempExponent: 1, TopNSigma: -1, XTCThreshold: 0.1, TypicalP: 1, RepeatLast: -1, RepeatPenalty: 1, DryBase: 1.75,
	DryAllowed: 2, MirostatTau: 5, MirostatEta: 0.1, AdaptiveTarget: -1, AdaptiveDecay: 0.9, Lora: []int{}}

// numbers returns what stands in properties.
func (s Settings) numbers() numbers {
	n := numbers{Seed: s.Sampling.Seed, Temperature: s.Sampling.Temperature, TopK: s.Sampling.TopK, TopP: s.Sampling.TopP, MinP: s.Sampling.MinP,
		PresencePenalty: s.Sampling.PresencePenalty, FrequencyPenalty: s.Sampling.FrequencyPenalty, PenaltyDecay: s.Sampling.PenaltyDecay,
		MaxTokens: -1, Stream: s.Options.Stream, Timings: s.Options.Timings, Sampled: s.Options.Sampled,
		Samplers: []string{"penalties", "top_p", "top_k", "min_p", "temperature"}, off: neutral}
	api.Set(&n.MaxTokens, s.Options.Limit)
	n.Predict = n.MaxTokens
	api.Set(&n.IgnoreEnd, s.Options.IgnoreEnd)
	api.Set(&n.Probabilities, s.Options.Logprobs)
	return n
}

// settings is Settings as JSON, as a response to a completion has it.
type settings struct {
	numbers
	Stop    []string `json:"stop"`
	Bias    []bias   `json:"logit_bias"`
	Grammar string   `json:"grammar"`
}

func (s Settings) wire() settings {
	return settings{numbers: s.numbers(), Stop: list(s.Options.Stop), Bias: s.biases()}
}
