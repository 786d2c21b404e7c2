package cli

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/music"
	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

func TestSpeaksMIDI(t *testing.T) {
	assert.True(t, speaksMIDI(tokenizer.MIDI()))
	assert.True(t, speaksMIDI(tokenizer.Piano()))
	assert.False(t, speaksMIDI(tokenizer.Bytes()))
	assert.False(t, speaksMIDI(nil))
	assert.True(t, speaksPiano(tokenizer.Piano()))
	assert.False(t, speaksPiano(tokenizer.MIDI()))
}

func TestASongFileHoldsTheTokens(t *testing.T) {
	for name, tc := range map[string]struct {
		vocab   tokenizer.Tokenizer
		on, off string // the words that begin and end a note
		channel byte
	}{
		"the band":        {tokenizer.MIDI(), "pi:3c:b", "pi:3c:0", 7},
		"its percussion":  {tokenizer.MIDI(), "p:3c:b", "p:3c:0", 9},
		"the piano alone": {tokenizer.Piano(), "p:3c:f", "p:3c:0", 0},
	} {
		t.Run(name, func(t *testing.T) {
			words, err := tc.vocab.Encode([]byte(tc.on + " t25 " + tc.off))
			require.NoError(t, err)
			s := &songFile{vocab: tc.vocab, midi: true, song: music.Song{Piano: speaksPiano(tc.vocab)}}
			s.word(0)
			s.word(words[0])
			s.piece(generate.Piece{Token: words[1]})
			s.piece(generate.Piece{Token: words[2]})
			s.piece(generate.Piece{Token: words[0], Reason: generate.EndOfText})
			require.NoError(t, s.odd)
			var file bytes.Buffer
			require.NoError(t, s.write(nil, &file))
			assert.Contains(t, file.String(), string([]byte{0, 0x90 | tc.channel, 0x3c, 127, 0x81, 0x48, 0x80 | tc.channel, 0x3c, 0, 0, 0xff, 0x2f, 0}))
		})
	}
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
