package tokenizer_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/fuzzing"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// streamed is the text of tokens as a reader of the stream sees it.
func streamed(t *testing.T, v tokenizer.Tokenizer, ids []tokenizer.Token) string {
	var s tokenizer.Stream
	var out strings.Builder
	for _, id := range ids {
		piece, ok := v.Bytes(id)
		require.True(t, ok)
		text := s.Push(piece)
		require.True(t, utf8.ValidString(text))
		out.WriteString(text)
	}
	return out.String() + s.Flush()
}

func FuzzParseJSON(f *testing.F) {
	for _, name := range []string{"gpt2", "mpt", "qwen2"} {
		seed, err := os.ReadFile(filepath.Join("testdata", "bpe", name+".json"))
		require.NoError(f, err)
		f.Add(seed)
	}
	f.Add([]byte(`{"1": "a", "2": "ab", "3": [255], "0": "x"}`))
	f.Add([]byte(`{"normalizer":{"type":"Lowercase"},"pre_tokenizer":{"type":"WhitespaceSplit"},"model":{"type":"WordLevel","vocab":{"a":0}}}`))
	f.Add([]byte(`{"pre_tokenizer":{"type":"ByteLevel"},"model":{"vocab":{"a":0,"b":1,"ab":2},"merges":["a b",["a","b"]]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzing.Guard(t, len(data), 1<<10)()
		v, err := tokenizer.ParseJSON(bytes.NewReader(data))
		if err != nil {
			require.Nil(t, v)
			return
		}
		ids, err := v.Encode([]byte("ab  geese é\n"))
		for _, id := range ids {
			_, ok := v.Bytes(id)
			require.True(t, ok)
		}
		if back, err2 := tokenizer.FromGGUF(file(v, v.Len())); err == nil && err2 == nil {
			again, err := back.Encode([]byte("ab"))
			require.NoError(t, err)
			require.NotEmpty(t, again)
		}
	})
}

// keys are the metadata of a file that may say anything.
type keys map[string]any

func (k keys) Value(key string) (any, bool) {
	v, ok := k[key]
	return v, ok
}

// FuzzFromGGUF reads metadata whose lists are the parts of texts, in lines.
func FuzzFromGGUF(f *testing.F) {
	f.Add("rwkv", "", "<s>\na\n\\x00\n[PAD3]", "\x03\x01\x01\x05", "", uint32(0))
	f.Add("gpt2", "mpt", "<|endoftext|>\na\nb\nab\n  ", "\x03\x01\x01\x01\x04", "a b", uint32(0))
	f.Add("gpt2", "qwen2", "Ġ\na\nĠa\n<x>", "\x01\x01\x01\x03", "Ġ a\na a a", uint32(3))
	f.Add("rwkv-midi", "", "<pad>\n<start>\n<end>\np:3c:f\nt1", "\x03\x03\x03\x01\x01", "", uint32(2))
	f.Add("rwkv-char", "", "<pad>\na\nb", "\x03\x01\x01", "", uint32(9))
	f.Fuzz(func(t *testing.T, model, pre, tokens, types, merges string, end uint32) {
		defer fuzzing.Guard(t, len(model)+len(pre)+len(tokens)+len(types)+len(merges), 1<<10)()
		m := keys{
			"tokenizer.ggml.model": model, "tokenizer.ggml.pre": pre, "tokenizer.ggml.tokens": strings.Split(tokens, "\n"),
			"tokenizer.ggml.merges": strings.Split(merges, "\n"), "tokenizer.ggml.bos_token_id": end, "tokenizer.ggml.eos_token_id": end,
		}
		var kinds []int32
		for _, c := range []byte(types) {
			kinds = append(kinds, int32(int8(c)))
		}
		m["tokenizer.ggml.token_type"] = kinds
		v, err := tokenizer.FromGGUF(m)
		if err != nil {
			require.Nil(t, v)
			return
		}
		ids, _ := v.Encode([]byte("ab  p:3c:f\n<s>é"))
		for _, id := range ids {
			_, ok := v.Bytes(id)
			require.True(t, ok)
			require.Less(t, int(id), v.Len())
		}
		for _, id := range v.Marks().End {
			require.Less(t, int(id), v.Len(), "a text ends with a token")
		}
	})
}

// FuzzBPE checks that nothing is lost: what is decoded is the text, but for its normal form and its marks.
func FuzzBPE(f *testing.F) {
	for _, seed := range []string{"", "geese don't  mind\n\n", "e\u0301 \u1100\u1161", "<|endoftext|>   <|mark|>", "\xff\xc3", " \u00a0\n\r\n\t1٣", strings.Repeat("a", 100)} {
		f.Add([]byte(seed))
	}
	plain, composing, qwen2 := parseJSON(f, "gpt2"), parseJSON(f, "mpt"), parseJSON(f, "qwen2")
	f.Fuzz(func(t *testing.T, text []byte) {
		defer fuzzing.Guard(t, len(text), 1<<10)()
		if bytes.Contains(text, []byte("<|")) {
			text = bytes.ReplaceAll(text, []byte("<|"), []byte("<"))
		}
		ids, err := plain.Encode(text)
		require.NoError(t, err)
		require.Equal(t, string(text), string(plain.Decode(ids)))
		if utf8.Valid(text) {
			require.Equal(t, string(text), streamed(t, plain, ids))
		}
		for _, v := range []tokenizer.Tokenizer{composing, qwen2} {
			ids, err := v.Encode(text)
			require.NoError(t, err)
			once := v.Decode(ids)
			ids, err = v.Encode(once)
			require.NoError(t, err)
			require.Equal(t, string(once), string(v.Decode(ids)), "a normal form stays as it is")
		}
	})
}

func FuzzWords(f *testing.F) {
	f.Add("<start> t1 PI:0:0<end>", uint16(300))
	f.Add("", uint16(0))
	f.Fuzz(func(t *testing.T, text string, id uint16) {
		defer fuzzing.Guard(t, len(text), 1<<10)()
		v := tokenizer.MIDI()
		ids, err := v.Encode([]byte(text))
		require.NoError(t, err)
		again, err := v.Encode(v.Decode(ids))
		require.NoError(t, err)
		var words []tokenizer.Token
		for _, id := range ids {
			if id > 2 {
				words = append(words, id)
			}
		}
		require.Equal(t, words, again, "all but the marks come back")
		if _, ok := v.Bytes(tokenizer.Token(id)); ok && id > 2 {
			one, err := v.Encode(v.Decode([]tokenizer.Token{tokenizer.Token(id)}))
			require.NoError(t, err)
			require.Equal(t, []tokenizer.Token{tokenizer.Token(id)}, one)
		}
	})
}
