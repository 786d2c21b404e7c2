package served

import (
	"context"
	"math/rand/v2"
	"strings"
)

// words are what Prose is made of.
var words = strings.Fields(`the of a to in and river mountain village old young quiet bright letter window garden winter summer
	morning evening road bridge teacher farmer sailor doctor child friend stranger walked carried found opened closed remembered
	answered asked wrote read built watched followed slowly quickly often never always again before after under over beside between
	stone water fire wind bread silver copper paper cloth horse ship bell clock lamp door table song story question reason promise`)

// Prose returns a text of about n words in sentences. It is the same for the same seed.
func Prose(seed uint64, n int) string {
	random := rand.New(rand.NewPCG(seed, 0))
	var text strings.Builder
	for left := n; left > 0; {
		length := min(left, 6+random.IntN(9))
		for i := range length {
			word := words[random.IntN(len(words))]
			if i == 0 {
				word = strings.ToUpper(word[:1]) + word[1:]
			} else {
				text.WriteByte(' ')
			}
			text.WriteString(word)
		}
		text.WriteString(". ")
		left -= length
	}
	return strings.TrimSpace(text.String())
}

// ProseOf returns a text of about the given number of tokens, as the server counts them, and the exact number.
func (c *Client) ProseOf(ctx context.Context, seed uint64, tokens int) (text string, count int, err error) {
	const sample = 200
	perSample, err := c.Tokens(ctx, Prose(seed, sample))
	if err != nil {
		return "", 0, err
	}
	text = Prose(seed, max(1, tokens*sample/max(1, perSample)))
	count, err = c.Tokens(ctx, text)
	return text, count, err
}
