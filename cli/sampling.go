package cli

import (
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/sampler"
)

// samplingFlags are those of every command that generates text, whose defaults are those of the prompt's template.
func samplingFlags(limit int) []urfave.Flag {
	return []urfave.Flag{
		&urfave.IntFlag{Name: "n-predict", Aliases: []string{"n"}, Usage: "generate at most `N` tokens, -1 for no limit", Value: limit},
		&urfave.Float64Flag{Name: "temp", Usage: "temperature `T`, applied to what top-p and top-k left; 0 takes the likeliest token, without penalties unless they are given", DefaultText: "the template's"},
		&urfave.Float64Flag{Name: "top-p", Usage: "choose among the likeliest tokens that have probability `P` together", DefaultText: "the template's"},
		&urfave.IntFlag{Name: "top-k", Usage: "choose among the `K` likeliest tokens, 0 for all", DefaultText: "the template's"},
		&urfave.Float64Flag{Name: "presence-penalty", Usage: "take `X` from the logit of tokens generated before", DefaultText: "the template's"},
		&urfave.Float64Flag{Name: "frequency-penalty", Usage: "take `X` from it for each time it was generated", DefaultText: "the template's"},
		&urfave.Float64Flag{Name: "penalty-decay", Usage: "multiply these counts by `X` with each token", DefaultText: "the template's"},
		&urfave.Int64Flag{Name: "seed", Usage: "`N` makes the choice repeatable, -1 takes another each time", Value: -1},
		&urfave.StringSliceFlag{Name: "stop", Usage: "end before `TEXT` too, besides where the template ends; may be repeated, and \"\" leaves the template's stops out", KeepSpace: true},
	}
}

// samplingOptions are the template's, where no flag says otherwise.
func samplingOptions(c *urfave.Context, m *lm.Model, d prompt.Sampling) (sampler.Options, error) {
	o := m.Sampling(d)
	if n := c.Int("n-predict"); n < -1 || n == 0 {
		return o, misuse(c, "--n-predict %d: want 1 or more, or -1 for no limit", n)
	}
	if seed := c.Int64("seed"); seed >= 0 {
		o.Seed = uint64(seed)
	}
	greedy := c.IsSet("temp") && c.Float64("temp") == 0
	for name, value := range map[string]*float64{"temp": &o.Temperature, "top-p": &o.TopP, "penalty-decay": &o.PenaltyDecay,
		"presence-penalty": &o.PresencePenalty, "frequency-penalty": &o.FrequencyPenalty} {
		if c.IsSet(name) {
			*value = c.Float64(name)
		} else if greedy && strings.HasSuffix(name, "-penalty") {
			*value = 0
		}
	}
	if c.IsSet("top-k") {
		o.TopK = c.Int("top-k")
	}
	if _, err := sampler.New(o); err != nil {
		return o, misuse(c, "%v", err)
	}
	logger(c).Info("sampling", "seed", o.Seed, "temp", o.Temperature, "top-p", o.TopP, "top-k", o.TopK)
	return o, nil
}

// stopStrings are the template's and those of --stop, of which an empty one leaves the template's out.
func stopStrings(c *urfave.Context, own []string) []string {
	stops := slices.Clone(own)
	if slices.Contains(c.StringSlice("stop"), "") {
		stops = nil
	}
	for _, s := range c.StringSlice("stop") {
		if s = argumentText(c, s); s != "" && !slices.Contains(stops, s) {
			stops = append(stops, s)
		}
	}
	return stops
}
