package cli

import (
	"fmt"
	"io"

	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/music"
)

// newSong returns the piece of music for --output, which begins with the prompt. It rejects what cannot be written before any token
// is generated.
func newSong(j *job, path string) (*music.File, error) {
	if name := j.format.Name; name != "midi" && name != "abc" {
		return nil, misuse(j.c, "--output needs template midi or abc, not %s: redirect text with > %s", name, path)
	}
	song, err := music.NewFile(path, j.options.Vocab)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", j.c.Args().First(), err)
	}
	song.AddText(string(j.text))
	for _, t := range j.tokens {
		song.AddToken(t)
	}
	return song, nil
}

// writeSong generates the rest of the piece, prints it to text and writes the piece to out.
func (j *job) writeSong(song *music.File, text, out io.Writer) error {
	err := j.print(text, func(p generate.Piece) {
		song.AddText(p.Text)
		if p.Reason != generate.EndOfText && p.Reason != generate.Cancelled {
			song.AddToken(p.Token)
		}
	})
	if err != nil {
		return err
	}
	if odd := song.Odd(); odd != nil {
		fmt.Fprintf(j.c.App.ErrWriter, "gosling: warning: some words were left out: %s\n", errorText(odd))
	}
	_, err = song.WriteTo(out)
	return err
}
