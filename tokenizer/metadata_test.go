package tokenizer_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/tokenizer"
)

// metadata is that of a file in memory.
type metadata map[string]any

func (m metadata) Value(key string) (any, bool) {
	value, ok := m[key]
	return value, ok
}

// file is the metadata that a tokenizer writes.
func file(v tokenizer.Tokenizer, rows int) metadata {
	m := metadata{}
	for _, key := range v.Keys(rows) {
		m[key.Name] = key.Value
	}
	return m
}

func TestEveryTokenizerComesBackFromItsFile(t *testing.T) {
	for _, tc := range []struct {
		v    tokenizer.Tokenizer
		kind string
		text string
	}{
		{tokenizer.World(), "rwkv", "Ein Satz.\n\n\xff<s>"},
		{tokenizer.Bytes(), "rwkv", "\x00\xff<s>"},
		{tokenizer.ByteValues(), "rwkv", "\x00\xff<s>"},
		{tokenizer.ABC(), "rwkv-char", "\x02X:1\\\n\x03"},
		{tokenizer.MIDI(), "rwkv-midi", "<start> t1 pi:3c:b x<end>"},
		{tokenizer.Piano(), "rwkv-midi", "p:3c:f"},
		{tokenizer.NeoX(), "gpt2", "Gänse  e\u0301\n\n   <|endoftext|> \u00ad"},
		{parseJSON(t, "gpt2"), "gpt2", "e\u0301   <|mark|>ÅÄ"},
		{parseJSON(t, "mpt"), "gpt2", "e\u0301   <|mark|>ÅÄ"},
		{parseJSON(t, "qwen2"), "gpt2", "'S e\u0301   <|mark|>ÅÄ"},
	} {
		t.Run(tc.v.Name(), func(t *testing.T) {
			rows := tc.v.Len() + 27
			m := file(tc.v, rows)
			assert.Equal(t, tc.kind, m["tokenizer.ggml.model"])
			assert.Len(t, m["tokenizer.ggml.tokens"], rows)
			back, err := tokenizer.FromGGUF(m)
			require.NoError(t, err)
			assert.Equal(t, tc.v.Len(), back.Len())
			assert.Equal(t, tc.v.Marks(), back.Marks())
			want, err := tc.v.Encode([]byte(tc.text))
			require.NoError(t, err)
			got, err := back.Encode([]byte(tc.text))
			require.NoError(t, err)
			assert.Equal(t, want, got)
			assert.Equal(t, tc.v.Decode(want), back.Decode(want))
			assert.Equal(t, m, file(back, rows), "written again it is the same")
		})
	}
}

func TestWhatIsNoTokenizerInAFile(t *testing.T) {
	for name, tc := range map[string]struct {
		change metadata
		reason string
	}{
		"an unknown kind":             {metadata{"tokenizer.ggml.model": "bert"}, `the tokenizer "bert" is not known (rwkv, gpt2, rwkv-midi and rwkv-char are)`},
		"an unknown way of splitting": {metadata{"tokenizer.ggml.pre": "llama-bpe"}, `the way "llama-bpe" of splitting words (tokenizer.ggml.pre) is not known`},
		"no tokens":                   {metadata{"tokenizer.ggml.tokens": nil}, "tokenizer.ggml.tokens is missing"},
		"no merges":                   {metadata{"tokenizer.ggml.merges": int32(3)}, "tokenizer.ggml.merges is missing or no list of strings"},
		"a merge of nothing":          {metadata{"tokenizer.ggml.merges": []string{"a"}}, `the merge "a" is not two tokens`},
		"types of other tokens":       {metadata{"tokenizer.ggml.token_type": []int32{1}}, "tokens have 1 types: want one each"},
		"a type that is none":         {metadata{"tokenizer.ggml.tokens": []string{"a"}, "tokenizer.ggml.token_type": []int32{9}}, "token 0 has the unknown type 9"},
	} {
		t.Run(name, func(t *testing.T) {
			m := file(parseJSON(t, "mpt"), 423)
			for key, value := range tc.change {
				m[key] = value
			}
			v, err := tokenizer.FromGGUF(m)
			require.ErrorContains(t, err, tc.reason)
			assert.Nil(t, v)
		})
	}
	for _, kind := range []any{nil, "none", "no_vocab"} {
		_, err := tokenizer.FromGGUF(metadata{"tokenizer.ggml.model": kind})
		assert.ErrorIs(t, err, tokenizer.ErrNone)
	}
	var odd *tokenizer.UnknownError
	_, err := tokenizer.FromGGUF(metadata{"tokenizer.ggml.model": "llama"})
	assert.ErrorAs(t, err, &odd)
}

func TestPaddingOfOlderFilesIsNoToken(t *testing.T) {
	m := file(parseJSON(t, "mpt"), 425)
	types := m["tokenizer.ggml.token_type"].([]int32)
	types[423], types[424] = 4, 4
	v, err := tokenizer.FromGGUF(m)
	require.NoError(t, err)
	assert.Equal(t, 423, v.Len())
}

func TestTheEndOfATurnEndsQwen2s(t *testing.T) {
	m := file(parseJSON(t, "qwen2"), 423)
	m["tokenizer.ggml.eos_token_id"], m["tokenizer.ggml.eot_token_id"] = uint32(7), uint32(8)
	delete(m, "tokenizer.ggml.bos_token_id")
	v, err := tokenizer.FromGGUF(m)
	require.NoError(t, err)
	assert.Equal(t, tokenizer.Marks{Begin: 0, End: []tokenizer.Token{7, 8, 0}}, v.Marks(), "and the token that is called <|endoftext|>")
}
