package sampler

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/gosling-rwkv/gosling/tokenizer"
)

// biasForm matches a token and its bias as llama.cpp's users write them: 15043+1 or 15043-0.5.
var biasForm = regexp.MustCompile(`^(\d+)([+-].+)$`)

// ParseBias reads a token and the number that is added to its logit: "15043+1" or "15043=-0.5". Instead of its id, a token may be named
// by its text, as in "goose=-1". "-inf" bans the token. v may be nil; then only ids are known.
func ParseBias(v tokenizer.Tokenizer, text string) (tokenizer.Token, float64, error) {
	token, number := "", ""
	if m := biasForm.FindStringSubmatch(text); m != nil {
		token, number = m[1], m[2]
	} else if i := strings.LastIndexByte(text, '='); i > 0 {
		token, number = text[:i], text[i+1:]
	} else {
		return 0, 0, fmt.Errorf("%q: want a token and its bias, such as 15043+1 or goose=-1", text)
	}
	bias, err := strconv.ParseFloat(number, 64)
	if err != nil || !(bias <= maxBias) {
		return 0, 0, fmt.Errorf("%q: the bias %q is not a number up to %g", text, number, float64(maxBias))
	}
	t, err := ParseToken(v, token)
	return t, bias, err
}

// ParseToken reads a token: its id, or its text. A text must be a single token, also if it consists of digits and is longer than the
// vocabulary's ids. v may be nil; then only ids are known.
func ParseToken(v tokenizer.Tokenizer, text string) (tokenizer.Token, error) {
	if id, err := strconv.ParseInt(text, 10, 32); err == nil && id >= 0 {
		if v != nil && int(id) >= v.Len() {
			return 0, fmt.Errorf("token %d: the vocabulary has %d tokens", id, v.Len())
		}
		return tokenizer.Token(id), nil
	}
	if v == nil {
		return 0, fmt.Errorf("%q: the model has no tokenizer, so a token must be given by its id", text)
	}
	tokens, err := v.Encode([]byte(text))
	if err != nil {
		return 0, err
	}
	if len(tokens) != 1 {
		return 0, fmt.Errorf("%q consists of %d tokens: name a single one, or its id", text, len(tokens))
	}
	return tokens[0], nil
}

// maxBias keeps biased logits far from overflow.
const maxBias = 1e6

// addBias adds Options.Logits to the logits.
func (s *Sampler) addBias() {
	for t, bias := range s.o.Logits {
		switch i := int(t); {
		case i >= len(s.logits):
		case math.IsInf(bias, -1):
			s.logits[i] = banned
		default:
			s.logits[i] += float32(bias)
		}
	}
}
