package music_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/music"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

func TestAMIDIFileNeedsAMIDIVocabulary(t *testing.T) {
	for _, name := range []string{"song.mid", "dir/SONG.MIDI"} {
		for _, vocab := range []tokenizer.Tokenizer{tokenizer.MIDI(), tokenizer.Piano()} {
			_, err := music.NewFile(name, vocab)
			assert.NoError(t, err)
		}
		for _, vocab := range []tokenizer.Tokenizer{tokenizer.Bytes(), tokenizer.World(), nil} {
			_, err := music.NewFile(name, vocab)
			assert.ErrorContains(t, err, "not a MIDI tokenizer")
		}
	}
}

func TestAMIDIFileHoldsTheTokens(t *testing.T) {
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
			f, err := music.NewFile("song.mid", tc.vocab)
			require.NoError(t, err)
			f.AddText("not in the file")
			f.AddToken(0)
			for _, word := range words {
				f.AddToken(word)
			}
			require.NoError(t, f.Odd())
			var file bytes.Buffer
			n, err := f.WriteTo(&file)
			require.NoError(t, err)
			assert.EqualValues(t, file.Len(), n)
			assert.Contains(t, file.String(), string([]byte{0, 0x90 | tc.channel, 0x3c, 127, 0x81, 0x48, 0x80 | tc.channel, 0x3c, 0, 0, 0xff, 0x2f, 0}))
			assert.NotContains(t, file.String(), "not in the file")
		})
	}
}

// words is a MIDI vocabulary with words that are not in the language.
type words struct{ *tokenizer.Words }

func (w words) Bytes(t tokenizer.Token) ([]byte, bool) {
	if t < 2 {
		return []byte([]string{" la", " li"}[t]), true
	}
	return w.Words.Bytes(t)
}

func TestTheFirstWordThatIsNotValidIsKept(t *testing.T) {
	f, err := music.NewFile("song.mid", words{tokenizer.MIDI()})
	require.NoError(t, err)
	f.AddToken(0)
	f.AddToken(1)
	assert.ErrorContains(t, f.Odd(), `"la" is not a word`)
}

func TestAnyOtherFileIsTheText(t *testing.T) {
	for _, name := range []string{"tune.abc", "-", ""} {
		f, err := music.NewFile(name, nil)
		require.NoError(t, err)
		f.AddText("X:1\n")
		f.AddToken(7)
		f.AddText("K:G")
		var out strings.Builder
		n, err := f.WriteTo(&out)
		require.NoError(t, err)
		assert.EqualValues(t, 8, n)
		assert.Equal(t, "X:1\nK:G\n", out.String())
	}
}
