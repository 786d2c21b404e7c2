package synth

import (
	"fmt"
	"strings"
)

// size is the dimensions of a released model.
type size struct {
	label, alias  string
	layers, embed int
	ranks         Ranks
}

// sizes are the released models of each version. Of version 7's two largest only the sum of the ranks is known.
var sizes = map[string][]size{
	"4": {
		{"0.1B", "169M", 12, 768, Ranks{}}, {"0.4B", "430M", 24, 1024, Ranks{}}, {"1.5B", "", 24, 2048, Ranks{}},
		{"3B", "", 32, 2560, Ranks{}}, {"7B", "", 32, 4096, Ranks{}}, {"14B", "", 40, 5120, Ranks{}},
	},
	"5.0": {{"0.1B", "", 12, 768, Ranks{}}},
	"5.1": {{"0.1B", "", 12, 768, Ranks{}}},
	"5.2": {
		{"0.4B", "", 24, 1024, Ranks{}}, {"1.5B", "", 24, 2048, Ranks{}}, {"3B", "", 32, 2560, Ranks{}}, {"7B", "", 32, 4096, Ranks{}},
	},
	"6": {
		{"1.6B", "", 24, 2048, Ranks{Mix: 32, Decay: 64}}, {"3B", "", 32, 2560, Ranks{Mix: 32, Decay: 64}},
		{"7B", "", 32, 4096, Ranks{Mix: 64, Decay: 128}}, {"14B", "", 61, 4096, Ranks{Mix: 64, Decay: 128}},
	},
	"7": {
		{"0.1B", "", 12, 768, seven(64, 64, 32, 128)}, {"0.4B", "", 24, 1024, seven(64, 64, 32, 128)},
		{"1.5B", "", 24, 2048, seven(96, 96, 64, 256)}, {"2.9B", "3B", 32, 2560, seven(96, 96, 64, 320)},
		{"7.2B", "7B", 32, 4096, seven(128, 128, 96, 480)}, {"13.3B", "14B", 61, 4096, seven(192, 192, 128, 384)},
	},
}

func seven(decay, rate, value, gate int) Ranks {
	return Ranks{Decay: decay, Rate: rate, Value: value, Gate: gate}
}

// Size returns the dimensions of the released model with this version and size, and its label.
func Size(version, name string) (label string, c Config, err error) {
	var known []string
	for _, s := range sizes[version] {
		if strings.EqualFold(name, s.label) || s.alias != "" && strings.EqualFold(name, s.alias) {
			return s.label, Config{Version: version, Layers: s.layers, Embed: s.embed, Ranks: s.ranks}, nil
		}
		known = append(known, s.label)
	}
	if known == nil {
		return "", Config{}, fmt.Errorf("there is no version %q: want one of %s", version, strings.Join(Versions(), ", "))
	}
	return "", Config{}, fmt.Errorf("there is no size %q of version %s: want one of %s", name, version, strings.Join(known, ", "))
}
