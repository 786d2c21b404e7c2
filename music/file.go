package music

import (
	"errors"
	"io"
	"path/filepath"
	"strings"

	"github.com/gosling-rwkv/gosling/tokenizer"
)

// errNotMIDI is the error of writing a MIDI file with a tokenizer that has none of the words.
var errNotMIDI = errors.New("the model's tokenizer is not a MIDI tokenizer, so its text cannot be written as MIDI")

// File is the content of a music file: a MIDI file made of a model's tokens, or its text, such as ABC notation. Add both the
// prompt and what the model generates. A File belongs to one goroutine at a time.
type File struct {
	vocab tokenizer.Tokenizer
	midi  bool
	text  strings.Builder
	song  Song
	odd   error
}

// NewFile returns an empty piece for a file with the given name: MIDI for .mid and .midi, otherwise text. A MIDI file
// with a vocabulary that is not MIDI is an error.
func NewFile(name string, vocab tokenizer.Tokenizer) (*File, error) {
	ext := strings.ToLower(filepath.Ext(name))
	f := &File{vocab: vocab, midi: ext == ".mid" || ext == ".midi"}
	if f.midi && !speaksMIDI(vocab) {
		return nil, errNotMIDI
	}
	f.song.Piano = f.midi && speaksPiano(vocab)
	return f, nil
}

// speaksMIDI reports whether a vocabulary belongs to a MIDI model. All of these have the longest pause in the same row.
func speaksMIDI(vocab tokenizer.Tokenizer) bool { return vocab != nil && word(vocab, 127) == "t125" }

// speaksPiano recognizes the piano-only vocabulary by its loudest first note.
func speaksPiano(vocab tokenizer.Tokenizer) bool { return word(vocab, 143) == "p:0:f" }

func word(vocab tokenizer.Tokenizer, t tokenizer.Token) string {
	text, _ := vocab.Bytes(t)
	return strings.TrimSpace(string(text))
}

// AddText adds a part of the text. A MIDI file ignores it.
func (f *File) AddText(text string) { f.text.WriteString(text) }

// AddToken adds a token. A text file ignores it. A MIDI file leaves out words that are not valid: see Odd.
func (f *File) AddToken(t tokenizer.Token) {
	if !f.midi {
		return
	}
	if err := f.song.Add(word(f.vocab, t)); err != nil && f.odd == nil {
		f.odd = err
	}
}

// Odd returns what is wrong with the first word that was left out, or nil.
func (f *File) Odd() error { return f.odd }

// WriteTo writes the content of the file to w.
func (f *File) WriteTo(w io.Writer) (int64, error) {
	if f.midi {
		return f.song.WriteTo(w)
	}
	n, err := io.WriteString(w, f.text.String()+"\n")
	return int64(n), err
}
