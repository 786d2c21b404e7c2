package convert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/filekind"
	"github.com/gosling-rwkv/gosling/internal/infile"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// vocabularies are those that the rows of an embedding tell. Matrices may be padded to more rows than the vocabulary has.
var vocabularies = []struct {
	least, most int
	tokenizer   func() tokenizer.Tokenizer
}{
	{128, 128, func() tokenizer.Tokenizer { return tokenizer.ABC() }},
	{256, 256, func() tokenizer.Tokenizer { return tokenizer.ByteValues() }},
	{257, 257, func() tokenizer.Tokenizer { return tokenizer.Bytes() }},
	{2176, 2176, func() tokenizer.Tokenizer { return tokenizer.Piano() }},
	{20096, 20096, func() tokenizer.Tokenizer { return tokenizer.MIDI() }},
	{50277, 50432, func() tokenizer.Tokenizer { return tokenizer.NeoX() }}, // models of the Pile have 50277 or 50304
	{65530, 65536, func() tokenizer.Tokenizer { return tokenizer.World() }},
}

// worldEndOfTurn is World's token of two line ends, at which chats stop.
const worldEndOfTurn = 261

// chatTemplate renders a chat in RWKV's form, for programs that read Jinja: "User: …\n\nAssistant: …\n\n", system first.
const chatTemplate = `{{- bos_token -}}
{%- for message in messages -%}
{%- if message.role == 'system' -%}{{- 'System: ' + message.content | trim + '\n\n' -}}
{%- elif message.role == 'user' -%}{{- 'User: ' + message.content | trim + '\n\n' -}}
{%- elif message.role == 'assistant' -%}{{- 'Assistant: ' + message.content.split('</think>')[-1] | trim + '\n\n' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- 'Assistant:' -}}
{%- if enable_thinking is defined -%}{{- ' <think>' if enable_thinking else ' <think>\n</think>' -}}{%- endif -%}
{%- endif -%}`

// vocabularyOf is the metadata of the model's tokenizer: of the file that the user names, of the folder that the model lies in,
// or of what the rows of the embedding tell. The notice says what a user should know of it.
func vocabularyOf(ctx context.Context, c rwkv.Config, model, path string) (keys []gguf.KV, notice Notice, err error) {
	v, text, err := chooseVocabulary(ctx, c.Vocab, model, path)
	if err != nil {
		return nil, Notice{}, err
	}
	if v == nil {
		if text == "" {
			text = fmt.Sprintf("a vocabulary of %d rows is not one we know", c.Vocab)
		}
		return []gguf.KV{
			{Key: "tokenizer.ggml.model", Value: "none"},
			{Key: c.Arch + ".vocab_size", Value: uint32(c.Vocab)},
		}, Notice{text + ": the file gets no tokenizer", Vocab}, nil
	}
	for _, key := range v.Keys(c.Vocab) {
		keys = append(keys, gguf.KV{Key: key.Name, Value: key.Value})
	}
	return append(keys, chatKeys(v)...), Notice{Text: text}, nil
}

// chatKeys are for other programs' chats, in the form of World models.
func chatKeys(v tokenizer.Tokenizer) []gguf.KV {
	var keys []gguf.KV
	if text, ok := v.Bytes(worldEndOfTurn); ok && string(text) == "\n\n" {
		keys = append(keys, gguf.KV{Key: "tokenizer.ggml.eot_token_id", Value: uint32(worldEndOfTurn)})
	}
	if _, plain := v.(*tokenizer.Vocab); plain && v != tokenizer.ABC() && v != tokenizer.ByteValues() { // in the latter no row is free for the beginning
		keys = append(keys, gguf.KV{Key: "tokenizer.chat_template", Value: chatTemplate})
	}
	return keys
}

// chooseVocabulary finds the tokenizer of a model with count rows. It is nil if no known vocabulary fits. If a tokenizer.json in the
// model's folder cannot be used, that is only a notice and not an error.
func chooseVocabulary(ctx context.Context, count int, model, path string) (v tokenizer.Tokenizer, notice string, err error) {
	if path != "" {
		v, err = vocabularyFor(ctx, count, path)
		return v, "", err
	}
	if beside := besideModel(model); beside != "" && !isWorld(count) {
		if v, err = vocabularyFor(ctx, count, beside); err == nil || ctx.Err() != nil {
			return v, "", err
		}
		notice = err.Error()
	}
	for _, known := range vocabularies {
		if known.least <= count && count <= known.most {
			if v = known.tokenizer(); notice != "" {
				notice += ": took " + v.Name() + " by the rows of the model"
			}
			return v, notice, nil
		}
	}
	return nil, notice, nil
}

// vocabularyFor reads the tokenizer in a file for a model with the given number of rows.
func vocabularyFor(ctx context.Context, count int, path string) (tokenizer.Tokenizer, error) {
	v, err := OpenVocabulary(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("vocabulary %w", err)
	}
	if v.Len() > count {
		return nil, fmt.Errorf("%s: the vocabulary has %d tokens, the model %d rows: they do not belong together", path, v.Len(), count)
	}
	return v, nil
}

// isWorld reports whether the rows are World's, whose folders in Hugging Face's layout have no tokenizer.json that tells it.
func isWorld(count int) bool {
	world := vocabularies[len(vocabularies)-1]
	return world.least <= count && count <= world.most
}

// besideModel returns the tokenizer.json of a folder in Hugging Face's layout, or nothing if there is none.
func besideModel(model string) string {
	folder := model
	if info, err := os.Stat(model); err == nil && !info.IsDir() {
		folder = filepath.Dir(model)
	}
	for _, name := range []string{"config.json", "tokenizer.json"} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.IsDir() {
			return ""
		}
	}
	return filepath.Join(folder, "tokenizer.json")
}

// Vocabulary is the limit for vocabularies in text files.
var Vocabulary = infile.Limit{Bytes: tokenizer.MaxJSON, What: "a vocabulary"}

// OpenVocabulary reads the tokenizer in a file: rwkv_vocab_*.txt, web-rwkv's vocabulary in JSON, tokenizer.json or GGUF. All but GGUF may
// come from a pipe. It waits for a pipe until ctx ends.
func OpenVocabulary(ctx context.Context, path string) (tokenizer.Tokenizer, error) {
	gguf := []byte("GGUF")
	if head, _, err := infile.Head(path, int64(len(gguf))); err == nil && bytes.Equal(head, gguf) {
		return vocabularyInside(path)
	}
	data, err := Vocabulary.Read(ctx, path)
	if err != nil {
		return nil, err
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) // some editors begin a text with it
	var v tokenizer.Tokenizer
	switch what := filekind.Recognize(data[:min(len(data), filekind.HeadSize)], "vocabulary"); {
	case what != "":
		err = errors.New(what)
	case bytes.HasPrefix(data, gguf):
		return vocabularyInside(path) // for its error, since it came from a pipe
	case data[0] == '{' || data[0] == '\n' || data[0] == '\r':
		v, err = tokenizer.ParseJSON(bytes.NewReader(data))
	default:
		v, err = plainVocabulary(bytes.NewReader(data))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}

// plainVocabulary keeps an error's result from being an interface that is not nil.
func plainVocabulary(r io.Reader) (tokenizer.Tokenizer, error) {
	v, err := tokenizer.ParseVocab(r)
	if err != nil {
		return nil, err
	}
	return v, nil
}

func vocabularyInside(path string) (tokenizer.Tokenizer, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	v, err := tokenizer.FromGGUF(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}
