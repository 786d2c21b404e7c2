package lm

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/tokenizer"
)

func TestEachLineIsATextOfItsOwn(t *testing.T) {
	m := byteModel(t)
	texts, err := m.EncodeLines([]string{"ab", "", "c"})
	require.NoError(t, err)
	want, err := tokenizer.Bytes().Encode([]byte("abc"))
	require.NoError(t, err)
	assert.Equal(t, [][]tokenizer.Token{want[:2], {BeginToken(tokenizer.Bytes())}, want[2:]}, texts)

	m.vocab, err = tokenizer.FromTokens([]string{"", "a"}, nil)
	require.NoError(t, err)
	_, err = m.EncodeLines([]string{"a", "b"})
	assert.ErrorContains(t, err, "line 2: ")
	m.vocab = nil
	_, err = m.EncodeLines([]string{"a"})
	assert.ErrorContains(t, err, " has no tokenizer, so it cannot read text")
	m.vocabErr = assert.AnError
	_, err = m.EncodeLines([]string{"a"})
	assert.ErrorIs(t, err, assert.AnError)
}
