package quant

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// Override gives the tensors whose names contain a match of a pattern a type other than the mix's.
type Override struct {
	Pattern *regexp.Regexp
	Type    gguf.Type
}

// ParseOverride reads PATTERN=TYPE, as llama-quantize takes it: upper and lower case are the same.
func ParseOverride(text string) (Override, error) {
	at := strings.LastIndexByte(text, '=')
	if at <= 0 || at == len(text)-1 {
		return Override{}, fmt.Errorf("%q: want PATTERN=TYPE, such as time_mix_value=Q6_K", text)
	}
	pattern, err := regexp.Compile("(?i)" + text[:at])
	if err != nil {
		return Override{}, fmt.Errorf("%q is no regular expression: %w", text[:at], err)
	}
	typ, err := gguf.ParseType(text[at+1:])
	if err == nil && !ggml.Multiplies(typ) {
		err = fmt.Errorf("%s is no type of weights", typ)
	}
	return Override{pattern, typ}, err
}

// Overrides go before what a mix says; the first that fits a tensor holds.
type Overrides []Override

// Choice is an Overrides in use, which notes what has fitted.
type Choice struct {
	overrides Overrides
	used      []bool
}

// Choose begins to choose types; types are asked for with Type, and at the end Err says whether all overrides were of use.
func (o Overrides) Choose() *Choice { return &Choice{o, make([]bool, len(o))} }

// Type is the type of the first pattern that fits a tensor. Vectors stay as they are.
func (c *Choice) Type(s rwkv.TensorSpec) (gguf.Type, bool) {
	if roundable(s) {
		for i, o := range c.overrides {
			if o.Pattern.MatchString(s.Name) {
				c.used[i] = true
				return fitting(o.Type, s), true
			}
		}
	}
	return 0, false
}

// Err is the error of the first pattern that no tensor was found for.
func (c *Choice) Err() error {
	for i, ok := range c.used {
		if !ok {
			return fmt.Errorf("no tensor that may be quantized matches %q, or earlier patterns took them all", strings.TrimPrefix(c.overrides[i].Pattern.String(), "(?i)"))
		}
	}
	return nil
}
