package tokenizer_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/fuzzing"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

func TestParseIDs(t *testing.T) {
	for text, want := range map[string][]tokenizer.Token{
		"":                     {},
		" ,\n":                 {},
		"33 41638 47":          {33, 41638, 47},
		"33,41638,\r\n\t47, 0": {33, 41638, 47, 0},
		"2147483647":           {math.MaxInt32},
	} {
		got, err := tokenizer.ParseIDs(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for text, want := range map[string]string{
		"33 goose":                    `"goose" is not a token id`,
		"-1":                          `"-1" is not a token id`,
		"2147483648":                  `"2147483648" is not a token id`,
		"1;2":                         `"1;2" is not a token id`,
		strings.Repeat("goose", 1000): `"goosegoosegoosegoosegoosegoosegoosegoose" is not a token id`,
	} {
		_, err := tokenizer.ParseIDs(text)
		assert.EqualError(t, err, want)
	}
}

func TestIDsAreReadAsTheyWereWritten(t *testing.T) {
	long := make([]tokenizer.Token, 30_000) // more than one piece of the output
	for i := range long {
		long[i] = tokenizer.Token(i * 71_000 % math.MaxInt32)
	}
	for _, tokens := range [][]tokenizer.Token{{}, {7}, long} {
		var out bytes.Buffer
		require.NoError(t, tokenizer.WriteIDs(&out, tokens))
		got, err := tokenizer.ParseIDs(out.String())
		require.NoError(t, err)
		assert.Equal(t, tokens, got)
		assert.Equal(t, 1, strings.Count(out.String(), "\n"))
	}
}

func TestWritePieces(t *testing.T) {
	var out strings.Builder
	require.NoError(t, tokenizer.WritePieces(&out, tokenizer.World(), []tokenizer.Token{33155, 0, 33155, 11}))
	assert.Equal(t, " 33155  \"Hello\"\n     0  \"\"\n 33155  \"Hello\"\n    11  \"\\n\"\n", out.String())
}

func TestATextIsWrittenInPartsAsItIsDecoded(t *testing.T) {
	for name, tc := range map[string]struct {
		vocab tokenizer.Tokenizer
		text  string
	}{
		"characters that the parts split": {tokenizer.Bytes(), strings.Repeat("Gänse ", 3000)},
		"the language models'":            {tokenizer.World(), strings.Repeat("The goose flies south.\n", 3000)},
		"words with blanks between":       {tokenizer.MIDI(), strings.Repeat("pi:3c:b t25 ", 5000)},
		"nothing":                         {tokenizer.World(), ""},
	} {
		t.Run(name, func(t *testing.T) {
			tokens, err := tc.vocab.Encode([]byte(tc.text))
			require.NoError(t, err)
			var out bytes.Buffer
			require.NoError(t, tokenizer.WriteText(&out, tc.vocab, tokens))
			assert.Equal(t, string(tc.vocab.Decode(tokens)), out.String())
		})
	}
}

func TestOutputsOfTokensThatCannotBeWritten(t *testing.T) {
	full := errors.New("no space left")
	r, w := io.Pipe()
	require.NoError(t, r.CloseWithError(full))
	tokens := slices.Repeat([]tokenizer.Token{33155}, 20_000)
	assert.ErrorIs(t, tokenizer.WriteIDs(w, tokens), full)
	assert.ErrorIs(t, tokenizer.WritePieces(w, tokenizer.World(), tokens), full)
	assert.ErrorIs(t, tokenizer.WriteText(w, tokenizer.World(), tokens), full)
}

func FuzzParseIDs(f *testing.F) {
	f.Add("33,41638 47\n")
	f.Add("-1")
	f.Fuzz(func(t *testing.T, text string) {
		defer fuzzing.Guard(t, len(text), 64)()
		tokens, err := tokenizer.ParseIDs(text)
		if err != nil {
			return
		}
		var out bytes.Buffer
		require.NoError(t, tokenizer.WriteIDs(&out, tokens))
		again, err := tokenizer.ParseIDs(out.String())
		require.NoError(t, err)
		assert.Equal(t, tokens, again)
	})
}
