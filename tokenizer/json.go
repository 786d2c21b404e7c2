package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// MaxJSON is the size limit of a tokenizer.json in bytes. A file with 260,000 tokens has about 33 MB.
const MaxJSON = 64 << 20

// The largest lists in one that are read, in bytes of text: of tokens that were added, of which some files have thousands, and of
// steps before the model, of which all have a few.
const (
	maxAdded = 8 << 20
	maxSteps = 1 << 20
)

// jsonFile is a tokenizer.json.
type jsonFile struct {
	Added      addedList     `json:"added_tokens"`
	Normalizer *jsonStep     `json:"normalizer"`
	Pre        *jsonStep     `json:"pre_tokenizer"`
	Model      jsonTokenizer `json:"model"`
}

type jsonAdded struct {
	ID         int64  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

// jsonStep is a step before the model: one of a few types, each with fields of its own.
type jsonStep struct {
	Type           string   `json:"type"`
	Normalizers    stepList `json:"normalizers"`
	PreTokenizers  stepList `json:"pretokenizers"`
	AddPrefixSpace bool     `json:"add_prefix_space"`
	UseRegex       *bool    `json:"use_regex"`
	Behavior       string   `json:"behavior"`
	Invert         bool     `json:"invert"`
	Pattern        struct {
		Regex string
	} `json:"pattern"`
}

type jsonTokenizer struct {
	Type         string           `json:"type"`
	Vocab        map[string]int64 `json:"vocab"`
	Merges       []jsonMerge      `json:"merges"`
	Unknown      *string          `json:"unk_token"`
	Dropout      *float64         `json:"dropout"`
	Prefix       *string          `json:"continuing_subword_prefix"`
	Suffix       *string          `json:"end_of_word_suffix"`
	ByteFallback bool             `json:"byte_fallback"`
	IgnoreMerges bool             `json:"ignore_merges"`
}

type (
	addedList []jsonAdded
	stepList  []jsonStep
)

// UnmarshalJSON reads a list that is not too long.
func (l *addedList) UnmarshalJSON(data []byte) error {
	if len(data) > maxAdded {
		return fmt.Errorf("added tokens of %d bytes, %d are the most", len(data), maxAdded)
	}
	return json.Unmarshal(data, (*[]jsonAdded)(l))
}

// UnmarshalJSON reads a list that is not too long.
func (l *stepList) UnmarshalJSON(data []byte) error {
	if len(data) > maxSteps {
		return fmt.Errorf("steps before the model of %d bytes, %d are the most", len(data), maxSteps)
	}
	return json.Unmarshal(data, (*[]jsonStep)(l))
}

// jsonMerge is a pair, as "a b" or ["a", "b"].
type jsonMerge [2]string

// UnmarshalJSON reads either form.
func (m *jsonMerge) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '[' {
		var pair []string
		if err := json.Unmarshal(data, &pair); err != nil {
			return err
		}
		if len(pair) != 2 {
			return fmt.Errorf("a merge of %d tokens, want 2", len(pair))
		}
		*m = jsonMerge(pair)
		return nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	pair, err := cutMerge(text)
	*m = pair
	return err
}

// cutMerge reads a merge that is written as "a b".
func cutMerge(text string) (jsonMerge, error) {
	left, right, ok := strings.Cut(text, " ")
	if !ok || left == "" || right == "" || strings.Contains(right, " ") {
		return jsonMerge{}, fmt.Errorf("the merge %s is not two tokens with a space between", excerpt.Of(text))
	}
	return jsonMerge{left, right}, nil
}

// ParseJSON reads a tokenizer.json of Hugging Face's tokenizers. It returns a *BPE for byte-level BPE that splits words as GPT-2 or Qwen2
// do, with or without the normal form C, and a *Words for words between blanks in lower case. The ids are those of Hugging Face. An unknown
// setting is an error that names it. Settings that wrap, cut or pad texts are ignored. ParseJSON also reads web-rwkv's vocabularies in
// JSON, as a *Vocab.
func ParseJSON(r io.Reader) (Tokenizer, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxJSON+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxJSON {
		return nil, fmt.Errorf("more than %d bytes: no tokenizer.json", MaxJSON)
	}
	if isByID(data) {
		v, err := parseByID(data)
		if err != nil {
			return nil, fmt.Errorf("vocabulary by ids: %w", excerpt.Error(err))
		}
		return v, nil
	}
	var f jsonFile
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("no tokenizer.json: %w", excerpt.Error(err))
	}
	switch f.Model.Type {
	case "BPE", "": // files of the first versions leave it out
		return f.bpe()
	case "WordLevel":
		return f.words()
	default:
		return nil, fmt.Errorf("a tokenizer of type %s is not known, only BPE and WordLevel are", excerpt.Of(f.Model.Type))
	}
}

