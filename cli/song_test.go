package cli

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gosling/generate"
	"gosling/prompt"
	"gosling/tokenizer"
)

// midiWords is the start of the MIDI models' vocabulary.
func midiWords(t *testing.T) *tokenizer.Vocab {
	words := []string{"<pad>", "<start>", "<end>"}
	for i := range 125 {
		words = append(words, fmt.Sprintf("t%d", i+1))
	}
	vocab, err := tokenizer.FromTokens(append(words, "p:3c:0", "p:3c:b"), nil)
	require.NoError(t, err)
	return vocab
}

func TestSpeaksMIDI(t *testing.T) {
	assert.True(t, speaksMIDI(midiWords(t)))
	assert.False(t, speaksMIDI(tokenizer.Bytes()))
	assert.False(t, speaksMIDI(nil))
}

func TestASongFileHoldsTheTokens(t *testing.T) {
	s := &songFile{vocab: midiWords(t), midi: true}
	s.word(0)
	s.word(129)
	s.piece(generate.Piece{Token: 27}) // t25
	s.piece(generate.Piece{Token: 128})
	s.piece(generate.Piece{Token: 129, Reason: generate.EndOfText})
	require.NoError(t, s.odd)
	var file bytes.Buffer
	require.NoError(t, s.write(nil, &file))
	assert.Contains(t, file.String(), "\x00\x90\x3c\x7f\x81\x48\x80\x3c\x00\x00\xff\x2f\x00")
}

func TestTheTagOfThoughtsIsLeftOpenForTheModelToClose(t *testing.T) {
	world := tokenizer.World()
	g1, err := prompt.Named("g1")
	require.NoError(t, err)
	for _, name := range []string{"on", "fast", "low", "high"} {
		think, err := prompt.ParseThink(name)
		require.NoError(t, err)
		tokens, err := world.Encode([]byte(g1.Ask("Hi", think)))
		require.NoError(t, err)
		assert.EqualValues(t, 35762, tokens[len(tokens)-1], name) // "think"
	}
	joined, err := world.Encode([]byte("<think></think"))
	require.NoError(t, err)
	assert.Contains(t, joined, tokenizer.Token(5439), `"></" is one token, which a prompt that ends with ">" would keep from the model`)
}
