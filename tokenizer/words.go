package tokenizer

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"unicode"
)

// Words is a tokenizer of words between blanks, in lower case: the language of RWKV's MIDI models. Other words become the unknown token, if
// the vocabulary has one. The bytes of a word begin with a space.
type Words struct {
	rows
	name    string
	ids     map[string]Token
	unknown Token // -1 for none
	marks   Marks
	added   added // found anywhere, also inside of words
}

// Name returns the name of the vocabulary.
func (w *Words) Name() string { return w.name }

// Marks returns the tokens between texts.
func (w *Words) Marks() Marks { return w.marks }

// Encode cuts text into words.
func (w *Words) Encode(text []byte) ([]Token, error) {
	var tokens []Token
	for len(text) > 0 {
		at, n, token := w.added.next(text)
		for word := range strings.FieldsFuncSeq(strings.ToLower(string(text[:at])), unicode.IsSpace) {
			t, ok := w.ids[word]
			if !ok && w.unknown < 0 {
				return tokens, fmt.Errorf("%.40q is not a word of the vocabulary", word)
			}
			if !ok {
				t = w.unknown
			}
			tokens = append(tokens, t)
		}
		if n > 0 {
			tokens = append(tokens, token)
		}
		text = text[at+n:]
	}
	return tokens, nil
}

// Bytes returns the word of t with a space before it, and whether t is a token. A control token has no bytes.
func (w *Words) Bytes(t Token) ([]byte, bool) {
	word, ok := w.lookup(t)
	if word == "" {
		return nil, ok
	}
	return []byte(" " + word), ok
}

// Decode returns the words of the tokens with a single space between two words.
func (w *Words) Decode(tokens []Token) []byte {
	var words []string
	for _, t := range tokens {
		if word, _ := w.lookup(t); word != "" {
			words = append(words, word)
		}
	}
	return []byte(strings.Join(words, " "))
}

// newWords makes a tokenizer of its rows. Control tokens are found anywhere in a text.
func newWords(name string, r rows) (*Words, error) {
	w := &Words{rows: r, name: name, ids: map[string]Token{}, unknown: -1, marks: endOfTextMarks}
	for t, k := range w.kinds {
		if k != absent {
			w.ids[w.at(Token(t))] = Token(t)
		}
	}
	if len(w.ids) == 0 {
		return nil, errors.New("no words in the vocabulary")
	}
	var err error
	w.added, err = newAdded(&w.rows, w.sorted(func(k kind) bool { return k == control || k == userDefined }))
	return w, err
}

// words makes the tokenizer of a tokenizer.json that holds words.
func (f *jsonFile) words() (*Words, error) {
	if f.Normalizer == nil || f.Normalizer.Type != "Lowercase" || f.Pre == nil || f.Pre.Type != "WhitespaceSplit" {
		return nil, errors.New("its words are not in lower case between blanks (Lowercase, WhitespaceSplit): other ways are not known")
	}
	b, err := f.table(func(word string) string { return word })
	if err != nil {
		return nil, err
	}
	w, err := newWords("words", b.rows())
	if err == nil && f.Model.Unknown != nil {
		if t, ok := w.ids[*f.Model.Unknown]; ok {
			w.unknown = t
		}
	}
	return w, err
}

// midiSteps is how many words for pauses there are: t1 to t125.
const midiSteps = 125

// midiWords makes the vocabulary of a MIDI model: three marks, the pauses, and for each instrument every note in every
// loudness, as instrument:note:loudness, the numbers in hexadecimal.
func midiWords(name string, instruments []string, loudnesses int) *Words {
	var b table
	put := func(word string, k kind) { b.put(Token(len(b.spans)), word, k) }
	for _, mark := range []string{"<pad>", "<start>", "<end>"} {
		put(mark, control)
	}
	for n := range midiSteps {
		put(fmt.Sprintf("t%d", n+1), normal)
	}
	for _, instrument := range instruments {
		for note := range 128 {
			for loudness := range loudnesses {
				put(fmt.Sprintf("%s:%x:%x", instrument, note, loudness), normal)
			}
		}
	}
	w, err := newWords(name, b.rows())
	if err != nil {
		panic(fmt.Sprintf("tokenizer: internal error: the vocabulary of MIDI: %v", err))
	}
	w.unknown = EndOfText // <pad>, which is between pieces too
	return w
}

// MIDI returns the vocabulary of the MIDI models with 20096 rows: percussion, drum, tuba, marimba, bass, guitar, violin, trumpet,
// piano, sax, flute, lead and pad, each in twelve loudnesses.
func MIDI() *Words { return midi() }

// Piano returns the vocabulary of the MIDI models with 2176 rows: the piano in sixteen loudnesses.
func Piano() *Words { return piano() }

var (
	midi = sync.OnceValue(func() *Words {
		return midiWords("MIDI", []string{"p", "d", "t", "m", "b", "g", "v", "tr", "pi", "s", "f", "l", "pa"}, 12)
	})
	piano = sync.OnceValue(func() *Words { return midiWords("MIDI of the piano", []string{"p"}, 16) })
)
