package synth

import (
	"fmt"
	"strings"
)

// sizes are the dimensions of the released models. The ranks of the two largest are known by their sums only.
var sizes = []struct {
	label, alias  string
	layers, embed int
	ranks         Ranks
}{
	{"0.1B", "", 12, 768, Ranks{64, 64, 32, 128}},
	{"0.4B", "", 24, 1024, Ranks{64, 64, 32, 128}},
	{"1.5B", "", 24, 2048, Ranks{96, 96, 64, 256}},
	{"2.9B", "3B", 32, 2560, Ranks{96, 96, 64, 320}},
	{"7.2B", "7B", 32, 4096, Ranks{128, 128, 96, 480}},
	{"13.3B", "14B", 61, 4096, Ranks{192, 192, 128, 384}},
}

// Size answers with the dimensions of the released model of that size, and its label.
func Size(name string) (label string, c Config, err error) {
	var known []string
	for _, s := range sizes {
		if strings.EqualFold(name, s.label) || s.alias != "" && strings.EqualFold(name, s.alias) {
			return s.label, Config{Layers: s.layers, Embed: s.embed, Ranks: s.ranks}, nil
		}
		known = append(known, s.label)
	}
	return "", Config{}, fmt.Errorf("there is no size %q: want one of %s", name, strings.Join(known, ", "))
}
