package convert_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

func TestTheRowsTellTheVocabulary(t *testing.T) {
	for rows, name := range map[int]string{
		128: "characters", 256: "a vocabulary of the longest match", 257: "a vocabulary of the longest match",
		2176: "words", 20096: "words", 50277: "GPT-NeoX 20B", 50304: "GPT-NeoX 20B", 65536: "World",
	} {
		t.Run(strconv.Itoa(rows), func(t *testing.T) {
			in := write(t, "m.pth", synth.Config{Version: "4", Layers: 1, Embed: 64, Vocab: rows})
			f := converted(t, in, options(t, "F16"))
			v, err := tokenizer.FromGGUF(f)
			require.NoError(t, err)
			assert.Equal(t, name, v.Name())
			tokens, _ := f.Strings("tokenizer.ggml.tokens")
			assert.Len(t, tokens, rows)
			_, chat := f.String("tokenizer.chat_template")
			assert.Equal(t, rows == 257 || rows == 65536, chat, "for the models that have one")
			begin, ok := f.Uint("tokenizer.ggml.bos_token_id")
			assert.True(t, ok)
			assert.EqualValues(t, v.Marks().Begin, begin)
		})
	}
}

// wordsJSON is a tokenizer.json.
const wordsJSON = `{"normalizer":{"type":"Lowercase"},"pre_tokenizer":{"type":"WhitespaceSplit"},
	"model":{"type":"WordLevel","vocab":{"<pad>":0,"goose":1},"unk_token":"<pad>"}}`

func TestAFolderOfHuggingFaceHasItsTokenizer(t *testing.T) {
	folder := t.TempDir()
	c := synth.Config{Version: "4", Layers: 1, Embed: 64, Vocab: 20096}
	in := filepath.Join(folder, "pytorch_model.bin")
	require.NoError(t, os.Rename(write(t, "m.pth", c), in))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "tokenizer.json"), []byte(wordsJSON), 0o600))
	kind := func() string {
		v, err := tokenizer.FromGGUF(converted(t, in, options(t, "F16")))
		require.NoError(t, err)
		text, _ := v.Bytes(1)
		return string(text)
	}
	assert.Empty(t, kind(), "a folder without config.json is any folder, and 20096 rows are MIDI")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "config.json"), []byte("{}"), 0o600))
	assert.Equal(t, " goose", kind())
	require.NoError(t, os.WriteFile(filepath.Join(folder, "tokenizer.json"), []byte(`{"model":{"type":"Unigram"}}`), 0o600))
	result, err := convert.Run(context.Background(), in, filepath.Join(t.TempDir(), "out.gguf"), options(t, "F16"))
	require.NoError(t, err)
	require.Len(t, result.Notices, 1)
	assert.Contains(t, result.Notices[0].Text, `tokenizer of type "Unigram" is not known, only BPE and WordLevel are: took MIDI by the rows of the model`)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "tokenizer.json"), []byte(wordsJSON), 0o600))
	c.Vocab = 65536
	require.NoError(t, os.Rename(write(t, "m.pth", c), in))
	assert.NotEqual(t, " goose", kind(), "World is known")
}

func TestOpenVocabularyKnowsItsKindsByTheirContent(t *testing.T) {
	folder := t.TempDir()
	for content, reason := range map[string]string{
		wordsJSON:                   "",
		"\n" + wordsJSON:            "",
		"1 'a' 1\n":                 "",
		"":                          "is empty: download it again",
		"{":                         "no tokenizer.json",
		"GGUF":                      "version at byte 4",
		"goose":                     "line 1",
		"{\"model\":true}":          "no tokenizer.json",
		"{\"1\":\"a\"}":             "",
		"\xef\xbb\xbf{\"1\":[200]}": "",
		"version https://git-lfs.github.com/spec/v1\noid sha256:0\n": "is a Git LFS pointer, not the vocabulary itself",
		"<html>": "is a web page or XML, not the vocabulary",
	} {
		path := filepath.Join(folder, "vocabulary")
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		v, err := convert.OpenVocabulary(t.Context(), path)
		if reason == "" {
			require.NoError(t, err, content)
			assert.NotNil(t, v)
			continue
		}
		require.ErrorContains(t, err, reason, content)
		require.ErrorContains(t, err, path)
		assert.Nil(t, v)
	}
	_, err := convert.OpenVocabulary(t.Context(), filepath.Join(folder, "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestAVocabularyOfTokenizerJSON(t *testing.T) {
	o := options(t, "F16")
	o.Vocab = filepath.Join(t.TempDir(), "tokenizer.json")
	require.NoError(t, os.WriteFile(o.Vocab, []byte(wordsJSON), 0o600))
	c := small
	c.Vocab = 300
	f := converted(t, write(t, "m.pth", c), o)
	model, _ := f.String("tokenizer.ggml.model")
	assert.Equal(t, "rwkv-midi", model)
	c.Vocab = 1
	_, err := convert.Run(context.Background(), write(t, "m.pth", c), filepath.Join(t.TempDir(), "out.gguf"), o)
	assert.ErrorContains(t, err, "the vocabulary has 2 tokens, the model 1 rows")
}
