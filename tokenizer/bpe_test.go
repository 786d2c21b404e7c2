package tokenizer_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/tokenizer"
)

// vectors calls check with the texts of a file in testdata/bpe and the ids that Hugging Face's tokenizers give them.
func vectors(t *testing.T, name string, check func(text []byte, ids []tokenizer.Token)) {
	f, err := os.Open(filepath.Join("testdata", "bpe", name+".jsonl"))
	require.NoError(t, err)
	defer f.Close()
	count := 0
	for lines := bufio.NewScanner(f); lines.Scan(); count++ {
		var v struct {
			B64 []byte
			IDs []tokenizer.Token
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &v))
		check(v.B64, v.IDs)
	}
	require.Greater(t, count, 200)
}

// parseJSON reads a tokenizer.json of testdata/bpe.
func parseJSON(t testing.TB, name string) tokenizer.Tokenizer {
	f, err := os.Open(filepath.Join("testdata", "bpe", name+".json"))
	require.NoError(t, err)
	defer f.Close()
	v, err := tokenizer.ParseJSON(f)
	require.NoError(t, err)
	return v
}

func TestBPEGivesTheIDsOfHuggingFace(t *testing.T) {
	for _, name := range []string{"neox", "gpt2", "mpt", "qwen2"} {
		t.Run(name, func(t *testing.T) {
			v := tokenizer.Tokenizer(tokenizer.NeoX())
			if name != "neox" {
				v = parseJSON(t, name)
			}
			vectors(t, name, func(text []byte, ids []tokenizer.Token) {
				got, err := v.Encode(text)
				require.NoError(t, err, "%q", text)
				require.Equal(t, ids, append([]tokenizer.Token{}, got...), "%q", text)
			})
		})
	}
}

func TestNeoX(t *testing.T) {
	v := tokenizer.NeoX()
	assert.Equal(t, 50277, v.Len())
	assert.Equal(t, tokenizer.Marks{Begin: 0, End: []tokenizer.Token{0}}, v.Marks())
	for text, want := range map[string][]tokenizer.Token{
		"":                      nil,
		"\n":                    {187},
		"\n\n":                  {535},
		" ":                     {209},
		strings.Repeat(" ", 24): {50254},
		strings.Repeat(" ", 26): {50254, 50276},
		"<|endoftext|>":         {0},
		"Hello World":           {12092, 3645},
		"\n\nBob: Hi\n\nAlice:": {187, 187, 26845, 27, 17459, 187, 187, 2422, 547, 27},
		"e\u0301":               {860},
		"x<|padding|>  y":       {89, 1, 50276, 90},
		"don't":                 {9903, 626},
	} {
		ids, err := v.Encode([]byte(text))
		require.NoError(t, err)
		assert.Equal(t, want, append([]tokenizer.Token(nil), ids...), text)
	}
	_, err := v.Encode([]byte("<|padding|>\xff"))
	assert.ErrorContains(t, err, "after offset 11: the vocabulary has no token for byte 0xff")
	text, ok := v.Bytes(0)
	assert.True(t, ok)
	assert.Empty(t, text, "marks stand for no text")
	_, ok = v.Bytes(50277)
	assert.False(t, ok)
	_, ok = v.Bytes(-1)
	assert.False(t, ok)
}

func TestLineEndsOfAPrompt(t *testing.T) {
	type tokens = []tokenizer.Token
	neox := tokenizer.NeoX()
	assert.Equal(t, tokens{12092, 187, 187}, tokenizer.LineEnds(neox, tokens{12092, 535}))
	assert.Equal(t, tokens{535, 12092}, tokenizer.LineEnds(neox, tokens{535, 12092}))
	assert.Empty(t, tokenizer.LineEnds(neox, nil))
	assert.Equal(t, tokens{535}, tokenizer.LineEnds(tokenizer.World(), tokens{535}), "another vocabulary's 535")
	assert.Equal(t, tokens{1}, tokenizer.LineEnds(nil, tokens{1}))
	given := tokens{12092, 535, 7}
	tokenizer.LineEnds(neox, given[:2])
	assert.Equal(t, tokens{12092, 535, 7}, given, "the caller's tokens are left alone")
}

func TestAWordOfAMegabyteTakesNoTime(t *testing.T) {
	if testing.Short() {
		t.Skip("much computing, and nothing at once")
	}
	for _, text := range []string{"a", "ab", " ", "\n", "é", "\u0301", "=", "a\u0301\u0316"} {
		whole := strings.Repeat(text, 1<<20/len(text))
		ids, err := tokenizer.NeoX().Encode([]byte(whole))
		require.NoError(t, err)
		if text != "\u0301" && !strings.Contains(text, "\u0316") { // which the normal form changes
			assert.Equal(t, whole, string(tokenizer.NeoX().Decode(ids)), text)
		}
	}
}

