package generate

import (
	"io"
	"strconv"

	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Printer writes a prompt and the pieces that follow it, as text or as ids with blanks between them.
type Printer struct {
	Out io.Writer
	IDs bool

	some bool // an id was already written
}

// Echo writes the prompt, which both arguments hold.
func (p *Printer) Echo(tokens []tokenizer.Token, text []byte) error {
	if !p.IDs {
		_, err := p.Out.Write(text)
		return err
	}
	for _, t := range tokens {
		if err := p.id(t); err != nil {
			return err
		}
	}
	return nil
}

// Piece writes a piece. A token that only ends the text is not written.
func (p *Printer) Piece(piece Piece) error {
	if !p.IDs {
		_, err := io.WriteString(p.Out, piece.Text)
		return err
	}
	if piece.Reason == EndOfText || piece.Reason == Cancelled {
		return nil
	}
	return p.id(piece.Token)
}

func (p *Printer) id(t tokenizer.Token) error {
	text := strconv.Itoa(int(t))
	if p.some {
		text = " " + text
	}
	p.some = true
	_, err := io.WriteString(p.Out, text)
	return err
}
