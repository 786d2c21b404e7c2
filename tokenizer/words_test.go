package tokenizer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/tokenizer"
)

func TestMIDIWords(t *testing.T) {
	v := tokenizer.MIDI()
	assert.Equal(t, 20096, v.Len())
	for text, want := range map[string][]tokenizer.Token{
		"<pad>":                 {0},
		"<start> t1 t125":       {1, 3, 127},
		"p:0:0 p:0:1 p:1:0":     {128, 129, 140},
		"pi:0:0 s:0:0":          {12416, 13952},
		"pa:7f:b":               {20095},
		"pi:4a:7":               {12416 + 0x4a*12 + 7},
		"  T25\n\tPI:0:0\u00a0": {27, 12416},
		"t25<end>t26":           {27, 2, 28},
		"<START>":               {1},
		"hello t1":              {0, 3},
		"":                      nil,
		" \n":                   nil,
	} {
		ids, err := v.Encode([]byte(text))
		require.NoError(t, err)
		assert.Equal(t, want, ids, text)
	}
	assert.Equal(t, "p:0:0 t1 pa:7f:b", string(v.Decode([]tokenizer.Token{1, 128, 0, 3, 20095, 2, 20096})))
	text, ok := v.Bytes(128)
	assert.True(t, ok)
	assert.Equal(t, " p:0:0", string(text))
	text, ok = v.Bytes(1)
	assert.True(t, ok)
	assert.Empty(t, text)
}

func TestPianoWords(t *testing.T) {
	v := tokenizer.Piano()
	assert.Equal(t, 2176, v.Len())
	ids, err := v.Encode([]byte("p:0:f p:7f:f d:0:0"))
	require.NoError(t, err)
	assert.Equal(t, []tokenizer.Token{143, 2175, 0}, ids)
}

func TestWordsOfAFile(t *testing.T) {
	const file = `{"added_tokens":[{"id":0,"content":"<pad>","special":true}],"normalizer":{"type":"Lowercase"},"pre_tokenizer":{"type":"WhitespaceSplit"},
		"model":{"type":"WordLevel","vocab":{"<pad>":0,"t1":1,"p:0:0":2},"unk_token":%s}}`
	v, err := tokenizer.ParseJSON(strings.NewReader(fmt.Sprintf(file, `"<pad>"`)))
	require.NoError(t, err)
	ids, err := v.Encode([]byte("T1 x p:0:0<pad>"))
	require.NoError(t, err)
	assert.Equal(t, []tokenizer.Token{1, 0, 2, 0}, ids)

	v, err = tokenizer.ParseJSON(strings.NewReader(fmt.Sprintf(file, "null")))
	require.NoError(t, err)
	_, err = v.Encode([]byte("t1 x"))
	assert.EqualError(t, err, `"x" is not a word of the vocabulary`)
	_, err = tokenizer.ParseJSON(strings.NewReader(strings.Replace(fmt.Sprintf(file, "null"), "Lowercase", "NFC", 1)))
	assert.ErrorContains(t, err, "Lowercase")
}

func TestABC(t *testing.T) {
	v := tokenizer.ABC()
	assert.Equal(t, 128, v.Len())
	assert.Equal(t, tokenizer.Marks{Begin: 2, End: []tokenizer.Token{3}}, v.Marks())
	ids, err := v.Encode([]byte("\x02S:2\n|\x03"))
	require.NoError(t, err)
	assert.Equal(t, []tokenizer.Token{2, 'S', ':', '2', '\n', '|', 3}, ids)
	assert.Equal(t, "S:2\n|", string(v.Decode(ids)))
	_, err = v.Encode([]byte("é"))
	assert.ErrorContains(t, err, "offset 0: no token")
}