func TestOnlyWhatIsKnownIsReadFromJSON(t *testing.T) {
	good, err := os.ReadFile(filepath.Join("testdata", "bpe", "mpt.json"))
	require.NoError(t, err)
	for name, tc := range map[string]struct{ old, new, reason string }{
		"no JSON":                                  {string(good), "hello", "no tokenizer.json: invalid character"},
		"another model":                            {`"type":"BPE"`, `"type":"Unigram"`, `type "Unigram" is not known, only BPE and WordLevel are`},
		"another normal form":                      {`"NFC"`, `"NFKC"`, `normalizer "NFKC" is not known, only NFC is`},
		"a space in front":                         {`"add_prefix_space":false`, `"add_prefix_space":true`, "add_prefix_space"},
		"another way to split":                     {`"pre_tokenizer":{"type":"ByteLevel"`, `"pre_tokenizer":{"type":"Metaspace"`, `pre_tokenizer "Metaspace" is not known`},
		"tokens that take blanks":                  {`"lstrip":false`, `"lstrip":true`, "lstrip"},
		"merges left out at random":                {`"dropout":null`, `"dropout":0.5`, "dropout"},
		"marks inside of words":                    {`"continuing_subword_prefix":null`, `"continuing_subword_prefix":"##"`, "marks for the inside"},
		"bytes as a last resort":                   {`"byte_fallback":false`, `"byte_fallback":true`, "byte_fallback"},
		"a merge of unknown tokens":                {`"merges":[`, `"merges":[["goosegoose","x"],`, `merge 0 joins "goosegoose", which is not a token`},
		"a merge that makes no token":              {`"merges":[`, `"merges":[["q","q"],`, `merge 0 makes "qq", which is not a token`},
		"a merge of three":                         {`"merges":[`, `"merges":["a b c",`, "not two tokens with a space between"},
		"a merge of one":                           {`"merges":[`, `"merges":[["a"],`, "a merge of 1 tokens, want 2"},
		"an id that is too large":                  {`"<|endoftext|>":0`, `"goosegoose":99999999`, "has the id 99999999, want 0 to 1048575"},
		"a negative id":                            {`{"id":0,`, `{"id":-1,`, "has the id -1"},
		"an id twice":                              {`"!":2,`, `"!":3,`, "id 3 is that of two tokens"},
		"a list of added tokens that does not end": {`"added_tokens":[`, `"added_tokens":[` + strings.Repeat("{},", 3<<20), "added tokens of "},
		"a list of steps that does not end":        {`"normalizer":{"type":"NFC"}`, `"normalizer":{"type":"Sequence","normalizers":[` + strings.Repeat("{},", 1<<19) + `{}]}`, "steps before the model of "},
		"a long number":                            {`"!":2,`, `"!":` + strings.Repeat("1", 5000) + ",", "111..."},
		"a long type":                              {`"type":"BPE"`, `"type":"` + strings.Repeat("B", 5000) + `"`, `of type "` + strings.Repeat("B", 80) + `"... is not known`},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, string(good), tc.old)
			v, err := tokenizer.ParseJSON(strings.NewReader(strings.Replace(string(good), tc.old, tc.new, 1)))
			require.ErrorContains(t, err, tc.reason)
			assert.Nil(t, v)
		})
	}
}

func TestMergesMayBeWrittenInEitherForm(t *testing.T) {
	const file = `{"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},"model":{"vocab":{"a":0,"b":1,"ab":2,"abb":3},"merges":["a b",["ab","b"]]}}`
	v, err := tokenizer.ParseJSON(strings.NewReader(file))
	require.NoError(t, err)
	ids, err := v.Encode([]byte("abbab"))
	require.NoError(t, err)
	assert.Equal(t, []tokenizer.Token{3, 2}, ids)
	assert.Equal(t, tokenizer.Marks{Begin: -1}, v.Marks())
	_, err = v.Encode([]byte("abc"))
	assert.ErrorContains(t, err, "no token for byte 0x63")
}

func TestAWordThatIsNoneIsRefused(t *testing.T) {
	_, err := parseJSON(t, "gpt2").Encode([]byte(strings.Repeat("a", tokenizer.MaxWord+1)))
	require.EqualError(t, err, "after offset 0: a word of 16777217 bytes, 16777216 are the most: is it a text?")
}
