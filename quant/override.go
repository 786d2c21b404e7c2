package quant

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// Override gives a type to the tensors whose names contain a match of a pattern.
type Override struct {
	pattern *regexp.Regexp
	typ     gguf.Type
}

// ParseOverride reads PATTERN=TYPE, as llama-quantize does. The pattern is a regular expression that ignores case.
func ParseOverride(text string) (Override, error) {
	at := strings.LastIndexByte(text, '=')
	if at <= 0 || at == len(text)-1 {
		return Override{}, fmt.Errorf("%q: want PATTERN=TYPE, such as time_mix_value=Q6_K", text)
	}
	pattern, err := regexp.Compile("(?i)" + text[:at])
	if err != nil {
		return Override{}, fmt.Errorf("%q not a regular expression: %w", text[:at], err)
	}
	typ, err := gguf.ParseType(text[at+1:])
	if err == nil && !ggml.Multiplies(typ) {
		err = fmt.Errorf("weights cannot be stored as %s", typ)
	}
	return Override{pattern, typ}, err
}

// Overrides take precedence over a mix. If several fit a tensor, the first one counts.
type Overrides []Override

// Choice applies Overrides to the tensors of one model and notes which of them had an effect.
type Choice struct {
	overrides Overrides
	used      []bool
}

// Choose starts a Choice. Call Type for each tensor, and Err at the end.
func (o Overrides) Choose() *Choice { return &Choice{o, make([]bool, len(o))} }

// Type returns the type of the first pattern that fits a tensor, and whether there is one. No pattern fits a vector.
func (c *Choice) Type(s rwkv.TensorSpec) (gguf.Type, bool) {
	if roundable(s) {
		for i, o := range c.overrides {
			if o.pattern.MatchString(s.Name) {
				c.used[i] = true
				return fitting(o.typ, s), true
			}
		}
	}
	return 0, false
}

// Err returns an error for the first pattern that had no effect.
func (c *Choice) Err() error {
	for i, ok := range c.used {
		if !ok {
			return fmt.Errorf("no tensor that may be quantized matches %q, or earlier patterns took them all", strings.TrimPrefix(c.overrides[i].pattern.String(), "(?i)"))
		}
	}
	return nil
}
