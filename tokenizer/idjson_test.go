package tokenizer_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/tokenizer"
)

// byID writes a vocabulary as web-rwkv does.
func byID(t *testing.T, v tokenizer.Tokenizer) string {
	t.Helper()
	object := map[string]any{}
	for id := 1; id < v.Len(); id++ {
		text, ok := v.Bytes(tokenizer.Token(id))
		require.True(t, ok)
		if utf8.Valid(text) {
			object[strconv.Itoa(id)] = string(text)
			continue
		}
		var list []int
		for _, b := range text {
			list = append(list, int(b))
		}
		object[strconv.Itoa(id)] = list
	}
	data, err := json.MarshalIndent(object, "", "  ")
	require.NoError(t, err)
	return string(data)
}

func TestAVocabularyByIDsIsTheSameInJSON(t *testing.T) {
	world := tokenizer.World()
	v, err := tokenizer.ParseJSON(strings.NewReader(byID(t, world)))
	require.NoError(t, err)
	assert.Equal(t, world.Len(), v.Len())
	for _, text := range []string{"Hello World", "\xff\xfe\x00", "System: 你好\n\n", "\U0001F426"} {
		want := encode(t, world, text)
		got, err := v.Encode([]byte(text))
		require.NoError(t, err)
		assert.Equal(t, want, got, text)
	}
}

func TestVocabulariesByIDsThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{"1": "a", "1": "b"}`: "at byte 19: id 1 is there twice",
		`{"1": "a", "2": "a"}`: `the token "a" has the ids 1 and 2`,
		`{"1": ""}`:            "token 1: has 0 bytes",
		`{"1": []}`:            "token 1: has 0 bytes",
		`{"1": [256]}`:         "token 1: 256 is not a byte",
		`{"1": [-1]}`:          "token 1: want a string or a list of bytes",
		`{"1": {"a": 1}}`:      "token 1: want a string or a list of bytes",
		`{"1": "a", "b": "c"}`: `id "b" is not a number`,
		`{"4294967295": "a"}`:  `id "4294967295" is not a number`,
		`{"1": "a"`:            "at byte 9: ",
		`{"1": "` + strings.Repeat("a", 1<<20) + `"}`: "token 1: has 1048576 bytes",
		`{"1": "a", "2"}`:      "at byte ",
		`{"1": "a", "2": tru}`: "at byte ",
	} {
		_, err := tokenizer.ParseJSON(strings.NewReader(text))
		assert.ErrorContains(t, err, want)
	}
}
