package sampler_test

import (
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// rising allows only the token after the last one.
type rising struct {
	last tokenizer.Token
	err  error
}

func (r *rising) Guide(logits []float32) error {
	for i := range logits {
		if i != int(r.last)+1 {
			logits[i] = float32(math.Inf(-1))
		}
	}
	return r.err
}

func (r *rising) Chosen(t tokenizer.Token) { r.last = t }

func TestAGuideDecidesWhatMayBeChosen(t *testing.T) {
	guide := &rising{}
	s, err := sampler.New(sampler.Options{Temperature: 1, TopP: 0.5, Guide: guide})
	require.NoError(t, err)
	logits := []float32{9, 1, 2, 0, 5}
	for want := range tokenizer.Token(4) {
		got, err := s.Sample(logits)
		require.NoError(t, err)
		assert.Equal(t, want+1, got)
	}
	_, err = s.Sample(logits)
	assert.ErrorContains(t, err, "banned", "no token is left")
	guide.err = errors.New("lost")
	_, err = s.Sample(logits)
	assert.ErrorIs(t, err, guide.err)
}
