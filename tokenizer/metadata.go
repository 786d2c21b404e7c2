package tokenizer

import (
	"errors"
	"fmt"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// What GGUF files call the tokenizers, in tokenizer.ggml.model.
const (
	modelRWKV  = "rwkv"      // greedy, by the longest token: World
	modelGPT2  = "gpt2"      // byte-level BPE
	modelWords = "rwkv-midi" // words between blanks
	modelChar  = "rwkv-char" // as modelRWKV, where text may match the tokens between texts too
)

// The keys of a tokenizer.
const (
	keyModel  = "tokenizer.ggml.model"
	keyPre    = "tokenizer.ggml.pre"
	keyTokens = "tokenizer.ggml.tokens"
	keyTypes  = "tokenizer.ggml.token_type"
	keyMerges = "tokenizer.ggml.merges"
	keyBegin  = "tokenizer.ggml.bos_token_id"
	keyEnd    = "tokenizer.ggml.eos_token_id"
	keyTurn   = "tokenizer.ggml.eot_token_id"
	keyOdd    = "tokenizer.ggml.unknown_token_id"
)

// Metadata gives access to the metadata of a GGUF file. *gguf.File implements it.
type Metadata interface {
	// Value returns the value of a key, and whether there is one.
	Value(key string) (any, bool)
}

// UnknownError is the error of a file whose tokenizer is of an unknown kind. The model can still be run with token ids.
type UnknownError struct{ what string }

func (e *UnknownError) Error() string {
	return e.what + " is not known (rwkv, gpt2, rwkv-midi and rwkv-char are)"
}

// ErrNone is the error of a file that has no tokenizer.
var ErrNone = errors.New("holds no tokenizer")

// FromGGUF reads the tokenizer of a model file. If the file has none, the error is ErrNone. If its kind is unknown, the error is an
// *UnknownError.
func FromGGUF(m Metadata) (Tokenizer, error) {
	model := textOf(m, keyModel)
	switch model {
	case "", "none", "no_vocab":
		return nil, ErrNone
	case modelRWKV, modelGPT2, modelWords, modelChar:
	default:
		return nil, &UnknownError{"the tokenizer " + excerpt.Of(model)}
	}
	value, _ := m.Value(keyTokens)
	tokens, ok := value.([]string)
	if !ok {
		return nil, fmt.Errorf("%s is missing or no list of strings", keyTokens)
	}
	value, _ = m.Value(keyTypes)
	types, _ := value.([]int32)
	switch model {
	case modelRWKV:
		v, err := FromTokens(tokens, types)
		return checked(v, err)
	case modelChar:
		return checked(charsFromGGUF(m, tokens, types))
	case modelWords:
		return checked(wordsFromGGUF(m, tokens, types))
	default:
		return checked(bpeFromGGUF(m, tokens, types))
	}
}

// checked returns a nil interface with an error. It refuses marks that are not tokens.
func checked[T Tokenizer](t T, err error) (Tokenizer, error) {
	if err != nil {
		return nil, err
	}
	marks := t.Marks()
	for _, id := range append([]Token{marks.Begin}, marks.End...) {
		if int(id) >= t.Len() {
			return nil, fmt.Errorf("%s or %s is %d, but there are %d tokens", keyBegin, keyEnd, id, t.Len())
		}
	}
	return t, nil
}

func textOf(m Metadata, key string) string {
	value, _ := m.Value(key)
	text, _ := value.(string)
	return text
}

// tokenOf returns the token of a key, or -1.
func tokenOf(m Metadata, key string) Token {
	value, _ := m.Value(key)
	if id, ok := value.(uint32); ok && id < MaxRows {
		return Token(id)
	}
	return -1
}

// rowsFromGGUF makes the rows of a vocabulary; text makes the bytes of a token of what the file has.
func rowsFromGGUF(tokens []string, types []int32, text func(string, kind) (string, error)) (*table, error) {
	if len(types) != 0 && len(types) != len(tokens) {
		return nil, fmt.Errorf("%d tokens have %d types: want one each", len(tokens), len(types))
	}
	if len(tokens) > MaxRows {
		return nil, fmt.Errorf("%d tokens, want at most %d", len(tokens), MaxRows)
	}
	var b table
	for i, written := range tokens {
		k := normal
		if len(types) != 0 {
			k = kind(types[i])
			if types[i] < int32(normal) || types[i] > int32(byteToken) {
				return nil, fmt.Errorf("token %d has the unknown type %d", i, types[i])
			}
		}
		if k == unused || k == userDefined && written == padding(i) {
			continue // older files of llama.cpp's converter mark padding as user-defined
		}
		bytes, err := text(written, k)
		if err == nil && len(bytes) > MaxTokenBytes {
			err = fmt.Errorf("%d bytes, want at most %d", len(bytes), MaxTokenBytes)
		}
		if err != nil {
			return nil, fmt.Errorf("token %d: %w", i, err)
		}
		b.put(Token(i), bytes, k)
	}
	return &b, nil
}

// padding is what a row is called that no token uses.
func padding(row int) string { return fmt.Sprintf("[PAD%d]", row) }

// tokensFor returns the rows as keys of a GGUF file; text makes what the file has of a token's bytes.
func (r *rows) tokensFor(count int, text func(string, kind) string) (tokens []string, types []int32) {
	tokens, types = make([]string, count), make([]int32, count)
	for i := range tokens {
		if !r.has(Token(i)) {
			tokens[i], types[i] = padding(i), int32(unused)
			continue
		}
		k := r.kinds[i]
		tokens[i] = text(r.at(Token(i)), k)
		if k == silent {
			k = control
		}
		types[i] = int32(k)
	}
	return tokens, types
}

// keysFor are those that all tokenizers have.
func keysFor(model string, tokens []string, types []int32, marks Marks) []Key {
	keys := []Key{{keyModel, model}, {keyTokens, tokens}, {keyTypes, types}}
	if marks.Begin >= 0 {
		keys = append(keys, Key{keyBegin, uint32(marks.Begin)})
	}
	if len(marks.End) > 0 {
		keys = append(keys, Key{keyEnd, uint32(marks.End[0])})
	}
	return keys
}

// marksOf returns the tokens between texts that a file names.
func marksOf(m Metadata) Marks {
	marks := Marks{Begin: tokenOf(m, keyBegin)}
	if end := tokenOf(m, keyEnd); end >= 0 {
		marks.End = []Token{end}
	}
	return marks
}

// Keys returns the words as metadata of a GGUF file. count is the number of the model's rows, at least Len.
func (w *Words) Keys(count int) []Key {
	tokens, types := w.tokensFor(count, func(text string, _ kind) string { return text })
	keys := keysFor(modelWords, tokens, types, w.marks)
	if w.unknown >= 0 {
		keys = append(keys, Key{keyOdd, uint32(w.unknown)})
	}
	return keys
}

func wordsFromGGUF(m Metadata, tokens []string, types []int32) (*Words, error) {
	b, err := rowsFromGGUF(tokens, types, func(text string, _ kind) (string, error) { return text, nil })
	if err != nil {
		return nil, err
	}
	w, err := newWords("words", b.rows())
	if err != nil {
		return nil, err
	}
	w.marks = marksOf(m)
	if t := tokenOf(m, keyOdd); w.has(t) {
		w.unknown = t
	}
	return w, nil
}

// Keys returns the tokenizer as metadata of a GGUF file. count is the number of the model's rows, at least Len.
func (b *BPE) Keys(count int) []Key {
	tokens, types := b.tokensFor(count, func(text string, k kind) string {
		if k == normal {
			return spell(text)
		}
		return text
	})
	merges := make([]string, len(b.pairs))
	for i, pair := range b.pairs {
		merges[i] = spell(b.at(pair[0])) + " " + spell(b.at(pair[1]))
	}
	return append(keysFor(modelGPT2, tokens, types, b.marks), Key{keyPre, b.pre}, Key{keyMerges, merges})
}

func bpeFromGGUF(m Metadata, tokens []string, types []int32) (*BPE, error) {
	pre := textOf(m, keyPre)
	rule, ok := ruleNamed(pre)
	if !ok {
		return nil, &UnknownError{fmt.Sprintf("the way %s of splitting words (%s)", excerpt.Of(pre), keyPre)}
	}
	b, err := rowsFromGGUF(tokens, types, func(text string, k kind) (string, error) {
		if k == normal {
			text = unspell(text)
		}
		return text, nil
	})
	if err != nil {
		return nil, err
	}
	value, _ := m.Value(keyMerges)
	written, ok := value.([]string)
	if !ok {
		return nil, fmt.Errorf("%s is missing or no list of strings", keyMerges)
	}
	ids := make(map[string]Token, len(tokens))
	for i, text := range tokens {
		ids[text] = Token(i)
	}
	merges := make([]jsonMerge, len(written))
	for i, text := range written {
		if merges[i], err = cutMerge(text); err != nil {
			return nil, err
		}
	}
	pairs, err := pairsOf(merges, func(text string) (Token, bool) {
		t, ok := ids[text]
		return t, ok && b.has(t)
	})
	if err != nil {
		return nil, err
	}
	return newBPE(bpeParts{
		name: nameOfBPE(rule), rows: b.rows(), pairs: pairs, pre: rule, begin: tokenOf(m, keyBegin),
		ends: []Token{tokenOf(m, keyEnd), tokenOf(m, keyTurn)},
	})
}
