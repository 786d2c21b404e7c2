package tokenizer_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/fuzzing"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// encode returns the ids of text or fails the test.
func encode(t testing.TB, v *tokenizer.Vocab, text string) []tokenizer.Token {
	t.Helper()
	ids, err := v.Encode([]byte(text))
	require.NoError(t, err)
	return ids
}

func TestWorldEncodes(t *testing.T) {
	for text, want := range map[string][]tokenizer.Token{
		"":                         {},
		"Hello World":              {33155, 37576},
		"User: hi\n\nAssistant:":   {24281, 59, 4571, 261, 5585, 41693, 59},
		"Assistant: <think":        {5585, 41693, 59, 295, 35762},
		"<think>\n</think":         {61, 35762, 63, 11, 754, 35762},
		"<think></think":           {61, 35762, 5439, 35762},
		"(think a bit)":            {41, 35762, 332, 21365, 42},
		"```json":                  {6884, 26060},
		"Question: 1+1=?":          {53648, 59, 284, 44, 50, 62, 64},
		"日":                        {13053},
		"\U0001F426":               {3319, 145, 167},
		"  \t x\r\n":               {267, 259, 121, 263},
		"aaaaa":                    {24364, 98},
		"\xff\xfe\x00":             {256, 255, 1},
		"\n\n\n\n":                 {19239},
		"<s>":                      {61, 116, 63},
		"</s>":                     {754, 116, 63},
		"[PAD65530]":               {92, 6404, 685, 673, 49, 94},
		strings.Repeat(" ", 128):   {65529},
		strings.Repeat(" ", 129):   {65529, 33},
		strings.Repeat(" ", 2*128): {65529, 65529},
		strings.Repeat("\x00", 3):  {1, 1, 1},
		"System: You are helpful.\n\nUser: 你好\n\nAssistant:": {40812, 59, 21189, 21286, 51922, 47, 261, 24281, 59, 33, 10464, 11685, 261, 5585, 41693, 59},
	} {
		t.Run(text, func(t *testing.T) {
			ids := encode(t, tokenizer.World(), text)
			assert.Equal(t, want, ids)
			assert.Equal(t, text, string(tokenizer.World().Decode(ids)))
		})
	}
}

func TestWorldRows(t *testing.T) {
	v := tokenizer.World()
	assert.Equal(t, 65530, v.Len())
	for b := range 256 {
		text, ok := v.Bytes(tokenizer.Token(b + 1))
		assert.True(t, ok)
		assert.Equal(t, []byte{byte(b)}, text)
	}
	text, ok := v.Bytes(tokenizer.EndOfText)
	assert.True(t, ok, "end of text is a token")
	assert.Empty(t, text)
	for _, id := range []tokenizer.Token{-1, 65530, 65535, 1 << 30} {
		_, ok := v.Bytes(id)
		assert.False(t, ok, "%d is no token", id)
	}
	assert.Equal(t, "ab", string(v.Decode([]tokenizer.Token{98, 0, -5, 65530, 99})), "what is no text adds nothing")
}

func TestBytesVocabularyHas257Rows(t *testing.T) {
	v := tokenizer.Bytes()
	assert.Equal(t, 257, v.Len())
	assert.Equal(t, []tokenizer.Token{1, 98, 256}, encode(t, v, "\x00a\xff"))
}

func TestByteValuesAreTheirOwnNumbers(t *testing.T) {
	v := tokenizer.ByteValues()
	assert.Equal(t, 256, v.Len())
	assert.Equal(t, []tokenizer.Token{0, 97, 255}, encode(t, v, "\x00a\xff"))
	assert.Equal(t, "\x00a\xff", string(v.Decode([]tokenizer.Token{0, 97, 255})))
}

// shared returns the path of a file beside the repository, or skips the test.
func shared(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		require.NotEqual(t, dir, filepath.Dir(dir), "no go.mod above the test")
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, "..", "shared", "testdata", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not here", path)
	}
	return path
}

func TestWorldAgreesWithTheOfficialTokenizer(t *testing.T) {
	file, err := os.Open(shared(t, "tokenizer_world_golden.jsonl"))
	require.NoError(t, err)
	defer file.Close()
	v, count := tokenizer.World(), 0
	for lines := bufio.NewScanner(file); lines.Scan(); count++ {
		var golden struct {
			N    int               `json:"n"`
			Kind string            `json:"kind"`
			Text []byte            `json:"b64"`
			IDs  []tokenizer.Token `json:"ids"`
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &golden))
		ids, err := v.Encode(golden.Text)
		require.NoError(t, err)
		assert.Equal(t, golden.IDs, ids, "%d (%s)", golden.N, golden.Kind)
		assert.True(t, bytes.Equal(golden.Text, v.Decode(golden.IDs)), "%d (%s)", golden.N, golden.Kind)
	}
	assert.Equal(t, 200, count)
}

func TestWorldIsTheOfficialVocabulary(t *testing.T) {
	file, err := os.Open(shared(t, "rwkv_vocab_v20230424.txt"))
	require.NoError(t, err)
	defer file.Close()
	official, err := tokenizer.ParseVocab(file)
	require.NoError(t, err)
	world := tokenizer.World()
	require.Equal(t, official.Len(), world.Len())
	for id := range tokenizer.Token(world.Len()) {
		want, _ := official.Bytes(id)
		got, ok := world.Bytes(id)
		require.True(t, ok)
		require.Equal(t, want, got, "token %d", id)
	}
}

// slowEncode is the definition: the longest token at every place.
func slowEncode(v *tokenizer.Vocab, text []byte) []tokenizer.Token {
	ids := map[string]tokenizer.Token{}
	for id := range tokenizer.Token(v.Len()) {
		if token, ok := v.Bytes(id); ok && len(token) > 0 {
			ids[string(token)] = id
		}
	}
	var out []tokenizer.Token
	for len(text) > 0 {
		for n := min(len(text), 128); n > 0; n-- {
			if id, ok := ids[string(text[:n])]; ok {
				out, text = append(out, id), text[n:]
				break
			}
		}
	}
	return out
}

func TestWorldEncodesEveryTokenInEveryCompany(t *testing.T) {
	v := tokenizer.World()
	var text []byte
	for i := range v.Len() {
		a, _ := v.Bytes(tokenizer.Token(i))
		b, _ := v.Bytes(tokenizer.Token(i * 7919 % v.Len()))
		text = append(append(append(text, a...), b[:len(b)/2]...), a[len(a)/2:]...)
	}
	ids, err := v.Encode(text)
	require.NoError(t, err)
	assert.Equal(t, slowEncode(v, text), ids)
}

func FuzzEncodeGivesTheBytesBack(f *testing.F) {
	for _, seed := range []string{"", "Hello World", "\xff\xfe\x00", "//" + strings.Repeat("-", 70), strings.Repeat(" ", 300), "日本語 🐦"} {
		f.Add([]byte(seed))
	}
	v := tokenizer.World()
	f.Fuzz(func(t *testing.T, text []byte) {
		defer fuzzing.Guard(t, len(text), 1<<10)()
		ids, err := v.Encode(text)
		require.NoError(t, err)
		require.True(t, bytes.Equal(text, v.Decode(ids)))
	})
}
