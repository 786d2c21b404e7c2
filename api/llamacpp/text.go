package llamacpp

import (
	"unicode/utf8"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// TokenizeRequest is a request for the tokens of a text.
type TokenizeRequest struct {
	Content api.Prompt
	Pieces  bool // the response has the tokens' texts
	Ignored []string
}

// DecodeTokenize reads a request for tokens. Its errors are of type *api.Error.
func DecodeTokenize(body []byte) (*TokenizeRequest, error) {
	o, err := api.Parse(body)
	if err != nil {
		return nil, err
	}
	r := &TokenizeRequest{Pieces: o.Is("with_pieces")}
	content := o.Sequence("content")
	if content == nil {
		o.Fail(api.Invalidf("content", "is missing"))
	}
	api.Set(&r.Content, content)
	// A text never becomes a special token, and no special token stands before the text of a prompt.
	o.Flag("parse_special")
	o.Flag("add_special")
	if r.Ignored, err = o.Finish(); err != nil {
		return nil, err
	}
	return r, nil
}

// EncodeTokens returns the body of the response with a text's tokens.
func EncodeTokens(tokens []tokenizer.Token) []byte {
	return api.Encode(struct {
		Tokens []tokenizer.Token `json:"tokens"`
	}{list(tokens)})
}

// EncodePieces returns the body of the response with a text's tokens and their texts. A token that is not whole characters has a list of
// bytes in place of its text.
func EncodePieces(tokens []tokenizer.Token, v tokenizer.Tokenizer) []byte {
	type piece struct {
		ID    tokenizer.Token `json:"id"`
		Piece any             `json:"piece"`
	}
	pieces := make([]piece, len(tokens))
	for i, token := range tokens {
		text, _ := v.Bytes(token)
		pieces[i] = piece{token, string(text)}
		if !utf8.Valid(text) {
			pieces[i].Piece = api.Numbers(text)
		}
	}
	return api.Encode(struct {
		Tokens []piece `json:"tokens"`
	}{pieces})
}

// DetokenizeRequest is a request for the text of tokens.
type DetokenizeRequest struct {
	Tokens  []tokenizer.Token // may be empty
	Ignored []string
}

// DecodeDetokenize reads a request for a text. Its errors are of type *api.Error.
func DecodeDetokenize(body []byte) (*DetokenizeRequest, error) {
	o, err := api.Parse(body)
	if err != nil {
		return nil, err
	}
	r := &DetokenizeRequest{Tokens: o.Tokens("tokens")}
	if o.Value("tokens") == nil {
		o.Fail(api.Invalidf("tokens", "is missing"))
	}
	if r.Ignored, err = o.Finish(); err != nil {
		return nil, err
	}
	return r, nil
}

// EncodeContent returns the body of the response with the text of tokens. What is not UTF-8 becomes U+FFFD.
func EncodeContent(text []byte) []byte {
	return api.Encode(struct {
		Content string `json:"content"`
	}{string(text)})
}

// TemplateRequest is a request for the prompt of a conversation.
type TemplateRequest struct {
	api.Conversation
	Ignored []string
}

// DecodeTemplate reads a request for a prompt. Its errors are of type *api.Error.
func DecodeTemplate(body []byte) (*TemplateRequest, error) {
	o, err := api.Parse(body)
	if err != nil {
		return nil, err
	}
	r := &TemplateRequest{Conversation: o.Conversation()}
	o.Form() // the same body may ask for an answer
	if r.Ignored, err = o.Finish(); err != nil {
		return nil, err
	}
	return r, nil
}

// EncodePrompt returns the body of the response with a prompt.
func EncodePrompt(prompt string) []byte {
	return api.Encode(struct {
		Prompt string `json:"prompt"`
	}{prompt})
}

// list returns an empty list for nil, which would be null in JSON.
func list[T any](of []T) []T {
	if of == nil {
		return []T{}
	}
	return of
}
