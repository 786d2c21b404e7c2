package cli

import (
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/sampler"
)

// samplingFlags returns the flags of every command that generates text. Their defaults come from the prompt's template.
func samplingFlags(limit int) []urfave.Flag {
	return []urfave.Flag{
		&urfave.IntFlag{Name: "n-predict", Aliases: []string{"n"}, Usage: "generate at most `N` tokens, -1 for no limit", Value: limit},
		&urfave.Float64Flag{Name: "temp", Usage: "temperature `T`, applied after top-p and top-k; 0 always takes the most likely token, and drops penalties that are not given", DefaultText: "the template's"},
		&urfave.Float64Flag{Name: "top-p", Usage: "choose among the most likely tokens whose probabilities add up to `P`", DefaultText: "the template's"},
		&urfave.IntFlag{Name: "top-k", Usage: "choose among the `K` most likely tokens, 0 for all", DefaultText: "the template's"},
		&urfave.Float64Flag{Name: "min-p", Usage: "drop tokens that are less likely than `P` times the likeliest one", DefaultText: "0: keep all"},
		&urfave.Float64Flag{Name: "presence-penalty", Usage: "subtract `X` from the logits of tokens that were already generated", DefaultText: "the template's"},
		&urfave.Float64Flag{Name: "frequency-penalty", Usage: "subtract `X` from a token's logit for each time it was generated", DefaultText: "the template's"},
		&urfave.Float64Flag{Name: "penalty-decay", Usage: "multiply these counts by `X` after each token", DefaultText: "the template's"},
		&urfave.Int64Flag{Name: "seed", Usage: "random seed `N` for repeatable output; -1 picks a new one each time", Value: -1},
		&urfave.StringSliceFlag{Name: "logit-bias", Aliases: []string{"l"}, Usage: "make a token likelier or less likely: `TOKEN+X`, TOKEN-X or TOKEN=X, where TOKEN is an id or, with =, a text; may be repeated"},
		&urfave.StringSliceFlag{Name: "ban", Usage: "never generate `TOKEN`, an id or a text that is one token; may be repeated", KeepSpace: true},
		&urfave.BoolFlag{Name: "ignore-eos", Usage: "never generate the token that ends a text", DisableDefaultText: true},
		&urfave.StringSliceFlag{Name: "stop", Usage: "also end before `TEXT`, besides the template's stop strings; may be repeated; \"\" drops the template's stop strings", KeepSpace: true},
	}
}

// samplingOptions returns the template's sampling, changed by the flags that are given.
func samplingOptions(c *urfave.Context, m *lm.Model, t prompt.Template) (sampler.Options, error) {
	o := m.Sampling(t.Sampling)
	if n := c.Int("n-predict"); n < -1 || n == 0 {
		return o, misuse(c, "--n-predict %d: want 1 or more, or -1 for no limit", n)
	}
	if seed := c.Int64("seed"); seed >= 0 {
		o.Seed = uint64(seed)
	}
	// A form repeats its signs and names. Penalties would make the model avoid them.
	unpenalized := c.IsSet("temp") && c.Float64("temp") == 0 || formed(c)
	for name, value := range map[string]*float64{"temp": &o.Temperature, "top-p": &o.TopP, "penalty-decay": &o.PenaltyDecay, "min-p": &o.MinP,
		"presence-penalty": &o.PresencePenalty, "frequency-penalty": &o.FrequencyPenalty} {
		if c.IsSet(name) {
			*value = c.Float64(name)
		} else if unpenalized && strings.HasSuffix(name, "-penalty") {
			*value = 0
		}
	}
	if c.IsSet("top-k") {
		o.TopK = c.Int("top-k")
	}
	if err := m.AddBiases(&o, argumentTexts(c, "logit-bias")); err != nil {
		return o, misuse(c, "--logit-bias %v", err)
	}
	if err := m.Ban(&o, argumentTexts(c, "ban")); err != nil {
		return o, misuse(c, "--ban %v", err)
	}
	if c.Bool("ignore-eos") && c.Command.Name != "serve" && !formed(c) { // requests may say otherwise, and a form knows its end
		o.Banned = append(o.Banned, m.EndTokens(t)...)
	}
	if _, err := sampler.New(o); err != nil {
		return o, misuse(c, "%v", err)
	}
	logger(c).Info("sampling", "seed", o.Seed, "temp", o.Temperature, "top-p", o.TopP, "top-k", o.TopK)
	return o, nil
}

// stopStrings returns the template's stop strings and those of --stop. An empty --stop drops the template's.
func stopStrings(c *urfave.Context, own []string) []string {
	stops := slices.Clone(own)
	if slices.Contains(c.StringSlice("stop"), "") || formed(c) { // a form knows its end
		stops = nil
	}
	for _, s := range argumentTexts(c, "stop") {
		if s != "" && !slices.Contains(stops, s) {
			stops = append(stops, s)
		}
	}
	return stops
}
