package chat

import "io"

// Printer writes an answer as the model generated it, with the tags around its thoughts. Out is where it goes.
type Printer struct {
	Out          io.Writer
	HideThoughts bool
	last         Kind
}

// Print writes the next part.
func (p *Printer) Print(part Part) error {
	if p.HideThoughts && part.Kind == Thoughts {
		return nil
	}
	var before string
	if p.last == Thoughts && part.Kind != Thoughts {
		before = closeTag + "\n"
	}
	if part.Kind == Thoughts && p.last != Thoughts {
		if before = openTag + ">"; p.last != "" {
			before = "\n" + before
		}
	}
	p.last = part.Kind
	_, err := io.WriteString(p.Out, before+part.Text)
	return err
}

// End writes the line end that follows an answer.
func (p *Printer) End() error {
	_, err := io.WriteString(p.Out, "\n")
	return err
}