// table collects the tokens of a file, their bytes as text makes of them; kindOf is asked for those that were added.
func (f *jsonFile) table(text func(string) string) (*table, error) {
	var b table
	put := func(id int64, content, text string, k kind) error {
		switch {
		case id < 0 || id >= MaxRows:
			return fmt.Errorf("token %s has the id %d, want 0 to %d", excerpt.Of(content), id, MaxRows-1)
		case len(text) > MaxTokenBytes || text == "":
			return fmt.Errorf("token %d has %d bytes, want 1 to %d", id, len(text), MaxTokenBytes)
		case b.has(Token(id)):
			return fmt.Errorf("id %d is that of two tokens, %s is one of them", id, excerpt.Of(content))
		}
		b.put(Token(id), text, k)
		return nil
	}
	addedIDs := map[int64]bool{}
	for _, a := range f.Added {
		k := userDefined
		if a.Special {
			k = control
		}
		if a.LStrip || a.RStrip || a.SingleWord {
			return nil, fmt.Errorf("the added token %s takes or needs blanks around it (lstrip, rstrip, single_word), which is not known", excerpt.Of(a.Content))
		}
		if err := put(a.ID, a.Content, a.Content, k); err != nil {
			return nil, err
		}
		addedIDs[a.ID] = true
	}
	for token, id := range f.Model.Vocab {
		if addedIDs[id] {
			continue
		}
		if err := put(id, token, text(token), normal); err != nil {
			return nil, err
		}
	}
	return &b, nil
}

// bpe makes the tokenizer of a file that holds byte-level BPE.
func (f *jsonFile) bpe() (*BPE, error) {
	nfc, ok := f.Normalizer.isNFC()
	if !ok {
		return nil, fmt.Errorf("its normalizer %s is not known, only NFC is", excerpt.Of(f.Normalizer.Type))
	}
	pattern, err := f.Pre.pattern()
	if err != nil {
		return nil, err
	}
	rule, ok := ruleFor(pattern, nfc)
	if !ok {
		return nil, fmt.Errorf("it splits words by %s, which is not known: only the ways of GPT-2 and Qwen2 are", excerpt.Of(pattern))
	}
	if err := f.Model.plain(); err != nil {
		return nil, err
	}
	b, err := f.table(unspell)
	if err != nil {
		return nil, err
	}
	pairs, err := pairsOf(f.Model.Merges, f.Model.id)
	if err != nil {
		return nil, err
	}
	normalized := map[Token]bool{}
	for _, a := range f.Added {
		normalized[Token(a.ID)] = a.Normalized
	}
	return newBPE(bpeParts{
		name: nameOfBPE(rule), rows: b.rows(), pairs: pairs, pre: rule, begin: -1,
		normalized: func(t Token) bool { return normalized[t] },
	})
}

// id returns the token that is written so.
func (m *jsonTokenizer) id(token string) (Token, bool) {
	id, ok := m.Vocab[token]
	return Token(id), ok
}

// plain refuses BPE of another kind.
func (m *jsonTokenizer) plain() error {
	filled := func(s *string) bool { return s != nil && *s != "" }
	switch {
	case len(m.Vocab) == 0:
		return errors.New("no tokens in its vocabulary")
	case filled(m.Prefix), filled(m.Suffix):
		return errors.New("its tokens have marks for the inside or the end of words, which is not known: want byte-level BPE")
	case m.ByteFallback, m.IgnoreMerges:
		return errors.New("byte_fallback and ignore_merges are not known: want plain byte-level BPE")
	case m.Dropout != nil && *m.Dropout > 0:
		return errors.New("its merges are left out at random (dropout), which is for training")
	}
	return nil
}

// pairsOf resolves merges to tokens.
func pairsOf(merges []jsonMerge, id func(string) (Token, bool)) ([][2]Token, error) {
	pairs := make([][2]Token, len(merges))
	for i, m := range merges {
		for side, text := range m {
			t, ok := id(text)
			if !ok {
				return nil, fmt.Errorf("merge %d joins %s, which is not a token", i, excerpt.Of(text))
			}
			pairs[i][side] = t
		}
	}
	return pairs, nil
}

// isNFC reports whether a normalizer makes the normal form C, and whether that or nothing is all it does.
func (s *jsonStep) isNFC() (nfc, ok bool) {
	switch {
	case s == nil || s.Type == "Sequence" && len(s.Normalizers) == 0:
		return false, true
	case s.Type == "Sequence" && len(s.Normalizers) == 1:
		return s.Normalizers[0].isNFC()
	}
	return s.Type == "NFC", s.Type == "NFC"
}

// pattern returns the regular expression by which words are split before their bytes are looked up.
func (s *jsonStep) pattern() (string, error) {
	switch {
	case s == nil:
		return "", errors.New("it does not split words, want byte-level BPE")
	case s.Type == "Sequence" && len(s.PreTokenizers) == 1:
		return s.PreTokenizers[0].pattern()
	case s.Type == "ByteLevel" && s.AddPrefixSpace:
		return "", errors.New("it puts a space in front of a text (add_prefix_space), which RWKV models do not")
	case s.Type == "ByteLevel" && (s.UseRegex == nil || *s.UseRegex):
		return patternGPT2, nil
	case s.Type == "Sequence" && len(s.PreTokenizers) == 2:
		split, bytes := s.PreTokenizers[0], s.PreTokenizers[1]
		if split.Type == "Split" && split.Behavior == "Isolated" && !split.Invert && bytes.Type == "ByteLevel" && !bytes.AddPrefixSpace &&
			bytes.UseRegex != nil && !*bytes.UseRegex {
			return split.Pattern.Regex, nil
		}
	}
	return "", fmt.Errorf("its pre_tokenizer %s is not known, want ByteLevel", excerpt.Of(s.Type))
}
