package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/music"
	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// songFile collects a piece of music for --output: MIDI words for a .mid file, otherwise text.
type songFile struct {
	path  string
	vocab tokenizer.Tokenizer
	midi  bool
	text  strings.Builder
	song  music.Song
	odd   error // the first word that is not valid
}

// newSongFile rejects what cannot be written, before any token is generated. The piece begins with the prompt.
func newSongFile(c *urfave.Context, t prompt.Template, vocab tokenizer.Tokenizer, tokens []tokenizer.Token, text []byte) (*songFile, error) {
	s := &songFile{path: c.Path("output"), vocab: vocab}
	ext := strings.ToLower(filepath.Ext(s.path))
	s.midi = ext == ".mid" || ext == ".midi"
	switch {
	case t.Name != "midi" && t.Name != "abc":
		return nil, misuse(c, "--output needs template midi or abc, not %s: redirect text with > %s", t.Name, s.path)
	case s.midi && !speaksMIDI(vocab):
		return nil, fmt.Errorf("%s: the model's tokenizer is not a MIDI tokenizer, so its text cannot be written as MIDI", c.Args().First())
	}
	s.song.Piano = s.midi && speaksPiano(vocab)
	s.text.Write(text)
	for _, t := range tokens {
		s.word(t)
	}
	return s, nil
}

// speaksMIDI reports whether a vocabulary belongs to a MIDI model. All of these have the longest pause in the same row.
func speaksMIDI(vocab tokenizer.Tokenizer) bool {
	if vocab == nil {
		return false
	}
	text, _ := vocab.Bytes(127)
	return strings.TrimSpace(string(text)) == "t125"
}

// speaksPiano recognizes the piano-only vocabulary by its loudest first note.
func speaksPiano(vocab tokenizer.Tokenizer) bool {
	text, _ := vocab.Bytes(143)
	return strings.TrimSpace(string(text)) == "p:0:f"
}

func (s *songFile) word(t tokenizer.Token) {
	if !s.midi {
		return
	}
	text, _ := s.vocab.Bytes(t)
	if err := s.song.Add(strings.TrimSpace(string(text))); err != nil && s.odd == nil {
		s.odd = err
	}
}

func (s *songFile) piece(p generate.Piece) {
	s.text.WriteString(p.Text)
	if p.Reason != generate.EndOfText && p.Reason != generate.Cancelled {
		s.word(p.Token)
	}
}

func (s *songFile) write(c *urfave.Context, w io.Writer) error {
	if !s.midi {
		_, err := io.WriteString(w, s.text.String()+"\n")
		return err
	}
	if s.odd != nil {
		fmt.Fprintf(c.App.ErrWriter, "gosling: warning: some words were left out: %s\n", errorText(s.odd))
	}
	_, err := s.song.WriteTo(w)
	return err
}
