package cli

import (
	"math/rand/v2"

	urfave "github.com/urfave/cli/v2"

	"gosling/sampler"
	"gosling/tokenizer"
)

// samplingFlags are those of every command that generates text, with the command's defaults.
func samplingFlags(d sampler.Options, limit int) []urfave.Flag {
	return []urfave.Flag{
		&urfave.IntFlag{Name: "n-predict", Aliases: []string{"n"}, Usage: "generate at most `N` tokens, -1 for no limit", Value: limit},
		&urfave.Float64Flag{Name: "temp", Usage: "temperature `T`, applied to what top-p and top-k left; 0 takes the likeliest token, without penalties unless they are given", Value: d.Temperature},
		&urfave.Float64Flag{Name: "top-p", Usage: "choose among the likeliest tokens that have probability `P` together", Value: d.TopP},
		&urfave.IntFlag{Name: "top-k", Usage: "choose among the `K` likeliest tokens, 0 for all", Value: d.TopK},
		&urfave.Float64Flag{Name: "presence-penalty", Usage: "take `X` from the logit of tokens generated before", Value: d.PresencePenalty},
		&urfave.Float64Flag{Name: "frequency-penalty", Usage: "take `X` from it for each time it was generated", Value: d.FrequencyPenalty},
		&urfave.Float64Flag{Name: "penalty-decay", Usage: "multiply these counts by `X` with each token", Value: d.PenaltyDecay},
		&urfave.Int64Flag{Name: "seed", Usage: "`N` makes the choice repeatable, -1 takes another each time", Value: -1},
		&urfave.StringSliceFlag{Name: "stop", Usage: "end before `TEXT`; may be repeated, \"\" is none", KeepSpace: true},
	}
}

// newSampler makes the sampler that the flags describe. vocab may be nil.
func newSampler(c *urfave.Context, vocab *tokenizer.Vocab, d sampler.Options) (*sampler.Sampler, error) {
	o := sampler.Options{
		Temperature: c.Float64("temp"), TopP: c.Float64("top-p"), TopK: c.Int("top-k"),
		PresencePenalty: c.Float64("presence-penalty"), FrequencyPenalty: c.Float64("frequency-penalty"),
		PenaltyDecay: c.Float64("penalty-decay"), Weight: d.Weight, Seed: uint64(c.Int64("seed")),
	}
	if o.Temperature == 0 {
		if !c.IsSet("presence-penalty") {
			o.PresencePenalty = 0
		}
		if !c.IsSet("frequency-penalty") {
			o.FrequencyPenalty = 0
		}
	}
	if c.Int64("seed") < 0 {
		o.Seed = rand.Uint64N(1 << 53)
	}
	if vocab != nil {
		o.Limit = vocab.Len()
	}
	if n := c.Int("n-predict"); n < -1 || n == 0 {
		return nil, misuse(c, "--n-predict %d: want 1 or more, or -1 for no limit", n)
	}
	s, err := sampler.New(o)
	if err != nil {
		return nil, misuse(c, "%v", err)
	}
	logger(c).Info("sampling", "seed", o.Seed, "temp", o.Temperature, "top-p", o.TopP, "top-k", o.TopK)
	return s, nil
}

// stopStrings are those of --stop, or the given ones without it.
func stopStrings(c *urfave.Context, otherwise []string) []string {
	if !c.IsSet("stop") {
		return otherwise
	}
	var stops []string
	for _, s := range c.StringSlice("stop") {
		if s != "" {
			stops = append(stops, argumentText(c, s))
		}
	}
	return stops
}
