package quant

import (
	"fmt"
	"regexp"
	"strings"

	"gosling/ggml"
	"gosling/gguf"
	"gosling/rwkv"
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

// override is the type of the first pattern that fits a tensor, and its index; -1 if none does. Vectors and what feeds the decay
// stay as they are.
func (r Retyping) override(s rwkv.TensorSpec) (gguf.Type, int) {
	if Roundable(s.Class) {
		for i, o := range r.Overrides {
			if o.Pattern.MatchString(s.Name) {
				return fitting(o.Type, s.Shape[0]), i
			}
		}
	}
	return 0, -1
}

// unused is the error of the first pattern that no tensor was found for.
func (r Retyping) unused(used []bool) error {
	for i, ok := range used {
		if !ok {
			return fmt.Errorf("no tensor that may be quantized matches %q, or earlier patterns took them all", strings.TrimPrefix(r.Overrides[i].Pattern.String(), "(?i)"))
		}
	}
	return nil
}
