package convert

import (
	"fmt"
	"io"
	"os"

	"gosling/gguf"
	"gosling/rwkv"
	"gosling/tokenizer"
)

// Rows of the embedding that tell a vocabulary.
const (
	worldRows      = 65536
	bytesRows      = 257
	byteValuesRows = 256
)

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

// vocabularyOf is the metadata of the model's tokenizer: of the file that the user names, or of what the rows of the
// embedding tell. The notice says what a user should know of it.
func vocabularyOf(c rwkv.Config, path string) (keys []gguf.KV, notice string, err error) {
	var v *tokenizer.Vocab
	switch {
	case path != "":
		if v, err = readVocabulary(path); err != nil {
			return nil, "", fmt.Errorf("vocabulary %s: %w", path, err)
		}
	case c.Vocab == worldRows:
		v = tokenizer.World()
	case c.Vocab == bytesRows:
		v = tokenizer.Bytes()
	case c.Vocab == byteValuesRows:
		v = tokenizer.ByteValues()
	default:
		return []gguf.KV{
			{Key: "tokenizer.ggml.model", Value: "none"},
			{Key: c.Arch + ".vocab_size", Value: uint32(c.Vocab)},
		}, fmt.Sprintf("a vocabulary of %d rows is not one we know (%d is World, %d and %d are bytes): the file gets no tokenizer; name one with --vocab", c.Vocab, worldRows, bytesRows, byteValuesRows), nil
	}
	if v.Len() > c.Vocab {
		return nil, "", fmt.Errorf("the vocabulary has %d tokens, the model %d rows: they do not belong together", v.Len(), c.Vocab)
	}
	tokens, types := v.GGUFTokens(c.Vocab)
	keys = []gguf.KV{
		{Key: "tokenizer.ggml.model", Value: "rwkv"},
		{Key: "tokenizer.ggml.tokens", Value: tokens},
		{Key: "tokenizer.ggml.token_type", Value: types},
		{Key: "tokenizer.ggml.bos_token_id", Value: uint32(tokenizer.EndOfText)},
		{Key: "tokenizer.ggml.eos_token_id", Value: uint32(tokenizer.EndOfText)},
	}
	if v.Len() == byteValuesRows { // no row is free for the beginning of a chat
		return keys, "", nil
	}
	if text, ok := v.Bytes(worldEndOfTurn); ok && string(text) == "\n\n" {
		keys = append(keys, gguf.KV{Key: "tokenizer.ggml.eot_token_id", Value: uint32(worldEndOfTurn)})
	}
	return append(keys, gguf.KV{Key: "tokenizer.chat_template", Value: chatTemplate}), "", nil
}

// readVocabulary reads an rwkv_vocab_*.txt or the vocabulary of a GGUF file.
func readVocabulary(path string) (*tokenizer.Vocab, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	magic := make([]byte, 4)
	if _, err := io.ReadFull(f, magic); err != nil {
		return nil, fmt.Errorf("too short for a vocabulary")
	}
	if string(magic) == "GGUF" {
		return vocabularyInside(path)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return tokenizer.ParseVocab(f)
}

func vocabularyInside(path string) (*tokenizer.Vocab, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if model, _ := f.String("tokenizer.ggml.model"); model != "rwkv" {
		return nil, fmt.Errorf("its tokenizer is %q, want \"rwkv\"", model)
	}
	tokens, ok := f.Strings("tokenizer.ggml.tokens")
	value, _ := f.Value("tokenizer.ggml.token_type")
	types, typed := value.([]int32)
	if !ok || !typed {
		return nil, fmt.Errorf("it has no tokens with types")
	}
	return tokenizer.FromTokens(tokens, types)
}
